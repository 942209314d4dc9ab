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

    /// Both clocks, now. A wall clock before 1970 reads as 0.
    pub fn now(&self) -> Moment {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
            monotonic_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
