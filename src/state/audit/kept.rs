//! What is kept of a log, wherever it lies: the segments of its own folder, those that were archived, and
//! where the first of them begins.

use super::segment::{Closed, SegmentName};
use super::walk::{Cursor, Segments};
use super::{Finding, What};
use std::path::Path;

/// The segments of a log in order, and what `head` says of them.
pub(super) struct Kept {
    pub segments: Segments,
    /// The last segment before the first that is kept: moved to an archive that is not read, or expired.
    pub base: Option<Closed>,
    /// Segments that are not written any more, with what the walk over them must come to.
    pub closed: Vec<Closed>,
    /// Segments that `head` knows, that nobody moved or gave up, and that are not here.
    missing: Vec<SegmentName>,
}

impl Kept {
    /// What a log's own folder has; with its archive, what both have together.
    pub fn of(dir: &Path, archive: Option<&Path>) -> Result<Kept, Finding> {
        let own = Kept::in_folder(dir)?;
        let own = if own.segments.names.is_empty() { Err(whole(dir, What::NoLog)) } else { Ok(own) }?;
        match archive {
            None => Ok(own),
            Some(archive) => Ok(own.behind(Kept::in_folder(archive)?)),
        }
    }

    /// Where every segment has expired, none, and a base that says so.
    fn in_folder(dir: &Path) -> Result<Kept, Finding> {
        let unreadable = |error| whole(dir, What::unreadable(error));
        // What is moved or deleted meanwhile is in `base` before it goes, so that is read last.
        let known = Closed::all(dir).map_err(unreadable)?;
        let mut names = SegmentName::all(dir).map_err(unreadable)?;
        let base = Closed::base(dir).map_err(unreadable)?;
        let is_whole = names.first().is_some_and(|first| first.first == 1);
        let is_missing = |closed: &Closed| {
            let is_behind = base.as_ref().is_none_or(|base| closed.name > base.name);
            closed.whole && is_behind && !names.contains(&closed.name)
        };
        let missing = known.into_iter().filter(is_missing).map(|closed| closed.name).collect();
        let base = base.filter(|_| !is_whole);
        match (names.first(), &base) {
            (None, None) => return Err(whole(dir, What::NoLog)),
            (Some(first), None) if !is_whole => {
                return Err(Finding { seq: 1, ..Finding::whole(first.file_name(), What::Name) });
            }
            _ => {}
        }
        // A move that was cut short leaves a segment before the base; the archive has it too.
        names.retain(|name| base.as_ref().is_none_or(|base| *name > base.name));
        let (closed, _) = Closed::read(dir, &names).map_err(unreadable)?;
        let mut segments = Segments::of(dir, names);
        // In an archive the segment whose gap gives its end up may not have arrived yet.
        if let Some(given_up) = closed.last().filter(|last| !last.whole) {
            segments.end_last(given_up);
        }
        Ok(Kept { segments, base, closed, missing })
    }

    /// The log behind its archive. What the log says of the segment before its own holds for the archive's.
    fn behind(self, archive: Kept) -> Kept {
        let first = self.segments.names.first();
        let is_before = |name: &SegmentName| first.is_none_or(|first| name < first);
        let segments = archive.segments.only(is_before).then(self.segments);
        let closed = [archive.closed, self.base.into_iter().collect(), self.closed].concat();
        let missing = [archive.missing, self.missing].concat();
        Kept { segments, base: archive.base, closed, missing }
    }

    /// A segment that ought to be here. The walk names the place where one is missing between others; this
    /// tells of the last ones.
    pub fn missing(&self) -> Option<Finding> {
        self.missing.first().map(|name| Finding::whole(name.file_name(), What::Missing))
    }

    /// The place before the first entry that is kept.
    pub fn start(&self) -> Cursor {
        self.base.as_ref().map_or(Cursor::GENESIS, |base| base.last)
    }

    /// The last place before an entry from which the walk can begin, and the segment that follows it.
    pub fn before(&self, seq: u64) -> (Cursor, usize) {
        let names = &self.segments.names;
        let kept_from = self.start().seq;
        let is_before = |closed: &&Closed| closed.last.seq >= kept_from && closed.last.seq < seq;
        match self.closed.iter().rfind(is_before) {
            Some(closed) => (closed.last, names.partition_point(|name| *name <= closed.name)),
            None => (self.start(), 0),
        }
    }
}

fn whole(dir: &Path, what: What) -> Finding {
    Finding::whole(dir.display(), what)
}
