//! Kept values without what stands beside them.
//!
//! An array holds more than its values: what a null covers, also one of a struct around it, what is before,
//! behind and between texts and lists, the last byte's bits. Nobody sees it, so it may not leave. Where there
//! is nothing of that the array leaves as it came, without being copied.
//!
//! ```text
//! Int32 [1, null (was 7), 3]      [1, null (0), 3]
//! Utf8 offsets [2, 3], "xyz"      offsets [0, 1], "z"
//! ```

use super::forms::kept_field;
use super::limits::Room;
use super::spell::{Elements, elements, spelt};
use crate::engine::mask::plan::FaultKind;
use arrow_array::builder::{GenericByteBuilder, GenericByteViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type, StringViewType,
    Utf8Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    StructArray, make_array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, FieldRef, Fields};
use std::sync::Arc;

/// The array without anything that is not one of its values. `around` says what structs around it hide.
///
/// # Errors
/// It would become too long; a union.
pub(super) fn clean(
    array: &ArrayRef,
    around: Option<&NullBuffer>,
    room: &mut Room,
) -> Result<ArrayRef, FaultKind> {
    let array = &spelt(array, room)?;
    let seen = seen(array, around);
    let seen = seen.as_ref();
    match array.data_type() {
        DataType::Utf8 => texts::<Utf8Type>(array, seen, room),
        DataType::LargeUtf8 => texts::<LargeUtf8Type>(array, seen, room),
        DataType::Binary => texts::<BinaryType>(array, seen, room),
        DataType::LargeBinary => texts::<LargeBinaryType>(array, seen, room),
        DataType::Utf8View => views::<StringViewType>(array, seen, room),
        DataType::BinaryView => views::<BinaryViewType>(array, seen, room),
        DataType::Boolean => Ok(bools(array, seen)),
        DataType::Null => Ok(array.clone()),
        DataType::Struct(_) => structs(array, seen, room),
        DataType::List(field) | DataType::ListView(field) => {
            let Elements { lengths, values } = elements(array, seen)?;
            list_from::<i32>(kept_field(field)?, lengths, clean(&values, None, room)?, seen)
        }
        DataType::LargeList(field) | DataType::LargeListView(field) => {
            let Elements { lengths, values } = elements(array, seen)?;
            list_from::<i64>(kept_field(field)?, lengths, clean(&values, None, room)?, seen)
        }
        DataType::FixedSizeList(field, size) => {
            let inner = elements_seen(seen, *size)?;
            let values = clean(array.as_fixed_size_list().values(), inner.as_ref(), room)?;
            fixed_list_from(kept_field(field)?, *size, values, (array.len(), seen))
        }
        DataType::Map(..) => maps(array, seen, room),
        DataType::Union(..) => Err(FaultKind::UnsupportedType),
        _ => numbers(array, seen),
    }
}

/// Which rows are neither null nor hidden; none if all are seen.
pub(super) fn seen(array: &ArrayRef, around: Option<&NullBuffer>) -> Option<NullBuffer> {
    NullBuffer::union(array.nulls(), around).filter(|seen| seen.null_count() > 0)
}

/// The same of the elements of lists of one size.
pub(super) fn elements_seen(seen: Option<&NullBuffer>, size: i32) -> Result<Option<NullBuffer>, FaultKind> {
    let size = usize::try_from(size).map_err(|_| FaultKind::BadMessage)?;
    Ok(seen.map(|seen| seen.expand(size)))
}

/// Which rows are seen, and no bit more.
fn whole_nulls(seen: Option<&NullBuffer>) -> Option<NullBuffer> {
    seen.map(|seen| NullBuffer::new(whole_bytes(seen.inner())))
}

/// Bits from a byte's first, with zeros behind the last.
fn whole_bytes(bits: &BooleanBuffer) -> BooleanBuffer {
    let length = bits.len();
    if bits.offset() == 0 && length.is_multiple_of(8) && bits.inner().len() == length / 8 {
        return bits.clone();
    }
    let mut bytes = bits.sliced().to_vec();
    bytes.truncate(length.div_ceil(8));
    if let (Some(last), left @ 1..) = (bytes.last_mut(), length % 8) {
        *last &= (1 << left) - 1;
    }
    BooleanBuffer::new(Buffer::from_vec(bytes), 0, length)
}

fn bools(array: &ArrayRef, seen: Option<&NullBuffer>) -> ArrayRef {
    let values = array.as_boolean().values();
    let values = match seen {
        Some(seen) => values & seen.inner(),
        None => values.clone(),
    };
    Arc::new(BooleanArray::new(whole_bytes(&values), whole_nulls(seen)))
}

/// Values of one width.
fn numbers(array: &ArrayRef, seen: Option<&NullBuffer>) -> Result<ArrayRef, FaultKind> {
    let width = match array.data_type() {
        DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
        data_type => data_type.primitive_width(),
    };
    let width = width.ok_or(FaultKind::UnsupportedType)?;
    let Some(seen) = seen else { return Ok(array.clone()) };
    let data = array.to_data();
    let from = data.offset() * width;
    let values = data.buffers().first().ok_or(FaultKind::BadMessage)?;
    let mut bytes = vec![0; array.len() * width];
    for (start, end) in seen.valid_slices() {
        let (to, source) = (start * width..end * width, from + start * width..from + end * width);
        let (Some(to), Some(source)) = (bytes.get_mut(to), values.get(source)) else {
            return Err(FaultKind::BadMessage);
        };
        to.copy_from_slice(source);
    }
    let data = ArrayData::builder(array.data_type().clone())
        .len(array.len())
        .add_buffer(Buffer::from_vec(bytes))
        .nulls(whole_nulls(Some(seen)))
        .align_buffers(true)
        .build();
    Ok(make_array(data.map_err(|_| FaultKind::BadMessage)?))
}

fn texts<T: ByteArrayType>(
    array: &ArrayRef,
    seen: Option<&NullBuffer>,
    room: &mut Room,
) -> Result<ArrayRef, FaultKind> {
    let texts = array.as_bytes::<T>();
    let ends = texts.value_offsets().first().zip(texts.value_offsets().last());
    let is_tight = ends
        .is_some_and(|(first, last)| first.as_usize() == 0 && last.as_usize() == texts.value_data().len());
    if seen.is_none() && is_tight {
        return Ok(array.clone());
    }
    let mut builder = GenericByteBuilder::<T>::with_capacity(array.len(), 0);
    for row in 0..array.len() {
        if seen.is_some_and(|seen| seen.is_null(row)) {
            builder.append_null();
        } else {
            let value: &T::Native = texts.value(row);
            room.take(AsRef::<[u8]>::as_ref(value).len())?;
            builder.append_value(value);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Always written anew: which bytes of their buffers views reach cannot be told from less.
fn views<T: ByteViewType>(
    array: &ArrayRef,
    seen: Option<&NullBuffer>,
    room: &mut Room,
) -> Result<ArrayRef, FaultKind> {
    let texts = array.as_byte_view::<T>();
    let mut builder = GenericByteViewBuilder::<T>::with_capacity(array.len());
    for row in 0..array.len() {
        if seen.is_some_and(|seen| seen.is_null(row)) {
            builder.append_null();
        } else {
            let value: &T::Native = texts.value(row);
            room.take(AsRef::<[u8]>::as_ref(value).len())?;
            builder.append_value(value);
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn structs(array: &ArrayRef, seen: Option<&NullBuffer>, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let whole = array.as_struct();
    let fields: Fields = whole.fields().iter().map(kept_field).collect::<Result<Fields, FaultKind>>()?;
    let columns: Result<Vec<ArrayRef>, FaultKind> =
        whole.columns().iter().map(|column| clean(column, seen, room)).collect();
    struct_from(fields, columns?, array.len(), seen)
}

fn maps(array: &ArrayRef, seen: Option<&NullBuffer>, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let DataType::Map(field, is_sorted) = array.data_type() else { return Err(FaultKind::BadMessage) };
    let elements = elements(array, seen)?;
    let entries = clean(&elements.values, None, room)?;
    let entries = entries.as_struct_opt().ok_or(FaultKind::BadMessage)?.clone();
    let offsets = OffsetBuffer::from_lengths(elements.lengths);
    let map = MapArray::try_new(kept_field(field)?, offsets, entries, whole_nulls(seen), *is_sorted);
    Ok(Arc::new(map.map_err(|_| FaultKind::BadMessage)?))
}

pub(super) fn struct_from(
    fields: Fields,
    columns: Vec<ArrayRef>,
    length: usize,
    seen: Option<&NullBuffer>,
) -> Result<ArrayRef, FaultKind> {
    let whole = StructArray::try_new_with_length(fields, columns, whole_nulls(seen), length);
    Ok(Arc::new(whole.map_err(|_| FaultKind::BadMessage)?))
}

/// Lists of these elements, which were taken out of others and may have been masked since.
pub(super) fn list_from<O: OffsetSizeTrait>(
    field: FieldRef,
    lengths: Vec<usize>,
    values: ArrayRef,
    seen: Option<&NullBuffer>,
) -> Result<ArrayRef, FaultKind> {
    let offsets = OffsetBuffer::<O>::from_lengths(lengths);
    let list = GenericListArray::try_new(field, offsets, values, whole_nulls(seen));
    Ok(Arc::new(list.map_err(|_| FaultKind::BadMessage)?))
}

pub(super) fn fixed_list_from(
    field: FieldRef,
    size: i32,
    values: ArrayRef,
    (length, seen): (usize, Option<&NullBuffer>),
) -> Result<ArrayRef, FaultKind> {
    let list = FixedSizeListArray::try_new_with_length(field, size, values, whole_nulls(seen), length);
    Ok(Arc::new(list.map_err(|_| FaultKind::BadMessage)?))
}
