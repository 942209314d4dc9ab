//! A log whose first segments were archived: the log by itself, the archive by itself and both together
//! verify, changes are found wherever they are, by both verifiers, and archived entries are proved.

#[path = "audit_support/both.rs"]
mod both;
#[path = "audit_support/site.rs"]
mod site;

use both::Both;
use site::Site;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use zhamen::config::settings::RetentionSettings;
use zhamen::engine::evidence::{Entry, Outcome, Request, encode};
use zhamen::state::audit::{Against, Audit, ProveError, Sort, Wanted, archive, expire, prove};

const WHOLE: i64 = 0;
const DAMAGED: i64 = 1;
const CONTRADICTED: i64 = 3;
const UNREADABLE: i64 = 4;

/// A log whose closed segments were moved, with both verifiers.
struct Scene {
    site: Site,
    archive: PathBuf,
    both: Both,
}

impl Scene {
    fn with(entries: u64) -> Scene {
        let site = Site::with(entries);
        let to = site.root.join("archive");
        assert!(archive(site.dir(), &to).unwrap().segments > 3);
        Scene { archive: to, site, both: Both::start() }
    }

    fn joined(&self) -> Against {
        Against { archive: Some(self.archive.clone()), ..self.site.against() }
    }

    /// Exit codes for the log alone, the archive alone, and both together.
    fn codes(&mut self) -> [i64; 3] {
        let (log, joined) = (self.site.dir().to_owned(), self.joined());
        [
            self.both.verify(&log, &self.site.against()).code(),
            // It has no checkpoint of its own.
            self.both.verify(&self.archive, &Against::default()).code(),
            self.both.verify(&log, &joined).code(),
        ]
    }

    fn archived(&self) -> Vec<PathBuf> {
        segments(&self.archive)
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    paths
}

#[test]
fn an_archived_log_verifies_alone_and_with_its_archive() {
    let mut scene = Scene::with(600);
    for round in 0..2 {
        assert_eq!(scene.codes(), [WHOLE; 3], "round {round}");
        let log = scene.site.dir().to_owned();
        let alone = scene.both.verify(&log, &scene.site.against());
        let joined = scene.both.verify(&log, &scene.joined());
        let old = scene.both.verify(&scene.archive, &Against::default());
        let (apart, report, old) = (alone.ours.unwrap(), joined.ours.unwrap(), old.ours.unwrap());
        assert_eq!((apart.entries, apart.elsewhere), (600 + 50 * round, old.entries), "tiles stand for them");
        assert_eq!((report.entries, report.elsewhere, report.covered), (apart.entries, 0, apart.covered));
        assert_eq!((report.root, &report.head), (apart.root, &apart.head));
        assert_eq!(report.segments, apart.segments + old.segments);
        assert!(alone.python.1.contains(&format!("{} entries are kept elsewhere", old.entries)));
        assert!(!joined.python.1.contains("elsewhere"), "{}", joined.python.1);
        scene.site.append(50);
        archive(scene.site.dir(), &scene.archive).unwrap();
    }
    // The log grows on from there, and what its witness knows is asked of both together, too.
    let (log, witness) = (scene.site.dir().to_owned(), scene.site.root.join("witness"));
    let yesterday = scene.site.copy_to("yesterday");
    scene.site.append(5);
    assert!(witness.exists() && scene.both.verify(&log, &scene.joined()).code() == WHOLE);
    assert_eq!(scene.both.verify(&yesterday, &scene.joined()).code(), CONTRADICTED);
}

#[test]
fn a_flipped_bit_is_found_on_either_side() {
    let mut scene = Scene::with(150);
    let own = scene.site.segments().pop().unwrap();
    let files = scene.archived().into_iter().map(|path| (path, [WHOLE, DAMAGED, DAMAGED]));
    for (path, expect) in files.chain([(own, [DAMAGED, WHOLE, DAMAGED])]) {
        let good = fs::read(&path).unwrap();
        for at in (5..good.len() - 1).step_by(good.len() / 6) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, bad).unwrap();
            assert_eq!(scene.codes(), expect, "{path:?} byte {at}");
        }
        fs::write(&path, good).unwrap();
    }
    assert_eq!(scene.codes(), [WHOLE; 3]);
}

/// What says where the log begins is held against tiles, or against the archive.
#[test]
fn a_base_that_says_otherwise_is_found() {
    let mut scene = Scene::with(600);
    let base = scene.site.dir().join("base");
    let good = fs::read_to_string(&base).unwrap();
    for member in ["last", "hash", "size", "root"] {
        let at = good.find(&format!("\"{member}\":")).unwrap() + member.len() + 3;
        let at = at + usize::from(good.as_bytes()[at] == b'"');
        let other = if good.as_bytes()[at] == b'1' { "2" } else { "1" };
        let mut bad = good.clone();
        bad.replace_range(at..=at, other);
        fs::write(&base, bad).unwrap();
        assert_eq!(scene.codes(), [DAMAGED, WHOLE, DAMAGED], "{member}");
    }
    for bad in ["", "{}", "garbage", &good[..good.len() / 2]] {
        fs::write(&base, bad).unwrap();
        assert_eq!(scene.codes(), [DAMAGED, WHOLE, DAMAGED], "{bad:?}");
    }
    fs::remove_file(&base).unwrap();
    assert_eq!(scene.codes(), [DAMAGED, WHOLE, DAMAGED]);
    fs::write(&base, good).unwrap();
    // Without the tiles only the archive can tell.
    fs::rename(scene.site.dir().join("tile"), scene.site.root.join("tile")).unwrap();
    assert_eq!(scene.codes(), [DAMAGED, WHOLE, WHOLE]);
}

#[test]
fn a_missing_archived_segment_is_found() {
    let mut scene = Scene::with(150);
    let archived = scene.archived();
    for (at, path) in archived.iter().enumerate() {
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        assert_eq!(scene.codes(), [WHOLE, DAMAGED, DAMAGED], "segment {at} of {}", archived.len());
        fs::rename(&away, path).unwrap();
    }
    // The record of the archive goes with its last segment: then only the log knows.
    let head = scene.archive.join("head");
    let good = fs::read_to_string(&head).unwrap();
    let (last, cut) = (archived.last().unwrap(), good.trim_end().rfind('\n').unwrap() + 1);
    fs::write(&head, &good[..cut]).unwrap();
    let bytes = fs::read(last).unwrap();
    fs::remove_file(last).unwrap();
    assert_eq!(scene.codes(), [WHOLE, WHOLE, DAMAGED]);
    fs::write(last, bytes).unwrap();
    for path in &archived {
        fs::remove_file(path).unwrap();
    }
    fs::remove_file(&head).unwrap();
    assert_eq!(scene.codes(), [WHOLE, UNREADABLE, UNREADABLE]);
}

/// Expired entries are vouched for by the log's tiles; the archive alone has the chain only.
#[test]
fn an_archive_that_lost_its_oldest_entries_verifies() {
    let mut scene = Scene::with(150);
    let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
    let kept = RetentionSettings { archive_dir: None, ordinary: days(180), personal: days(1095) };
    let first = scene.archived().remove(0);
    // Another entry keeps all behind it.
    let aside = first.with_extension("aside");
    for path in &scene.archived()[1..] {
        fs::rename(path, path.with_extension("aside")).unwrap();
    }
    assert_eq!(expire(scene.site.dir(), &scene.archive, &kept, i64::MAX).unwrap().segments, 1);
    for entry in fs::read_dir(&scene.archive).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() == aside.extension() {
            fs::rename(&path, path.with_extension("jsonl")).unwrap();
        }
    }
    assert_eq!(scene.codes(), [WHOLE; 3]);
    let log = scene.site.dir().to_owned();
    let joined = scene.both.verify(&log, &scene.joined()).ours.unwrap();
    assert!(joined.entries == 150 && joined.elsewhere > 0 && joined.elsewhere < 60, "{joined:?}");
    fs::remove_file(&scene.archived()[0]).unwrap();
    assert_eq!(scene.codes(), [WHOLE, DAMAGED, DAMAGED]);
}

/// The archive's last segment may end in what the writer gave up; the gap that says so is still in the log.
#[test]
fn an_archive_that_ends_in_a_given_up_segment_verifies() {
    let site = Site::with(100);
    let audit = Audit::open(&site.settings).unwrap();
    let mut slot = audit.reserve().unwrap();
    let mut write = || slot.write(encode(&Entry::TornTail { ts: 0, bytes: 1 })).receipt_blocking();
    write().unwrap();
    // The receipt comes before the writer looks whether the segment is long enough to be closed.
    let last = loop {
        let last = site.segments().pop().unwrap();
        if fs::metadata(&last).unwrap().len() < site.settings.segment_bytes_max {
            break last;
        }
    };
    // In place, so that only the length tells.
    fs::OpenOptions::new().append(true).open(&last).unwrap().write_all(b"not an entry\n").unwrap();
    while site.segments().last() == Some(&last) {
        let _ = write();
    }
    drop(slot);
    audit.close();
    let to = site.root.join("archive");
    archive(site.dir(), &to).unwrap();
    assert!(segments(&to).last().unwrap().ends_with(last.file_name().unwrap()));
    let mut scene = Scene { archive: to, site, both: Both::start() };
    assert_eq!(scene.codes(), [WHOLE; 3]);
    let old = scene.both.verify(&scene.archive, &Against::default()).ours.unwrap();
    assert!(old.untrusted_bytes > 13, "the foreign line, and what was written at the same time: {old:?}");
}

/// Entries are proved wherever they lie, against the log's checkpoint.
#[test]
fn archived_entries_are_proved() {
    let site = Site::with(0);
    let audit = Audit::open(&site.settings).unwrap();
    let mut slot = audit.reserve().unwrap();
    for number in 0..60 {
        let request_id = &format!("r{number}");
        let request = Request { request_id, ..Request::default() };
        slot.write(encode(&Entry::Request(request))).receipt_blocking().unwrap();
        let outcome = Outcome { request_id, ..Outcome::default() };
        slot.write(encode(&Entry::Outcome(outcome))).receipt_blocking().unwrap();
    }
    drop(slot);
    audit.close();
    let (dir, to) = (site.dir(), site.root.join("archive"));
    let asked = |archive: Option<&Path>, wanted: &Wanted| {
        prove(dir, archive, wanted).map(|proved| proved.into_iter().map(|one| one.proof.index).collect())
    };
    let wanted = |at: u64| [Wanted::Seq(2 * at + 1), Wanted::Request(format!("r{at}"))];
    let before: Vec<Vec<u64>> =
        (0..60).flat_map(wanted).map(|wanted| asked(None, &wanted).unwrap()).collect();
    let moved = archive(dir, &to).unwrap().last_seq;
    let (mut here, mut there) = (0, 0);
    for (wanted, expect) in (0..60).flat_map(wanted).zip(before) {
        assert_eq!(asked(Some(&to), &wanted).unwrap(), expect, "{wanted:?}");
        match asked(None, &wanted) {
            Ok(found) => {
                assert!(found == expect && expect[0] >= moved);
                here += 1;
            }
            Err(ProveError::Elsewhere(last)) => {
                assert!(last == moved && expect[0] < moved, "{wanted:?}");
                there += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(here > 0 && there > 80, "{here} {there}");
    for wanted in [Wanted::Seq(121), Wanted::Seq(0), Wanted::Request("r60".into())] {
        assert!(matches!(asked(Some(&to), &wanted), Err(ProveError::NoEntry)), "{wanted:?}");
    }
    // An archive that lacks one is damage, not an entry that never was.
    let gone = segments(&to).remove(1);
    fs::rename(&gone, gone.with_extension("away")).unwrap();
    let seq = gone.file_stem().unwrap().to_str().unwrap()["audit-".len()..].parse::<u64>().unwrap();
    let Err(ProveError::Log(finding)) = asked(Some(&to), &Wanted::Seq(seq)) else { panic!("found") };
    assert_eq!(finding.what.sort(), Sort::Damaged);
    fs::rename(gone.with_extension("away"), &gone).unwrap();
    said_by_the_command(&site, &to);
}

/// The same through the command line, with its exit codes and what it tells the user to do.
fn said_by_the_command(site: &Site, to: &Path) {
    let run = |arguments: &[&str]| {
        let command = Command::new(env!("CARGO_BIN_EXE_zhamen")).arg("audit").args(arguments).output();
        let output = command.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (dir, to, out) = (site.dir().to_str().unwrap(), to.to_str().unwrap(), site.root.to_str().unwrap());
    for (arguments, expect, says) in [
        (vec!["prove", dir, "--seq", "3", "--out", out, "--archive", to], 0, "entry-3.tlog-proof"),
        (vec!["prove", dir, "--request-id", "r1", "--out", out, "--archive", to], 0, "entry-4.tlog-proof"),
        (vec!["prove", dir, "--seq", "3", "--out", out], 1, "use --archive DIR to look there"),
        (vec!["prove", dir, "--request-id", "r1", "--out", out], 1, "use --archive DIR to look there"),
        (vec!["prove", dir, "--seq", "999", "--out", out, "--archive", to], 1, "no such entry"),
        (vec!["prove", dir, "--seq", "3", "--out", out, "--archive", "/nowhere"], 4, "cannot be read"),
        (vec!["verify", dir], 0, "are kept elsewhere"),
        (vec!["verify", dir, "--archive", to], 0, "whole: 120 entries"),
        (vec!["verify", to, "--archive", dir], 1, "entry 1 stands where entry 113 belongs"),
    ] {
        let (code, said) = run(&arguments);
        assert!(code == Some(expect) && said.contains(says), "{arguments:?}: {code:?} {said}");
    }
}
