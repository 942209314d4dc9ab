//! Proofs from a log's folder: that an entry is in a checkpoint, and that one checkpoint continues
//! another. They are made from tiles, checked before they are given out, and verify without the log.

use super::anchor::of_file;
use super::segment::{Closed, SegmentName};
use super::tiles::TileStore;
use super::walk::{Cursor, Segments, Walk};
use super::{CHECKPOINT, COSIGNED, Finding, What};
use crate::engine::evidence::chain::entry_of;
use crate::engine::evidence::checkpoint::{Checkpoint, Continues, EntryProof};
use crate::engine::evidence::tree::{consistency, inclusion, root, verify_consistency, verify_inclusion};
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

/// Proofs for entries of a log, against its newest checkpoint, the cosigned one where that covers them.
///
/// # Errors
/// There is no such entry, no checkpoint that covers it, or the log is not whole up to there.
pub fn prove(dir: &Path, wanted: &Wanted) -> Result<Vec<Proved>, ProveError> {
    let found = find(dir, wanted).map_err(ProveError::Log)?;
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

/// Walks the log, for a number only the segment that holds it.
fn find(dir: &Path, wanted: &Wanted) -> Result<Vec<Found>, Finding> {
    let whole = |error| Finding::whole(dir.display(), What::unreadable(error));
    let names = SegmentName::all(dir).map_err(whole)?;
    let (closed, _) = Closed::read(dir, &names).map_err(whole)?;
    let before = |closed: &&Closed| matches!(wanted, Wanted::Seq(seq) if closed.last.seq < *seq);
    let (from, start) = match closed.iter().rfind(before) {
        Some(closed) => (closed.last, names.partition_point(|name| *name <= closed.name)),
        None => (Cursor::GENESIS, 0),
    };
    let needle = match wanted {
        Wanted::Seq(_) => String::new(),
        // Quotes inside of texts are escaped, so this stands nowhere else.
        Wanted::Request(id) => format!("\"request_id\":{}", serde_json::Value::from(id.as_str())),
    };
    let finder = memchr::memmem::Finder::new(needle.as_bytes());
    let mut found: Vec<Found> = Vec::new();
    let mut sink = |cursor: &Cursor, line: &[u8]| {
        let hit = match wanted {
            Wanted::Seq(seq) => cursor.seq == *seq,
            Wanted::Request(_) => finder.find(line).is_some(),
        };
        if hit {
            found.extend(entry_of(line).map(|entry| Found { cursor: *cursor, entry }));
        }
        Ok(())
    };
    let segments = Segments::of(dir, names);
    let mut walk = Walk::new(dir, from, &mut sink);
    for at in start..segments.names.len() {
        walk.segment(&segments, at)?;
        if matches!(wanted, Wanted::Seq(seq) if walk.cursor.seq >= *seq) {
            break;
        }
    }
    Ok(found)
}
