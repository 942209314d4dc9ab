//! Tiles on the disk: `tile/<level>/<index>` under the log's folder, as C2SP lays them out.
//!
//! They are a copy of what the entries say and can be made again from them, so they are written
//! without syncing one by one; a segment counts as closed only when its tiles are on the disk.

use crate::engine::evidence::tile::{
    Edge, LEVEL_MAX, TILE_HEIGHT, TILE_WIDTH, Tile, TileName, partial_tiles, place,
};
use crate::engine::evidence::tree::Hash;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The tiles of one log.
#[derive(Clone, Debug)]
pub(super) struct TileStore {
    dir: PathBuf,
}

impl TileStore {
    pub fn new(dir: &Path) -> TileStore {
        TileStore { dir: dir.to_owned() }
    }

    /// The log's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A full tile.
    pub fn read_full(&self, name: TileName) -> Option<Vec<u8>> {
        let bytes = fs::read(self.dir.join(name.full().path())).ok()?;
        (bytes.len() == TILE_WIDTH * 32).then_some(bytes)
    }

    /// A tile of this width, cut from a wider one where that is what there is: the hashes of a tile never
    /// change, further ones only follow.
    pub fn read(&self, name: TileName) -> Option<Tile> {
        let wanted = usize::from(name.width) * 32;
        let look = || self.read_full(name).or_else(|| self.read_partial(name, wanted));
        // A second look, because a wider one may take the place of what is just being opened.
        let mut bytes = look().or_else(look)?;
        bytes.truncate(wanted);
        Some(Tile { name, bytes })
    }

    fn read_partial(&self, name: TileName, wanted: usize) -> Option<Vec<u8>> {
        let wider = fs::read_dir(self.partial_folder(name)).ok()?.flatten().filter_map(|entry| {
            let width: u16 = entry.file_name().to_str()?.parse().ok()?;
            (width >= name.width && usize::from(width) < TILE_WIDTH).then_some(entry.path())
        });
        let mut read = wider.filter_map(|path| fs::read(path).ok());
        read.find(|bytes| bytes.len() >= wanted && bytes.len().is_multiple_of(32))
    }

    /// Whether a file in the place of this tile, full or partial, holds other hashes as far as both go.
    /// Files that are cut short hold fewer, and those of a log that grows hold more.
    pub fn contradicts(&self, tile: &Tile) -> bool {
        let differs = |stored: Vec<u8>| {
            let common = stored.len().min(tile.bytes.len());
            stored[..common] != tile.bytes[..common]
        };
        let partial = fs::read_dir(self.partial_folder(tile.name)).into_iter().flatten().flatten();
        let is_width = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        let tiles = partial.filter(|entry| entry.file_name().to_str().is_some_and(is_width));
        let mut paths = tiles.map(|entry| entry.path()).chain([self.dir.join(tile.name.full().path())]);
        paths.any(|path| fs::read(path).is_ok_and(differs))
    }

    fn partial_folder(&self, name: TileName) -> PathBuf {
        let mut path = self.dir.join(name.full().path()).into_os_string();
        path.push(".p");
        path.into()
    }

    /// Writes a tile under its name as a whole, and removes what it takes the place of: narrower ones, and
    /// wider ones of entries that a cut log does not have any more, which readers would take for these.
    pub fn write(&self, tile: &Tile) -> io::Result<()> {
        let path = self.dir.join(tile.name.path());
        let new = path.with_extension("new");
        let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folders(&tile.name.path())?;
                open()?
            }
            opened => opened?,
        };
        file.write_all(&tile.bytes)?;
        drop(file);
        fs::rename(&new, &path)?;
        self.remove_others(tile.name)
    }

    /// Makes the folders of a tile, but never the log's own: where that is gone, a new one would be the
    /// beginning of another history.
    fn make_folders(&self, path: &str) -> io::Result<()> {
        for (at, _) in path.match_indices('/') {
            let made = DirBuilder::new().mode(0o700).create(self.dir.join(&path[..at]));
            made.or_else(
                |error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) },
            )?;
        }
        Ok(())
    }

    fn remove_others(&self, name: TileName) -> io::Result<()> {
        if usize::from(name.width) < TILE_WIDTH {
            let removed = fs::remove_file(self.dir.join(name.full().path()));
            removed
                .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        }
        let folder = self.partial_folder(name);
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let width = entry.file_name().to_str().and_then(|width| width.parse::<u16>().ok());
            if width.is_some_and(|width| width != name.width) {
                fs::remove_file(entry.path())?;
            }
        }
        if usize::from(name.width) == TILE_WIDTH {
            // Something foreign may lie in it; then it stays.
            let _ = fs::remove_dir(&folder);
        }
        Ok(())
    }

    /// Brings everything written so far to the disk.
    pub fn sync(&self) -> io::Result<()> {
        rustix::fs::syncfs(File::open(&self.dir)?).map_err(io::Error::from)
    }

    /// Whether a full tile is here, by its length.
    pub fn has_full(&self, name: TileName) -> bool {
        let found = fs::metadata(self.dir.join(name.full().path()));
        found.is_ok_and(|found| found.len() == TILE_WIDTH as u64 * 32)
    }

    /// Whether all full tiles of the tree of so many leaves are here. Looks at lengths only.
    pub fn is_complete(&self, size: u64) -> bool {
        let is_there =
            |level: u8, index: u64| self.has_full(TileName { level, index, width: TILE_WIDTH as u16 });
        (0..=LEVEL_MAX).all(|level| {
            let full = (size >> (TILE_HEIGHT * u32::from(level))) / TILE_WIDTH as u64;
            (0..full).all(|index| is_there(level, index))
        })
    }

    /// The right edge of the tree of so many leaves, if its tiles are here.
    pub fn edge(&self, size: u64) -> Option<Edge> {
        let tiles: Option<Vec<Tile>> = partial_tiles(size).into_iter().map(|name| self.read(name)).collect();
        Edge::of(size, &tiles?)
    }

    /// Looks hashes of complete subtrees up, for roots and proofs, in a tree of so many leaves. Keeps the
    /// tile that was read last.
    pub fn lookup(&self, size: u64) -> impl FnMut(u32, u64) -> Option<Hash> + use<> {
        let mut last: Option<Tile> = None;
        let store = self.clone();
        move |height, index| {
            let (level, tile, within, at) = place(height, index);
            if last.as_ref().is_none_or(|last| (last.name.level, last.name.index) != (level, tile)) {
                let hashes = size >> (8 * u32::from(level));
                let width = (hashes - tile * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as u16;
                last = Some(store.read(TileName { level, index: tile, width })?);
            }
            last.as_ref()?.node(within, at)
        }
    }
}
