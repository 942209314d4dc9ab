//! The files of a log, wherever they lie: the log's own folder, and folders they were moved to.

use super::sealed;
use crate::engine::evidence::chain::{LINE_BYTES_MAX, Linked, verify_line};
use flate2::bufread::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::PathBuf;

/// One segment of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Sequence number of its first entry, which its name says: `audit-<20 digits>.jsonl`, and `.gz` where it is
    /// sealed.
    pub first: u64,
    pub path: PathBuf,
}

impl SegmentFile {
    /// The first line, if it is whole and its own hash is right.
    pub(super) fn first_line(&self) -> Option<Linked> {
        let mut line = Vec::new();
        let file = BufReader::new(File::open(&self.path).ok()?);
        let lines: Box<dyn BufRead> = match sealed::is_sealed(&self.path) {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        lines.take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line).ok()?;
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
    // Stable, so that of two with one number the earlier folder's comes first. While one is being sealed
    // both its forms are there; the plain one is whole for sure.
    found.sort_by_key(|segment| (segment.first, sealed::is_sealed(&segment.path)));
    found.dedup_by_key(|segment| segment.first);
    Ok(found)
}

fn first_entry(name: &str) -> Option<u64> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| well_formed)
}
