//! Whether a Parquet file says nothing that is not so, before the parquet crate reads it.
//!
//! It takes a file at its word: how deep the schema is, where column chunks lie, what pages unpack to and
//! how many values they hold. All of that is looked at here, in the file's own bytes.
//!
//! ```text
//! PAR1  page* of each column chunk of each row group  footer  footer's length  PAR1
//! ```

use super::limits::{COLUMNS_MAX, FOOTER_BYTES_MAX, UNPACKED_BYTES_MAX, VALUES_MAX};
use super::thrift::{Met, structure};
use crate::engine::mask::plan::FaultKind;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::ops::Range;

/// At both ends of a file.
const MAGIC: &[u8; 4] = b"PAR1";
/// The same of a file whose footer is encrypted.
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";

/// The footer's place, its schema checked.
///
/// # Errors
/// It is no Parquet file, or its schema is too deep or wide.
pub(super) fn footer(file: &[u8], depth_max: usize) -> Result<Range<usize>, FaultKind> {
    let (rest, magic) = file.split_last_chunk::<4>().ok_or(FaultKind::Truncated)?;
    if magic == MAGIC_ENCRYPTED {
        return Err(FaultKind::UnsupportedEncoding);
    }
    if !file.starts_with(MAGIC) {
        return Err(FaultKind::Unexpected);
    }
    if magic != MAGIC {
        return Err(FaultKind::Truncated);
    }
    let (rest, length) = rest.split_last_chunk::<4>().ok_or(FaultKind::Truncated)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| FaultKind::BadMessage)?;
    if length > FOOTER_BYTES_MAX {
        return Err(FaultKind::MessageTooLong);
    }
    let start = rest.len().checked_sub(length).filter(|start| *start >= MAGIC.len());
    let place = start.ok_or(FaultKind::BadMessage)?..rest.len();
    schema(file.get(place.clone()).unwrap_or_default(), depth_max)?;
    Ok(place)
}

/// Levels of groups for each level of a list: the list, its repeated group, its element.
const GROUPS_A_LEVEL: usize = 3;

/// Reads how elements of the schema are nested: each says how many children follow it.
fn schema(footer: &[u8], depth_max: usize) -> Result<(), FaultKind> {
    let (mut children, mut elements) = (0, 0);
    let mut open: Vec<usize> = Vec::new();
    let mut outcome = Ok(());
    let mut judge = |path: &[i16], met: Met| match (path, met) {
        ([2, 5], Met::Number(number)) => children = usize::try_from(number).unwrap_or(usize::MAX),
        ([2], Met::End) => {
            elements += 1;
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if elements > GROUPS_A_LEVEL * COLUMNS_MAX || children > GROUPS_A_LEVEL * COLUMNS_MAX {
                outcome = Err(FaultKind::TooManyColumns);
            } else if open.len() > GROUPS_A_LEVEL * depth_max {
                outcome = Err(FaultKind::TooDeep);
            }
            if children > 0 {
                open.push(children);
            }
            children = 0;
        }
        _ => {}
    };
    let read = structure(footer, &mut judge);
    outcome.and(read.map(|_| ()).ok_or(FaultKind::BadMessage))
}

/// Judges every page of a file.
///
/// # Errors
/// Something lies outside the file, is not what it says, or is beyond the limits.
pub(super) fn pages(file: &[u8], footer: usize, metadata: &ParquetMetaData) -> Result<(), FaultKind> {
    let mut sums = Sums::default();
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        let groups_rows = Some(group.num_rows()).filter(|rows| *rows >= 0).ok_or(FaultKind::BadMessage)?;
        rows = rows.checked_add(groups_rows).ok_or(FaultKind::TooManyValues)?;
        for chunk in group.columns() {
            sums.chunk(file.get(..footer).unwrap_or_default(), chunk, groups_rows)?;
        }
    }
    let declared = metadata.file_metadata().num_rows();
    if rows != declared { Err(FaultKind::BadMessage) } else { Ok(()) }
}

/// What all pages of a file come to.
#[derive(Default)]
struct Sums {
    unpacked: usize,
    values: usize,
    /// Bytes of values of a fixed width, written out.
    fixed: usize,
}

/// What a page's header says.
#[derive(Default)]
struct Page {
    kind: Option<i64>,
    unpacked: Option<i64>,
    packed: Option<i64>,
    values: Option<i64>,
    encoding: Option<i64>,
    levels: [Option<i64>; 2],
}

impl Sums {
    fn chunk(&mut self, file: &[u8], chunk: &ColumnChunkMetaData, rows: i64) -> Result<(), FaultKind> {
        let is_read = matches!(
            chunk.compression(),
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW
        );
        if !is_read {
            return Err(FaultKind::UnsupportedEncoding);
        }
        let number = |number: i64| usize::try_from(number).map_err(|_| FaultKind::BadMessage);
        let start = number(chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()))?;
        let length = number(chunk.compressed_size())?;
        let values = number(chunk.num_values())?;
        let flat = chunk.column_descr().max_rep_level() == 0;
        if start < MAGIC.len()
            || number(chunk.data_page_offset())? < start
            || flat && chunk.num_values() != rows
        {
            return Err(FaultKind::BadMessage);
        }
        let end = start.checked_add(length).ok_or(FaultKind::BadMessage)?;
        let bytes = file.get(start..end).ok_or(FaultKind::BadMessage)?;
        self.values = self.values.saturating_add(values);
        if chunk.column_type() == Type::FIXED_LEN_BYTE_ARRAY {
            let width = number(chunk.column_descr().type_length().into())?;
            self.fixed = self.fixed.saturating_add(width.saturating_mul(values));
        }
        if self.values > VALUES_MAX || self.fixed > UNPACKED_BYTES_MAX {
            return Err(FaultKind::TooManyValues);
        }
        let is_packed = chunk.compression() != Compression::UNCOMPRESSED;
        if self.pages(bytes, is_packed)? == values { Ok(()) } else { Err(FaultKind::BadMessage) }
    }

    /// Judges the pages of a chunk, which fill it; gives how many values they hold.
    fn pages(&mut self, mut bytes: &[u8], is_packed: bool) -> Result<usize, FaultKind> {
        let mut values = 0_usize;
        while !bytes.is_empty() {
            let mut page = Page::default();
            let header = structure(bytes, &mut |path, met| page.take(path, met));
            let header = header.ok_or(FaultKind::BadMessage)?;
            let packed = Page::length(page.packed)?;
            let unpacked = Page::length(page.unpacked)?;
            if !is_packed && packed != unpacked {
                return Err(FaultKind::BadMessage);
            }
            self.unpacked = self.unpacked.saturating_add(unpacked);
            if self.unpacked > UNPACKED_BYTES_MAX {
                return Err(FaultKind::MessageTooLong);
            }
            values = values.saturating_add(page.values(packed.min(unpacked), unpacked)?);
            bytes = bytes.get(header.saturating_add(packed)..).ok_or(FaultKind::BadMessage)?;
        }
        Ok(values)
    }
}

impl Page {
    fn take(&mut self, path: &[i16], met: Met) {
        let Met::Number(number) = met else { return };
        let place = match path {
            [1] => &mut self.kind,
            [2] => &mut self.unpacked,
            [3] => &mut self.packed,
            [5 | 7 | 8, 1] => &mut self.values,
            [5 | 7, 2] | [8, 4] => &mut self.encoding,
            [8, 5] => &mut self.levels[0],
            [8, 6] => &mut self.levels[1],
            _ => return,
        };
        *place = Some(number);
    }

    fn length(number: Option<i64>) -> Result<usize, FaultKind> {
        number.and_then(|number| usize::try_from(number).ok()).ok_or(FaultKind::BadMessage)
    }

    /// The values of a page of data; none of a dictionary.
    fn values(&self, shorter: usize, unpacked: usize) -> Result<usize, FaultKind> {
        let values = Page::length(self.values)?;
        // Plain, of a dictionary, runs. Those made of differences say how much is to be allocated.
        if !matches!(self.encoding, Some(0 | 2 | 3 | 8)) {
            return Err(FaultKind::UnsupportedEncoding);
        }
        let levels = self.levels.map(|bytes| bytes.unwrap_or(0));
        let level_bytes = levels.iter().try_fold(0_i64, |all, bytes| all.checked_add(*bytes));
        let level_bytes = level_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        if levels.iter().any(|bytes| *bytes < 0) || level_bytes.is_none_or(|bytes| bytes > shorter) {
            return Err(FaultKind::BadMessage);
        }
        match self.kind {
            Some(0 | 3) => Ok(values),
            // Each takes a byte at least.
            Some(2) if values <= unpacked => Ok(0),
            _ => Err(FaultKind::BadMessage),
        }
    }
}
