//! The same questions from outside the gateway: what its index has on disk, and the rest of the log.

use super::build::{is_of_log, take};
use super::index::Index;
use super::locate::LogReader;
use super::page::{self, Asked, Page};
use super::{Seen, Term, UsageError};
use crate::state::follow::{FollowError, Follower};
use std::path::{Path, PathBuf};

/// Entries read between two prunings of what is not asked for.
const PRUNE_ENTRIES: u64 = 10_000;

/// Uses of a few terms, read without writing anything anywhere.
#[derive(Debug)]
pub struct Offline {
    index: Index,
    log: LogReader,
}

impl Offline {
    /// Opens the index in `dir`, if there is one and it is this log's, and reads the log on from where
    /// it ends. Without an index the whole log is read; memory holds the places of these terms only.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn open(dir: Option<&Path>, folders: &[PathBuf], terms: &[Term]) -> Result<Offline, FollowError> {
        let mut index = dir.map_or_else(|| Index::peek(Path::new("")), Index::peek);
        if !is_of_log(&index, folders) {
            index = Index::peek(Path::new(""));
        }
        let (log_dir, archives) =
            folders.split_first().map_or((Path::new("."), &[][..]), |(one, more)| (one, more));
        let follower = Follower::after(log_dir, index.last().0);
        let mut follower = archives.iter().fold(follower, |follower, archive| follower.with_archive(archive));
        let keys: Vec<u64> = terms.iter().map(Term::key).collect();
        while let Some(line) = follower.next(u64::MAX)? {
            take(&mut index, line.seq, line.hash, line.bytes);
            if line.seq % PRUNE_ENTRIES == 0 {
                index.keep_only(&keys);
            }
        }
        index.keep_only(&keys);
        Ok(Offline { index, log: LogReader::new(folders.to_vec()) })
    }

    /// A page of uses, newest first.
    ///
    /// # Errors
    /// A file cannot be read, or is not what was written.
    pub fn page(&mut self, asked: &Asked, is_visible: &dyn Fn(&Seen) -> bool) -> Result<Page, UsageError> {
        page::read(&self.index.view(), &mut self.log, asked, is_visible)
    }
}
