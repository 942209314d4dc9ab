//! What verification says: the first bad place, or a report of a log that is whole.

use crate::engine::evidence::chain::LineFault;
use std::io;

/// What is wrong at the place of a finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    #[error("there is no audit log in this folder")]
    NoLog,
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Line(LineFault),
    #[error("the line is longer than any entry")]
    TooLong,
    #[error("the segment ends in the middle of a line")]
    Torn,
    #[error("entry {found} stands where entry {expected} belongs")]
    Order { expected: u64, found: u64 },
    #[error(
        "the entry does not continue the one before it: something was changed or is missing between them"
    )]
    Link,
    #[error(
        "the entries before this gap are missing: the log is known up to {known}, the gap begins at {first}"
    )]
    Gap { known: u64, first: u64 },
    #[error("the segment is named for another entry than its first")]
    Name,
    #[error("the closed segment had {expected} bytes and has {found}")]
    Size { expected: u64, found: u64 },
    #[error("the sealed segment does not unpack: {0}")]
    Sealed(String),
    #[error("the record of closed segments says otherwise")]
    Head,
    #[error("the record of closed segments knows this one, and it is not here")]
    Missing,
    #[error("the tile {0} holds other hashes than the entries have")]
    Tile(String),
    #[error("the first entries are kept elsewhere, and the tiles that stand for them are missing or wrong")]
    TilesNeeded,
    #[error("this is not a checkpoint")]
    NoCheckpoint,
    #[error("no checkpoint is here, although a key is given to verify one with")]
    CheckpointMissing,
    #[error("the checkpoint of {size} entries is not signed by the key {key}")]
    Signature { size: u64, key: String },
    #[error("the checkpoint is of another log: {0}")]
    Foreign(String),
    #[error("the log was cut or set back: {source_file} knows {expected} entries, {found} are here")]
    Cut { source_file: String, expected: u64, found: u64 },
    #[error("the log is another than the one that {source_file} knows: its first {size} entries differ")]
    Fork { source_file: String, size: u64 },
}

/// The sort of a finding: the exit code of `zhamen audit verify` hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The log itself shows that something was changed or is missing.
    Damaged,
    /// A checkpoint or witness knows another or a longer log.
    Contradicted,
    /// A checkpoint is not signed by the key, or is none.
    Unsigned,
    /// There is no log, or it cannot be read.
    Unreadable,
}

impl What {
    pub(super) fn unreadable(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => What::Sealed(error.to_string()),
            _ => What::Unreadable(error.to_string()),
        }
    }

    /// The sort of this.
    pub fn sort(&self) -> Sort {
        match self {
            What::NoLog | What::Unreadable(_) => Sort::Unreadable,
            What::Line(_)
            | What::TooLong
            | What::Torn
            | What::Order { .. }
            | What::Link
            | What::Gap { .. }
            | What::Name
            | What::Size { .. }
            | What::Head
            | What::Missing
            | What::Sealed(_)
            | What::Tile(_)
            | What::TilesNeeded => Sort::Damaged,
            What::NoCheckpoint | What::CheckpointMissing | What::Signature { .. } => Sort::Unsigned,
            What::Foreign(_) | What::Cut { .. } | What::Fork { .. } => Sort::Contradicted,
        }
    }
}

/// The first bad place of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}, byte {byte}, entry {seq}: {what}")]
pub struct Finding {
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: u64,
    /// Where that line begins, from 0.
    pub byte: u64,
    /// The entry that was expected there.
    pub seq: u64,
    pub what: What,
}

impl Finding {
    /// A finding about a whole file or folder.
    pub(super) fn whole(file: impl ToString, what: What) -> Finding {
        Finding { file: file.to_string(), line: 0, byte: 0, seq: 0, what }
    }
}

/// A gap that the log itself records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFound {
    pub file: String,
    /// Sequence numbers given up; `last` is `first - 1` where there were none.
    pub first: u64,
    pub last: u64,
}

/// A log that is whole, as far as the log and the checkpoints given can tell: only a checkpoint kept
/// elsewhere shows that nothing was cut off at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: usize,
    /// Entries, which is also the size of the tree.
    pub entries: u64,
    pub last_seq: u64,
    /// Hash of the last entry, 64 hexadecimal digits.
    pub head: String,
    /// Root of the Merkle tree over all entries; zero where an archive's first entries have expired and it
    /// has no tiles that stand for them: then the chain alone was verified.
    pub root: [u8; 32],
    pub gaps: Vec<GapFound>,
    /// Bytes after the last whole line: a writer at work, or a crash that the next opening repairs.
    pub torn_bytes: u64,
    /// Bytes in segments that the writer gave up, after their last confirmed entry.
    pub untrusted_bytes: u64,
    /// Checkpoints that agree, those of a witness file included.
    pub checkpoints: u64,
    /// Entries that the newest of them covers; those after it rest on the chain alone.
    pub covered: u64,
    /// Full tiles that are not there. They can be made again from the entries.
    pub tiles_missing: u64,
    /// Entries kept elsewhere (archived or expired): of them the tiles were compared, not the lines.
    pub elsewhere: u64,
}
