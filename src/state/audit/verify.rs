//! Reading a log back: streaming, in constant memory, naming the first bad place.

use super::segment::{Closed, SegmentName};
use crate::engine::evidence::chain::{self, LINE_BYTES_MAX, LineFault, Linked};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

/// What is wrong at the place of a finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    #[error("there is no audit log in this folder")]
    NoLog,
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Line(LineFault),
    #[error("the line is longer than any entry")]
    TooLong,
    #[error("the segment ends in the middle of a line")]
    Torn,
    #[error("entry {found} stands where entry {expected} belongs")]
    Order { expected: u64, found: u64 },
    #[error(
        "the entry does not continue the one before it: something was changed or is missing between them"
    )]
    Link,
    #[error(
        "the entries before this gap are missing: the log is known up to {known}, the gap begins at {first}"
    )]
    Gap { known: u64, first: u64 },
    #[error("the segment is named for another entry than its first")]
    Name,
    #[error("the closed segment had {expected} bytes and has {found}")]
    Size { expected: u64, found: u64 },
    #[error("the record of closed segments says otherwise")]
    Head,
}

impl What {
    pub(super) fn unreadable(error: io::Error) -> Self {
        What::Unreadable(error.to_string())
    }
}

/// The first bad place of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}, entry {seq}: {what}")]
pub struct Finding {
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: u64,
    /// The entry that was expected there.
    pub seq: u64,
    pub what: What,
}

/// A gap that the log itself records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFound {
    pub file: String,
    /// Sequence numbers given up; `last` is `first - 1` where there were none.
    pub first: u64,
    pub last: u64,
}

/// A log that is whole, as far as the log alone can tell: compare `head` with one kept elsewhere to
/// see that nothing was cut off at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: usize,
    pub entries: u64,
    pub last_seq: u64,
    /// Hash of the last entry, 64 hexadecimal digits.
    pub head: String,
    pub gaps: Vec<GapFound>,
    /// Bytes after the last whole line: a writer at work, or a crash that the next opening repairs.
    pub torn_bytes: u64,
    /// Bytes in segments that the writer gave up, after their last confirmed entry.
    pub untrusted_bytes: u64,
}

/// Verifies every line of every segment in a folder.
pub fn verify_dir(dir: &Path) -> Result<Report, Finding> {
    let whole = |what| Finding { file: dir.display().to_string(), line: 0, seq: 0, what };
    let segments = SegmentName::all(dir).map_err(|error| whole(What::unreadable(error)))?;
    let [first, ..] = segments.as_slice() else { return Err(whole(What::NoLog)) };
    if first.first != 1 {
        return Err(Finding { file: first.file_name(), line: 0, seq: 1, what: What::Name });
    }
    let (closed, _) = Closed::read(dir, &segments).map_err(|error| whole(What::unreadable(error)))?;
    let mut walk = Walk::new(dir, Cursor::GENESIS);
    for (index, name) in segments.iter().enumerate() {
        walk.segment(name, &segments[index + 1..])?;
        if let Some(closed) = closed.iter().find(|closed| closed.name == *name) {
            walk.compare(name, closed)?;
        }
    }
    Ok(walk.report(segments.len()))
}

/// A place in the chain: the last entry seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub seq: u64,
    pub hash: [u8; 32],
}

impl Cursor {
    pub const GENESIS: Cursor = Cursor { seq: 0, hash: chain::GENESIS };
}

/// A walk along the chain, segment by segment.
pub(super) struct Walk<'a> {
    dir: &'a Path,
    pub cursor: Cursor,
    /// Bytes of the segment walked last that belong to the log.
    pub bytes: u64,
    /// They are all of its bytes.
    pub whole: bool,
    pub torn_bytes: u64,
    entries: u64,
    untrusted_bytes: u64,
    gaps: Vec<GapFound>,
}

impl<'a> Walk<'a> {
    pub fn new(dir: &'a Path, cursor: Cursor) -> Self {
        Walk {
            dir,
            cursor,
            bytes: 0,
            whole: true,
            torn_bytes: 0,
            entries: 0,
            untrusted_bytes: 0,
            gaps: Vec::new(),
        }
    }

    /// Walks one segment. `later` are the segments after it: one of them may say where trust in this
    /// one ended.
    pub fn segment(&mut self, name: &SegmentName, later: &[SegmentName]) -> Result<(), Finding> {
        let trusted_until = self.gap_after(later);
        let unreadable = |error| self.finding(name, 0, What::unreadable(error));
        let file = File::open(self.dir.join(name.file_name())).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        self.bytes = 0;
        for number in 1.. {
            if trusted_until == Some(self.cursor.seq + 1) {
                self.untrusted_bytes += size.saturating_sub(self.bytes);
                break;
            }
            read_line(&mut reader, &mut line).map_err(|what| self.finding(name, number, what))?;
            if line.is_empty() {
                break;
            }
            if !line.ends_with(b"\n") {
                if !later.is_empty() {
                    return Err(self.finding(name, number, What::Torn));
                }
                self.torn_bytes = line.len() as u64;
                break;
            }
            self.step(name, number, &line).map_err(|what| self.finding(name, number, what))?;
            self.bytes += line.len() as u64;
        }
        self.whole = self.bytes == size;
        Ok(())
    }

    /// Takes one line, if it continues the chain.
    fn step(&mut self, name: &SegmentName, number: u64, line: &[u8]) -> Result<(), What> {
        let found = chain::verify_line(line).map_err(What::Line)?;
        let expected = match found.gap.filter(|_| number == 1) {
            Some((first, last)) => self.enter_gap(name, first, last)?,
            None => self.cursor.seq + 1,
        };
        if found.seq != expected {
            return Err(What::Order { expected, found: found.seq });
        }
        if found.prev != self.cursor.hash {
            return Err(What::Link);
        }
        if number == 1 && found.seq != name.first {
            return Err(What::Name);
        }
        self.cursor = Cursor { seq: found.seq, hash: found.hash };
        self.entries += 1;
        Ok(())
    }

    /// The number that the gap entry itself must have.
    fn enter_gap(&mut self, name: &SegmentName, first: u64, last: u64) -> Result<u64, What> {
        let known = self.cursor.seq;
        let after = last.checked_add(1).filter(|after| *after >= first);
        match after {
            Some(after) if first == known + 1 => {
                self.gaps.push(GapFound { file: name.file_name(), first, last });
                Ok(after)
            }
            _ => Err(What::Gap { known, first }),
        }
    }

    /// Where the nearest gap of later segments begins.
    fn gap_after(&self, later: &[SegmentName]) -> Option<u64> {
        later.iter().filter_map(|name| self.first_line(name)?.gap).map(|(first, _)| first).min()
    }

    /// The first line of a segment, if it is whole; what is wrong with it is found when it is walked.
    fn first_line(&self, name: &SegmentName) -> Option<Linked> {
        let mut line = Vec::new();
        let file = File::open(self.dir.join(name.file_name())).ok()?;
        read_line(&mut BufReader::new(file), &mut line).ok()?;
        chain::verify_line(&line).ok()
    }

    fn compare(&self, name: &SegmentName, closed: &Closed) -> Result<(), Finding> {
        closed.check_size(self.dir).map_err(|what| self.finding(name, 0, what))?;
        let agrees =
            (closed.last, closed.hash, closed.bytes) == (self.cursor.seq, self.cursor.hash, self.bytes);
        if agrees { Ok(()) } else { Err(self.finding(name, 0, What::Head)) }
    }

    pub fn finding(&self, name: &SegmentName, line: u64, what: What) -> Finding {
        Finding { file: name.file_name(), line, seq: self.cursor.seq + 1, what }
    }

    fn report(self, segments: usize) -> Report {
        Report {
            segments,
            entries: self.entries,
            last_seq: self.cursor.seq,
            head: chain::hex_of_hash(&self.cursor.hash),
            gaps: self.gaps,
            torn_bytes: self.torn_bytes,
            untrusted_bytes: self.untrusted_bytes,
        }
    }
}

/// A segment without a newline in its first so many bytes is not hollow but garbage.
pub(super) const HOLLOW_BYTES_MAX: u64 = LINE_BYTES_MAX as u64 + 1;

/// Reads one line with its newline; empty at the end. A line beyond the limit is not read on.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), What> {
    line.clear();
    reader.take(HOLLOW_BYTES_MAX).read_until(b'\n', line).map_err(What::unreadable)?;
    if line.len() as u64 == HOLLOW_BYTES_MAX && !line.ends_with(b"\n") { Err(What::TooLong) } else { Ok(()) }
}
