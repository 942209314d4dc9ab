//! From what a caller did to how the gateway stands towards it.
//!
//! Each finished request leaves one [`Observation`] in the caller's [`Profile`]; the profile gives a
//! score of 0 to 1000 and a [`RiskTier`]. What a tier means is written in policies and quotas, not
//! here. Features so far: the share of denied requests and of invalid identifiers.
//!
//! Each feature is a CUSUM of log-likelihood ratios (Page 1954): `S ← max(0, S + ln(p1/p0))` for a
//! hit and `+ ln((1-p1)/(1-p0))` for a miss, where p0 is the rate of honest callers and p1 the rate
//! that must be found. `exp(-S)` bounds the chance that an honest caller comes so far, so S is a
//! calibrated tail and features can be added. One feature gives at most [`SHARE_MAX`] of the score,
//! so that no single signal suspends anybody.
//!
//! ```
//! use zhamen::engine::{clock::Moment, defence::{Observation, Profile, Tuning, observe, weigh}, terms::RiskTier};
//! let tuning = Tuning {
//!     enter: [200, 350, 500, 700, 900], leave: [100, 250, 400, 600, 800],
//!     half_life_us: 3_600_000_000, restriction_max_us: 86_400_000_000,
//! };
//! let mut profile = Profile::default();
//! let now = Moment { unix_ms: 0, monotonic_us: 1 };
//! let guess = Observation { invalid_identifier: true, ..Observation::default() };
//! for _ in 0..10 { observe(&mut profile, &guess, &tuning, now); }
//! assert_eq!(weigh(&profile, &tuning, now).tier, RiskTier::Reduced);
//! ```

use super::clock::Moment;
use super::terms::RiskTier;
use crate::closed_enum;

/// Most of the score that one feature can give.
pub const SHARE_MAX: u16 = 600;
/// Highest score.
pub const SCORE_MAX: u16 = 1000;
/// A tier is held at least so long before it is left downwards, so that a caller at the edge does not
/// change tiers with every request.
pub const HOLD_US: u64 = 60_000_000;

closed_enum! {
    /// What is looked at.
    pub enum Feature {
        /// Share of denied requests.
        Denials = "denials",
        /// Share of identifiers that do not pass their checksum: guessing.
        InvalidIdentifiers = "invalid_identifiers",
    }
}

closed_enum! {
    /// Why a tier changed.
    pub enum TierCause { Evidence = "evidence", Decay = "decay", Expiry = "expiry" }
}

/// Rates and scale of one feature.
struct Cusum {
    /// ln(p1/p0) for a hit, ln((1-p1)/(1-p0)) for a miss.
    hit: f32,
    miss: f32,
    /// The S that gives the whole share; more is not kept, so that recovery does not depend on how
    /// long an attack lasted.
    full: f32,
}

impl Feature {
    /// Hit, miss, or nothing to learn: an identifier is judged before policy is asked, so a bad one
    /// says nothing about denials, while every answer of policy was about a good one.
    const fn happened(self, observation: &Observation) -> Option<bool> {
        let Observation { denied, invalid_identifier, allowed, records: _, subjects: _ } = *observation;
        let judged = denied || allowed;
        match self {
            Feature::Denials if judged => Some(denied),
            Feature::InvalidIdentifiers if judged || invalid_identifier => Some(invalid_identifier),
            Feature::Denials | Feature::InvalidIdentifiers => None,
        }
    }

    const fn cusum(self) -> Cusum {
        match self {
            // p0 5 %, p1 30 %.
            Feature::Denials => Cusum { hit: 1.791_759_5, miss: -0.305_381_65, full: FULL },
            // p0 2 %, p1 50 %: guessed numbers mostly fail their checksum.
            Feature::InvalidIdentifiers => Cusum { hit: 3.218_876, miss: -0.672_944_5, full: FULL },
        }
    }
}

/// ln 10^12. Slips come in bursts (a retried click, one number mistyped again and again), so tails
/// are trusted less than their formula says: 200 points are 10^-4, 500 are 10^-10. At 10^-6 for the
/// whole share, one in six officers who mistype 4 % would be restricted within 10,000 requests.
const FULL: f32 = 27.631_02;

/// Thresholds and times, from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Score at which T1 to T5 begin, ascending.
    pub enter: [u16; 5],
    /// Score below which they are left, each below its `enter`.
    pub leave: [u16; 5],
    /// The evidence halves in this time.
    pub half_life_us: u64,
    /// No restriction (T2 and up) lasts longer without a human.
    pub restriction_max_us: u64,
}

/// What one finished request showed. One that showed none of it (over quota, cancelled, upstream
/// failed) is neither a hit nor a miss, so that evidence cannot be washed out by being refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Policy said no. A denial that the tier itself caused (step-up, reduced, suspended) is none:
    /// a restriction must not feed on its own answers.
    pub denied: bool,
    /// The subject's identifier did not pass its check.
    pub invalid_identifier: bool,
    /// Data was given.
    pub allowed: bool,
    /// Records that were given.
    pub records: u32,
    /// Different persons and bodies that they told of, where labels name them.
    pub subjects: u32,
}

/// What is remembered of one caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// CUSUM by feature, as of `seen_us`.
    sums: [f32; 2],
    /// When it was last updated.
    seen_us: u64,
    tier: RiskTier,
    /// When the present tier began.
    since_us: u64,
    /// When the present restriction (T2 and up) began.
    restricted_us: u64,
    /// Counts since the profile began, for people to look at.
    pub requests: u64,
    pub denied: u32,
    pub invalid_identifiers: u32,
    pub records: u64,
    /// Summed by answer: one person in two answers counts twice.
    pub subjects: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            sums: [0.0; 2],
            seen_us: 0,
            tier: RiskTier::Normal,
            since_us: 0,
            restricted_us: 0,
            requests: 0,
            denied: 0,
            invalid_identifiers: 0,
            records: 0,
            subjects: 0,
        }
    }
}

impl Profile {
    /// The tier as last recorded; [`weigh`] gives the tier now.
    pub fn tier(&self) -> RiskTier {
        self.tier
    }

    /// When the tier as last recorded began, on the monotonic clock.
    pub fn since_us(&self) -> u64 {
        self.since_us
    }

    /// When something was last observed, on the monotonic clock.
    pub fn seen_us(&self) -> u64 {
        self.seen_us
    }
}

/// Score and tier of a caller at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// 0 to 1000.
    pub score: u16,
    pub tier: RiskTier,
    /// What each feature gives to the score, greatest first.
    pub features: [(Feature, u16); 2],
}

impl Weight {
    /// Of a caller of whom nothing is known.
    pub fn nothing() -> Weight {
        Weight { score: 0, tier: RiskTier::Normal, features: shares_by_weight(&[0.0; 2]) }
    }
}

/// A tier was entered or left; to be recorded and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierChange {
    pub old: RiskTier,
    pub new: RiskTier,
    pub score: u16,
    pub cause: TierCause,
    /// Each feature's share of the score, greatest first.
    pub features: [(Feature, u16); 2],
}

/// Where a caller stands now. Changes nothing: decay is computed, not applied.
pub fn weigh(profile: &Profile, tuning: &Tuning, now: Moment) -> Weight {
    let sums = decayed(profile, tuning, now);
    let score = score(&sums);
    let (tier, _) = step(profile, score, tuning, now);
    Weight { score, tier, features: shares_by_weight(&sums) }
}

/// What each feature gives to the score now, greatest first.
pub fn features(profile: &Profile, tuning: &Tuning, now: Moment) -> [(Feature, u16); 2] {
    shares_by_weight(&decayed(profile, tuning, now))
}

/// Takes in what a request showed. Gives the change of tier, if there is one.
pub fn observe(
    profile: &mut Profile,
    observation: &Observation,
    tuning: &Tuning,
    now: Moment,
) -> Option<TierChange> {
    let mut sums = decayed(profile, tuning, now);
    for (sum, feature) in sums.iter_mut().zip(Feature::ALL) {
        let Cusum { hit, miss, full } = feature.cusum();
        let step = match feature.happened(observation) {
            Some(true) => hit,
            Some(false) => miss,
            None => 0.0,
        };
        *sum = (*sum + step).clamp(0.0, full);
    }
    profile.requests = profile.requests.saturating_add(1);
    profile.denied = profile.denied.saturating_add(u32::from(observation.denied));
    profile.invalid_identifiers =
        profile.invalid_identifiers.saturating_add(u32::from(observation.invalid_identifier));
    profile.records = profile.records.saturating_add(u64::from(observation.records));
    profile.subjects = profile.subjects.saturating_add(u64::from(observation.subjects));
    settle(profile, sums, tuning, now)
}

/// Applies decay and expiry to a caller that did nothing. Gives the change of tier, if there is one.
pub fn age(profile: &mut Profile, tuning: &Tuning, now: Moment) -> Option<TierChange> {
    let seen_us = profile.seen_us;
    let sums = decayed(profile, tuning, now);
    let change = settle(profile, sums, tuning, now);
    if change.is_none() {
        // Nothing was seen, and rounding down again and again is not wanted.
        profile.seen_us = seen_us;
    }
    change
}

/// Nothing is held against this caller, and it has not been seen for ten half-lives.
pub fn is_forgotten(profile: &Profile, tuning: &Tuning, now: Moment) -> bool {
    let idle_us = now.monotonic_us.saturating_sub(profile.seen_us);
    profile.tier == RiskTier::Normal && idle_us >= tuning.half_life_us.saturating_mul(10)
}

fn settle(profile: &mut Profile, sums: [f32; 2], tuning: &Tuning, now: Moment) -> Option<TierChange> {
    let score = score(&sums);
    let (new, cause) = step(profile, score, tuning, now);
    let old = profile.tier;
    if cause != TierCause::Expiry || new == old {
        profile.sums = sums;
    } else {
        // The restriction ends for lack of a human decision: only new evidence can begin another.
        profile.sums = [0.0; 2];
    }
    profile.seen_us = profile.seen_us.max(now.monotonic_us);
    if new == old {
        return None;
    }
    if old < RiskTier::StepUp && new >= RiskTier::StepUp {
        profile.restricted_us = now.monotonic_us;
    }
    (profile.tier, profile.since_us) = (new, now.monotonic_us);
    Some(TierChange { old, new, score, cause, features: shares_by_weight(&sums) })
}

/// The tier that follows from the present one and a score, with hysteresis, hold and expiry.
fn step(profile: &Profile, score: u16, tuning: &Tuning, now: Moment) -> (RiskTier, TierCause) {
    let restricted_us = now.monotonic_us.saturating_sub(profile.restricted_us);
    if profile.tier >= RiskTier::StepUp && restricted_us >= tuning.restriction_max_us {
        return (RiskTier::Watch, TierCause::Expiry);
    }
    let present = usize::from(profile.tier.number());
    let entered = tuning.enter.iter().take_while(|enter| score >= **enter).count();
    if entered > present {
        return (tier(entered), TierCause::Evidence);
    }
    if now.monotonic_us.saturating_sub(profile.since_us) < HOLD_US {
        return (profile.tier, TierCause::Decay);
    }
    let kept =
        tuning.leave.iter().take(present).rposition(|leave| score >= *leave).map_or(0, |index| index + 1);
    (tier(kept), TierCause::Decay)
}

fn tier(number: usize) -> RiskTier {
    RiskTier::ALL.get(number).copied().unwrap_or(RiskTier::Suspended)
}

fn decayed(profile: &Profile, tuning: &Tuning, now: Moment) -> [f32; 2] {
    let idle_us = now.monotonic_us.saturating_sub(profile.seen_us);
    if idle_us == 0 || profile.sums == [0.0; 2] {
        return profile.sums;
    }
    let factor = (-(idle_us as f32) / tuning.half_life_us.max(1) as f32).exp2();
    profile.sums.map(|sum| sum * factor)
}

fn score(sums: &[f32; 2]) -> u16 {
    shares(sums).iter().map(|(_, share)| *share).sum::<u16>().min(SCORE_MAX)
}

fn shares(sums: &[f32; 2]) -> [(Feature, u16); 2] {
    let share =
        |feature: Feature, sum: f32| (feature, (sum / feature.cusum().full * f32::from(SHARE_MAX)) as u16);
    [share(Feature::Denials, sums[0]), share(Feature::InvalidIdentifiers, sums[1])]
}

fn shares_by_weight(sums: &[f32; 2]) -> [(Feature, u16); 2] {
    let mut shares = shares(sums);
    shares.sort_by_key(|(_, share)| std::cmp::Reverse(*share));
    shares
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
