//! The last good key set of each issuer, and how old it is.
//!
//! Readers take the set with one atomic load; whoever loads or fetches a new one swaps it whole. A set
//! that cannot be taken leaves the one before it (fault ID-09).
//!
//! ```
//! use zhamen::{engine::clock::Moment, engine::reason::Cause, identity::keystore::KeyStore};
//! let store = KeyStore::new(None);
//! let now = Moment { unix_ms: 0, monotonic_us: 0 };
//! assert!(store.accept(b"{}", 0).is_err());
//! assert_eq!(store.current(now).unwrap_err(), Cause::KeysStale);
//! ```

use super::keys::{KeyFault, KeySet};
use crate::closed_enum;
use crate::engine::clock::Moment;
use crate::engine::reason::Cause;
use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{SHA256, digest};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The largest key set, in bytes.
pub const SET_BYTES_MAX: usize = 1024 * 1024;

/// Unknown key ids ask for a fetch at most this often. Fault ID-10.
const ASK_PAUSE_US: u64 = 60_000_000;

/// A key set and which one it is, counted up with every change.
#[derive(Debug)]
pub struct Held {
    pub set: KeySet,
    pub generation: u64,
    digest: [u8; 32],
}

closed_enum! {
    /// Whether an issuer's keys can be used.
    pub enum KeyState { Fresh = "fresh", Stale = "stale", Missing = "missing" }
}

/// What operators see of an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    pub issuer: String,
    pub state: KeyState,
    pub keys: usize,
    /// Counted up with every changed set.
    pub generation: u64,
    /// Since the set was last confirmed; `None` for files, which do not age.
    pub age: Option<Duration>,
    /// Failed loads and fetches so far.
    pub failures: u64,
    /// The latest failure, gone after a success.
    pub fault: Option<KeyFault>,
    /// Unknown key ids that did not get their own fetch.
    pub refresh_limited: u64,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct KeyStore {
    current: ArcSwapOption<Held>,
    /// Monotonic microseconds of the latest success.
    confirmed_us: AtomicU64,
    /// `None` where the set does not age.
    age_max_us: Option<u64>,
    /// Monotonic microseconds, plus one, of the latest fetch asked for by an unknown key id; 0: none.
    asked_us: AtomicU64,
    pub(super) wanted: Notify,
    failures: AtomicU64,
    /// Place in [`KeyFault::ALL`] plus one, 0 after a success.
    fault: AtomicU8,
    refresh_limited: AtomicU64,
}

impl KeyStore {
    /// An empty store: nothing is verified until a set is there.
    pub fn new(age_max: Option<Duration>) -> Self {
        KeyStore {
            current: ArcSwapOption::empty(),
            confirmed_us: AtomicU64::new(0),
            age_max_us: age_max.map(|age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX)),
            asked_us: AtomicU64::new(0),
            wanted: Notify::new(),
            failures: AtomicU64::new(0),
            fault: AtomicU8::new(0),
            refresh_limited: AtomicU64::new(0),
        }
    }

    /// The set to verify with.
    ///
    /// # Errors
    /// [`Cause::KeysStale`] where none was ever loaded or the last good one is too old: 503.
    pub fn current(&self, now: Moment) -> Result<arc_swap::Guard<Option<Arc<Held>>>, Cause> {
        let held = self.current.load();
        let stale = self.age_max_us.is_some_and(|max| self.age_us(now.monotonic_us) > max);
        if held.is_none() || stale { Err(Cause::KeysStale) } else { Ok(held) }
    }

    /// Takes a fetched or loaded set, if it is a good one.
    pub fn accept(&self, bytes: &[u8], monotonic_us: u64) -> Result<(), KeyFault> {
        let taken = self.take(bytes);
        match taken {
            Ok(()) => {
                self.confirmed_us.store(monotonic_us, Ordering::Release);
                self.fault.store(0, Ordering::Relaxed);
            }
            Err(fault) => self.note(fault),
        }
        taken
    }

    fn take(&self, bytes: &[u8]) -> Result<(), KeyFault> {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
        let before = self.current.load();
        if before.as_ref().is_some_and(|held| held.digest == sum) {
            return Ok(());
        }
        let generation = before.as_ref().map_or(1, |held| held.generation + 1);
        let set = KeySet::parse(bytes)?;
        self.current.store(Some(Arc::new(Held { set, generation, digest: sum })));
        Ok(())
    }

    /// Counts a failed load or fetch.
    pub fn note(&self, fault: KeyFault) {
        let place = KeyFault::ALL.iter().position(|known| *known == fault).unwrap_or(0);
        self.fault.store(u8::try_from(place + 1).unwrap_or(u8::MAX), Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Loads a set from a file.
    pub fn load(&self, path: &Path) -> Result<(), KeyFault> {
        let bytes = read_bounded(path).inspect_err(|fault| self.note(*fault))?;
        self.accept(&bytes, 0)
    }

    /// A token named a key that is not in the set: asks for a fetch, unless one was asked for within
    /// the last minute. Never waits. Fault ID-10.
    pub fn ask_for_refresh(&self, now: Moment) {
        let mark = now.monotonic_us.saturating_add(1);
        let last = self.asked_us.load(Ordering::Relaxed);
        let soon = last != 0 && mark.saturating_sub(last) < ASK_PAUSE_US;
        let won =
            !soon && self.asked_us.compare_exchange(last, mark, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won {
            self.wanted.notify_one();
        } else {
            self.refresh_limited.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What operators see.
    pub fn status(&self, issuer: &str, now: Moment) -> KeyStatus {
        let held = self.current.load();
        let state = match (held.is_some(), self.current(now).is_ok()) {
            (false, _) => KeyState::Missing,
            (true, true) => KeyState::Fresh,
            (true, false) => KeyState::Stale,
        };
        let fault = usize::from(self.fault.load(Ordering::Relaxed)).checked_sub(1);
        KeyStatus {
            issuer: issuer.to_owned(),
            state,
            keys: held.as_ref().map_or(0, |held| held.set.count()),
            generation: held.as_ref().map_or(0, |held| held.generation),
            age: self.age_max_us.map(|_| Duration::from_micros(self.age_us(now.monotonic_us))),
            failures: self.failures.load(Ordering::Relaxed),
            fault: fault.and_then(|place| KeyFault::ALL.get(place).copied()),
            refresh_limited: self.refresh_limited.load(Ordering::Relaxed),
        }
    }

    fn age_us(&self, monotonic_us: u64) -> u64 {
        monotonic_us.saturating_sub(self.confirmed_us.load(Ordering::Acquire))
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, KeyFault> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|_| KeyFault::Unreadable)?;
    file.take(SET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|_| KeyFault::Unreadable)?;
    if bytes.len() > SET_BYTES_MAX { Err(KeyFault::TooLarge) } else { Ok(bytes) }
}
