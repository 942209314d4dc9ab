//! Reads a folder from disk: what is refused, and how a moving folder is caught still.

use super::{DEPTH_MAX, FILE_BYTES_MAX, FILES_MAX, FOLDER_BYTES_MAX, is_read, is_read_through};
use crate::fault::{Fault, Faults};
use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Readings before a folder counts as one that never holds still.
const READINGS_MAX: usize = 8;
/// Between two readings, so that an editor or a copy can finish.
const PAUSE: Duration = Duration::from_millis(20);

type Files = BTreeMap<String, Arc<[u8]>>;

/// One reading: where the root really is, what every file and folder looked like, and the files.
struct Reading {
    root: PathBuf,
    /// Change times of everything that was read, taken before it was read.
    stamps: Vec<(PathBuf, Option<SystemTime>)>,
    files: Files,
}

/// Reads until two readings in a row agree.
///
/// A swap changes its folder's change time. So when the second reading began with the same change
/// times as the first, nothing was swapped while the first one read: it is one state.
pub(super) fn read(root: &Path) -> Result<(PathBuf, Files), Faults> {
    let mut last: Option<Reading> = None;
    let mut faults = Faults::default();
    for reading in 0..READINGS_MAX {
        if reading > 0 {
            std::thread::sleep(PAUSE);
        }
        match read_once(root) {
            Ok(now) => {
                let settled = last.as_ref().is_some_and(|last| {
                    last.root == now.root && last.stamps == now.stamps && last.files == now.files
                });
                if settled {
                    return Ok((now.root, now.files));
                }
                last = Some(now);
            }
            // A file that vanished between listing and reading is a change, not a fault, unless it
            // stays so.
            Err(found) if found == faults => return Err(found),
            Err(found) => {
                faults = found;
                last = None;
            }
        }
    }
    if faults.0.is_empty() || last.is_some() {
        faults =
            Fault::new(root.display().to_string(), "the folder did not hold still while it was read").into();
    }
    Err(faults)
}

fn read_once(root: &Path) -> Result<Reading, Faults> {
    let name = root.display().to_string();
    let unread =
        |error: std::io::Error| Faults::from(Fault::new(name.clone(), format!("cannot be read: {error}")));
    let resolved = root.canonicalize().map_err(unread)?;
    if !resolved.is_dir() {
        return Err(Fault::new(name, "is not a folder").into());
    }
    let reading = Reading { root: resolved.clone(), stamps: Vec::new(), files: Files::new() };
    let mut walk = Walk { reading, bytes: 0, faults: Faults::default() };
    walk.folder(&resolved, "", 0);
    if walk.reading.files.is_empty() && walk.faults.0.is_empty() {
        walk.faults.push(Fault::new(name, "holds no policies: nothing in it ends in .cedar or .yaml"));
    }
    walk.reading.stamps.sort();
    walk.faults.or(walk.reading)
}

struct Walk {
    reading: Reading,
    bytes: u64,
    faults: Faults,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        self.stamp(folder);
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fault(prefix, format!("cannot be read: {error}")),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.fault(prefix, format!("cannot be read: {error}")),
            };
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                self.fault(prefix, "holds a file whose name is not UTF-8");
                continue;
            };
            if is_read_through(name) {
                let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
                self.entry(&entry.path(), path, depth);
            }
        }
    }

    fn entry(&mut self, place: &Path, path: String, depth: usize) {
        let resolved = match place.canonicalize() {
            Ok(resolved) => resolved,
            // A broken link to a file of no interest is of no interest either.
            Err(_) if !is_read(&path) => return,
            Err(error) => return self.fault(&path, format!("cannot be read: {error}")),
        };
        if !resolved.starts_with(&self.reading.root) {
            // A foreign file is only a fault if it would be read, or may be a whole folder of them.
            if is_read(&path) || resolved.is_dir() {
                self.fault(&path, "is a link that leaves the policies folder");
            }
            return;
        }
        match std::fs::metadata(&resolved) {
            Ok(meta) if meta.is_dir() => self.subfolder(place, &resolved, &path, depth),
            Ok(_) if !is_read(&path) => {}
            Ok(meta) => match self.file(&resolved, &meta) {
                Ok(bytes) => {
                    self.reading.files.insert(path, bytes.into());
                }
                Err(reason) => self.fault(&path, reason),
            },
            Err(error) => self.fault(&path, format!("cannot be read: {error}")),
        }
    }

    fn subfolder(&mut self, place: &Path, resolved: &Path, path: &str, depth: usize) {
        let parent = place.parent().and_then(|parent| parent.canonicalize().ok());
        if parent.is_some_and(|parent| parent.starts_with(resolved)) {
            self.fault(path, "is a link that leads in a circle");
        } else if depth >= DEPTH_MAX {
            self.fault(path, format!("is deeper than {DEPTH_MAX} folders"));
        } else {
            self.folder(place, path, depth + 1);
        }
    }

    /// One file's bytes, or why it is refused. `meta` is what was seen before it was opened.
    fn file(&mut self, resolved: &Path, meta: &Metadata) -> Result<Vec<u8>, String> {
        acceptable(meta)?;
        self.stamp(resolved);
        let unread = |error: std::io::Error| format!("cannot be read: {error}");
        let file = open(resolved).map_err(unread)?;
        let opened = file.metadata().map_err(unread)?;
        // It may have been replaced since: what counts is what is open now.
        acceptable(&opened)?;
        if self.reading.files.len() >= FILES_MAX {
            return Err(format!("is one file too many: {FILES_MAX} are read"));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unread)?;
        self.bytes += bytes.len() as u64;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("is larger than {} MiB", FILE_BYTES_MAX >> 20));
        }
        if self.bytes > FOLDER_BYTES_MAX {
            return Err(format!("makes the folder larger than {} MiB", FOLDER_BYTES_MAX >> 20));
        }
        Ok(bytes)
    }

    fn stamp(&mut self, place: &Path) {
        let changed = std::fs::metadata(place).and_then(|meta| meta.modified()).ok();
        self.reading.stamps.push((place.to_owned(), changed));
    }

    fn fault(&mut self, path: &str, reason: impl Into<String>) {
        let name = if path.is_empty() { self.reading.root.display().to_string() } else { path.to_owned() };
        self.faults.push(Fault::new(name, reason));
    }
}

/// Only plain files that not everybody may write.
fn acceptable(meta: &Metadata) -> Result<(), String> {
    if !meta.is_file() {
        return Err("is not a plain file".to_owned());
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    if anybody_may_write(meta) {
        return Err("may be written by anybody: take that right away (chmod o-w)".to_owned());
    }
    Ok(())
}

#[cfg(unix)]
fn anybody_may_write(meta: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o002 != 0
}

#[cfg(not(unix))]
fn anybody_may_write(_: &Metadata) -> bool {
    false
}

/// Opens without waiting, so that a FIFO put in a file's place cannot hold the reader.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    /// `O_NONBLOCK` of Linux on every architecture that Rust's tier 1 has.
    const O_NONBLOCK: i32 = 0o4000;
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).open(path)
}
