//! Compares what came back with what a scenario expects. Pure.
//!
//! ```
//! use zhamen::demo::play::{client::Exchange, judge::{Reading, judge}, scenarios::SCENARIOS};
//! let nothing = Exchange::default();
//! let wrong = judge(&SCENARIOS[0].steps[0], &nothing, &Reading::of(&nothing));
//! assert_eq!((wrong[0].what.as_str(), wrong[0].got.as_str()), ("status", "0"));
//! ```

use super::client::Exchange;
use super::disclosure::{self, Item};
use super::scenarios::{Field, NEVER, Seen, Step};
use serde_json::Value;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub what: String,
    pub expected: String,
    pub got: String,
}

/// What came back, read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Records of `data`.
    pub records: Vec<Value>,
    pub disclosed: Vec<Item>,
    /// `code` of a problem document.
    pub code: Option<String>,
}

impl Reading {
    /// Reads headers and body; what cannot be read stays empty, and the judge misses it.
    pub fn of(exchange: &Exchange) -> Self {
        let document: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
        let problem =
            exchange.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
        let code = document.get("code").and_then(Value::as_str).filter(|_| problem);
        let disclosed = exchange.header("disclosure").and_then(disclosure::parse);
        Reading {
            code: code.map(str::to_owned),
            records: document.get("data").and_then(Value::as_array).cloned().unwrap_or_default(),
            disclosed: disclosed.unwrap_or_default(),
        }
    }

    /// The outcome of this label.
    pub fn item(&self, label: &str) -> Option<&Item> {
        self.disclosed.iter().find(|item| item.label == label)
    }
}

/// Everything about the exchange that is not as the step expects.
pub fn judge(step: &Step, exchange: &Exchange, reading: &Reading) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    compare(&mut wrong, "status", step.status, exchange.status);
    if let Some(code) = step.code {
        compare(&mut wrong, "code", code.code(), reading.code.as_deref().unwrap_or("none"));
    }
    if exchange.header("zhamen-request-id").is_none_or(str::is_empty) {
        compare(&mut wrong, "Zhamen-Request-Id", "present", "missing");
    }
    if let Some(records) = step.records {
        compare(&mut wrong, "records", records, reading.records.len());
    }
    for field in step.fields {
        outcome(&mut wrong, field, reading);
        value(&mut wrong, field, &reading.records);
    }
    for secret in step.forbidden.iter().chain(NEVER) {
        if let Some(place) = leak(exchange, secret) {
            compare(&mut wrong, &format!("`{secret}`"), "nowhere", place);
        }
    }
    wrong
}

fn compare(wrong: &mut Vec<Wrong>, what: &str, expected: impl ToString, got: impl ToString) {
    let (expected, got) = (expected.to_string(), got.to_string());
    if expected != got {
        wrong.push(Wrong { what: what.to_owned(), expected, got });
    }
}

/// Mode and reason of the field's label.
fn outcome(wrong: &mut Vec<Wrong>, field: &Field, reading: &Reading) {
    let expected = written(field.mode.code(), field.reason.map(|reason| reason.code()));
    let got = reading.item(field.label).map_or_else(
        || "not in the Disclosure header".to_owned(),
        |item| written(item.mode.code(), item.reason.map(|reason| reason.code())),
    );
    compare(wrong, &format!("label {}", field.label), expected, got);
}

fn written(mode: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| mode.to_owned(), |reason| format!("{mode} {reason}"))
}

fn value(wrong: &mut Vec<Wrong>, field: &Field, records: &[Value]) {
    let first = records.first().and_then(|record| record.get(field.name)).unwrap_or(&Value::Null);
    let mut all = records.iter().filter_map(|record| record.get(field.name));
    let (expected, fits) = match field.seen {
        Seen::Text(text) => (format!("\"{text}\""), first.as_str() == Some(text)),
        Seen::Json(json) => {
            (json.to_owned(), serde_json::from_str::<Value>(json).ok().as_ref() == Some(first))
        }
        Seen::Something => ("a value".to_owned(), !first.is_null()),
        Seen::Hidden => {
            ("at most yes or no".to_owned(), all.all(|value| value.is_boolean() || value.is_null()))
        }
        Seen::Absent => ("no such member".to_owned(), all.next().is_none()),
    };
    if !fits {
        wrong.push(Wrong { what: format!("field {}", field.name), expected, got: first.to_string() });
    }
}

/// Where the text appears in headers or body; escaped text counts too.
fn leak(exchange: &Exchange, text: &str) -> Option<&'static str> {
    if exchange.headers.iter().any(|(_, value)| value.contains(text)) {
        return Some("in a header");
    }
    let raw = String::from_utf8_lossy(&exchange.body);
    let unescaped = serde_json::from_slice::<Value>(&exchange.body).map(|value| value.to_string());
    (raw.contains(text) || unescaped.is_ok_and(|body| body.contains(text))).then_some("in the body")
}

#[cfg(test)]
mod tests;
