//! Beginning a log, and coming back to one.

use super::segment::{Closed, Segment, SegmentName, sync_dir};
use super::verify::{Cursor, Walk};
use super::{Finding, OpenError};
use crate::config::settings::AuditSettings;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file whose lock says that somebody writes this log.
const LOCK: &str = "lock";

/// A log that is ready to be written.
#[derive(Debug)]
pub(super) struct Opened {
    /// Held locked for as long as the writer lives.
    pub lock: File,
    pub segment: Segment,
    pub cursor: Cursor,
    /// Bytes of an unfinished last line that were cut off.
    pub torn_bytes: u64,
}

pub(super) fn create(settings: &AuditSettings) -> Result<Opened, OpenError> {
    let dir = &settings.dir;
    let fail = |error| OpenError::Io { path: dir.clone(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
    for entry in fs::read_dir(dir).map_err(fail)? {
        // A lock alone is what a crash right here would have left.
        if entry.map_err(fail)?.file_name() != LOCK {
            return Err(OpenError::NotEmpty(dir.clone()));
        }
    }
    let lock = lock(dir)?;
    let segment = Segment::create(dir, 1).map_err(fail)?;
    Ok(Opened { lock, segment, cursor: Cursor::GENESIS, torn_bytes: 0 })
}

pub(super) fn open(settings: &AuditSettings) -> Result<Opened, OpenError> {
    let dir = &settings.dir;
    let fail = |error| OpenError::Io { path: dir.clone(), error };
    let segments = match SegmentName::all(dir) {
        Ok(segments) if segments.is_empty() => return Err(OpenError::NoLog(dir.clone())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::NoLog(dir.clone())),
        segments => segments.map_err(fail)?,
    };
    let lock = lock(dir)?;
    let (segments, hollow_bytes) = drop_hollow(dir, segments).map_err(fail)?;
    let walked = walk(dir, &segments).map_err(OpenError::Broken)?;
    // The last segment goes on, so `head` may not list it; and what was missing there is verified now.
    Closed::write_all(dir, &walked.closed).map_err(fail)?;
    let segment = match segments.last() {
        Some(name) if name.first <= walked.cursor.seq + 1 => Segment::reopen(dir, name.clone(), walked.bytes),
        // Every segment was hollow: the first entry was never finished.
        _ => Segment::create(dir, walked.cursor.seq + 1),
    };
    let segment = segment.map_err(fail)?;
    Ok(Opened { lock, segment, cursor: walked.cursor, torn_bytes: walked.torn_bytes + hollow_bytes })
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let fail = |error| OpenError::Io { path: path.clone(), error };
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(fail(error)),
    }
}

/// Removes trailing segments without one finished line: what a crash between making a file and
/// writing its first entry leaves. Gives the others and the bytes removed.
fn drop_hollow(dir: &Path, mut segments: Vec<SegmentName>) -> io::Result<(Vec<SegmentName>, u64)> {
    let mut bytes = 0;
    while let Some(name) = segments.last() {
        let path = dir.join(name.file_name());
        let mut start = Vec::new();
        File::open(&path)?.take(super::verify::HOLLOW_BYTES_MAX).read_to_end(&mut start)?;
        if start.contains(&b'\n') || start.len() as u64 == super::verify::HOLLOW_BYTES_MAX {
            break;
        }
        fs::remove_file(&path)?;
        sync_dir(dir)?;
        bytes += start.len() as u64;
        segments.pop();
    }
    Ok((segments, bytes))
}

struct Walked {
    cursor: Cursor,
    /// Bytes of the last segment that belong to the log.
    bytes: u64,
    torn_bytes: u64,
    /// What `head` should say: all segments but the last.
    closed: Vec<Closed>,
}

/// Verifies what `head` does not vouch for, at least the last segment.
fn walk(dir: &Path, segments: &[SegmentName]) -> Result<Walked, Finding> {
    let at_start = Walk::new(dir, Cursor::GENESIS);
    let Some(last) = segments.last() else {
        return Ok(Walked { cursor: Cursor::GENESIS, bytes: 0, torn_bytes: 0, closed: Vec::new() });
    };
    let (mut closed, mut covered) = Closed::read(dir, segments)
        .map_err(|error| at_start.finding(last, 0, super::What::unreadable(error)))?;
    if closed.pop_if(|closed| closed.name == *last).is_some() {
        covered -= 1;
    }
    for closed in &closed {
        closed.check_size(dir).map_err(|what| at_start.finding(&closed.name, 0, what))?;
    }
    let vouched =
        closed.last().map_or(Cursor::GENESIS, |closed| Cursor { seq: closed.last, hash: closed.hash });
    let mut walk = Walk::new(dir, vouched);
    for (index, name) in segments.iter().enumerate().skip(covered) {
        let later = segments.get(index + 1..).unwrap_or_default();
        walk.segment(name, later)?;
        if !later.is_empty() {
            let Cursor { seq, hash } = walk.cursor;
            closed.push(Closed { name: name.clone(), last: seq, hash, bytes: walk.bytes, whole: walk.whole });
        }
    }
    Ok(Walked { cursor: walk.cursor, bytes: walk.bytes, torn_bytes: walk.torn_bytes, closed })
}
