//! Proofs from a log's folder: that an entry is in a checkpoint, and that one checkpoint continues
//! another. They are made from tiles, checked before they are given out, and verify without the log.

use super::anchor::of_file;
use super::kept::Kept;
use super::tiles::TileStore;
use super::walk::{Cursor, Walk};
use super::{CHECKPOINT, COSIGNED, Finding};
use crate::engine::evidence::chain::entry_of;
use crate::engine::evidence::checkpoint::{Checkpoint, Continues, EntryProof};
use crate::engine::evidence::tree::{consistency, inclusion, root, verify_consistency, verify_inclusion};
use memchr::memmem;
use std::path::Path;

/// Which entries are to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Seq(u64),
    /// All entries of one request: its decision and its outcome.
    Request(String),
}

/// An entry with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    pub seq: u64,
    /// The bytes that the leaf is the hash of, a JSON object.
    pub entry: Vec<u8>,
    pub proof: EntryProof,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("{0}")]
    Log(Finding),
    #[error("no such entry")]
    NoEntry,
    #[error(
        "no such entry here: what is kept begins behind entry {0}; the others are in the archive, or have expired"
    )]
    Elsewhere(u64),
    #[error("the log has no signed checkpoint: `audit.signing_key_file` is not set, or it never ran with it")]
    NoCheckpoint,
    #[error("the newest checkpoint covers {covered} entries; this is entry {index} counted from 0")]
    NotCovered { covered: u64, index: u64 },
    #[error("the tree of the newest checkpoint has {size} entries, fewer than {from}")]
    TooShort { from: u64, size: u64 },
    #[error("tiles of the tree are missing; they are made again when the gateway opens the log")]
    Tiles,
    #[error("the tiles do not lead to the checkpoint's root: they or the log were changed")]
    Root,
    #[error("{0}")]
    Io(std::io::Error),
}

/// Proofs for entries of a log, also of those that were archived where that folder is given, against the
/// log's newest checkpoint, the cosigned one where that covers them.
///
/// # Errors
/// There is no such entry, no checkpoint that covers it, or the log is not whole up to there.
pub fn prove(dir: &Path, archive: Option<&Path>, wanted: &Wanted) -> Result<Vec<Proved>, ProveError> {
    let kept = Kept::of(dir, archive).map_err(ProveError::Log)?;
    let found = find(&kept, wanted)?;
    let Some(last) = found.last() else { return Err(ProveError::NoEntry) };
    let (note, checkpoint) = covering(dir, last.cursor.size)?;
    let mut proved = Vec::new();
    for Found { cursor, entry } in found {
        let index = cursor.size - 1;
        let mut lookup = TileStore::new(dir).lookup(checkpoint.size);
        let hashes = inclusion(index, checkpoint.size, &mut lookup).ok_or(ProveError::Tiles)?;
        if !verify_inclusion(&cursor.hash, index, checkpoint.size, &hashes, &checkpoint.root) {
            return Err(ProveError::Root);
        }
        let proof = EntryProof { index, hashes, checkpoint: note.clone() };
        proved.push(Proved { seq: cursor.seq, entry, proof });
    }
    Ok(proved)
}

/// That the log's newest checkpoint continues its first `from` entries.
///
/// # Errors
/// As for [`prove`].
pub fn prove_consistency(dir: &Path, from: u64) -> Result<Continues, ProveError> {
    let (note, checkpoint) = newest(dir, CHECKPOINT)?.ok_or(ProveError::NoCheckpoint)?;
    let size = checkpoint.size;
    if from > size {
        return Err(ProveError::TooShort { from, size });
    }
    let mut lookup = TileStore::new(dir).lookup(size);
    let old_root = root(from, &mut lookup).ok_or(ProveError::Tiles)?;
    let hashes = consistency(from, size, &mut lookup).ok_or(ProveError::Tiles)?;
    if !verify_consistency(from, &old_root, size, &checkpoint.root, &hashes) {
        return Err(ProveError::Root);
    }
    Ok(Continues { old: from, hashes, checkpoint: note })
}

fn newest(dir: &Path, name: &str) -> Result<Option<(String, Checkpoint)>, ProveError> {
    let path = dir.join(name);
    let Some(checkpoint) = of_file(&path, None).map_err(ProveError::Log)? else { return Ok(None) };
    Ok(Some((std::fs::read_to_string(path).map_err(ProveError::Io)?, checkpoint)))
}

fn covering(dir: &Path, size: u64) -> Result<(String, Checkpoint), ProveError> {
    if let Some(cosigned) = newest(dir, COSIGNED)?.filter(|(_, cosigned)| cosigned.size >= size) {
        return Ok(cosigned);
    }
    let (note, own) = newest(dir, CHECKPOINT)?.ok_or(ProveError::NoCheckpoint)?;
    if own.size < size {
        return Err(ProveError::NotCovered { covered: own.size, index: size - 1 });
    }
    Ok((note, own))
}

struct Found {
    /// The place after the entry: its index is one less than the size.
    cursor: Cursor,
    entry: Vec<u8>,
}

/// Walks what is kept, for a number only the segment that holds it. Where something is kept elsewhere, a
/// request is found whole or not at all: its decision stands before its outcome.
fn find(kept: &Kept, wanted: &Wanted) -> Result<Vec<Found>, ProveError> {
    let elsewhere = kept.start().seq;
    let (from, start) = match wanted {
        Wanted::Seq(seq) if *seq <= elsewhere => return Err(absent(elsewhere)),
        Wanted::Seq(seq) => kept.before(*seq),
        Wanted::Request(_) => (kept.start(), 0),
    };
    let mut found: Vec<Found> = Vec::new();
    let is_wanted = wanted.test();
    let mut sink = |cursor: &Cursor, line: &[u8]| {
        if is_wanted(cursor, line) {
            found.extend(entry_of(line).map(|entry| Found { cursor: *cursor, entry }));
        }
        Ok(())
    };
    let mut walk = Walk::new(from, &mut sink);
    for at in start..kept.segments.names.len() {
        walk.segment(&kept.segments, at).map_err(ProveError::Log)?;
        if matches!(wanted, Wanted::Seq(seq) if walk.cursor.seq >= *seq) {
            break;
        }
    }
    let is_begun = |found: &Found| memmem::find(&found.entry, b",\"kind\":\"outcome\"").is_none();
    match (wanted, found.first()) {
        (Wanted::Request(_), None) => Err(absent(elsewhere)),
        (Wanted::Request(_), Some(first)) if elsewhere > 0 && !is_begun(first) => Err(absent(elsewhere)),
        _ => Ok(found),
    }
}

fn absent(elsewhere: u64) -> ProveError {
    if elsewhere > 0 { ProveError::Elsewhere(elsewhere) } else { ProveError::NoEntry }
}

impl Wanted {
    fn test(&self) -> impl Fn(&Cursor, &[u8]) -> bool {
        let (seq, needle) = match self {
            Wanted::Seq(seq) => (Some(*seq), String::new()),
            // Quotes inside of texts are escaped, so this stands nowhere else.
            Wanted::Request(id) => (None, format!("\"request_id\":{}", serde_json::Value::from(id.as_str()))),
        };
        let finder = memmem::Finder::new(needle.as_bytes()).into_owned();
        move |cursor, line| match seq {
            Some(seq) => cursor.seq == seq,
            None => finder.find(line).is_some(),
        }
    }
}
