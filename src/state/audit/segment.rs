//! Files of the log: segments, and the record of closed ones.

use super::What;
use super::walk::Cursor;
use crate::engine::evidence::GapCause;
use crate::engine::evidence::chain::{hash_of_hex, hex_of_hash};
use flate2::bufread::MultiGzDecoder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// What the name of a sealed segment ends with.
const SEALED: &str = ".gz";

/// The file that lists closed segments.
const HEAD: &str = "head";
/// The file with the line of the last segment before those that are kept in this folder.
const BASE: &str = "base";

/// A segment by its name: `audit-<20 digits>.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// Sequence number of its first entry.
    pub first: u64,
}

impl SegmentName {
    /// Reads a name, also of a sealed one.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_suffix(SEALED).unwrap_or(name);
        let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
        let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(SegmentName { first: digits.parse().ok().filter(|_| well_formed)? })
    }

    pub fn file_name(&self) -> String {
        format!("audit-{:020}.jsonl", self.first)
    }

    /// All segments of a folder in order. Other files are not looked at.
    pub fn all(dir: &Path) -> io::Result<Vec<SegmentName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().to_str().and_then(SegmentName::parse));
        }
        names.sort();
        // While one is being sealed both its forms are there.
        names.dedup();
        Ok(names)
    }

    /// The name of its sealed form.
    pub fn sealed_name(&self) -> String {
        self.file_name() + SEALED
    }

    /// Opens it for reading, sealed or not, and gives its length where that is that of its lines.
    pub fn open(&self, dir: &Path) -> io::Result<(Reader, Option<u64>)> {
        match File::open(dir.join(self.file_name())) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok((Reader::Plain(file), Some(length)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let sealed = File::open(dir.join(self.sealed_name())).map_err(|_| error)?;
                Ok((Reader::sealed(sealed), None))
            }
            Err(error) => Err(error),
        }
    }
}

/// A segment being read.
pub(super) enum Reader {
    Plain(File),
    Sealed(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Reader {
    pub fn sealed(file: File) -> Reader {
        Reader::Sealed(Box::new(MultiGzDecoder::new(BufReader::new(file))))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Plain(file) => file.read(buffer),
            // What does not unpack was changed: the disk would say so otherwise.
            Reader::Sealed(sealed) => sealed.read(buffer).map_err(|error| match error.raw_os_error() {
                Some(_) => error,
                None => io::Error::new(io::ErrorKind::InvalidData, error),
            }),
        }
    }
}

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub name: SegmentName,
    path: PathBuf,
    file: File,
    /// Bytes that belong to the log; the file must have exactly so many.
    pub len: u64,
    /// When it was begun, by the wall clock, as far as the file system knows.
    pub began: SystemTime,
    identity: (u64, u64),
}

impl Segment {
    /// Makes a new segment and makes its name durable. An existing file is an error.
    pub fn create(dir: &Path, first: u64) -> io::Result<Segment> {
        let name = SegmentName { first };
        let path = dir.join(name.file_name());
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        let segment = Segment::of(name, path, file)?;
        sync_dir(dir)?;
        Ok(segment)
    }

    /// Continues a segment whose first `len` bytes were verified; what follows them is cut off.
    pub fn reopen(dir: &Path, name: SegmentName, len: u64) -> io::Result<Segment> {
        let path = dir.join(name.file_name());
        let file = OpenOptions::new().append(true).open(&path)?;
        if file.metadata()?.len() != len {
            file.set_len(len)?;
            file.sync_all()?;
        }
        Segment::of(name, path, file)
    }

    fn of(name: SegmentName, path: PathBuf, file: File) -> io::Result<Segment> {
        let metadata = file.metadata()?;
        let began = metadata.created().unwrap_or_else(|_| SystemTime::now());
        let identity = (metadata.dev(), metadata.ino());
        Ok(Segment { name, path, file, len: metadata.len(), began, identity })
    }

    /// Writes and syncs; gives the time of the sync. After any error this file is not to be trusted:
    /// nobody knows how much of it is on the disk, and a second sync might claim success falsely.
    pub fn append(&mut self, bytes: &[u8]) -> Result<Duration, (GapCause, io::Error)> {
        self.file.write_all(bytes).map_err(|error| (GapCause::Write, error))?;
        let began = Instant::now();
        self.file.sync_data().map_err(|error| (GapCause::Sync, error))?;
        let took = began.elapsed();
        let confirmed = self.len;
        self.len += bytes.len() as u64;
        // Not confirmed if the name leads elsewhere by now.
        self.intact().inspect_err(|_| self.len = confirmed)?;
        Ok(took)
    }

    /// Whether the name still leads to this very file, with exactly what was written.
    pub fn intact(&self) -> Result<(), (GapCause, io::Error)> {
        let found = fs::symlink_metadata(&self.path).map_err(|error| (GapCause::Missing, error))?;
        let damage = if (found.dev(), found.ino()) != self.identity {
            GapCause::Replaced
        } else if found.len() < self.len {
            GapCause::Truncated
        } else if found.len() > self.len {
            GapCause::Grown
        } else {
            return Ok(());
        };
        Err((damage, io::Error::other("the audit file was changed by somebody else")))
    }

    /// Removes a file that never became part of the log. Whether it worked.
    pub fn discard(self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}

/// Replaces a file as a whole.
fn write_whole(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))?;
    sync_dir(dir)
}

/// Makes names made or removed in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// One line of `head`: a segment that is not written any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub name: SegmentName,
    /// The last entry of the log up to and including this segment.
    pub last: Cursor,
    /// Root of the tree up to there; its tiles are on the disk.
    pub root: [u8; 32],
    /// Bytes of the file that belong to the log.
    pub bytes: u64,
    /// False when the segment was left because it was not trusted; then more or less may be there.
    pub whole: bool,
}

#[derive(serde::Deserialize)]
struct ClosedLine {
    file: String,
    last: u64,
    hash: String,
    size: u64,
    root: String,
    bytes: u64,
    whole: bool,
}

impl Closed {
    /// Appends to `head`. A lost line only means that the next opening verifies more, so the caller
    /// may go on after an error.
    pub fn append(&self, dir: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(dir.join(HEAD))?;
        file.write_all(self.line().as_bytes())?;
        file.sync_data()
    }

    /// Replaces `head` as a whole, unless it is the same already.
    pub fn write_all(dir: &Path, closed: &[Closed]) -> io::Result<()> {
        let text: String = closed.iter().map(Closed::line).collect();
        if fs::read_to_string(dir.join(HEAD)).unwrap_or_default() == text {
            return Ok(());
        }
        write_whole(dir, HEAD, &text)
    }

    fn line(&self) -> String {
        format!(
            "{{\"file\":\"{}\",\"last\":{},\"hash\":\"{}\",\"size\":{},\"root\":\"{}\",\"bytes\":{},\"whole\":{}}}\n",
            self.name.file_name(),
            self.last.seq,
            hex_of_hash(&self.last.hash),
            self.last.size,
            hex_of_hash(&self.root),
            self.bytes,
            self.whole
        )
    }

    /// The lines of `head`, as far as they can be read and agree with the segments that exist, and how
    /// many of those they cover. Where a segment is missing that was left untrusted, the log knows it
    /// already; where any other is missing, nothing from there on is taken on trust.
    pub fn read(dir: &Path, segments: &[SegmentName]) -> io::Result<(Vec<Closed>, usize)> {
        let lines = Closed::all(dir)?;
        let base = Closed::base(dir)?;
        let (mut agreed, mut covered) = (Vec::new(), 0);
        for closed in lines {
            match segments.get(covered) {
                Some(name) if *name == closed.name => covered += 1,
                // Moved to the archive, or expired.
                _ if base.as_ref().is_some_and(|base| closed.name <= base.name) => {}
                // Its file is gone, which the log says itself.
                Some(name) if closed.name < *name && !closed.whole => {}
                _ => break,
            }
            agreed.push(closed);
        }
        // Where `head` was lost, the log still begins behind its base.
        if agreed.is_empty() {
            agreed.extend(base.filter(|base| segments.first().is_none_or(|first| base.name < *first)));
        }
        Ok((agreed, covered))
    }

    /// The lines of `head`, whether they agree with what is here or not.
    pub fn all(dir: &Path) -> io::Result<Vec<Closed>> {
        match fs::read_to_string(dir.join(HEAD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            text => Ok(text?.lines().map_while(Closed::parse).collect()),
        }
    }

    fn parse(line: &str) -> Option<Closed> {
        let line: ClosedLine = serde_json::from_str(line).ok()?;
        Some(Closed {
            name: SegmentName::parse(&line.file)?,
            last: Cursor { seq: line.last, hash: hash_of_hex(line.hash.as_bytes())?, size: line.size },
            root: hash_of_hex(line.root.as_bytes())?,
            bytes: line.bytes,
            whole: line.whole,
        })
    }

    /// The last segment before those that are kept in this folder: moved to the archive, or expired.
    pub fn base(dir: &Path) -> io::Result<Option<Closed>> {
        match fs::read_to_string(dir.join(BASE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => Closed::parse(text?.trim_end())
                .map(Some)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "`base` is not a line of `head`")),
        }
    }

    /// Lets the folder begin behind this segment. Its file may be removed after that, not before.
    pub fn write_base(&self, dir: &Path) -> io::Result<()> {
        write_whole(dir, BASE, &self.line())
    }

    /// Whether the file still has the size it was closed with. One that is kept elsewhere is not looked
    /// at here.
    pub fn check_size(&self, dir: &Path) -> Result<(), What> {
        if !self.whole {
            return Ok(());
        }
        match self.name.open(dir) {
            Ok((_, Some(found))) if found != self.bytes => Err(What::Size { expected: self.bytes, found }),
            // The length of a sealed one shows when it is walked.
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let base = Closed::base(dir).map_err(What::unreadable)?;
                let is_elsewhere = base.is_some_and(|base| self.name <= base.name);
                if is_elsewhere { Ok(()) } else { Err(What::unreadable(error)) }
            }
            Err(error) => Err(What::unreadable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_and_read_back() {
        for (name, expect) in [
            ("audit-00000000000000000001.jsonl", Some(1)),
            ("audit-18446744073709551615.jsonl", Some(u64::MAX)),
            ("audit-1.jsonl", None),
            ("audit-0000000000000000000x.jsonl", None),
            ("audit-+0000000000000000001.jsonl", None),
            ("audit-00000000000000000001.jsonl.zst", None),
            ("head", None),
        ] {
            let parsed = SegmentName::parse(name);
            assert_eq!(parsed.as_ref().map(|parsed| parsed.first), expect, "{name}");
            assert!(parsed.is_none_or(|parsed| parsed.file_name() == name));
        }
    }

    #[test]
    fn head_lines_are_believed_as_far_as_they_agree() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<_> = [1, 5, 9].map(|first| SegmentName { first }).into();
        let last = Cursor { seq: 4, hash: [3; 32], size: 4 };
        let closed =
            |first| Closed { name: SegmentName { first }, last, root: [4; 32], bytes: 10, whole: true };
        closed(1).append(dir.path()).unwrap();
        closed(6).append(dir.path()).unwrap();
        closed(9).append(dir.path()).unwrap();
        assert_eq!(Closed::read(dir.path(), &names).unwrap(), (vec![closed(1)], 1));
        let given_up = |first| Closed { whole: false, ..closed(first) };
        for (lines, expect) in [
            (vec![closed(1), given_up(3), closed(5)], (vec![closed(1), given_up(3), closed(5)], 2)),
            // The line of segment 1 was lost: then it is not covered.
            (vec![given_up(5), closed(9)], (vec![], 0)),
        ] {
            Closed::write_all(dir.path(), &lines).unwrap();
            assert_eq!(Closed::read(dir.path(), &names).unwrap(), expect);
        }
        fs::write(dir.path().join("head"), "garbage\n").unwrap();
        assert_eq!(Closed::read(dir.path(), &names).unwrap(), (vec![], 0));
    }

    #[test]
    fn every_foreign_change_of_the_file_shows() {
        let dir = tempfile::tempdir().unwrap();
        let path = |segment: &Segment| dir.path().join(segment.name.file_name());
        type Change = fn(&Path);
        let changes: [(Change, GapCause); 4] = [
            (|path| fs::remove_file(path).unwrap(), GapCause::Missing),
            (
                |path| {
                    fs::rename(path, path.with_extension("old")).and_then(|()| fs::write(path, "aa")).unwrap()
                },
                GapCause::Replaced,
            ),
            (
                |path| File::options().write(true).open(path).and_then(|file| file.set_len(1)).unwrap(),
                GapCause::Truncated,
            ),
            (
                |path| {
                    File::options().append(true).open(path).and_then(|mut file| file.write_all(b"x")).unwrap()
                },
                GapCause::Grown,
            ),
        ];
        for (first, (change, expect)) in changes.into_iter().enumerate() {
            let mut segment = Segment::create(dir.path(), first as u64).unwrap();
            segment.append(b"aa").unwrap();
            change(&path(&segment));
            assert_eq!(segment.intact().unwrap_err().0, expect);
            if expect != GapCause::Missing {
                assert_eq!(segment.append(b"b").unwrap_err().0, expect);
            }
        }
    }

    #[test]
    fn a_full_disk_is_a_write_error() {
        let file = File::options().append(true).open("/dev/full").unwrap();
        let mut segment = Segment::of(SegmentName { first: 1 }, "/dev/full".into(), file).unwrap();
        let (cause, error) = segment.append(b"x").unwrap_err();
        assert_eq!((cause, error.kind()), (GapCause::Write, io::ErrorKind::StorageFull));
    }
}
