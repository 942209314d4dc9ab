//! Dialects: how a table is written, as the catalogue declares it. Nothing is guessed from the bytes.

use crate::closed_enum;
use std::sync::Arc;

/// How a table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between cells; ASCII, none of CR, LF, quote and backslash.
    pub delimiter: u8,
    pub quoting: Quoting,
    pub columns: Columns,
    /// What stands for no value; what is masked away is written so, too.
    pub null: Null,
    /// What becomes of cells that a spreadsheet would calculate.
    pub formulas: Formulas,
    /// The last row, too, ends with a line break: without one the table was cut off.
    pub line_break_at_end: bool,
}

/// How delimiters and line breaks stand inside a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// Inside quotes, a quote itself twice (RFC 4180).
    Quotes(u8),
    /// Behind a backslash, with ClickHouse's letters (`\t`, `\n`, `\\`, `\'`, `\xHH`, …).
    Backslash,
    /// Not at all (text/tab-separated-values).
    Never,
}

/// Where the columns get their names from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// The first row.
    Header,
    /// The first row; the second has ClickHouse's types.
    HeaderAndTypes,
    /// The catalogue; all rows are records.
    Declared(Arc<[String]>),
}

/// What stands for no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// An empty cell without quotes.
    Empty,
    /// `\N` without quotes.
    BackslashN,
}

closed_enum! {
    /// What becomes of a cell that begins with `=`, `+`, `-`, `@`, TAB or CR and is no number.
    pub enum Formulas {
        /// It stays: for readers that are programs.
        Keep = "keep",
        /// An apostrophe is put before it, so that a spreadsheet shows it as text.
        Quote = "quote",
        /// The whole answer is refused.
        Refuse = "refuse",
    }
}

impl Dialect {
    /// RFC 4180, with a header row.
    pub fn csv() -> Dialect {
        Dialect {
            delimiter: b',',
            quoting: Quoting::Quotes(b'"'),
            columns: Columns::Header,
            null: Null::Empty,
            formulas: Formulas::Keep,
            line_break_at_end: false,
        }
    }

    /// text/tab-separated-values: a header row, no quoting at all.
    pub fn tsv() -> Dialect {
        Dialect { delimiter: b'\t', quoting: Quoting::Never, ..Dialect::csv() }
    }

    /// ClickHouse's `CSVWithNames`.
    pub fn clickhouse_csv() -> Dialect {
        Dialect { null: Null::BackslashN, line_break_at_end: true, ..Dialect::csv() }
    }

    /// ClickHouse's `TabSeparatedWithNames`, or `TabSeparatedWithNamesAndTypes`.
    pub fn clickhouse_tsv(types: bool) -> Dialect {
        Dialect {
            quoting: Quoting::Backslash,
            columns: if types { Columns::HeaderAndTypes } else { Columns::Header },
            null: Null::BackslashN,
            line_break_at_end: true,
            ..Dialect::tsv()
        }
    }
}
