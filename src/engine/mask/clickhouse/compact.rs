//! Rows as JSON arrays, whose cells are told apart by their place only.

use crate::engine::mask::capture::Capture;
use crate::engine::mask::fields::{DEAD, StateId};
use crate::engine::mask::json::{Role, Values};
use crate::engine::mask::plan::{FaultKind, MaskFault};
use crate::engine::mask::sieve::{Judge, RowJudge};
use std::mem;

/// Masks one row after the other, in any pieces.
pub(super) struct CompactRows {
    /// The place of each column, and whether something of it may be shown.
    columns: Vec<(StateId, bool)>,
    /// Some column may be shown.
    any: bool,
    at: At,
    column: usize,
    /// A shown cell of this row was begun.
    wrote: bool,
    /// The row does not leave.
    skipped: bool,
    /// It counts as a record.
    counts: bool,
    before: Vec<u8>,
    judge: Option<RowJudge>,
    /// The row that is to be judged, as far as it came.
    held: Capture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Inside a row that is held whole first.
    Held,
    /// Before `[`.
    Open,
    /// After `[`: a cell, or `]`.
    First,
    /// After a comma: a cell.
    Cell,
    Inside,
    /// After a cell: a comma, or `]`.
    After,
    Over,
}

impl CompactRows {
    pub(super) fn new(values: &Values, columns: &[StateId]) -> CompactRows {
        let columns: Vec<(StateId, bool)> =
            columns.iter().map(|state| (*state, *state != DEAD && values.is_open(*state))).collect();
        CompactRows {
            any: columns.iter().any(|(_, shown)| *shown),
            columns,
            at: At::Over,
            column: 0,
            wrote: false,
            skipped: false,
            counts: false,
            before: Vec::new(),
            judge: None,
            held: Capture::default(),
        }
    }

    /// Leaves rows out that `judge` does not take.
    ///
    /// # Errors
    /// A column that it asks for is there twice.
    pub(super) fn judged(self, judge: Option<Judge>, names: &[&[u8]]) -> Result<CompactRows, FaultKind> {
        let judge = judge.map(|judge| RowJudge::new(judge, names)).transpose()?;
        Ok(CompactRows { judge, ..self })
    }

    /// Whether something of a column may be shown.
    pub(super) fn is_shown(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|(_, shown)| *shown)
    }

    /// A row begins; `before` leaves right before it, if it leaves.
    pub(super) fn begin(&mut self, values: &mut Values, role: Role, before: &[u8]) {
        self.counts = role == Role::Record;
        self.before.clear();
        self.before.extend_from_slice(before);
        self.before.push(b'[');
        if self.counts && self.judge.is_some() {
            self.held.restart();
            self.at = At::Held;
        } else {
            self.open(values);
        }
    }

    /// The row leaves, if something of it may be shown and there is room for it.
    fn open(&mut self, values: &mut Values) {
        let showing = values.showing();
        let full = self.counts && showing.is_full();
        if full && self.any {
            showing.tally.dropped_records += 1;
        }
        self.skipped = full || !self.any;
        (self.at, self.column, self.wrote) = (At::Open, 0, false);
    }

    /// Holds the row, to its end at most, and judges it there.
    fn hold(&mut self, values: &mut Values, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let used = self.held.push(input);
        if self.held.bytes.len() > values.limits().token_bytes_max {
            return Err(fault(values, FaultKind::RecordTooLong));
        }
        if !self.held.over {
            return Ok(used);
        }
        let held = mem::take(&mut self.held.bytes);
        let taken = self.judge.as_ref().map_or(Ok(false), |judge| judge.takes_array(&held));
        if taken.map_err(|kind| fault(values, kind))? {
            self.open(values);
            self.walk(values, &held, out)?;
        } else {
            values.passed(held.len(), 0);
            values.showing().tally.filtered_records += 1;
            (self.at, self.skipped) = (At::Over, true);
        }
        self.held.bytes = held;
        Ok(used)
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// The row that is over left.
    pub(super) fn left(&self) -> bool {
        !self.skipped
    }

    /// Reads on, to the end of the row at most; gives how far.
    pub(super) fn push(
        &mut self,
        values: &mut Values,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, MaskFault> {
        if self.at == At::Held { self.hold(values, input, out) } else { self.walk(values, input, out) }
    }

    fn walk(&mut self, values: &mut Values, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let mut used = 0;
        while self.at != At::Over {
            let Some(byte) = input.get(used) else { break };
            let rest = input.get(used..).unwrap_or_default();
            used += match (self.at, byte) {
                (At::Inside, _) => self.inside(values, rest, out)?,
                (_, b' ' | b'\t' | b'\r' | b'\n') => self.passed(values, self.at),
                (At::Open, b'[') => self.passed(values, At::First),
                (At::First | At::After, b']') => {
                    self.end(values, out)?;
                    self.passed(values, At::Over)
                }
                (At::First | At::Cell, _) => {
                    self.begin_cell(values)?;
                    0
                }
                (At::After, b',') => self.passed(values, At::Cell),
                (At::Held | At::Open | At::After | At::Over, _) => {
                    return Err(fault(values, FaultKind::Unexpected));
                }
            };
        }
        Ok(used)
    }

    fn passed(&mut self, values: &mut Values, at: At) -> usize {
        values.passed(1, 0);
        self.at = at;
        1
    }

    fn begin_cell(&mut self, values: &mut Values) -> Result<(), MaskFault> {
        let Some((state, shown)) = self.columns.get(self.column).copied() else {
            return Err(fault(values, FaultKind::Ragged));
        };
        let before: &[u8] = if self.wrote { b"," } else { &self.before };
        values.begin(state, Role::InRecord, before);
        if self.skipped {
            values.leave_out();
        }
        self.wrote |= shown && !self.skipped;
        self.at = At::Inside;
        Ok(())
    }

    fn inside(&mut self, values: &mut Values, rest: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let first = !self.columns.iter().take(self.column).any(|(_, shown)| *shown);
        let part = values.push(rest, out)?;
        if part.over {
            if !values.left() && !self.skipped && self.is_shown(self.column) {
                // The cells after it keep their places.
                let before: &[u8] = if first { &self.before } else { b"," };
                out.extend_from_slice(before);
                out.extend_from_slice(b"null");
                values.passed(0, before.len() + 4);
            }
            self.column += 1;
            self.at = At::After;
        }
        Ok(part.used)
    }

    fn end(&mut self, values: &mut Values, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        if self.column != self.columns.len() {
            return Err(fault(values, FaultKind::Ragged));
        }
        if !self.skipped {
            out.push(b']');
            values.passed(0, 1);
            if self.counts {
                values.showing().tally.records += 1;
            }
        }
        Ok(())
    }
}

fn fault(values: &Values, kind: FaultKind) -> MaskFault {
    MaskFault { kind, offset: values.bytes_in() }
}
