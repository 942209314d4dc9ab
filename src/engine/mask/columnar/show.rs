//! Columns shown value by value, through the one door.
//!
//! What leaves has the type that was decided with the schema. What a mask made that is not of that type,
//! and what it could not treat, is null.
//!
//! ```text
//! Utf8 "李明", PARTIAL       Utf8 "李*"
//! Int64 45000, GENERALISED   Int64 30000
//! Int64 45000, VERIFY        Boolean true
//! ```

use super::limits::Room;
use super::read::Values;
use crate::engine::mask::links;
use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::scalar::{Scalar, View};
use crate::engine::mask::showing::{Fate, Showing};
use arrow_array::builder::{BooleanBuilder, GenericStringBuilder, PrimitiveBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, OffsetSizeTrait, PrimitiveArray, new_null_array};
use arrow_buffer::i256;
use arrow_schema::DataType;
use std::str::FromStr;
use std::sync::Arc;

/// One column being shown.
pub(super) struct Shower<'a> {
    pub(super) values: Values<'a>,
    pub(super) label: u16,
    pub(super) fate: Fate,
    pub(super) showing: &'a mut Showing,
    pub(super) room: &'a mut Room,
}

/// What is shown of one value. A kept text is only looked at where it may be a reference.
fn view<'s>(showing: &'s mut Showing, label: u16, fate: Fate, scalar: Scalar<'_>) -> View<'s> {
    let is_plain = match scalar {
        Scalar::Text(text) => !links::may_begin(text.as_bytes(), false),
        Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null => true,
    };
    if fate == Fate::Keep && is_plain { View::Kept } else { showing.show(label, scalar) }
}

/// Whether something of a kept column of texts may be a reference.
pub(super) fn has_references(values: Values<'_>) -> Result<bool, FaultKind> {
    let mut found = false;
    values.each(&mut |_, value| {
        if let Some(Scalar::Text(text)) = value {
            found |= links::may_begin(text.as_bytes(), false);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Asks about values of which nothing leaves.
pub(super) fn ask(values: Values<'_>, label: u16, showing: &mut Showing) -> Result<(), FaultKind> {
    values.each(&mut |_, value| {
        if let Some(scalar) = value {
            showing.show(label, scalar);
        }
        Ok(())
    })
}

impl Shower<'_> {
    /// # Errors
    /// It would become too long.
    pub(super) fn show(self, shown: &DataType) -> Result<ArrayRef, FaultKind> {
        match shown {
            DataType::Utf8 => self.texts::<i32>(),
            DataType::LargeUtf8 => self.texts::<i64>(),
            DataType::Utf8View => self.views(),
            DataType::Boolean => self.bools(),
            DataType::Int8 => self.parsed::<Int8Type>(shown),
            DataType::Int16 => self.parsed::<Int16Type>(shown),
            DataType::Int32 => self.parsed::<Int32Type>(shown),
            DataType::Int64 => self.parsed::<Int64Type>(shown),
            DataType::UInt8 => self.parsed::<UInt8Type>(shown),
            DataType::UInt16 => self.parsed::<UInt16Type>(shown),
            DataType::UInt32 => self.parsed::<UInt32Type>(shown),
            DataType::UInt64 => self.parsed::<UInt64Type>(shown),
            DataType::Float32 => self.parsed::<Float32Type>(shown),
            DataType::Float64 => self.parsed::<Float64Type>(shown),
            DataType::Decimal32(_, scale) => self.decimals::<Decimal32Type>(shown, *scale),
            DataType::Decimal64(_, scale) => self.decimals::<Decimal64Type>(shown, *scale),
            DataType::Decimal128(_, scale) => self.decimals::<Decimal128Type>(shown, *scale),
            DataType::Decimal256(_, scale) => {
                self.numbers::<Decimal256Type>(shown, |text| i256::from_string(&unscaled(text, *scale)?))
            }
            DataType::Null => self.nulls(),
            _ => Err(FaultKind::UnsupportedType),
        }
    }

    /// Gives each value, what is shown of it as a text, and its row.
    fn each_text(self, mut write: impl FnMut(Option<&str>)) -> Result<(), FaultKind> {
        let Shower { values, label, fate, showing, room } = self;
        let mut joined = String::new();
        values.each(&mut |_, value| {
            let shown = value.map(|scalar| (view(showing, label, fate, scalar), scalar));
            let text = match shown {
                Some((View::Text(text) | View::Number(text), _)) => Some(text),
                Some((View::Kept, Scalar::Text(text) | Scalar::Number(text))) => Some(text),
                Some((View::Ends(ends), Scalar::Text(text))) => {
                    ends.join(text, &mut joined);
                    Some(joined.as_str())
                }
                Some((View::Kept | View::Ends(_) | View::Bool(_) | View::Null | View::Absent, _)) | None => {
                    None
                }
            };
            room.take(text.map_or(0, str::len))?;
            write(text);
            Ok(())
        })
    }

    fn texts<O: OffsetSizeTrait>(self) -> Result<ArrayRef, FaultKind> {
        let mut builder = GenericStringBuilder::<O>::with_capacity(self.values.array.len(), 0);
        self.each_text(|text| builder.append_option(text))?;
        Ok(Arc::new(builder.finish()))
    }

    fn views(self) -> Result<ArrayRef, FaultKind> {
        let mut builder = StringViewBuilder::with_capacity(self.values.array.len());
        self.each_text(|text| builder.append_option(text))?;
        Ok(Arc::new(builder.finish()))
    }

    fn bools(self) -> Result<ArrayRef, FaultKind> {
        let Shower { values, label, fate, showing, .. } = self;
        let mut builder = BooleanBuilder::with_capacity(values.array.len());
        values.each(&mut |_, value| {
            let shown = value.map(|scalar| (view(showing, label, fate, scalar), scalar));
            builder.append_option(match shown {
                Some((View::Bool(shown), _) | (View::Kept, Scalar::Bool(shown))) => Some(shown),
                Some((View::Kept | View::Text(_) | View::Ends(_) | View::Number(_), _)) => None,
                Some((View::Null | View::Absent, _)) | None => None,
            });
            Ok(())
        })?;
        Ok(Arc::new(builder.finish()))
    }

    fn nulls(self) -> Result<ArrayRef, FaultKind> {
        let length = self.values.array.len();
        ask(self.values, self.label, self.showing)?;
        Ok(new_null_array(&DataType::Null, length))
    }

    fn parsed<T: ArrowPrimitiveType<Native: FromStr>>(self, shown: &DataType) -> Result<ArrayRef, FaultKind> {
        self.numbers::<T>(shown, |text| text.parse().ok())
    }

    fn decimals<T: ArrowPrimitiveType<Native: FromStr>>(
        self,
        shown: &DataType,
        scale: i8,
    ) -> Result<ArrayRef, FaultKind> {
        self.numbers::<T>(shown, |text| unscaled(text, scale)?.parse().ok())
    }

    fn numbers<T: ArrowPrimitiveType>(
        self,
        shown: &DataType,
        read: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef, FaultKind> {
        let Shower { values, label, fate, showing, .. } = self;
        let before: Option<&PrimitiveArray<T>> = values.array.as_primitive_opt();
        let builder = PrimitiveBuilder::<T>::with_capacity(values.array.len());
        let mut builder = builder.with_data_type(shown.clone());
        values.each(&mut |row, value| {
            let shown = value.map(|scalar| view(showing, label, fate, scalar));
            builder.append_option(match shown {
                Some(View::Number(number)) => read(number),
                Some(View::Kept) => {
                    before.filter(|before| before.is_valid(row)).map(|before| before.value(row))
                }
                Some(View::Text(_) | View::Ends(_) | View::Bool(_) | View::Null | View::Absent) | None => {
                    None
                }
            });
            Ok(())
        })?;
        Ok(Arc::new(builder.finish()))
    }
}

/// A decimal number as a whole number of its last place; none where it has more places.
fn unscaled(text: &str, scale: i8) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = usize::try_from(scale).ok()?;
    (fraction.len() <= places).then(|| format!("{whole}{fraction:0<places$}"))
}
