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
//! A second thread makes the entries a Merkle tree (`publish`): tiles, a signed checkpoint, witnesses.
//! Opening a log recomputes the tree by the same code from the tiles and the tail of the log, and
//! refuses a log that its own checkpoint or witness file knows to be longer or another.
//!
//! Folder: `audit-<first sequence number>.jsonl` segments (`.jsonl.gz` once sealed), `head` (one line per closed segment, so
//! that opening reads only the last), `tile/`, `checkpoint`, `cosigned`, `lock`.
//!
//! ```
//! use zhamen::config::settings::AuditSettings;
//! use zhamen::engine::evidence::{Entry, encode};
//! use zhamen::state::audit::{Audit, verify_dir};
//! let folder = tempfile::tempdir().unwrap();
//! let settings = AuditSettings { disk_low_bytes: 0, ..AuditSettings::new(folder.path().join("audit")) };
//! let audit = Audit::create(&settings).unwrap();
//! let mut slot = audit.reserve().unwrap();
//! let body = encode(&Entry::TornTail { ts: 0, bytes: 0 });
//! let receipt = slot.write(body).receipt_blocking().unwrap();
//! assert_eq!(receipt.seq(), 1);
//! audit.close();
//! assert_eq!(verify_dir(&settings.dir).unwrap().entries, 1);
//! ```

mod anchor;
mod archive;
mod desk;
mod feed;
mod finding;
mod kept;
mod lines;
mod open;
mod prove;
mod publish;
mod queue;
mod seal;
mod segment;
mod tiles;
mod tree;
mod verify;
mod walk;
mod witness;
mod writer;

pub use archive::{ArchiveError, Moved, archive, expire, hold, release_hold, set_hold};
pub use desk::Desk;
pub use finding::{Finding, GapFound, Report, Sort, What};
pub use prove::{ProveError, Proved, Wanted, prove, prove_consistency};
pub use verify::{Against, verify_against, verify_dir};

use crate::config::settings::AuditSettings;
use crate::engine::evidence::note::{SigningKey, VerifierKey};
use crate::engine::evidence::tile::TileName;
use crate::engine::evidence::{EntryBody, GapCause, chain};
use crate::engine::reason::Cause;
use crate::fault::Fault;
use crate::secret;
use feed::Feed;
use publish::{Published, Publisher};
use queue::Queue;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The newest checkpoint, in the log's folder.
const CHECKPOINT: &str = "checkpoint";
/// The newest checkpoint that witnesses cosigned.
const COSIGNED: &str = "cosigned";

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
    #[error("the signing key of the audit log: {0}")]
    Key(Fault),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
}

/// Proof that an entry is on the disk. Only the writer makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    seq: u64,
    hash: [u8; 32],
    index: u64,
}

impl Receipt {
    /// Sequence number of the entry.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Index of the entry in the Merkle tree, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Hash of the entry: its leaf in the tree.
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
    /// Where its receipts are laid down; none: each waiter is told by the writer itself.
    tray: Option<Arc<desk::Tray>>,
}

impl Slot {
    /// Hands over one entry that somebody waits for. A request may write several: its decision, later its
    /// outcome.
    pub fn write(&mut self, body: EntryBody) -> Pending {
        self.queue.push(body, self.tray.clone())
    }

    /// Hands over one entry that nobody waits for. It is written and synced like any other, and may wait
    /// up to 20 ms for company.
    pub fn leave(&mut self, body: EntryBody) {
        self.queue.push_alone(body);
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
    pub tree: TreeHealth,
    pub witnesses: Vec<WitnessHealth>,
}

/// The state of the tree, its checkpoint and the witness file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeHealth {
    /// Entries that the newest checkpoint covers.
    pub size: u64,
    /// Durable entries that it does not cover yet.
    pub lag: u64,
    /// Why tiles or checkpoint cannot be written.
    pub failing: Option<String>,
    /// Entries that the newest checkpoint in the witness file covers.
    pub witness_file_size: u64,
    pub witness_file_failing: Option<String>,
}

/// How one witness stands to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessHealth {
    pub name: String,
    /// Entries of the newest checkpoint that it cosigned.
    pub size: u64,
    /// Why it did not cosign the newest.
    pub failing: Option<String>,
}

impl WitnessHealth {
    fn of(name: &str) -> Self {
        WitnessHealth { name: name.to_owned(), size: 0, failing: None }
    }
}

/// The audit log of this process.
#[derive(Debug)]
pub struct Audit {
    queue: Arc<Queue>,
    feed: Arc<Feed>,
    outbox: Arc<witness::Outbox>,
    published: Arc<Published>,
    store: tiles::TileStore,
    verifier: Option<VerifierKey>,
    /// Taken by the first `close`, in this order: writer, publisher, witnesses.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Audit {
    /// Makes a new log. The folder may not exist yet; if it does, it must be empty.
    pub fn create(settings: &AuditSettings) -> Result<Audit, OpenError> {
        let signer = signer(settings)?;
        Audit::start(settings, open::create(settings)?, signer)
    }

    /// Continues a log. The whole last segment is verified, a torn last line cut off and noted.
    pub fn open(settings: &AuditSettings) -> Result<Audit, OpenError> {
        let signer = signer(settings)?;
        let mut opened = open::open(settings)?;
        open::agree(settings, &mut opened.tree)?;
        Audit::start(settings, opened, signer)
    }

    fn start(
        settings: &AuditSettings,
        opened: open::Opened,
        signer: Option<SigningKey>,
    ) -> Result<Audit, OpenError> {
        let fail = |error| OpenError::Io { path: settings.dir.clone(), error };
        let open::Opened { lock, segment, cursor, tree, torn_bytes } = opened;
        let (queue, outbox) = (Arc::new(Queue::new(settings.queue_max)), Arc::default());
        let feed = Arc::new(Feed::new(cursor));
        let (store, verifier) = (tree.store.clone(), signer.as_ref().map(|signer| signer.verifier().clone()));
        let began = writer::Began { lock, segment, cursor, torn_bytes };
        let publisher = Publisher::new(settings, signer, tree, feed.clone(), Arc::clone(&outbox));
        let published = publisher.published();
        let mut threads = vec![writer::start(settings, began, queue.clone(), feed.clone()).map_err(fail)?];
        threads.push(publisher.start().map_err(fail)?);
        threads.extend(witness::start(settings, outbox.clone()).map_err(fail)?);
        Ok(Audit { queue, feed, outbox, published, store, verifier, threads: Mutex::new(threads) })
    }

    /// What verifies this log's checkpoints, where they are signed.
    pub fn verifier(&self) -> Option<&VerifierKey> {
        self.verifier.as_ref()
    }

    /// The newest signed checkpoint.
    pub fn checkpoint(&self) -> Option<String> {
        self.outbox.latest().map(|(_, note)| note)
    }

    /// The newest checkpoint with the cosignatures of witnesses.
    pub fn cosigned(&self) -> Option<String> {
        std::fs::read_to_string(self.store.dir().join(COSIGNED)).ok()
    }

    /// A tile of the tree, its hashes one after another. Reads the disk.
    pub fn tile(&self, name: TileName) -> Option<Vec<u8>> {
        self.store.read(name).map(|tile| tile.bytes)
    }

    /// Takes a place for one request. Refused while the log cannot be written (`AuditFailed`) or when
    /// all places are taken (`AuditQueue`); both are counted and the counts recorded.
    pub fn reserve(&self) -> Result<Slot, Cause> {
        self.queue.take_place()?;
        Ok(Slot { queue: self.queue.clone(), tray: None })
    }

    /// A desk for the requests of one worker, which reserves like this and gets receipts for less.
    pub fn desk(&self) -> Desk {
        Desk::new(self.queue.clone())
    }

    /// Hands over an entry of the gateway itself (start, reload, tier change): needs no place,
    /// but beyond a thousand of them on top of a full queue they are refused too.
    pub fn note(&self, body: EntryBody) -> Pending {
        self.queue.push_note(body)
    }

    /// The state now. Cheap enough for every scrape; not for every request.
    pub fn health(&self) -> AuditHealth {
        let mut tree = self.published.health();
        tree.lag = self.feed.upto().size.saturating_sub(tree.size);
        AuditHealth { tree, witnesses: self.outbox.health(), ..self.queue.health() }
    }

    /// Writes what is queued and shows it, then ends the threads. Blocks; later entries are refused.
    pub fn close(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for (thread, then) in threads.into_iter().zip([true, false, false]) {
            // The writer aborts the process instead of panicking; the others are not waited for by anybody.
            let _ = thread.join();
            if then { self.feed.close() } else { self.outbox.close() }
        }
    }
}

/// What verifies the checkpoints of a log with these settings.
///
/// # Errors
/// The signing key cannot be used.
pub fn verifier_key(settings: &AuditSettings) -> Result<Option<VerifierKey>, OpenError> {
    Ok(signer(settings)?.map(|signer| signer.verifier().clone()))
}

fn signer(settings: &AuditSettings) -> Result<Option<SigningKey>, OpenError> {
    let Some(path) = &settings.signing_key_file else { return Ok(None) };
    let seed = secret::key(path).map_err(OpenError::Key)?;
    let bad = || Fault::new(path.display().to_string(), "the origin cannot be a key's name");
    SigningKey::of_seed(&settings.origin, &seed).map(Some).ok_or_else(|| OpenError::Key(bad()))
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.close();
    }
}
