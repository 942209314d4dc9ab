//! Columns spelt out: dictionaries and runs become plain values, lists lose the elements nobody sees.
//!
//! A dictionary holds values that no record refers to, or records that do not leave, so none leaves. What
//! a list's offsets pass over, what null lists span, and what views of lists do not reach is taken out.
//!
//! ```text
//! keys [0, 2, null] of [a, b, c]                 [a, c, null]
//! offsets [1, 2, 4], row 1 null, of [a, b, c, d]  lengths [1, 0] of [b]
//! ```

use super::limits::Room;
use crate::engine::mask::plan::FaultKind;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_select::take::take;
use std::ops::Range;

/// The column without dictionary and runs.
///
/// # Errors
/// It would become too long, or its values are containers.
pub(super) fn spelt(array: &ArrayRef, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let once = match array.data_type() {
        DataType::Dictionary(keys, _) => match **keys {
            DataType::Int8 => entries::<Int8Type>(array, room),
            DataType::Int16 => entries::<Int16Type>(array, room),
            DataType::Int32 => entries::<Int32Type>(array, room),
            DataType::Int64 => entries::<Int64Type>(array, room),
            DataType::UInt8 => entries::<UInt8Type>(array, room),
            DataType::UInt16 => entries::<UInt16Type>(array, room),
            DataType::UInt32 => entries::<UInt32Type>(array, room),
            DataType::UInt64 => entries::<UInt64Type>(array, room),
            _ => Err(FaultKind::BadMessage),
        },
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(array, room),
            DataType::Int32 => runs::<Int32Type>(array, room),
            DataType::Int64 => runs::<Int64Type>(array, room),
            _ => Err(FaultKind::BadMessage),
        },
        _ => return Ok(array.clone()),
    }?;
    // Runs of a dictionary's entries.
    spelt(&once, room)
}

fn entries<K: ArrowDictionaryKeyType>(array: &ArrayRef, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let dictionary = array.as_dictionary::<K>();
    let keys = dictionary.keys().iter().map(|key| key.map(arrow_buffer::ArrowNativeType::as_usize));
    let mut indices = Vec::with_capacity(array.len());
    for key in keys {
        indices.push(match key {
            Some(key) => Some(u32::try_from(key).map_err(|_| FaultKind::BadMessage)?),
            None => None,
        });
    }
    taken(dictionary.values(), UInt32Array::from(indices), room)
}

fn runs<R: RunEndIndexType>(array: &ArrayRef, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let run = array.as_run::<R>();
    let mut indices = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let place = u32::try_from(run.get_physical_index(row)).map_err(|_| FaultKind::BadMessage)?;
        indices.push(Some(place));
    }
    taken(run.values(), UInt32Array::from(indices), room)
}

fn taken(values: &ArrayRef, indices: UInt32Array, room: &mut Room) -> Result<ArrayRef, FaultKind> {
    let mut bytes = 0_usize;
    for index in indices.iter().flatten() {
        bytes = bytes.saturating_add(value_bytes(values, index as usize)?);
    }
    room.take(bytes)?;
    take(values.as_ref(), &indices, None).map_err(|_| FaultKind::BadMessage)
}

/// What one value takes where it is written again.
fn value_bytes(values: &ArrayRef, index: usize) -> Result<usize, FaultKind> {
    let in_range = index < values.len();
    Ok(match values.data_type() {
        DataType::Utf8 if in_range => values.as_string::<i32>().value_length(index) as usize,
        DataType::LargeUtf8 if in_range => values.as_string::<i64>().value_length(index) as usize,
        DataType::Binary if in_range => values.as_binary::<i32>().value_length(index) as usize,
        DataType::LargeBinary if in_range => values.as_binary::<i64>().value_length(index) as usize,
        DataType::FixedSizeBinary(width) => usize::try_from(*width).map_err(|_| FaultKind::BadMessage)?,
        data_type if data_type.is_nested() => match data_type {
            DataType::Dictionary(..) => 8,
            _ => return Err(FaultKind::UnsupportedType),
        },
        _ => 32,
    })
}

/// The elements of lists that are seen, and how many each row has.
pub(super) struct Elements {
    pub(super) lengths: Vec<usize>,
    pub(super) values: ArrayRef,
}

/// Takes a list apart. `seen` says which rows are neither null nor hidden.
///
/// # Errors
/// Views of lists that reach more elements than there are.
pub(super) fn elements(array: &ArrayRef, seen: Option<&NullBuffer>) -> Result<Elements, FaultKind> {
    let (ranges, values) = ranges(array)?;
    let is_seen = |row: &usize| seen.is_none_or(|seen| seen.is_valid(*row));
    let ranges: Vec<Range<usize>> =
        ranges.into_iter().enumerate().map(|(row, range)| if is_seen(&row) { range } else { 0..0 }).collect();
    let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
    let total = lengths.iter().fold(0_usize, |all, length| all.saturating_add(*length));
    if total > values.len() {
        return Err(FaultKind::TooManyValues);
    }
    let values = match run_of(&ranges) {
        Some(run) => values.slice(run.start, run.len()),
        None => {
            let places = ranges.into_iter().flatten().map(|place| u32::try_from(place).unwrap_or(u32::MAX));
            let places = UInt32Array::from_iter_values(places);
            take(values.as_ref(), &places, None).map_err(|_| FaultKind::BadMessage)?
        }
    };
    Ok(Elements { lengths, values })
}

/// All ranges as one, where each begins at the end of the one before.
fn run_of(ranges: &[Range<usize>]) -> Option<Range<usize>> {
    let mut run: Option<Range<usize>> = None;
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        match &mut run {
            None => run = Some(range.clone()),
            Some(run) if run.end == range.start => run.end = range.end,
            Some(_) => return None,
        }
    }
    Some(run.unwrap_or(0..0))
}

fn ranges(array: &ArrayRef) -> Result<(Vec<Range<usize>>, ArrayRef), FaultKind> {
    let of_offsets = |offsets: Vec<usize>| -> Vec<Range<usize>> {
        offsets.iter().zip(offsets.iter().skip(1)).map(|(start, end)| *start..*end).collect()
    };
    Ok(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets().iter().map(|at| *at as usize).collect();
            (of_offsets(offsets), list.values().clone())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.value_offsets().iter().map(|at| *at as usize).collect();
            (of_offsets(offsets), list.values().clone())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let offsets = map.value_offsets().iter().map(|at| *at as usize).collect();
            (of_offsets(offsets), std::sync::Arc::new(map.entries().clone()))
        }
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            let pairs = list.value_offsets().iter().zip(list.value_sizes());
            (pairs.map(|(at, size)| *at as usize..(*at + *size) as usize).collect(), list.values().clone())
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            let pairs = list.value_offsets().iter().zip(list.value_sizes());
            (pairs.map(|(at, size)| *at as usize..(*at + *size) as usize).collect(), list.values().clone())
        }
        _ => return Err(FaultKind::UnsupportedType),
    })
}
