//! ClickHouse's JSON formats: columns that are described before the rows, and rows without names.
//!
//! The document is taken apart at its outermost members only; every value inside is walked by the
//! JSON masker in its place of the field map. Its description of the columns is rewritten, so that
//! it tells what is shown. White space between the outermost members does not stay.
//!
//! | met (`JSON`, `JSONCompact`) | outcome |
//! |---|---|
//! | `meta` | entries of columns that are not shown left out; types of masked columns those of the mask |
//! | `meta` after `data`, unreadable, or absent | fault |
//! | `data` | rows masked, by name or by place; a cell that is not shown is `null` in a compact row |
//! | a compact row with more or fewer cells than `meta` has columns | fault |
//! | `rows` | the number of rows that left, if it stands after `data`; else left out |
//! | `totals` | masked like a row, not counted as one; left out where they tell of rows that are left out |
//! | a row outside the caller's rows, or of a small group | left out, see [`sieve`](super::sieve) |
//! | `extremes` | left out: two real values of each column |
//! | `statistics`, `rows_before_limit_at_least`, … | as their own field paths say |
//! | a failure reported in the middle of the body | fault, see `Watch` |
//!
//! `JSONCompactEachRow` is one compact row in each line; names and types stand in the first two
//! lines, or the names in the catalogue.

mod compact;
mod lines;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use lines::CompactLinesMasker;
pub(super) use watch::Watch;

use super::Masked;
use super::capture::Capture;
use super::columns::{places, shown_type};
use super::fields::{DEAD, FieldMap, StateId};
use super::json::{Role, Values};
use super::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use super::sieve::Judge;
use compact::CompactRows;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longer names of outermost members are none of ClickHouse's.
const KEY_BYTES_MAX: usize = 64;

/// Masks one answer in `JSON` or `JSONCompact`.
pub(super) struct DocumentMasker {
    values: Values,
    compact: bool,
    at: At,
    key: Vec<u8>,
    seen: Vec<Vec<u8>>,
    capture: Capture,
    /// Described by `meta`.
    rows: Option<CompactRows>,
    /// A row of `data` left already.
    row_left: bool,
    /// A member left already.
    member_left: bool,
    data_seen: bool,
    /// Of compact rows, until `meta` names their columns.
    judge: Option<Judge>,
    totals_withheld: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Open,
    FirstKey,
    Comma,
    Key,
    InKey,
    Colon,
    /// Before the value of the member `key`.
    Value,
    /// Inside a value that the JSON masker walks.
    Walked,
    /// Inside `meta` or `rows`.
    Captured,
    /// Inside the `data` of a compact answer, before a row or `]`.
    FirstRow,
    Row,
    InRow,
    AfterRow,
    /// Inside the `totals` of a compact answer.
    InTotals,
    Over,
}

/// One column as `meta` describes it.
#[derive(Debug, Deserialize, Serialize)]
struct MetaColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl DocumentMasker {
    pub(super) fn new(
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        compact: bool,
    ) -> DocumentMasker {
        DocumentMasker {
            values: Values::new(fields, plan, limits),
            compact,
            at: At::Open,
            key: Vec::new(),
            seen: Vec::new(),
            capture: Capture::default(),
            rows: None,
            row_left: false,
            member_left: false,
            data_seen: false,
            judge: None,
            totals_withheld: false,
        }
    }

    /// Leaves compact rows out that `judge` does not take, and in both forms the totals that it withholds.
    pub(super) fn sieved(self, judge: Judge) -> DocumentMasker {
        let totals_withheld = judge.withholds_totals();
        let judge = (self.compact && !judge.is_idle()).then_some(judge);
        DocumentMasker { judge, totals_withheld, ..self }
    }

    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        while !input.is_empty() {
            let used = self.step(input, &mut out.0)?;
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Tally, MaskFault> {
        match self.at {
            At::Over if self.data_seen => Ok(self.tally()),
            At::Over => Err(self.fault(FaultKind::BadHeader)),
            At::Open => Err(self.fault(FaultKind::Empty)),
            At::FirstKey | At::Comma | At::Key | At::InKey | At::Colon | At::Value | At::Walked => {
                Err(self.fault(FaultKind::Truncated))
            }
            At::Captured | At::FirstRow | At::Row | At::InRow | At::AfterRow | At::InTotals => {
                Err(self.fault(FaultKind::Truncated))
            }
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.values.tally()
    }

    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let byte = input.first().copied().unwrap_or_default();
        match (self.at, byte) {
            (At::Walked, _) => self.walked(input, out),
            (At::Captured, _) => self.captured(input, out),
            (At::InRow | At::InTotals, _) => self.in_row(input, out),
            (At::InKey, _) => self.in_key(byte),
            (_, b' ' | b'\t' | b'\r' | b'\n') => Ok(self.passed(self.at)),
            (At::Value, _) => self.begin_value(byte, out),
            (At::Open, b'{') => {
                self.write(b"{", out);
                Ok(self.passed(At::FirstKey))
            }
            (At::FirstKey | At::Key, b'"') => {
                self.key.clear();
                Ok(self.passed(At::InKey))
            }
            (At::Colon, b':') => Ok(self.passed(At::Value)),
            (At::Comma, b',') => Ok(self.passed(At::Key)),
            (At::FirstKey | At::Comma, b'}') => {
                self.write(b"}", out);
                Ok(self.passed(At::Over))
            }
            (At::FirstRow | At::AfterRow, b']') => {
                self.write(b"]", out);
                Ok(self.passed(At::Comma))
            }
            (At::AfterRow, b',') => Ok(self.passed(At::Row)),
            (At::FirstRow | At::Row, _) => {
                let before: &[u8] = if self.row_left { b"," } else { b"" };
                self.begin_row(Role::Record, before, At::InRow)
            }
            (At::Over, _) => Err(self.fault(FaultKind::TrailingData)),
            (At::Open | At::FirstKey | At::Key | At::Colon | At::Comma | At::AfterRow, _) => {
                Err(self.fault(FaultKind::Unexpected))
            }
        }
    }

    fn in_key(&mut self, byte: u8) -> Result<usize, MaskFault> {
        match byte {
            b'"' if self.seen.contains(&self.key) => Err(self.fault(FaultKind::DuplicateKey)),
            b'"' => {
                self.seen.push(self.key.clone());
                Ok(self.passed(At::Colon))
            }
            _ if self.key.len() >= KEY_BYTES_MAX => Err(self.fault(FaultKind::TokenTooLong)),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {
                self.key.push(byte);
                Ok(self.passed(At::InKey))
            }
            _ => Err(self.fault(FaultKind::Unexpected)),
        }
    }

    fn begin_value(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let fields = self.values.fields();
        let (row, named) = (fields.row(), fields.state(fields.root()).find(&self.key, 0));
        let named = named.map_or(DEAD, |(_, state)| state);
        let described = self.rows.is_some();
        let before = self.before_member();
        match self.key.as_slice() {
            b"meta" | b"rows" => {
                self.capture = Capture::default();
                self.at = At::Captured;
            }
            b"data" | b"totals" if !described => return Err(self.fault(FaultKind::BadHeader)),
            b"data" if self.compact => {
                if byte != b'[' {
                    return Err(self.fault(FaultKind::Unexpected));
                }
                self.data_seen = true;
                self.member_left = true;
                self.write(&before, out);
                self.write(b"[", out);
                return Ok(self.passed(At::FirstRow));
            }
            b"data" => {
                self.data_seen = true;
                self.walk(named, Role::Outside, &before);
            }
            b"totals" if self.totals_withheld => self.walk(DEAD, Role::Outside, &before),
            b"totals" if self.compact => return self.begin_row(Role::InRecord, &before, At::InTotals),
            b"totals" => self.walk(row, Role::InRecord, &before),
            b"extremes" => self.walk(DEAD, Role::Outside, &before),
            _ => self.walk(named, Role::Outside, &before),
        }
        Ok(0)
    }

    fn walk(&mut self, state: StateId, role: Role, before: &[u8]) {
        self.values.begin(state, role, before);
        self.at = At::Walked;
    }

    fn walked(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let part = self.values.push(input, out)?;
        if part.over {
            self.member_left |= self.values.left();
            self.at = At::Comma;
        }
        Ok(part.used)
    }

    fn begin_row(&mut self, role: Role, before: &[u8], at: At) -> Result<usize, MaskFault> {
        match &mut self.rows {
            Some(rows) => rows.begin(&mut self.values, role, before),
            None => return Err(self.fault(FaultKind::BadHeader)),
        }
        self.at = at;
        Ok(0)
    }

    fn in_row(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let Some(rows) = &mut self.rows else { return Err(self.fault(FaultKind::BadHeader)) };
        let used = rows.push(&mut self.values, input, out)?;
        if rows.is_over() {
            let left = rows.left();
            if self.at == At::InTotals {
                self.member_left |= left;
                self.at = At::Comma;
            } else {
                self.row_left |= left;
                self.at = At::AfterRow;
            }
        }
        Ok(used)
    }

    fn captured(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let used = self.capture.push(input);
        self.values.passed(used, 0);
        if self.capture.bytes.len() > self.values.limits().token_bytes_max {
            return Err(self.fault(FaultKind::TokenTooLong));
        }
        if self.capture.over {
            self.at = At::Comma;
            let captured = std::mem::take(&mut self.capture.bytes);
            if self.key == b"meta" {
                let meta = self.meta(&captured).map_err(|kind| self.fault(kind))?;
                self.member(&meta, out);
            } else if captured == b"null" {
                // A sieve has withheld it.
            } else if captured.is_empty() || !captured.iter().all(u8::is_ascii_digit) {
                return Err(self.fault(FaultKind::Unexpected));
            } else if self.data_seen {
                let rows = self.tally().records.to_string();
                self.member(rows.as_bytes(), out);
            }
        }
        Ok(used)
    }

    /// Takes the columns, and gives the description of those that are shown.
    fn meta(&mut self, captured: &[u8]) -> Result<Vec<u8>, FaultKind> {
        let columns: Vec<MetaColumn> = serde_json::from_slice(captured).map_err(|_| FaultKind::BadHeader)?;
        let fields = self.values.shared_fields();
        let names: Vec<&[u8]> = columns.iter().map(|column| column.name.as_bytes()).collect();
        let states = places(&fields, self.values.showing(), names.iter().copied())?;
        let rows = CompactRows::new(&self.values, &states).judged(self.judge.take(), &names)?;
        let mut shown = Vec::new();
        for (place, (mut column, state)) in columns.into_iter().zip(states).enumerate() {
            if rows.is_shown(place) {
                let label = fields.state(state).label();
                column.kind = shown_type(self.values.showing(), label, &column.kind, true);
                shown.push(column);
            }
        }
        self.rows = Some(rows);
        serde_json::to_vec(&shown).map_err(|_| FaultKind::BadHeader)
    }

    /// Writes a member of our own.
    fn member(&mut self, value: &[u8], out: &mut Vec<u8>) {
        let before = self.before_member();
        self.write(&before, out);
        self.write(value, out);
        self.member_left = true;
    }

    fn before_member(&self) -> Vec<u8> {
        let mut before = Vec::with_capacity(self.key.len() + 4);
        if self.member_left {
            before.push(b',');
        }
        before.push(b'"');
        before.extend_from_slice(&self.key);
        before.extend_from_slice(b"\":");
        before
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.values.passed(0, bytes.len());
    }

    fn passed(&mut self, at: At) -> usize {
        self.values.passed(1, 0);
        self.at = at;
        1
    }

    fn fault(&self, kind: FaultKind) -> MaskFault {
        MaskFault { kind, offset: self.values.bytes_in() }
    }
}
