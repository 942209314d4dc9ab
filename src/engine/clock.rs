//! The one clock reading of a request, as a value.
//!
//! ```
//! use zhamen::engine::clock::Moment;
//! let now = Moment { unix_ms: 1_795_397_400_500, monotonic_us: 7 };
//! assert_eq!(now.unix_seconds(), 1_795_397_400);
//! ```

/// A moment: wall clock for credentials and records, monotonic clock for limits and intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, UTC. May step.
    pub unix_ms: i64,
    /// Microseconds since the process started. Never steps back.
    pub monotonic_us: u64,
}

impl Moment {
    /// Seconds since 1970, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.unix_ms.div_euclid(1000)
    }

    /// Monotonic milliseconds since the process started.
    pub const fn monotonic_ms(self) -> u64 {
        self.monotonic_us / 1000
    }
}
