//! The audit log: what is answered is recorded first, and what is recorded can be checked by anyone.
//!
//! Callers reserve a place when a request opens, so that its entry always has room, and hand encoded
//! entries to one writer thread. The thread numbers them, links them (`engine::evidence::chain`),
//! writes a batch at once, calls fdatasync once, and only then releases those who wait: the price is
//! one sync a batch, not one a request. The request path never touches the disk.
//!
//! Creating a log and opening one are different acts: a missing log is an error, because that is how
//! histories fork. After a write or sync whose result is unknown, that file is not trusted any more:
//! requests are refused, and the writer begins a new segment with a `gap` entry as soon as the disk
//! lets it. A file deleted, replaced or cut under the writer is noticed at every batch and every
//! second. If the writer thread itself panics, the process aborts: nobody may be answered without it.
//!
//! Folder: `audit-<first sequence number>.jsonl` segments, `head` (one line per closed segment, so
//! that opening reads only the last), `lock`.
//!
//! ```
//! use zhamen::config::settings::AuditSettings;
//! use zhamen::engine::evidence::{Entry, encode};
//! use zhamen::state::audit::{Audit, Durability, verify_dir};
//! let folder = tempfile::tempdir().unwrap();
//! let settings = AuditSettings {
//!     dir: folder.path().join("audit"), best_effort_l1: true, queue_max: 100,
//!     segment_bytes_max: 1 << 20, disk_low_bytes: 0, signing_key_file: None, sinks: vec![],
//! };
//! let audit = Audit::create(&settings).unwrap();
//! let mut slot = audit.reserve().unwrap();
//! let body = encode(&Entry::TornTail { ts: 0, bytes: 0 });
//! let receipt = slot.write(body, Durability::Durable).receipt_blocking().unwrap();
//! assert_eq!(receipt.seq(), 1);
//! audit.close();
//! assert_eq!(verify_dir(&settings.dir).unwrap().entries, 1);
//! ```

mod open;
mod queue;
mod segment;
mod verify;
mod writer;

pub use verify::{Finding, GapFound, Report, What, verify_dir};

use crate::config::settings::AuditSettings;
use crate::engine::evidence::{EntryBody, GapCause, chain};
use crate::engine::reason::Cause;
use queue::Queue;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How soon an entry has to be on the disk. Either way it is written and synced; a best-effort entry
/// may wait up to 20 ms for company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Durable,
    BestEffort,
}

/// Why a log could not be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0}: there is no audit log here; a new one is only made when that is asked for")]
    NoLog(PathBuf),
    #[error("{0}: the folder is not empty, so no new audit log is made in it")]
    NotEmpty(PathBuf),
    #[error("{0}: another process writes this audit log")]
    Locked(PathBuf),
    #[error("the audit log is not whole: {0}")]
    Broken(Finding),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
}

/// Proof that an entry is on the disk. Only the writer makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    seq: u64,
    hash: [u8; 32],
}

impl Receipt {
    /// Sequence number of the entry.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Hash of the entry's line.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The same in 64 hexadecimal digits.
    pub fn hash_hex(&self) -> String {
        chain::hex_of_hash(&self.hash)
    }
}

/// An entry on its way to the disk. Dropping it does not take the entry back.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Receipt, Cause>>);

impl Pending {
    /// Waits until the entry is on the disk. The error is `AuditFailed`: the entry is not confirmed,
    /// so nothing that depends on it may be answered. It is kept and written when the log recovers.
    pub async fn receipt(self) -> Result<Receipt, Cause> {
        self.0.await.unwrap_or(Err(Cause::AuditFailed))
    }

    /// The same for threads without a runtime; panics inside one.
    pub fn receipt_blocking(self) -> Result<Receipt, Cause> {
        self.0.blocking_recv().unwrap_or(Err(Cause::AuditFailed))
    }
}

/// A reserved place in the queue, held for as long as a request is open. Dropping it returns it.
#[derive(Debug)]
pub struct Slot {
    queue: Arc<Queue>,
}

impl Slot {
    /// Hands over one entry. A request may write several: its decision, later its outcome.
    pub fn write(&mut self, body: EntryBody, durability: Durability) -> Pending {
        self.queue.push(body, durability)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.queue.return_places(1);
    }
}

/// The state of the log, for metrics and readiness.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditHealth {
    /// Entries reach the disk.
    pub ok: bool,
    /// Why they do not.
    pub failing: Option<GapCause>,
    /// Places taken: open requests and entries not yet durable.
    pub places: usize,
    pub places_max: usize,
    /// Entries durable since the process started.
    pub entries: u64,
    /// Batches, each with one fdatasync, and the time those took together and last.
    pub batches: u64,
    pub sync_us_total: u64,
    pub sync_us_last: u64,
    /// Head of the log: sequence number and hash of the last durable entry, 64 hexadecimal digits.
    pub last_seq: u64,
    pub head: String,
    /// Age of the oldest entry that is not durable yet.
    pub lag_ms: u64,
    /// New segments begun because the old one was not trusted.
    pub gaps: u64,
    /// Requests refused since the start because there was no place, or the log failed.
    pub refused_full: u64,
    pub refused_failed: u64,
    /// Free bytes on the disk of the log, where that could be read.
    pub disk_free_bytes: Option<u64>,
    pub disk_low: bool,
}

/// The audit log of this process.
#[derive(Debug)]
pub struct Audit {
    queue: Arc<Queue>,
    /// Taken by the first `close`.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// Makes a new log. The folder may not exist yet; if it does, it must be empty.
    pub fn create(settings: &AuditSettings) -> Result<Audit, OpenError> {
        Audit::start(settings, open::create(settings)?)
    }

    /// Continues a log. The whole last segment is verified, a torn last line cut off and noted.
    pub fn open(settings: &AuditSettings) -> Result<Audit, OpenError> {
        Audit::start(settings, open::open(settings)?)
    }

    fn start(settings: &AuditSettings, opened: open::Opened) -> Result<Audit, OpenError> {
        let queue = Arc::new(Queue::new(settings.queue_max));
        let writer = writer::start(settings, opened, queue.clone())
            .map_err(|error| OpenError::Io { path: settings.dir.clone(), error })?;
        Ok(Audit { queue, writer: Mutex::new(Some(writer)) })
    }

    /// Takes a place for one request. Refused while the log cannot be written (`AuditFailed`) or when
    /// all places are taken (`AuditQueue`); both are counted and the counts recorded.
    pub fn reserve(&self) -> Result<Slot, Cause> {
        self.queue.take_place()?;
        Ok(Slot { queue: self.queue.clone() })
    }

    /// Hands over an entry of the gateway itself (start, reload, tier change): needs no place,
    /// but beyond a thousand of them on top of a full queue they are refused too.
    pub fn note(&self, body: EntryBody) -> Pending {
        self.queue.push_note(body)
    }

    /// The state now. Cheap enough for every scrape; not for every request.
    pub fn health(&self) -> AuditHealth {
        self.queue.health()
    }

    /// Writes what is queued, then ends the writer. Blocks; later entries are refused.
    pub fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // The writer aborts the process instead of panicking, so there is nothing to pass on.
            let _ = writer.join();
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.close();
    }
}
