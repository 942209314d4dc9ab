//! Which records of an answer reach the masker: those inside the caller's rows, of groups that are
//! large enough.
//!
//! In documents, a sieve stands before the masker. It passes a document on as it comes, but for two
//! things: elements of the declared array of records leave only where every row filter holds and no count
//! is below the smallest group; declared counts outside of records become `null` where they are too
//! small, or tell of rows that the caller may not see. It may not mask, and it need not judge the
//! document: what it lets through is judged by the masker's strict walk, byte by byte the same document
//! but for what was taken out. In lines and tables, the walkers hold each record and ask the same judge.
//!
//! One record is held at a time, up to [`MaskLimits::token_bytes_max`] bytes; a longer one is a fault.
//! Records are read strictly here, also those left out. No byte of a record leaves before it is judged.
//!
//! Rules, each closed: a filter field or column that is absent, doubled (a fault) or not a text or whole
//! number holds for nobody; a count that is not a whole number is too small; a count that is absent says
//! nothing. A field is compared as a whole text: `330106` matches `"330106"` and 330106.
//!
//! | format | a record | held by | around the records |
//! |---|---|---|---|
//! | JSON | an element of the array | the sieve | counts become `null` |
//! | NDJSON, `JSONEachRow`, JSON text sequences | a value | the walker | nothing |
//! | CSV, TSV, ClickHouse's too | a row, fields by column | the walker, as always | header and types |
//! | ClickHouse `JSON` | an element of `data` | the sieve | counts become `null`, `rows` goes; `totals` go, too, if rows may be missing |
//! | ClickHouse `JSONCompact` | the same, fields by column | the walker | the same |
//! | ClickHouse `JSONCompactEachRow` | a line, fields by column | the walker | names and types |
//! | Arrow streams, Parquet | a row of a batch, fields by column | the walker | the schema |
//!
//! **What group sizes do not stop**: the difference of two permitted counts (all of a street, and all
//! but one house) is one person, if the caller may choose both groups by fields it may use. Counts
//! are as safe as the uses that policy grants; see [`crate::engine::uses`].
//!
//! ```
//! use std::sync::Arc;
//! use zhamen::engine::mask::MaskLimits;
//! use zhamen::engine::mask::sieve::{Order, Sieve, SieveSpec};
//! let spec = SieveSpec::compile(&["$.data[*].region".into()], &["$.total".into()], 5).unwrap();
//! let order = Order { wanted: vec!["330106".into()], suppressed: vec![true], totals_withheld: false };
//! let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
//! let mut sieve = Sieve::new(Arc::new(spec), order, limits);
//! let mut out = Vec::new();
//! sieve.push(br#"{"total":2,"data":[{"region":"330105"},{"region":"330106"}]}"#, &mut out).unwrap();
//! assert_eq!(out, br#"{"total":null,"data":[{"region":"330106"}]}"#);
//! ```

mod judge;
mod pluck;
mod scan;
#[cfg(test)]
mod tests;

use super::fields::path::{self, Step};
use super::fields::{FieldMap, PathFault};
use super::{Columns, Format, MaskFault, MaskLimits};
pub(in crate::engine::mask) use judge::{Found, Judge, RowJudge};
use scan::Scan;
use std::sync::Arc;

/// Paths that one sieve follows at most: one bit each.
const PATHS_MAX: usize = 31;

/// What a dataset declares of its rows and counts, compiled.
#[derive(Debug, Default)]
pub struct SieveSpec {
    /// Member names that lead to the array of records, where a filter or a count stands in records.
    records: Option<Vec<Box<str>>>,
    /// Inside a record, by row filter.
    rows: Vec<Vec<Box<str>>>,
    /// Each count: in records or outside, member names.
    counts: Vec<Count>,
    group_min: u64,
}

#[derive(Debug)]
struct Count {
    in_records: bool,
    path: Vec<Box<str>>,
}

/// What is to be done to one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// By row filter of the spec: the text that the field must be equal to.
    pub wanted: Vec<Arc<str>>,
    /// By count of the spec: whether small groups are kept from this caller.
    pub suppressed: Vec<bool>,
    /// Counts outside of records tell of rows that are filtered here: none is shown.
    pub totals_withheld: bool,
}

impl Order {
    /// What the order does not speak of is suppressed.
    fn suppresses(&self, count: usize) -> bool {
        self.suppressed.get(count).copied().unwrap_or(true)
    }
}

impl SieveSpec {
    /// Compiles the paths of row filters and of counts, in catalogue notation. Filters lead through
    /// one array, and everything in records through the same; `index` of a fault counts the filters,
    /// then the counts.
    ///
    /// # Errors
    /// A path with anything but member names and one `[*]`; a filter outside of an array; two arrays;
    /// too many paths.
    pub fn compile(rows: &[String], counts: &[String], group_min: u64) -> Result<SieveSpec, PathFault> {
        let mut spec = SieveSpec { group_min, ..SieveSpec::default() };
        let fault = |index, offset, message: &str| PathFault { index, offset, message: message.into() };
        if rows.len() + counts.len() > PATHS_MAX {
            return Err(fault(0, 0, "a dataset has at most 31 row filters and counts"));
        }
        for (index, text) in rows.iter().chain(counts).enumerate() {
            let (outer, inner) = names(text).map_err(|(offset, message)| fault(index, offset, &message))?;
            let is_row = index < rows.len();
            let Some(inner) = inner else {
                if is_row {
                    return Err(fault(index, 0, "a row filter stands in records: `$.data[*].region`"));
                }
                spec.counts.push(Count { in_records: false, path: outer });
                continue;
            };
            if spec.records.get_or_insert_with(|| outer.clone()) != &outer {
                return Err(fault(index, 0, "filters and counts in records stand in one array"));
            }
            match is_row {
                true => spec.rows.push(inner),
                false => spec.counts.push(Count { in_records: true, path: inner }),
            }
        }
        Ok(spec)
    }

    /// Whether records of small groups may be left out.
    pub fn counts_in_records(&self) -> bool {
        self.counts.iter().any(|count| count.in_records)
    }

    /// What of this cannot be done to answers in `format`, in words; nothing if all can.
    pub fn unfit(&self, format: Option<&Format>, fields: &FieldMap) -> Option<String> {
        let Some(format) = format else {
            return Some("rows or counts are filtered, and these answers nobody reads".into());
        };
        let records = self.records.as_ref()?;
        let (columns, is_document) = match format {
            Format::Json => return None,
            Format::JsonLines | Format::JsonSequence => (None, false),
            Format::Table(dialect) => (Some(&dialect.columns), false),
            Format::ClickHouseCompactLines(columns) => (Some(columns), false),
            Format::ClickHouseJson => (None, true),
            Format::ClickHouseCompact => (Some(&Columns::Header), true),
            #[cfg(feature = "columnar")]
            Format::Columnar(_) => (Some(&Columns::Header), false),
        };
        let shown = |path: &[Box<str>]| format!("$.{}[*]", path.join(".")).replace("$.[", "$[");
        if is_document && **records != [Box::from("data")] {
            return Some(format!(
                "rows are filtered in `{}`, but ClickHouse has them in `$.data[*]`",
                shown(records)
            ));
        }
        if !fields.has_rows_in(records) {
            return Some(format!(
                "rows are filtered in `{}`, but the rows of this format stand elsewhere",
                shown(records)
            ));
        }
        let columns = columns?;
        let counts = self.counts.iter().filter(|count| count.in_records).map(|count| &count.path);
        if let Some(path) = self.rows.iter().chain(counts).find(|path| path.len() != 1) {
            return Some(format!("rows are filtered by `{}`, which is no column", path.join(".")));
        }
        let Columns::Declared(names) = columns else { return None };
        let is_there = |path: &&Vec<Box<str>>| {
            path.first().is_some_and(|name| names.iter().any(|known| **known == **name))
        };
        let missing = self.rows.iter().find(|path| !is_there(path))?;
        Some(format!("rows are filtered by `{}`, which is none of the table's `columns`", missing.join(".")))
    }

    /// Whether a field path, in catalogue notation, lies in the records, if there are filters at all.
    pub fn covers(&self, path: &str) -> bool {
        let (Some(records), Ok(segments)) = (&self.records, path::parse(path)) else { return true };
        if self.rows.is_empty() {
            return true;
        }
        let mut steps = segments.iter();
        let leads = records.iter().all(|name| {
            steps.next().is_some_and(
                |segment| matches!(&segment.step, Step::Key(key) if **key == **name && !segment.deep),
            )
        });
        leads && steps.next().is_some_and(|segment| segment.step == Step::Element && !segment.deep)
    }
}

type Names = Vec<Box<str>>;

/// Member names before and after the one `[*]`.
fn names(text: &str) -> Result<(Names, Option<Names>), (usize, String)> {
    let segments = path::parse(text).map_err(|path::Wrong { offset, message }| (offset, message))?;
    let (mut outer, mut inner): (Names, Option<Names>) = (Vec::new(), None);
    for segment in segments {
        match (segment.step, &mut inner) {
            (Step::Key(name), None) if !segment.deep => outer.push(name.into_boxed_str()),
            (Step::Key(name), Some(inner)) if !segment.deep => inner.push(name.into_boxed_str()),
            (Step::Element, None) if !segment.deep => inner = Some(Vec::new()),
            (Step::Key(_) | Step::Element | Step::AnyKey, _) => {
                return Err((0, "only member names and one `[*]` may stand here".into()));
            }
        }
    }
    match (&outer[..], &inner) {
        ([], None) => Err((0, "a member's name is needed".into())),
        (_, Some(inner)) if inner.is_empty() => Err((0, "a member's name is needed after `[*]`".into())),
        (_, Some(_) | None) => Ok((outer, inner)),
    }
}

/// Takes records and counts out of one JSON document, given in any pieces.
pub struct Sieve {
    scan: Scan,
}

impl Sieve {
    /// A sieve for one answer. `order` speaks of the filters and counts of `spec`; what it does not
    /// speak of is filtered and suppressed.
    pub fn new(spec: Arc<SieveSpec>, order: Order, limits: MaskLimits) -> Sieve {
        Sieve { scan: Scan::new(Judge::new(spec, order), limits, true) }
    }

    /// The same for a document whose records its masker judges: of counts outside of records only.
    pub(super) fn of_totals(spec: Arc<SieveSpec>, order: Order, limits: MaskLimits) -> Sieve {
        Sieve { scan: Scan::new(Judge::new(spec, order), limits, false) }
    }

    /// Reads on, and appends to `out` what goes on to the masker.
    ///
    /// # Errors
    /// A record that cannot be read or held. The document ends there.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskFault> {
        self.scan.push(input, out)
    }

    /// Records left out so far, and counts outside of records.
    pub fn left_out(&self) -> (u64, u64) {
        self.scan.left_out()
    }
}
