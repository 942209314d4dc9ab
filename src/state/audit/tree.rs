//! The log's Merkle tree while it grows: its right edge, and the tiles that are not written yet.
//!
//! Opening a log and running it go the same way: leaf by leaf into [`Tree::grow`].

use super::tiles::TileStore;
use crate::engine::evidence::tile::{Edge, Tile};
use crate::engine::evidence::tree::Hash;
use std::io;
use std::path::Path;

/// Full tiles kept back until so many can be written together.
const PENDING_MAX: usize = 16;

/// A tree and its tiles.
#[derive(Debug)]
pub(super) struct Tree {
    pub store: TileStore,
    edge: Edge,
    pending: Vec<Tile>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new(dir: &Path) -> Tree {
        Tree { store: TileStore::new(dir), edge: Edge::default(), pending: Vec::new() }
    }

    /// The tree of so many leaves from its tiles; none where they are not all there.
    pub fn load(dir: &Path, size: u64) -> Option<Tree> {
        let store = TileStore::new(dir);
        let edge = store.edge(size).filter(|_| store.is_complete(size))?;
        Some(Tree { edge, store, pending: Vec::new() })
    }

    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    pub fn grow(&mut self, leaf: Hash) {
        self.edge.push(leaf, &mut self.pending);
    }

    /// Writes the tiles that became full, once they are some.
    pub fn write_some(&mut self) -> io::Result<()> {
        if self.pending.len() < PENDING_MAX { Ok(()) } else { self.write_full() }
    }

    /// Writes all tiles that became full. What failed is tried again at the next call.
    fn write_full(&mut self) -> io::Result<()> {
        while let Some(tile) = self.pending.first() {
            self.store.write(tile)?;
            self.pending.remove(0);
        }
        Ok(())
    }

    /// Writes everything that a reader of the tree as it is now needs.
    pub fn write(&mut self) -> io::Result<()> {
        self.write_full()?;
        self.edge.partial().iter().try_for_each(|tile| self.store.write(tile))
    }
}
