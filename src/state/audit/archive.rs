//! Moving closed segments away, and deleting what may be deleted.
//!
//! [`archive`] moves closed segments, oldest first, to another folder. Each is copied, synced and
//! compared before the original is removed; the log's folder keeps their lines in `head`, their tiles,
//! and in `base` how far its beginning lies elsewhere. So both folders verify: the archive entry by
//! entry, the log with the tiles standing for what was moved. [`expire`] deletes archived segments whose
//! retention is over, never while a legal hold is set. Both work on a log that is being written.
//!
//! A crash at any point loses nothing: the next call goes on.

use super::lines::Lines;
use super::segment::{Closed, SegmentName, sync_dir};
use crate::config::settings::RetentionSettings;
use crate::engine::evidence::{Retention, read_time};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file whose presence stops every deletion; its text says why.
const HOLD: &str = "legal-hold";

/// Why nothing, or nothing more, was moved or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0} is not what was closed: verify the log first")]
    Changed(String),
    #[error("nothing is deleted under a legal hold: {0}")]
    Held(String),
}

/// What was moved or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub segments: u64,
    pub bytes: u64,
    /// Last entry among them; 0 where there was nothing to do.
    pub last_seq: u64,
}

impl Moved {
    fn add(&mut self, closed: &Closed) {
        *self = Moved {
            segments: self.segments + 1,
            bytes: self.bytes + closed.bytes,
            last_seq: closed.last.seq,
        };
    }
}

/// Moves every closed segment of a log to the archive, oldest first.
///
/// # Errors
/// A file cannot be read or written, or is not what `head` says. What was moved before stays moved.
pub fn archive(dir: &Path, to: &Path) -> Result<Moved, ArchiveError> {
    DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    let names = SegmentName::all(dir)?;
    let (closed, _) = Closed::read(dir, &names)?;
    let mut moved = Moved::default();
    for closed in &closed {
        let is_here = names.contains(&closed.name);
        // The last one is being written.
        if !is_here || names.last() == Some(&closed.name) {
            continue;
        }
        copy(dir, to, closed)?;
        record(to, closed)?;
        closed.write_base(dir)?;
        remove(dir, &closed.name)?;
        moved.add(closed);
    }
    Ok(moved)
}

/// Copies one segment, unless the archive has it already, and compares what is on the disk.
fn copy(dir: &Path, to: &Path, closed: &Closed) -> Result<(), ArchiveError> {
    // As it lies there: plain, or sealed.
    let forms = [closed.name.file_name(), closed.name.sealed_name()];
    let name = forms.into_iter().find(|name| dir.join(name).exists()).ok_or(io::ErrorKind::NotFound);
    let name = name.map_err(io::Error::from)?;
    let (from, target) = (dir.join(&name), to.join(&name));
    if !target.exists() {
        let new = to.join(format!("{name}.new"));
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        io::copy(&mut File::open(&from)?, &mut out)?;
        out.flush()?;
        out.sync_all()?;
        fs::rename(&new, &target)?;
        sync_dir(to)?;
    }
    let is_size = closed.check_size(to).is_ok();
    if is_size && is_equal(&from, &target)? { Ok(()) } else { Err(ArchiveError::Changed(name)) }
}

/// Removes a segment in both its forms.
fn remove(dir: &Path, name: &SegmentName) -> io::Result<()> {
    for form in [name.file_name(), name.sealed_name()] {
        match fs::remove_file(dir.join(form)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_dir(dir)
}

fn is_equal(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let (held, same) = (fill(&mut one, &mut left)?, fill(&mut other, &mut right)?);
        if held != same || left[..held] != right[..held] {
            return Ok(false);
        }
        if held == 0 {
            return Ok(true);
        }
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut held = 0;
    while held < buffer.len() {
        match file.read(&mut buffer[held..])? {
            0 => break,
            read => held += read,
        }
    }
    Ok(held)
}

/// Adds the segment's line to the archive's own `head`.
fn record(to: &Path, closed: &Closed) -> io::Result<()> {
    let names = SegmentName::all(to)?;
    let (known, _) = Closed::read(to, &names)?;
    if known.iter().any(|known| known.name == closed.name) { Ok(()) } else { closed.append(to) }
}

/// Deletes archived segments, oldest first, until one has an entry that must be kept. `unix_ms` is now.
///
/// # Errors
/// [`ArchiveError::Held`] under a legal hold; a file cannot be read or written.
pub fn expire(
    dir: &Path,
    archive: &Path,
    kept: &RetentionSettings,
    unix_ms: i64,
) -> Result<Moved, ArchiveError> {
    if let Some(reason) = hold(dir)? {
        return Err(ArchiveError::Held(reason));
    }
    let names = SegmentName::all(archive)?;
    let (closed, _) = Closed::read(archive, &names)?;
    let mut gone = Moved::default();
    for closed in closed.iter().filter(|closed| names.contains(&closed.name)) {
        if kept_until(archive, &closed.name, kept)? > unix_ms {
            break;
        }
        closed.write_base(archive)?;
        remove(archive, &closed.name)?;
        gone.add(closed);
    }
    Ok(gone)
}

/// Until when a segment must be kept, in milliseconds since 1970: as long as any entry in it. An entry
/// that cannot be read is kept for good.
fn kept_until(dir: &Path, name: &SegmentName, kept: &RetentionSettings) -> io::Result<i64> {
    let mut lines = Lines::new(name.open(dir)?.0);
    let mut until = 0;
    loop {
        let line = lines.next().map_err(|what| io::Error::other(what.to_string()))?;
        if line.is_empty() {
            return Ok(until);
        }
        until = until.max(entry_kept_until(line, kept).unwrap_or(i64::MAX));
    }
}

fn entry_kept_until(line: &[u8], kept: &RetentionSettings) -> Option<i64> {
    let entry: serde_json::Value = serde_json::from_slice(line).ok()?;
    let time = ["ts_in", "ts"].iter().find_map(|name| read_time(entry[*name].as_str()?))?;
    let class = match &entry["retention"] {
        // Entries written before they stated their class.
        serde_json::Value::Null => match entry["kind"].as_str()? {
            "request" | "outcome" | "reading" => Retention::Personal,
            _ => Retention::Ordinary,
        },
        stated => Retention::parse(stated.as_str()?)?,
    };
    let period = match class {
        Retention::Personal => kept.personal,
        Retention::Ordinary => kept.ordinary,
    };
    time.checked_add(i64::try_from(period.as_millis()).ok()?)
}

/// The reason of the legal hold, if one is set.
///
/// # Errors
/// The file cannot be read: then there may be one.
pub fn hold(dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(dir.join(HOLD)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(|text| Some(text.trim().to_owned())),
    }
}

/// Sets the legal hold, with its reason.
///
/// # Errors
/// The folder cannot be written.
pub fn set_hold(dir: &Path, reason: &str) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(dir.join(HOLD))?;
    file.write_all(reason.as_bytes())?;
    file.sync_all()?;
    sync_dir(dir)
}

/// Ends the legal hold. Whether there was one.
///
/// # Errors
/// The folder cannot be written.
pub fn release_hold(dir: &Path) -> io::Result<bool> {
    match fs::remove_file(dir.join(HOLD)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.and_then(|()| sync_dir(dir)).map(|()| true),
    }
}

#[cfg(test)]
mod tests;
