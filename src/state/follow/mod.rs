//! Reading the audit log while it is being written: line after line, from any entry on.
//!
//! A [`Follower`] is the one reader that the usage index, the sinks and the command line share. It
//! only reads; it never locks, repairs or creates anything. It crosses from segment to segment, waits
//! at an unfinished last line, and leaves out the lines that the log itself gave up with a `gap`
//! entry. Each line is checked by its own hash and against the line before it, so nothing that was
//! changed is handed on. Whether the log is *complete* is for verification to say.
//!
//! In the writer's process the caller says how far the log is durable (`Audit::health().last_seq`),
//! and nothing beyond is handed on. Elsewhere `u64::MAX` is said: then a line that the writer gives
//! up a moment later may have been seen; the `gap` entry that follows names it.
//!
//! ```
//! use zhamen::config::settings::AuditSettings;
//! use zhamen::engine::evidence::{Entry, encode};
//! use zhamen::state::{audit::Audit, follow::Follower};
//! let folder = tempfile::tempdir().unwrap();
//! let settings = AuditSettings { disk_low_bytes: 0, ..AuditSettings::new(folder.path().join("audit")) };
//! let audit = Audit::create(&settings).unwrap();
//! let body = || encode(&Entry::TornTail { ts: 0, bytes: 0 });
//! for _ in 0..3 {
//!     audit.note(body()).receipt_blocking().unwrap();
//! }
//! // Entry 1 was seen before; entry 3 is to wait.
//! let mut follower = Follower::after(&settings.dir, 1);
//! assert_eq!(follower.next(2).unwrap().unwrap().seq, 2);
//! assert!(follower.next(2).unwrap().is_none());
//! assert_eq!(follower.next(u64::MAX).unwrap().unwrap().seq, 3);
//! ```

pub mod sealed;
mod segments;
mod source;
#[cfg(test)]
mod tests;

pub use segments::{SegmentFile, segments};

use crate::engine::evidence::chain::{LINE_BYTES_MAX, LineFault, Linked, verify_line_with};
use source::Source;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes read at once: they stay in a core's second-level cache until they were hashed.
const READ_BYTES: usize = 1 << 16;

/// Why the log cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("{0}: there is no audit log in this folder")]
    NoLog(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path}, byte {offset}, entry {seq}: {what}")]
    Damaged { path: PathBuf, offset: u64, seq: u64, what: Damage },
}

/// What is wrong with a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("{0}")]
    Line(LineFault),
    #[error("the line is longer than any entry")]
    TooLong,
    #[error("the segment ends in the middle of a line")]
    Torn,
    #[error("the entry does not continue the one before it")]
    Link,
}

/// One entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub seq: u64,
    /// Hash of the entry.
    pub hash: [u8; 32],
    /// First sequence number of the segment that it stands in, which is the segment's name.
    pub segment: u64,
    /// Where it begins in that segment, in bytes.
    pub offset: u64,
    /// The line without its newline: one JSON object.
    pub bytes: &'a [u8],
}

/// A place in the log that moves on line by line.
#[derive(Debug)]
pub struct Follower {
    folders: Vec<PathBuf>,
    /// The last entry handed on, or passed over at the start.
    after: u64,
    /// Its hash; none at the start, where the line before is not known.
    link: Option<[u8; 32]>,
    open: Option<Open>,
    /// As long as it ever was; what was read ends at `held`.
    buffer: Vec<u8>,
    held: usize,
    /// The part of it that was handed on.
    used: usize,
    /// What lines are hashed in.
    scratch: Vec<u8>,
}

/// The segment that is being read.
#[derive(Debug)]
struct Open {
    segment: SegmentFile,
    source: Source,
    /// Where the unused part of the buffer begins in the file.
    offset: u64,
    /// Entries from this number on are not part of the log, as a later segment says.
    trusted_until: Option<u64>,
    /// How far entries were known to be durable when `trusted_until` was last looked up.
    looked_at: u64,
    /// A later segment exists and the end was read again after that was seen: nothing will follow.
    is_ended: bool,
}

/// What one look at the buffer gave.
enum Step {
    /// A line of so many bytes, with its newline, stands at the start of the unused part.
    Line(usize, Linked),
    Again,
    Wait,
}

impl Follower {
    /// Hands on the entries after this sequence number; 0 begins at the first there is. Numbers may be
    /// missing: where retention took the oldest segments, and where a `gap` entry says so.
    pub fn after(dir: &Path, seq: u64) -> Self {
        Follower {
            folders: vec![dir.to_owned()],
            after: seq,
            link: None,
            open: None,
            buffer: Vec::new(),
            held: 0,
            used: 0,
            scratch: Vec::new(),
        }
    }

    /// Reads closed segments also from a folder that they were moved to.
    pub fn with_archive(mut self, dir: &Path) -> Self {
        self.folders.push(dir.to_owned());
        self
    }

    /// Sequence number of the last entry handed on.
    pub fn position(&self) -> u64 {
        self.after
    }

    /// The next entry that is not beyond `durable`; none where there is none yet. After an error the
    /// same call may be made again: nothing was passed over.
    ///
    /// # Errors
    /// No log, no access, or a line that is not what was written. A reader stops there; verification
    /// says more.
    pub fn next(&mut self, durable: u64) -> Result<Option<Line<'_>>, FollowError> {
        loop {
            match self.step(durable)? {
                Step::Again => {}
                Step::Wait => return Ok(None),
                Step::Line(length, linked) => return Ok(self.take(length, &linked)),
            }
        }
    }

    fn take(&mut self, length: usize, linked: &Linked) -> Option<Line<'_>> {
        let open = self.open.as_mut()?;
        let (start, offset) = (self.used, open.offset);
        self.used += length;
        open.offset += length as u64;
        (self.after, self.link) = (linked.seq, Some(linked.hash));
        Some(Line {
            seq: linked.seq,
            hash: linked.hash,
            segment: open.segment.first,
            offset,
            bytes: &self.buffer[start..start + length - 1],
        })
    }

    fn step(&mut self, durable: u64) -> Result<Step, FollowError> {
        if self.open.is_none() {
            self.begin()?;
        }
        let unused = &self.buffer[self.used..self.held];
        let Some(end) = memchr::memchr(b'\n', unused) else { return self.fill() };
        let verified = verify_line_with(&unused[..end], &mut self.scratch);
        let linked = verified.map_err(|fault| self.damaged(Damage::Line(fault)))?;
        if linked.seq > durable {
            return Ok(Step::Wait);
        }
        if self.trusted_until(durable)?.is_some_and(|until| linked.seq >= until) {
            return self.move_on();
        }
        if linked.seq <= self.after {
            self.used += end + 1;
            if let Some(open) = &mut self.open {
                open.offset += end as u64 + 1;
            }
            self.link = (linked.seq == self.after).then_some(linked.hash);
            return Ok(Step::Again);
        }
        let continues = linked.seq == self.after + 1 && self.link.is_some_and(|hash| hash == linked.prev);
        if self.link.is_some() && !continues && linked.gap.is_none() {
            return Err(self.damaged(Damage::Link));
        }
        Ok(Step::Line(end + 1, linked))
    }

    /// Opens the segment that holds the next entry, or the first there is.
    fn begin(&mut self) -> Result<(), FollowError> {
        let found = self.segments()?;
        let wanted = found.iter().rev().find(|segment| segment.first <= self.after.saturating_add(1));
        let segment = wanted.or(found.first()).ok_or_else(|| FollowError::NoLog(self.folders[0].clone()))?;
        self.enter(segment.clone())
    }

    fn enter(&mut self, segment: SegmentFile) -> Result<(), FollowError> {
        let source = Source::open(&segment.path)
            .map_err(|error| FollowError::Io { path: segment.path.clone(), error })?;
        (self.held, self.used) = (0, 0);
        self.open =
            Some(Open { segment, source, offset: 0, trusted_until: None, looked_at: 0, is_ended: false });
        Ok(())
    }

    /// Reads on behind the buffer.
    fn fill(&mut self) -> Result<Step, FollowError> {
        let Some(open) = &mut self.open else { return Ok(Step::Again) };
        self.buffer.copy_within(self.used..self.held, 0);
        let held = self.held - self.used;
        (self.held, self.used) = (held, 0);
        if held > LINE_BYTES_MAX {
            return Err(self.damaged(Damage::TooLong));
        }
        if self.buffer.len() < held + READ_BYTES {
            self.buffer.resize(held + READ_BYTES, 0);
        }
        match open.source.read_at(&mut self.buffer[held..], open.offset + held as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Step::Again),
            Err(error) => Err(FollowError::Io { path: open.segment.path.clone(), error }),
            Ok(0) => self.at_end(),
            Ok(read) => {
                self.held += read;
                Ok(Step::Again)
            }
        }
    }

    /// Nothing stands behind the buffer: wait, or go on in the next segment.
    fn at_end(&mut self) -> Result<Step, FollowError> {
        // An unfinished line may be cut off and written anew, so nothing of it is kept.
        let held = std::mem::take(&mut self.held);
        let later = self.later()?;
        let Some(open) = &mut self.open else { return Ok(Step::Again) };
        let Some((_, gap)) = later else { return Ok(Step::Wait) };
        if !std::mem::replace(&mut open.is_ended, true) {
            // What was written between the reading and the look at the folder.
            return Ok(Step::Again);
        }
        if held > 0 && gap.is_none() {
            return Err(self.damaged(Damage::Torn));
        }
        self.move_on()
    }

    fn move_on(&mut self) -> Result<Step, FollowError> {
        let Some((segment, _)) = self.later()? else { return Ok(Step::Wait) };
        self.enter(segment)?;
        Ok(Step::Again)
    }

    /// From which entry on the present segment is not trusted. Looked up again whenever more became
    /// durable, because only then can a gap have been recorded.
    fn trusted_until(&mut self, durable: u64) -> Result<Option<u64>, FollowError> {
        let known = self.open.as_ref().is_some_and(|open| open.looked_at >= durable);
        let gap = if known { None } else { self.later()?.and_then(|(_, gap)| gap) };
        let Some(open) = &mut self.open else { return Ok(None) };
        open.looked_at = open.looked_at.max(durable);
        open.trusted_until = open.trusted_until.or(gap);
        Ok(open.trusted_until)
    }

    /// The nearest later segment with a finished first line, and the first number that line gives up.
    /// A file without one is what a crash or a failed recovery left.
    fn later(&self) -> Result<Option<(SegmentFile, Option<u64>)>, FollowError> {
        let Some(open) = &self.open else { return Ok(None) };
        for segment in self.segments()?.into_iter().filter(|found| found.first > open.segment.first) {
            if let Some(linked) = segment.first_line() {
                return Ok(Some((segment, linked.gap.map(|(first, _)| first))));
            }
        }
        Ok(None)
    }

    fn segments(&self) -> Result<Vec<SegmentFile>, FollowError> {
        segments(&self.folders).map_err(|(path, error)| FollowError::Io { path, error })
    }

    fn damaged(&self, what: Damage) -> FollowError {
        let place = self.open.as_ref().map(|open| (open.segment.path.clone(), open.offset));
        let (path, offset) = place.unwrap_or_default();
        FollowError::Damaged { path, offset, seq: self.after + 1, what }
    }
}
