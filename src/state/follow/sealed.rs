//! A sealed segment: gzip members of whole lines, and at the end a table of where they are.
//!
//! The table is the extra field (RFC 1952, 2.3.1.1) of a last, empty member: subfield `zh`, then for
//! each member four bytes of its first entry's number, less the segment's, and four of its offset;
//! the place where the table's own member begins; their count, and `zhix`. So it stands at a fixed
//! distance from the end of the file. A sealed segment without one is read in order.
//!
//! ```
//! use zhamen::state::follow::sealed::{Member, table};
//! let bytes = table(&[Member { seq: 7, offset: 0 }], 7).unwrap();
//! assert_eq!(&bytes[..3], [0x1f, 0x8b, 8]);
//! ```

use flate2::bufread::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const ENDING: &str = "gz";
const MARK: &[u8; 4] = b"zhix";
/// An empty deflate stream, and checksum and length of nothing, as they end every empty member.
const AFTER_TABLE: u64 = 2 + 8;
const ENTRY_BYTES: usize = 8;

/// Whether a path is that of a sealed segment.
pub fn is_sealed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// Where some lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The first entry in it.
    pub seq: u64,
    /// Where it begins in the file.
    pub offset: u64,
}

/// The last member of a sealed segment whose first entry is `first`. The last of `members` is where
/// it begins itself.
///
/// # Errors
/// There are more members, or larger numbers, than the table holds.
pub fn table(members: &[Member], first: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other("the segment is too large for the table of its members");
    let mut entries = Vec::new();
    for member in members {
        let seq = u32::try_from(member.seq - first).map_err(|_| too_large())?;
        let offset = u32::try_from(member.offset).map_err(|_| too_large())?;
        entries.extend_from_slice(&seq.to_be_bytes());
        entries.extend_from_slice(&offset.to_be_bytes());
    }
    entries.extend_from_slice(&u32::try_from(members.len()).map_err(|_| too_large())?.to_be_bytes());
    entries.extend_from_slice(MARK);
    let length =
        u16::try_from(entries.len()).ok().filter(|length| *length < u16::MAX - 4).ok_or_else(too_large)?;
    let extra = [b"zh", &length.to_le_bytes()[..], &entries].concat();
    let mut out = GzBuilder::new().extra(extra).write(Vec::new(), Compression::new(1));
    out.flush()?;
    out.finish()
}

/// A sealed segment whose entries are read one by one.
#[derive(Debug)]
pub(in crate::state) struct Sealed {
    file: File,
    /// Ascending; the last is where the table's member begins.
    members: Vec<Member>,
    /// The member that was unpacked last.
    last: Option<(usize, Vec<u8>)>,
}

impl Sealed {
    /// Opens a sealed segment whose first entry is `first`.
    pub fn open(path: &Path, first: u64) -> io::Result<Sealed> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let members = read_table(&file, length, first)?;
        Ok(Sealed { file, members: members.unwrap_or_else(|| whole(length, first)), last: None })
    }

    /// The lines among which this entry stands, if it is in the segment.
    pub fn lines_around(&mut self, seq: u64) -> io::Result<Option<&[u8]>> {
        let after = self.members.partition_point(|member| member.seq <= seq);
        let Some(at) = after.checked_sub(1).filter(|_| after < self.members.len()) else { return Ok(None) };
        if self.last.as_ref().is_none_or(|(last, _)| *last != at) {
            let (start, end) = (self.members[at].offset, self.members[after].offset);
            let size = usize::try_from(end.saturating_sub(start)).map_err(io::Error::other)?;
            let mut packed = vec![0; size];
            self.file.read_exact_at(&mut packed, start)?;
            let mut lines = Vec::new();
            MultiGzDecoder::new(&packed[..]).read_to_end(&mut lines)?;
            self.last = Some((at, lines));
        }
        Ok(self.last.as_ref().map(|(_, lines)| &lines[..]))
    }
}

/// Without a table the whole file is one member.
fn whole(length: u64, first: u64) -> Vec<Member> {
    vec![Member { seq: first, offset: 0 }, Member { seq: u64::MAX, offset: length }]
}

fn read_table(file: &File, length: u64, first: u64) -> io::Result<Option<Vec<Member>>> {
    let mut tail = [0; 8];
    let Some(tail_at) = length.checked_sub(AFTER_TABLE + 8) else { return Ok(None) };
    file.read_exact_at(&mut tail, tail_at)?;
    let count = u32::from_be_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    if tail[4..] != *MARK || count < 2 {
        return Ok(None);
    }
    let bytes = count * ENTRY_BYTES;
    let Some(table_at) = tail_at.checked_sub(bytes as u64) else { return Ok(None) };
    let mut entries = vec![0; bytes];
    file.read_exact_at(&mut entries, table_at)?;
    let number = |four: &[u8]| four.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let member = |entry: &[u8]| Member { seq: first + number(&entry[..4]), offset: number(&entry[4..]) };
    let members: Vec<Member> = entries.chunks_exact(ENTRY_BYTES).map(member).collect();
    let ascends = members.is_sorted_by(|one, next| one.seq < next.seq && one.offset < next.offset);
    Ok(Some(members).filter(|_| ascends))
}
