//! The files of a log, wherever they lie: the log's own folder, and folders they were moved to.

use crate::engine::evidence::chain::{LINE_BYTES_MAX, Linked, verify_line};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

/// One segment of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Sequence number of its first entry, which its name says: `audit-<20 digits>.jsonl`.
    pub first: u64,
    pub path: PathBuf,
}

impl SegmentFile {
    /// The first line, if it is whole and its own hash is right.
    pub(super) fn first_line(&self) -> Option<Linked> {
        let mut line = Vec::new();
        let file = File::open(&self.path).ok()?;
        BufReader::new(file).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line).ok()?;
        if line.ends_with(b"\n") { verify_line(&line).ok() } else { None }
    }
}

/// All segments in these folders in order; where two have the same, the earlier folder's counts. A
/// folder that does not exist holds none, unless it is the first.
///
/// # Errors
/// A folder that cannot be read, with its path.
pub fn segments(folders: &[PathBuf]) -> Result<Vec<SegmentFile>, (PathBuf, io::Error)> {
    let mut found: Vec<SegmentFile> = Vec::new();
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| (folder.clone(), error))?,
        };
        for entry in entries {
            let name = entry.map_err(|error| (folder.clone(), error))?.file_name();
            let first = name.to_str().and_then(first_entry);
            found.extend(first.map(|first| SegmentFile { first, path: folder.join(&name) }));
        }
    }
    // Stable, so that of two with one number the earlier folder's comes first.
    found.sort_by_key(|segment| segment.first);
    found.dedup_by_key(|segment| segment.first);
    Ok(found)
}

fn first_entry(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| well_formed)
}
