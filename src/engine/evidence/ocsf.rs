//! Entries as events of the Open Cybersecurity Schema Framework, version 1.3.0 (schema.ocsf.io/1.3.0).
//!
//! Requests, their outcomes, readings of the log and acts on the admin plane are class 6003, API
//! Activity; every other entry is the Base Event (class 0). Nothing is lost: the whole entry with its
//! hash stands in `unmapped`, so an event can be matched with the log.
//!
//! ```
//! use zhamen::engine::evidence::ocsf;
//! let entry = serde_json::json!({ "seq": 7, "kind": "admin", "ts": "2026-11-23T01:30:00.000Z", "actor": "op" });
//! let event = ocsf::event(&entry);
//! assert_eq!((&event["class_uid"], &event["unmapped"]), (&6003.into(), &entry));
//! ```

use super::read_time;
use serde_json::{Value, json};

const VERSION: &str = "1.3.0";
const API_ACTIVITY: u32 = 6003;
const CATEGORY_APPLICATION: u32 = 6;
const OTHER: u32 = 99;

/// One entry, as the log has it, as one event.
pub fn event(entry: &Value) -> Value {
    let kind = entry["kind"].as_str().unwrap_or_default();
    let time = ["ts_in", "ts"].iter().find_map(|name| read_time(entry[*name].as_str()?)).unwrap_or(0);
    let is_api = matches!(kind, "request" | "outcome" | "reading" | "admin");
    let activity = if is_api { activity(kind, entry) } else { OTHER };
    let (class, category) = if is_api { (API_ACTIVITY, CATEGORY_APPLICATION) } else { (0, 0) };
    let mut event = json!({
        "activity_id": activity,
        "category_uid": category,
        "class_uid": class,
        "type_uid": class * 100 + activity,
        "severity_id": severity(entry),
        "time": time,
        "message": kind,
        "metadata": {
            "version": VERSION,
            "product": { "name": "zhamen", "vendor_name": "zhamen", "version": env!("CARGO_PKG_VERSION") },
            "uid": entry["hash"], "sequence": entry["seq"], "correlation_uid": entry["request_id"],
            "log_name": "audit",
        },
    });
    if is_api && let Some(members) = event.as_object_mut() {
        members.extend(api_members(kind, entry));
    }
    if activity == OTHER {
        event["activity_name"] = kind.into();
    }
    without_nothing(&mut event);
    event["unmapped"] = entry.clone();
    event
}

fn api_members(kind: &str, entry: &Value) -> serde_json::Map<String, Value> {
    let text = |name: &str| entry[name].as_str().map(str::to_owned);
    let application = text("application");
    let user = text("officer").or_else(|| text("reader")).or_else(|| text("actor"));
    let caller = user.clone().or_else(|| application.clone()).unwrap_or_else(|| "unproven".into());
    let operation = match (text("interface"), text("dataset"), kind) {
        (Some(interface), Some(dataset), _) => format!("{interface} {dataset}"),
        (_, Some(dataset), _) => dataset,
        _ => text("action").or_else(|| text("what")).unwrap_or_else(|| kind.to_owned()),
    };
    let (status_id, status) = status(entry);
    let members = json!({
        "actor": {
            "user": { "name": caller, "uid": caller, "org": { "uid": entry["department"] } },
            "app_name": application,
        },
        "api": {
            "operation": operation,
            "request": { "uid": entry["request_id"].as_str().unwrap_or("-") },
            "response": { "code": entry["status"], "error": entry["reason"], "message": entry["decision"] },
        },
        "src_endpoint": { "name": application.unwrap_or_else(|| "unproven".into()), "subnet_uid": entry["client_ip"] },
        "status": status,
        "status_id": status_id,
        "status_code": entry["reason"],
    });
    match members {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    }
}

/// 1 create, 2 read, 3 update, 4 delete.
fn activity(kind: &str, entry: &Value) -> u32 {
    match (kind, entry["method"].as_str()) {
        ("reading", _) | ("request", Some("GET" | "HEAD" | "POST") | None) | ("outcome", _) => 2,
        ("request", Some("PUT" | "PATCH")) => 3,
        ("request", Some("DELETE")) => 4,
        _ => OTHER,
    }
}

/// 1 informational, 2 low, 3 medium.
fn severity(entry: &Value) -> u32 {
    if entry["break_glass"] == true || entry["kind"] == "gap" {
        3
    } else if matches!(entry["decision"].as_str(), Some("DENY" | "REFUSED")) {
        2
    } else {
        1
    }
}

fn status(entry: &Value) -> (u32, &'static str) {
    let is_error = entry["status"].as_u64().is_some_and(|status| status >= 400);
    match entry["decision"].as_str() {
        Some("DENY" | "REFUSED") => (2, "Failure"),
        _ if is_error || entry["delivered"] == false => (2, "Failure"),
        _ => (1, "Success"),
    }
}

/// Absent is left out, and so is an object of nothing but absent members: most objects of OCSF need
/// one at least.
fn without_nothing(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(without_nothing);
    members
        .retain(|_, member| !member.is_null() && member.as_object().is_none_or(|object| !object.is_empty()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attributes that OCSF 1.3.0 requires, by JSON pointer: of every event, of class 6003, and of the
    /// objects used (metadata, product, api, actor, user, request).
    const OF_ALL: &[&str] = &[
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/type_uid",
        "/severity_id",
        "/time",
        "/metadata/version",
        "/metadata/product/vendor_name",
        "/metadata/product/name",
    ];
    const OF_API: &[&str] = &["/actor/user/name", "/api/operation", "/api/request/uid", "/src_endpoint/name"];

    fn entries() -> Vec<Value> {
        vec![
            json!({ "seq": 1, "kind": "start", "ts": "2026-11-23T01:30:00.000Z", "hash": "aa" }),
            json!({ "seq": 2, "kind": "request", "ts_in": "2026-11-23T01:30:00.000Z", "request_id": "r", "hash": "ab",
                "officer": "mz-1", "application": "desk", "department": "D", "dataset": "marriage", "interface": "QUERY",
                "method": "GET", "decision": "ALLOW", "client_ip": "10.0.0.0/24" }),
            json!({ "seq": 3, "kind": "request", "ts_in": "2026-11-23T01:30:00.000Z", "request_id": "r",
                "decision": "REFUSED", "reason": "E-IDENTITY", "status": 401 }),
            json!({ "seq": 4, "kind": "outcome", "ts_in": "2026-11-23T01:30:00.000Z", "request_id": "r",
                "status": 200, "delivered": false }),
            json!({ "seq": 5, "kind": "reading", "ts": "2026-11-23T01:30:00.000Z", "what": "usage", "reader": "uid 0",
                "request_id": "x", "status": 200 }),
            json!({ "seq": 6, "kind": "admin", "ts": "2026-11-23T01:30:00.000Z", "actor": "op", "action": "x", "status": 200 }),
            json!({ "seq": 7, "kind": "gap", "ts": "2026-11-23T01:30:00.000Z", "first": 3, "last": 4 }),
        ]
    }

    #[test]
    fn events_have_every_required_attribute_of_their_class() {
        for entry in entries() {
            let event = event(&entry);
            let class = event["class_uid"].as_u64().unwrap();
            let wanted = OF_ALL.iter().chain(OF_API.iter().filter(|_| class == 6003));
            for pointer in wanted {
                assert!(event.pointer(pointer).is_some(), "{pointer} of {}", entry["kind"]);
            }
            assert_eq!(event["type_uid"], class * 100 + event["activity_id"].as_u64().unwrap());
            assert_eq!(event["category_uid"], class / 1000);
            assert_eq!(event["time"], 1_795_397_400_000_i64);
            assert_eq!(event["unmapped"], entry, "nothing is lost");
            assert!(!event.to_string().contains("null") && !event.to_string().contains("{}"));
            assert!(event["activity_id"] != OTHER || event["activity_name"] == entry["kind"]);
        }
    }

    #[test]
    fn decisions_become_status_and_severity() {
        let events: Vec<Value> = entries().iter().map(event).collect();
        let told: Vec<(u64, u64, u64)> = events
            .iter()
            .map(|one| {
                let number = |name: &str| one[name].as_u64().unwrap_or(0);
                (number("class_uid"), number("status_id"), number("severity_id"))
            })
            .collect();
        let expect =
            [(0, 0, 1), (6003, 1, 1), (6003, 2, 2), (6003, 2, 1), (6003, 1, 1), (6003, 1, 1), (0, 0, 3)];
        assert_eq!(told, expect);
        assert_eq!(events[1]["api"]["operation"], "QUERY marriage");
        assert_eq!(events[1]["src_endpoint"]["subnet_uid"], "10.0.0.0/24");
    }
}
