//! Where a scope's buckets live: sharded maps with a hard cap and one bucket for everyone beyond it.
//!
//! governor bounds the rate inside a bucket, never the number of buckets (governor#171), so the bound
//! is here.

use foldhash::HashMap;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More shards than threads that serve, so that two requests rarely want the same one.
const SHARDS: usize = 32;

/// Theoretical arrival times by key.
#[derive(Debug)]
pub(super) struct Store {
    shards: Vec<Mutex<HashMap<Arc<str>, Nanos>>>,
    /// The bucket that all keys beyond the cap share.
    overflow: Mutex<Option<Nanos>>,
    keys: AtomicUsize,
    keys_max: usize,
    /// Charges that fell into the shared bucket since the start; the limiter reads it.
    overflowed: Arc<AtomicU64>,
}

impl Store {
    pub fn new(keys_max: usize, overflowed: Arc<AtomicU64>) -> Self {
        Store {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            overflow: Mutex::default(),
            keys: AtomicUsize::new(0),
            keys_max,
            overflowed,
        }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, HashMap<Arc<str>, Nanos>> {
        let index = (hash(key.as_bytes()) >> 32) as usize % SHARDS;
        lock(&self.shards[index])
    }

    /// Takes a place for one more key, unless all are taken.
    fn take_place(&self) -> bool {
        let more = |keys| (keys < self.keys_max).then_some(keys + 1);
        self.keys.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl StateStore for Store {
    type Key = Arc<str>;

    fn measure_and_replace<T, F, E>(&self, key: &Arc<str>, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(key);
        if let Some(arrival) = shard.get_mut(key) {
            let (outcome, next) = f(Some(*arrival))?;
            *arrival = next;
            return Ok(outcome);
        }
        if self.take_place() {
            // A key seen for the first time has a full bucket, so this only fails when the cost
            // exceeds the burst; then no key is kept.
            return match f(None) {
                Ok((outcome, next)) => {
                    shard.insert(key.clone(), next);
                    Ok(outcome)
                }
                Err(error) => {
                    self.keys.fetch_sub(1, Ordering::Relaxed);
                    Err(error)
                }
            };
        }
        drop(shard);
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        let mut overflow = lock(&self.overflow);
        let (outcome, next) = f(*overflow)?;
        *overflow = Some(next);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<Arc<str>> for Store {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, arrival| *arrival > drop_below);
            self.keys.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    fn shrink_to_fit(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            // Only when most of it is air: growing again costs more than a little memory.
            if shard.capacity() > 1024 && shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
    }

    fn len(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A panic while a shard was locked leaves it whole: every update is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// FNV-1a. It only spreads keys over shards and jitter over callers; the maps hash with a random key.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
