//! Whether one record leaves: the same judgement in every format.
//!
//! A walker that holds a record whole finds what the judge asks for, by name in documents and lines, by
//! column in tables, and asks about each.

use super::pluck::{Unreadable, pluck, pluck_cells};
use super::{Order, SieveSpec};
use crate::engine::mask::FaultKind;
use std::borrow::Cow;
use std::sync::Arc;

/// A member or cell that the judge asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine::mask) enum Found<'a> {
    /// No such member or column.
    #[default]
    Absent,
    /// A text, or a whole number in its one form.
    Text(Cow<'a, str>),
    /// Something else: no value, a truth value, a fraction, a container.
    Other,
}

/// What is asked of each record of one answer.
pub(in crate::engine::mask) struct Judge {
    pub(super) spec: Arc<SieveSpec>,
    pub(super) order: Order,
    /// By row filter, or of a suppressed count, its path in the record.
    wanted: Vec<(Option<usize>, Vec<Box<str>>)>,
}

impl Judge {
    pub(in crate::engine::mask) fn new(spec: Arc<SieveSpec>, order: Order) -> Judge {
        let rows = spec.rows.iter().enumerate().map(|(place, path)| (Some(place), path.clone()));
        let counts = spec.counts.iter().enumerate();
        let counts = counts.filter(|(place, count)| count.in_records && order.suppresses(*place));
        let wanted = rows.chain(counts.map(|(_, count)| (None, count.path.clone()))).collect();
        Judge { spec, order, wanted }
    }

    /// Every record leaves.
    pub(in crate::engine::mask) fn is_idle(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Sums over all records tell of records that do not leave.
    pub(in crate::engine::mask) fn withholds_totals(&self) -> bool {
        self.order.totals_withheld || self.wanted.iter().any(|(row, _)| row.is_none())
    }

    /// Whether a record written as an object leaves.
    ///
    /// # Errors
    /// It is not one JSON value, or says a wanted member twice.
    pub(in crate::engine::mask) fn takes(&self, record: &[u8]) -> Result<bool, Unreadable> {
        let paths: Vec<&[Box<str>]> = self.wanted.iter().map(|(_, path)| path.as_slice()).collect();
        let found = pluck(record, &paths)?;
        Ok(found.iter().enumerate().all(|(place, found)| self.admits(place, found)))
    }

    /// Whether what was found for the wanted field at `place` lets the record leave: every filter holds,
    /// and no suppressed count is below the smallest group.
    fn admits(&self, place: usize, found: &Found<'_>) -> bool {
        let Some((row, _)) = self.wanted.get(place) else { return false };
        match (row, found) {
            (Some(row), Found::Text(text)) => {
                self.order.wanted.get(*row).is_some_and(|wanted| **wanted == **text)
            }
            (Some(_), Found::Absent | Found::Other) => false,
            (None, Found::Absent) => true,
            (None, Found::Text(text)) => self.is_large(text.as_bytes()),
            (None, Found::Other) => false,
        }
    }

    /// A count that may be told.
    pub(super) fn is_large(&self, count: &[u8]) -> bool {
        number(count).is_some_and(|number| number >= self.spec.group_min)
    }
}

/// A judge of rows whose cells are told apart by their column.
pub(in crate::engine::mask) struct RowJudge {
    judge: Judge,
    columns: usize,
    /// By wanted field: its column.
    places: Vec<Option<usize>>,
}

impl RowJudge {
    /// # Errors
    /// [`FaultKind::DuplicateKey`]: a wanted column twice.
    pub(in crate::engine::mask) fn new(judge: Judge, names: &[&[u8]]) -> Result<RowJudge, FaultKind> {
        let mut places = Vec::with_capacity(judge.wanted.len());
        for (_, path) in &judge.wanted {
            let [name] = path.as_slice() else {
                places.push(None);
                continue;
            };
            let mut named = names.iter().enumerate().filter(|(_, known)| **known == name.as_bytes());
            places.push(named.next().map(|(place, _)| place));
            if named.next().is_some() {
                return Err(FaultKind::DuplicateKey);
            }
        }
        Ok(RowJudge { judge, columns: names.len(), places })
    }

    /// What is asked, each with its column; none where the table has no such column.
    pub(in crate::engine::mask) fn asks(&self) -> impl Iterator<Item = (usize, Option<usize>)> {
        self.places.iter().copied().enumerate()
    }

    /// Whether the answer to a question lets the row leave.
    pub(in crate::engine::mask) fn admits(&self, asked: usize, found: &Found<'_>) -> bool {
        self.judge.admits(asked, found)
    }

    /// Whether a row written as a JSON array leaves.
    ///
    /// # Errors
    /// It is not one JSON array, or has more or fewer cells than there are columns.
    pub(in crate::engine::mask) fn takes_array(&self, row: &[u8]) -> Result<bool, FaultKind> {
        let (found, cells) = pluck_cells(row, &self.places).map_err(|Unreadable| FaultKind::Unexpected)?;
        if cells != self.columns {
            return Err(FaultKind::Ragged);
        }
        Ok(found.iter().enumerate().all(|(place, found)| self.judge.admits(place, found)))
    }
}

/// A whole number, also in quotes, as databases write large ones.
fn number(text: &[u8]) -> Option<u64> {
    let bare = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let sound = !bare.is_empty() && bare.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(bare).ok().filter(|_| sound)?.parse().ok()
}
