//! Every "no" that can be reached from outside: what the caller reads, what the log says, and that
//! the upstream did not hear of what was refused before it.

mod callers;
mod limits;
mod requests;
mod upstreams;

use crate::support::client::Reply;
use crate::support::upstream::Play;
use crate::support::{ENTERPRISE, Ground, MARKET, Stage};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Mutex;
use zhamen::engine::reason::Cause;

/// Causes that no row reaches, each with the reason why.
const UNREACHED: &[(&str, &str)] = &[
    ("early_close", "the caller is gone; audit.rs looks at the entry"),
    ("stream_refused", "h2 refuses them unseen; frames.rs looks at the entry of their count"),
    ("cancelled", "the caller is gone; audit.rs looks at the entry"),
    ("decode_limit", "formats.rs sends bombs; here the limit of bodies comes first"),
    ("audit_failed", "audit.rs breaks the log"),
    ("usage_index", "the index of /usage/v1 is behind or damaged; `ops::usage` has its unit tests"),
    ("panic", "nothing known makes a request panic; a unit test of `request` makes one"),
];

/// One request, and what must come of it.
pub struct Row {
    pub name: String,
    /// Whose certificate is shown.
    pub application: Option<&'static str>,
    pub send: Vec<u8>,
    /// What the upstream does, if not the usual.
    pub play: Option<Play>,
    pub status: u16,
    pub code: &'static str,
    /// Empty where policy said no and did not err.
    pub cause: &'static str,
    /// How often the upstream is asked.
    pub heard: usize,
}

impl Row {
    /// A row of the market window, which the upstream must not hear of.
    pub fn new(name: &str, send: Vec<u8>, (status, code, cause): (u16, &'static str, &'static str)) -> Row {
        Row { name: name.to_owned(), application: MARKET.0, send, play: None, status, code, cause, heard: 0 }
    }
}

/// The causes that rows have reached so far, of all tests of this file.
static REACHED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What was not as its row says, so that one run shows all of it.
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Carries the rows out, one after the other, and looks at everything they leave.
pub fn carry_out(stage: &Stage, rows: Vec<Row>) {
    for row in &rows {
        stage.upstream().heard();
        match &row.play {
            Some(play) => stage.upstream().always(play.clone()),
            None => stage.upstream().as_usual(),
        }
        let mut connection = stage.connect(row.application);
        let fault = match connection.ask(&row.send) {
            Err(error) => Some(format!("{}: no answer: {error}", row.name)),
            Ok(reply) => wrong(stage, row, &reply),
        };
        FAULTS.lock().unwrap().extend(fault);
    }
}

/// What is not as the row says.
fn wrong(stage: &Stage, row: &Row, reply: &Reply) -> Option<String> {
    let heard = stage.upstream().heard().len();
    let told = (reply.status, reply.code(), heard);
    if told != (row.status, row.code.to_owned(), row.heard) {
        return Some(format!("{}: {told:?} {}", row.name, reply.text()));
    }
    let document = reply.json();
    let id = reply.request_id();
    let wording = [document["title"].as_str(), document["remedy"].as_str()];
    let whole = reply.header("content-type") == Some("application/problem+json")
        && document["type"] == format!("urn:zhamen:reason:{}", row.code)
        && document["status"] == row.status
        && document["request_id"] == id
        && wording.iter().all(|text| text.is_some_and(|text| !text.is_empty()));
    if !whole {
        return Some(format!("{}: not a problem document: {}\n{}", row.name, reply.head, reply.text()));
    }
    let entry = stage.entry(&id);
    let said = entry_says(stage, row, &entry, &id);
    REACHED.lock().unwrap().insert(row.cause.to_owned());
    (!said).then(|| format!("{}: the entry is {entry}", row.name))
}

/// The request's own entry names the cause, or, where it was allowed first, its outcome does.
fn entry_says(stage: &Stage, row: &Row, entry: &Value, id: &str) -> bool {
    if entry["decision"] == "REFUSED" {
        return entry["cause"] == row.cause && entry["reason"] == row.code && entry["status"] == row.status;
    }
    if entry["decision"] == "DENY" {
        return entry["cause"].as_str().unwrap_or_default() == row.cause && entry["reasons"][0] == row.code;
    }
    let outcome = || stage.entries_of("outcome", id);
    crate::support::eventually(|| !outcome().is_empty());
    let [outcome] = &outcome()[..] else { return false };
    outcome["fault"] == row.cause && outcome["status"] == row.status && outcome["delivered"] == false
}

/// A request of the market window with these lines after the usual ones.
pub fn request(token: &str, line: &str, more: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n").into_bytes()
}

#[test]
fn all_causes_are_reached_or_listed() {
    let stage = Ground::lay().start(requests::patient);
    requests::run(&stage);
    callers::run(&stage);
    upstreams::run(&stage);
    limits::run();
    let faults = FAULTS.lock().unwrap();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    let reached = REACHED.lock().unwrap().clone();
    let listed: BTreeSet<&str> = UNREACHED.iter().map(|(cause, _)| *cause).collect();
    let missed: Vec<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    let missed: Vec<_> = missed.into_iter().filter(|cause| !reached.contains(*cause)).collect();
    assert_eq!(missed, listed_in_order(&listed), "causes that no row reaches");
}

fn listed_in_order<'a>(listed: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let all = Cause::ALL.iter().map(|cause| cause.code());
    let kept: Vec<&str> = all.filter(|cause| listed.contains(cause)).collect();
    assert_eq!(kept.len(), listed.len(), "the list names a cause that there is not");
    kept
}

#[test]
fn a_request_that_nothing_is_wrong_with_is_answered() {
    let stage = Ground::lay().start(|_| ());
    let reply = stage.get(MARKET, ENTERPRISE);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(stage.upstream().heard().len(), 1);
}
