//! An entry by its number: which segment, and where in it.
//!
//! Lines of a segment are numbered without holes and are of similar length, so a guess by their
//! average, corrected by what is found there, needs a few small reads. No table has to be kept, none
//! can be lost, and a segment that was moved to the archive is found where it lies now.

use crate::engine::evidence::chain::{LINE_BYTES_MAX, LineFault, verify_line};
use crate::state::follow::sealed::{Sealed, is_sealed};
use crate::state::follow::{SegmentFile, segments};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// Bytes of one look, enough for a few lines.
const LOOK_BYTES: usize = 8 << 10;
/// Looks by guess; after them by halves.
const GUESSES: u32 = 8;

/// Why an entry could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path}: {fault}")]
    Damaged { path: PathBuf, fault: LineFault },
    #[error("entry {seq} is not where the log ought to hold it")]
    Missing { seq: u64 },
}

/// Reads single entries of a log. Files stay open between reads.
#[derive(Debug)]
pub struct LogReader {
    folders: Vec<PathBuf>,
    segments: Vec<SegmentFile>,
    open: Option<(SegmentFile, Opened)>,
    /// A line's length as seen so far, for the first guess.
    average: u64,
}

/// A segment, plain or sealed.
#[derive(Debug)]
enum Opened {
    Plain(File),
    Sealed(Sealed),
}

/// A whole line seen during a search.
struct Probe {
    seq: u64,
    /// Where it begins, and where the next one does.
    start: u64,
    end: u64,
}

impl LogReader {
    /// The log lies in these folders; where two hold one segment, the earlier one counts.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        LogReader { folders, segments: Vec::new(), open: None, average: 700 }
    }

    /// One entry's line without its newline, its own hash checked. None where there is no such entry,
    /// or no longer.
    pub fn line(&mut self, seq: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let known = self.segments.partition_point(|segment| segment.first <= seq);
        if known == 0 || known == self.segments.len() {
            self.look_again()?;
        }
        let place = self.segments.partition_point(|segment| segment.first <= seq);
        let Some(segment) = place.checked_sub(1).and_then(|place| self.segments.get(place)).cloned() else {
            return Ok(None);
        };
        match self.line_in(&segment, seq) {
            // Moved to the archive since the folders were looked at.
            Err(ReadError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                self.look_again()?;
                let moved = self.segments.iter().find(|other| other.first == segment.first).cloned();
                moved.map_or(Ok(None), |moved| self.line_in(&moved, seq))
            }
            line => line,
        }
    }

    /// The same for an entry that the log is known to have had: none only if it is older than what is kept.
    pub fn kept_line(&mut self, seq: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let line = self.line(seq)?;
        let is_kept = self.segments.first().is_some_and(|oldest| oldest.first <= seq);
        if line.is_none() && is_kept { Err(ReadError::Missing { seq }) } else { Ok(line) }
    }

    fn look_again(&mut self) -> Result<(), ReadError> {
        self.segments = segments(&self.folders).map_err(|(path, error)| ReadError::Io { path, error })?;
        Ok(())
    }

    fn line_in(&mut self, segment: &SegmentFile, seq: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let fail = |error| ReadError::Io { path: segment.path.clone(), error };
        if self.open.as_ref().is_none_or(|(open, _)| open != segment) {
            let opened = match is_sealed(&segment.path) {
                true => Opened::Sealed(Sealed::open(&segment.path, segment.first).map_err(fail)?),
                false => Opened::Plain(File::open(&segment.path).map_err(fail)?),
            };
            self.open = Some((segment.clone(), opened));
        }
        let line = match &mut self.open {
            None => None,
            Some((_, Opened::Plain(file))) => {
                plain_line(file, segment.first, seq, &mut self.average).map_err(fail)?
            }
            Some((_, Opened::Sealed(sealed))) => {
                sealed.lines_around(seq).map_err(fail)?.and_then(|lines| line_of(lines, seq))
            }
        };
        let Some(line) = line else { return Ok(None) };
        match verify_line(&line) {
            Ok(linked) if linked.seq == seq => Ok(Some(line)),
            Ok(_) => Ok(None),
            Err(fault) => Err(ReadError::Damaged { path: segment.path.clone(), fault }),
        }
    }
}

fn plain_line(file: &File, first: u64, seq: u64, average: &mut u64) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let Some(found) = search(file, length, first, seq, average)? else { return Ok(None) };
    let size = usize::try_from(found.end - found.start).unwrap_or(0).saturating_sub(1);
    let mut line = vec![0; size];
    file.read_exact_at(&mut line, found.start)?;
    Ok(Some(line))
}

/// The line with this number among some.
fn line_of(lines: &[u8], seq: u64) -> Option<Vec<u8>> {
    let mut rest = lines;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        if number_of(&rest[..end]) == Some(seq) {
            return Some(rest[..end].to_vec());
        }
        rest = &rest[end + 1..];
    }
    None
}

/// Finds the line with this number between the segment's start and end.
fn search(file: &File, length: u64, first: u64, seq: u64, average: &mut u64) -> io::Result<Option<Probe>> {
    // The wanted line starts at `low` or later, where line `low_seq` starts, and before `high`.
    let (mut low, mut low_seq, mut high) = (0, first, length);
    let mut looks = 0;
    while low < high {
        let guess = low.saturating_add((seq - low_seq).saturating_mul(*average));
        let at = match looks < GUESSES {
            true => guess.min(high - 1),
            false => low + (high - low) / 2,
        };
        looks += 1;
        // A look begins a little before the guess, so that the wanted line is often inside it.
        let from = at.saturating_sub(LOOK_BYTES as u64 / 4).max(low);
        let probes = probes(file, from, from == low, length)?;
        match (probes.first(), probes.last()) {
            (Some(near), Some(far)) if near.seq <= seq && seq <= far.seq => {
                return Ok(probes.into_iter().find(|probe| probe.seq == seq));
            }
            // It begins before the first line that begins behind `from`.
            (Some(near), _) if seq < near.seq => high = near.start.min(from + 1),
            (_, Some(far)) => {
                (low, low_seq) = (far.end, far.seq + 1);
                *average = (far.end / (far.seq - first + 1)).max(1);
            }
            // Not one line begins between here and the end.
            _ => high = from,
        }
    }
    Ok(None)
}

/// The whole lines of one look, which grows until it holds one. `at_line`: a line begins at `from`.
fn probes(file: &File, from: u64, at_line: bool, length: u64) -> io::Result<Vec<Probe>> {
    let mut size = LOOK_BYTES;
    loop {
        let mut bytes = vec![0; size];
        let mut held = 0;
        while held < size {
            match file.read_at(&mut bytes[held..], from + held as u64)? {
                0 => break,
                read => held += read,
            }
        }
        bytes.truncate(held);
        let found = whole_lines(&bytes, from, at_line);
        if !found.is_empty() || from + held as u64 >= length || size > 2 * LINE_BYTES_MAX {
            return Ok(found);
        }
        size *= 4;
    }
}

fn whole_lines(bytes: &[u8], from: u64, at_line: bool) -> Vec<Probe> {
    let mut at = match at_line {
        true => 0,
        false => memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1),
    };
    let mut found = Vec::new();
    while let Some(length) = memchr::memchr(b'\n', &bytes[at..]) {
        let end = at + length + 1;
        let seq = number_of(&bytes[at..end]);
        found.extend(seq.map(|seq| Probe { seq, start: from + at as u64, end: from + end as u64 }));
        at = end;
    }
    found
}

/// The number that a line says of itself; the digest is checked when the line is taken.
fn number_of(line: &[u8]) -> Option<u64> {
    let start = memchr::memmem::find(line.get(..32)?, b"\"seq\":")? + 6;
    let digits = line[start..].iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[start..start + digits]).ok()?.parse().ok()
}
