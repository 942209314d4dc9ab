//! How much data a caller was given: charged when it is known, which is after the answer.
//!
//! A bucket of records that may be overdrawn: an answer that was admitted is given whole, and the caller
//! waits until what it took has grown back. So one large answer cannot be cut into pieces to be cheaper,
//! and the number in the bucket is what was really given, not what was asked for.

use crate::config::settings::Quota;
use crate::engine::clock::Moment;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest that one answer can hold a caller up.
const WAIT_MAX_S: u64 = 24 * 3600;

/// The books of all callers.
#[derive(Debug)]
pub(super) struct Volume {
    quota: Quota,
    keys_max: usize,
    taken: Mutex<HashMap<Arc<str>, Taken>>,
}

/// Cells taken and not grown back, as of a moment.
#[derive(Clone, Copy, Debug)]
struct Taken {
    cells: u64,
    at_us: u64,
}

impl Volume {
    pub fn new(quota: Quota, keys_max: usize) -> Self {
        Volume { quota, keys_max, taken: Mutex::default() }
    }

    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Whole seconds until the caller may ask again; none if it may now.
    pub fn wait_s(&self, caller: &str, now: Moment) -> Option<u64> {
        let taken = self.book().get(caller).map_or(0, |taken| self.left_of(*taken, now));
        let burst = u64::from(self.quota.burst);
        let over = (taken + 1).checked_sub(burst).filter(|over| *over > 0)?;
        Some(over.div_ceil(u64::from(self.quota.per_second.max(1))).max(1))
    }

    /// Charges what an answer gave. With all places taken the caller that took least is forgotten, so
    /// that nobody who took much gets away by being many.
    pub fn charge(&self, caller: &Arc<str>, cells: u64, now: Moment) {
        if cells == 0 {
            return;
        }
        let most = u64::from(self.quota.burst) + WAIT_MAX_S * u64::from(self.quota.per_second);
        let mut book = self.book();
        let before = book.get(caller).map_or(0, |taken| self.left_of(*taken, now));
        if !book.contains_key(caller) && book.len() >= self.keys_max {
            let least = book.iter().min_by_key(|(_, taken)| self.left_of(**taken, now));
            let least = least.map(|(caller, _)| caller.clone());
            least.and_then(|caller| book.remove(&caller));
        }
        let taken = Taken { cells: before.saturating_add(cells).min(most), at_us: now.monotonic_us };
        book.insert(caller.clone(), taken);
    }

    /// Forgets callers whose bucket is whole again.
    pub fn sweep(&self, now: Moment) {
        self.book().retain(|_, taken| self.left_of(*taken, now) > 0);
    }

    fn left_of(&self, taken: Taken, now: Moment) -> u64 {
        let seconds = now.monotonic_us.saturating_sub(taken.at_us) / 1_000_000;
        taken.cells.saturating_sub(seconds.saturating_mul(u64::from(self.quota.per_second)))
    }

    /// What a panic elsewhere left is still a book of numbers.
    fn book(&self) -> MutexGuard<'_, HashMap<Arc<str>, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { unix_ms: 0, monotonic_us: seconds * 1_000_000 }
    }

    #[test]
    fn what_was_taken_grows_back() {
        let volume = Volume::new(Quota { per_second: 10, burst: 100 }, 8);
        let caller: Arc<str> = "a".into();
        for (second, charge, wait) in [
            (0, 0, None),
            (0, 99, None),
            // A whole answer is given, and then waited for.
            (0, 500, Some(50)),
            (10, 0, Some(40)),
            (49, 0, Some(1)),
            (50, 0, None),
            (50, 1, Some(1)),
            (1000, 0, None),
        ] {
            volume.charge(&caller, charge, at(second));
            assert_eq!(volume.wait_s(&caller, at(second)), wait, "{second} {charge}");
        }
        assert_eq!(volume.wait_s("b", at(0)), None);
    }

    #[test]
    fn nobody_waits_longer_than_a_day_and_the_book_is_bounded() {
        let volume = Volume::new(Quota { per_second: 1, burst: 10 }, 4);
        volume.charge(&"much".into(), u64::MAX, at(0));
        assert_eq!(volume.wait_s("much", at(0)), Some(WAIT_MAX_S + 1));
        for number in 0..100 {
            volume.charge(&format!("c{number}").into(), 1, at(0));
        }
        assert_eq!(volume.book().len(), 4);
        assert!(volume.wait_s("much", at(0)).is_some());
        volume.sweep(at(5));
        assert_eq!(volume.book().len(), 1);
    }
}
