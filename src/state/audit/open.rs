//! Beginning a log, and coming back to one.

use super::segment::{Closed, Segment, SegmentName, sync_dir};
use super::tree::Tree;
use super::walk::{Cursor, HOLLOW_BYTES_MAX, Segments, Walk};
use super::{CHECKPOINT, Finding, OpenError, What, anchor};
use crate::config::settings::AuditSettings;
use crate::engine::evidence::tree::root;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file whose lock says that somebody writes this log.
const LOCK: &str = "lock";

/// A log that is ready to be written.
#[derive(Debug)]
pub(super) struct Opened {
    /// Held locked for as long as the writer lives.
    pub lock: File,
    pub segment: Segment,
    pub cursor: Cursor,
    /// Over all entries up to the cursor; tiles that became full are written.
    pub tree: Tree,
    /// Bytes of an unfinished last line that were cut off.
    pub torn_bytes: u64,
}

pub(super) fn create(settings: &AuditSettings) -> Result<Opened, OpenError> {
    let dir = &settings.dir;
    let fail = |error| OpenError::Io { path: dir.clone(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
    for entry in fs::read_dir(dir).map_err(fail)? {
        // A lock alone is what a crash right here would have left.
        if entry.map_err(fail)?.file_name() != LOCK {
            return Err(OpenError::NotEmpty(dir.clone()));
        }
    }
    let lock = lock(dir)?;
    // A witness that knows entries of a log that is not here: it vanished, and is not begun anew.
    agree(settings, &mut Tree::new(dir))?;
    let segment = Segment::create(dir, 1).map_err(fail)?;
    Ok(Opened { lock, segment, cursor: Cursor::GENESIS, tree: Tree::new(dir), torn_bytes: 0 })
}

pub(super) fn open(settings: &AuditSettings) -> Result<Opened, OpenError> {
    let dir = &settings.dir;
    let fail = |error| OpenError::Io { path: dir.clone(), error };
    let segments = match SegmentName::all(dir) {
        Ok(segments) if segments.is_empty() => return Err(OpenError::NoLog(dir.clone())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::NoLog(dir.clone())),
        segments => segments.map_err(fail)?,
    };
    let lock = lock(dir)?;
    let (segments, hollow_bytes) = drop_hollow(dir, segments).map_err(fail)?;
    let walked = walk(dir, segments.clone(), u64::MAX).map_err(OpenError::Broken)?;
    // The last segment goes on, so `head` may not list it; and what was missing there is verified now.
    Closed::write_all(dir, &walked.closed).map_err(fail)?;
    let segment = match segments.last() {
        Some(name) if name.first <= walked.cursor.seq + 1 => Segment::reopen(dir, name.clone(), walked.bytes),
        // Every segment was hollow: the first entry was never finished.
        _ => Segment::create(dir, walked.cursor.seq + 1),
    };
    let segment = segment.map_err(fail)?;
    let torn_bytes = walked.torn_bytes + hollow_bytes;
    Ok(Opened { lock, segment, cursor: walked.cursor, tree: walked.tree, torn_bytes })
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let fail = |error| OpenError::Io { path: path.clone(), error };
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(fail(error)),
    }
}

/// Removes trailing segments without one finished line: what a crash between making a file and
/// writing its first entry leaves. Gives the others and the bytes removed.
fn drop_hollow(dir: &Path, mut segments: Vec<SegmentName>) -> io::Result<(Vec<SegmentName>, u64)> {
    let mut bytes = 0;
    while let Some(name) = segments.last() {
        let path = dir.join(name.file_name());
        let mut start = Vec::new();
        File::open(&path)?.take(HOLLOW_BYTES_MAX).read_to_end(&mut start)?;
        if start.contains(&b'\n') || start.len() as u64 == HOLLOW_BYTES_MAX {
            break;
        }
        fs::remove_file(&path)?;
        sync_dir(dir)?;
        bytes += start.len() as u64;
        segments.pop();
    }
    Ok((segments, bytes))
}

/// Whether the log is the one that its own checkpoint and its witness file know, and no shorter.
pub(super) fn agree(settings: &AuditSettings, tree: &mut Tree) -> Result<(), OpenError> {
    let fail = |error| OpenError::Io { path: settings.dir.clone(), error };
    tree.write().map_err(fail)?;
    let own = settings.dir.join(CHECKPOINT);
    let own_checkpoint = anchor::of_file(&own, None).map_err(OpenError::Broken)?;
    let witnessed = match &settings.witness_file {
        Some(path) => anchor::last_witnessed(path).map_err(OpenError::Broken)?,
        None => None,
    };
    let known = [(Some(own), own_checkpoint), (settings.witness_file.clone(), witnessed)];
    for (path, checkpoint) in known {
        let (Some(path), Some(checkpoint)) = (path, checkpoint) else { continue };
        let source_file = path.display().to_string();
        let (size, found) = (checkpoint.size, tree.size());
        let here = root(size, &mut tree.store.lookup(found));
        let what = if checkpoint.origin != settings.origin {
            What::Foreign(checkpoint.origin)
        } else if size > found {
            What::Cut { source_file: source_file.clone(), expected: size, found }
        } else if here != Some(checkpoint.root) {
            What::Fork { source_file: source_file.clone(), size }
        } else {
            continue;
        };
        return Err(OpenError::Broken(Finding::whole(source_file, what)));
    }
    Ok(())
}

pub(super) struct Walked {
    pub cursor: Cursor,
    pub tree: Tree,
    /// Bytes of the last segment that belong to the log.
    bytes: u64,
    torn_bytes: u64,
    /// What `head` should say: all segments but the last.
    pub closed: Vec<Closed>,
}

/// Verifies what `head` does not vouch for, at least the last segment, and grows the tree over it up to
/// `size_max` entries: where `head` says or the tiles are not there, from the first entry on.
pub(super) fn walk(dir: &Path, segments: Vec<SegmentName>, size_max: u64) -> Result<Walked, Finding> {
    let Some(last) = segments.last().cloned() else { return all_elsewhere(dir) };
    let (mut closed, mut covered) = Closed::read(dir, &segments)
        .map_err(|error| Finding::whole(last.file_name(), What::unreadable(error)))?;
    if closed.pop_if(|closed| closed.name == last).is_some() {
        covered -= 1;
    }
    for closed in &closed {
        let sized = closed.check_size(dir);
        sized.map_err(|what| Finding { seq: 1, ..Finding::whole(closed.name.file_name(), what) })?;
    }
    let vouched = closed.last().map_or(Cursor::GENESIS, |closed| closed.last);
    let root = closed.last().map(|closed| closed.root);
    let tree = Tree::load(dir, vouched.size).filter(|tree| root.is_none_or(|root| root == tree.root()));
    let (vouched, tree) = match tree {
        Some(tree) => (vouched, tree),
        // What was moved away cannot be read again to make them.
        None if closed.first().is_some_and(|first| segments.first() != Some(&first.name)) => {
            return Err(Finding::whole(dir.display(), What::TilesNeeded));
        }
        None => {
            tracing::warn!("tiles of the audit log are missing or wrong; they are made again");
            (closed, covered) = (Vec::new(), 0);
            (Cursor::GENESIS, Tree::new(dir))
        }
    };
    grow(&Segments::of(dir, segments), (vouched, tree), (closed, covered), size_max)
}

/// The log when no segment with a finished line is here: its first entry is still to come, or all that
/// there is was moved to the archive. Where `head` knows segments that nobody moved, they are missing.
fn all_elsewhere(dir: &Path) -> Result<Walked, Finding> {
    let whole = |what| Finding::whole(dir.display(), what);
    let (closed, _) = Closed::read(dir, &[]).map_err(|error| whole(What::unreadable(error)))?;
    let known = Closed::all(dir).map_err(|error| whole(What::unreadable(error)))?;
    if known.len() > closed.len() {
        return Err(whole(What::Head));
    }
    let cursor = closed.last().map_or(Cursor::GENESIS, |closed| closed.last);
    let tree = match closed.last() {
        None => Some(Tree::new(dir)),
        Some(closed) => Tree::load(dir, cursor.size).filter(|tree| tree.root() == closed.root),
    };
    let tree = tree.ok_or_else(|| whole(What::TilesNeeded))?;
    Ok(Walked { cursor, tree, bytes: 0, torn_bytes: 0, closed })
}

fn grow(
    segments: &Segments,
    (vouched, mut tree): (Cursor, Tree),
    (mut closed, covered): (Vec<Closed>, usize),
    size_max: u64,
) -> Result<Walked, Finding> {
    let tree_cell = std::cell::RefCell::new(&mut tree);
    let mut sink = |cursor: &Cursor, _: &[u8]| {
        if cursor.size > size_max {
            return Ok(());
        }
        tree_cell.borrow_mut().grow(cursor.hash);
        tree_cell.borrow_mut().write_some().map_err(What::unreadable)
    };
    let mut walk = Walk::new(vouched, &mut sink);
    for (index, name) in segments.names.iter().enumerate().skip(covered) {
        walk.segment(segments, index)?;
        if index + 1 < segments.names.len() && walk.cursor.size <= size_max {
            let (last, bytes, whole) = (walk.cursor, walk.bytes, walk.whole);
            let root = tree_cell.borrow().root();
            closed.push(Closed { name: name.clone(), last, root, bytes, whole });
        }
    }
    let (cursor, bytes, torn_bytes) = (walk.cursor, walk.bytes, walk.torn_bytes);
    Ok(Walked { cursor, bytes, torn_bytes, closed, tree })
}
