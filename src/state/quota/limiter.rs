//! One scope's limiter: governor's GCRA over our own bounded store and our own notion of now.

use super::store::Store;
use crate::config::settings::Quota;
use crate::engine::clock::Moment;
use governor::RateLimiter;
use governor::clock::{Clock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use std::cell::Cell;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limiter keyed by name.
#[derive(Debug)]
pub(super) struct Limiter {
    limiter: RateLimiter<Arc<str>, Store, ArgumentClock, StateInformationMiddleware>,
    quota: Quota,
    overflowed: Arc<AtomicU64>,
}

/// Cells were spent, and so many are left in the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    pub cells_left: u32,
}

impl Limiter {
    pub fn new(quota: Quota, keys_max: usize) -> Self {
        let per_second = NonZeroU32::new(quota.per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN);
        let cells = governor::Quota::per_second(per_second).allow_burst(burst);
        set_now(0);
        let overflowed = Arc::default();
        let store = Store::new(keys_max, Arc::clone(&overflowed));
        Limiter {
            limiter: RateLimiter::new(cells, store, ArgumentClock),
            quota: Quota { per_second: per_second.get(), burst: burst.get() },
            overflowed,
        }
    }

    /// Spends cells of a key, all or none; the error is the whole seconds until they would fit.
    pub fn spend(&self, key: &Arc<str>, cells: NonZeroU32, now: Moment) -> Result<Spent, u64> {
        set_now(now.monotonic_us);
        match self.limiter.check_key_n(key, cells) {
            Ok(Ok(state)) => Ok(Spent { cells_left: state.remaining_burst_capacity() }),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(Instant::of(now.monotonic_us));
                Err((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
            }
            // The cost exceeds the burst: a wait of a whole window is the most that can be said.
            Err(_) => Err(u64::from(self.quota.burst).div_ceil(u64::from(self.quota.per_second))),
        }
    }

    pub fn sweep(&self, now: Moment) {
        set_now(now.monotonic_us);
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    pub fn quota(&self) -> Quota {
        self.quota
    }

    pub fn keys(&self) -> usize {
        self.limiter.len()
    }

    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }
}

thread_local! {
    /// The reading under which this thread asks a limiter. Governor reads a clock by itself; this one
    /// returns what the caller passed as an argument just before.
    static NOW_US: Cell<u64> = const { Cell::new(0) };
}

fn set_now(monotonic_us: u64) {
    NOW_US.set(monotonic_us);
}

#[derive(Clone, Copy, Debug)]
struct ArgumentClock;

impl Clock for ArgumentClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        Instant::of(NOW_US.get())
    }
}

/// Nanoseconds on the process's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(u64);

impl Instant {
    fn of(monotonic_us: u64) -> Self {
        Instant(monotonic_us.saturating_mul(1000))
    }
}

impl Add<Nanos> for Instant {
    type Output = Instant;

    fn add(self, nanos: Nanos) -> Instant {
        Instant(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Instant) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Instant {
        Instant(self.0.checked_sub(duration.as_u64()).unwrap_or(self.0))
    }
}
