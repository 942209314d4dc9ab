//! Verifying a whole log: every entry, the tree over them, and the checkpoints that must agree.

use super::anchor::Anchors;
use super::kept::Kept;
use super::segment::Closed;
use super::tiles::TileStore;
use super::walk::{Cursor, Walk};
use super::{CHECKPOINT, Finding, Report, What};
use crate::engine::evidence::chain;
use crate::engine::evidence::note::VerifierKey;
use crate::engine::evidence::tile::{Edge, Tile};
use std::cell::RefCell;
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
    /// The folder that closed segments were moved to: then their entries are verified too, not only the
    /// tiles that stand for them.
    pub archive: Option<PathBuf>,
}

/// Verifies every line of every segment in a folder, and the folder's own checkpoint where it has one.
pub fn verify_dir(dir: &Path) -> Result<Report, Finding> {
    verify_against(dir, &Against::default())
}

/// The same, against a key and checkpoints kept elsewhere, and with the archive's entries where it is given.
/// Works on a log that is being written.
pub fn verify_against(dir: &Path, against: &Against) -> Result<Report, Finding> {
    let whole = |what| Finding::whole(dir.display(), what);
    // Checkpoints first: what they know is on the disk already, however the log grows meanwhile.
    let mut anchors = anchors(dir, against)?;
    let kept = Kept::of(dir, against.archive.as_deref())?;
    let mut tree = Grown::new(dir);
    anchors.at(&tree.edge).map_err(whole)?;
    let has_tree = match &kept.base {
        Some(base) => stand_in(base, &mut tree, &mut anchors).map_err(whole)?,
        None => true,
    };
    let tree_cell = RefCell::new(&mut tree);
    let mut sink = |cursor: &Cursor, _: &[u8]| {
        if !has_tree {
            return Ok(());
        }
        tree_cell.borrow_mut().push(cursor.hash)?;
        anchors.at(&tree_cell.borrow().edge)
    };
    let mut walk = Walk::new(kept.start(), &mut sink);
    let names = &kept.segments.names;
    for (at, name) in names.iter().enumerate() {
        walk.segment(&kept.segments, at)?;
        for closed in kept.closed.iter().filter(|closed| closed.name == *name) {
            let root = has_tree.then(|| tree_cell.borrow().edge.root());
            walk.compare(&kept.segments.dirs[at], closed, root)?;
        }
    }
    let report = Report {
        segments: names.len(),
        entries: walk.cursor.size,
        last_seq: walk.cursor.seq,
        head: chain::hex_of_hash(&walk.cursor.hash),
        torn_bytes: walk.torn_bytes,
        untrusted_bytes: walk.untrusted_bytes,
        gaps: std::mem::take(&mut walk.gaps),
        elsewhere: kept.start().size,
        ..Report::default()
    };
    anchors.end(report.entries).map_err(whole)?;
    if let Some(missing) = kept.missing() {
        return Err(missing);
    }
    let root = if has_tree { tree.end().map_err(whole)? } else { [0; 32] };
    let (checkpoints, covered) = (anchors.agreed, anchors.covered);
    Ok(Report { root, checkpoints, covered, tiles_missing: tree.missing, ..report })
}

/// The tree over the entries, and the stored tiles held against it.
struct Grown {
    edge: Edge,
    store: TileStore,
    full: Vec<Tile>,
    /// Full tiles that are not stored.
    missing: u64,
}

impl Grown {
    fn new(dir: &Path) -> Grown {
        Grown { edge: Edge::default(), store: TileStore::new(dir), full: Vec::new(), missing: 0 }
    }

    fn push(&mut self, leaf: [u8; 32]) -> Result<(), What> {
        self.edge.push(leaf, &mut self.full);
        for tile in self.full.drain(..) {
            if self.store.contradicts(&tile) {
                return Err(What::Tile(tile.name.path()));
            }
            self.missing += u64::from(!self.store.has_full(tile.name));
        }
        Ok(())
    }

    /// The root, when those tiles agree too that are at the right edge and not full yet.
    fn end(&self) -> Result<[u8; 32], What> {
        match self.edge.partial().iter().find(|tile| self.store.contradicts(tile)) {
            Some(tile) => Err(What::Tile(tile.name.path())),
            None => Ok(self.edge.root()),
        }
    }
}

/// Grows the tree over entries that are kept elsewhere from the tiles that stand for them, so that
/// every checkpoint is compared and the root at the end is the whole log's. Not, where there is no tile
/// and nothing to compare: an archive whose first entries have expired.
fn stand_in(base: &Closed, tree: &mut Grown, anchors: &mut Anchors<'_>) -> Result<bool, What> {
    let mut leaves = tree.store.lookup(base.last.size);
    if anchors.is_empty() && leaves(0, 0).is_none() {
        return Ok(false);
    }
    for index in 0..base.last.size {
        tree.push(leaves(0, index).ok_or(What::TilesNeeded)?)?;
        anchors.at(&tree.edge)?;
    }
    if tree.edge.root() == base.root { Ok(true) } else { Err(What::TilesNeeded) }
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
