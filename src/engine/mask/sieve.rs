//! Which records of an answer reach the masker: those inside the caller's rows, of groups that are
//! large enough.
//!
//! A sieve stands before the masker of JSON. It passes a document on as it comes, but for two things:
//! elements of the declared array of records leave only where every row filter holds and no count is
//! below the smallest group; declared counts outside of records become `null` where they are too
//! small, or tell of rows that the caller may not see. It holds one record at a time, up to
//! [`MaskLimits::token_bytes_max`] bytes; a longer one is a fault. It may not mask, and it need not
//! judge the document: what it lets through is judged by the masker's strict walk, byte by byte the
//! same document but for what was taken out. Records are read strictly here, also those left out.
//!
//! Rules, each closed: a filter field that is absent, doubled (a fault) or not a text or whole number
//! holds for nobody; a count that is not a whole number is too small; a count that is absent says
//! nothing. A record is compared as a whole text: `330106` matches `"330106"` and 330106.
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

mod pluck;
mod scan;
#[cfg(test)]
mod tests;

use super::fields::PathFault;
use super::fields::path::{self, Step};
use super::json::JsonMasker;
use super::{MaskFault, MaskLimits, Masked, Tally};
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
        Sieve { scan: Scan::new(spec, order, limits) }
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

/// A sieve and the masker behind it. Offsets of the masker's own faults count what the sieve passed on.
pub struct SievedMasker {
    sieve: Sieve,
    masker: JsonMasker,
    passed: Vec<u8>,
    bytes_in: u64,
}

impl SievedMasker {
    pub fn new(sieve: Sieve, masker: JsonMasker) -> SievedMasker {
        SievedMasker { sieve, masker, passed: Vec::new(), bytes_in: 0 }
    }

    /// Reads on, and appends to `out` what may leave.
    ///
    /// # Errors
    /// The first fault of either.
    pub fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        self.passed.clear();
        self.sieve.push(input, &mut self.passed)?;
        self.bytes_in = self.bytes_in.saturating_add(input.len() as u64);
        self.masker.push(&self.passed, out)
    }

    /// Says that the body is over, and what was seen.
    ///
    /// # Errors
    /// As [`JsonMasker::finish`]: a document that the sieve holds part of is cut short for both.
    pub fn finish(self, out: &mut Masked) -> Result<Tally, MaskFault> {
        let left_out = self.sieve.left_out();
        let tally = self.masker.finish(out)?;
        Ok(counted(tally, left_out, self.bytes_in))
    }

    /// What was seen so far: for the record of a stream that was cut.
    pub fn tally(&self) -> Tally {
        counted(self.masker.tally(), self.sieve.left_out(), self.bytes_in)
    }
}

fn counted(tally: Tally, left_out: (u64, u64), bytes_in: u64) -> Tally {
    let (filtered_records, suppressed_counts) = left_out;
    Tally { filtered_records, suppressed_counts, bytes_in, ..tally }
}
