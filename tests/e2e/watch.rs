//! What the gateway notices in answers: fields nobody classified, identifiers where none belong, and
//! how many people an answer tells of.

use crate::support::upstream::{Play, json};
use crate::support::{CIVIL, Ground, HOUSEHOLD, Stage, eventually, logged};
use serde_json::{Value, json};

const MOBILE: &str = "13812345678";

fn drifts(stage: &Stage) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = stage.entries();
    let drifts = all.iter().filter(|entry| entry["kind"] == "drift");
    drifts.map(|entry| (text(&entry["dataset"]), text(&entry["template"]))).collect()
}

#[test]
fn an_unclassified_field_is_told_once_a_snapshot() {
    let stage = Ground::lay().start(|_| ());
    let body = r#"{"data":[{"personId":"330106196502142015","name":"x","driftsHere":1,"alsoDrifts":{"deep":1}},
        {"driftsHere":2,"330106196502142015":1}],"page":1}"#;
    stage.upstream().always(Play::Answer(json(body)));
    let ask = || {
        let reply = stage.get(CIVIL, HOUSEHOLD);
        assert_eq!((reply.status, reply.text().contains("rift")), (200, false), "{}", reply.text());
        assert!(eventually(|| stage.entries_of("outcome", &reply.request_id()).len() == 1));
        stage.entries_of("outcome", &reply.request_id()).remove(0)
    };
    let outcome = ask();
    assert_eq!(outcome["dropped_unknown"], 5, "{outcome}");
    ask();
    let expect = ["$.data[*].driftsHere", "$.data[*].alsoDrifts", "$.data[*].?", "$.page"];
    let expect = expect.map(|template| ("household".to_owned(), template.to_owned()));
    assert!(eventually(|| drifts(&stage).len() >= 4));
    assert_eq!(drifts(&stage), expect);
    assert_eq!(stage.metric("zhamen_drift_templates", &["\"household\""]), 4.0);
    assert_eq!(stage.metric("zhamen_dropped_fields_total", &["\"household\""]), 10.0);
    let listed: Value = stage.page("/admin/v1/drift").json();
    let one =
        listed.as_array().unwrap().iter().find(|one| one["template"] == "$.data[*].driftsHere").unwrap();
    assert_eq!((&one["dataset"], &one["answers"]), (&json!("household"), &json!(2)), "{listed}");
    assert_eq!(logged().matches("template=\"$.data[*].driftsHere\"").count(), 1);

    // Under another snapshot it is news again; one that covers a field no longer tells of it.
    let before = stage.metric("zhamen_policy_revision", &[]);
    stage.ground.edit("policies/catalogue/public-security.yaml", |text| {
        text.replacen("      $.data[*].name: name\n", "      $.data[*].name: name\n      $.page: sex\n", 1)
    });
    assert!(eventually(|| stage.metric("zhamen_policy_revision", &[]) > before));
    ask();
    assert!(eventually(|| drifts(&stage).len() >= 7));
    assert_eq!(drifts(&stage).len(), 7, "{:?}", drifts(&stage));
    assert_eq!(stage.metric("zhamen_drift_templates", &["\"household\""]), 3.0);
}

#[test]
fn a_field_in_disguise_is_left_out_and_told_of_as_such() {
    let stage = Ground::lay().start(|_| ());
    let body = r#"{"data":[{"personId":"330106196502142015","Name":"x","nam\u200be":"x","other":1}]}"#;
    stage.upstream().always(Play::Answer(json(body)));
    let reply = stage.get(CIVIL, HOUSEHOLD);
    assert!(!reply.text().contains('x'), "{}", reply.text());
    assert!(eventually(|| stage.entries_of("outcome", &reply.request_id()).len() == 1));
    assert_eq!(stage.metric("zhamen_lookalike_fields_total", &["\"household\""]), 2.0);
    assert_eq!(stage.metric("zhamen_dropped_fields_total", &["\"household\""]), 3.0);
    assert_eq!(stage.metric("zhamen_detector_values_total", &["\"household\""]), 0.0, "nothing is watched");
    assert!(eventually(|| !drifts(&stage).is_empty()));
    assert!(drifts(&stage)[0].1.contains('≈'), "{:?}", drifts(&stage));
}

/// A gateway whose household dataset is watched so, and an answer with a number in a name.
fn watched(how: &str) -> (Stage, String, Value) {
    let ground = Ground::lay();
    ground.edit("policies/catalogue/public-security.yaml", |text| {
        text.replacen("    personal: true\n", &format!("    personal: true\n{how}"), 1)
    });
    let stage = ground.start(|_| ());
    let body = format!(
        r#"{{"data":[{{"personId":"330106196502142015","name":"章守根，电话{MOBILE}！"}},
            {{"personId":"110105 19491231 002X","name":"李"}},{{"personId":"11010519491231002x"}}]}}"#
    );
    stage.upstream().always(Play::Answer(json(&body)));
    let reply = stage.get(CIVIL, HOUSEHOLD);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(eventually(|| stage.entries_of("outcome", &reply.request_id()).len() == 1));
    let outcome = stage.entries_of("outcome", &reply.request_id()).remove(0);
    (stage, reply.text(), outcome)
}

#[test]
fn an_identifier_where_none_belongs_raises_an_alarm() {
    let (stage, text, outcome) = watched("    watch: full\n");
    assert!(text.contains(&format!("章守根，电话{MOBILE}！")), "{text}");
    assert_eq!(outcome["found"], json!([{"label": "name", "kind": "mobile", "values": 1}]), "{outcome}");
    let labels = ["\"household\"", "\"name\"", "\"mobile\""];
    assert_eq!(stage.metric("zhamen_identifiers_found_total", &labels), 1.0);
    // Of so many that were looked at: the two names.
    assert_eq!(stage.metric("zhamen_detector_values_total", &["\"household\""]), 2.0);
    assert!(logged().contains("kind=mobile") && !logged().contains(MOBILE));
}

#[test]
fn an_identifier_where_none_belongs_is_masked_if_the_catalogue_says_so() {
    let (_stage, text, outcome) = watched("    watch: full\n    on_find: mask\n");
    assert!(text.contains("章守根，电话138****5678！") && !text.contains(MOBILE), "{text}");
    assert_eq!(outcome["found"][0]["values"], 1, "{outcome}");
}

#[test]
fn subjects_are_counted_whatever_is_shown_of_them() {
    // Nothing is watched here; three values name two people, and one of them twice.
    let (stage, text, outcome) = watched("");
    assert!(text.contains(MOBILE), "{text}");
    assert_eq!((&outcome["subjects"], &outcome["records"]), (&json!(2), &json!(3)), "{outcome}");
    assert_eq!((outcome.get("found"), outcome.get("subjects_estimated")), (None, None));
    assert_eq!(stage.metric("zhamen_subjects_total", &["\"household\""]), 2.0);
    assert_eq!(stage.metric("zhamen_records_total", &["\"household\""]), 3.0);
}

#[test]
fn who_was_given_much_waits() {
    let stage = Ground::lay().start(|settings| {
        settings.quotas.volume = Some(zhamen::config::settings::Quota { per_second: 1, burst: 4 });
    });
    let record = r#"{"personId":"330106196502142015","name":"x"}"#;
    stage.upstream().always(Play::Answer(json(&format!("{{\"data\":[{}]}}", [record; 30].join(",")))));
    let first = stage.get(CIVIL, HOUSEHOLD);
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(eventually(|| stage.entries_of("outcome", &first.request_id()).len() == 1));
    let given = stage.entries_of("outcome", &first.request_id())[0]["records"].as_u64().unwrap();
    assert!(given > 4, "{given}");
    let next = stage.get(CIVIL, HOUSEHOLD);
    assert_eq!((next.status, stage.entry(&next.request_id())["cause"].clone()), (429, json!("quota_volume")));
    assert!(next.header("retry-after").unwrap().parse::<u64>().unwrap() >= given - 4, "{}", next.head);
    assert_eq!(stage.metric("zhamen_quota_refusals_total", &["\"volume\""]), 1.0);
}
