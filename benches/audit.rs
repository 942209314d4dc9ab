//! What the audit log costs: an entry on the way in, verification against `sha256sum` on the same file,
//! and an entry on the disk once its segment is sealed, tiles and all.
//!
//! `cargo bench --bench audit`. Figures are printed; the budgets are asserted. With `-- large` it writes ten
//! gigabytes instead and verifies them with the command: in constant memory (faults AU-12).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::chain::{hex_of_hash, leaf_hash};
use zhamen::engine::evidence::{
    Decision, Entry, EntryBody, Handover, LabelSeen, ModeShown, Outcome, QuotaLeft, Request, chain, encode,
};
use zhamen::engine::reason::Reason;
use zhamen::engine::terms::{DisclosureMode, Interface, LegalBasis, RiskTier, SubjectType};
use zhamen::state::audit::{Audit, verify_dir};

/// Entries of the log that is verified and sealed.
const ENTRIES: u64 = 400_000;
/// A sealed entry may take so many bytes on the disk, index and tiles included.
const SEALED_BYTES_MAX: f64 = 300.0;

/// A decision and an outcome as the gateway writes them, every request another.
fn pair(number: u64) -> [EntryBody; 2] {
    let id = format!("{:016x}-{number:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // As long and as random as a subject token; every third request asks for a subject seen before.
    let subject = format!("s1_{}", &hex_of_hash(&leaf_hash(&(number - number % 3).to_be_bytes()))[..32]);
    let ts_in = 1_760_000_000_000 + number as i64 * 3;
    let modes = [
        ModeShown { label: "identity.name", mode: DisclosureMode::Clear, reason: None },
        ModeShown {
            label: "contact.phone",
            mode: DisclosureMode::Partial,
            reason: Some(Reason::PurposeMismatch),
        },
    ];
    let matter = format!("SA-2026-{:06}", number % 50_000);
    let officer = format!("officer-{:04}", number % 900);
    let request = Request {
        ts_in,
        request_id: &id,
        channel: "https",
        department: Some("civil-affairs"),
        application: Some("spiffe://zhamen.demo/app/civil-desk"),
        officer: Some(&officer),
        purpose: Some("social-assistance"),
        legal_basis: LegalBasis::ALL.first().copied(),
        matter_id: Some(&matter),
        matter_type: Some("assistance-application"),
        dataset: Some("public-security.households"),
        code: Some("PS-HH-01"),
        route: Some("/public-security/v1/households/{person}"),
        method: Some("GET"),
        interface: Interface::ALL.first().copied(),
        subject_type: SubjectType::ALL.first().copied(),
        subject_token: Some(&subject),
        decision: Some(Decision::AllowPartial),
        modes: &modes,
        policy_digest: Some("3f7a9c1be22d4410"),
        risk: Some(12),
        tier: RiskTier::ALL.first().copied(),
        quota: Some(QuotaLeft { limit: 100, remaining: 97 }),
        ..Request::default()
    };
    let labels =
        [LabelSeen { label: "identity.name", values: 1 }, LabelSeen { label: "contact.phone", values: 1 }];
    let outcome = Outcome {
        ts_in,
        request_id: &id,
        status: Some(200),
        upstream_status: Some(200),
        records: Some(1),
        labels: &labels,
        bytes: 412 + number % 90,
        handover: Handover::Whole,
        ts_upstream_out: Some(ts_in + 1),
        ts_upstream_in: Some(ts_in + 9),
        ts_out: ts_in + 10,
        ..Outcome::default()
    };
    [encode(&Entry::Request(request)), encode(&Entry::Outcome(outcome))]
}

fn settings(dir: &Path) -> AuditSettings {
    AuditSettings {
        disk_low_bytes: 0,
        queue_max: 1 << 17,
        checkpoint_every: Duration::from_millis(200),
        ..AuditSettings::new(dir)
    }
}

/// Fills a log as fast as it takes entries.
fn fill(audit: &Audit, entries: u64) -> Duration {
    let began = Instant::now();
    for first in (0..entries / 2).step_by(10_000) {
        let mut slot = audit.reserve().unwrap();
        let mut last = None;
        for number in first..first + 10_000 {
            for body in pair(number) {
                last = Some(slot.write(body));
            }
        }
        let receipt = last.map(|pending| pending.receipt_blocking().unwrap());
        assert!(receipt.is_some());
    }
    began.elapsed()
}

fn framing() {
    let bodies: Vec<EntryBody> = (0..5_000).flat_map(pair).collect();
    let (mut out, mut prev, mut bytes) = (Vec::with_capacity(1 << 20), chain::GENESIS, 0);
    let began = Instant::now();
    for round in 0..20_u64 {
        for (at, body) in bodies.iter().enumerate() {
            out.clear();
            prev = chain::frame(round * 10_000 + at as u64 + 1, &prev, body, &mut out);
            bytes += out.len();
        }
    }
    let count = bodies.len() * 20;
    let each = began.elapsed().as_secs_f64() / count as f64 * 1e9;
    println!("numbering, linking and hashing an entry: {each:.0} ns ({} bytes each)", bytes / count);
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("audit-")));
    paths.sort();
    paths
}

/// The best of three, in bytes a second.
fn rate(bytes: u64, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let began = Instant::now();
        run();
        best = best.min(began.elapsed().as_secs_f64());
    }
    bytes as f64 / best
}

/// Bytes of everything in a folder, without checkpoint and lock.
fn bytes_below(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            found if found.is_dir() => bytes_below(&entry.path()),
            found => found.len(),
        })
        .sum()
}

/// Bytes of the large log, and what verifying it may take.
const LARGE_BYTES: u64 = 10_000_000_000;
const PEAK_KIB_MAX: u64 = 64 << 10;

/// Verifies a log of ten gigabytes as an auditor does, and watches the command's memory.
fn large() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dir = folder.path().join("log");
    let audit = Audit::create(&settings(&dir)).unwrap();
    let (mut entries, mut bytes) = (0, 0);
    while bytes < LARGE_BYTES {
        fill(&audit, ENTRIES);
        entries += ENTRIES;
        bytes = segments(&dir).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    }
    audit.close();
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhamen"));
    let mut child = command.args(["audit", "verify"]).arg(&dir).spawn().unwrap();
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak_kib = peak_kib.max(peak_of(child.id()));
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    let rate = bytes as f64 / began.elapsed().as_secs_f64() / 1e6;
    println!(
        "{entries} entries in {bytes} bytes: verified at {rate:.0} MB/s with {} MiB at most",
        peak_kib >> 10
    );
    assert!(peak_kib <= PEAK_KIB_MAX, "verification took {peak_kib} KiB");
}

/// The most memory that a process has had so far, in KiB.
fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() {
    if std::env::args().any(|word| word == "large") {
        return large();
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    framing();
    let audit = Audit::create(&settings(&dir)).unwrap();
    let took = fill(&audit, ENTRIES);
    let health = audit.health();
    println!(
        "{ENTRIES} durable entries in {:.1} s, {} batches: {:.0} a second",
        took.as_secs_f64(),
        health.batches,
        ENTRIES as f64 / took.as_secs_f64()
    );
    audit.close();
    let files = segments(&dir);
    let bytes = files.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    let ours = rate(bytes, || assert_eq!(verify_dir(&dir).unwrap().entries, ENTRIES));
    let theirs = rate(bytes, || {
        let output = Command::new("sha256sum").args(&files).output().unwrap();
        assert!(output.status.success());
    });
    println!(
        "verification: {:.0} MB/s; sha256sum on the same files: {:.0} MB/s; {:.2} of it",
        ours / 1e6,
        theirs / 1e6,
        ours / theirs
    );
    let before = bytes_below(&dir) as f64 / ENTRIES as f64;
    let sealing = AuditSettings { seal_age: Some(Duration::ZERO), segment_bytes_max: 1, ..settings(&dir) };
    let audit = Audit::open(&sealing).unwrap();
    // One more entry closes the last segment.
    let body = encode(&Entry::TornTail { ts: 0, bytes: 0 });
    audit.reserve().unwrap().write(body).receipt_blocking().unwrap();
    let began = Instant::now();
    while files.iter().any(|path| path.exists()) {
        assert!(began.elapsed() < Duration::from_secs(200), "sealed in time");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("sealing: {:.0} MB/s", bytes as f64 / began.elapsed().as_secs_f64() / 1e6);
    audit.close();
    let sealed: u64 = files
        .iter()
        .filter_map(|path| fs::metadata(path.with_extension("jsonl.gz")).ok())
        .map(|found| found.len())
        .sum();
    let tiles = bytes_below(&dir.join("tile"));
    let after = (sealed + tiles) as f64 / ENTRIES as f64;
    println!("on the disk: {before:.0} bytes an entry as written, {after:.0} sealed, tiles included");
    let unpacked = rate(bytes, || drop(verify_dir(&dir).unwrap()));
    println!("verification of the sealed log: {:.0} MB/s of entries", unpacked / 1e6);
    assert!(after <= SEALED_BYTES_MAX, "a sealed entry takes {after:.0} bytes");
    assert!(ours >= theirs / 2.0, "verification is slower than half of sha256sum");
}
