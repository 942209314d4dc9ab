//! Copies of the log from a running gateway, also one that is killed.

use crate::support::{CIVIL, Ground, HOUSEHOLD, MARKET, eventually, get};
use serde_json::Value;
use std::path::Path;

fn configured(ground: &Ground) {
    ground.edit("zhamen.yaml", |text| {
        text.replace(
            "audit:\n  dir: audit\n",
            "audit:\n  dir: audit\n  sinks:\n    - name: copy\n      file: {path: copy.jsonl}\n",
        )
    });
}

fn copied(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_copy_has_every_entry_and_the_metrics_say_so() {
    let ground = Ground::lay();
    configured(&ground);
    let mut stage = ground.start(|_| ());
    for _ in 0..5 {
        assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
    }
    assert!(eventually(|| stage.metric("zhamen_audit_sink_delivered_entries", &["copy"]) >= 12.0));
    assert!(eventually(|| stage.metric("zhamen_audit_sink_lag_entries", &["copy"]) == 0.0));
    assert_eq!(stage.metric("zhamen_audit_sink_ok", &["copy"]), 1.0);
    assert!(stage.page("/readyz?verbose").text().contains("sink: ok copy at entry"));
    let reading = |entry: &Value| entry["kind"] == "admin" && entry["actor"] == "sink copy";
    assert!(stage.entries().iter().any(reading), "a copy is a reading of the log");
    stage.stop();
    assert_eq!(copied(&stage.ground.path("copy.jsonl")), stage.entries(), "the last entry included");
}

/// As OCSF: an event for each entry, which carries it whole and has what its class requires.
#[test]
fn a_copy_as_ocsf_events_has_every_entry() {
    let ground = Ground::lay();
    ground.edit("zhamen.yaml", |text| {
        let sink = "  sinks:\n    - name: soc\n      file: {path: events.jsonl, format: ocsf}\n";
        text.replace("audit:\n  dir: audit\n", &format!("audit:\n  dir: audit\n{sink}"))
    });
    let mut stage = ground.start(|_| ());
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
    assert_eq!(stage.ask(None, &get(HOUSEHOLD, "no token")).status, 401);
    stage.page("/admin/v1/state");
    stage.stop();
    let (events, entries) = (copied(&stage.ground.path("events.jsonl")), stage.entries());
    let carried: Vec<&Value> = events.iter().map(|event| &event["unmapped"]).collect();
    assert_eq!(carried, entries.iter().collect::<Vec<_>>());
    let mut classes = std::collections::BTreeMap::new();
    for event in &events {
        assert_eq!(event["metadata"]["version"], "1.3.0");
        // Base Event; then API Activity; then the constraints of Endpoint, User and Organization.
        let base =
            ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
        let is_api = event["class_uid"] == 6003;
        let api = ["actor", "api", "src_endpoint"];
        for name in base.iter().chain(api.iter().filter(|_| is_api)) {
            assert!(!event[name].is_null(), "{name} of {event}");
        }
        if is_api {
            assert!(event["api"]["operation"].is_string() && event["src_endpoint"]["name"].is_string());
            assert!(event["actor"]["user"]["uid"].is_string() && event["api"]["request"]["uid"].is_string());
            let org = &event["actor"]["user"]["org"];
            assert!(org.is_null() || org["uid"].is_string(), "{event}");
        }
        *classes.entry(event["class_uid"].as_u64().unwrap()).or_insert(0) += 1;
    }
    assert!(classes[&0] >= 2 && classes[&6003] >= 4, "{classes:?}");
}

/// Killed as by a power switch under load, and started again: nothing of the log is missing in the
/// copy, and only what came after the remembered place may be there twice.
#[test]
fn a_killed_gateway_leaves_no_hole_in_the_copy() {
    let ground = Ground::lay();
    configured(&ground);
    let mut stage = ground.spawn();
    for _ in 0..3 {
        let token = stage.token(MARKET.1);
        let mut connection = stage.connect(MARKET.0);
        for _ in 0..40 {
            connection.ask(&get(crate::support::ENTERPRISE, &token)).unwrap();
        }
        stage.signal("KILL");
        stage.exit();
        stage.respawn();
    }
    let caught_up = || {
        let (copy, log) = (copied(&stage.ground.path("copy.jsonl")), stage.entries());
        copy.last().map(|entry| entry["seq"].clone()) == log.last().map(|entry| entry["seq"].clone())
    };
    assert!(eventually(caught_up));
    stage.signal("TERM");
    assert_eq!(stage.exit(), Some(0));
    stage.stop();
    let seqs =
        |entries: &[Value]| entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    let mut seen = seqs(&copied(&stage.ground.path("copy.jsonl")));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, seqs(&stage.entries()));
}
