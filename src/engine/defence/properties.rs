//! What holds of every caller, whatever it does and whatever the clock says.

use super::*;
use proptest::prelude::*;

const DAY_US: u64 = 86_400_000_000;

fn observation() -> impl Strategy<Value = Observation> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<u32>()).prop_map(
        |(denied, invalid_identifier, allowed, records)| Observation {
            denied,
            invalid_identifier,
            allowed,
            records,
            subjects: records,
        },
    )
}

/// Readings that stand still, creep, jump a day, step back or sit at the ends of the clock.
fn moment() -> impl Strategy<Value = Moment> {
    let monotonic_us = prop_oneof![
        0..DAY_US,
        Just(0),
        Just(u64::MAX),
        (0..30u64).prop_map(|days| days * DAY_US),
        any::<u64>()
    ];
    (any::<i64>(), monotonic_us).prop_map(|(unix_ms, monotonic_us)| Moment { unix_ms, monotonic_us })
}

/// Any numbers at all, also such as the configuration refuses.
fn tuning() -> impl Strategy<Value = Tuning> {
    let time = || prop_oneof![Just(0), Just(u64::MAX), 1..DAY_US];
    (any::<[u16; 5]>(), any::<[u16; 5]>(), time(), time()).prop_map(
        |(enter, leave, half_life_us, restriction_max_us)| Tuning {
            enter,
            leave,
            half_life_us,
            restriction_max_us,
        },
    )
}

/// Short steps only: hold and expiry depend on when a tier began, which is no order of evidence.
const STEADY: Tuning = Tuning {
    enter: [200, 350, 500, 700, 900],
    leave: [100, 250, 400, 600, 800],
    half_life_us: DAY_US,
    restriction_max_us: u64::MAX,
};

proptest! {
    #[test]
    fn nothing_panics_and_scores_stay_in_range(
        tuning in tuning(),
        walk in prop::collection::vec((observation(), moment()), 0..60),
        last in moment(),
    ) {
        let mut profile = Profile::default();
        for (observation, now) in walk {
            let before = profile.tier();
            let change = observe(&mut profile, &observation, &tuning, now);
            prop_assert_eq!(change.map_or(before, |change| change.old), before);
            prop_assert_eq!(change.map_or(before, |change| change.new), profile.tier());
            prop_assert!(change.is_none_or(|change| change.score <= SCORE_MAX && change.old != change.new));
        }
        let weight = weigh(&profile, &tuning, last);
        let shares = features(&profile, &tuning, last).map(|(_, share)| share);
        prop_assert!(weight.score <= SCORE_MAX);
        prop_assert!(shares.iter().all(|share| *share <= SHARE_MAX));
        prop_assert_eq!(weight.score, shares.iter().sum::<u16>().min(SCORE_MAX));
        age(&mut profile, &tuning, last);
        is_forgotten(&profile, &tuning, last);
    }

    /// Two callers at the same moments, one of which does worse now and then: it never stands better.
    #[test]
    fn worse_behaviour_never_stands_better(
        walk in prop::collection::vec((0u8..3, any::<bool>()), 1..200),
    ) {
        let (mut good, mut bad) = (Profile::default(), Profile::default());
        let seen = |kind: u8| Observation {
            denied: kind == 1, invalid_identifier: kind == 2, allowed: kind == 0, records: 0, subjects: 0,
        };
        // Inside the hold, so that neither caller has left a tier that the other is still kept in.
        for (step, (kind, forgiven)) in (0u64..).zip(walk) {
            let now = Moment { unix_ms: 0, monotonic_us: step * HOLD_US / 1000 };
            observe(&mut bad, &seen(kind), &STEADY, now);
            observe(&mut good, &seen(if forgiven { 0 } else { kind }), &STEADY, now);
            let (good, bad) = (weigh(&good, &STEADY, now), weigh(&bad, &STEADY, now));
            prop_assert!(bad.score >= good.score && bad.tier >= good.tier, "{:?} {:?}", bad, good);
        }
    }

    /// Silence alone never raises a tier or a score.
    #[test]
    fn silence_only_heals(
        walk in prop::collection::vec(observation(), 1..60),
        waits in prop::collection::vec(0..DAY_US / 24, 1..20),
    ) {
        let mut profile = Profile::default();
        let mut now = Moment { unix_ms: 0, monotonic_us: 1 };
        for observation in walk {
            observe(&mut profile, &observation, &STEADY, now);
        }
        let mut before = weigh(&profile, &STEADY, now);
        for wait in waits {
            now.monotonic_us += wait;
            let after = weigh(&profile, &STEADY, now);
            prop_assert!(after.score <= before.score && after.tier <= before.tier);
            before = after;
        }
    }
}
