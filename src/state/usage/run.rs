//! A sorted run: an immutable file of postings, `(key, entry)` in order, in checked blocks.
//!
//! ```text
//! block…   varints: key − previous key, count, first entry, then differences
//! fence…   32 bytes a block: first key, first entry, offset, first 8 bytes of the block's SHA-256
//! foot     magic, first entry, postings, blocks, where the fences begin; SHA-256 of fences and foot
//! ```
//! The fences stay in memory (32 bytes for every 8 KiB), so that a look-up reads only blocks that may
//! hold the key. A block that is not what was written is an error, never a wrong answer.

use super::Posting;
use aws_lc_rs::digest::{Context, SHA256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"zhuse\x00\x00\x01";
/// A block is closed once it is so long.
const BLOCK_BYTES: usize = 8 << 10;
/// Entries of one record: what bounds a block, whoever asked how often.
const RECORD_ENTRIES_MAX: usize = 512;
const FENCE_BYTES: usize = 32;
/// Magic and four numbers, and their digest.
const FOOT_BYTES: usize = FOOT_NUMBERS_END + 32;
const FOOT_NUMBERS_END: usize = 40;

/// The first posting of a block, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence {
    first: Posting,
    offset: u64,
    check: [u8; 8],
}

/// A finished run.
#[derive(Debug)]
pub(super) struct Run {
    pub path: PathBuf,
    file: File,
    fences: Vec<Fence>,
    /// Where the blocks end.
    blocks_end: u64,
    /// First entry in it.
    pub first: u64,
    pub postings: u64,
}

impl Run {
    /// Writes postings, which must be sorted and not empty, and makes them durable.
    pub fn write(path: &Path, postings: impl Iterator<Item = io::Result<Posting>>) -> io::Result<Run> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 18, &file));
        for posting in postings {
            writer.push(posting?)?;
        }
        writer.finish()?;
        file.sync_all()?;
        Run::open(path)
    }

    /// Opens a run and checks its foot and fences.
    pub fn open(path: &Path) -> io::Result<Run> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let foot_at = length.checked_sub(FOOT_BYTES as u64).ok_or_else(damaged)?;
        let mut foot = [0; FOOT_BYTES];
        file.read_exact_at(&mut foot, foot_at)?;
        let [first, postings, blocks, blocks_end] = foot_numbers(&foot).ok_or_else(damaged)?;
        let fence_bytes = foot_at.checked_sub(blocks_end).ok_or_else(damaged)?;
        if blocks.checked_mul(FENCE_BYTES as u64) != Some(fence_bytes) {
            return Err(damaged());
        }
        let mut fences = vec![0; usize::try_from(fence_bytes).map_err(|_| damaged())?];
        file.read_exact_at(&mut fences, blocks_end)?;
        if digest(&[&fences, &foot[..FOOT_NUMBERS_END]]) != foot[FOOT_NUMBERS_END..] {
            return Err(damaged());
        }
        let fences = fences.chunks_exact(FENCE_BYTES).map(Fence::read).collect();
        Ok(Run { path: path.to_owned(), file, fences, blocks_end, first, postings })
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.blocks_end + (self.fences.len() * FENCE_BYTES + FOOT_BYTES) as u64
    }

    /// Appends the newest entries of a key before `before`, newest first, until `found` has `limit`.
    pub fn newest(&self, key: u64, before: u64, limit: usize, found: &mut Vec<u64>) -> io::Result<()> {
        // Blocks that begin before the wanted place; the last of them may hold it.
        let mut end = self.fences.partition_point(|fence| fence.first < Posting { key, seq: before });
        while end > 0 && found.len() < limit {
            end -= 1;
            let fence = &self.fences[end];
            let block = self.block(end)?;
            let mut here: Vec<u64> = Vec::new();
            for posting in Postings::new(&block, fence.first.key) {
                let posting = posting?;
                if posting.key == key && posting.seq < before {
                    here.push(posting.seq);
                } else if posting.key > key {
                    break;
                }
            }
            here.reverse();
            here.truncate(limit - found.len());
            found.extend(here);
            if fence.first.key < key {
                break;
            }
        }
        Ok(())
    }

    /// All postings in order, one block in memory at a time.
    pub fn iter(&self) -> impl Iterator<Item = io::Result<Posting>> + '_ {
        (0..self.fences.len()).flat_map(move |index| {
            let key = self.fences[index].first.key;
            let read = self
                .block(index)
                .and_then(|block| Postings::new(&block, key).collect::<io::Result<Vec<Posting>>>());
            match read {
                Ok(postings) => postings.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            }
        })
    }

    fn block(&self, index: usize) -> io::Result<Vec<u8>> {
        let fence = &self.fences[index];
        let end = self.fences.get(index + 1).map_or(self.blocks_end, |next| next.offset);
        let length = end.checked_sub(fence.offset).ok_or_else(damaged)?;
        let mut block = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        self.file.read_exact_at(&mut block, fence.offset)?;
        if digest(&[&block])[..8] == fence.check { Ok(block) } else { Err(damaged()) }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a file of the usage index is not what was written")
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn foot_numbers(foot: &[u8; FOOT_BYTES]) -> Option<[u64; 4]> {
    let numbers = foot.strip_prefix(MAGIC)?;
    Some(std::array::from_fn(|place| number(&numbers[place * 8..])))
}

impl Fence {
    fn read(bytes: &[u8]) -> Self {
        let mut check = [0; 8];
        check.copy_from_slice(&bytes[24..]);
        let first = Posting { key: number(bytes), seq: number(&bytes[8..]) };
        Fence { first, offset: number(&bytes[16..]), check }
    }

    fn bytes(&self) -> [u8; FENCE_BYTES] {
        let mut bytes = [0; FENCE_BYTES];
        for (place, number) in [self.first.key, self.first.seq, self.offset].into_iter().enumerate() {
            bytes[place * 8..place * 8 + 8].copy_from_slice(&number.to_be_bytes());
        }
        bytes[24..].copy_from_slice(&self.check);
        bytes
    }
}

/// Writes a run: postings gather into records, records into blocks.
struct Writer<W> {
    out: W,
    /// First entry seen.
    first: u64,
    postings: u64,
    offset: u64,
    block: Vec<u8>,
    /// The first posting of the open block, and the key of its last record.
    block_first: Option<Posting>,
    last_key: u64,
    record_key: u64,
    record: Vec<u64>,
    fences: Vec<Fence>,
}

impl<W: Write> Writer<W> {
    fn new(out: W) -> Self {
        Writer {
            out,
            first: u64::MAX,
            postings: 0,
            offset: 0,
            block: Vec::with_capacity(BLOCK_BYTES * 2),
            block_first: None,
            last_key: 0,
            record_key: 0,
            record: Vec::with_capacity(RECORD_ENTRIES_MAX),
            fences: Vec::new(),
        }
    }

    /// Takes the next posting; one that was taken already is left out.
    fn push(&mut self, posting: Posting) -> io::Result<()> {
        if self.record_key == posting.key && self.record.last() == Some(&posting.seq) {
            return Ok(());
        }
        if self.record_key != posting.key || self.record.len() == RECORD_ENTRIES_MAX {
            self.end_record()?;
            self.record_key = posting.key;
        }
        self.record.push(posting.seq);
        self.first = self.first.min(posting.seq);
        self.postings += 1;
        Ok(())
    }

    fn end_record(&mut self) -> io::Result<()> {
        let Some(first) = self.record.first().copied() else { return Ok(()) };
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        if self.block_first.is_none() {
            self.block_first = Some(Posting { key: self.record_key, seq: first });
            self.last_key = self.record_key;
        }
        push_varint(&mut self.block, self.record_key - self.last_key);
        push_varint(&mut self.block, self.record.len() as u64);
        let mut before = 0;
        for seq in self.record.drain(..) {
            push_varint(&mut self.block, seq - before);
            before = seq;
        }
        self.last_key = self.record_key;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let Some(first) = self.block_first.take() else { return Ok(()) };
        let mut check = [0; 8];
        check.copy_from_slice(&digest(&[&self.block])[..8]);
        self.fences.push(Fence { first, offset: self.offset, check });
        self.out.write_all(&self.block)?;
        self.offset += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.end_record()?;
        self.end_block()?;
        let fences: Vec<u8> = self.fences.iter().flat_map(Fence::bytes).collect();
        let mut foot = MAGIC.to_vec();
        for number in [self.first, self.postings, self.fences.len() as u64, self.offset] {
            foot.extend_from_slice(&number.to_be_bytes());
        }
        let sum = digest(&[&fences, &foot]);
        self.out.write_all(&fences)?;
        self.out.write_all(&foot)?;
        self.out.write_all(&sum)?;
        self.out.flush()
    }
}

/// The postings of one block.
struct Postings<'a> {
    rest: &'a [u8],
    key: u64,
    seq: u64,
    left: u64,
}

impl<'a> Postings<'a> {
    fn new(block: &'a [u8], key: u64) -> Self {
        Postings { rest: block, key, seq: 0, left: 0 }
    }

    fn step(&mut self) -> Option<Posting> {
        if self.left == 0 {
            self.key = self.key.checked_add(take_varint(&mut self.rest)?)?;
            self.left = take_varint(&mut self.rest)?;
            self.seq = 0;
        }
        self.left = self.left.checked_sub(1)?;
        self.seq = self.seq.checked_add(take_varint(&mut self.rest)?)?;
        Some(Posting { key: self.key, seq: self.seq })
    }
}

impl Iterator for Postings<'_> {
    type Item = io::Result<Posting>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() && self.left == 0 {
            return None;
        }
        Some(self.step().ok_or_else(|| {
            self.rest = &[];
            self.left = 0;
            damaged()
        }))
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(place * 7)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(dir: &Path, postings: &[(u64, u64)]) -> Run {
        let postings = postings.iter().map(|(key, seq)| Ok(Posting { key: *key, seq: *seq }));
        Run::write(&dir.join("run"), postings).unwrap()
    }

    fn newest(run: &Run, key: u64, before: u64, limit: usize) -> Vec<u64> {
        let mut found = Vec::new();
        run.newest(key, before, limit, &mut found).unwrap();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against a plain list: every key, every bound.
        #[test]
        fn a_run_finds_what_a_list_finds(
            list in prop::collection::btree_set((0_u64..6, 0_u64..4000), 1..3000),
            spread in prop::sample::select(vec![1_u64, 1 << 20, u64::MAX / 6]),
            before in 0_u64..4100,
            limit in 1_usize..600,
        ) {
            let list: Vec<(u64, u64)> = list.into_iter().map(|(key, seq)| (key * spread, seq)).collect();
            let dir = tempfile::tempdir().unwrap();
            let run = run(dir.path(), &list);
            prop_assert_eq!(run.postings as usize, list.len());
            for key in 0..7 {
                let key = u64::saturating_mul(key, spread);
                let expect: Vec<u64> = list.iter().rev().filter(|(one, seq)| *one == key && *seq < before)
                    .map(|(_, seq)| *seq).take(limit).collect();
                prop_assert_eq!(newest(&run, key, before, limit), expect);
            }
            let all: Vec<(u64, u64)> = run.iter().map(|one| one.map(|one| (one.key, one.seq)).unwrap()).collect();
            prop_assert_eq!(all, list);
        }
    }

    #[test]
    fn one_key_over_many_blocks_is_paged_from_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let list: Vec<(u64, u64)> = (1..=100_000).map(|seq| (7, seq * 3)).collect();
        let run = run(dir.path(), &list);
        assert!(run.fences.len() > 10);
        assert_eq!(newest(&run, 7, u64::MAX, 3), [300_000, 299_997, 299_994]);
        assert_eq!(newest(&run, 7, 150_000, 2), [149_997, 149_994]);
        assert_eq!(newest(&run, 7, u64::MAX, 200_000).len(), 100_000);
        assert!(run.bytes() < 120_000, "{} bytes", run.bytes());
    }

    /// Every byte of the file is covered by a digest: a changed one is an error or changes nothing.
    #[test]
    fn a_changed_byte_is_an_error_never_another_answer() {
        let dir = tempfile::tempdir().unwrap();
        let list: Vec<(u64, u64)> = (0..400).map(|one| (one / 3, one)).collect();
        let path = run(dir.path(), &list).path;
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            std::fs::write(&path, &bad).unwrap();
            let read = Run::open(&path).and_then(|run| {
                run.iter().map(|one| one.map(|one| (one.key, one.seq))).collect::<io::Result<Vec<_>>>()
            });
            assert!(read.is_err(), "byte {at}");
        }
        for length in [0, 10, good.len() - 1] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(Run::open(&path).is_err(), "{length} bytes");
        }
    }
}
