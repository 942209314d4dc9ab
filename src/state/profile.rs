//! What is remembered of callers: one small profile each, in a bounded table.
//!
//! Keys are proven principals. Callers beyond `profiles_max` share one profile, which is never below
//! T1: a table that is full is a reason to watch. Time is an argument.
//!
//! ```
//! use std::time::Duration;
//! use zhamen::config::settings::DefenceSettings;
//! use zhamen::engine::{clock::Moment, defence::Observation, terms::RiskTier};
//! use zhamen::state::profile::Profiles;
//! let profiles = Profiles::new(&DefenceSettings {
//!     profiles_max: 100, enter: [200, 350, 500, 700, 900], leave: [100, 250, 400, 600, 800],
//!     half_life: Duration::from_secs(3600), restriction_max: Duration::from_secs(86_400),
//! });
//! let (caller, now) = ("app|officer".into(), Moment { unix_ms: 0, monotonic_us: 1 });
//! assert_eq!(profiles.weigh(&caller, now).tier, RiskTier::Normal);
//! profiles.observe(&caller, &Observation { allowed: true, ..Observation::default() }, now);
//! assert_eq!(profiles.tiers(), [1, 0, 0, 0, 0, 0]);
//! ```

use crate::config::settings::DefenceSettings;
use crate::engine::clock::Moment;
use crate::engine::defence::{self, Feature, Observation, Profile, TierChange, Tuning, Weight};
use crate::engine::terms::RiskTier;
use foldhash::HashMap;
use foldhash::fast::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More shards than threads that serve, so that two requests rarely want the same one.
const SHARDS: usize = 32;
/// The lowest tier of callers that share the overflow profile.
const OVERFLOW_TIER: RiskTier = RiskTier::Watch;

/// One caller as the admin plane shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerState {
    /// Empty for the shared overflow profile.
    pub caller: Arc<str>,
    pub weight: Weight,
    /// Each feature's share of the score, greatest first.
    pub features: [(Feature, u16); 2],
    /// The tier has been held for so many seconds.
    pub held_s: u64,
    pub requests: u64,
    pub denied: u32,
    pub invalid_identifiers: u32,
    pub records: u64,
}

/// A tier change and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerChange {
    pub caller: Arc<str>,
    pub change: TierChange,
}

/// The profiles of all callers.
#[derive(Debug)]
pub struct Profiles {
    shards: Vec<Mutex<HashMap<Arc<str>, Profile>>>,
    hasher: RandomState,
    /// Shared by all callers that found the table full.
    overflow: Mutex<Profile>,
    callers: AtomicUsize,
    callers_max: usize,
    /// Callers by tier as last recorded, without the overflow profile.
    tiers: [AtomicUsize; 6],
    tuning: Tuning,
}

impl Profiles {
    pub fn new(settings: &DefenceSettings) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Profiles {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            overflow: Mutex::default(),
            callers: AtomicUsize::new(0),
            callers_max: settings.profiles_max,
            tiers: Default::default(),
            tuning: Tuning {
                enter: settings.enter,
                leave: settings.leave,
                half_life_us: micros(settings.half_life),
                restriction_max_us: micros(settings.restriction_max),
            },
        }
    }

    /// Where a caller stands. One that is not known yet stands at zero, unless the table is full.
    pub fn weigh(&self, caller: &Arc<str>, now: Moment) -> Weight {
        match self.shard(caller).get(caller) {
            Some(profile) => return defence::weigh(profile, &self.tuning, now),
            None if self.callers() < self.callers_max => return Weight::nothing(),
            None => {}
        }
        let weight = defence::weigh(&lock(&self.overflow), &self.tuning, now);
        Weight { tier: weight.tier.max(OVERFLOW_TIER), ..weight }
    }

    /// Takes in what a finished request showed. A change of tier is to be recorded and counted.
    pub fn observe(&self, caller: &Arc<str>, observation: &Observation, now: Moment) -> Option<TierChange> {
        let mut shard = self.shard(caller);
        if !shard.contains_key(caller) {
            if !self.take_place() {
                drop(shard);
                return defence::observe(&mut lock(&self.overflow), observation, &self.tuning, now);
            }
            shard.insert(caller.clone(), Profile::default());
            self.count(RiskTier::Normal, 1);
        }
        let change = defence::observe(shard.get_mut(caller)?, observation, &self.tuning, now)?;
        self.recount(&change);
        Some(change)
    }

    /// Lets tiers decay and expire for callers that are silent, and forgets those with nothing against
    /// them. To be called on a timer, never by a request.
    pub fn sweep(&self, now: Moment) -> Vec<CallerChange> {
        let mut changes = Vec::new();
        for shard in &self.shards {
            lock(shard).retain(|caller, profile| {
                if let Some(change) = defence::age(profile, &self.tuning, now) {
                    self.recount(&change);
                    changes.push(CallerChange { caller: caller.clone(), change });
                }
                let forgotten = defence::is_forgotten(profile, &self.tuning, now);
                if forgotten {
                    self.callers.fetch_sub(1, Ordering::Relaxed);
                    self.count(profile.tier(), -1);
                }
                !forgotten
            });
        }
        if let Some(change) = defence::age(&mut lock(&self.overflow), &self.tuning, now) {
            changes.push(CallerChange { caller: "".into(), change });
        }
        changes
    }

    /// Callers by tier, T0 first.
    pub fn tiers(&self) -> [usize; 6] {
        std::array::from_fn(|tier| self.tiers[tier].load(Ordering::Relaxed))
    }

    /// Callers remembered.
    pub fn callers(&self) -> usize {
        self.callers.load(Ordering::Relaxed)
    }

    /// Every caller beyond this shares one profile.
    pub fn is_full(&self) -> bool {
        self.callers() >= self.callers_max
    }

    /// The callers with the highest scores, at most `limit`; for people, not for requests.
    pub fn list(&self, limit: usize, now: Moment) -> Vec<CallerState> {
        let mut states = Vec::new();
        for shard in &self.shards {
            states.extend(lock(shard).iter().map(|(caller, profile)| self.state(caller, profile, now)));
            // Bounded while gathering too: keep the best so far.
            if states.len() > limit.saturating_mul(4).max(1024) {
                keep_highest(&mut states, limit);
            }
        }
        let overflow = lock(&self.overflow);
        if overflow.requests > 0 {
            states.push(self.state(&"".into(), &overflow, now));
        }
        keep_highest(&mut states, limit);
        states
    }

    fn state(&self, caller: &Arc<str>, profile: &Profile, now: Moment) -> CallerState {
        CallerState {
            caller: caller.clone(),
            weight: defence::weigh(profile, &self.tuning, now),
            features: defence::features(profile, &self.tuning, now),
            held_s: now.monotonic_us.saturating_sub(profile.since_us()) / 1_000_000,
            requests: profile.requests,
            denied: profile.denied,
            invalid_identifiers: profile.invalid_identifiers,
            records: profile.records,
        }
    }

    fn shard(&self, caller: &str) -> MutexGuard<'_, HashMap<Arc<str>, Profile>> {
        lock(&self.shards[self.hasher.hash_one(caller) as usize % SHARDS])
    }

    fn take_place(&self) -> bool {
        let more = |callers| (callers < self.callers_max).then_some(callers + 1);
        self.callers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn recount(&self, change: &TierChange) {
        self.count(change.old, -1);
        self.count(change.new, 1);
    }

    fn count(&self, tier: RiskTier, by: isize) {
        let count = &self.tiers[usize::from(tier.number())];
        // Two's complement: adding -1 as a usize subtracts one.
        count.fetch_add(by as usize, Ordering::Relaxed);
    }
}

fn keep_highest(states: &mut Vec<CallerState>, limit: usize) {
    states.sort_by(|a, b| {
        (b.weight.tier, b.weight.score)
            .cmp(&(a.weight.tier, a.weight.score))
            .then_with(|| a.caller.cmp(&b.caller))
    });
    states.truncate(limit);
}

/// A panic while a shard was locked leaves profiles of plain numbers, all of them valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::defence::TierCause;

    const INVALID: Observation =
        Observation { denied: false, invalid_identifier: true, allowed: false, records: 0, subjects: 0 };
    const ALLOWED: Observation =
        Observation { denied: false, invalid_identifier: false, allowed: true, records: 2, subjects: 0 };

    fn profiles(profiles_max: usize) -> Profiles {
        Profiles::new(&DefenceSettings {
            profiles_max,
            enter: [200, 350, 500, 700, 900],
            leave: [100, 250, 400, 600, 800],
            half_life: Duration::from_secs(3600),
            restriction_max: Duration::from_secs(86_400),
        })
    }

    fn at(seconds: u64) -> Moment {
        Moment { unix_ms: 0, monotonic_us: seconds * 1_000_000 }
    }

    fn name(index: usize) -> Arc<str> {
        format!("app|{index}").into()
    }

    #[test]
    fn one_callers_abuse_is_his_own() {
        let profiles = profiles(10);
        let changes: Vec<_> = (0..20).filter_map(|_| profiles.observe(&name(1), &INVALID, at(1))).collect();
        profiles.observe(&name(2), &ALLOWED, at(1));
        assert_eq!(changes.last().unwrap().new, RiskTier::Reduced);
        assert_eq!(profiles.weigh(&name(1), at(1)).tier, RiskTier::Reduced);
        assert_eq!(profiles.weigh(&name(2), at(1)), Weight::nothing());
        assert_eq!(profiles.tiers(), [1, 0, 0, 1, 0, 0]);
        let list = profiles.list(1, at(61));
        assert_eq!((&*list[0].caller, list[0].invalid_identifiers, list[0].held_s), ("app|1", 20, 60));
        assert_eq!(list[0].features[0].0, Feature::InvalidIdentifiers);
        assert_eq!(list[0].features.map(|(_, share)| share).iter().sum::<u16>(), list[0].weight.score);
        assert_eq!(profiles.list(9, at(61)).len(), 2);
    }

    #[test]
    fn a_full_table_shares_one_watched_profile() {
        let profiles = profiles(100);
        for index in 0..100_000 {
            profiles.observe(&name(index), &ALLOWED, at(1));
        }
        assert_eq!((profiles.callers(), profiles.is_full()), (100, true));
        assert_eq!(profiles.weigh(&name(5), at(1)).tier, RiskTier::Normal);
        assert_eq!(profiles.weigh(&name(5000), at(1)).tier, RiskTier::Watch);
        for index in 1000..1020 {
            profiles.observe(&name(index), &INVALID, at(1));
        }
        assert_eq!(profiles.weigh(&name(5000), at(1)).tier, RiskTier::Reduced);
        assert_eq!(profiles.tiers().iter().sum::<usize>(), 100);
        assert_eq!(profiles.list(1000, at(1)).len(), 101);
    }

    #[test]
    fn silence_is_swept() {
        let profiles = profiles(10);
        for _ in 0..20 {
            profiles.observe(&name(1), &INVALID, at(1));
        }
        profiles.observe(&name(2), &ALLOWED, at(1));
        assert_eq!(profiles.sweep(at(2)), []);
        let changes = profiles.sweep(at(3 * 3600 + 1));
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].change.new, changes[0].change.cause), (RiskTier::Normal, TierCause::Decay));
        assert_eq!(profiles.tiers(), [2, 0, 0, 0, 0, 0]);
        profiles.sweep(at(20 * 3600));
        assert_eq!((profiles.callers(), profiles.tiers()), (0, [0; 6]));
    }

    #[test]
    fn counts_agree_under_contention() {
        let profiles = profiles(50);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let profiles = &profiles;
                scope.spawn(move || {
                    for index in 0..5000 {
                        let observation = if index % 3 == thread % 3 { INVALID } else { ALLOWED };
                        profiles.observe(&name(index % 70), &observation, at(index as u64));
                        profiles.weigh(&name(index % 70), at(index as u64));
                    }
                });
            }
        });
        assert_eq!(profiles.tiers().iter().sum::<usize>(), 50);
        let listed = profiles.list(100, at(5000));
        assert_eq!(listed.iter().map(|state| state.requests).sum::<u64>(), 20_000);
    }
}
