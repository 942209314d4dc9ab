//! Which records of a batch leave: the judge's questions, answered by columns.
//!
//! ```text
//! region Utf8 [330106, 330108], asked for 330106    [true, false]
//! ```

use super::limits::Room;
use super::read::Values;
use super::spell::spelt;
use super::{forms::Form, forms::form};
use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::scalar::Scalar;
use crate::engine::mask::sieve::{Found, RowJudge};
use arrow_array::{Array, ArrayRef, BooleanArray};

/// By row, whether it leaves. `column` gives a column by its place.
///
/// # Errors
/// A column cannot be read.
pub(super) fn taken<'a>(
    judge: &RowJudge,
    rows: usize,
    column: impl Fn(usize) -> Option<&'a ArrayRef>,
    room: &mut Room,
) -> Result<BooleanArray, FaultKind> {
    let mut taken = vec![true; rows];
    for (asked, place) in judge.asks() {
        let Some(array) = place.and_then(&column) else {
            let admits = judge.admits(asked, &Found::Absent);
            taken.iter_mut().for_each(|row| *row &= admits);
            continue;
        };
        let array = spelt(array, room)?;
        // As in documents, a fraction is nothing to compare.
        if form(array.data_type()) != Form::Text && !array.data_type().is_integer() {
            let admits = judge.admits(asked, &Found::Other);
            taken.iter_mut().for_each(|row| *row &= admits);
            continue;
        }
        let values = Values { array: array.as_ref(), around: None };
        values.each(&mut |row, value| {
            if let Some(row) = taken.get_mut(row) {
                *row &= judge.admits(asked, &found(value));
            }
            Ok(())
        })?;
    }
    Ok(BooleanArray::from(taken))
}

fn found(value: Option<Scalar<'_>>) -> Found<'_> {
    match value {
        Some(Scalar::Text(text) | Scalar::Number(text)) => Found::Text(text.into()),
        Some(Scalar::Bool(_) | Scalar::Null) | None => Found::Other,
    }
}
