//! Checkpoints kept beside or away from the log, in the order of their sizes, compared as the tree grows.

use super::{Finding, What};
use crate::engine::evidence::checkpoint::Checkpoint;
use crate::engine::evidence::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::engine::evidence::tile::Edge;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Take};
use std::path::Path;

/// A checkpoint and where it was read.
#[derive(Clone, Debug)]
struct Known {
    file: String,
    checkpoint: Checkpoint,
}

/// All checkpoints that the log must agree with. Those of a witness file are read as they are needed.
pub(super) struct Anchors<'a> {
    key: Option<&'a VerifierKey>,
    /// Descending by size: the last is the next.
    single: Vec<Known>,
    witness: Option<Witnessed>,
    /// The smallest size that is still to come; `u64::MAX` when there is none.
    next: u64,
    pub agreed: u64,
    /// The largest size that agreed.
    pub covered: u64,
}

impl<'a> Anchors<'a> {
    pub fn new(key: Option<&'a VerifierKey>) -> Self {
        Anchors { key, single: Vec::new(), witness: None, next: u64::MAX, agreed: 0, covered: 0 }
    }

    /// Adds the checkpoint in a file. Whether there is one.
    pub fn add_file(&mut self, path: &Path) -> Result<bool, Finding> {
        let Some(checkpoint) = of_file(path, self.key)? else { return Ok(false) };
        self.single.push(Known { file: path.display().to_string(), checkpoint });
        self.single.sort_by_key(|known| std::cmp::Reverse(known.checkpoint.size));
        self.look_ahead();
        Ok(true)
    }

    /// Adds a file of checkpoints appended one after another, as far as it reaches now.
    pub fn add_witness(&mut self, path: &Path) -> Result<(), Finding> {
        let witness = Witnessed::open(path, self.key)?;
        self.witness = Some(witness);
        self.look_ahead();
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.witness.is_none()
    }

    fn look_ahead(&mut self) {
        let single = self.single.last().map_or(u64::MAX, |known| known.checkpoint.size);
        let witness = self.witness.as_ref().and_then(|witness| witness.next.as_ref());
        self.next = single.min(witness.map_or(u64::MAX, |known| known.checkpoint.size));
    }

    /// Compares what is known of a tree of this size. To be called at every size, from 0.
    pub fn at(&mut self, edge: &Edge) -> Result<(), What> {
        while self.next <= edge.size() {
            let single = self.single.last().filter(|known| known.checkpoint.size == self.next);
            let known = match (single.is_some(), &mut self.witness) {
                (true, _) => self.single.pop(),
                (false, Some(witness)) => witness.step(self.key).map_err(|finding| finding.what)?,
                (false, None) => None,
            };
            let Some(Known { file, checkpoint }) = known else { break };
            if checkpoint.root != edge.root() {
                return Err(What::Fork { source_file: file, size: checkpoint.size });
            }
            self.agreed += 1;
            self.covered = self.covered.max(checkpoint.size);
            self.look_ahead();
        }
        Ok(())
    }

    /// At the end of the log: whatever is left knows more entries than there are.
    pub fn end(&self, size: u64) -> Result<(), What> {
        let witness = self.witness.as_ref().and_then(|witness| witness.next.as_ref());
        match self.single.first().or(witness) {
            None => Ok(()),
            Some(known) => Err(What::Cut {
                source_file: known.file.clone(),
                expected: known.checkpoint.size,
                found: size,
            }),
        }
    }
}

/// A signed checkpoint, verified where a key is known.
fn understood(note: &str, key: Option<&VerifierKey>) -> Result<Checkpoint, What> {
    let checkpoint = Checkpoint::of_note(note).ok_or(What::NoCheckpoint)?;
    match key {
        Some(key) if checkpoint.origin != key.name => Err(What::Foreign(checkpoint.origin)),
        Some(key) if Checkpoint::verified(note, key).is_none() => {
            Err(What::Signature { size: checkpoint.size, key: key.to_string() })
        }
        Some(_) | None => Ok(checkpoint),
    }
}

/// A witness file: one JSON object `{"checkpoint":"<signed note>"}` a line, none of a smaller size than
/// the one before it.
struct Witnessed {
    file: String,
    source: BufReader<Take<File>>,
    next: Option<Known>,
}

impl Witnessed {
    fn open(path: &Path, key: Option<&VerifierKey>) -> Result<Witnessed, Finding> {
        let file = path.display().to_string();
        let unreadable = |error| Finding::whole(&file, What::unreadable(error));
        let source = File::open(path).map_err(unreadable)?;
        // What is appended from now on may know entries that this walk will not see.
        let length = source.metadata().map_err(unreadable)?.len();
        let mut witness = Witnessed { source: BufReader::new(source.take(length)), file, next: None };
        witness.step(key)?;
        Ok(witness)
    }

    /// Gives the checkpoint that is next and reads the one after it.
    fn step(&mut self, key: Option<&VerifierKey>) -> Result<Option<Known>, Finding> {
        let bad = |what| Finding::whole(&self.file, what);
        let after = match read_note(&mut self.source).map_err(bad)? {
            None => None,
            Some(note) => {
                let checkpoint = understood(&note, key).map_err(bad)?;
                Some(Known { file: self.file.clone(), checkpoint })
            }
        };
        let now = std::mem::replace(&mut self.next, after);
        if let (Some(now), Some(after)) = (&now, &self.next)
            && after.checkpoint.size < now.checkpoint.size
        {
            let (expected, found) = (now.checkpoint.size, after.checkpoint.size);
            return Err(bad(What::Cut { source_file: self.file.clone(), expected, found }));
        }
        Ok(now)
    }
}

/// A line of a witness file.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WitnessLine {
    pub checkpoint: String,
}

/// The next note of a witness file. An unfinished last line, which a crash leaves, counts as the end.
fn read_note(source: &mut impl BufRead) -> Result<Option<String>, What> {
    let mut line = Vec::new();
    source.take(2 * NOTE_BYTES_MAX as u64).read_until(b'\n', &mut line).map_err(What::unreadable)?;
    if !line.ends_with(b"\n") {
        return if line.len() < 2 * NOTE_BYTES_MAX { Ok(None) } else { Err(What::NoCheckpoint) };
    }
    let line: WitnessLine = serde_json::from_slice(&line).map_err(|_| What::NoCheckpoint)?;
    Ok(Some(line.checkpoint))
}

/// The checkpoint in a file, if the file exists.
pub(super) fn of_file(path: &Path, key: Option<&VerifierKey>) -> Result<Option<Checkpoint>, Finding> {
    let bad = |what| Finding::whole(path.display(), what);
    let source = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        source => source.map_err(|error| bad(What::unreadable(error)))?,
    };
    let mut bytes = Vec::new();
    let read = source.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| bad(What::unreadable(error)))?;
    let note = String::from_utf8(bytes).map_err(|_| bad(What::NoCheckpoint))?;
    understood(&note, key).map(Some).map_err(bad)
}

/// The last checkpoint of a witness file, if it has one. The file grows for years, so only its end is
/// read.
pub(super) fn last_witnessed(path: &Path) -> Result<Option<Checkpoint>, Finding> {
    let bad = |what| Finding::whole(path.display(), what);
    let unreadable = |error| bad(What::unreadable(error));
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    let length = file.metadata().map_err(unreadable)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4 * NOTE_BYTES_MAX as u64))).map_err(unreadable)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(unreadable)?;
    // An unfinished last line is what a crash leaves.
    let Some(end) = memchr::memrchr(b'\n', &tail) else { return Ok(None) };
    let line = tail[..end].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let line: WitnessLine = serde_json::from_slice(line).map_err(|_| bad(What::NoCheckpoint))?;
    understood(&line.checkpoint, None).map(Some).map_err(bad)
}
