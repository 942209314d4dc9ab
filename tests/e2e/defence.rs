//! The closed loop of the defence, and the orderly end.

use crate::support::upstream::Play;
use crate::support::upstream::json;
use crate::support::{CIVIL, Ground, HOUSEHOLD, MARKET, eventually, get};
use serde_json::Value;
use std::thread;
use std::time::Duration;

#[test]
fn guessing_identifiers_costs_the_guesser_and_nobody_else() {
    let stage = Ground::lay().start(|_| ());
    let before = stage.get(CIVIL, HOUSEHOLD);
    assert_eq!((before.status, before.text().contains("章守根")), (200, true), "{}", before.text());
    for number in 0..30 {
        let guess = format!("/public-security/v1/households/1101051949123100{:02}", number + 30);
        stage.get(CIVIL, &guess);
    }
    let callers: Value = stage.page("/admin/v1/callers").json();
    let caller =
        callers.as_array().unwrap().iter().find(|view| view["caller"].to_string().contains("mz-0417"));
    let tier = caller.unwrap_or_else(|| panic!("{callers}"))["tier"].as_str().unwrap().to_owned();
    assert!(tier.as_str() >= "T3", "{callers}");
    assert_eq!(stage.metric("zhamen_tier_callers", &[&format!("\"{tier}\"")]), 1.0);
    let reached = |entry: &Value| entry["kind"] == "tier" && entry["new"] == tier.as_str();
    assert!(eventually(|| stage.entries().iter().any(reached)));
    let after = stage.get(CIVIL, HOUSEHOLD);
    let reduced =
        matches!((after.status, after.code().as_str()), (401, "E-RISK-STEPUP") | (403, "E-RISK-REDUCED"));
    assert!(reduced && !after.text().contains("章守根"), "{}", after.text());
    assert_eq!(stage.entry(&after.request_id())["tier"], tier.as_str());
    // With a second factor the same officer is answered, but less is shown.
    let now = |claims: &mut Value| {
        claims["auth_time"] = claims["iat"].clone();
        claims["amr"] = serde_json::json!(["pwd", "mfa"]);
    };
    let stepped = stage.ask(CIVIL.0, &get(HOUSEHOLD, &stage.ground.mint(CIVIL.1, now)));
    assert!(!stepped.text().contains("章守根"), "{}", stepped.text());
    let colleague = stage.ground.mint(CIVIL.1, |claims| {
        claims["sub"] = "mz-0500".into();
        claims["matter"]["officers"] = serde_json::json!(["mz-0500"]);
    });
    let other = stage.ask(CIVIL.0, &get(HOUSEHOLD, &colleague));
    assert_eq!((other.status, other.text().contains("章守根")), (200, true), "{}", other.text());
}

#[test]
fn a_drain_lets_open_requests_finish() {
    let mut stage = Ground::lay().spawn();
    let whole = json(r#"{"data":[{"name":"x"}]}"#);
    let pieces = vec![(Vec::new(), Duration::from_millis(700)), (whole, Duration::ZERO)];
    stage.upstream().always(Play::Pieces(pieces));
    let token = stage.token(MARKET.1);
    thread::scope(|scope| {
        let ask = || stage.ask(MARKET.0, &get(crate::support::ENTERPRISE, &token)).status;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        let mut heard = 0;
        while heard < 8 {
            heard += stage.upstream().heard().len();
            thread::sleep(Duration::from_millis(5));
        }
        stage.signal("TERM");
        for asked in asking {
            assert_eq!(asked.join().unwrap(), 200);
        }
    });
    assert_eq!(stage.exit(), Some(0));
    stage.stop();
    let entries = stage.entries();
    assert_eq!(entries.last().unwrap()["kind"], "stop");
    let outcomes = entries.iter().filter(|entry| entry["kind"] == "outcome" && entry["delivered"] == true);
    assert_eq!(outcomes.count(), 8);
}
