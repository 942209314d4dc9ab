//! Verifying a whole log: every entry, the tree over them, and the checkpoints that must agree.

use super::anchor::Anchors;
use super::segment::{Closed, SegmentName};
use super::tiles::TileStore;
use super::walk::{Cursor, Segments, Walk};
use super::{CHECKPOINT, Finding, Report, What};
use crate::engine::evidence::chain;
use crate::engine::evidence::note::VerifierKey;
use crate::engine::evidence::tile::Edge;
use std::path::{Path, PathBuf};

/// What a log is verified against, besides itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Every checkpoint must be signed by this key, and there must be one.
    pub key: Option<VerifierKey>,
    /// Checkpoints kept elsewhere.
    pub checkpoints: Vec<PathBuf>,
    /// A witness file: checkpoints appended one after another.
    pub witness: Option<PathBuf>,
}

/// Verifies every line of every segment in a folder, and the folder's own checkpoint where it has one.
pub fn verify_dir(dir: &Path) -> Result<Report, Finding> {
    verify_against(dir, &Against::default())
}

/// The same, against a key and checkpoints kept elsewhere. Works on a log that is being written.
pub fn verify_against(dir: &Path, against: &Against) -> Result<Report, Finding> {
    let whole = |what| Finding::whole(dir.display(), what);
    // Checkpoints first: what they know is on the disk already, however the log grows meanwhile.
    let mut anchors = anchors(dir, against)?;
    let names = SegmentName::all(dir).map_err(|error| whole(What::unreadable(error)))?;
    let mut names = names;
    let [first, ..] = names.as_slice() else { return Err(whole(What::NoLog)) };
    let base = Closed::base(dir).map_err(|error| whole(What::unreadable(error)))?;
    let base = base.filter(|_| first.first != 1);
    if first.first != 1 && base.is_none() {
        return Err(Finding { seq: 1, ..Finding::whole(first.file_name(), What::Name) });
    }
    // A move that was cut short leaves a segment before the base; the archive has it too.
    names.retain(|name| base.as_ref().is_none_or(|base| *name > base.name));
    let (closed, _) = Closed::read(dir, &names).map_err(|error| whole(What::unreadable(error)))?;
    let segments = Segments::of(dir, names);
    let store = TileStore::new(dir);
    let (mut edge, mut full, mut tiles_missing) = (Edge::default(), Vec::new(), 0);
    anchors.at(&edge).map_err(whole)?;
    let has_tree = match &base {
        Some(base) => stand_in(base, &store, &mut edge, &mut anchors).map_err(whole)?,
        None => true,
    };
    let mut sink = |cursor: &Cursor, _: &[u8]| {
        if !has_tree {
            return Ok(());
        }
        edge.push(cursor.hash, &mut full);
        for tile in full.drain(..) {
            if store.contradicts(&tile) {
                return Err(What::Tile(tile.name.path()));
            }
            tiles_missing += u64::from(!store.has_full(tile.name));
        }
        anchors.at(&edge)
    };
    let start = base.as_ref().map_or(Cursor::GENESIS, |base| base.last);
    let mut walk = Walk::new(dir, start, &mut sink);
    for (at, name) in segments.names.iter().enumerate() {
        walk.segment(&segments, at)?;
        if let Some(closed) = closed.iter().find(|closed| closed.name == *name) {
            walk.compare(name, closed)?;
        }
    }
    let report = Report {
        segments: segments.names.len(),
        entries: walk.cursor.size,
        last_seq: walk.cursor.seq,
        head: chain::hex_of_hash(&walk.cursor.hash),
        torn_bytes: walk.torn_bytes,
        untrusted_bytes: walk.untrusted_bytes,
        gaps: std::mem::take(&mut walk.gaps),
        elsewhere: start.size,
        ..Report::default()
    };
    anchors.end(report.entries).map_err(whole)?;
    // Those at the tree's right edge, of which no full tile has been compared.
    if let Some(tile) = edge.partial().iter().find(|tile| has_tree && store.contradicts(tile)) {
        return Err(whole(What::Tile(tile.name.path())));
    }
    let root = if has_tree { edge.root() } else { [0; 32] };
    Ok(Report { root, checkpoints: anchors.agreed, covered: anchors.covered, tiles_missing, ..report })
}

/// Grows the tree over entries that are kept elsewhere from the tiles that stand for them, so that
/// every checkpoint is compared and the root at the end is the whole log's. Not, where there is no tile
/// and nothing to compare: an archive whose first entries have expired.
fn stand_in(
    base: &Closed,
    store: &TileStore,
    edge: &mut Edge,
    anchors: &mut Anchors<'_>,
) -> Result<bool, What> {
    let mut leaves = store.lookup(base.last.size);
    if anchors.is_empty() && leaves(0, 0).is_none() {
        return Ok(false);
    }
    let mut full = Vec::new();
    for index in 0..base.last.size {
        edge.push(leaves(0, index).ok_or(What::TilesNeeded)?, &mut full);
        full.clear();
        anchors.at(edge)?;
    }
    if edge.root() == base.root { Ok(true) } else { Err(What::TilesNeeded) }
}

fn anchors<'a>(dir: &Path, against: &'a Against) -> Result<Anchors<'a>, Finding> {
    let mut anchors = Anchors::new(against.key.as_ref());
    anchors.add_file(&dir.join(CHECKPOINT))?;
    for path in &against.checkpoints {
        if !anchors.add_file(path)? {
            return Err(Finding::whole(path.display(), What::CheckpointMissing));
        }
    }
    if let Some(path) = &against.witness {
        anchors.add_witness(path)?;
    }
    if against.key.is_some() && anchors.is_empty() {
        return Err(Finding::whole(dir.display(), What::CheckpointMissing));
    }
    Ok(anchors)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
