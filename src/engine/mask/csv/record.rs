//! One record: whether it leaves, and what is shown of its cells.

use super::cell;
use super::dialect::Formulas;
use super::rows::Cell;
use super::{Part, Table};
use crate::engine::mask::json::is_number;
use crate::engine::mask::links;
use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::scalar::{Scalar, View};
use crate::engine::mask::showing::Fate;
use crate::engine::mask::sieve::Found;
use std::ops::Range;

impl Table {
    pub(super) fn record(
        &mut self,
        row: &str,
        next: usize,
        cells: &[Cell],
        out: &mut Vec<u8>,
    ) -> Result<(), FaultKind> {
        if !self.takes(row, cells)? {
            self.showing.tally.filtered_records += 1;
            return Ok(());
        }
        if !self.parts.is_empty() && self.showing.is_full() {
            self.showing.tally.dropped_records += 1;
            return Ok(());
        }
        self.rows_seen += 1;
        let written = out.len();
        if self.parts.is_empty() {
            return Ok(());
        }
        for place in 0..self.parts.len() {
            if place > 0 {
                out.push(self.dialect.delimiter);
            }
            match self.parts.get(place) {
                Some(Part::Run(first, last)) => {
                    let run = *first..*last + 1;
                    self.run(row, run, cells, out).inspect_err(|_| out.truncate(written))?;
                }
                Some(Part::One(column)) => {
                    self.cell(row, *column, cells, out).inspect_err(|_| out.truncate(written))?;
                }
                None => {}
            }
        }
        self.line_break(row, next, cells, out);
        self.showing.tally.records += 1;
        Ok(())
    }

    /// Whether the row is one of the caller's, and of a group that is large enough.
    fn takes(&mut self, row: &str, cells: &[Cell]) -> Result<bool, FaultKind> {
        let Some(judge) = &self.row_judge else { return Ok(true) };
        for (asked, column) in judge.asks() {
            let found = match column.and_then(|column| cells.get(column)) {
                None => Found::Absent,
                Some(cell) => {
                    let raw = row.get(cell.raw.clone()).unwrap_or_default();
                    let content = cell::content(&self.dialect, cell, raw, &mut self.scratch);
                    let content = content.ok_or(FaultKind::InvalidUtf8)?;
                    let is_null = cell::is_null(&self.dialect, cell, raw);
                    if is_null { Found::Other } else { Found::Text(content.into()) }
                }
            };
            if !judge.admits(asked, &found) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes kept cells and what is between them; those that may be references are shown one by one.
    fn run(
        &mut self,
        row: &str,
        run: Range<usize>,
        cells: &[Cell],
        out: &mut Vec<u8>,
    ) -> Result<(), FaultKind> {
        let kept = cells.get(run.clone()).unwrap_or_default();
        let mut from = kept.first().map_or(0, |cell| cell.raw.start);
        if self.showing.reads_links() {
            for (cell, place) in kept.iter().zip(run) {
                let start = cell.raw.start + usize::from(cell.quoted);
                let text = row.get(start..cell.raw.end).unwrap_or_default();
                if links::may_begin(text.as_bytes(), false) {
                    out.extend_from_slice(row.get(from..cell.raw.start).unwrap_or_default().as_bytes());
                    self.cell(row, place, cells, out)?;
                    from = cell.raw.end;
                }
            }
        }
        let to = kept.last().map_or(0, |cell| cell.raw.end);
        out.extend_from_slice(row.get(from..to).unwrap_or_default().as_bytes());
        Ok(())
    }

    /// Writes what is shown of one cell.
    fn cell(&mut self, row: &str, place: usize, cells: &[Cell], out: &mut Vec<u8>) -> Result<(), FaultKind> {
        let (Some(cell), Some(column)) = (cells.get(place), self.columns.get(place)) else { return Ok(()) };
        let raw = row.get(cell.raw.clone()).unwrap_or_default();
        let dialect = &self.dialect;
        let content = cell::content(dialect, cell, raw, &mut self.scratch).ok_or(FaultKind::InvalidUtf8)?;
        let scalar = if cell::is_null(dialect, cell, raw) {
            Scalar::Null
        } else if column.numeric && is_number(content) {
            Scalar::Number(content)
        } else {
            Scalar::Text(content)
        };
        let shown = match (column.label, column.fate) {
            (Some(label), Fate::Keep | Fate::Mask | Fate::Look) => self.showing.show(label, scalar),
            (None, _) | (Some(_), Fate::Drop) => View::Absent,
        };
        let text = match shown {
            View::Kept => content,
            View::Text(text) | View::Number(text) => text,
            View::Bool(_) | View::Null | View::Absent => "",
        };
        if dialect.formulas != Formulas::Keep && cell::is_formula(text) {
            if dialect.formulas == Formulas::Refuse {
                return Err(FaultKind::Formula);
            }
            self.writer.text(&format!("'{text}"), cell.quoted, out);
        } else if shown == View::Kept {
            out.extend_from_slice(raw.as_bytes());
        } else {
            self.writer.write(shown, cell.quoted, out);
        }
        Ok(())
    }

    /// As the row's own; a row without one gets one where another may follow.
    pub(super) fn line_break(&self, row: &str, next: usize, cells: &[Cell], out: &mut Vec<u8>) {
        let end = cells.last().map_or(next, |cell| cell.raw.end);
        out.extend_from_slice(row.get(end..next).unwrap_or_default().as_bytes());
    }
}
