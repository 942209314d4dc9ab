//! Sealing: a closed segment becomes a gzip file of the same lines, a third of the size or less.
//!
//! gzip, because an auditor's own tools read it (`zcat`, every language's library), the second verifier
//! among them; its ratio is near that of newer formats, because what is left are hashes. The lines are
//! unchanged, so hashes, numbers and proofs are too. The plain file goes only after the sealed one was
//! read back and is on the disk.
//!
//! The file is a row of gzip members (RFC 1952, 2.2), each some whole lines, so that one entry is read
//! without unpacking the others. The last member is empty and carries their table in its extra field;
//! ordinary tools pass it over.

use super::segment::{Reader, SegmentName, sync_dir};
use crate::state::follow::sealed::{Member, table};
use flate2::{Compression, GzBuilder};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Beyond this level a few per cent are won at several times the work.
const LEVEL: u32 = 5;
/// Lines of one member, in bytes: less is read faster, more packs better.
const MEMBER_BYTES_MIN: u64 = 32 << 10;
/// The table has room for so many members.
const MEMBERS_MAX: u64 = 8000;

/// Seals one closed segment. Done again after a crash at any step, it comes to the same.
pub(super) fn seal(dir: &Path, name: &SegmentName) -> io::Result<()> {
    let (plain, sealed) = (dir.join(name.file_name()), dir.join(name.sealed_name()));
    let new = dir.join(name.sealed_name() + ".new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let mut out = BufWriter::new(file);
    write_members(&plain, name.first, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    if !is_same(&plain, &new)? {
        return Err(io::Error::other("the sealed segment does not unpack to the same lines"));
    }
    fs::rename(&new, &sealed)?;
    sync_dir(dir)?;
    fs::remove_file(&plain)?;
    sync_dir(dir)
}

fn write_members(plain: &Path, first: u64, out: &mut impl Write) -> io::Result<()> {
    let file = File::open(plain)?;
    let member_bytes = MEMBER_BYTES_MIN.max(file.metadata()?.len() / MEMBERS_MAX);
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let (mut members, mut packed, mut seq) = (Vec::new(), Vec::new(), first);
    let mut offset = 0;
    loop {
        members.push(Member { seq, offset });
        let mut plain = Vec::new();
        while (plain.len() as u64) < member_bytes && lines.read_until(b'\n', &mut plain)? > 0 {
            seq += 1;
        }
        if plain.is_empty() {
            break;
        }
        packed.clear();
        let mut encoder = GzBuilder::new().write(&mut packed, Compression::new(LEVEL));
        encoder.write_all(&plain)?;
        encoder.finish()?;
        out.write_all(&packed)?;
        offset += packed.len() as u64;
    }
    out.write_all(&table(&members, first)?)
}

fn is_same(plain: &Path, sealed: &Path) -> io::Result<bool> {
    let (mut plain, mut sealed) = (File::open(plain)?, Reader::sealed(File::open(sealed)?));
    let (mut here, mut there) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = plain.read(&mut here)?;
        if read == 0 {
            return Ok(sealed.read(&mut there)? == 0);
        }
        match sealed.read_exact(&mut there[..read]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            result => result?,
        }
        if here[..read] != there[..read] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_segment_reads_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let name = SegmentName { first: 1 };
        let text = "{\"a\":1}\n".repeat(50_000);
        fs::write(dir.path().join(name.file_name()), &text).unwrap();
        seal(dir.path(), &name).unwrap();
        assert!(!dir.path().join(name.file_name()).exists());
        let (mut reader, length) = name.open(dir.path()).unwrap();
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert!(read == text && length.is_none());
        assert_eq!(SegmentName::all(dir.path()).unwrap(), [name]);
    }
}
