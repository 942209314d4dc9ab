//! Quotas under made-up moments: nothing here sleeps.

use super::*;

fn at(monotonic_ms: u64) -> Moment {
    Moment { unix_ms: 0, monotonic_us: monotonic_ms * 1000 }
}

fn quota(per_second: u32, burst: u32) -> Quota {
    Quota { per_second, burst }
}

/// Caller as given, everything wider practically unlimited.
fn settings(caller: Quota) -> QuotaSettings {
    let wide = quota(1_000_000, 1_000_000);
    let cells = [1, 1, 2, 5, 10, 100];
    QuotaSettings {
        volume: None,
        caller,
        application: wide,
        department: wide,
        total: wide,
        cost: std::array::from_fn(|tier| (RiskTier::ALL[tier], cells[tier])),
        keys_max: 1000,
    }
}

fn keys(caller: &str, application: &str, department: &str) -> QuotaKeys {
    QuotaKeys { caller: caller.into(), application: application.into(), department: department.into() }
}

fn spend(quotas: &Quotas, caller: &str, tier: RiskTier, now: Moment) -> Result<Standing, OverQuota> {
    quotas.charge_denied(&keys(caller, "a", "d"), tier, now)
}

/// How many requests of one caller pass at once.
fn passing(quotas: &Quotas, caller: &str, tier: RiskTier, now: Moment) -> u32 {
    (0..10_000).take_while(|_| spend(quotas, caller, tier, now).is_ok()).count() as u32
}

#[test]
fn burst_then_refill_at_the_rate() {
    let quotas = Quotas::new(&settings(quota(10, 20)));
    for (now_ms, expect) in
        [(0, 20), (99, 0), (100, 1), (1100, 10), (1100, 0), (60_000, 20), (86_400_000, 20)]
    {
        assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(now_ms)), expect, "at {now_ms} ms");
    }
}

#[test]
fn a_higher_tier_pays_more() {
    for (tier, expect) in [(0, 20), (1, 20), (2, 10), (3, 4), (4, 2), (5, 1)] {
        let quotas = Quotas::new(&settings(quota(10, 20)));
        assert_eq!(passing(&quotas, "c", RiskTier::ALL[tier], at(0)), expect, "T{tier}");
    }
}

#[test]
fn a_change_of_tier_never_grants_a_fresh_burst() {
    let quotas = Quotas::new(&settings(quota(10, 20)));
    assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(0)), 20);
    for tier in RiskTier::ALL.iter().chain(RiskTier::ALL.iter().rev()) {
        assert_eq!(passing(&quotas, "c", *tier, at(50)), 0, "{tier}");
    }
}

#[test]
fn the_standing_counts_requests_not_cells() {
    let quotas = Quotas::new(&settings(quota(10, 20)));
    let standing = spend(&quotas, "c", RiskTier::Reduced, at(0)).unwrap();
    assert_eq!(standing, Standing { policy: "caller", limit: 4, remaining: 3, reset_s: 1, window_s: 2 });
    passing(&quotas, "c", RiskTier::Reduced, at(0));
    let over = spend(&quotas, "c", RiskTier::Reduced, at(0)).unwrap_err();
    assert_eq!(over.cause(), Cause::QuotaCaller);
    assert_eq!(over.standing, Standing { policy: "caller", limit: 4, remaining: 0, reset_s: 1, window_s: 2 });
    assert!((1..=1 + JITTER_SECONDS_MAX).contains(&over.retry_after_s));
}

#[test]
fn waiting_as_long_as_said_is_long_enough() {
    for tier in [RiskTier::Normal, RiskTier::VerifyOnly, RiskTier::Suspended] {
        let quotas = Quotas::new(&settings(quota(3, 20)));
        passing(&quotas, tier.code(), tier, at(5));
        let over = spend(&quotas, tier.code(), tier, at(5)).unwrap_err();
        assert!(spend(&quotas, tier.code(), tier, at(5 + over.standing.reset_s * 1000)).is_ok(), "{tier}");
    }
}

#[test]
fn jitter_spreads_callers_and_repeats_itself() {
    let quotas = Quotas::new(&settings(quota(1, 1)));
    let retry = |caller: &str| {
        passing(&quotas, caller, RiskTier::Normal, at(0));
        spend(&quotas, caller, RiskTier::Normal, at(0)).unwrap_err().retry_after_s
    };
    let all: Vec<u64> = (0..100).map(|index| retry(&format!("caller-{index}"))).collect();
    let distinct = all.iter().collect::<std::collections::HashSet<_>>().len();
    assert!(distinct >= 6, "{all:?}");
    assert_eq!(retry("caller-7"), all[7]);
}

/// The scope that ends first is the one that refuses, narrowest first.
#[test]
fn each_scope_refuses_for_itself() {
    let (tight, wide) = (quota(1, 2), quota(1000, 1000));
    for (caller, application, department, total, expect) in [
        (tight, wide, wide, wide, Scope::Caller),
        (wide, tight, wide, wide, Scope::Application),
        (wide, wide, tight, wide, Scope::Department),
        (wide, wide, wide, tight, Scope::Total),
        (tight, tight, tight, tight, Scope::Caller),
    ] {
        let quotas = Quotas::new(&QuotaSettings { application, department, total, ..settings(caller) });
        assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(0)), 2);
        assert_eq!(spend(&quotas, "c", RiskTier::Normal, at(0)).unwrap_err().scope, expect);
    }
}

/// Style finding 3: the total is not spent by someone who is over his own quota.
#[test]
fn one_caller_cannot_spend_the_share_of_others() {
    let quotas = Quotas::new(&QuotaSettings { total: quota(1, 10), ..settings(quota(1, 4)) });
    for _ in 0..1000 {
        let _ = spend(&quotas, "greedy", RiskTier::Normal, at(0));
    }
    assert_eq!(passing(&quotas, "modest", RiskTier::Normal, at(0)), 4);
}

/// RL-04: 500 officers of one application share its quota.
#[test]
fn officers_of_one_application_share_it() {
    let quotas = Quotas::new(&QuotaSettings { application: quota(10, 50), ..settings(quota(10, 20)) });
    let passed =
        (0..500).filter(|officer| spend(&quotas, &format!("a|{officer}"), RiskTier::Normal, at(0)).is_ok());
    assert_eq!(passed.count(), 50);
    assert!(quotas.charge_denied(&keys("b|1", "b", "d"), RiskTier::Normal, at(0)).is_ok());
}

/// RL-01: a million keys, and the memory of a thousand; the known ones keep their own bucket.
#[test]
fn a_million_keys_are_bounded() {
    let quotas = Quotas::new(&settings(quota(10, 20)));
    assert!(spend(&quotas, "known", RiskTier::Normal, at(0)).is_ok());
    let passed =
        (0..1_000_000).filter(|key| spend(&quotas, &format!("k{key}"), RiskTier::Normal, at(0)).is_ok());
    // 999 keys with a bucket of their own, then one bucket for all others.
    assert_eq!(passed.count(), 999 + 20);
    let sizes = quotas.sizes();
    assert_eq!((sizes.caller, sizes.application, sizes.overflowed), (1000, 1, 999_001));
    assert_eq!(passing(&quotas, "known", RiskTier::Normal, at(0)), 19);
    quotas.sweep(at(1_000));
    assert_eq!(quotas.sizes().caller, 1, "only the one that is not full again stays");
    quotas.sweep(at(10_000));
    assert_eq!(quotas.sizes().caller, 0);
    assert_eq!(passing(&quotas, "later", RiskTier::Normal, at(10_000)), 20);
}

/// RL-10: a day's jump grants one bucket; an older reading of another thread locks nobody out.
#[test]
fn jumps_of_the_clock_grant_one_bucket_at_most() {
    let quotas = Quotas::new(&settings(quota(10, 20)));
    assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(86_400_000)), 20);
    assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(86_399_990)), 0);
    assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(86_402_000)), 20);
}

#[test]
fn a_cost_beyond_the_burst_and_zero_settings_still_let_someone_through() {
    let quotas = Quotas::new(&settings(quota(1, 3)));
    assert_eq!(passing(&quotas, "c", RiskTier::Suspended, at(0)), 1, "100 cells are cut to the burst");
    let quotas = Quotas::new(&settings(quota(0, 0)));
    assert_eq!(passing(&quotas, "c", RiskTier::Normal, at(0)), 1);
}

#[test]
fn the_proof_keeps_its_decision() {
    let quotas = Quotas::new(&settings(quota(1, 1)));
    let allowed = || Allowed::for_tests(["p".into()].into());
    let admitted = quotas.admit(allowed(), &keys("c", "a", "d"), RiskTier::Normal, at(0)).unwrap();
    assert_eq!((&*admitted.allowed().determining()[0], admitted.standing().remaining), ("p", 0));
    assert!(quotas.admit(allowed(), &keys("c", "a", "d"), RiskTier::Normal, at(0)).is_err());
}

#[test]
fn threads_never_spend_more_than_the_bucket() {
    let quotas = Quotas::new(&settings(quota(1, 500)));
    let passed: usize = std::thread::scope(|scope| {
        let thread = || (0..400).filter(|_| spend(&quotas, "c", RiskTier::Normal, at(0)).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 500);
}
