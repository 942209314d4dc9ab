//! The walk of a sieve: exact on every valid document, so that it and the masker behind it read the
//! same; on any other, what is invalid goes on to the masker, which refuses it.

use super::judge::Judge;
use super::pluck::Unreadable;
use crate::engine::mask::{FaultKind, MaskFault, MaskLimits};
use std::mem;

pub(super) struct Scan {
    judge: Judge,
    limits: MaskLimits,
    /// What is followed outside of records, with the names that lead there.
    paths: Vec<(Goal, Vec<Box<str>>)>,
    /// The open containers outside of records.
    levels: Vec<Level>,
    /// Bits of the paths that lead through the next value.
    next: u32,
    state: State,
    /// A key, a count or a record, as far as it came.
    held: Vec<u8>,
    /// Something left the array of records, so that what leaves next needs a comma.
    is_begun: bool,
    /// Bytes of earlier pieces.
    bytes_in: u64,
    filtered: u64,
    suppressed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Records,
    /// A count, by its place in the spec.
    Count(usize),
}

struct Level {
    is_object: bool,
    /// Bits of the paths that lead through its members.
    paths: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value, or the end of an empty array.
    Value,
    /// A key, or the end of an object.
    Key,
    /// Inside a key; whether the last byte was a backslash.
    InKey(bool),
    /// Behind a key.
    Colon,
    /// Inside a string; whether it is held as a count, and as above.
    InText(Option<usize>, bool),
    /// Inside a number or literal; whether it is held as a count.
    InScalar(Option<usize>),
    /// Behind a value.
    After,
    /// In the array of records: containers open inside the record, inside a string, after a backslash.
    InRecord { depth: usize, in_text: bool, is_escaped: bool },
}

const RECORD: State = State::InRecord { depth: 0, in_text: false, is_escaped: false };

impl Scan {
    /// `has_records`: the records are in sight here, and not behind a description of columns.
    pub(super) fn new(judge: Judge, limits: MaskLimits, has_records: bool) -> Scan {
        let mut paths = Vec::new();
        if let Some(records) = judge.spec.records.as_ref().filter(|_| has_records && !judge.is_idle()) {
            paths.push((Goal::Records, records.clone()));
        }
        for (place, count) in judge.spec.counts.iter().enumerate().filter(|(_, count)| !count.in_records) {
            if judge.order.suppresses(place) || judge.order.totals_withheld {
                paths.push((Goal::Count(place), count.path.clone()));
            }
        }
        let next = (1u32 << paths.len()) - 1;
        Scan {
            judge,
            limits,
            paths,
            levels: Vec::new(),
            next,
            state: State::Value,
            held: Vec::new(),
            is_begun: false,
            bytes_in: 0,
            filtered: 0,
            suppressed: 0,
        }
    }

    pub(super) fn left_out(&self) -> (u64, u64) {
        (self.filtered, self.suppressed)
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskFault> {
        let mut at = 0;
        while let Some(byte) = input.get(at) {
            if let State::InRecord { .. } = self.state {
                at = self.in_record(input, at, out)?;
            } else {
                self.outside(*byte, at, out)?;
                at += 1;
            }
        }
        self.bytes_in = self.bytes_in.saturating_add(input.len() as u64);
        Ok(())
    }

    fn fault(&self, kind: FaultKind, at: usize) -> MaskFault {
        MaskFault { kind, offset: self.bytes_in.saturating_add(at as u64) }
    }

    /// One byte that is in no record.
    fn outside(&mut self, byte: u8, at: usize, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        match self.state {
            State::InKey(is_escaped) => self.in_key(byte, is_escaped, at, out),
            State::InText(count, is_escaped) => self.in_text(byte, count, is_escaped, at, out),
            State::InScalar(count) => match byte {
                b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' => {
                    self.end_scalar(count, out);
                    self.between(byte, at, out)
                }
                _ => self.keep(byte, count, at, out),
            },
            State::Value | State::Key | State::Colon | State::After | State::InRecord { .. } => {
                self.between(byte, at, out)
            }
        }
    }

    /// A byte between tokens, or the first of one.
    fn between(&mut self, byte: u8, at: usize, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            out.push(byte);
            return Ok(());
        }
        match (self.state, byte) {
            (State::Key, b'"') => {
                self.held.clear();
                self.held.push(byte);
                self.state = State::InKey(false);
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::Value, b'[' | b'{') => return self.open(byte, at, out),
            (State::Value, b'"') => {
                let count = self.count_here();
                self.held.clear();
                self.state = State::InText(count, false);
                return self.keep(byte, count, at, out);
            }
            (_, b']' | b'}') => self.close(),
            (State::After, b',') => self.state = self.member_or_element(),
            (State::Value, _) => {
                let count = self.count_here();
                self.held.clear();
                self.state = State::InScalar(count);
                return self.keep(byte, count, at, out);
            }
            // Not JSON: the masker says so.
            (State::Key | State::Colon | State::After, _) => {}
            (State::InKey(_) | State::InText(..) | State::InScalar(_) | State::InRecord { .. }, _) => {}
        }
        out.push(byte);
        Ok(())
    }

    /// What a followed path that ends here leads to.
    fn goal(&self) -> Option<Goal> {
        let depth = self.levels.len();
        let ends = |(place, (_, path)): &(usize, &(Goal, Vec<Box<str>>))| {
            self.next & (1 << place) != 0 && path.len() == depth
        };
        self.paths.iter().enumerate().find(ends).map(|(_, (goal, _))| *goal)
    }

    fn count_here(&self) -> Option<usize> {
        match self.goal() {
            Some(Goal::Count(place)) => Some(place),
            Some(Goal::Records) | None => None,
        }
    }

    fn open(&mut self, byte: u8, at: usize, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        out.push(byte);
        match (self.goal(), byte) {
            (Some(Goal::Count(_)), _) => return Err(self.fault(FaultKind::NotACount, at)),
            (Some(Goal::Records), b'[') => {
                self.held.clear();
                (self.is_begun, self.state) = (false, RECORD);
                return Ok(());
            }
            (Some(Goal::Records) | None, _) => {}
        }
        if self.levels.len() >= self.limits.depth_max {
            return Err(self.fault(FaultKind::TooDeep, at));
        }
        let is_object = byte == b'{';
        self.levels.push(Level { is_object, paths: if is_object { self.next } else { 0 } });
        self.state = if is_object { State::Key } else { State::Value };
        self.next = 0;
        Ok(())
    }

    fn close(&mut self) {
        self.levels.pop();
        self.state = State::After;
    }

    fn member_or_element(&mut self) -> State {
        self.next = 0;
        if self.levels.last().is_some_and(|level| level.is_object) { State::Key } else { State::Value }
    }

    fn in_key(&mut self, byte: u8, is_escaped: bool, at: usize, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        if self.levels.last().is_some_and(|level| level.paths != 0) || self.held.len() < 2 {
            self.hold(byte, FaultKind::TokenTooLong, at)?;
        }
        if is_escaped || byte != b'"' {
            self.state = State::InKey(!is_escaped && byte == b'\\');
            out.push(byte);
            return Ok(());
        }
        self.state = State::Colon;
        self.next = self.paths_through();
        // The opening quote left with the key.
        out.push(byte);
        Ok(())
    }

    /// Bits of the paths that lead through the member whose key is held.
    fn paths_through(&self) -> u32 {
        let Some(level) = self.levels.last().filter(|level| level.paths != 0) else { return 0 };
        // A key that is no text has no name; the masker refuses it.
        let Ok(key) = serde_json::from_slice::<String>(&self.held) else { return 0 };
        let depth = self.levels.len() - 1;
        let leads = |place: &usize| {
            level.paths & (1 << place) != 0
                && self
                    .paths
                    .get(*place)
                    .and_then(|(_, path)| path.get(depth))
                    .is_some_and(|name| **name == *key)
        };
        (0..self.paths.len()).filter(leads).fold(0, |bits, place| bits | (1 << place))
    }

    fn in_text(
        &mut self,
        byte: u8,
        count: Option<usize>,
        is_escaped: bool,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), MaskFault> {
        self.keep(byte, count, at, out)?;
        if is_escaped || byte != b'"' {
            self.state = State::InText(count, !is_escaped && byte == b'\\');
        } else {
            self.end_scalar(count, out);
        }
        Ok(())
    }

    /// A byte of a value: it leaves, or is held with the count it belongs to.
    fn keep(
        &mut self,
        byte: u8,
        count: Option<usize>,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), MaskFault> {
        match count {
            Some(_) => self.hold(byte, FaultKind::TokenTooLong, at),
            None => {
                out.push(byte);
                Ok(())
            }
        }
    }

    fn hold(&mut self, byte: u8, too_long: FaultKind, at: usize) -> Result<(), MaskFault> {
        if self.held.len() >= self.limits.token_bytes_max {
            return Err(self.fault(too_long, at));
        }
        self.held.push(byte);
        Ok(())
    }

    fn end_scalar(&mut self, count: Option<usize>, out: &mut Vec<u8>) {
        self.state = State::After;
        if count.is_none() {
            return;
        }
        if self.judge.order.totals_withheld || !self.judge.is_large(trimmed(&self.held)) {
            out.extend_from_slice(b"null");
            self.suppressed += 1;
        } else {
            out.append(&mut self.held);
        }
        self.held.clear();
    }

    /// Reads the record on that is held; gives where it stopped reading.
    fn in_record(&mut self, input: &[u8], from: usize, out: &mut Vec<u8>) -> Result<usize, MaskFault> {
        let State::InRecord { mut depth, mut in_text, mut is_escaped } = self.state else { return Ok(from) };
        let rest = input.get(from..).unwrap_or_default();
        let mut end = None;
        for (offset, byte) in rest.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => {
                    end = Some((offset, *byte));
                    break;
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let length = end.map_or(rest.len(), |(offset, _)| offset);
        if self.held.len().saturating_add(length) > self.limits.token_bytes_max {
            return Err(self.fault(FaultKind::RecordTooLong, from));
        }
        self.held.extend_from_slice(rest.get(..length).unwrap_or_default());
        self.state = State::InRecord { depth, in_text, is_escaped };
        let Some((offset, byte)) = end else { return Ok(input.len()) };
        self.end_record(byte, from + offset, out)?;
        Ok(from + offset + 1)
    }

    /// The record is whole, and a comma or the array's end follows.
    fn end_record(&mut self, byte: u8, at: usize, out: &mut Vec<u8>) -> Result<(), MaskFault> {
        let held = mem::take(&mut self.held);
        if trimmed(&held).is_empty() {
            // Only an empty array has nothing before its end.
            if byte == b',' || self.is_begun || self.filtered > 0 {
                return Err(self.fault(FaultKind::Unexpected, at));
            }
            out.extend_from_slice(&held);
        } else if self.judge.takes(&held).map_err(|Unreadable| self.fault(FaultKind::Unexpected, at))? {
            if mem::replace(&mut self.is_begun, true) {
                out.push(b',');
            }
            out.extend_from_slice(&held);
        } else {
            self.filtered += 1;
        }
        self.held = held;
        self.held.clear();
        self.state = RECORD;
        if byte == b']' {
            out.push(byte);
            self.state = State::After;
        }
        Ok(())
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}
