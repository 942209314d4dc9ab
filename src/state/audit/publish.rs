//! The thread beside the writer that makes the tree public: tiles, signed checkpoints, the witness file
//! and the record of closed segments.
//!
//! Never on a request's path: nothing here is waited for. Everything it writes, except the witness
//! file, can be made again from the log, so a failure is reported and tried again, and stops nothing.

use super::anchor::WitnessLine;
use super::feed::{Ended, Feed, News};
use super::open::walk;
use super::seal::seal;
use super::segment::{Closed, SegmentName};
use super::tree::Tree;
use super::walk::Cursor;
use super::witness::Outbox;
use super::{CHECKPOINT, TreeHealth};
use crate::config::settings::AuditSettings;
use crate::engine::evidence::checkpoint::Checkpoint;
use crate::engine::evidence::note::SigningKey;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Between attempts after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// Between looks for segments to seal.
const SEAL_PAUSE: Duration = Duration::from_secs(60);

/// What the publisher shares with those who look at the log.
#[derive(Debug, Default)]
pub(super) struct Published(Mutex<TreeHealth>);

impl Published {
    pub fn health(&self) -> TreeHealth {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut TreeHealth)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

pub(super) struct Publisher {
    dir: PathBuf,
    every: Duration,
    tree: Tree,
    signer: Option<SigningKey>,
    witness_file: Option<PathBuf>,
    /// Closed segments whose tiles are not all on the disk yet.
    ended: Vec<Ended>,
    /// Size of the tree at the newest checkpoint, and in the witness file.
    shown: u64,
    witnessed: u64,
    /// Closed segments of this age are sealed; looked for so long after the last look.
    seal_age: Option<Duration>,
    seal_pause: Duration,
    sealed_at: Instant,
    feed: Arc<Feed>,
    published: Arc<Published>,
    outbox: Arc<Outbox>,
}

impl Publisher {
    pub fn new(
        settings: &AuditSettings,
        signer: Option<SigningKey>,
        tree: Tree,
        feed: Arc<Feed>,
        outbox: Arc<Outbox>,
    ) -> Self {
        Publisher {
            dir: settings.dir.clone(),
            every: settings.checkpoint_every,
            tree,
            signer,
            witness_file: settings.witness_file.clone(),
            ended: Vec::new(),
            shown: 0,
            witnessed: 0,
            seal_age: settings.seal_age,
            seal_pause: Duration::ZERO,
            sealed_at: Instant::now(),
            feed,
            published: Arc::default(),
            outbox,
        }
    }

    pub fn published(&self) -> Arc<Published> {
        self.published.clone()
    }

    /// Starts the thread. It ends when the feed is closed and everything was published, or tried.
    pub fn start(mut self) -> io::Result<JoinHandle<()>> {
        // What opening the log found is shown before anything new is written.
        self.show();
        Builder::new().name("audit-tree".into()).spawn(move || {
            loop {
                let failing = self.published.health().failing.is_some();
                let news = self.feed.take(if failing { RETRY } else { self.every });
                let closing = news.closing;
                self.follow(news);
                self.show();
                self.seal_one();
                if closing {
                    return;
                }
            }
        })
    }

    /// Grows the tree by what came.
    fn follow(&mut self, news: News) {
        let News { leaves, ended, upto, dropped, .. } = news;
        self.ended.extend(ended);
        if dropped || self.tree.size() + leaves.len() as u64 != upto.size {
            return self.read_back(upto);
        }
        let mut leaves = leaves.into_iter();
        // A closed segment is recorded with the root at its end, so the tree stops there.
        while let Some(ended) = self.ended.first().cloned() {
            let missing = ended.last.size.saturating_sub(self.tree.size());
            leaves
                .by_ref()
                .take(missing.try_into().unwrap_or(usize::MAX))
                .for_each(|leaf| self.tree.grow(leaf));
            if let Err(error) = self.record(&ended) {
                self.failed("the record of closed segments", &error);
                break;
            }
            self.ended.remove(0);
        }
        for leaf in leaves {
            self.tree.grow(leaf);
            // What fails stays pending, and `show` says so.
            let _ = self.tree.write_some();
        }
    }

    /// Puts a closed segment into `head` once its tiles are on the disk. A lost line only means that the
    /// next opening verifies more.
    fn record(&mut self, ended: &Ended) -> io::Result<()> {
        self.tree.write()?;
        self.tree.store.sync()?;
        if self.tree.size() != ended.last.size {
            // An earlier failure held it back; the next opening records it.
            return Ok(());
        }
        let Ended { name, last, bytes, whole } = ended.clone();
        Closed { name, last, root: self.tree.root(), bytes, whole }.append(&self.dir)
    }

    /// The writer was far ahead and dropped hashes: they are read from the log as at a start.
    fn read_back(&mut self, upto: Cursor) {
        let segments = SegmentName::all(&self.dir);
        let walked = segments
            .map_err(|error| error.to_string())
            .and_then(|segments| walk(&self.dir, segments, upto.size).map_err(|finding| finding.to_string()));
        match walked {
            Ok(walked) if walked.tree.size() == upto.size => {
                self.tree = walked.tree;
                self.ended.clear();
            }
            Ok(_) => self.failed("the audit tree", &"the log holds fewer entries than were confirmed"),
            Err(error) => self.failed("the audit tree", &error),
        }
    }

    /// Publishes the tree as it is now: tiles first, then the checkpoint that needs them, then witnesses.
    fn show(&mut self) {
        match self.show_tree() {
            Ok(()) => self.published.update(|health| health.failing = None),
            Err(error) => return self.failed("the audit checkpoint", &error),
        }
        match self.show_witness() {
            Ok(()) => self.published.update(|health| health.witness_file_failing = None),
            Err(error) => self.published.update(|health| {
                if health.witness_file_failing.replace(error.to_string()).is_none() {
                    tracing::error!(%error, "the witness file of the audit log cannot be written");
                }
            }),
        }
    }

    fn show_tree(&mut self) -> io::Result<()> {
        let size = self.tree.size();
        if size == self.shown && self.published.health().failing.is_none() {
            return Ok(());
        }
        self.tree.write()?;
        if let Some(signer) = &self.signer {
            let origin = signer.verifier().name.clone();
            let checkpoint = Checkpoint { origin, size, root: self.tree.root() };
            let note = checkpoint.signed(signer);
            replace(&self.dir, CHECKPOINT, note.as_bytes())?;
            self.outbox.put(checkpoint, note);
        }
        self.shown = size;
        self.published.update(|health| health.size = size);
        Ok(())
    }

    fn show_witness(&mut self) -> io::Result<()> {
        let (Some(path), Some((checkpoint, note))) = (&self.witness_file, self.outbox.latest()) else {
            return Ok(());
        };
        if checkpoint.size > self.witnessed {
            append_witness(path, note)?;
            self.witnessed = checkpoint.size;
            self.published.update(|health| health.witness_file_size = checkpoint.size);
        }
        Ok(())
    }

    /// Seals the oldest segment that is due. One at a time, so that checkpoints do not wait for many.
    fn seal_one(&mut self) {
        let Some(age) = self.seal_age.filter(|_| self.sealed_at.elapsed() >= self.seal_pause) else { return };
        let sealed = due(&self.dir, age).and_then(|due| due.map(|name| seal(&self.dir, &name)).transpose());
        self.sealed_at = Instant::now();
        self.seal_pause = if matches!(sealed, Ok(Some(()))) { Duration::ZERO } else { SEAL_PAUSE };
        if let Err(error) = sealed {
            tracing::warn!(%error, "a closed audit segment could not be sealed; it stays as it is");
        }
    }

    fn failed(&self, what: &str, error: &dyn std::fmt::Display) {
        let error = error.to_string();
        // Said once, not at every attempt.
        if self.published.health().failing.as_ref() != Some(&error) {
            tracing::error!(error, "{what} cannot be written; it is tried again");
        }
        self.published.update(|health| health.failing = Some(error));
    }
}

/// The oldest closed segment that is old enough to be sealed.
fn due(dir: &Path, age: Duration) -> io::Result<Option<SegmentName>> {
    let names = SegmentName::all(dir)?;
    let (closed, _) = Closed::read(dir, &names)?;
    for closed in closed.into_iter().filter(|closed| closed.whole) {
        let Ok(found) = fs::metadata(dir.join(closed.name.file_name())) else { continue };
        let unchanged = found.modified()?.elapsed().unwrap_or_default();
        if unchanged >= age {
            return Ok(Some(closed.name));
        }
    }
    Ok(None)
}

/// Replaces a small file as a whole.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))
}

/// Appends a checkpoint to the witness file. An unfinished line that a crash left is cut off first.
fn append_witness(path: &Path, note: String) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let end = file.metadata()?.len();
    let whole = last_line_end(&mut file, end)?;
    if whole < end {
        file.set_len(whole)?;
    }
    let mut line = serde_json::to_vec(&WitnessLine { checkpoint: note }).map_err(io::Error::other)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Where the last finished line ends.
fn last_line_end(file: &mut File, end: u64) -> io::Result<u64> {
    const TAIL: u64 = 1 << 17;
    let from = end.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(memchr::memrchr(b'\n', &tail).map_or(from, |at| from + at as u64 + 1))
}
