//! Rows and cells: where they begin and end.

use super::dialect::{Dialect, Quoting};
use super::stops::Stops;
use crate::engine::mask::plan::FaultKind;
use memchr::memchr;
use std::ops::Range;

/// One cell of the row being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// As it was written, quotes included, from the row's first byte.
    pub(super) raw: Range<usize>,
    pub(super) quoted: bool,
    /// What it says differs from what was written.
    pub(super) escaped: bool,
}

/// Reads rows; keeps its place when a row goes on in the next piece.
pub(super) struct Rows {
    delimiter: u8,
    quoting: Quoting,
    stops: Stops,
    pub(super) cells: Vec<Cell>,
    /// The next byte to read, the current cell's first, from the row's first byte.
    at: usize,
    start: usize,
    escaped: bool,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Start,
    Plain,
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first of two.
    Closing,
}

/// A fault, and where from the row's first byte.
pub(super) type RowFault = (FaultKind, usize);

impl Rows {
    pub(super) fn new(dialect: &Dialect) -> Rows {
        let quote = match dialect.quoting {
            Quoting::Quotes(quote) => quote,
            Quoting::Backslash => b'\\',
            Quoting::Never => dialect.delimiter,
        };
        Rows {
            delimiter: dialect.delimiter,
            quoting: dialect.quoting,
            stops: Stops::new([dialect.delimiter, quote]),
            cells: Vec::new(),
            at: 0,
            start: 0,
            escaped: false,
            mode: Mode::Start,
        }
    }

    /// Reads on in the row that begins `row`; gives where the next one begins, or nothing if the row
    /// goes on. `last`: there is nothing behind `row`.
    pub(super) fn read(&mut self, row: &[u8], last: bool) -> Result<Option<usize>, RowFault> {
        loop {
            if self.mode == Mode::Start
                && let Some(next) = self.quick_cells(row)
            {
                return Ok(Some(next));
            }
            let byte = match self.mode {
                Mode::Start => row.get(self.at).copied(),
                Mode::Plain => {
                    self.at = self.stops.find(row, self.at).unwrap_or(row.len());
                    row.get(self.at).copied()
                }
                Mode::Quoted => match self.find_quote(row) {
                    Some(_) => continue,
                    None if last => return Err((FaultKind::Truncated, self.at)),
                    None => return Ok(None),
                },
                Mode::Closing => row.get(self.at).copied(),
            };
            let Some(byte) = byte else {
                return if last { Ok(Some(self.end_row(0))) } else { Ok(None) };
            };
            match self.step(byte, row, last)? {
                Next::On => {}
                Next::Wait => return Ok(None),
                Next::Row(next) => return Ok(Some(next)),
            }
        }
    }

    /// The row that was read is done with.
    pub(super) fn next_row(&mut self) {
        self.cells.clear();
        self.stops.next_text();
        (self.at, self.start, self.escaped, self.mode) = (0, 0, false, Mode::Start);
    }

    /// The usual cells: nothing escaped, whole in this piece, and what ends them, too. Gives the next row
    /// if these are all of this one; else the next cell is another's to read.
    #[inline]
    fn quick_cells(&mut self, row: &[u8]) -> Option<usize> {
        loop {
            let (end, quoted) = self.quick_cell(row)?;
            let next = match row.get(end..)? {
                [byte, ..] if *byte == self.delimiter => None,
                [b'\n', ..] => Some(end + 1),
                [b'\r', b'\n', ..] => Some(end + 2),
                _ => return None,
            };
            self.cells.push(Cell { raw: self.at..end, quoted, escaped: false });
            self.at = end + 1;
            self.start = self.at;
            if next.is_some() {
                return next;
            }
        }
    }

    /// Where the cell that begins here ends, if nothing is escaped in it, and whether it is quoted.
    #[inline(always)]
    fn quick_cell(&mut self, row: &[u8]) -> Option<(usize, bool)> {
        match self.quoting {
            Quoting::Quotes(quote) if *row.get(self.at)? == quote => {
                let mut end = self.stops.find(row, self.at + 1)?;
                while *row.get(end)? != quote {
                    end = self.stops.find(row, end + 1)?;
                }
                Some((end + 1, true))
            }
            Quoting::Quotes(_) | Quoting::Backslash | Quoting::Never => {
                Some((self.stops.find(row, self.at)?, false))
            }
        }
    }

    fn find_quote(&mut self, row: &[u8]) -> Option<()> {
        let Quoting::Quotes(quote) = self.quoting else { return None };
        let rest = row.get(self.at..).unwrap_or_default();
        match memchr(quote, rest) {
            Some(found) => {
                self.at += found + 1;
                self.mode = Mode::Closing;
                Some(())
            }
            None => {
                self.at += rest.len();
                None
            }
        }
    }

    /// A byte that may mean something.
    fn step(&mut self, byte: u8, row: &[u8], last: bool) -> Result<Next, RowFault> {
        match byte {
            byte if byte == self.delimiter => {
                self.end_cell();
                self.at += 1;
                self.start = self.at;
                self.mode = Mode::Start;
                Ok(Next::On)
            }
            b'\n' => Ok(Next::Row(self.end_row(1))),
            b'\r' => match row.get(self.at + 1) {
                Some(b'\n') => Ok(Next::Row(self.end_row(2))),
                None if !last => Ok(Next::Wait),
                // Some readers end a row here, and some do not.
                Some(_) | None => Err((FaultKind::Unexpected, self.at)),
            },
            byte => match (self.quoting, self.mode) {
                (Quoting::Quotes(quote), Mode::Start) if byte == quote => Ok(self.go_on(Mode::Quoted)),
                (Quoting::Quotes(quote), Mode::Closing) if byte == quote => {
                    self.escaped = true;
                    Ok(self.go_on(Mode::Quoted))
                }
                (Quoting::Quotes(quote), Mode::Plain) if byte == quote => Err((FaultKind::BadQuote, self.at)),
                (Quoting::Quotes(_), Mode::Closing) => Err((FaultKind::BadQuote, self.at)),
                (Quoting::Backslash, _) if byte == b'\\' => self.backslash(row, last),
                (_, _) => Ok(self.go_on(Mode::Plain)),
            },
        }
    }

    fn go_on(&mut self, mode: Mode) -> Next {
        self.at += 1;
        self.mode = mode;
        Next::On
    }

    fn backslash(&mut self, row: &[u8], last: bool) -> Result<Next, RowFault> {
        match row.get(self.at + 1) {
            Some(b'\n' | b'\r') => Err((FaultKind::BadEscape, self.at)),
            Some(_) => {
                self.escaped = true;
                self.at += 1;
                Ok(self.go_on(Mode::Plain))
            }
            None if last => Err((FaultKind::Truncated, self.at)),
            None => Ok(Next::Wait),
        }
    }

    fn end_cell(&mut self) {
        let quoted = self.mode == Mode::Closing;
        self.cells.push(Cell { raw: self.start..self.at, quoted, escaped: self.escaped });
        self.escaped = false;
    }

    fn end_row(&mut self, line_break: usize) -> usize {
        self.end_cell();
        self.at + line_break
    }
}

enum Next {
    On,
    Wait,
    Row(usize),
}
