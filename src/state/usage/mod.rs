//! Who looked at whose data: an index over the audit log, by subject and by officer.
//!
//! A thread of its own follows the log (`state::follow`) and never stands in a request's way. What it
//! learns lies beside the log in sorted runs (LSM): a few bytes an entry, one look-up for either
//! question at any length. The index holds no fact of its own: it says only *where* in the log
//! something stands, every answer is read from the log itself and compared with what was asked, and
//! an index that is lost, damaged or belongs to another log is built again from the log.
//!
//! Own runs instead of an embedded store: a B-tree (redb) or a general LSM (fjall) keeps one key and
//! one value a posting, for transactions and updates that an append-only index has no use for.
//!
//! ```
//! use zhamen::state::usage::{Term, TermKind};
//! assert_ne!(Term::new(TermKind::Subject, "s1_x").key(), Term::new(TermKind::Officer, "s1_x").key());
//! ```

mod build;
mod found;
mod index;
mod locate;
mod manifest;
mod merge;
mod offline;
mod page;
mod run;
mod seen;
#[cfg(test)]
mod tests;

pub use build::{IndexStatus, Usage, UsageError};
pub use index::{Index, View};
pub use locate::{LogReader, ReadError};
pub use offline::Offline;
pub use page::{Asked, Page, Place};
pub use seen::{Ended, ModeSeen, Seen};

use aws_lc_rs::digest::{SHA256, digest};

/// What an entry is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermKind {
    /// A subject's token, from `engine::evidence::subject_token`.
    Subject,
    /// An officer's staff id.
    Officer,
}

/// A subject or an officer, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub kind: TermKind,
    pub text: String,
}

impl Term {
    pub fn new(kind: TermKind, text: &str) -> Self {
        Term { kind, text: text.to_owned() }
    }

    /// 64 bits of a digest. Two terms may share them: who reads an entry compares its text.
    pub fn key(&self) -> u64 {
        let tag: &[u8] = match self.kind {
            TermKind::Subject => b"s\0",
            TermKind::Officer => b"o\0",
        };
        let sum = digest(&SHA256, &[tag, self.text.as_bytes()].concat());
        sum.as_ref().iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
    }
}

/// An entry that concerns a term. Ordered by key, then entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub key: u64,
    pub seq: u64,
}
