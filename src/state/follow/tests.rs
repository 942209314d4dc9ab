use super::*;
use crate::config::settings::AuditSettings;
use crate::engine::evidence::chain::verify_line;
use crate::engine::evidence::chain::{GENESIS, frame};
use crate::engine::evidence::{Entry, EntryBody, Gap, GapCause, encode};
use crate::state::audit::Audit;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

fn body(ts: i64) -> EntryBody {
    encode(&Entry::TornTail { ts, bytes: 0 })
}

/// A log written by hand, so that its faults can be chosen.
struct Log {
    dir: tempfile::TempDir,
    segment: u64,
    seq: u64,
    hash: [u8; 32],
}

impl Log {
    fn new() -> Self {
        let log = Log { dir: tempfile::tempdir().unwrap(), segment: 1, seq: 0, hash: GENESIS };
        log.append(b"");
        log
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.dir.path().join(format!("audit-{segment:020}.jsonl"))
    }

    fn append(&self, bytes: &[u8]) {
        let path = self.path(self.segment);
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    fn line(&mut self, body: &EntryBody) -> Vec<u8> {
        let mut line = Vec::new();
        self.seq += 1;
        self.hash = frame(self.seq, &self.hash, body, &mut line);
        line
    }

    fn write(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            let line = self.line(&body(7));
            self.append(&line);
        }
        self
    }

    fn roll(&mut self) -> &mut Self {
        self.segment = self.seq + 1;
        self
    }

    /// Gives up what was written after `known`, whose hash is given, and goes on in a new segment.
    fn gap(&mut self, known: u64, hash: [u8; 32]) -> &mut Self {
        let gap = Gap { ts: 0, first: known + 1, last: self.seq, cause: GapCause::Sync, refused: 0 };
        self.hash = hash;
        self.roll();
        let line = self.line(&encode(&Entry::Gap(gap)));
        self.append(&line);
        self
    }

    fn follow(&self, after: u64) -> Follower {
        Follower::after(self.dir.path(), after)
    }
}

fn seqs(follower: &mut Follower, durable: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(line) = follower.next(durable).unwrap() {
        seen.push(line.seq);
    }
    seen
}

#[test]
fn lines_come_in_order_from_any_entry_on_and_across_segments() {
    let mut log = Log::new();
    log.write(3).roll().write(2).roll().write(4);
    for after in 0..=10 {
        let expect: Vec<u64> = (after + 1..=9).collect();
        assert_eq!(seqs(&mut log.follow(after), u64::MAX), expect, "after {after}");
    }
    let mut limited = log.follow(1);
    assert_eq!(seqs(&mut limited, 4), [2, 3, 4]);
    assert_eq!(limited.position(), 4);
    assert_eq!(seqs(&mut limited, 9), [5, 6, 7, 8, 9]);
}

#[test]
fn a_line_says_where_it_stands() {
    let mut log = Log::new();
    log.write(2).roll().write(3);
    let mut follower = log.follow(0);
    let mut seen = 0;
    while let Some(line) = follower.next(u64::MAX).unwrap() {
        let file = fs::read(log.path(line.segment)).unwrap();
        let start = line.offset as usize;
        assert_eq!(&file[start..start + line.bytes.len()], line.bytes);
        assert_eq!(file[start + line.bytes.len()], b'\n');
        assert_eq!(verify_line(line.bytes).unwrap().hash, line.hash);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn a_torn_tail_is_waited_for_at_every_length_also_when_it_is_repaired() {
    let mut log = Log::new();
    log.write(1);
    let whole = fs::metadata(log.path(1)).unwrap().len();
    let mut follower = log.follow(0);
    assert_eq!(seqs(&mut follower, u64::MAX), [1]);
    let (seq, hash) = (log.seq, log.hash);
    let torn = log.line(&body(1));
    for length in 0..torn.len() {
        log.append(&torn[..length]);
        assert!(follower.next(u64::MAX).unwrap().is_none(), "{length} bytes");
        OpenOptions::new().write(true).open(log.path(1)).unwrap().set_len(whole).unwrap();
    }
    // The repaired log goes on with another line in the same place.
    (log.seq, log.hash) = (seq, hash);
    log.write(2);
    assert_eq!(seqs(&mut follower, u64::MAX), [2, 3]);
}

#[test]
fn given_up_lines_are_left_out() {
    let mut log = Log::new();
    log.write(3);
    let (known, hash) = (log.seq, log.hash);
    let mut live = log.follow(0);
    assert_eq!(seqs(&mut live, 3), [1, 2, 3]);
    // Written, never confirmed, with a torn line behind; then the log goes on elsewhere.
    log.write(2).append(b"{\"v\":1,\"se");
    assert!(seqs(&mut live, 3).is_empty());
    log.gap(known, hash).write(2);
    assert_eq!(seqs(&mut live, 8), [6, 7, 8], "the one that followed");
    for durable in [8, u64::MAX] {
        assert_eq!(seqs(&mut log.follow(0), durable), [1, 2, 3, 6, 7, 8], "one that comes later");
    }
    assert_eq!(seqs(&mut log.follow(4), u64::MAX), [6, 7, 8]);
}

#[test]
fn a_recovery_that_failed_itself_is_left_out_too() {
    let mut log = Log::new();
    log.write(2);
    let (known, hash) = (log.seq, log.hash);
    log.write(1).gap(known, hash).write(1).gap(known, hash).write(1);
    log.roll().append(b"");
    assert_eq!(seqs(&mut log.follow(0), u64::MAX), [1, 2, 6, 7]);
}

#[test]
fn changed_and_missing_lines_are_errors_that_name_the_place() {
    let mut log = Log::new();
    log.write(4);
    let good = fs::read(log.path(1)).unwrap();
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    let mut flipped = good.clone();
    // Not in the hash before, where half of the flips leave no hexadecimal digit.
    flipped[lines[0].len() + memchr::memmem::find(lines[1], b"kind").unwrap()] ^= 1;
    let table = [
        (flipped, Damage::Line(LineFault::Hash)),
        ([lines[0], lines[2], lines[3]].concat(), Damage::Link),
        ([lines[0], lines[2], lines[1], lines[3]].concat(), Damage::Link),
        ([lines[0], b"garbage\n"].concat(), Damage::Line(LineFault::Form)),
    ];
    for (bytes, expect) in table {
        fs::write(log.path(1), bytes).unwrap();
        let mut follower = log.follow(0);
        assert_eq!(follower.next(u64::MAX).unwrap().unwrap().seq, 1);
        for _ in 0..2 {
            let Err(FollowError::Damaged { offset, seq, what, .. }) = follower.next(u64::MAX) else {
                panic!("{expect} was not found");
            };
            assert_eq!((offset, seq, what), (lines[0].len() as u64, 2, expect));
        }
    }
    fs::write(log.path(1), vec![b'x'; LINE_BYTES_MAX + 2]).unwrap();
    let found = log.follow(0).next(u64::MAX).map(|_| ()).unwrap_err();
    assert!(matches!(found, FollowError::Damaged { what: Damage::TooLong, .. }), "{found}");
}

#[test]
fn a_closed_segment_that_is_torn_is_an_error() {
    let mut log = Log::new();
    log.write(2).append(b"{\"v\":");
    log.roll().write(1);
    let mut follower = log.follow(1);
    assert_eq!(follower.next(u64::MAX).unwrap().unwrap().seq, 2);
    let found = follower.next(u64::MAX).map(|_| ()).unwrap_err();
    assert!(matches!(found, FollowError::Damaged { what: Damage::Torn, .. }), "{found}");
}

#[test]
fn archived_segments_are_read_where_they_lie_now_and_missing_ones_are_passed_over() {
    let mut log = Log::new();
    log.write(2).roll().write(2).roll().write(2);
    let archive = tempfile::tempdir().unwrap();
    let mut open = log.follow(0);
    assert_eq!(open.next(u64::MAX).unwrap().unwrap().seq, 1);
    let moved = archive.path().join(log.path(1).file_name().unwrap());
    fs::rename(log.path(1), &moved).unwrap();
    assert_eq!(seqs(&mut open, u64::MAX), [2, 3, 4, 5, 6], "the open file is read to its end");
    let all = log.follow(0).with_archive(archive.path());
    assert_eq!(seqs(&mut { all }, u64::MAX), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(&mut log.follow(0), u64::MAX), [3, 4, 5, 6]);
    let nothing = tempfile::tempdir().unwrap();
    let found = Follower::after(nothing.path(), 0).next(u64::MAX).map(|_| ()).unwrap_err();
    assert!(matches!(found, FollowError::NoLog(_)), "{found}");
}

#[test]
fn a_live_writer_is_followed_over_its_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let settings = AuditSettings {
        segment_bytes_max: 2000,
        disk_low_bytes: 0,
        ..AuditSettings::new(folder.path().join("audit"))
    };
    let audit = Audit::create(&settings).unwrap();
    let dir = settings.dir.clone();
    let reader = std::thread::spawn(move || {
        let (mut follower, mut seen) = (Follower::after(&dir, 0), Vec::new());
        while seen.len() < 300 {
            match follower.next(u64::MAX).unwrap() {
                Some(line) => seen.push(line.seq),
                None => std::thread::sleep(std::time::Duration::from_millis(1)),
            }
        }
        seen
    });
    for index in 0..300 {
        let pending = audit.note(body(index));
        if index % 7 == 0 {
            pending.receipt_blocking().unwrap();
        }
    }
    assert_eq!(reader.join().unwrap(), (1..=300).collect::<Vec<_>>());
    assert!(segments(&[settings.dir]).unwrap().len() > 5);
}
