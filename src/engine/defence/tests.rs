//! Callers of every kind on a made-up clock, from a seeded generator.

use super::*;

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3600 * SECOND;

const TUNING: Tuning = Tuning {
    enter: [200, 350, 500, 700, 900],
    leave: [100, 250, 400, 600, 800],
    half_life_us: HOUR,
    restriction_max_us: 24 * HOUR,
};

const ALLOWED: Observation =
    Observation { denied: false, invalid_identifier: false, allowed: true, records: 1, subjects: 0 };
const DENIED: Observation =
    Observation { denied: true, invalid_identifier: false, allowed: false, records: 0, subjects: 0 };
const INVALID: Observation =
    Observation { denied: false, invalid_identifier: true, allowed: false, records: 0, subjects: 0 };

fn at(monotonic_us: u64) -> Moment {
    Moment { unix_ms: 0, monotonic_us }
}

/// splitmix64, one number below 1 at a time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One caller on its own clock.
struct Caller {
    profile: Profile,
    now_us: u64,
    changes: Vec<TierChange>,
}

impl Caller {
    fn new() -> Self {
        Caller { profile: Profile::default(), now_us: 0, changes: Vec::new() }
    }

    fn send(&mut self, observation: Observation, every_us: u64) -> RiskTier {
        self.now_us += every_us;
        self.changes.extend(observe(&mut self.profile, &observation, &TUNING, at(self.now_us)));
        self.weigh().tier
    }

    fn weigh(&self) -> Weight {
        weigh(&self.profile, &TUNING, at(self.now_us))
    }
}

#[test]
fn a_profile_is_small() {
    assert!(size_of::<Profile>() <= 96, "{}", size_of::<Profile>());
}

/// One in eleven random numbers passes the checksum.
#[test]
fn a_fast_scanner_is_restricted_within_thirty_requests() {
    for seed in 0..1000 {
        let (mut caller, mut dice) = (Caller::new(), Dice(seed));
        let needed = (1..=30).find(|_| {
            let observation = if dice.roll() < 10.0 / 11.0 { INVALID } else { ALLOWED };
            caller.send(observation, SECOND / 100) >= RiskTier::Reduced
        });
        assert!(needed.is_some(), "seed {seed}");
    }
}

#[test]
fn a_scanner_that_is_denied_as_well_is_suspended() {
    let mut caller = Caller::new();
    for _ in 0..40 {
        caller.send(Observation { denied: true, ..INVALID }, SECOND);
    }
    let weight = caller.weigh();
    assert_eq!((weight.score, weight.tier), (SCORE_MAX, RiskTier::Suspended));
    assert_eq!(weight.features.map(|(_, share)| share), [SHARE_MAX; 2]);
    let change = caller.changes.last().unwrap();
    assert_eq!(change.new, RiskTier::Suspended);
    assert_eq!(change.features[0], (Feature::InvalidIdentifiers, 600), "greatest first");
    assert!(change.features[1].0 == Feature::Denials && change.features[1].1 >= 300);
}

/// 100 officers, 10,000 requests each: 2 % denied, 0.5 % mistyped.
#[test]
fn honest_officers_are_never_held_back() {
    for seed in 0..100 {
        let (mut caller, mut dice) = (Caller::new(), Dice(seed));
        for _ in 0..10_000 {
            let roll = dice.roll();
            let observation = if roll < 0.02 {
                DENIED
            } else if roll < 0.025 {
                INVALID
            } else {
                ALLOWED
            };
            let tier = caller.send(observation, 30 * SECOND);
            assert!(tier <= RiskTier::Watch, "seed {seed}: {:?}", caller.changes);
        }
        assert!(caller.changes.len() < 40, "seed {seed}: {} changes", caller.changes.len());
    }
}

#[test]
fn one_signal_alone_suspends_nobody() {
    for (observation, expect) in [(DENIED, 600), (INVALID, 600)] {
        let mut caller = Caller::new();
        for _ in 0..10_000 {
            caller.send(observation, SECOND / 10);
        }
        let weight = caller.weigh();
        assert_eq!((weight.score, weight.tier), (expect, RiskTier::Reduced));
    }
}

#[test]
fn a_few_denied_clicks_are_not_an_attack() {
    let mut caller = Caller::new();
    let tiers: Vec<RiskTier> = (0..8).map(|_| caller.send(DENIED, SECOND)).collect();
    assert_eq!(tiers.last(), Some(&RiskTier::Watch), "{tiers:?}");
}

/// Five of thirteen, the denials last: what somebody sees who tries out the demo.
#[test]
fn thirteen_calls_with_five_denials_at_the_end_are_watched_at_most() {
    let mut caller = Caller::new();
    for call in 0..13 {
        let tier = caller.send(if call < 8 { ALLOWED } else { DENIED }, SECOND);
        assert!(tier <= RiskTier::Watch, "call {call}: {:?}", caller.changes);
    }
}

/// 4 % of 10,000 requests, once as denials and once as mistyped identifiers.
#[test]
fn sloppy_officers_are_asked_for_a_second_factor_at_most() {
    for (slip, seed) in [DENIED, INVALID].into_iter().flat_map(|slip| (0..100).map(move |seed| (slip, seed)))
    {
        let (mut caller, mut dice) = (Caller::new(), Dice(seed));
        for _ in 0..10_000 {
            let tier = caller.send(if dice.roll() < 0.04 { slip } else { ALLOWED }, 30 * SECOND);
            assert!(tier <= RiskTier::StepUp, "seed {seed}, {slip:?}: {:?}", caller.changes);
        }
    }
}

#[test]
fn requests_that_policy_never_saw_wash_nothing_out() {
    for evidence in [DENIED, INVALID] {
        let mut caller = Caller::new();
        for _ in 0..20 {
            caller.send(evidence, 0);
        }
        let before = caller.weigh();
        for _ in 0..1000 {
            caller.send(Observation::default(), 0);
        }
        assert_eq!(caller.weigh(), before);
    }
}

#[test]
fn the_steps_are_the_log_likelihood_ratios_of_the_rates() {
    for (feature, honest, sought) in
        [(Feature::Denials, 0.05_f32, 0.30_f32), (Feature::InvalidIdentifiers, 0.02, 0.50)]
    {
        let Cusum { hit, miss, .. } = feature.cusum();
        assert!((hit - (sought / honest).ln()).abs() < 1e-5, "{feature}: {hit}");
        assert!((miss - ((1.0 - sought) / (1.0 - honest)).ln()).abs() < 1e-5, "{feature}: {miss}");
    }
}

#[test]
fn recovery_by_good_requests_and_by_time() {
    let restricted = || {
        let mut caller = Caller::new();
        for _ in 0..20 {
            caller.send(INVALID, SECOND);
        }
        assert_eq!(caller.weigh().tier, RiskTier::Reduced);
        caller
    };
    let mut caller = restricted();
    let needed = (1..).find(|_| caller.send(ALLOWED, 5 * SECOND) == RiskTier::Normal).unwrap();
    assert!((20..60).contains(&needed), "{needed} good requests");

    let mut caller = restricted();
    for (hours, expect) in
        [(0, RiskTier::Reduced), (1, RiskTier::StepUp), (2, RiskTier::Watch), (3, RiskTier::Normal)]
    {
        let now = at(caller.now_us + hours * HOUR);
        assert_eq!(weigh(&caller.profile, &TUNING, now).tier, expect, "after {hours} h");
    }
    let change = age(&mut caller.profile, &TUNING, at(caller.now_us + 3 * HOUR)).unwrap();
    assert_eq!(
        (change.old, change.new, change.cause),
        (RiskTier::Reduced, RiskTier::Normal, TierCause::Decay)
    );
    assert_eq!(age(&mut caller.profile, &TUNING, at(caller.now_us + 3 * HOUR)), None);
}

/// RL-11: at the edge of a tier, changes stay rare and come in both directions only after the hold.
#[test]
fn a_caller_at_the_edge_does_not_flap() {
    let (mut caller, mut dice) = (Caller::new(), Dice(7));
    for _ in 0..3600 {
        // About the rate at which the CUSUM neither climbs nor falls.
        let observation = if dice.roll() < 0.173 { INVALID } else { ALLOWED };
        caller.send(observation, SECOND);
    }
    let downs = caller.changes.iter().filter(|change| change.new < change.old).count();
    assert!(downs <= 60, "an hour has sixty holds: {downs}");
    assert!(caller.changes.iter().all(|change| change.old != change.new));
    for pair in caller.changes.windows(2) {
        assert_eq!(pair[0].new, pair[1].old);
    }
}

#[test]
fn no_restriction_outlasts_its_time_without_a_human() {
    let mut caller = Caller::new();
    while caller.now_us < 25 * HOUR {
        caller.send(INVALID, 30 * SECOND);
        if caller.changes.last().is_some_and(|change| change.cause == TierCause::Expiry) {
            break;
        }
    }
    let expiry = caller.changes.last().unwrap();
    assert_eq!(
        (expiry.old, expiry.new, expiry.cause),
        (RiskTier::Reduced, RiskTier::Watch, TierCause::Expiry)
    );
    // What went before is forgotten; going on is new evidence.
    assert_eq!(caller.weigh().score, 0);
    let again = (1..).find(|_| caller.send(INVALID, SECOND) >= RiskTier::Reduced).unwrap();
    assert!((8..=9).contains(&again), "{again}");
}

#[test]
fn an_older_reading_changes_nothing_and_panics_nowhere() {
    let mut caller = Caller::new();
    caller.now_us = HOUR;
    for _ in 0..20 {
        caller.send(INVALID, 0);
    }
    let before = weigh(&caller.profile, &TUNING, at(HOUR));
    assert_eq!(weigh(&caller.profile, &TUNING, at(0)), before);
    observe(&mut caller.profile, &ALLOWED, &TUNING, at(0));
    assert_eq!(caller.profile.seen_us(), HOUR);
    for extreme in [
        Tuning { half_life_us: 0, ..TUNING },
        Tuning { half_life_us: u64::MAX, restriction_max_us: 0, ..TUNING },
    ] {
        weigh(&caller.profile, &extreme, at(u64::MAX));
    }
}

#[test]
fn forgotten_only_when_nothing_is_held_against_it() {
    let mut caller = Caller::new();
    caller.send(ALLOWED, SECOND);
    assert!(!is_forgotten(&caller.profile, &TUNING, at(9 * HOUR)));
    assert!(is_forgotten(&caller.profile, &TUNING, at(10 * HOUR + SECOND)));
    for _ in 0..20 {
        caller.send(INVALID, SECOND);
    }
    assert!(!is_forgotten(&caller.profile, &TUNING, at(100 * HOUR)));
}
