//! Whether a schema says nothing that cannot be, before anything is built of it.
//!
//! ```text
//! big-endian, 4,097 columns, a list of -1 elements, a decimal of 300 digits: faults
//! ```

use super::limits::COLUMNS_MAX;
use crate::engine::mask::plan::FaultKind;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{Endianness, Field, Type};
use arrow_schema::{DataType, Schema};

/// The schema of a stream, checked.
///
/// # Errors
/// It is not little-endian, too wide or deep, or contradicts itself.
pub(super) fn read(message: arrow_ipc::Schema<'_>, depth_max: usize) -> Result<Schema, FaultKind> {
    if message.endianness() != Endianness::Little {
        return Err(FaultKind::UnsupportedEncoding);
    }
    let mut columns = 0;
    for field in message.fields().into_iter().flatten() {
        count_columns(&field, depth_max, &mut columns)?;
    }
    let schema = try_fb_to_schema(message).map_err(|_| FaultKind::BadMessage)?;
    schema.fields().iter().try_for_each(|field| is_sound(field.data_type()))?;
    Ok(schema)
}

/// Counts before anything is built of the fields.
fn count_columns(field: &Field<'_>, depth_left: usize, columns: &mut usize) -> Result<(), FaultKind> {
    let depth_left = depth_left.checked_sub(1).ok_or(FaultKind::TooDeep)?;
    *columns += 1;
    if *columns > COLUMNS_MAX {
        return Err(FaultKind::TooManyColumns);
    }
    let children = field.children();
    // The ids of its types are one byte each.
    if field.type_type() == Type::Union && children.is_some_and(|children| children.len() > 127) {
        return Err(FaultKind::BadMessage);
    }
    children.into_iter().flatten().try_for_each(|child| count_columns(&child, depth_left, columns))
}

/// Types that say something impossible of themselves.
pub(super) fn is_sound(data_type: &DataType) -> Result<(), FaultKind> {
    let sound = match data_type {
        DataType::FixedSizeBinary(width) => *width >= 0,
        DataType::FixedSizeList(child, size) => {
            is_sound(child.data_type())?;
            *size >= 0
        }
        DataType::Decimal32(precision, scale) => is_decimal(*precision, *scale, 9),
        DataType::Decimal64(precision, scale) => is_decimal(*precision, *scale, 18),
        DataType::Decimal128(precision, scale) => is_decimal(*precision, *scale, 38),
        DataType::Decimal256(precision, scale) => is_decimal(*precision, *scale, 76),
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child) => return is_sound(child.data_type()),
        DataType::Struct(fields) => {
            return fields.iter().try_for_each(|field| is_sound(field.data_type()));
        }
        DataType::Map(entries, _) => {
            is_sound(entries.data_type())?;
            matches!(entries.data_type(), DataType::Struct(fields) if fields.len() == 2)
        }
        DataType::Dictionary(keys, values) => {
            is_sound(values)?;
            keys.is_dictionary_key_type()
        }
        DataType::RunEndEncoded(ends, values) => {
            is_sound(values.data_type())?;
            ends.data_type().is_run_ends_type() && !ends.is_nullable()
        }
        DataType::Union(fields, _) => {
            return fields.iter().try_for_each(|(_, field)| is_sound(field.data_type()));
        }
        _ => true,
    };
    if sound { Ok(()) } else { Err(FaultKind::BadMessage) }
}

fn is_decimal(precision: u8, scale: i8, digits: u8) -> bool {
    (1..=digits).contains(&precision) && scale.unsigned_abs() <= precision
}
