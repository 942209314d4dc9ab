//! One record: whether it leaves, and what is shown of its cells.

use super::cell;
use super::dialect::Formulas;
use super::rows::Cell;
use super::{Column, Table};
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
        if self.parts.is_empty() {
            return Ok(());
        }
        let written = out.len();
        for place in 0..self.parts.len() {
            if place > 0 {
                out.push(self.dialect.delimiter);
            }
            self.part(row, next, place, cells, out).inspect_err(|_| out.truncate(written))?;
        }
        if !self.columns.last().is_some_and(Column::is_shown) {
            self.line_break(row, next, cells, out);
        }
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

    /// Writes cells that stand side by side and what is between them, as they were written but for what is
    /// shown instead of some; with the row's last, its line break.
    fn part(
        &mut self,
        row: &str,
        next: usize,
        place: usize,
        cells: &[Cell],
        out: &mut Vec<u8>,
    ) -> Result<(), FaultKind> {
        let Some(part) = self.parts.get(place).cloned() else { return Ok(()) };
        let leaving = cells.get(part.columns.clone()).unwrap_or_default();
        let ends_row = part.columns.end == cells.len();
        // What stands from here on is not written yet.
        let mut from = leaving.first().map_or(0, |cell| cell.raw.start);
        if part.is_asked || self.showing.reads_links() {
            for (cell, place) in leaving.iter().zip(part.columns) {
                let Some(column) = self.columns.get(place).copied() else { continue };
                if column.is_asked || self.may_be_reference(row, cell) {
                    from = self.cell(row, from, (cell, column), out)?;
                }
            }
        }
        let end = leaving.last().map_or(0, |cell| cell.raw.end);
        copy(row, from..if ends_row { next } else { end }, out);
        Ok(())
    }

    #[inline]
    fn may_be_reference(&self, row: &str, cell: &Cell) -> bool {
        let start = cell.raw.start + usize::from(cell.quoted);
        let text = row.as_bytes().get(start..cell.raw.end).unwrap_or_default();
        self.showing.reads_links() && links::may_begin(text, false)
    }

    /// Writes what stands from `from` on before a cell, and what is shown of that; gives from where on the
    /// row is to be written then.
    fn cell(
        &mut self,
        row: &str,
        from: usize,
        (cell, column): (&Cell, Column),
        out: &mut Vec<u8>,
    ) -> Result<usize, FaultKind> {
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
        let keeps_formulas = dialect.formulas == Formulas::Keep;
        if keeps_formulas
            && let View::Ends(ends) = shown
            && !cell.escaped
            && self.writer.stands(ends, content, cell.quoted)
        {
            let quote = usize::from(cell.quoted);
            let (stars, after) = (cell.raw.start + quote + ends.first, cell.raw.end - quote - ends.last);
            copy(row, from..stars, out);
            out.resize(out.len() + ends.stars, b'*');
            return Ok(after);
        }
        if keeps_formulas && shown == View::Kept {
            return Ok(from);
        }
        copy(row, from..cell.raw.start, out);
        let text = match shown {
            View::Kept => content,
            View::Text(text) | View::Number(text) => text,
            View::Ends(ends) => {
                ends.join(content, &mut self.joined);
                &self.joined
            }
            View::Bool(_) | View::Null | View::Absent => "",
        };
        if !keeps_formulas && cell::is_formula(text) {
            if dialect.formulas == Formulas::Refuse {
                return Err(FaultKind::Formula);
            }
            self.writer.text(&format!("'{text}"), cell.quoted, out);
        } else if shown == View::Kept {
            out.extend_from_slice(raw.as_bytes());
        } else {
            self.writer.write(shown, text, cell.quoted, out);
        }
        Ok(cell.raw.end)
    }

    /// As the row's own; a row without one gets one where another may follow.
    pub(super) fn line_break(&self, row: &str, next: usize, cells: &[Cell], out: &mut Vec<u8>) {
        let end = cells.last().map_or(next, |cell| cell.raw.end);
        copy(row, end..next, out);
    }
}

/// Cells begin and end between characters, so that this is text.
#[inline]
fn copy(row: &str, place: Range<usize>, out: &mut Vec<u8>) {
    out.extend_from_slice(row.as_bytes().get(place).unwrap_or_default());
}
