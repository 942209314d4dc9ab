//! `JSONCompactEachRow`: one compact row in each line.

use super::compact::CompactRows;
use crate::engine::mask::Masked;
use crate::engine::mask::columns::{places, shown_type};
use crate::engine::mask::csv::Columns;
use crate::engine::mask::fields::{FieldMap, StateId};
use crate::engine::mask::json::{Role, Values};
use crate::engine::mask::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use crate::engine::mask::sieve::Judge;
use memchr::memchr;
use std::sync::Arc;

/// Masks one answer in `JSONCompactEachRow`, with or without names and types.
pub(in crate::engine::mask) struct CompactLinesMasker {
    values: Values,
    columns: Columns,
    at: At,
    /// The line of names or types, as far as it was read.
    held: Vec<u8>,
    states: Vec<StateId>,
    rows: Option<CompactRows>,
    /// Until the columns have their names.
    judge: Option<Judge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Names,
    Types,
    /// Before a row.
    Before,
    Inside,
    /// After a row, before its line break.
    After,
}

impl CompactLinesMasker {
    pub(in crate::engine::mask) fn new(
        columns: &Columns,
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> CompactLinesMasker {
        let mut masker = CompactLinesMasker {
            values: Values::new(fields, plan, limits),
            columns: columns.clone(),
            at: At::Names,
            held: Vec::new(),
            states: Vec::new(),
            rows: None,
            judge,
        };
        if let Columns::Declared(names) = columns {
            // What is wrong with declared names was said when the catalogue was read.
            let _ = masker.name_columns(names);
            masker.at = At::Before;
        }
        masker
    }

    pub(in crate::engine::mask) fn push(
        &mut self,
        mut input: &[u8],
        out: &mut Masked,
    ) -> Result<(), MaskFault> {
        while !input.is_empty() {
            let used = match self.at {
                At::Names | At::Types => self.head(input, &mut out.0)?,
                At::Inside => self.inside(input, &mut out.0)?,
                At::Before | At::After => self.between(input)?,
            };
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    pub(in crate::engine::mask) fn finish(self) -> Result<Tally, MaskFault> {
        match self.at {
            At::Before => Ok(self.tally()),
            At::Names if self.held.is_empty() => Err(self.fault(FaultKind::Empty)),
            // The last row, too, has its line break.
            At::Names | At::Types | At::Inside | At::After => Err(self.fault(FaultKind::Truncated)),
        }
    }

    pub(in crate::engine::mask) fn tally(&self) -> Tally {
        self.values.tally()
    }

    fn head(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let end = memchr(b'\n', input);
        let line = end.and_then(|end| input.get(..=end)).unwrap_or(input);
        self.held.extend_from_slice(line);
        self.values.passed(line.len(), 0);
        if self.held.len() > self.values.limits().token_bytes_max {
            return Err(self.fault(FaultKind::TokenTooLong));
        }
        if end.is_some() {
            let held = std::mem::take(&mut self.held);
            self.head_line(&held, out).map_err(|kind| self.fault(kind))?;
        }
        Ok(line.len())
    }

    fn head_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), FaultKind> {
        let mut words: Vec<String> = serde_json::from_slice(line).map_err(|_| FaultKind::BadHeader)?;
        if self.at == At::Names {
            self.name_columns(&words)?;
            self.at = if self.columns == Columns::HeaderAndTypes { At::Types } else { At::Before };
        } else {
            if words.len() != self.states.len() {
                return Err(FaultKind::Ragged);
            }
            for (word, state) in words.iter_mut().zip(&self.states) {
                let label = self.values.fields().state(*state).label();
                *word = shown_type(self.values.showing(), label, word, true);
            }
            self.at = At::Before;
        }
        let rows = self.rows.as_ref();
        let shown: Vec<&String> = words
            .iter()
            .enumerate()
            .filter(|(place, _)| rows.is_some_and(|rows| rows.is_shown(*place)))
            .map(|(_, word)| word)
            .collect();
        if !shown.is_empty() {
            let mut line = serde_json::to_vec(&shown).map_err(|_| FaultKind::BadHeader)?;
            line.push(b'\n');
            self.values.passed(0, line.len());
            out.append(&mut line);
        }
        Ok(())
    }

    fn name_columns(&mut self, names: &[String]) -> Result<(), FaultKind> {
        let fields = self.values.shared_fields();
        let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        self.states = places(&fields, self.values.showing(), names.iter().copied())?;
        let rows = CompactRows::new(&self.values, &self.states);
        self.rows = Some(rows.judged(self.judge.take(), &names)?);
        Ok(())
    }

    /// White space and line breaks; stops before a row.
    fn between(&mut self, input: &[u8]) -> Result<usize, MaskFault> {
        let mut read = 0;
        for byte in input {
            match (self.at, byte) {
                (_, b' ' | b'\t' | b'\r') => {}
                (_, b'\n') => self.at = At::Before,
                (At::Before, _) => {
                    let Some(rows) = &mut self.rows else { return Err(self.fault(FaultKind::BadHeader)) };
                    rows.begin(&mut self.values, Role::Record, b"");
                    self.at = At::Inside;
                    break;
                }
                (_, _) => return Err(self.fault(FaultKind::TrailingData)),
            }
            read += 1;
        }
        self.values.passed(read, 0);
        Ok(read)
    }

    fn inside(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let end = memchr(b'\n', input);
        let line = end.and_then(|end| input.get(..=end)).unwrap_or(input);
        let Some(rows) = &mut self.rows else { return Err(self.fault(FaultKind::BadHeader)) };
        let used = rows.push(&mut self.values, line, out)?;
        if rows.is_over() {
            self.at = At::After;
            if rows.left() {
                out.push(b'\n');
                self.values.passed(0, 1);
            }
        } else if end.is_some() {
            return Err(self.fault(FaultKind::Truncated));
        }
        Ok(used)
    }

    fn fault(&self, kind: FaultKind) -> MaskFault {
        MaskFault { kind, offset: self.values.bytes_in() }
    }
}
