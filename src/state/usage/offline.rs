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
        let index = dir.map_or_else(|| Index::peek(Path::new("")), Index::peek);
        let index = if is_of_log(&index, folders) { index } else { Index::peek(Path::new("")) };
        Offline::continued(index, folders, terms)
    }

    /// The same, but none where there is no index of this log: then one reading of the log finds as much.
    ///
    /// # Errors
    /// As [`Offline::open`].
    pub fn indexed(dir: &Path, folders: &[PathBuf], terms: &[Term]) -> Result<Option<Offline>, FollowError> {
        let index = Index::peek(dir);
        let is_there = index.last().0 > 0 && is_of_log(&index, folders);
        is_there.then(|| Offline::continued(index, folders, terms)).transpose()
    }

    fn continued(mut index: Index, folders: &[PathBuf], terms: &[Term]) -> Result<Offline, FollowError> {
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

    /// Where entries of these terms stand, ascending. Among them may be some of others, whose digest is the
    /// same, and outcomes.
    ///
    /// # Errors
    /// The index cannot be read, or is not what was written.
    pub fn places(&self, terms: &[Term]) -> Result<Vec<u64>, UsageError> {
        let mut places = Vec::new();
        for term in terms {
            let found = self.index.view().newest(term.key(), u64::MAX, usize::MAX);
            places.extend(found.map_err(UsageError::Index)?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    /// The line of an entry, its own hash checked; none if it is older than what is kept.
    ///
    /// # Errors
    /// A file cannot be read, or is not what was written.
    pub fn line(&mut self, seq: u64) -> Result<Option<Vec<u8>>, UsageError> {
        Ok(self.log.kept_line(seq)?)
    }

    /// A page of uses, newest first.
    ///
    /// # Errors
    /// A file cannot be read, or is not what was written.
    pub fn page(&mut self, asked: &Asked, is_visible: &dyn Fn(&Seen) -> bool) -> Result<Page, UsageError> {
        page::read(&self.index.view(), &mut self.log, asked, is_visible)
    }
}
