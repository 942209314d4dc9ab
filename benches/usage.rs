//! The usage index at ten million entries: bytes an entry, time to build, and time of one look-up.
//!
//! Postings come from a seeded generator straight into the index: one million subjects, 2,000
//! officers, each request with its outcome. Then look-ups of random subjects and officers from the
//! files, newest 20, are timed, and whole pages (index and log) over a log of 200,000 written lines.
//! `ZHAMEN_USAGE_ENTRIES` sets another size.

use std::hint::black_box;
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::{Decision, Entry, Handover, Outcome, Request, encode};
use zhamen::state::audit::Audit;
use zhamen::state::usage::{Asked, Index, Offline, Place, Term, TermKind, View};

const SUBJECTS: u64 = 1_000_000;
const OFFICERS: u64 = 2_000;
const LOOKUPS: usize = 2_000;
const LINES: u64 = 200_000;

fn main() {
    let entries = std::env::var("ZHAMEN_USAGE_ENTRIES").ok().and_then(|text| text.parse().ok());
    let entries: u64 = entries.unwrap_or(10_000_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let began = Instant::now();
    let view = build(&folder.path().join("index"), entries);
    let (postings, bytes) = view.size();
    println!("entries              {entries}");
    println!("postings             {postings}");
    println!("built in             {:.1} s", began.elapsed().as_secs_f64());
    println!("bytes an entry       {:.1}", bytes as f64 / entries as f64);
    for (what, kind, count) in
        [("subject", TermKind::Subject, SUBJECTS), ("officer", TermKind::Officer, OFFICERS)]
    {
        let times = (0..LOOKUPS).map(|at| lookup(&view, kind, mixed(at as u64 ^ 77) % count));
        report(&format!("{what} look-up"), times.collect());
    }
    pages(&folder.path().join("log"));
}

fn build(dir: &std::path::Path, entries: u64) -> View {
    let mut index = Index::open(dir).expect("an index");
    let subjects: Vec<u64> = keys(TermKind::Subject, SUBJECTS);
    let officers: Vec<u64> = keys(TermKind::Officer, OFFICERS);
    let mut seq = 0;
    while seq < entries {
        // Half of the outcomes come right after their request, half behind the next one.
        let late = mixed(seq).is_multiple_of(2);
        let pair = [pick(&subjects, &officers, seq), pick(&subjects, &officers, seq + 2)];
        let order: &[usize] = if late { &[0, 1, 0, 1] } else { &[0, 0, 1, 1] };
        for which in order {
            seq += 1;
            index.put(seq, [0; 32], &pair[*which], None);
            index.tidy(0).expect("a run is written");
        }
    }
    index.settle().expect("the last run is written");
    drop(index);
    // From the files alone.
    Index::open(dir).expect("the same index").view()
}

fn keys(kind: TermKind, count: u64) -> Vec<u64> {
    (0..count).map(|one| Term::new(kind, &one.to_string()).key()).collect()
}

fn pick(subjects: &[u64], officers: &[u64], seq: u64) -> [u64; 2] {
    let any = |keys: &[u64], salt: u64| keys[(mixed(seq ^ salt) % keys.len() as u64) as usize];
    [any(subjects, 1 << 60), any(officers, 1 << 61)]
}

fn lookup(view: &View, kind: TermKind, one: u64) -> Duration {
    let term = Term::new(kind, &one.to_string());
    let began = Instant::now();
    black_box(view.newest(term.key(), u64::MAX, 20).expect("the files are whole"));
    began.elapsed()
}

/// Whole answers: places from the index, lines from the log, each checked by its hash.
fn pages(dir: &std::path::Path) {
    let settings = AuditSettings { queue_max: 1 << 20, disk_low_bytes: 0, ..AuditSettings::new(dir) };
    let audit = Audit::create(&settings).expect("a log");
    for one in 0..LINES / 2 {
        let (id, subject, officer) =
            (format!("{one:032x}"), format!("s1_{}", one % 5_000), format!("mz-{}", one % 50));
        let request = Request {
            request_id: &id,
            subject_token: Some(&subject),
            officer: Some(&officer),
            decision: Some(Decision::Allow),
            dataset: Some("marriage"),
            purpose: Some("social-assistance"),
            ..Request::default()
        };
        drop(audit.note(encode(&Entry::Request(request))));
        let outcome = Outcome { request_id: &id, handover: Handover::Whole, ..Outcome::default() };
        let pending = audit.note(encode(&Entry::Outcome(outcome)));
        if one % 400 == 0 {
            pending.receipt_blocking().expect("the disk writes");
        }
    }
    audit.close();
    let terms: Vec<Term> = (0..5_000).map(|one| Term::new(TermKind::Subject, &format!("s1_{one}"))).collect();
    let mut log = Offline::open(None, std::slice::from_ref(&settings.dir), &terms).expect("the log is whole");
    let times = terms.iter().take(500).map(|term| {
        let asked = Asked { terms: vec![term.clone()], from: Place::NEWEST, limit: 20 };
        let began = Instant::now();
        let page = log.page(&asked, &|_| true).expect("the log is whole");
        assert_eq!(page.entries.len(), 20);
        began.elapsed()
    });
    report("page of 20 uses, 40 lines", times.collect());
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!("{what:<27}p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(50), at(99), at(100));
}

/// The finaliser of SplitMix64.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
