//! The values of a column as scalars, one after the other.
//!
//! Dates and times are read as their ISO 8601 text; a timestamp with a zone is an instant, and read in
//! China's time, as masks read instants everywhere.
//!
//! ```text
//! Date32 7271                     1989-11-28
//! Timestamp(ms, UTC) 0            1970-01-01T08:00:00+08:00
//! Decimal128(9, 2) 1250           12.50
//! Float64 NaN                     null, as in JSON
//! ```

use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::scalar::Scalar;
use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::{as_datetime, as_time};
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};
use std::fmt::{Display, Write};

/// Given each value, with its row; none where a null struct around it hides it.
pub(super) type Visit<'v> = dyn FnMut(usize, Option<Scalar<'_>>) -> Result<(), FaultKind> + 'v;

/// Seconds of China's time before UTC.
const CHINA_SECONDS: i64 = 8 * 3600;

/// What is read of a column: an array that is not encoded, and what structs around it hide.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) array: &'a dyn Array,
    pub(super) around: Option<&'a NullBuffer>,
}

impl<'a> Values<'a> {
    /// How many are not hidden.
    pub(super) fn seen(&self) -> u64 {
        let hidden = self.around.map_or(0, NullBuffer::null_count);
        (self.array.len().saturating_sub(hidden)) as u64
    }

    fn is_hidden(&self, row: usize) -> bool {
        self.around.is_some_and(|around| around.is_null(row))
    }

    /// Visits each value of a text, number, truth value or moment.
    pub(super) fn each(&self, visit: &mut Visit<'_>) -> Result<(), FaultKind> {
        let array = self.array;
        match array.data_type() {
            DataType::Utf8 => self.texts(array.as_string::<i32>().iter(), visit),
            DataType::LargeUtf8 => self.texts(array.as_string::<i64>().iter(), visit),
            DataType::Utf8View => self.texts(array.as_string_view().iter(), visit),
            DataType::Boolean => {
                let values = array.as_boolean();
                self.scalars(visit, |row| Scalar::Bool(values.value(row)))
            }
            DataType::Null => self.scalars(visit, |_| Scalar::Null),
            DataType::Int8 => self.numbers::<Int8Type, _>(visit, Some),
            DataType::Int16 => self.numbers::<Int16Type, _>(visit, Some),
            DataType::Int32 => self.numbers::<Int32Type, _>(visit, Some),
            DataType::Int64 => self.numbers::<Int64Type, _>(visit, Some),
            DataType::UInt8 => self.numbers::<UInt8Type, _>(visit, Some),
            DataType::UInt16 => self.numbers::<UInt16Type, _>(visit, Some),
            DataType::UInt32 => self.numbers::<UInt32Type, _>(visit, Some),
            DataType::UInt64 => self.numbers::<UInt64Type, _>(visit, Some),
            DataType::Float32 => self.numbers::<Float32Type, _>(visit, |v| v.is_finite().then_some(v)),
            DataType::Float64 => self.numbers::<Float64Type, _>(visit, |v| v.is_finite().then_some(v)),
            DataType::Decimal32(..) => self.decimals::<Decimal32Type>(visit),
            DataType::Decimal64(..) => self.decimals::<Decimal64Type>(visit),
            DataType::Decimal128(..) => self.decimals::<Decimal128Type>(visit),
            DataType::Decimal256(..) => self.decimals::<Decimal256Type>(visit),
            _ => self.moments(visit),
        }
    }

    fn moments(&self, visit: &mut Visit<'_>) -> Result<(), FaultKind> {
        match self.array.data_type() {
            DataType::Date32 => self.dates::<Date32Type>(visit),
            DataType::Date64 => self.dates::<Date64Type>(visit),
            DataType::Time32(TimeUnit::Second) => self.times::<Time32SecondType>(visit),
            DataType::Time32(_) => self.times::<Time32MillisecondType>(visit),
            DataType::Time64(TimeUnit::Microsecond) => self.times::<Time64MicrosecondType>(visit),
            DataType::Time64(_) => self.times::<Time64NanosecondType>(visit),
            DataType::Timestamp(unit, zone) => {
                let zoned = zone.is_some();
                match unit {
                    TimeUnit::Second => self.instants::<TimestampSecondType>(zoned, 1, visit),
                    TimeUnit::Millisecond => self.instants::<TimestampMillisecondType>(zoned, 1000, visit),
                    TimeUnit::Microsecond => {
                        self.instants::<TimestampMicrosecondType>(zoned, 1_000_000, visit)
                    }
                    TimeUnit::Nanosecond => {
                        self.instants::<TimestampNanosecondType>(zoned, 1_000_000_000, visit)
                    }
                }
            }
            _ => Err(FaultKind::UnsupportedType),
        }
    }

    fn texts<'t>(
        &self,
        values: impl Iterator<Item = Option<&'t str>>,
        visit: &mut Visit<'_>,
    ) -> Result<(), FaultKind> {
        for (row, value) in values.enumerate() {
            let scalar = value.map_or(Scalar::Null, Scalar::Text);
            visit(row, (!self.is_hidden(row)).then_some(scalar))?;
        }
        Ok(())
    }

    fn scalars<'s>(
        &self,
        visit: &mut Visit<'_>,
        value: impl Fn(usize) -> Scalar<'s>,
    ) -> Result<(), FaultKind> {
        for row in 0..self.array.len() {
            let scalar = if self.array.is_null(row) { Scalar::Null } else { value(row) };
            visit(row, (!self.is_hidden(row)).then_some(scalar))?;
        }
        Ok(())
    }

    /// Values that are written into one buffer, one after the other; those that cannot be are null.
    fn written(
        &self,
        visit: &mut Visit<'_>,
        is_number: bool,
        write: impl Fn(usize, &mut String) -> Option<()>,
    ) -> Result<(), FaultKind> {
        let mut text = String::new();
        for row in 0..self.array.len() {
            if self.is_hidden(row) {
                visit(row, None)?;
                continue;
            }
            text.clear();
            let written = if self.array.is_null(row) { None } else { write(row, &mut text) };
            let scalar = match written {
                None => Scalar::Null,
                Some(()) if is_number => Scalar::Number(&text),
                Some(()) => Scalar::Text(&text),
            };
            visit(row, Some(scalar))?;
        }
        Ok(())
    }

    fn numbers<T: ArrowPrimitiveType, D: Display>(
        &self,
        visit: &mut Visit<'_>,
        number: impl Fn(T::Native) -> Option<D>,
    ) -> Result<(), FaultKind> {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.written(visit, true, |row, text| write!(text, "{}", number(values.value(row))?).ok())
    }

    fn decimals<T: DecimalType>(&self, visit: &mut Visit<'_>) -> Result<(), FaultKind> {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.written(visit, true, |row, text| {
            text.push_str(&values.value_as_string(row));
            Some(())
        })
    }

    fn dates<T: ArrowPrimitiveType>(&self, visit: &mut Visit<'_>) -> Result<(), FaultKind>
    where
        i64: From<T::Native>,
    {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.written(visit, false, |row, text| {
            write!(text, "{}", as_datetime::<T>(values.value(row).into())?.date()).ok()
        })
    }

    fn times<T: ArrowPrimitiveType>(&self, visit: &mut Visit<'_>) -> Result<(), FaultKind>
    where
        i64: From<T::Native>,
    {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.written(visit, false, |row, text| {
            write!(text, "{:?}", as_time::<T>(values.value(row).into())?).ok()
        })
    }

    fn instants<T: ArrowPrimitiveType<Native = i64>>(
        &self,
        zoned: bool,
        a_second: i64,
        visit: &mut Visit<'_>,
    ) -> Result<(), FaultKind> {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.written(visit, false, |row, text| {
            let later = if zoned { CHINA_SECONDS * a_second } else { 0 };
            let moment = as_datetime::<T>(values.value(row).checked_add(later)?)?;
            let zone = if zoned { "+08:00" } else { "" };
            write!(text, "{moment:?}{zone}").ok()
        })
    }
}
