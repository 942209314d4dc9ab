//! Whether a message's body is what its description says, before the arrow crates read it.
//!
//! They take a flatbuffer that is well-formed at its word: places outside the body, negative lengths, lengths
//! that are no whole number of offsets, sizes to unpack to. All of that is looked at here. What arrays
//! contain (texts, offsets, keys) they validate themselves.
//!
//! ```text
//! node: length, nulls          0 ≤ nulls ≤ length, all lengths together at most VALUES_MAX
//! buffer: offset, length       inside the body, all lengths together at most the body
//! of Utf8: bits, offsets, text widths 1, 4, 1
//! compressed buffer: 8 bytes   the unpacked length, all together at most UNPACKED_BYTES_MAX
//! ```

use super::limits::{UNPACKED_BYTES_MAX, VALUES_MAX};
use crate::engine::mask::plan::FaultKind;
use arrow_ipc::{BodyCompressionMethod, CompressionType, MetadataVersion, RecordBatch};
use arrow_schema::{DataType, UnionMode};

/// # Errors
/// The description contradicts the body or itself, or asks for too much. `types` are those of its columns.
pub(super) fn check<'t>(
    batch: &RecordBatch<'_>,
    body: &[u8],
    version: MetadataVersion,
    types: impl Iterator<Item = &'t DataType>,
) -> Result<(), FaultKind> {
    let rows = usize::try_from(batch.length()).map_err(|_| FaultKind::BadMessage)?;
    let mut values = rows;
    for node in batch.nodes().into_iter().flatten() {
        let length = usize::try_from(node.length()).map_err(|_| FaultKind::BadMessage)?;
        let nulls = usize::try_from(node.null_count()).map_err(|_| FaultKind::BadMessage)?;
        if nulls > length {
            return Err(FaultKind::BadMessage);
        }
        values = values.saturating_add(length);
    }
    if values > VALUES_MAX {
        return Err(FaultKind::TooManyValues);
    }
    let mut widths = Widths { found: Vec::new(), variadic: variadic(batch)?, version };
    types.for_each(|data_type| widths.of(data_type));
    buffers(batch, body, &widths.found)
}

/// How many buffers each column of views has.
fn variadic(batch: &RecordBatch<'_>) -> Result<Vec<usize>, FaultKind> {
    let most = batch.buffers().map_or(0, |buffers| buffers.len());
    let mut counts = Vec::new();
    for count in batch.variadicBufferCounts().into_iter().flatten() {
        let count = usize::try_from(count).ok().filter(|count| *count <= most);
        counts.push(count.ok_or(FaultKind::BadMessage)?);
    }
    counts.reverse();
    Ok(counts)
}

fn buffers(batch: &RecordBatch<'_>, body: &[u8], widths: &[usize]) -> Result<(), FaultKind> {
    let is_packed = is_packed(batch)?;
    let (mut lengths, mut unpacked) = (0_usize, 0_usize);
    let mut widths = widths.iter();
    for buffer in batch.buffers().into_iter().flatten() {
        let offset = usize::try_from(buffer.offset()).map_err(|_| FaultKind::BadMessage)?;
        let length = usize::try_from(buffer.length()).map_err(|_| FaultKind::BadMessage)?;
        let end = offset.checked_add(length).ok_or(FaultKind::BadMessage)?;
        let bytes = body.get(offset..end).ok_or(FaultKind::BadMessage)?;
        lengths = lengths.saturating_add(length);
        let whole = if is_packed { unpacked_bytes(bytes)? } else { length };
        unpacked = unpacked.saturating_add(whole);
        if !whole.is_multiple_of(widths.next().copied().unwrap_or(1)) {
            return Err(FaultKind::BadMessage);
        }
    }
    if lengths > body.len() {
        // Two buffers in one place: a small body would become large arrays.
        return Err(FaultKind::BadMessage);
    }
    if unpacked > UNPACKED_BYTES_MAX { Err(FaultKind::MessageTooLong) } else { Ok(()) }
}

/// Whether buffers are compressed, in a way that is known.
fn is_packed(batch: &RecordBatch<'_>) -> Result<bool, FaultKind> {
    let Some(compression) = batch.compression() else { return Ok(false) };
    let is_known = [CompressionType::LZ4_FRAME, CompressionType::ZSTD].contains(&compression.codec())
        && compression.method() == BodyCompressionMethod::BUFFER;
    if is_known { Ok(true) } else { Err(FaultKind::UnsupportedEncoding) }
}

/// The length that a compressed buffer says to have; -1 says that it is not compressed after all.
fn unpacked_bytes(buffer: &[u8]) -> Result<usize, FaultKind> {
    if buffer.is_empty() {
        return Ok(0);
    }
    let (length, rest) = buffer.split_first_chunk::<8>().ok_or(FaultKind::BadMessage)?;
    match i64::from_le_bytes(*length) {
        -1 => Ok(rest.len()),
        length => usize::try_from(length).map_err(|_| FaultKind::BadMessage),
    }
}

/// The widths of what buffers hold, in the order in which columns have them.
struct Widths {
    found: Vec<usize>,
    /// Last first.
    variadic: Vec<usize>,
    version: MetadataVersion,
}

impl Widths {
    fn of(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Null => {}
            DataType::Utf8 | DataType::Binary => self.found.extend([1, 4, 1]),
            DataType::LargeUtf8 | DataType::LargeBinary => self.found.extend([1, 8, 1]),
            DataType::Utf8View | DataType::BinaryView => {
                self.found.extend([1, 16]);
                let count = self.variadic.pop().unwrap_or(0);
                self.found.extend(std::iter::repeat_n(1, count));
            }
            DataType::List(child) | DataType::Map(child, _) => self.list(&[1, 4], child.data_type()),
            DataType::LargeList(child) => self.list(&[1, 8], child.data_type()),
            DataType::ListView(child) => self.list(&[1, 4, 4], child.data_type()),
            DataType::LargeListView(child) => self.list(&[1, 8, 8], child.data_type()),
            DataType::FixedSizeList(child, _) => self.list(&[1], child.data_type()),
            DataType::Struct(fields) => {
                self.found.push(1);
                fields.iter().for_each(|field| self.of(field.data_type()));
            }
            DataType::RunEndEncoded(ends, values) => {
                self.of(ends.data_type());
                self.of(values.data_type());
            }
            DataType::Dictionary(keys, _) => self.of(keys),
            DataType::Union(fields, mode) => {
                // Until version 5 they had bits of their own.
                let bits: &[usize] = if self.version < MetadataVersion::V5 { &[1, 1] } else { &[1] };
                self.found.extend_from_slice(bits);
                if *mode == UnionMode::Dense {
                    self.found.push(4);
                }
                fields.iter().for_each(|(_, field)| self.of(field.data_type()));
            }
            // Bits, or values of one width.
            _ => self.found.extend([1, data_type.primitive_width().unwrap_or(1)]),
        }
    }

    fn list(&mut self, own: &[usize], child: &DataType) {
        self.found.extend_from_slice(own);
        self.of(child);
    }
}
