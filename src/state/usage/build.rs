//! The thread that follows the log into the index, and the handle that questions go through.

use super::found::Found;
use super::index::{Index, View};
use super::locate::{LogReader, ReadError};
use super::page::{self, Asked, Page};
use super::seen::Seen;
use crate::engine::evidence::chain;
use crate::state::follow::{FollowError, Follower, segments};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Between two looks for new entries. An entry is found about so long after it was written.
const PAUSE: Duration = Duration::from_millis(200);
/// After an error.
const PAUSE_FAILED: Duration = Duration::from_secs(2);
/// An index that lacks more entries than this is being built, and answers nothing: an answer that
/// leaves out uses would be wrong.
const BEHIND_MAX: u64 = 50_000;
/// Entries between two looks whether the thread is to end.
const STRIDE: u32 = 10_000;

/// How far the log is durable.
pub type Durable = Box<dyn Fn() -> u64 + Send + Sync>;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("the index is being built: entry {upto} of {durable}")]
    Building { upto: u64, durable: u64 },
    #[error("the usage index: {0}")]
    Index(io::Error),
    #[error("the audit log: {0}")]
    Log(#[from] ReadError),
}

/// The state of the index, for metrics and readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStatus {
    /// The last entry indexed, and how many durable ones are not.
    pub upto: u64,
    pub behind: u64,
    pub postings: u64,
    pub bytes: u64,
    /// How often it was built from nothing since the start.
    pub rebuilt: u64,
    /// Why it does not go on.
    pub failing: Option<String>,
}

struct Common {
    view: View,
    durable: Durable,
    /// The log's folder, then the archive's.
    folders: Vec<PathBuf>,
    ends: AtomicBool,
    is_damaged: AtomicBool,
    told: Mutex<(u64, Option<String>)>,
}

/// The usage index of a running gateway. Dropping it makes durable what is indexed and ends its thread.
pub struct Usage {
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
}

impl Usage {
    /// Opens or begins the index in `dir` and starts to follow the log in `folders`, the log's own
    /// first.
    ///
    /// # Errors
    /// The index's folder cannot be used, or no thread started.
    pub fn start(dir: &Path, folders: Vec<PathBuf>, durable: Durable) -> io::Result<Usage> {
        let index = Index::open(dir)?;
        let common = Arc::new(Common {
            view: index.view(),
            durable,
            folders,
            ends: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
            told: Mutex::new((0, None)),
        });
        let mut follow = Follow { index, shared: common.clone() };
        // Before the first question: an index of another log would answer it.
        if !follow.is_of_this_log() {
            follow.rebuild("it belongs to another log");
        }
        let thread = Builder::new().name("usage".into()).spawn(move || follow.run())?;
        Ok(Usage { common, thread: Some(thread) })
    }

    /// A page of uses, newest first; those that `is_visible` refuses leave no trace in it. Reads files:
    /// not for a thread that serves requests.
    ///
    /// # Errors
    /// The index is being built, or a file cannot be read. A damaged index is built again.
    pub fn page(&self, asked: &Asked, is_visible: &dyn Fn(&Seen) -> bool) -> Result<Page, UsageError> {
        let status = self.status();
        if status.behind > BEHIND_MAX || self.common.is_damaged.load(Ordering::Relaxed) {
            return Err(UsageError::Building { upto: status.upto, durable: status.upto + status.behind });
        }
        let mut log = LogReader::new(self.common.folders.clone());
        let page = page::read(&self.common.view, &mut log, asked, is_visible);
        if let Err(UsageError::Index(error)) = &page {
            tracing::error!(%error, "the usage index cannot be read and is built again");
            self.common.is_damaged.store(true, Ordering::Relaxed);
        }
        page
    }

    /// The state now.
    pub fn status(&self) -> IndexStatus {
        let upto = self.common.view.upto();
        let (postings, bytes) = self.common.view.size();
        let (rebuilt, failing) = self.common.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let behind = (self.common.durable)().saturating_sub(upto);
        IndexStatus { upto, behind, postings, bytes, rebuilt, failing }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.common.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Why the following stopped.
enum Stopped {
    Log(FollowError),
    Index(io::Error),
}

/// The thread's own part.
struct Follow {
    index: Index,
    shared: Arc<Common>,
}

impl Follow {
    fn run(mut self) {
        let mut follower = self.follower();
        while !self.shared.ends.load(Ordering::Relaxed) {
            if self.shared.is_damaged.load(Ordering::Relaxed) {
                self.rebuild("a file was not what was written");
                follower = self.follower();
            }
            let stopped = self.follow(&mut follower);
            self.tell(stopped.as_ref().err());
            match stopped {
                Ok(()) => std::thread::park_timeout(PAUSE),
                Err(Stopped::Log(_)) => std::thread::park_timeout(PAUSE_FAILED),
                Err(Stopped::Index(error)) => {
                    let is_damaged = error.kind() == io::ErrorKind::InvalidData;
                    self.shared.is_damaged.fetch_or(is_damaged, Ordering::Relaxed);
                    std::thread::park_timeout(PAUSE_FAILED);
                }
            }
        }
        if let Err(error) = self.index.settle() {
            tracing::warn!(%error, "the usage index could not be saved; what is missing is read again");
        }
    }

    fn follower(&self) -> Follower {
        let after = self.index.last().0;
        let mut folders = self.shared.folders.iter();
        let follower = Follower::after(folders.next().map_or(Path::new("."), PathBuf::as_path), after);
        folders.fold(follower, |follower, archive| follower.with_archive(archive))
    }

    /// Takes what is durable now.
    fn follow(&mut self, follower: &mut Follower) -> Result<(), Stopped> {
        let durable = (self.shared.durable)();
        let oldest = segments(&self.shared.folders).ok().and_then(|found| found.first().map(|one| one.first));
        for taken in 1_u32.. {
            let Some(line) = follower.next(durable).map_err(Stopped::Log)? else { break };
            take(&mut self.index, line.seq, line.hash, line.bytes);
            self.index.tidy(oldest.unwrap_or(0)).map_err(Stopped::Index)?;
            if taken.is_multiple_of(STRIDE) && self.shared.ends.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    /// Whether the last entry indexed stands in the log as it was. One that retention took is believed.
    fn is_of_this_log(&self) -> bool {
        is_of_log(&self.index, &self.shared.folders)
    }

    fn rebuild(&mut self, why: &str) {
        tracing::warn!(why, "the usage index is built again from the log");
        if let Err(error) = self.index.reset() {
            tracing::error!(%error, "the usage index cannot be begun");
            return;
        }
        self.shared.is_damaged.store(false, Ordering::Relaxed);
        self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
    }

    /// Says once what keeps the index from going on.
    fn tell(&self, stopped: Option<&Stopped>) {
        let text = stopped.map(|stopped| match stopped {
            Stopped::Log(error) => error.to_string(),
            Stopped::Index(error) => error.to_string(),
        });
        let mut told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.1 != text {
            match &text {
                Some(error) => tracing::error!(error, "the usage index does not go on"),
                None => tracing::info!("the usage index goes on"),
            }
            told.1 = text;
        }
    }
}

/// Whether the last entry of an index stands in a log as it was.
pub(super) fn is_of_log(index: &Index, folders: &[PathBuf]) -> bool {
    let (seq, hash) = index.last();
    if seq == 0 {
        return true;
    }
    match LogReader::new(folders.to_vec()).line(seq) {
        Ok(Some(line)) => chain::verify_line(&line).is_ok_and(|linked| linked.hash == hash),
        Ok(None) => {
            segments(folders).is_ok_and(|found| found.first().is_some_and(|oldest| oldest.first > seq))
        }
        Err(_) => false,
    }
}

/// Takes one line into the index.
pub(super) fn take(index: &mut Index, seq: u64, hash: [u8; 32], line: &[u8]) {
    // A line whose digest is right and that cannot be read is of a later version: nothing to find.
    let Some(found) = Found::of(line) else { return index.put(seq, hash, &[], None) };
    let keys: Vec<u64> = found.terms().map(|term| term.key()).collect();
    match found {
        Found::Outcome { request_id, .. } => index.put_outcome(seq, hash, &request_id, &keys),
        Found::Entry { awaits, .. } => index.put(seq, hash, &keys, awaits.as_deref()),
    }
}
