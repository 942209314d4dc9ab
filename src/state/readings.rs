//! Readings of the log by people at the machine: each is an entry before anything is shown.
//!
//! Only the writer can write to a log, and while a gateway runs that is the gateway. So a command that
//! is about to read puts a note of it into `readings/` in the log's folder; the writer's process takes
//! it up, makes it an entry, and removes the note, and only then the command goes on. Who may read the
//! log's folder may leave a note there: no credential is needed, and the reader that the entry names
//! is the owner of the note's file, which nobody but root can choose.
//!
//! ```
//! use zhamen::config::settings::AuditSettings;
//! use zhamen::state::{audit::Audit, readings::{Note, Noted, pending, submit}};
//! let folder = tempfile::tempdir().unwrap();
//! let settings = AuditSettings { disk_low_bytes: 0, ..AuditSettings::new(folder.path().join("audit")) };
//! let audit = Audit::create(&settings).unwrap();
//! let note = Note { what: "show".into(), ..Note::default() };
//! let Noted(path) = submit(&settings.dir, &note).unwrap();
//! for waiting in pending(&audit, &settings.dir, 0) {
//!     waiting.entry.receipt_blocking().unwrap();
//!     std::fs::remove_file(waiting.path).unwrap();
//! }
//! assert!(!path.exists());
//! ```

use super::audit::{Audit, Pending};
use crate::engine::evidence::{Admin, Entry, Reading, encode};
use crate::secret;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What changes the log's files instead of reading them.
const ACTS: [&str; 4] = ["archive", "expire", "hold", "release"];
const FOLDER: &str = "readings";
/// A note is small; what is larger is none.
const NOTE_BYTES_MAX: u64 = 4096;
/// Notes taken up at once.
const NOTES_MAX: usize = 16;

/// What is about to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// `show`, `tail`, `usage` or `export`; or an act: `archive`, `expire`, `hold`, `release`.
    pub what: String,
    /// Never an identifier: its token.
    pub subject_token: Option<String>,
    pub officer: Option<String>,
    /// The other conditions.
    pub filter: Option<String>,
}

/// A note that waits to be taken up; its file is gone once it is an entry.
#[derive(Clone, Debug)]
pub struct Noted(pub PathBuf);

/// A note on its way to the disk; its file is to be removed when the entry is durable.
#[derive(Debug)]
pub struct Waiting {
    pub path: PathBuf,
    pub entry: Pending,
}

/// Leaves a note in a log's folder.
///
/// # Errors
/// The folder cannot be written.
pub fn submit(dir: &Path, note: &Note) -> io::Result<Noted> {
    let folder = dir.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let [high, low] = secret::random();
    let (new, path) = (
        folder.join(format!("{high:016x}{low:016x}.new")),
        folder.join(format!("{high:016x}{low:016x}.json")),
    );
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(note).map_err(io::Error::other)?)?;
    fs::rename(&new, &path)?;
    Ok(Noted(path))
}

/// Hands every waiting note to the writer. What is none is removed.
pub fn pending(audit: &Audit, dir: &Path, unix_ms: i64) -> Vec<Waiting> {
    let Ok(entries) = fs::read_dir(dir.join(FOLDER)) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let notes = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).take(NOTES_MAX);
    notes.filter_map(|path| take_up(audit, path, unix_ms)).collect()
}

fn take_up(audit: &Audit, path: PathBuf, unix_ms: i64) -> Option<Waiting> {
    let metadata = fs::symlink_metadata(&path).ok()?;
    let is_small = metadata.is_file() && metadata.len() <= NOTE_BYTES_MAX;
    let note = if is_small {
        fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    } else {
        None
    };
    let Some(Note { what, subject_token, officer, filter }) = note else {
        let _ = fs::remove_file(&path);
        return None;
    };
    let reader = format!("uid {}", metadata.uid());
    if ACTS.contains(&what.as_str()) {
        let action = format!("audit {what} {}", filter.unwrap_or_default());
        let admin = Admin { ts: unix_ms, actor: &reader, action: action.trim_end(), status: 200, from: None };
        return Some(Waiting { entry: audit.note(encode(&Entry::Admin(admin))), path });
    }
    let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let entry = encode(&Entry::Reading(Reading {
        ts: unix_ms,
        request_id: id,
        what: &what,
        reader: &reader,
        subject_token: subject_token.as_deref(),
        officer: officer.as_deref(),
        filter: filter.as_deref(),
        status: 200,
        ..Reading::default()
    }));
    let entry = audit.note(entry);
    Some(Waiting { path, entry })
}
