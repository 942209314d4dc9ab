//! Formats: which walker reads an answer.

use super::Masked;
use super::clickhouse::{CompactLinesMasker, DocumentMasker, Watch};
#[cfg(feature = "columnar")]
use super::columnar::ColumnarMasker;
use super::csv::{Columns, Dialect, TableMasker};
use super::fields::FieldMap;
use super::json::JsonMasker;
use super::lines::LinesMasker;
use super::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use super::scalar::{Scalar, View};
use super::showing::{Fate, Showing};
use super::sieve::{Judge, Order, Sieve, SieveSpec};
use std::sync::Arc;

/// How an answer is written, as the catalogue declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document in each line (NDJSON, `JSONEachRow`).
    JsonLines,
    /// A JSON text sequence (RFC 7464).
    JsonSequence,
    /// CSV, TSV and their relatives.
    Table(Dialect),
    /// ClickHouse's `JSON`.
    ClickHouseJson,
    /// ClickHouse's `JSONCompact`.
    ClickHouseCompact,
    /// ClickHouse's `JSONCompactEachRow`, its columns named by its first lines or by the catalogue.
    ClickHouseCompactLines(Columns),
    /// Record batches of columns.
    #[cfg(feature = "columnar")]
    Columnar(Container),
}

/// How record batches of columns come. Only builds with the feature `columnar` read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// An Arrow IPC stream.
    Stream,
    /// A Parquet file.
    Parquet,
}

impl Plan {
    /// What is shown of a text that stands beside a body; nothing if nothing is. Not counted.
    pub fn show_text(self: &Arc<Plan>, label: usize, text: &str) -> Option<String> {
        let mut showing = Showing::new(Arc::clone(self));
        let label = u16::try_from(label).ok()?;
        match showing.fate(label) {
            Fate::Drop => None,
            Fate::Keep | Fate::Look | Fate::Mask => match showing.show(label, Scalar::Text(text)) {
                View::Kept => Some(text.to_owned()),
                View::Text(shown) | View::Number(shown) => Some(shown.to_owned()),
                View::Ends(ends) => Some(ends.joined(text)),
                View::Bool(shown) => Some(shown.to_string()),
                View::Null | View::Absent => None,
            },
        }
    }
}

/// Masks one answer, given in any pieces.
pub struct Masker {
    walker: Walker,
    /// Stands before the walker of a document, with what it passed on last.
    sieve: Option<(Sieve, Vec<u8>)>,
    /// The first fault; there is no going on after it.
    fault: Option<MaskFault>,
    watch: Option<Watch>,
    bytes_in: u64,
}

enum Walker {
    Json(Box<JsonMasker>),
    Lines(Box<LinesMasker>),
    Table(Box<TableMasker>),
    Document(Box<DocumentMasker>),
    CompactLines(Box<CompactLinesMasker>),
    #[cfg(feature = "columnar")]
    Columnar(ColumnarMasker),
}

impl Masker {
    /// A masker for one answer. `fields` and `plan` speak of the labels of one dataset.
    pub fn new(format: &Format, fields: Arc<FieldMap>, plan: Arc<Plan>, limits: MaskLimits) -> Masker {
        let walker = Walker::new(format, fields, plan, limits, None);
        Masker { walker, sieve: None, fault: None, watch: None, bytes_in: 0 }
    }

    /// A masker that leaves records and counts out before they are masked, as the order says.
    pub fn sieving(
        format: &Format,
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        (spec, order): (Arc<SieveSpec>, Order),
    ) -> Masker {
        let judge = Judge::new(spec.clone(), order.clone());
        let walker = Walker::new(format, fields, plan, limits, Some(judge));
        let sieve = match format {
            Format::Json | Format::ClickHouseJson => Some(Sieve::new(spec, order, limits)),
            Format::ClickHouseCompact => Some(Sieve::of_totals(spec, order, limits)),
            Format::JsonLines
            | Format::JsonSequence
            | Format::Table(_)
            | Format::ClickHouseCompactLines(_) => None,
            #[cfg(feature = "columnar")]
            Format::Columnar(_) => None,
        };
        let sieve = sieve.map(|sieve| (sieve, Vec::new()));
        Masker { walker, sieve, fault: None, watch: None, bytes_in: 0 }
    }

    /// Also looks for failures that ClickHouse reports in the middle of an answer.
    pub fn watching(mut self) -> Masker {
        self.watch = Some(Watch::default());
        self
    }

    /// Reads on, and appends to `out` what may leave.
    ///
    /// # Errors
    /// The first fault, with its offset in the body; the same again if pushed on.
    pub fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.walk(input, out).inspect_err(|fault| self.fault = Some(*fault))
    }

    fn walk(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        if self.watch.as_mut().is_some_and(|watch| watch.sees(input)) {
            return Err(MaskFault { kind: FaultKind::Exception, offset: self.bytes_in });
        }
        self.bytes_in = self.bytes_in.saturating_add(input.len() as u64);
        let Some((sieve, passed)) = &mut self.sieve else { return self.walker.push(input, out) };
        passed.clear();
        sieve.push(input, passed)?;
        self.walker.push(passed, out)
    }

    /// Says that the body is over.
    ///
    /// # Errors
    /// The fault of an earlier push, or what an end here makes of the body.
    pub fn finish(self, out: &mut Masked) -> Result<Tally, MaskFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let left_out = self.sieve.as_ref().map(|(sieve, _)| (sieve.left_out(), self.bytes_in));
        let tally = match self.walker {
            Walker::Json(mut json) => json.end(out),
            Walker::Lines(lines) => lines.finish(out),
            Walker::Table(table) => table.finish(out),
            Walker::Document(document) => document.finish(),
            Walker::CompactLines(lines) => lines.finish(),
            #[cfg(feature = "columnar")]
            Walker::Columnar(columnar) => columnar.finish(out),
        }?;
        Ok(counted(tally, left_out))
    }

    /// [`push`](Self::push) to a buffer of its own.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn mask(&mut self, input: &[u8]) -> Result<Masked, MaskFault> {
        // What an earlier piece began leaves with this one: without some room it would all be copied.
        let mut out = Masked(Vec::with_capacity(input.len().saturating_add(input.len() / 16)));
        self.push(input, &mut out)?;
        Ok(out)
    }

    /// [`finish`](Self::finish) with what was still to be written.
    ///
    /// # Errors
    /// Those of [`finish`](Self::finish).
    pub fn mask_end(self) -> Result<(Masked, Tally), MaskFault> {
        let mut out = Masked::nothing();
        let tally = self.finish(&mut out)?;
        Ok((out, tally))
    }

    /// What was seen so far: for the record of a stream that was cut.
    pub fn tally(&self) -> Tally {
        let left_out = self.sieve.as_ref().map(|(sieve, _)| (sieve.left_out(), self.bytes_in));
        let tally = match &self.walker {
            Walker::Json(json) => json.tally(),
            Walker::Lines(lines) => lines.tally(),
            Walker::Table(table) => table.tally(),
            Walker::Document(document) => document.tally(),
            Walker::CompactLines(lines) => lines.tally(),
            #[cfg(feature = "columnar")]
            Walker::Columnar(columnar) => columnar.tally(),
        };
        counted(tally, left_out)
    }
}

/// With what a sieve left out before the walker saw it, and what it read.
fn counted(tally: Tally, left_out: Option<((u64, u64), u64)>) -> Tally {
    let Some(((filtered, suppressed_counts), bytes_in)) = left_out else { return tally };
    Tally { filtered_records: tally.filtered_records + filtered, suppressed_counts, bytes_in, ..tally }
}

impl Walker {
    /// The format's walker; `judge` says which records leave, where a sieve does not say it before.
    fn new(
        format: &Format,
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> Walker {
        let lines = |sequence, fields, plan, judge| {
            Walker::Lines(Box::new(LinesMasker::new(fields, plan, limits, sequence, judge)))
        };
        let document = |compact, fields, plan, judge: Option<Judge>| {
            let masker = DocumentMasker::new(fields, plan, limits, compact);
            Walker::Document(Box::new(match judge {
                Some(judge) => masker.sieved(judge),
                None => masker,
            }))
        };
        // Where every record leaves, none is held.
        let of_rows = |judge: Option<Judge>| judge.filter(|judge| !judge.is_idle());
        match format {
            Format::Json => Walker::Json(Box::new(JsonMasker::new(fields, plan, limits))),
            Format::JsonLines => lines(false, fields, plan, of_rows(judge)),
            Format::JsonSequence => lines(true, fields, plan, of_rows(judge)),
            Format::Table(dialect) => {
                Walker::Table(Box::new(TableMasker::new(dialect, fields, plan, limits, of_rows(judge))))
            }
            Format::ClickHouseJson => document(false, fields, plan, judge),
            Format::ClickHouseCompact => document(true, fields, plan, judge),
            Format::ClickHouseCompactLines(columns) => Walker::CompactLines(Box::new(
                CompactLinesMasker::new(columns, fields, plan, limits, of_rows(judge)),
            )),
            #[cfg(feature = "columnar")]
            Format::Columnar(container) => {
                Walker::Columnar(ColumnarMasker::new(*container, fields, plan, limits, of_rows(judge)))
            }
        }
    }

    fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        match self {
            Walker::Json(json) => json.push(input, out),
            Walker::Lines(lines) => lines.push(input, out),
            Walker::Table(table) => table.push(input, out),
            Walker::Document(document) => document.push(input, out),
            Walker::CompactLines(lines) => lines.push(input, out),
            #[cfg(feature = "columnar")]
            Walker::Columnar(columnar) => columnar.push(input, out),
        }
    }
}
