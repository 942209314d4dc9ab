use super::*;
use crate::config::settings::AuditSettings;
use crate::engine::evidence::{Entry, Request, encode};
use crate::state::audit::{Audit, verify_dir};
use crate::state::follow::Follower;
use std::path::PathBuf;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

struct Site {
    dir: tempfile::TempDir,
    settings: AuditSettings,
}

impl Site {
    /// A log of several segments; entries are a day apart, those of requests first.
    fn new(requests: i64, others: i64) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let settings = AuditSettings {
            segment_bytes_max: 2000,
            disk_low_bytes: 0,
            ..AuditSettings::new(dir.path().join("audit"))
        };
        let audit = Audit::create(&settings).unwrap();
        (0..requests).for_each(|day| write(&audit, true, day));
        (requests..requests + others).for_each(|day| write(&audit, false, day));
        audit.close();
        Site { dir, settings }
    }

    fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    fn seqs(&self) -> Vec<u64> {
        let mut follower = Follower::after(&self.settings.dir, 0).with_archive(&self.archive());
        let mut seen = Vec::new();
        while let Some(line) = follower.next(u64::MAX).unwrap() {
            seen.push(line.seq);
        }
        seen
    }
}

fn write(audit: &Audit, is_request: bool, day: i64) {
    let entry = match is_request {
        true => Entry::Request(Request { ts_in: day * DAY_MS, request_id: "r", ..Request::default() }),
        false => Entry::TornTail { ts: day * DAY_MS, bytes: 0 },
    };
    audit.note(encode(&entry)).receipt_blocking().unwrap();
}

fn kept() -> RetentionSettings {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    RetentionSettings { archive_dir: None, ordinary: days(180), personal: days(1095) }
}

#[test]
fn archived_segments_still_verify_and_the_log_goes_on() {
    let site = Site::new(40, 0);
    let before = verify_dir(&site.settings.dir).unwrap();
    // While a writer has the log.
    let audit = Audit::open(&site.settings).unwrap();
    let moved = archive(&site.settings.dir, &site.archive()).unwrap();
    assert!(moved.segments > 3, "{moved:?}");
    assert_eq!(SegmentName::all(&site.settings.dir).unwrap().len(), 1);
    (40..60).for_each(|day| write(&audit, true, day));
    audit.close();
    for round in 0..2 {
        let log = verify_dir(&site.settings.dir).unwrap();
        assert_eq!((log.entries, log.elsewhere > 0), (before.entries + 20 * (round + 1), true));
        let old = verify_dir(&site.archive()).unwrap();
        let base = Closed::base(&site.settings.dir).unwrap().unwrap();
        assert_eq!((old.root, old.last_seq), (base.root, base.last.seq), "the two fit together");
        assert_eq!(site.seqs(), (1..=log.last_seq).collect::<Vec<_>>());
        // As a crash between the move and the removal would leave it.
        let left = SegmentName::all(&site.archive()).unwrap()[1].file_name();
        fs::copy(site.archive().join(&left), site.settings.dir.join(&left)).unwrap();
        assert_eq!(verify_dir(&site.settings.dir).unwrap().entries, log.entries);
        // Again, after a restart.
        archive(&site.settings.dir, &site.archive()).unwrap();
        let audit = Audit::open(&site.settings).unwrap();
        (0..20).for_each(|day| write(&audit, true, 60 + day));
        audit.close();
    }
    assert_eq!(archive(&site.settings.dir, &site.archive()).map(|_| ()).ok(), Some(()));
}

#[test]
fn what_is_elsewhere_is_vouched_for_by_its_tiles_and_nothing_else_may_be_missing() {
    let site = Site::new(600, 0);
    archive(&site.settings.dir, &site.archive()).unwrap();
    verify_dir(&site.settings.dir).unwrap();
    let tile = site.settings.dir.join("tile/0/000");
    let good = fs::read(&tile).unwrap();
    let mut bad = good.clone();
    bad[40] ^= 1;
    fs::write(&tile, bad).unwrap();
    assert!(verify_dir(&site.settings.dir).is_err(), "a changed tile");
    fs::write(&tile, good).unwrap();
    verify_dir(&site.settings.dir).unwrap();
    fs::remove_file(site.settings.dir.join("base")).unwrap();
    assert!(verify_dir(&site.settings.dir).is_err(), "missing without a base");
    assert!(Audit::open(&site.settings).is_err());
}

/// The last segment may have been begun and not be written to yet.
#[test]
fn a_log_whose_every_entry_was_moved_goes_on_where_it_was() {
    let site = Site::new(40, 0);
    archive(&site.settings.dir, &site.archive()).unwrap();
    let last = SegmentName::all(&site.settings.dir).unwrap().pop().unwrap();
    let base = Closed::base(&site.settings.dir).unwrap().unwrap();
    fs::write(site.settings.dir.join(last.file_name()), "").unwrap();
    let audit = Audit::open(&site.settings).unwrap();
    assert_eq!(audit.health().last_seq, base.last.seq);
    write(&audit, true, 99);
    audit.close();
    assert_eq!(verify_dir(&site.settings.dir).unwrap().last_seq, base.last.seq + 1);
    // Nobody moved them: then they are missing, and no second history begins.
    fs::write(site.settings.dir.join(last.file_name()), "").unwrap();
    fs::remove_file(site.settings.dir.join("base")).unwrap();
    assert!(Audit::open(&site.settings).is_err());
}

#[test]
fn a_segment_that_was_changed_is_not_moved() {
    let site = Site::new(20, 0);
    let first = SegmentName::all(&site.settings.dir).unwrap()[0].file_name();
    fs::create_dir(site.archive()).unwrap();
    fs::write(site.archive().join(&first), "something else").unwrap();
    assert!(
        matches!(archive(&site.settings.dir, &site.archive()), Err(ArchiveError::Changed(name)) if name == first)
    );
    assert!(site.settings.dir.join(&first).exists());
}

#[test]
fn entries_are_deleted_when_their_time_is_over_and_never_under_a_hold() {
    let site = Site::new(30, 30);
    archive(&site.settings.dir, &site.archive()).unwrap();
    let segments = || SegmentName::all(&site.archive()).unwrap().len();
    let all = segments();
    // The first segment holds requests of the first days: three years.
    let at = |days: i64| expire(&site.settings.dir, &site.archive(), &kept(), days * DAY_MS).unwrap();
    assert_eq!(at(1094), Moved::default(), "the day before the first may go");
    let first = at(1095 + 15);
    assert!(first.segments > 0 && segments() < all, "{first:?}");
    let left = verify_dir(&site.archive()).unwrap();
    assert!(left.elsewhere > 0 && left.entries > left.elsewhere, "what is left verifies: {left:?}");
    set_hold(&site.settings.dir, "案号 2026-1").unwrap();
    let held = expire(&site.settings.dir, &site.archive(), &kept(), 9999 * DAY_MS);
    assert!(matches!(held, Err(ArchiveError::Held(reason)) if reason == "案号 2026-1"));
    assert!(release_hold(&site.settings.dir).unwrap());
    let rest = at(9999);
    assert_eq!(first.segments + rest.segments, all as u64);
    assert_eq!(segments(), 0);
    verify_dir(&site.settings.dir).unwrap();
    drop(Audit::open(&site.settings).unwrap());
}

/// What an entry states of its class goes before its kind; what cannot be read is kept for good.
#[test]
fn an_entry_is_kept_as_long_as_it_states() {
    let kept = RetentionSettings {
        archive_dir: None,
        ordinary: Duration::from_millis(10),
        personal: Duration::from_millis(30),
    };
    for (line, expect) in [
        (r#"{"kind":"request","ts_in":"1970-01-01T00:00:01.000Z"}"#, Some(1030)),
        (r#"{"kind":"tier","ts":"1970-01-01T00:00:01.000Z"}"#, Some(1010)),
        (r#"{"kind":"tier","ts":"1970-01-01T00:00:01.000Z","retention":"ordinary"}"#, Some(1010)),
        (r#"{"kind":"tier","ts":"1970-01-01T00:00:01.000Z","retention":"personal"}"#, Some(1030)),
        (r#"{"kind":"tier","ts":"1970-01-01T00:00:01.000Z","retention":"for-ever"}"#, None),
        (r#"{"kind":"tier","ts":"1970-01-01T00:00:01.000Z","retention":3}"#, None),
        (r#"{"kind":"tier","retention":"ordinary"}"#, None),
        ("garbage", None),
    ] {
        assert_eq!(entry_kept_until(line.as_bytes(), &kept), expect, "{line}");
    }
}
