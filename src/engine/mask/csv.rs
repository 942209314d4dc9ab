//! Tables as text, masked row by row: CSV, TSV, and what ClickHouse makes of them.
//!
//! One row is held, never the table; a row leaves whole or not at all. The walker knows where cells
//! begin and end; what becomes of a value is [`Showing`]'s. It may not guess a dialect, repair a row,
//! or let a byte pass of a row that it did not understand to its end.
//!
//! | met | outcome |
//! |---|---|
//! | a column that no path names, or whose label is not shown | left out, header and cells |
//! | a known column twice | fault |
//! | no column of which anything is shown | nothing leaves; rows are still read |
//! | a masked cell without a value, or that its mask cannot treat | an empty cell, or `\N` |
//! | a kept cell | stays byte for byte, quotes too |
//! | delimiters and line breaks inside quotes, doubled quotes, ClickHouse's escapes | as the dialect says |
//! | a quote inside a cell without quotes, or anything after the closing one | fault: readers differ |
//! | a row with more or fewer cells than columns, an empty line among several columns | fault |
//! | a CR that no LF follows, outside of quotes | fault: some readers end the row there |
//! | LF and CRLF as line breaks | both; each stays as it is |
//! | a byte order mark before the header | left out |
//! | bytes that are not UTF-8 | fault, in cells that are left out, too |
//! | the last row without line break | stays; where the dialect asks for one, fault |
//! | a row longer than `token_bytes_max` | fault |
//! | a cell that a spreadsheet would calculate | as the dialect says, masked or kept |
//! | no header | fault |
//! | a row outside the caller's rows, or of a small group | left out, see [`sieve`](super::sieve) |
//! | a filter's column that is not there, twice there | no row leaves; fault |
//!
//! Cells are texts, except that numbers of a column with a numeric ClickHouse type are numbers.
//!
//! ```
//! use std::sync::Arc;
//! use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
//! use zhamen::engine::mask::{Dialect, Format, LabelRule, MaskLimits, Masker, Plan, fields::FieldMap};
//! use zhamen::engine::terms::DisclosureMode;
//! let fields = FieldMap::compile(&[("$[*].name".into(), 0)]).unwrap();
//! let keep = LabelRule { mode: DisclosureMode::Clear, action: LabelAction::Keep, kind: None };
//! let token_key = TokenKey::derive(&[0; 32], "department", "matter").into();
//! let plan = Plan { actions: [keep].into(), token_key, claim: None, today: (2026, 1, 1), records_max: None, subject: None, watched: Default::default() };
//! let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
//! let format = Format::Table(Dialect::csv());
//! let mut masker = Masker::new(&format, Arc::new(fields), Arc::new(plan), limits);
//! let masked = masker.mask(b"secret,name\n1,\"a,b\"\n").unwrap();
//! assert_eq!(masked.as_bytes(), b"name\n\"a,b\"\n");
//! ```

mod cell;
mod dialect;
mod record;
mod rows;
mod stops;
#[cfg(test)]
mod tests;

pub use dialect::{Columns, Dialect, Formulas, Null, Quoting};

use super::Masked;
use super::columns::{is_numeric, places, shown_type};
use super::fields::{DEAD, FieldMap};
use super::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use super::showing::{Fate, Showing};
use super::sieve::{Judge, RowJudge};
use memchr::memchr;
use rows::{Cell, RowFault, Rows};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Masks one table.
pub(super) struct TableMasker {
    table: Table,
    rows: Rows,
    /// The row that the last piece cut.
    held: String,
    /// The character that the last piece cut.
    cut: Vec<u8>,
    /// Bytes of whole rows read.
    offset: u64,
}

struct Table {
    dialect: Dialect,
    writer: cell::Writer,
    fields: Arc<FieldMap>,
    limits: MaskLimits,
    showing: Showing,
    expect: Expect,
    columns: Vec<Column>,
    /// What leaves of a row.
    parts: Vec<Part>,
    scratch: Vec<u8>,
    /// A text and stars in it, where it is written anew.
    joined: String,
    /// Each has a value in every column.
    rows_seen: u64,
    /// Until the columns have their names.
    judge: Option<Judge>,
    row_judge: Option<RowJudge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The very first row.
    Header,
    Types,
    Record,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    label: Option<u16>,
    fate: Fate,
    /// Its cells do not leave as they are, or not unseen.
    is_asked: bool,
    numeric: bool,
}

/// Columns that stand side by side and leave.
#[derive(Clone, Debug)]
struct Part {
    columns: Range<usize>,
    /// One of them is [asked](Column::is_asked).
    is_asked: bool,
}

impl TableMasker {
    pub(super) fn new(
        dialect: &Dialect,
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> TableMasker {
        let mut table = Table {
            dialect: dialect.clone(),
            writer: cell::Writer::new(dialect),
            fields,
            limits,
            showing: Showing::new(plan),
            expect: Expect::Header,
            columns: Vec::new(),
            parts: Vec::new(),
            scratch: Vec::new(),
            joined: String::new(),
            rows_seen: 0,
            judge,
            row_judge: None,
        };
        if let Columns::Declared(names) = &dialect.columns {
            // What is wrong with declared names was said when the catalogue was read.
            let _ = table.name_columns(names.iter().map(|name| name.as_bytes()));
            table.expect = Expect::Record;
        }
        TableMasker { table, rows: Rows::new(dialect), held: String::new(), cut: Vec::new(), offset: 0 }
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        let written = out.0.len();
        let mut text = self.text(input)?;
        if !self.held.is_empty() {
            text = self.held_row(text, &mut out.0)?;
        }
        let read = self.whole_rows(text, &mut out.0)?;
        self.held.push_str(text.get(read..).unwrap_or_default());
        if self.held.len() > self.table.limits.token_bytes_max {
            return Err(self.fault((FaultKind::TokenTooLong, self.table.limits.token_bytes_max)));
        }
        let tally = &mut self.table.showing.tally;
        tally.bytes_in = tally.bytes_in.saturating_add(input.len() as u64);
        tally.bytes_out = tally.bytes_out.saturating_add((out.0.len() - written) as u64);
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        let held = mem::take(&mut self.held);
        if !held.is_empty() || !self.cut.is_empty() {
            if self.table.dialect.line_break_at_end {
                return Err(self.fault((FaultKind::Truncated, held.len())));
            }
            let written = out.0.len();
            if !self.cut.is_empty() {
                return Err(self.fault((FaultKind::InvalidUtf8, held.len())));
            }
            self.rows.read(held.as_bytes(), true).map_err(|fault| self.fault(fault))?;
            let taken = self.table.take(&held, held.len(), &self.rows.cells, &mut out.0);
            taken.map_err(|fault| self.fault(fault))?;
            let written = (out.0.len() - written) as u64;
            self.table.showing.tally.bytes_out = self.table.showing.tally.bytes_out.saturating_add(written);
        }
        match self.table.expect {
            Expect::Record => Ok(self.tally()),
            Expect::Header => Err(self.fault((FaultKind::Empty, 0))),
            Expect::Types => Err(self.fault((FaultKind::Truncated, 0))),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = self.table.showing.seen();
        for label in self.table.columns.iter().filter_map(|column| column.label) {
            if let Some(count) = tally.labels.get_mut(usize::from(label)) {
                *count += self.table.rows_seen;
            }
        }
        tally
    }

    /// Ends the row that the last piece cut, with as many lines as that takes; gives what is left of
    /// `text`, which is nothing as long as the row goes on.
    fn held_row<'a>(&mut self, mut text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, MaskFault> {
        let mut held = mem::take(&mut self.held);
        loop {
            let line = memchr(b'\n', text.as_bytes()).map_or(text.len(), |end| end + 1);
            let (line, rest) = text.split_at_checked(line).unwrap_or((text, ""));
            held.push_str(line);
            text = rest;
            let read = self.whole_rows(&held, out)?;
            held.drain(..read);
            if held.is_empty() || text.is_empty() {
                self.held = held;
                return Ok(text);
            }
        }
    }

    /// Masks the rows that end in `input`; gives where the row begins that does not.
    fn whole_rows(&mut self, input: &str, out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let mut read = 0;
        if self.offset == 0 && self.table.expect == Expect::Header && input.starts_with(BYTE_ORDER_MARK) {
            read = BYTE_ORDER_MARK.len_utf8();
            self.offset = read as u64;
        }
        while read < input.len() {
            let row = input.get(read..).unwrap_or_default();
            let next = self.rows.read(row.as_bytes(), false).map_err(|fault| self.fault(fault))?;
            let Some(next) = next else { break };
            if next > self.table.limits.token_bytes_max {
                return Err(self.fault((FaultKind::TokenTooLong, self.table.limits.token_bytes_max)));
            }
            let taken = self.table.take(row, next, &self.rows.cells, out);
            taken.map_err(|fault| self.fault(fault))?;
            self.rows.next_row();
            self.offset = self.offset.saturating_add(next as u64);
            read += next;
        }
        Ok(read)
    }

    /// The piece as text, read once for all its cells. A character that it cuts waits in `cut`; one that the
    /// last piece cut is added to `held`.
    fn text<'a>(&mut self, mut input: &'a [u8]) -> Result<&'a str, MaskFault> {
        while let (false, Some((byte, rest))) = (self.cut.is_empty(), input.split_first()) {
            self.cut.push(*byte);
            input = rest;
            match str::from_utf8(&self.cut) {
                Ok(character) => {
                    self.held.push_str(character);
                    self.cut.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.fault((FaultKind::InvalidUtf8, self.held.len()))),
            }
        }
        // The same answers as the standard library's, many bytes at once: this reads every byte of a table.
        let error = match simdutf8::compat::from_utf8(input) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let (text, cut) = input.split_at_checked(error.valid_up_to()).unwrap_or_default();
        let wrong = self.fault((FaultKind::InvalidUtf8, self.held.len() + text.len()));
        if error.error_len().is_some() {
            return Err(wrong);
        }
        self.cut.extend_from_slice(cut);
        str::from_utf8(text).map_err(|_| wrong)
    }

    fn fault(&self, (kind, at): RowFault) -> MaskFault {
        MaskFault { kind, offset: self.offset.saturating_add(at as u64) }
    }
}

impl Table {
    /// A whole row; `next` is where it ends, line break included.
    fn take(&mut self, row: &str, next: usize, cells: &[Cell], out: &mut Vec<u8>) -> Result<(), RowFault> {
        let at_fault = |kind| (kind, 0);
        match self.expect {
            Expect::Header => self.header(row, cells).map_err(at_fault)?,
            Expect::Types | Expect::Record if cells.len() != self.columns.len() => {
                return Err((FaultKind::Ragged, 0));
            }
            Expect::Types => self.types(row, next, cells, out).map_err(at_fault)?,
            Expect::Record => return self.record(row, next, cells, out).map_err(at_fault),
        }
        if self.expect == Expect::Header {
            self.raw_header(row, next, cells, out);
            let types = self.dialect.columns == Columns::HeaderAndTypes;
            self.expect = if types { Expect::Types } else { Expect::Record };
        } else {
            self.expect = Expect::Record;
        }
        Ok(())
    }

    fn header(&mut self, row: &str, cells: &[Cell]) -> Result<(), FaultKind> {
        let mut names = Vec::with_capacity(cells.len());
        for cell in cells {
            let raw = row.get(cell.raw.clone()).unwrap_or_default();
            let mut scratch = Vec::new();
            let name = cell::content(&self.dialect, cell, raw, &mut scratch);
            names.push(name.ok_or(FaultKind::BadHeader)?.to_owned());
        }
        self.name_columns(names.iter().map(|name| name.as_bytes()))
    }

    /// The names of what is shown, as they were written.
    fn raw_header(&self, row: &str, next: usize, cells: &[Cell], out: &mut Vec<u8>) {
        let mut first = true;
        for (cell, _) in cells.iter().zip(&self.columns).filter(|(_, column)| column.is_shown()) {
            if !mem::take(&mut first) {
                out.push(self.dialect.delimiter);
            }
            let raw = row.get(cell.raw.clone()).unwrap_or_default();
            out.extend_from_slice(raw.as_bytes());
        }
        if !first {
            self.line_break(row, next, cells, out);
        }
    }

    fn types(&mut self, row: &str, next: usize, cells: &[Cell], out: &mut Vec<u8>) -> Result<(), FaultKind> {
        let mut first = true;
        for (cell, column) in cells.iter().zip(&mut self.columns) {
            let raw = row.get(cell.raw.clone()).unwrap_or_default();
            let declared = cell::content(&self.dialect, cell, raw, &mut self.scratch);
            let declared = declared.ok_or(FaultKind::BadHeader)?;
            column.numeric = is_numeric(declared);
            if column.is_shown() {
                if !mem::take(&mut first) {
                    out.push(self.dialect.delimiter);
                }
                let shown = shown_type(&self.showing, column.label, declared, false);
                self.writer.text(&shown, cell.quoted, out);
            }
        }
        if !first {
            self.line_break(row, next, cells, out);
        }
        Ok(())
    }

    fn name_columns<'a>(&mut self, names: impl Iterator<Item = &'a [u8]>) -> Result<(), FaultKind> {
        let names: Vec<&[u8]> = names.collect();
        let places = places(&self.fields, &mut self.showing, names.iter().copied())?;
        self.row_judge = self.judge.take().map(|judge| RowJudge::new(judge, &names)).transpose()?;
        self.columns = places
            .into_iter()
            .map(|state| {
                let label = if state == DEAD { None } else { self.fields.state(state).label() };
                let fate = label.map_or(Fate::Drop, |label| self.showing.fate(label));
                let is_asked = fate != Fate::Keep || self.dialect.formulas != Formulas::Keep;
                Column { label, fate, is_asked, numeric: false }
            })
            .collect();
        self.parts = parts(&self.columns);
        Ok(())
    }
}

impl Column {
    fn is_shown(&self) -> bool {
        self.fate != Fate::Drop
    }
}

/// What leaves of each row.
fn parts(columns: &[Column]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (place, column) in columns.iter().enumerate().filter(|(_, column)| column.is_shown()) {
        match parts.last_mut() {
            Some(part) if part.columns.end == place => {
                part.columns.end += 1;
                part.is_asked |= column.is_asked;
            }
            _ => parts.push(Part { columns: place..place + 1, is_asked: column.is_asked }),
        }
    }
    parts
}
