use super::*;
use crate::config::settings::AuditSettings;
use crate::demo::citizens::cast;
use crate::engine::evidence::{Decision, Handover, ModeShown, Outcome, Request, SubjectKey};
use crate::engine::identifier::{Kind, check};
use crate::engine::reason::Reason;
use crate::engine::terms::{DisclosureMode, Interface, LegalBasis};
use crate::state::audit::verify_dir;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const CIVIL: &str = "11330100MB1111111R";
/// 2026-11-23T01:30:00Z.
const USED_AT: i64 = 1_795_397_400_000;
const DAY_MS: i64 = 86_400_000;

fn key(byte: u8, id: &str) -> SubjectKey {
    SubjectKey::named(id, &[byte; 32])
}

fn person(number: &str) -> Identifier {
    check(Kind::ResidentId, number).identifier().unwrap()
}

struct Desk {
    dir: tempfile::TempDir,
    audit: Arc<Audit>,
    usage: Arc<Usage>,
    view: Arc<UsageView>,
    keys: SubjectKeys,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn new(keys: SubjectKeys, burst: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = AuditSettings {
            segment_bytes_max: 3000,
            disk_low_bytes: 0,
            ..AuditSettings::new(dir.path().join("audit"))
        };
        let audit = Arc::new(Audit::create(&settings).unwrap());
        let log = audit.clone();
        let durable = Box::new(move || log.health().last_seq);
        let usage = Arc::new(Usage::start(&dir.path().join("usage"), vec![settings.dir], durable).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let view = view(&usage, &audit, keys.clone(), burst);
        Desk { dir, audit, usage, view, keys, runtime }
    }

    /// The same log under other keys.
    fn with_keys(mut self, keys: SubjectKeys) -> Self {
        self.view = view(&self.usage, &self.audit, keys.clone(), 100);
        self.keys = keys;
        self
    }

    /// A look-up of this person, answered.
    fn used(&self, id: &str, number: &str, change: impl FnOnce(&mut Request<'_>)) {
        let token = evidence_token(self.keys.newest(), number);
        let modes = [
            ModeShown { label: "name", mode: DisclosureMode::Clear, reason: None },
            ModeShown { label: "address", mode: DisclosureMode::None, reason: Some(Reason::FieldNotNeeded) },
        ];
        let mut request = Request {
            ts_in: USED_AT,
            request_id: id,
            department: Some(CIVIL),
            officer: Some("mz-0417"),
            purpose: Some("social-assistance"),
            legal_basis: Some(LegalBasis::StatutoryDuty),
            matter_type: Some("social-assistance-review"),
            dataset: Some("marriage"),
            interface: Some(Interface::Query),
            subject_token: Some(&token),
            decision: Some(Decision::AllowPartial),
            modes: &modes,
            ..Request::default()
        };
        change(&mut request);
        self.audit.note(encode(&Entry::Request(request))).receipt_blocking().unwrap();
        let outcome =
            Outcome { request_id: id, status: Some(200), handover: Handover::Whole, ..Outcome::default() };
        self.audit.note(encode(&Entry::Outcome(outcome))).receipt_blocking().unwrap();
    }

    fn caught_up(&self) {
        let began = Instant::now();
        while self.usage.status().behind > 0 {
            assert!(began.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ask(&self, who: Result<&str, Cause>, path: &str, query: &str, at_ms: i64) -> Answer {
        self.caught_up();
        let question = Question {
            method: "GET".into(),
            path: path.into(),
            query: query.into(),
            language: Language::En,
            address: [127, 0, 0, 1].into(),
            who: who.map(person),
        };
        // The monotonic clock stands still: nothing of a quota grows back.
        self.runtime.block_on(self.view.answer(question, Moment { unix_ms: at_ms, monotonic_us: 1 }))
    }

    fn page(&self, who: &str, query: &str, at_ms: i64) -> Value {
        let answer = self.ask(Ok(who), "/usage/v1", query, at_ms);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    fn log(&self) -> Vec<Value> {
        let mut follower = crate::state::follow::Follower::after(&self.dir.path().join("audit"), 0);
        let mut lines = Vec::new();
        while let Some(line) = follower.next(u64::MAX).unwrap() {
            lines.push(serde_json::from_slice(line.bytes).unwrap());
        }
        lines
    }
}

fn evidence_token(key: &SubjectKey, number: &str) -> String {
    crate::engine::evidence::subject_token(key, &person(number))
}

fn view(usage: &Arc<Usage>, audit: &Arc<Audit>, keys: SubjectKeys, burst: u32) -> Arc<UsageView> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let snapshots = Arc::new(
        Snapshots::start(&policies, crate::state::snapshot::Receipts::Signed, USED_AT / 1000).unwrap(),
    );
    let quota = Quota { per_second: 1, burst };
    Arc::new(UsageView::new(usage.clone(), snapshots, audit.clone(), keys, &[5; 32], quota))
}

fn one_key() -> SubjectKeys {
    SubjectKeys::new(SubjectKey::new(&[1; 32]), Vec::new())
}

fn ids(page: &Value) -> Vec<&str> {
    page["entries"].as_array().unwrap().iter().map(|one| one["request_id"].as_str().unwrap()).collect()
}

#[test]
fn a_person_reads_what_was_done_in_plain_words() {
    let desk = Desk::new(one_key(), 100);
    desk.used("r1", cast::APPLICANT, |_| ());
    desk.used("r2", cast::APPLICANT, |request| {
        request.decision = Some(Decision::Deny);
        request.reason = Some(Reason::SubjectNotInMatter);
        request.department = None;
    });
    let page = desk.page(cast::APPLICANT, "", USED_AT + 1);
    assert_eq!(ids(&page), ["r2", "r1"]);
    let catalogue = &desk.view.snapshots.current().catalogue;
    let used = &page["entries"][1];
    let receiver = catalogue.departments.get(CIVIL).map_or(CIVIL, |known| &known.title.en);
    for (member, expect) in [
        ("time", "2026-11-23T01:30:00.000Z"),
        ("action", "Looked up: Marriage registrations"),
        ("receiver", receiver),
        ("receiver_code", CIVIL),
        ("purpose", "Social assistance"),
        ("legal_basis", "STATUTORY_DUTY"),
        ("matter_type", "social-assistance-review"),
        ("decision", "ALLOW_PARTIAL"),
        ("outcome", "delivered"),
    ] {
        assert_eq!(used[member], expect, "{member}");
    }
    let disclosed = used["disclosed"].as_array().unwrap();
    assert_eq!((disclosed.len(), &disclosed[0]["mode"]), (1, &"CLEAR".into()), "NONE was not shown");
    let refused = &page["entries"][0];
    assert_eq!((&refused["outcome"], &refused["disclosed"]), (&"refused".into(), &serde_json::json!([])));
    assert_eq!(refused["receiver"], "A caller without proof of identity");
    assert_eq!(refused["reason"], Reason::SubjectNotInMatter.wording().en);
    assert!(!page.to_string().contains("mz-0417"), "officers are not named");

    let found = desk.ask(Ok(cast::APPLICANT), "/usage/v1/findUsage", "offset=1&limit=5", USED_AT + 1);
    let found: Value = serde_json::from_str(&found.body).unwrap();
    let expect = serde_json::json!([{ "logtime": "2026-11-23T01:30:00.000Z", "receiver": receiver,
        "action": "Looked up: Marriage registrations", "purpose": "Social assistance" }]);
    assert_eq!(found, expect);
}

#[test]
fn nobody_reads_anothers_uses() {
    let desk = Desk::new(one_key(), 100);
    for one in 0..5 {
        desk.used(&format!("r{one}"), cast::APPLICANT, |_| ());
    }
    desk.used("mine", cast::BUYER, |_| ());
    assert_eq!(ids(&desk.page(cast::BUYER, "", USED_AT)), ["mine"]);
    let theirs = desk.page(cast::APPLICANT, "limit=2", USED_AT);
    assert_eq!(ids(&theirs), ["r4", "r3"]);
    let cursor = theirs["next"].as_str().unwrap().split_once('?').unwrap().1;
    assert_eq!(ids(&desk.page(cast::APPLICANT, cursor, USED_AT)), ["r2", "r1", "r0"]);
    let token = evidence_token(desk.keys.newest(), cast::APPLICANT);
    for query in [
        cursor,
        &format!("subject={}", cast::APPLICANT),
        &format!("subject_token={token}"),
        "limit=5&limit=6",
    ] {
        let answer = desk.ask(Ok(cast::BUYER), "/usage/v1", query, USED_AT);
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(!answer.body.contains("r0"));
    }
    for (who, status) in
        [(Cause::NoCredential, 401), (Cause::TokenClaims, 401), (Cause::CredentialAmbiguous, 400)]
    {
        assert_eq!(desk.ask(Err(who), "/usage/v1", "", USED_AT).status, status);
    }
}

#[test]
fn each_reading_is_an_entry_and_none_is_answered_without() {
    let desk = Desk::new(one_key(), 100);
    desk.used("r1", cast::APPLICANT, |_| ());
    desk.page(cast::APPLICANT, "", USED_AT);
    desk.page(cast::APPLICANT, "", USED_AT);
    desk.ask(Err(Cause::TokenExpired), "/usage/v1", "", USED_AT);
    desk.ask(Ok(cast::APPLICANT), "/usage/v1", "subject=x", USED_AT);
    desk.audit.note(encode(&Entry::TornTail { ts: 0, bytes: 0 })).receipt_blocking().unwrap();
    let token = evidence_token(desk.keys.newest(), cast::APPLICANT);
    let readings: Vec<Value> = desk.log().into_iter().filter(|line| line["kind"] == "reading").collect();
    let told: Vec<(&Value, &Value, &Value)> =
        readings.iter().map(|one| (&one["status"], &one["reader"], &one["subject_token"])).collect();
    let (mine, nobody) = (Value::from(token), Value::Null);
    assert_eq!(
        told,
        [
            (&200.into(), &"subject".into(), &mine),
            (&200.into(), &"subject".into(), &mine),
            (&401.into(), &"unproven".into(), &nobody),
            (&400.into(), &"subject".into(), &mine),
        ]
    );
    assert_eq!((&readings[0]["entries"], &readings[2]["cause"]), (&1.into(), &"token_expired".into()));
    // An auditor's reading is a use that the person is told of; their own are not.
    let token = evidence_token(desk.keys.newest(), cast::APPLICANT);
    let reading = Reading {
        what: "usage",
        reader: "admin",
        subject_token: Some(&token),
        status: 200,
        ..Reading::default()
    };
    desk.audit.note(encode(&Entry::Reading(reading))).receipt_blocking().unwrap();
    let page = desk.page(cast::APPLICANT, "", USED_AT);
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
    assert_eq!(page["entries"][0]["action"], "Records of the use of your data were read");
    desk.audit.close();
    assert_eq!(desk.ask(Ok(cast::APPLICANT), "/usage/v1", "", USED_AT).status, 503);
}

#[test]
fn what_the_index_names_but_the_log_does_not_hold_gives_no_answer() {
    let desk = Desk::new(one_key(), 100);
    desk.used("r1", cast::APPLICANT, |_| ());
    desk.caught_up();
    for entry in std::fs::read_dir(desk.dir.path().join("audit")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            std::fs::write(path, "").unwrap();
        }
    }
    let question = Question {
        method: "GET".into(),
        path: "/usage/v1".into(),
        query: String::new(),
        language: Language::En,
        address: [127, 0, 0, 1].into(),
        who: Ok(person(cast::APPLICANT)),
    };
    let now = Moment { unix_ms: USED_AT, monotonic_us: 1 };
    let answer = desk.runtime.block_on(desk.view.answer(question, now));
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("E-UNAVAILABLE") && !answer.body.contains("social-assistance"));
}

#[test]
fn an_investigation_is_not_shown_counted_or_hinted_at_until_its_day() {
    let desk = Desk::new(one_key(), 100);
    desk.used("before", cast::APPLICANT, |_| ());
    for id in ["secret-1", "secret-2", "secret-3"] {
        desk.used(id, cast::APPLICANT, |request| request.purpose = Some("law-enforcement"));
    }
    desk.used("after", cast::APPLICANT, |_| ());
    let released = USED_AT + 180 * DAY_MS;
    for (at_ms, expect) in [
        (USED_AT, vec!["after", "before"]),
        (released - 1000, vec!["after", "before"]),
        (released, vec!["after", "secret-3", "secret-2", "secret-1", "before"]),
    ] {
        let page = desk.page(cast::APPLICANT, "", at_ms);
        assert_eq!(ids(&page), expect);
        assert!(page.get("next").is_none());
    }
    let first = desk.page(cast::APPLICANT, "limit=1", USED_AT);
    let cursor = first["next"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    let second = desk.page(cast::APPLICANT, &format!("{cursor}&limit=1"), USED_AT);
    assert_eq!((ids(&second), second.get("next")), (vec!["before"], None));
    let found = desk.ask(Ok(cast::APPLICANT), "/usage/v1/findUsage", "", USED_AT).body;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&found).unwrap().len(), 2);
    assert_eq!(desk.ask(Ok(cast::APPLICANT), "/usage/v1/findUsage", "offset=2", USED_AT).body, "[]");
}

#[test]
fn quotas_are_each_persons_own() {
    let desk = Desk::new(one_key(), 2);
    for (who, status) in [
        (Ok(cast::APPLICANT), 200),
        (Ok(cast::APPLICANT), 200),
        (Ok(cast::APPLICANT), 429),
        (Ok(cast::BUYER), 200),
        (Err(Cause::NoCredential), 401),
        (Err(Cause::NoCredential), 401),
        (Err(Cause::NoCredential), 429),
    ] {
        let answer = desk.ask(who, "/usage/v1", "", USED_AT);
        assert_eq!(answer.status, status);
        assert_eq!(answer.retry_after_s.is_some(), status == 429);
    }
}

#[test]
fn keys_rotate_and_an_erased_one_leaves_tokens_that_nobody_can_link() {
    let desk = Desk::new(SubjectKeys::new(key(1, "k1"), Vec::new()), 100);
    desk.used("under-k1", cast::APPLICANT, |_| ());
    let desk = desk.with_keys(SubjectKeys::new(key(2, "k2"), vec![key(1, "k1")]));
    desk.used("under-k2", cast::APPLICANT, |_| ());
    assert_eq!(ids(&desk.page(cast::APPLICANT, "", USED_AT)), ["under-k2", "under-k1"]);
    let tokens: Vec<Value> = desk.log().into_iter().map(|line| line["subject_token"].clone()).collect();
    assert!(
        tokens[0].as_str().unwrap().starts_with("k1:s1_")
            && tokens[2].as_str().unwrap().starts_with("k2:s1_")
    );

    let desk = desk.with_keys(SubjectKeys::new(key(3, "k3"), vec![key(2, "k2")]));
    assert_eq!(ids(&desk.page(cast::APPLICANT, "", USED_AT)), ["under-k2"]);
    let desk = desk.with_keys(SubjectKeys::new(key(3, "k3"), Vec::new()));
    assert!(ids(&desk.page(cast::APPLICANT, "", USED_AT)).is_empty());
    let found = desk.ask(Ok(cast::APPLICANT), "/usage/v1/findUsage", "", USED_AT);
    assert_eq!(found.body, "[]", "after erasure findUsage finds none");
    desk.audit.close();
    let report = verify_dir(&desk.dir.path().join("audit")).unwrap();
    assert!(report.entries >= 8, "the log is whole: {report:?}");
}
