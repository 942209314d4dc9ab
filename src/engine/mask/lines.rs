//! JSON values one after the other: NDJSON and JSON text sequences.
//!
//! Each value is one record, masked where the dataset's records stand (`FieldMap::row`). It may not
//! let a value run over its line, nor pass one that was cut off.
//!
//! | met | outcome |
//! |---|---|
//! | a line without a value | left out |
//! | a record of which nothing is shown, or beyond the cap | left out, with its line |
//! | a line break inside a value, or two values in one line | fault: readers of lines see other records |
//! | the last line without its line break | stays, if its value is whole (NDJSON); fault (RFC 7464, 2.4) |
//! | a text sequence that does not begin with a record separator | fault |
//! | several record separators in a row | read as one (RFC 7464, 2.1) |
//!
//! What leaves are values, each followed by one line break, in a sequence after one separator.

#[cfg(test)]
mod tests;

use super::Masked;
use super::fields::FieldMap;
use super::json::{Role, Values};
use super::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use memchr::memchr;
use std::sync::Arc;

/// Before each value of a text sequence.
const SEPARATOR: u8 = 0x1e;

/// Masks one body of lines or of a sequence.
pub(super) struct LinesMasker {
    values: Values,
    sequence: bool,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a value; in a sequence before its separator.
    Before,
    /// In a sequence: after the separator.
    Separated,
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
    ) -> LinesMasker {
        LinesMasker { values: Values::new(fields, plan, limits), sequence, at: At::Before }
    }

    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        while !input.is_empty() {
            let used = match self.at {
                At::Inside => self.inside(input, &mut out.0)?,
                At::Before | At::Separated | At::After => self.between(input)?,
            };
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        if self.at == At::Inside && !self.sequence {
            // A number ends where the body does.
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
                (At::After | At::Inside, _) => return Err(self.fault(FaultKind::TrailingData, read)),
            }
            read += 1;
        }
        self.values.passed(read, 0);
        Ok(read)
    }

    fn begin(&mut self, read: usize) -> usize {
        self.values.passed(read, 0);
        let before: &[u8] = if self.sequence { &[SEPARATOR] } else { &[] };
        let row = self.values.fields().row();
        self.values.begin(row, Role::Record, before);
        self.at = At::Inside;
        read
    }

    fn inside(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let line_end = if self.sequence { None } else { memchr(b'\n', input) };
        let line = line_end.and_then(|end| input.get(..=end)).unwrap_or(input);
        let part = self.values.push(line, out)?;
        if part.over {
            self.at = At::After;
            if self.values.left() {
                out.push(b'\n');
                self.values.passed(0, 1);
            }
        } else if line_end.is_some() {
            return Err(self.fault(FaultKind::Truncated, 0));
        }
        Ok(part.used)
    }

    fn fault(&self, kind: FaultKind, at: usize) -> MaskFault {
        MaskFault { kind, offset: self.values.bytes_in().saturating_add(at as u64) }
    }
}
