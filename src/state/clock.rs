//! The clocks, read here and nowhere on the request path but through this type.
//!
//! ```
//! let clock = zhamen::state::clock::Clock::start();
//! let (a, b) = (clock.now(), clock.now());
//! assert!(a.monotonic_us <= b.monotonic_us);
//! ```

use crate::engine::clock::Moment;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads wall and monotonic time. Copies share their starting point.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Monotonic time counts from here.
    pub fn start() -> Self {
        Clock { started: Instant::now() }
    }

    /// The zero of monotonic time.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Both clocks, now.
    pub fn now(&self) -> Moment {
        Moment { unix_ms: self.unix_ms(), monotonic_us: self.monotonic_us() }
    }

    /// The wall clock alone, for stamps. Before 1970 it reads as 0.
    pub fn unix_ms(&self) -> i64 {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(unix.as_millis()).unwrap_or(i64::MAX)
    }

    /// The monotonic clock alone, for intervals.
    pub fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
