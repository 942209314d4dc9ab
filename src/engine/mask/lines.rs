//! JSON values one after the other: NDJSON and JSON text sequences.
//!
//! Each value is one record, masked where the dataset's records stand (`FieldMap::row`). It may not
//! let a value run over its line, nor pass one that was cut off.
//!
//! | met | outcome |
//! |---|---|
//! | a line without a value | left out |
//! | a record of which nothing is shown, or beyond the cap | left out, with its line |
//! | a record outside the caller's rows, or of a small group | left out, with its line; held to its end first |
//! | a line break inside a value, or two values in one line | fault: readers of lines see other records |
//! | the last line without its line break | stays, if its value is whole (NDJSON); fault (RFC 7464, 2.4) |
//! | a text sequence that does not begin with a record separator | fault |
//! | several record separators in a row | read as one (RFC 7464, 2.1) |
//!
//! What leaves are values, each followed by one line break, in a sequence after one separator.

#[cfg(test)]
mod tests;

use super::Masked;
use super::capture::Capture;
use super::fields::FieldMap;
use super::json::{Role, Values};
use super::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use super::sieve::Judge;
use memchr::memchr;
use std::mem;
use std::sync::Arc;

/// Before each value of a text sequence.
const SEPARATOR: u8 = 0x1e;

/// Masks one body of lines or of a sequence.
pub(super) struct LinesMasker {
    values: Values,
    sequence: bool,
    at: At,
    judge: Option<Judge>,
    /// The value that is to be judged, as far as it came.
    held: Capture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a value; in a sequence before its separator.
    Before,
    /// In a sequence: after the separator.
    Separated,
    /// Inside a value that is held whole first.
    Held,
    Inside,
    /// After a value, before its line break.
    After,
}

impl LinesMasker {
    pub(super) fn new(
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        sequence: bool,
        judge: Option<Judge>,
    ) -> LinesMasker {
        let values = Values::new(fields, plan, limits);
        LinesMasker { values, sequence, at: At::Before, judge, held: Capture::default() }
    }

    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        while !input.is_empty() {
            let used = match self.at {
                At::Inside => self.inside(input, &mut out.0)?,
                At::Held => self.hold(input, &mut out.0)?,
                At::Before | At::Separated | At::After => self.between(input)?,
            };
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        // A number ends where the body does.
        if self.at == At::Held && !self.sequence {
            self.hold(b"\n", &mut out.0)?;
        }
        if self.at == At::Inside && !self.sequence {
            self.inside(b"\n", &mut out.0)?;
        }
        match (self.at, self.sequence) {
            (At::Before | At::After, false) | (At::Before, true) => Ok(self.values.tally()),
            (_, _) => Err(self.fault(FaultKind::Truncated, 0)),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.values.tally()
    }

    /// White space, separators and line breaks; stops before a value.
    fn between(&mut self, input: &[u8]) -> Result<usize, MaskFault> {
        let mut read = 0;
        for byte in input {
            match (self.at, byte) {
                (_, b' ' | b'\t' | b'\r') => {}
                (At::After, b'\n') => self.at = At::Before,
                (At::Before | At::Separated, b'\n') => {}
                (At::Before | At::Separated, &SEPARATOR) if self.sequence => self.at = At::Separated,
                (At::Separated, _) => return Ok(self.begin(read)),
                (At::Before, _) if !self.sequence => return Ok(self.begin(read)),
                (At::Before, _) => return Err(self.fault(FaultKind::Unexpected, read)),
                (At::After | At::Held | At::Inside, _) => {
                    return Err(self.fault(FaultKind::TrailingData, read));
                }
            }
            read += 1;
        }
        self.values.passed(read, 0);
        Ok(read)
    }

    fn begin(&mut self, read: usize) -> usize {
        self.values.passed(read, 0);
        if self.judge.is_some() {
            self.held.restart();
            self.at = At::Held;
        } else {
            self.begin_value();
        }
        read
    }

    fn begin_value(&mut self) {
        let before: &[u8] = if self.sequence { &[SEPARATOR] } else { &[] };
        let row = self.values.fields().row();
        self.values.begin(row, Role::Record, before);
        self.at = At::Inside;
    }

    /// Holds the value, to its end at most, and judges it there.
    fn hold(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let line = self.line(input);
        let used = self.held.push(line);
        if self.held.bytes.len() > self.values.limits().token_bytes_max {
            return Err(self.fault(FaultKind::RecordTooLong, 0));
        }
        if self.held.over {
            let held = mem::take(&mut self.held.bytes);
            self.judged(&held, out)?;
            self.held.bytes = held;
        } else if !self.sequence && line.ends_with(b"\n") {
            return Err(self.fault(FaultKind::Truncated, 0));
        }
        Ok(used)
    }

    fn judged(&mut self, held: &[u8], out: &mut Vec<u8>) -> Result<(), MaskFault> {
        let taken = self.judge.as_ref().map_or(Ok(false), |judge| judge.takes(held));
        if !taken.map_err(|_| self.fault(FaultKind::Unexpected, 0))? {
            self.values.passed(held.len(), 0);
            self.values.showing().tally.filtered_records += 1;
            self.at = At::After;
            return Ok(());
        }
        self.begin_value();
        // The judge has read the same bytes as one value.
        let used = self.inside(held, out)?;
        if used == held.len() { Ok(()) } else { Err(self.fault(FaultKind::TrailingData, 0)) }
    }

    /// No more than the line; a sequence has no lines.
    fn line<'i>(&self, input: &'i [u8]) -> &'i [u8] {
        let end = if self.sequence { None } else { memchr(b'\n', input) };
        end.and_then(|end| input.get(..=end)).unwrap_or(input)
    }

    fn inside(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let line = self.line(input);
        let part = self.values.push(line, out)?;
        if part.over {
            self.at = At::After;
            if self.values.left() {
                out.push(b'\n');
                self.values.passed(0, 1);
            }
        } else if !self.sequence && line.ends_with(b"\n") {
            return Err(self.fault(FaultKind::Truncated, 0));
        }
        Ok(part.used)
    }

    fn fault(&self, kind: FaultKind, at: usize) -> MaskFault {
        MaskFault { kind, offset: self.values.bytes_in().saturating_add(at as u64) }
    }
}
