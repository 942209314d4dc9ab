//! The audit log under damage: what breaks, when → recorded? refused? recovered? does it verify?
//! Row codes are those of the fault list (C11).

mod audit_support;

use audit_support::{entry, eventually, lines, record, segments, settings};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::GapCause;
use zhamen::engine::reason::Cause;
use zhamen::state::audit::{Audit, OpenError, What, verify_dir};

/// A finished log of `entries` entries in segments of about `segment_bytes`.
fn finished(dir: &Path, entries: usize, segment_bytes: u64) -> AuditSettings {
    let settings = AuditSettings { segment_bytes_max: segment_bytes, ..settings(dir) };
    let audit = Audit::create(&settings).unwrap();
    for index in 0..entries {
        record(&audit, &format!("r{index}")).unwrap();
    }
    audit.close();
    settings
}

#[test]
fn a_thousand_writers_get_numbers_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir.path().join("log"));
    let audit = Audit::create(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut receipts = runtime.block_on(async {
        let mut slots: Vec<_> = (0..1000).map(|_| audit.reserve().unwrap()).collect();
        let body = |index: usize| entry(&format!("r{index}"));
        let pending: Vec<_> =
            slots.iter_mut().enumerate().map(|(index, slot)| slot.write(body(index))).collect();
        let mut receipts = Vec::new();
        for pending in pending {
            receipts.push(pending.receipt().await.unwrap());
        }
        receipts
    });
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn({
                    let audit = &audit;
                    move || {
                        (0..20)
                            .map(|index| record(audit, &format!("t{thread}-{index}")).unwrap())
                            .collect::<Vec<_>>()
                    }
                })
            })
            .collect();
        receipts.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
    });
    let mut seqs: Vec<u64> = receipts.iter().map(|receipt| receipt.seq()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=1160).collect::<Vec<_>>());
    let health = audit.health();
    assert_eq!((health.ok, health.places, health.last_seq, health.entries), (true, 0, 1160, 1160));
    assert!(health.batches < 300, "grouped: {} batches", health.batches);
    audit.close();
    let report = verify_dir(&settings.dir).unwrap();
    assert_eq!((report.entries, &report.head), (1160, &health.head));
    let lines = lines(&settings.dir);
    for receipt in receipts {
        assert!(
            lines[receipt.seq() as usize - 1].ends_with(&format!("\"hash\":\"{}\"}}", receipt.hash_hex()))
        );
    }
}

#[test]
fn best_effort_entries_are_written_too() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let audit = Audit::create(&settings).unwrap();
    for index in 0..50 {
        let mut slot = audit.reserve().unwrap();
        slot.leave(entry(&format!("b{index}")));
    }
    eventually("written without anybody waiting", || (audit.health().entries == 50).then_some(()));
    assert!(audit.health().batches <= 10);
    let mut slot = audit.reserve().unwrap();
    slot.leave(entry("decision"));
    slot.leave(entry("outcome"));
    audit.close();
    assert_eq!(verify_dir(&settings.dir).unwrap().entries, 52, "closing writes what is queued");
}

/// AU-10: a bounded queue; nobody is refused silently.
#[test]
fn places_are_bounded_and_refusals_counted() {
    let dir = tempfile::tempdir().unwrap();
    let settings = AuditSettings { queue_max: 3, ..settings(dir.path()) };
    let audit = Audit::create(&settings).unwrap();
    let slots: Vec<_> = (0..3).map(|_| audit.reserve().unwrap()).collect();
    for _ in 0..7 {
        assert_eq!(audit.reserve().unwrap_err(), Cause::AuditQueue);
    }
    assert_eq!(audit.health().places, 3);
    drop(slots);
    record(&audit, "after").unwrap();
    audit.close();
    let text = lines(&settings.dir).concat();
    assert!(
        text.contains(r#""kind":"refused""#) && text.contains(r#""cause":"audit_queue","count":7"#),
        "{text}"
    );
    assert_eq!(
        audit.reserve().map(|mut slot| slot.write(entry("late")).receipt_blocking()).unwrap(),
        Err(Cause::AuditFailed)
    );
}

#[test]
fn creating_and_opening_are_different_acts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir.path().join("a/b"));
    assert!(matches!(Audit::open(&settings), Err(OpenError::NoLog(_))));
    fs::create_dir_all(&settings.dir).unwrap();
    assert!(matches!(Audit::open(&settings), Err(OpenError::NoLog(_))));
    let audit = Audit::create(&settings).unwrap();
    assert!(matches!(Audit::open(&settings), Err(OpenError::Locked(_))), "a second writer");
    record(&audit, "one").unwrap();
    drop(audit);
    assert!(matches!(Audit::create(&settings), Err(OpenError::NotEmpty(_))));
    let audit = Audit::open(&settings).unwrap();
    assert_eq!(record(&audit, "two").unwrap().seq(), 2);
}

#[test]
fn files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let settings = finished(&dir.path().join("log"), 1, 1 << 30);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&settings.dir), 0o700);
    for file in fs::read_dir(&settings.dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
    }
}

#[test]
fn segments_follow_each_other_and_opening_continues_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let settings = finished(dir.path(), 20, 900);
    let audit = Audit::open(&settings).unwrap();
    assert_eq!(record(&audit, "again").unwrap().seq(), 21);
    audit.close();
    let report = verify_dir(dir.path()).unwrap();
    assert_eq!((report.entries, report.last_seq, report.gaps.len()), (21, 21, 0));
    assert!(report.segments > 4);
    // Without `head` everything is verified and `head` is written anew.
    fs::remove_file(dir.path().join("head")).unwrap();
    drop(Audit::open(&settings).unwrap());
    assert!(fs::read_to_string(dir.path().join("head")).unwrap().lines().count() >= report.segments - 2);
    verify_dir(dir.path()).unwrap();
}

/// AU-05: each byte.
#[test]
fn every_changed_byte_names_its_entry() {
    let dir = tempfile::tempdir().unwrap();
    finished(dir.path(), 4, 1 << 30);
    let path = dir.path().join(&segments(dir.path())[0]);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        // One bit of each byte here; `engine::evidence::chain` flips all of them.
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let entry = 1 + good[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        match verify_dir(dir.path()) {
            Err(finding) => {
                assert!(finding.line <= entry && entry <= finding.line + 1, "byte {at}: {finding}")
            }
            // The last newline: the line is whole, but it is not ended.
            Ok(report) => assert_eq!((at, report.entries), (good.len() - 1, 3)),
        }
    }
}

/// AU-06: cut at each byte. A cut between entries leaves a shorter log, which only a head kept
/// elsewhere can tell; every other cut shows by itself.
#[test]
fn every_cut_shows_or_changes_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let settings = finished(dir.path(), 3, 1 << 30);
    let path = dir.path().join(&segments(dir.path())[0]);
    let good = fs::read(&path).unwrap();
    let head = verify_dir(dir.path()).unwrap().head;
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        let report = verify_dir(dir.path()).unwrap();
        let whole = good[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let torn = !(length == 0 || good[length - 1] == b'\n');
        assert_eq!((report.entries, report.torn_bytes > 0), (whole, torn), "cut at {length}");
        assert_ne!(report.head, head);
        if length % 37 == 0 {
            // Opening repairs the tail, says so in an entry, and continues.
            let audit = Audit::open(&settings).unwrap();
            let seq = record(&audit, "after the cut").unwrap().seq();
            audit.close();
            assert_eq!(seq, whole + 1 + u64::from(torn), "cut at {length}");
            assert_eq!(lines(dir.path()).concat().contains("torn_tail"), torn);
            assert_eq!(verify_dir(dir.path()).unwrap().torn_bytes, 0);
            // They are of this other history; what comes next is of the first again.
            fs::remove_dir_all(dir.path().join("tile")).unwrap();
        }
    }
}

/// AU-06: whole segments dropped, swapped, shortened, repeated.
#[test]
fn segments_cannot_be_dropped_swapped_or_restored() {
    type Damage = fn(&Path, &[String]);
    let damages: [(&str, Damage); 6] = [
        ("first dropped", |dir, names| fs::remove_file(dir.join(&names[0])).unwrap()),
        ("middle dropped", |dir, names| fs::remove_file(dir.join(&names[1])).unwrap()),
        ("two swapped", |dir, names| {
            fs::rename(dir.join(&names[1]), dir.join("x")).unwrap();
            fs::rename(dir.join(&names[2]), dir.join(&names[1])).unwrap();
            fs::rename(dir.join("x"), dir.join(&names[2])).unwrap();
        }),
        ("last line of a closed one dropped", |dir, names| {
            let text = fs::read_to_string(dir.join(&names[1])).unwrap();
            let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
            fs::write(dir.join(&names[1]), format!("{kept}\n")).unwrap();
        }),
        ("a line repeated", |dir, names| {
            let text = fs::read_to_string(dir.join(&names[2])).unwrap();
            let first = text.lines().next().unwrap();
            fs::write(dir.join(&names[2]), format!("{first}\n{text}")).unwrap();
        }),
        ("garbage", |dir, names| fs::write(dir.join(&names[1]), vec![0xff; 3 << 20]).unwrap()),
    ];
    for (what, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        let settings = finished(dir.path(), 20, 1200);
        let names = segments(dir.path());
        assert!(names.len() >= 4, "{names:?}");
        damage(dir.path(), &names);
        assert!(verify_dir(dir.path()).is_err(), "{what}");
        if what != "a line repeated" {
            assert!(matches!(Audit::open(&settings), Err(OpenError::Broken(_))), "{what}");
        }
    }
}

/// AU-04: the file changed under the writer: noticed at once or within a second, nothing is lost.
#[test]
fn a_file_changed_under_the_writer_is_left() {
    type Damage = fn(&Path);
    let damages: [(GapCause, Damage); 4] = [
        (GapCause::Missing, |path| fs::remove_file(path).unwrap()),
        (GapCause::Replaced, |path| {
            fs::rename(path, path.with_extension("1")).unwrap();
            fs::copy(path.with_extension("1"), path).unwrap();
        }),
        (GapCause::Truncated, |path| {
            OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(9)).unwrap()
        }),
        (GapCause::Grown, |path| {
            OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(b"{}\n")).unwrap()
        }),
    ];
    for (cause, damage) in damages {
        for idle in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let settings = settings(dir.path());
            let audit = Audit::create(&settings).unwrap();
            let before = record(&audit, "before").unwrap();
            damage(&dir.path().join(&segments(dir.path())[0]));
            if idle {
                eventually("noticed while idle", || (audit.health().gaps == 1).then_some(()));
            }
            let after = record(&audit, "after").unwrap();
            assert!(after.seq() > before.seq());
            let health = audit.health();
            assert_eq!((health.ok, health.gaps), (true, 1), "{cause} idle {idle}");
            audit.close();
            let text = lines(dir.path()).concat();
            assert!(text.contains(&format!("\"cause\":\"{cause}\"")), "{cause} idle {idle}: {text}");
            // What was confirmed before is still there unless somebody took it away, and that shows.
            let lost = matches!(cause, GapCause::Missing | GapCause::Truncated);
            match verify_dir(dir.path()) {
                Ok(report) => assert!(!lost && report.gaps.len() == 1, "{cause} idle {idle}"),
                Err(finding) => assert!(lost, "{cause} idle {idle}: {finding}"),
            }
        }
    }
}

/// AU-02, AU-04: nothing can be created any more; then it can again.
#[test]
fn a_folder_taken_away_refuses_requests_until_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, away) = (parent.path().join("log"), parent.path().join("away"));
    let audit = Audit::create(&settings(&dir)).unwrap();
    let mut open_slot = audit.reserve().unwrap();
    record(&audit, "before").unwrap();
    fs::rename(&dir, &away).unwrap();
    assert_eq!(record(&audit, "unconfirmed").unwrap_err(), Cause::AuditFailed);
    let health = audit.health();
    assert_eq!((health.ok, health.failing), (false, Some(GapCause::Missing)));
    for _ in 0..5 {
        assert_eq!(audit.reserve().unwrap_err(), Cause::AuditFailed);
    }
    let outcome = open_slot.write(entry("outcome of an open request"));
    assert_eq!(outcome.receipt_blocking(), Err(Cause::AuditFailed));
    fs::rename(&away, &dir).unwrap();
    eventually("recovers by itself", || audit.health().ok.then_some(()));
    record(&audit, "after").unwrap();
    drop(open_slot);
    assert_eq!(audit.health().places, 0);
    audit.close();
    let report = verify_dir(&dir).unwrap();
    assert_eq!(report.gaps.len(), 1);
    let text = lines(&dir).concat();
    assert!(text.contains("\"refused\":5"), "{text}");
    // The unconfirmed entries were kept and follow the gap.
    let place = |needle: &str| text.rfind(needle).unwrap_or_else(|| panic!("{needle}: {text}"));
    assert!(place("\"kind\":\"gap\"") < place("unconfirmed"));
    assert!(place("unconfirmed") < place("outcome of an open request"));
    let again = Audit::open(&settings(&dir)).unwrap();
    record(&again, "next process").unwrap();
}

/// A segment that was deleted while running is known from the gap, so the next process starts; the
/// log still does not verify, because evidence is gone.
#[test]
fn a_known_loss_does_not_keep_the_next_process_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let audit = Audit::create(&settings).unwrap();
    record(&audit, "lost").unwrap();
    fs::remove_file(dir.path().join(&segments(dir.path())[0])).unwrap();
    record(&audit, "kept").unwrap();
    audit.close();
    let again = Audit::open(&settings).unwrap();
    record(&again, "more").unwrap();
    again.close();
    assert!(verify_dir(dir.path()).is_err());
}

#[test]
fn a_changed_entry_keeps_the_next_process_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let settings = finished(dir.path(), 3, 1 << 30);
    let path = dir.path().join(&segments(dir.path())[0]);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("REFUSED", "ALLOWED", 1)).unwrap();
    let Err(OpenError::Broken(finding)) = Audit::open(&settings) else { panic!("opened") };
    assert_eq!((finding.line, finding.seq), (1, 1));
    assert!(matches!(finding.what, What::Line(_)));
    assert!(finding.to_string().starts_with("audit-00000000000000000001.jsonl, line 1, byte 0, entry 1: "));
}

/// AU-12: while it is written.
#[test]
fn a_live_log_can_be_verified() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::create(&AuditSettings { segment_bytes_max: 4000, ..settings(dir.path()) }).unwrap();
    std::thread::scope(|scope| {
        let writer =
            scope.spawn(|| (0..40).for_each(|index| assert!(record(&audit, &format!("r{index}")).is_ok())));
        let mut last = 0;
        while !writer.is_finished() {
            let report = verify_dir(dir.path()).unwrap();
            assert!(report.last_seq >= last);
            last = report.last_seq;
        }
    });
}

#[test]
fn a_low_disk_shows_before_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::create(&AuditSettings { disk_low_bytes: u64::MAX, ..settings(dir.path()) }).unwrap();
    let health = eventually("looked at the disk", || Some(audit.health()).filter(|health| health.disk_low));
    assert!(health.ok && health.disk_free_bytes.is_some_and(|free| free > 0));
}
