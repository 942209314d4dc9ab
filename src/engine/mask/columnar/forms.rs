//! What a column's type is to a mask, and as which type it leaves.
//!
//! ```text
//! Dictionary(Int32, Utf8)  a text, leaves as Utf8
//! Timestamp(ms, zone)      a moment: a mask reads its ISO text and makes a text
//! FixedSizeBinary(16)      plain: no mask can treat it
//! ```

use crate::engine::mask::plan::FaultKind;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// A type, as far as masks tell types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    Text,
    Number,
    Bool,
    /// A date, a time of day, or both.
    Moment,
    /// Nothing but nulls.
    Null,
    /// Bytes, durations and what else no mask can treat.
    Plain,
    List(&'a FieldRef),
    /// As many elements in each row.
    FixedList(&'a FieldRef, i32),
    Struct(&'a Fields),
    Map,
    Union,
    /// A dictionary, or runs: the values are of this type.
    Spelt(&'a DataType),
}

pub(super) fn form(data_type: &DataType) -> Form<'_> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Form::Text,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Form::Number,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Form::Number,
        DataType::Float32 | DataType::Float64 => Form::Number,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Form::Number,
        DataType::Boolean => Form::Bool,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Form::Moment,
        DataType::Time32(_) | DataType::Time64(_) => Form::Moment,
        DataType::Null => Form::Null,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Form::Plain,
        DataType::FixedSizeBinary(_) | DataType::Float16 => Form::Plain,
        DataType::Duration(_) | DataType::Interval(_) => Form::Plain,
        DataType::List(child) | DataType::LargeList(child) => Form::List(child),
        DataType::ListView(child) | DataType::LargeListView(child) => Form::List(child),
        DataType::FixedSizeList(child, size) => Form::FixedList(child, *size),
        DataType::Struct(fields) => Form::Struct(fields),
        DataType::Map(..) => Form::Map,
        DataType::Union(..) => Form::Union,
        DataType::Dictionary(_, values) => Form::Spelt(values),
        DataType::RunEndEncoded(_, values) => Form::Spelt(values.data_type()),
    }
}

/// A list of this type's width, of other elements. Views leave as lists.
pub(super) fn list_of(data_type: &DataType, element: FieldRef) -> DataType {
    match data_type {
        DataType::LargeList(_) | DataType::LargeListView(_) => DataType::LargeList(element),
        DataType::FixedSizeList(_, size) => DataType::FixedSizeList(element, *size),
        _ => DataType::List(element),
    }
}

/// As which type a kept column leaves: the same, spelt out, without anybody's metadata.
///
/// # Errors
/// [`FaultKind::UnsupportedType`]: a union, whose rows have values that nobody sees.
pub(super) fn kept(data_type: &DataType) -> Result<DataType, FaultKind> {
    Ok(match (form(data_type), data_type) {
        (Form::Union, _) => return Err(FaultKind::UnsupportedType),
        (Form::Spelt(values), _) => kept(values)?,
        (Form::Struct(fields), _) => {
            DataType::Struct(fields.iter().map(kept_field).collect::<Result<Fields, FaultKind>>()?)
        }
        (Form::List(child) | Form::FixedList(child, _), _) => list_of(data_type, kept_field(child)?),
        (Form::Map, DataType::Map(entries, is_sorted)) => DataType::Map(kept_field(entries)?, *is_sorted),
        (Form::Map | Form::Text | Form::Number | Form::Bool, _) => data_type.clone(),
        (Form::Moment | Form::Null | Form::Plain, _) => data_type.clone(),
    })
}

pub(super) fn kept_field(field: &FieldRef) -> Result<FieldRef, FaultKind> {
    let data_type = kept(field.data_type())?;
    Ok(Arc::new(Field::new(field.name(), data_type, field.is_nullable())))
}
