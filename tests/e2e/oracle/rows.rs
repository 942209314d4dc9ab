//! Row filters, caps by tier, and sizes of groups, through the whole gateway.

use super::*;
use crate::support::upstream::{Play, json};
use crate::support::{CIVIL, get};
use serde_json::{Value, json as object};

const REGISTER: &str = "/civil-affairs/v1/low-income";

fn rows(of: &str, count: usize) -> Vec<Value> {
    let row = |place: usize| object!({"personId": "330106196502142015", "name": format!("甲{place}"), "region": of, "monthlyAmount": 900});
    (0..count).map(row).collect()
}

/// The demo's register, whose upstream filters nothing although it is told to.
fn careless() -> Stage {
    let stage = Ground::lay().start(patient);
    let data: Vec<Value> = [rows("330105", 3), rows("330106", 4), rows("330102", 2)].concat();
    stage.upstream().always(Play::Answer(json(&object!({"total": 9, "data": data}).to_string())));
    stage
}

#[test]
fn an_officer_sees_the_rows_of_the_own_region_whatever_the_upstream_says() {
    let mut stage = careless();
    let reply = stage.get(CIVIL, &format!("{REGISTER}?size=9&sort=-amount"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let regions: Vec<Value> =
        reply.json()["data"].as_array().unwrap().iter().map(|row| row["region"].clone()).collect();
    assert_eq!(regions, vec!["330106"; 4]);
    assert_eq!(reply.header("zhamen-warning"), Some("rows-filtered"));
    // The filter went upstream, too.
    let heard = stage.upstream().heard();
    assert!(
        heard[0].target.contains("region=330106") && heard[0].target.contains("sort=-amount"),
        "{heard:?}"
    );
    let entry = stage.entry(&reply.request_id());
    assert_eq!(entry["uses"], object!([{"label": "income", "as": "sort"}]), "{entry}");
    crate::support::eventually(|| !stage.entries_of("outcome", &reply.request_id()).is_empty());
    let outcome = stage.entries_of("outcome", &reply.request_id()).remove(0);
    assert_eq!((&outcome["records"], &outcome["filtered_records"]), (&object!(4), &object!(5)), "{outcome}");
    stage.stop();
}

#[test]
fn whoever_has_no_region_is_told_so_and_the_upstream_hears_nothing() {
    let stage = careless();
    let token = stage.ground.mint(CIVIL.1, |claims| drop(claims.as_object_mut().unwrap().remove("region")));
    let reply = stage.ask(CIVIL.0, &get(REGISTER, &token));
    assert_eq!((reply.status, reply.code()), (403, "E-ROW-SCOPE".to_owned()), "{}", reply.text());
    assert!(stage.upstream().heard().is_empty());
    assert_eq!(stage.entry(&reply.request_id())["reasons"], object!(["E-ROW-SCOPE"]));
    // The upstream's own parameter cannot be given by the caller.
    let reply = stage.get(CIVIL, &format!("{REGISTER}?region=330105"));
    assert_eq!((reply.status, reply.code()), (400, "E-REQUEST".to_owned()));
}

#[test]
fn a_refused_use_is_a_refusal_of_its_own_and_recorded() {
    let stage = careless();
    for (query, status, code) in [
        ("idPrefix=3301", 403, "E-FIELD-USE"),
        ("sort=personId", 403, "E-FIELD-USE"),
        ("sort=personId&idPrefix=3301&amountMin=5", 403, "E-FIELD-USE"),
        ("sort=secret", 400, "E-REQUEST"),
        ("sort=amount,name", 400, "E-REQUEST"),
        ("sort=amount", 200, ""),
        ("amountMin=500&name=%E7%94%B2", 200, ""),
    ] {
        stage.upstream().heard();
        let reply = stage.get(CIVIL, &format!("{REGISTER}?{query}"));
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{query}: {}", reply.text());
        assert_eq!(stage.upstream().heard().len(), usize::from(status == 200), "{query}");
        if status == 403 {
            assert_eq!(reply.json()["withheld_fields"], object!(["id-number"]), "{query}");
            let entry = stage.entry(&reply.request_id());
            assert_eq!((&entry["decision"], &entry["reasons"][0]), (&object!("DENY"), &object!(code)));
            assert!(entry["uses"].to_string().contains(r#""label":"id-number""#), "{entry}");
        }
    }
    // Whoever sees the number in the clear may search by it.
    let now = |claims: &mut Value| {
        claims["auth_time"] = claims["iat"].clone();
        claims["amr"] = object!(["pwd", "mfa"]);
    };
    let token = stage.ground.mint(CIVIL.1, now);
    let reply = stage.ask(CIVIL.0, &get(&format!("{REGISTER}?idPrefix=3301"), &token));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn small_totals_become_null_and_others_stay() {
    let stage = careless();
    for (total, told) in [(4, Value::Null), (5, object!(5)), (5000, object!(5000))] {
        let answer = object!({"total": total, "data": []}).to_string();
        stage.upstream().always(Play::Answer(json(&answer)));
        assert_eq!(stage.get(CIVIL, REGISTER).json()["total"], told);
    }
}

#[test]
fn groups_below_the_smallest_are_left_out() {
    let stage = stage(PROTECTED, Register::one());
    let reply = stage.get(CIVIL, "/register/v1/people?group=region");
    // Nine people live in 330106, three in 330105.
    let expect = object!({"total": 12, "groups": [{"region": "330106", "count": 9}]});
    assert_eq!(reply.json(), expect, "{}", reply.text());
}

#[test]
fn a_higher_tier_gets_fewer_records_and_is_told() {
    let ground = Ground::lay();
    // Without T2 asking for a second factor, so that its smaller answers are seen.
    ground.edit("policies/catalogue/civil-affairs.yaml", |text| {
        text.replace("records_max_in_tier: {T1: 20, T2: 10}", "records_max_in_tier: {T1: 2}")
    });
    let stage = ground.start(patient);
    let data = rows("330106", 30);
    stage.upstream().always(Play::Answer(json(&object!({"total": 30, "data": data}).to_string())));
    let count = |reply: &crate::support::client::Reply| reply.json()["data"].as_array().map(Vec::len);
    let reply = stage.get(CIVIL, REGISTER);
    assert_eq!(count(&reply), Some(30));
    let mut cut = None;
    for guess in 0..40 {
        stage.get(CIVIL, &format!("/public-security/v1/households/1101051949123100{:02}", guess + 30));
        let reply = stage.get(CIVIL, REGISTER);
        if reply.status == 200 && stage.entry(&reply.request_id())["tier"] == "T1" {
            cut = Some(reply);
            break;
        }
    }
    let cut = cut.expect("guessing raises the tier");
    assert_eq!(count(&cut), Some(2), "{}", cut.text());
    assert_eq!(cut.header("zhamen-warning"), Some("rows-filtered, records-cut;max=2"));
    crate::support::eventually(|| !stage.entries_of("outcome", &cut.request_id()).is_empty());
    assert_eq!(stage.entries_of("outcome", &cut.request_id())[0]["dropped_records"], 28);

    // An upstream that is told how many is told no more than leave, and the caller is told that.
    let fewer = object!({"total": 30, "data": rows("330106", 2)}).to_string();
    stage.upstream().always(Play::Answer(json(&fewer)));
    for (query, told, warning) in [
        ("size=9&sort=amount", "size=2&sort=amount", Some("rows-filtered, records-max;max=2")),
        ("size=2&sort=amount", "size=2&sort=amount", Some("rows-filtered")),
        ("size=1", "size=1", Some("rows-filtered")),
        ("sort=amount", "sort=amount", Some("rows-filtered")),
    ] {
        stage.upstream().heard();
        let reply = stage.get(CIVIL, &format!("{REGISTER}?{query}"));
        assert_eq!((reply.status, reply.header("zhamen-warning")), (200, warning), "{query}");
        let heard = stage.upstream().heard().remove(0).target;
        assert!(
            heard.contains(told) && heard.matches("size").count() == told.matches("size").count(),
            "{heard}"
        );
        let asked = stage.entry(&reply.request_id())["records_requested"].clone();
        assert_eq!(
            asked == object!(9),
            query.starts_with("size=9"),
            "the entry says what was asked for: {asked}"
        );
    }
}

#[test]
fn the_route_itself_gives_no_more_than_its_cap() {
    let stage = careless();
    for (size, told) in [(51, None), (50, Some(50)), (7, Some(7))] {
        stage.upstream().heard();
        let reply = stage.get(CIVIL, &format!("{REGISTER}?size={size}"));
        let heard: Vec<String> = stage.upstream().heard().into_iter().map(|heard| heard.target).collect();
        match told {
            Some(told) => assert!(heard[0].contains(&format!("size={told}")), "{heard:?}"),
            None => assert_eq!((reply.status, heard.len()), (400, 0), "beyond what the parameter may be"),
        }
    }
    let stage = {
        let ground = Ground::lay();
        ground.edit("policies/catalogue/civil-affairs.yaml", |text| {
            text.replace("size: {type: int, min: 1, max: 50}", "size: {type: int, min: 3, max: 900}")
                .replace("records_max: 50", "records_max: 2")
                .replace("{T1: 20, T2: 10}", "{T1: 1}")
        });
        ground.start(patient)
    };
    let data: Vec<Value> = [rows("330106", 1), rows("330105", 2)].concat();
    stage.upstream().always(Play::Answer(json(&object!({"total": 9, "data": data}).to_string())));
    let reply = stage.get(CIVIL, &format!("{REGISTER}?size=900"));
    // No less than the upstream takes.
    assert!(stage.upstream().heard()[0].target.contains("size=3"), "{}", reply.text());
    assert_eq!(reply.header("zhamen-warning"), Some("rows-filtered, records-max;max=2"));
}

/// The number in the text that a database runs is the cap, too.
#[test]
fn stored_queries_are_told_of_the_cap() {
    const FIGURES: &str = "
  - method: GET
    path: /data-bureau/v1/figures
    dataset: open-statistics
    interface: BATCH
    upstream: data-bureau
    parameters: {size: {type: int, min: 1, max: 1000, required: true}}
    records_max: 20
    records_parameter: size
    query: {parameters: {rows: size}, sql: 'SELECT year, value FROM figures LIMIT {rows:UInt32} FORMAT JSON'}
";
    let ground = Ground::lay();
    ground.edit("policies/catalogue/data-bureau.yaml", |text| format!("{}{FIGURES}", text.trim_end()));
    let stage = ground.start(patient);
    stage.upstream().always(Play::Answer(json(r#"{"data":[{"year":"2025"}]}"#)));
    for (size, limit, warning) in [(900, 20, Some("records-max;max=20")), (20, 20, None), (3, 3, None)] {
        stage.upstream().heard();
        let ask = format!("GET /data-bureau/v1/figures?size={size} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let reply = stage.ask(Some("open-data-portal"), ask.as_bytes());
        assert_eq!((reply.status, reply.header("zhamen-warning")), (200, warning), "{}", reply.text());
        let heard = stage.upstream().heard().remove(0);
        let sql = String::from_utf8(heard.body).unwrap();
        assert_eq!(sql, format!("SELECT year, value FROM figures LIMIT {limit} FORMAT JSON"));
    }
}

/// Whoever may not be answered yes or no may not ask, since the upstream may answer in other ways.
#[test]
fn a_claim_is_a_use_that_policy_is_asked_for() {
    const MARRIAGE: (Option<&str>, &str) = (Some("real-estate-window"), "s2-officer");
    let claim = |stage: &Stage| {
        let body = object!({"id": "330106199003070022", "claimedStatus": "已婚"}).to_string();
        let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let line = "POST /civil-affairs/v1/marriages/verify";
        let mut bytes = crate::refusals::request(&stage.token(MARRIAGE.1), line, &more);
        bytes.extend_from_slice(body.as_bytes());
        stage.ask(MARRIAGE.0, &bytes)
    };
    let answer = object!({"data": [{"personId": "330106199003070022", "maritalStatus": "已婚"}]}).to_string();
    for (mode, status) in [("discloseVerify", 200), ("discloseToken", 403)] {
        let ground = Ground::lay();
        std::fs::remove_dir_all(ground.path("policies/cases")).unwrap();
        ground.edit("policies/property-transfer.cedar", |text| {
            text.replace("[Gov::Action::\"discloseVerify\"]", &format!("[Gov::Action::\"{mode}\"]"))
        });
        let mut stage = ground.start(patient);
        stage.upstream().always(Play::Answer(json(&answer)));
        let reply = claim(&stage);
        assert_eq!(reply.status, status, "{mode}: {}", reply.text());
        assert_eq!(stage.upstream().heard().len(), usize::from(status == 200), "{mode}");
        let entry = stage.entry(&reply.request_id());
        assert_eq!(entry["uses"], object!([{"label": "marital-status", "as": "verify"}]), "{entry}");
        if status == 200 {
            assert_eq!(reply.json()["data"][0]["maritalStatus"], true, "{}", reply.text());
        } else {
            assert_eq!(reply.code(), "E-FIELD-USE");
            assert_eq!(reply.json()["withheld_fields"], object!(["marital-status"]));
        }
        stage.stop();
    }
}
