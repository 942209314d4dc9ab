use super::found::Found;
use super::*;
use crate::config::settings::AuditSettings;
use crate::engine::evidence::{self, Decision, Entry, FoundBy, Handover, Outcome, Request, encode};
use crate::state::audit::Audit;
use crate::state::follow::sealed::is_sealed;
use crate::state::follow::segments;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Log {
    dir: tempfile::TempDir,
    audit: Arc<Audit>,
}

impl Log {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let audit = Arc::new(Audit::create(&settings(dir.path())).unwrap());
        Log { dir, audit }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    fn index(&self) -> PathBuf {
        self.dir.path().join("usage")
    }

    fn write(&self, entry: &Entry<'_>) -> u64 {
        self.audit.note(encode(entry)).receipt_blocking().unwrap().seq()
    }

    fn request(&self, id: &str, subject: Option<&str>, officer: &str) -> u64 {
        self.write(&Entry::Request(Request {
            request_id: id,
            subject_token: subject,
            officer: Some(officer),
            decision: Some(Decision::Allow),
            ..Request::default()
        }))
    }

    fn outcome(&self, id: &str) -> u64 {
        self.write(&Entry::Outcome(Outcome {
            request_id: id,
            handover: Handover::Whole,
            ..Outcome::default()
        }))
    }

    fn start(&self) -> Usage {
        let audit = self.audit.clone();
        let durable = Box::new(move || audit.health().last_seq);
        Usage::start(&self.index(), vec![self.folder()], durable).unwrap()
    }
}

fn settings(dir: &Path) -> AuditSettings {
    AuditSettings { segment_bytes_max: 4000, disk_low_bytes: 0, ..AuditSettings::new(dir.join("audit")) }
}

fn caught_up(usage: &Usage) {
    let began = Instant::now();
    while usage.status().behind > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", usage.status());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn subject(text: &str) -> Vec<Term> {
    vec![Term::new(TermKind::Subject, text)]
}

fn page(usage: &Usage, terms: Vec<Term>, from: Place, limit: usize) -> Page {
    usage.page(&Asked { terms, from, limit }, &|_| true).unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.entries.iter().map(|seen| &*seen.request_id).collect()
}

#[test]
fn requests_are_found_by_subject_and_by_officer_with_how_they_ended() {
    let log = Log::new();
    let usage = log.start();
    log.request("r1", Some("s1_a"), "mz-1");
    log.request("r2", Some("s1_b"), "mz-1");
    log.outcome("r1");
    log.request("r3", Some("s1_a"), "mz-2");
    log.request("r4", None, "mz-2");
    caught_up(&usage);
    for (terms, expect) in [
        (subject("s1_a"), vec!["r3", "r1"]),
        (subject("s1_b"), vec!["r2"]),
        (subject("s1_c"), vec![]),
        (vec![Term::new(TermKind::Officer, "mz-1")], vec!["r2", "r1"]),
        (vec![Term::new(TermKind::Officer, "mz-2")], vec!["r4", "r3"]),
        (vec![Term::new(TermKind::Officer, "s1_a")], vec![]),
        ([subject("s1_a"), subject("s1_b"), subject("s1_a")].concat(), vec!["r3", "r2", "r1"]),
    ] {
        assert_eq!(ids(&page(&usage, terms.clone(), Place::NEWEST, 10)), expect, "{terms:?}");
    }
    let found = page(&usage, subject("s1_a"), Place::NEWEST, 10);
    assert!(found.entries[0].ended.is_none());
    assert!(found.entries[1].ended.unwrap().delivered);
}

/// An answer that waited for no entry has its outcome in the request's own; nothing more is awaited.
#[test]
fn a_request_that_carries_its_outcome_awaits_none() {
    let log = Log::new();
    let usage = log.start();
    let outcome =
        Outcome { request_id: "r1", handover: Handover::Whole, records: Some(2), ..Outcome::default() };
    let request = Request {
        request_id: "r1",
        subject_token: Some("s1_a"),
        decision: Some(Decision::Allow),
        ..Request::default()
    };
    let line = encode(&Entry::Answered(request, outcome));
    log.audit.note(line.clone()).receipt_blocking().unwrap();
    caught_up(&usage);
    let found = page(&usage, subject("s1_a"), Place::NEWEST, 10);
    let ended = found.entries[0].ended.unwrap();
    assert!(ended.delivered && ended.records == Some(2));
    let text = [b"{\"seq\":1,", line.members(), b"}"].concat();
    assert!(matches!(Found::of(&text), Some(Found::Entry { awaits: None, .. })));
}

/// What was written ahead of its answer counts as delivered, unless an outcome says otherwise, which is
/// found by what it names itself.
#[test]
fn an_answer_written_ahead_may_be_corrected() {
    let log = Log::new();
    let usage = log.start();
    for id in ["r1", "r2"] {
        let outcome = Outcome { request_id: id, handover: Handover::Ahead, ..Outcome::default() };
        let request = Request {
            request_id: id,
            subject_token: Some("s1_a"),
            officer: Some("mz-1"),
            decision: Some(Decision::Allow),
            ..Request::default()
        };
        log.write(&Entry::Answered(request, outcome));
    }
    let found_by = FoundBy { subject_token: Some("s1_a"), officer: Some("mz-1") };
    log.write(&Entry::Corrected(Outcome { request_id: "r1", ..Outcome::default() }, found_by));
    caught_up(&usage);
    let mut from = Place::NEWEST;
    for (id, delivered) in [("r2", true), ("r1", false)] {
        let found = page(&usage, subject("s1_a"), from, 1);
        assert_eq!(ids(&found), [id]);
        assert_eq!(found.entries[0].ended.map(|ended| ended.delivered), Some(delivered), "{id}");
        from = found.next.unwrap_or(Place::NEWEST);
    }
    let by_officer = page(&usage, vec![Term::new(TermKind::Officer, "mz-1")], Place::NEWEST, 10);
    assert_eq!(ids(&by_officer), ["r2", "r1"]);
}

#[test]
fn pages_join_without_loss_repetition_or_a_lost_outcome() {
    let log = Log::new();
    let usage = log.start();
    let ids: Vec<String> = (0..23).map(|one| format!("r{one}")).collect();
    // Every outcome comes two requests later, so that it stands on another page than its request.
    for (place, id) in ids.iter().enumerate() {
        log.request(id, Some("s1_a"), "mz-1");
        if place >= 2 {
            log.outcome(&ids[place - 2]);
        }
    }
    caught_up(&usage);
    for limit in [1, 2, 5, 23, 50] {
        let (mut from, mut seen) = (Some(Place::NEWEST), Vec::new());
        while let Some(place) = from {
            let found = page(&usage, subject("s1_a"), place, limit);
            assert!(found.entries.len() <= limit);
            seen.extend(found.entries.into_iter().map(|one| (one.request_id, one.ended.is_some())));
            from = found.next;
        }
        let expect = ids.iter().enumerate().rev().map(|(place, id)| (id.clone(), place < 21));
        assert_eq!(seen, expect.collect::<Vec<_>>(), "limit {limit}");
    }
}

#[test]
fn what_may_not_be_seen_leaves_no_trace() {
    let log = Log::new();
    let usage = log.start();
    for one in 0..12 {
        log.request(&format!("r{one}"), Some("s1_a"), "mz-1");
        log.outcome(&format!("r{one}"));
    }
    caught_up(&usage);
    let is_visible = |seen: &Seen| seen.request_id == "r7" || seen.request_id == "r2";
    let ask = |from, limit| usage.page(&Asked { terms: subject("s1_a"), from, limit }, &is_visible).unwrap();
    let both = ask(Place::NEWEST, 2);
    assert_eq!((ids(&both), &both.next), (vec!["r7", "r2"], &None), "no hint that more is there");
    let first = ask(Place::NEWEST, 1);
    let place = first.next.clone().unwrap();
    assert_eq!(place.before, first.entries[0].seq);
    let second = ask(place, 1);
    assert_eq!((ids(&second), &second.next), (vec!["r2"], &None));
}

#[test]
fn a_carried_place_shows_nobody_elses_entry() {
    let log = Log::new();
    let usage = log.start();
    log.request("mine", Some("s1_a"), "mz-1");
    let (theirs, ended) = (log.request("theirs", Some("s1_b"), "mz-1"), log.outcome("theirs"));
    caught_up(&usage);
    let from = Place { before: u64::MAX, outcomes: vec![theirs, ended, 0, u64::MAX] };
    let found = page(&usage, subject("s1_a"), from, 10);
    assert_eq!(ids(&found), ["mine"]);
    assert!(found.entries[0].ended.is_none());
}

#[test]
fn an_index_is_continued_after_a_stop_and_rebuilt_when_lost_damaged_or_foreign() {
    let log = Log::new();
    let usage = log.start();
    log.request("r1", Some("s1_a"), "mz-1");
    caught_up(&usage);
    drop(usage);
    let usage = log.start();
    log.outcome("r1");
    log.request("r2", Some("s1_a"), "mz-1");
    caught_up(&usage);
    let found = page(&usage, subject("s1_a"), Place::NEWEST, 10);
    assert_eq!(ids(&found), ["r2", "r1"]);
    assert!(found.entries[1].ended.is_some(), "the open request outlived the stop");
    drop(usage);

    let run = |dir: &Path| {
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_string_lossy().contains("run-")).max().unwrap()
    };
    let manifest = |dir: &Path| dir.join("manifest");
    type Harm = Box<dyn Fn(&Path)>;
    let harms: Vec<(&str, Harm, u64)> = vec![
        ("the folder is gone", Box::new(|dir| fs::remove_dir_all(dir).unwrap()), 0),
        ("a run is gone", Box::new(move |dir| fs::remove_file(run(dir)).unwrap()), 0),
        ("a run is cut", Box::new(move |dir| fs::write(run(dir), b"x").unwrap()), 0),
        ("the manifest is garbage", Box::new(move |dir| fs::write(manifest(dir), b"x\ny\n").unwrap()), 0),
        (
            "another log's",
            Box::new(move |dir| {
                let mut index = Index::open(dir).unwrap();
                index.put(index.last().0, [9; 32], &[], None);
                index.settle().unwrap();
            }),
            1,
        ),
        (
            "ahead of the log",
            Box::new(move |dir| {
                let mut index = Index::open(dir).unwrap();
                index.put(1_000_000, [9; 32], &[], None);
                index.settle().unwrap();
            }),
            1,
        ),
    ];
    for (what, harm, rebuilt) in harms {
        harm(&log.index());
        let usage = log.start();
        let began = Instant::now();
        while usage.status().upto != log.audit.health().last_seq {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(ids(&page(&usage, subject("s1_a"), Place::NEWEST, 10)), ["r2", "r1"], "{what}");
        assert_eq!(usage.status().rebuilt, rebuilt, "{what}");
    }
}

#[test]
fn damage_found_by_a_question_is_repaired_from_the_log() {
    let log = Log::new();
    let usage = log.start();
    for one in 0..50 {
        log.request(&format!("r{one}"), Some("s1_a"), "mz-1");
    }
    caught_up(&usage);
    drop(usage);
    let usage = log.start();
    let run = fs::read_dir(log.index()).unwrap().map(|entry| entry.unwrap().path());
    let run = run.filter(|path| path.to_string_lossy().contains("run-")).max().unwrap();
    // Behind the back of the open index: fences are in memory, the block is not.
    let mut bytes = fs::read(&run).unwrap();
    bytes[3] ^= 1;
    fs::write(&run, bytes).unwrap();
    let asked = Asked { terms: subject("s1_a"), from: Place::NEWEST, limit: 100 };
    assert!(matches!(usage.page(&asked, &|_| true), Err(UsageError::Index(_))));
    let began = Instant::now();
    let found = loop {
        match usage.page(&asked, &|_| true) {
            Ok(page) if page.entries.len() == 50 => break page,
            _ => assert!(began.elapsed() < Duration::from_secs(20)),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((found.entries.len(), usage.status().rebuilt), (50, 1));
}

/// Postings of many keys through memory, runs and merges, against a map.
#[test]
fn runs_and_merges_find_what_a_map_finds() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = Index::open(dir.path()).unwrap();
    let mut expect: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for seq in 1..=600_000_u64 {
        let keys = [seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50, u64::MAX - seq % 7];
        keys.iter().for_each(|key| expect.entry(*key).or_default().push(seq));
        index.put(seq, [0; 32], &keys, None);
        index.tidy(0).unwrap();
    }
    index.settle().unwrap();
    drop(index);
    let view = Index::open(dir.path()).unwrap().view();
    for (key, seqs) in expect.iter().step_by(97).chain(expect.iter().rev().take(7)) {
        let newest: Vec<u64> = seqs.iter().rev().take(100).copied().collect();
        assert_eq!(view.newest(*key, u64::MAX, 100).unwrap(), newest);
        let older: Vec<u64> = seqs.iter().rev().filter(|seq| **seq < 300_000).take(3).copied().collect();
        assert_eq!(view.newest(*key, 300_000, 3).unwrap(), older);
    }
    assert!(fs::read_dir(dir.path()).unwrap().count() < 12, "runs were merged");
    let (postings, bytes) = view.size();
    assert_eq!(postings, 1_200_000);
    assert!(bytes / 600_000 < 20, "{} bytes an entry", bytes / 600_000);
}

#[test]
fn entries_are_located_at_every_place_of_uneven_lines() {
    let dir = tempfile::tempdir().unwrap();
    let big = AuditSettings { segment_bytes_max: 300_000, ..settings(dir.path()) };
    let audit = Audit::create(&big).unwrap();
    for one in 0..1500_usize {
        let detail = "x".repeat(one * 7919 % 250);
        let policies: Vec<Arc<str>> = vec![detail.as_str().into(); if one % 97 == 0 { 60 } else { 1 }];
        let entry = Entry::Request(Request { request_id: "r", policies: &policies, ..Request::default() });
        drop(audit.note(evidence::encode(&entry)));
        if one % 200 == 0 {
            audit.note(evidence::encode(&entry)).receipt_blocking().unwrap();
        }
    }
    audit.close();
    let last = audit.health().last_seq;
    let located = || {
        let mut log = LogReader::new(vec![big.dir.clone()]);
        for seq in 1..=last {
            let line = log.line(seq).unwrap().unwrap();
            assert_eq!(crate::engine::evidence::chain::verify_line(&line).unwrap().seq, seq);
        }
        log
    };
    located();
    // The same when all but the last are sealed, which the writer does in the background.
    let sealing = AuditSettings { seal_age: Some(Duration::ZERO), ..big.clone() };
    let audit = Audit::open(&sealing).unwrap();
    let began = Instant::now();
    let plain = || {
        segments(std::slice::from_ref(&big.dir)).unwrap().iter().filter(|one| !is_sealed(&one.path)).count()
    };
    while plain() > 1 {
        assert!(began.elapsed() < Duration::from_secs(30), "{} are not sealed", plain());
        std::thread::sleep(Duration::from_millis(20));
    }
    audit.close();
    let mut log = located();
    let mut follower = crate::state::follow::Follower::after(&big.dir, 0);
    for seq in 1..=last {
        assert_eq!(follower.next(u64::MAX).unwrap().unwrap().seq, seq);
    }
    crate::state::audit::verify_dir(&big.dir).unwrap();
    assert_eq!(log.line(last + 1).unwrap(), None);
    assert_eq!(log.line(0).unwrap(), None);
    assert_eq!(LogReader::new(vec![dir.path().join("none")]).line(1).unwrap(), None);
}
