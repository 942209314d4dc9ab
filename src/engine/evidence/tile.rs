//! Tiles: the tree's hashes as static files of 256 (C2SP tlog-tiles).
//!
//! The tile `n` of level `l` holds the roots of 256 consecutive complete subtrees of `256^l` leaves.
//! [`Edge`] is the right edge of a growing tree: it takes leaf hashes and gives out each tile that has
//! become full, in 8 KiB of memory a level. Reads and stores nothing.
//!
//! ```
//! use zhamen::engine::evidence::tile::{Edge, TileName};
//! let mut edge = Edge::default();
//! let mut full = Vec::new();
//! (0..256).for_each(|_| edge.push([7; 32], &mut full));
//! assert_eq!(full[0].name.path(), "tile/0/000");
//! assert_eq!(TileName::parse("tile/0/x001/x234/067.p/8").unwrap().index, 1_234_067);
//! ```

use super::tree::{Hash, empty_root, node_hash};

/// Hashes of a full tile.
pub const TILE_WIDTH: usize = 256;
/// Levels of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// The highest level that a tree of 2^64 leaves can have.
pub const LEVEL_MAX: u8 = 7;

/// A tile by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileName {
    /// 0 holds leaf hashes.
    pub level: u8,
    pub index: u64,
    /// Hashes in it: 1 to 256.
    pub width: u16,
}

impl TileName {
    /// `tile/<level>/<index>` with `.p/<width>` when it is partial.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, index_path(self.index, self.width))
    }

    /// Reads such a path, in its one canonical form.
    pub fn parse(path: &str) -> Option<TileName> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = level.parse().ok().filter(|level| *level <= LEVEL_MAX)?;
        let (index, width) = parse_index(rest)?;
        let name = TileName { level, index, width };
        (name.path() == path).then_some(name)
    }

    /// The full tile in this place.
    pub fn full(self) -> TileName {
        TileName { width: TILE_WIDTH as u16, ..self }
    }
}

/// An index, and a width when it is not full: `x001/x234/067.p/8`.
pub fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if usize::from(width) < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Reads what [`index_path`] writes; other spellings may pass, so compare with it.
pub fn parse_index(path: &str) -> Option<(u64, u16)> {
    let (path, width) = match path.split_once(".p/") {
        Some((path, width)) => (path, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (path, TILE_WIDTH as u16),
    };
    let mut index: u64 = 0;
    for part in path.split('/') {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let well_formed = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value: u64 = digits.parse().ok().filter(|_| well_formed)?;
        index = index.checked_mul(1000)?.checked_add(value)?;
    }
    Some((index, width))
}

/// A tile and its hashes one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub name: TileName,
    pub bytes: Vec<u8>,
}

impl Tile {
    /// The root of `2^height` neighbouring hashes of this tile (height below 8), the `index`-th such
    /// group. None where it does not hold them all.
    pub fn node(&self, height: u32, index: usize) -> Option<Hash> {
        let width = 1_usize.checked_shl(height)?;
        let first = index.checked_mul(width)?;
        let bytes = self.bytes.get(first * 32..(first + width) * 32)?;
        Some(fold(bytes))
    }
}

/// The root over a power of two of hashes.
fn fold(bytes: &[u8]) -> Hash {
    let mut row: Vec<Hash> = bytes.as_chunks::<32>().0.to_vec();
    let mut width = row.len();
    while width > 1 {
        width /= 2;
        for at in 0..width {
            row[at] = node_hash(&row[2 * at], &row[2 * at + 1]);
        }
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// The partial tiles that a tree of `size` leaves needs, from level 0 upwards, without empty ones.
pub fn partial_tiles(size: u64) -> Vec<TileName> {
    let level = |level: u8| {
        let hashes = size >> (TILE_HEIGHT * u32::from(level));
        let width = (hashes % TILE_WIDTH as u64) as u16;
        (width > 0).then_some(TileName { level, index: hashes / TILE_WIDTH as u64, width })
    };
    (0..=LEVEL_MAX).filter_map(level).collect()
}

/// Which hash of which tile is the root of the complete subtree of `2^height` leaves at `index`: the
/// tile's level and index, and the height and index within it, for [`Tile::node`].
pub fn place(height: u32, index: u64) -> (u8, u64, u32, usize) {
    let (level, within) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
    let across = 1_u64 << (TILE_HEIGHT - within);
    (level as u8, index / across, within, (index % across) as usize)
}

/// The right edge of a growing tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Hashes of the last, partial tile of each level.
    levels: Vec<Vec<u8>>,
}

impl Edge {
    /// The edge of a tree of `size` leaves from its [`partial_tiles`]. None where one is missing or has
    /// another width.
    pub fn of(size: u64, tiles: &[Tile]) -> Option<Edge> {
        let wanted = partial_tiles(size);
        let mut levels = vec![Vec::new(); wanted.last().map_or(0, |name| usize::from(name.level) + 1)];
        for (name, tile) in wanted.iter().zip(tiles) {
            if tile.name != *name || tile.bytes.len() != usize::from(name.width) * 32 {
                return None;
            }
            *levels.get_mut(usize::from(name.level))? = tile.bytes.clone();
        }
        (wanted.len() == tiles.len()).then_some(Edge { size, levels })
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next leaf; tiles that are full now are appended to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        self.size += 1;
        let mut hash = leaf;
        let mut count = self.size;
        for level in 0..=LEVEL_MAX {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_WIDTH * 32));
            }
            let bytes = &mut self.levels[usize::from(level)];
            bytes.extend_from_slice(&hash);
            if bytes.len() < TILE_WIDTH * 32 {
                return;
            }
            hash = fold(bytes);
            let name = TileName { level, index: count / TILE_WIDTH as u64 - 1, width: TILE_WIDTH as u16 };
            let bytes = std::mem::replace(bytes, Vec::with_capacity(TILE_WIDTH * 32));
            full.push(Tile { name, bytes });
            count >>= TILE_HEIGHT;
        }
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for bytes in &self.levels {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                // The last and smallest complete subtree of this row.
                let width = 1_usize << (rest.len() / 32).trailing_zeros();
                let (before, subtree) = rest.split_at(rest.len() - width * 32);
                let left = fold(subtree);
                right = Some(right.map_or(left, |right| node_hash(&left, &right)));
                rest = before;
            }
        }
        right.unwrap_or_else(empty_root)
    }

    /// The partial tiles as they are now.
    pub fn partial(&self) -> Vec<Tile> {
        let tile =
            |name: TileName| Some(Tile { name, bytes: self.levels.get(usize::from(name.level))?.clone() });
        partial_tiles(self.size).into_iter().filter_map(tile).collect()
    }
}

#[cfg(test)]
#[path = "tile_tests.rs"]
mod tests;
