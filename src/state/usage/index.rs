//! The index itself: postings in memory, sorted runs on disk, and how the ones become the others.

use super::Posting;
use super::manifest::{Manifest, RunName, VERSION};
use super::merge::Merge;
use super::run::Run;
use crate::engine::evidence::chain;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Postings held in memory (16 bytes each) before they become a run. A crash costs reading so many
/// entries again.
const MEMORY_MAX: usize = 32 << 10;
/// So many neighbouring runs of one level are merged into one of the next. 100 million entries are
/// thus at most some thirty runs.
const FAN_IN: usize = 8;
/// Requests whose outcome is awaited. More are open only if the process was killed again and again.
const OPEN_MAX: usize = 64 << 10;

/// What look-ups read; the writer replaces it as a whole.
#[derive(Debug, Default)]
struct Shared {
    runs: Vec<Arc<Run>>,
    memory: Vec<Posting>,
    upto: u64,
}

/// The reading side of an index. Clones are cheap and see what the writer adds.
#[derive(Clone, Debug, Default)]
pub struct View(Arc<Mutex<Shared>>);

impl View {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last entry that is indexed.
    pub fn upto(&self) -> u64 {
        self.shared().upto
    }

    /// The newest entries of a key before `before`, newest first, at most `limit`. Keys are digests:
    /// among the entries may be some of another term.
    ///
    /// # Errors
    /// A file cannot be read, or is not what was written (`InvalidData`).
    pub fn newest(&self, key: u64, before: u64, limit: usize) -> io::Result<Vec<u64>> {
        let shared = self.shared();
        let held = shared.memory.iter().rev();
        let found = held.filter(|posting| posting.key == key && posting.seq < before).map(|one| one.seq);
        let mut found: Vec<u64> = found.take(limit).collect();
        let runs = shared.runs.clone();
        drop(shared);
        for run in runs.iter().rev().filter(|run| run.first < before) {
            if found.len() >= limit {
                break;
            }
            run.newest(key, before, limit, &mut found)?;
        }
        Ok(found)
    }

    /// Postings and their bytes on disk.
    pub fn size(&self) -> (u64, u64) {
        let shared = self.shared();
        let runs = shared.runs.iter();
        runs.fold((shared.memory.len() as u64, 0), |(postings, bytes), run| {
            (postings + run.postings, bytes + run.bytes())
        })
    }
}

/// The writing side: one owner.
#[derive(Debug)]
pub struct Index {
    dir: PathBuf,
    view: View,
    manifest: Manifest,
    /// Keys of requests whose outcome is awaited, and their order.
    open: HashMap<String, Vec<u64>>,
    order: VecDeque<String>,
    /// The last entry taken, and its hash.
    last: (u64, [u8; 32]),
}

impl Index {
    /// Opens the index of a folder; begins an empty one where there is none, or where it is not what
    /// was written.
    ///
    /// # Errors
    /// The folder cannot be made, read or written.
    pub fn open(dir: &Path) -> io::Result<Index> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let Some(index) = Index::read(dir) else { return Index::empty(dir) };
        index.sweep()?;
        Ok(index)
    }

    /// What is durable of an index that another process may be writing: nothing is changed on disk, and
    /// what is put into it stays in memory. Empty where there is none, or it cannot be read.
    pub(super) fn peek(dir: &Path) -> Index {
        // Between the reading of the manifest and the opening its runs may have been merged.
        let opened = (0..3).find_map(|_| Index::read(dir));
        opened.unwrap_or_else(|| Index::at_genesis(dir))
    }

    fn read(dir: &Path) -> Option<Index> {
        let manifest = Manifest::read(dir).ok()??;
        let hash = chain::hash_of_hex(manifest.hash.as_bytes())?;
        let runs = manifest.runs.iter().map(|name| Run::open(&dir.join(name.file_name())).map(Arc::new));
        let runs = runs.collect::<io::Result<Vec<_>>>().ok()?;
        let view = View::default();
        (view.shared().runs, view.shared().upto) = (runs, manifest.upto);
        let order = manifest.open.iter().map(|(id, _)| id.clone()).collect();
        let open = manifest.open.iter().cloned().collect();
        Some(Index { dir: dir.to_owned(), last: (manifest.upto, hash), view, manifest, open, order })
    }

    fn at_genesis(dir: &Path) -> Index {
        let manifest = Manifest { version: VERSION, hash: "0".repeat(64), ..Manifest::default() };
        let (open, order) = (HashMap::new(), VecDeque::new());
        let (view, last) = (View::default(), (0, chain::GENESIS));
        Index { dir: dir.to_owned(), view, manifest, open, order, last }
    }

    /// Keeps of what is put from here on only what these keys find.
    pub(super) fn keep_only(&mut self, keys: &[u64]) {
        self.view.shared().memory.retain(|posting| keys.contains(&posting.key));
    }

    fn empty(dir: &Path) -> io::Result<Index> {
        let index = Index::at_genesis(dir);
        index.manifest.write(dir)?;
        index.sweep()?;
        Ok(index)
    }

    /// Forgets everything, to be built again.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn reset(&mut self) -> io::Result<()> {
        let view = self.view.clone();
        *view.shared() = Shared::default();
        *self = Index { view, ..Index::empty(&self.dir)? };
        Ok(())
    }

    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// The last entry taken, and its hash.
    pub fn last(&self) -> (u64, [u8; 32]) {
        self.last
    }

    /// Takes an entry that is found by these keys. `awaits` names the request whose outcome is to be
    /// found by the same keys.
    pub fn put(&mut self, seq: u64, hash: [u8; 32], keys: &[u64], awaits: Option<&str>) {
        self.last = (seq, hash);
        let mut shared = self.view.shared();
        shared.memory.extend(keys.iter().map(|key| Posting { key: *key, seq }));
        shared.upto = seq;
        drop(shared);
        if let Some(request) = awaits.filter(|_| !keys.is_empty()) {
            self.open.insert(request.to_owned(), keys.to_vec());
            self.order.push_back(request.to_owned());
            if self.open.len() > OPEN_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.open.remove(&oldest);
            }
        }
    }

    /// Takes an outcome: it is found by what its request was found by, or by keys of its own where its
    /// request awaits none.
    pub fn put_outcome(&mut self, seq: u64, hash: [u8; 32], request: &str, own: &[u64]) {
        let keys = self.open.remove(request).unwrap_or_else(|| own.to_vec());
        // Mostly the oldest; those that ended out of turn leave the order when they come up.
        while self.order.front().is_some_and(|oldest| !self.open.contains_key(oldest)) {
            self.order.pop_front();
        }
        self.put(seq, hash, &keys, None);
    }

    /// Makes a run of what is in memory once that is much, and merges runs. `oldest`: entries before
    /// it are not in the log any more.
    ///
    /// # Errors
    /// A file cannot be written, or one that is merged is not what was written (`InvalidData`).
    pub fn tidy(&mut self, oldest: u64) -> io::Result<()> {
        if self.view.shared().memory.len() < MEMORY_MAX {
            return Ok(());
        }
        self.settle()?;
        while self.merge(oldest)? {}
        Ok(())
    }

    /// Makes all that was taken durable.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn settle(&mut self) -> io::Result<()> {
        let mut postings = self.view.shared().memory.clone();
        let mut manifest = self.manifest.clone();
        let mut made = None;
        if !postings.is_empty() {
            postings.sort_unstable();
            let name = name(&mut manifest, 0);
            made = Some(Run::write(&self.dir.join(name.file_name()), postings.into_iter().map(Ok))?);
            manifest.runs.push(name);
        }
        (manifest.upto, manifest.hash) = (self.last.0, chain::hex_of_hash(&self.last.1));
        let open = self.order.iter().filter_map(|id| Some((id.clone(), self.open.get(id)?.clone())));
        manifest.open = open.collect();
        manifest.write(&self.dir)?;
        self.manifest = manifest;
        let mut shared = self.view.shared();
        shared.memory.clear();
        shared.runs.extend(made.map(Arc::new));
        Ok(())
    }

    /// Merges the newest neighbouring runs of one level if they are enough. Whether it did.
    fn merge(&mut self, oldest: u64) -> io::Result<bool> {
        let Some(level) = self.manifest.runs.last().map(|run| run.level) else { return Ok(false) };
        let equal = self.manifest.runs.iter().rev().take_while(|run| run.level == level).count();
        if equal < FAN_IN {
            return Ok(false);
        }
        let mut manifest = self.manifest.clone();
        let from = manifest.runs.len() - equal;
        let merged: Vec<Arc<Run>> = self.view.shared().runs[from..].to_vec();
        let in_log = |one: &io::Result<Posting>| one.as_ref().map_or(true, |one| one.seq >= oldest);
        let postings = Merge::new(merged.iter().map(|run| run.iter()).collect()).filter(in_log);
        let new = name(&mut manifest, level.saturating_add(1));
        let run = Run::write(&self.dir.join(new.file_name()), postings)?;
        manifest.runs.truncate(from);
        manifest.runs.push(new);
        manifest.write(&self.dir)?;
        self.manifest = manifest;
        let mut shared = self.view.shared();
        shared.runs.truncate(from);
        shared.runs.push(Arc::new(run));
        drop(shared);
        // Look-ups that are under way hold the files open.
        for old in &merged {
            fs::remove_file(&old.path)?;
        }
        Ok(true)
    }

    /// Removes files that the manifest does not name: a crash left them.
    fn sweep(&self) -> io::Result<()> {
        let named: HashSet<String> = self.manifest.runs.iter().map(RunName::file_name).collect();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("run-") && !named.contains(&*name) {
                fs::remove_file(self.dir.join(&*name))?;
            }
        }
        Ok(())
    }
}

fn name(manifest: &mut Manifest, level: u8) -> RunName {
    let id = manifest.next_run;
    manifest.next_run += 1;
    RunName { id, level }
}
