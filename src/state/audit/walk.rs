//! Walking along the chain: streaming, in constant memory, stopping at the first bad place.

use super::lines::Lines;
use super::segment::{Closed, SegmentName};
use super::{Finding, GapFound, What};
use crate::engine::evidence::chain::{self, LINE_BYTES_MAX, Linked};
use std::path::{Path, PathBuf};

/// A place in the log: the last entry seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub seq: u64,
    pub hash: [u8; 32],
    /// Entries so far: less than `seq` once numbers were given up.
    pub size: u64,
}

impl Cursor {
    pub const GENESIS: Cursor = Cursor { seq: 0, hash: chain::GENESIS, size: 0 };

    /// The place after one more entry.
    pub fn then(self, seq: u64, hash: [u8; 32]) -> Cursor {
        Cursor { seq, hash, size: self.size + 1 }
    }
}

/// What follows each entry, with its line: the tree that grows by its hash, for example.
pub(super) type Sink<'a> = dyn FnMut(&Cursor, &[u8]) -> Result<(), What> + 'a;

/// Segments in order, and where trust in each ends.
pub(super) struct Segments {
    pub names: Vec<SegmentName>,
    /// For each: the folder that it lies in.
    pub dirs: Vec<PathBuf>,
    /// For each: the first number that a gap in a later segment gives up.
    trusted_until: Vec<Option<u64>>,
}

impl Segments {
    /// Those of one folder.
    pub fn of(dir: &Path, names: Vec<SegmentName>) -> Segments {
        Segments::placed(names.into_iter().map(|name| (name, dir.to_owned())).collect())
    }

    fn placed(places: Vec<(SegmentName, PathBuf)>) -> Segments {
        let mut trusted_until = vec![None; places.len()];
        let mut nearest: Option<u64> = None;
        for (at, (name, dir)) in places.iter().enumerate().rev() {
            trusted_until[at] = nearest;
            if let Some((first, _)) = first_line(dir, name).and_then(|line| line.gap) {
                nearest = Some(nearest.map_or(first, |nearest| nearest.min(first)));
            }
        }
        let (names, dirs) = places.into_iter().unzip();
        Segments { names, dirs, trusted_until }
    }

    /// Nothing is taken behind the last entry of this segment, if it is the last of these.
    pub fn end_last(&mut self, closed: &Closed) {
        if let (Some(name), Some(until)) = (self.names.last(), self.trusted_until.last_mut())
            && *name == closed.name
        {
            *until = Some(closed.last.seq + 1);
        }
    }

    fn into_places(self) -> impl Iterator<Item = (SegmentName, PathBuf)> {
        self.names.into_iter().zip(self.dirs)
    }

    pub fn only(self, is_meant: impl Fn(&SegmentName) -> bool) -> Segments {
        Segments::placed(self.into_places().filter(|(name, _)| is_meant(name)).collect())
    }

    /// These, then those of another folder, whose gaps may give up the end of the last of these.
    pub fn then(self, later: Segments) -> Segments {
        Segments::placed(self.into_places().chain(later.into_places()).collect())
    }
}

/// The first line of a segment, if it is whole; what is wrong with it is found when it is walked.
fn first_line(dir: &Path, name: &SegmentName) -> Option<Linked> {
    let mut lines = Lines::new(name.open(dir).ok()?.0);
    chain::verify_line(lines.next().ok()?).ok()
}

/// A walk along the chain, segment by segment.
pub(super) struct Walk<'a> {
    pub cursor: Cursor,
    /// Bytes of the segment walked last that belong to the log.
    pub bytes: u64,
    /// They are all of its bytes.
    pub whole: bool,
    pub torn_bytes: u64,
    pub untrusted_bytes: u64,
    pub gaps: Vec<GapFound>,
    sink: &'a mut Sink<'a>,
    scratch: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub fn new(cursor: Cursor, sink: &'a mut Sink<'a>) -> Self {
        Walk {
            cursor,
            bytes: 0,
            whole: true,
            torn_bytes: 0,
            untrusted_bytes: 0,
            gaps: Vec::new(),
            sink,
            scratch: Vec::new(),
        }
    }

    /// Walks the segment at this place of the list.
    pub fn segment(&mut self, segments: &Segments, at: usize) -> Result<(), Finding> {
        let name = &segments.names[at];
        let (trusted_until, is_last) = (segments.trusted_until[at], at + 1 == segments.names.len());
        self.bytes = 0;
        let unreadable = |error| self.finding(name, 0, What::unreadable(error));
        let (reader, length) = name.open(&segments.dirs[at]).map_err(unreadable)?;
        let mut lines = Lines::new(reader);
        for number in 1.. {
            if trusted_until == Some(self.cursor.seq + 1) {
                // Only whole segments are sealed, so nothing follows in one.
                self.untrusted_bytes += length.unwrap_or_default().saturating_sub(self.bytes);
                break;
            }
            let line = lines.next().map_err(|what| self.finding(name, number, what))?;
            if !line.ends_with(b"\n") {
                if !line.is_empty() && !is_last {
                    return Err(self.finding(name, number, What::Torn));
                }
                self.torn_bytes = line.len() as u64;
                break;
            }
            self.step(name, number, line).map_err(|what| self.finding(name, number, what))?;
            self.bytes += line.len() as u64;
        }
        self.whole = length.is_none_or(|length| self.bytes == length);
        Ok(())
    }

    /// Takes one line, if it continues the chain.
    fn step(&mut self, name: &SegmentName, number: u64, line: &[u8]) -> Result<(), What> {
        let found = chain::verify_line_with(line, &mut self.scratch).map_err(What::Line)?;
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
        let after = self.cursor.then(found.seq, found.hash);
        (self.sink)(&after, line)?;
        self.cursor = after;
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

    /// Holds what was closed against the segment in this folder that was walked last, and the root of the
    /// tree up to there, where one is grown.
    pub fn compare(&self, dir: &Path, closed: &Closed, root: Option<[u8; 32]>) -> Result<(), Finding> {
        let name = &closed.name;
        closed.check_size(dir).map_err(|what| self.finding(name, 0, what))?;
        let agrees = closed.last == self.cursor && closed.bytes == self.bytes;
        let is_root = root.is_none_or(|root| root == closed.root);
        if agrees && is_root { Ok(()) } else { Err(self.finding(name, 0, What::Head)) }
    }

    /// A finding in a line, or with 0 about the file.
    pub fn finding(&self, name: &SegmentName, line: u64, what: What) -> Finding {
        let byte = if line == 0 { 0 } else { self.bytes };
        Finding { file: name.file_name(), line, byte, seq: self.cursor.seq + 1, what }
    }
}

/// A segment without a newline in its first so many bytes is not hollow but garbage.
pub(super) const HOLLOW_BYTES_MAX: u64 = LINE_BYTES_MAX as u64 + 1;
