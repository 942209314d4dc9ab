//! Every bit and every cut of a log. Whole folders are verified, with the other verifier beside, in
//! `tests/audit_forgery.rs`; here the walk begins at the changed segment, so that none has to be left out.

use super::*;
use crate::config::settings::AuditSettings;
use crate::engine::evidence::{Entry, encode};
use crate::state::audit::segment::SegmentName;
use crate::state::audit::walk::Segments;
use crate::state::audit::{Audit, Sort};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

const ENTRIES: u64 = 100;

/// A log in segments of two or three entries, and where the walk stands before each.
struct Log {
    folder: tempfile::TempDir,
    segments: Segments,
    before: Vec<Cursor>,
}

impl Log {
    fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        fs::write(folder.path().join("key"), [7; 32]).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(folder.path().join("key"), private).unwrap();
        let settings = AuditSettings {
            segment_bytes_max: 600,
            disk_low_bytes: 0,
            signing_key_file: Some(folder.path().join("key")),
            ..AuditSettings::new(&dir)
        };
        let audit = Audit::create(&settings).unwrap();
        let mut slot = audit.reserve().unwrap();
        for bytes in 0..ENTRIES {
            slot.write(encode(&Entry::TornTail { ts: 0, bytes })).receipt_blocking().unwrap();
        }
        drop(slot);
        audit.close();
        let segments = Segments::of(&dir, SegmentName::all(&dir).unwrap());
        let mut log = Log { folder, segments, before: Vec::new() };
        for at in 0..log.segments.names.len() {
            let cursor =
                log.before.last().map_or(Cursor::GENESIS, |before| log.walk(*before, at - 1, at).unwrap());
            log.before.push(cursor);
        }
        assert!(log.before.len() > 30 && log.walk_on(0) == Ok(ENTRIES));
        log
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Walks some segments, and says where it comes to.
    fn walk(&self, from: Cursor, first: usize, end: usize) -> Result<Cursor, Finding> {
        let mut sink = |_: &Cursor, _: &[u8]| Ok(());
        let mut walk = Walk::new(from, &mut sink);
        (first..end).try_for_each(|at| walk.segment(&self.segments, at))?;
        Ok(walk.cursor)
    }

    /// Entries of a log that is taken from this segment on; else the sort of what is found.
    fn walk_on(&self, at: usize) -> Result<u64, Sort> {
        let end = self.segments.names.len();
        let walked = self.walk(self.before[at], at, end);
        walked.map(|cursor| cursor.size).map_err(|finding| finding.what.sort())
    }

    /// What is found in the whole folder, also by the checkpoint.
    fn found_by_all(&self) -> Option<Sort> {
        verify_dir(&self.dir()).err().map(|finding| finding.what.sort())
    }

    /// The change is found by the walk; or, where it is the log's end that changed, by the checkpoint.
    fn assert_found(&self, at: usize, what: &str) {
        match self.walk_on(at) {
            Err(sort) => assert_eq!(sort, Sort::Damaged, "{what}"),
            Ok(entries) => {
                let is_last = at + 1 == self.segments.names.len();
                assert!(is_last && entries < ENTRIES, "taken: {what}");
                assert_eq!(self.found_by_all(), Some(Sort::Contradicted), "{what}");
            }
        }
    }
}

/// AU-05: every bit of a hundred entries, newlines too.
#[test]
fn every_flipped_bit_is_found() {
    let log = Log::new();
    for (at, name) in log.segments.names.iter().enumerate() {
        let path = log.dir().join(name.file_name());
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for (byte, whole) in fs::read(&path).unwrap().iter().enumerate() {
            for bit in 0..8 {
                file.write_all_at(&[whole ^ 1 << bit], byte as u64).unwrap();
                log.assert_found(at, &format!("{} byte {byte} bit {bit}", name.file_name()));
            }
            file.write_all_at(&[*whole], byte as u64).unwrap();
        }
    }
    assert_eq!(log.found_by_all(), None, "it is as it was");
}

/// AU-06: every segment cut at every byte.
#[test]
fn every_cut_is_found() {
    let log = Log::new();
    for (at, name) in log.segments.names.iter().enumerate() {
        let path = log.dir().join(name.file_name());
        let whole = fs::read(&path).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for length in (0..whole.len()).rev() {
            file.set_len(length as u64).unwrap();
            log.assert_found(at, &format!("{} cut at {length}", name.file_name()));
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(log.found_by_all(), None, "it is as it was");
}
