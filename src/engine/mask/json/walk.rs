//! The walk through a document: its grammar and its containers.
//!
//! [`decide`](super::decide) says what becomes of a value; [`token`](super::token) reads one.

use super::frame::{Arrival, Frame, Rules, Treat};
use super::literal::LiteralScan;
use super::number::NumberScan;
use super::order::Order;
use super::sink::{Chunk, Sink};
use super::text::TextScan;
use crate::engine::mask::fields::{DEAD, FieldMap, StateId};
use crate::engine::mask::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use crate::engine::mask::showing::Showing;
use std::mem;
use std::sync::Arc;

pub(super) struct Walk {
    pub(super) fields: Arc<FieldMap>,
    pub(super) limits: MaskLimits,
    pub(super) rules: Rules,
    /// The innermost container, and those around it.
    pub(super) top: Frame,
    pub(super) around: Vec<Frame>,
    /// Bits of the named keys seen, of every open object that has some; each frame knows its first.
    pub(super) seen: Vec<u64>,
    pub(super) expect: Expect,
    /// The token that the last piece cut.
    pub(super) token: Token,
    /// Bytes of it in earlier pieces.
    pub(super) token_bytes: usize,
    /// Those bytes, if the token is a key to look up or a value to mask.
    pub(super) held: Vec<u8>,
    /// White space at the end of the last piece, and before it.
    pub(super) space: usize,
    /// What happens to the next value.
    pub(super) next: Next,
    pub(super) order: Order,
    pub(super) sink: Sink,
    /// What a string with escapes says.
    pub(super) scratch: Vec<u8>,
    /// Inside an array whose elements are records.
    pub(super) in_records: bool,
    /// Some labelled value left outside of records.
    pub(super) showed_outside: bool,
    pub(super) showing: Showing,
    /// Kept texts that may begin a reference are looked at.
    pub(super) links: bool,
    /// The values stand inside another format: what follows one is not ours, and none is left without.
    pub(super) embedded: bool,
}

/// What the grammar lets come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

#[derive(Debug)]
pub(super) enum Token {
    None,
    Key(TextScan),
    Text(TextScan),
    Number(NumberScan),
    Literal(LiteralScan),
}

/// What happens to the next value, as far as its key or its array tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) treat: Treat,
    pub(super) state: StateId,
    pub(super) arrival: Arrival,
}

/// Answers are rarely nested deeper; what is deeper costs an allocation. A power of two, because
/// allocators have blocks of such sizes at hand.
const USUAL_DEPTH: usize = 8;

impl Walk {
    pub(super) fn new(fields: Arc<FieldMap>, plan: Arc<Plan>, limits: MaskLimits) -> Walk {
        let showing = Showing::new(plan);
        let rules = Rules::new(&fields, &showing);
        let root = fields.root();
        let next = Next { treat: rules.treat(root, Treat::Follow), state: root, arrival: Arrival::Document };
        Walk {
            fields,
            limits,
            rules,
            top: Frame::outermost(),
            around: Vec::with_capacity(USUAL_DEPTH),
            seen: Vec::with_capacity(USUAL_DEPTH),
            expect: Expect::Value,
            token: Token::None,
            token_bytes: 0,
            held: Vec::new(),
            space: 0,
            next,
            order: Order::of_the_catalogue(),
            sink: Sink::new(),
            scratch: Vec::new(),
            in_records: false,
            showed_outside: false,
            links: showing.reads_links(),
            showing,
            embedded: false,
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.counted(self.showing.seen())
    }

    fn counted(&self, mut tally: Tally) -> Tally {
        if tally.records == 0 && self.showed_outside {
            tally.records = 1;
        }
        tally
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskFault> {
        if input.is_empty() {
            return Ok(());
        }
        let written = out.len();
        let mut chunk = Chunk { input, pos: 0, out };
        self.sink.begin();
        let walked = self.walk(&mut chunk);
        if walked.is_ok() {
            self.sink.end(&mut chunk);
            let read = chunk.input.len() as u64;
            self.showing.tally.bytes_in = self.bytes_in().saturating_add(read);
        }
        self.count_out(out.len() - written);
        walked
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<Tally, MaskFault> {
        let written = out.len();
        let mut chunk = Chunk { input: &[], pos: 0, out };
        self.sink.begin();
        // A number ends where the body does.
        if let Token::Number(number) = &self.token
            && number.is_whole()
            && self.around.is_empty()
        {
            self.token = Token::None;
            self.end_number(&mut chunk, 0)?;
        }
        if self.expect != Expect::Nothing {
            let untouched = self.expect == Expect::Value && self.around.is_empty();
            let empty = untouched && matches!(self.token, Token::None);
            let kind = if empty { FaultKind::Empty } else { FaultKind::Truncated };
            return Err(self.fault(kind, 0));
        }
        self.sink.end(&mut chunk);
        self.count_out(out.len() - written);
        let tally = self.showing.taken();
        Ok(self.counted(tally))
    }

    fn walk(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        let space = mem::take(&mut self.space);
        self.resume(chunk)?;
        while let Some(byte) = self.next_byte(chunk, space)? {
            match self.expect {
                Expect::Key | Expect::KeyOrEnd if byte == b'"' => self.begin_key(chunk)?,
                Expect::Colon if byte == b':' => {
                    chunk.pos += 1;
                    self.expect = Expect::Value;
                }
                Expect::CommaOrEnd if byte == b',' => self.comma(chunk)?,
                Expect::CommaOrEnd | Expect::KeyOrEnd | Expect::ValueOrEnd if byte == self.top.closer => {
                    self.close(chunk);
                }
                Expect::Value | Expect::ValueOrEnd => self.begin_value(chunk, byte)?,
                Expect::Nothing => return Err(self.fault(FaultKind::TrailingData, chunk.pos)),
                Expect::Key | Expect::KeyOrEnd | Expect::Colon | Expect::CommaOrEnd => {
                    return Err(self.fault(FaultKind::Unexpected, chunk.pos));
                }
            }
        }
        Ok(())
    }

    /// The next byte that is not white space. `space` is how much of it ended the last piece.
    #[inline]
    fn next_byte(&mut self, chunk: &mut Chunk<'_>, space: usize) -> Result<Option<u8>, MaskFault> {
        match chunk.input.get(chunk.pos) {
            Some(byte) if *byte > b' ' => Ok(Some(*byte)),
            Some(_) => self.skip_space(chunk, space),
            None => Ok(None),
        }
    }

    fn skip_space(&mut self, chunk: &mut Chunk<'_>, space: usize) -> Result<Option<u8>, MaskFault> {
        let rest = chunk.input.get(chunk.pos..).unwrap_or_default();
        let length = rest.iter().position(|byte| !b" \n\r\t".contains(byte)).unwrap_or(rest.len());
        let before = if chunk.pos == 0 { space } else { 0 };
        let whole = before.saturating_add(length);
        if whole > self.limits.token_bytes_max {
            let allowed = self.limits.token_bytes_max.saturating_sub(before);
            return Err(self.fault(FaultKind::TokenTooLong, chunk.pos + allowed));
        }
        chunk.pos += length;
        let byte = chunk.input.get(chunk.pos).copied();
        self.space = if byte.is_none() { whole } else { 0 };
        Ok(byte)
    }

    pub(super) fn fault(&self, kind: FaultKind, at: usize) -> MaskFault {
        MaskFault { kind, offset: self.bytes_in().saturating_add(at as u64) }
    }

    /// Bytes of earlier pieces.
    pub(super) fn bytes_in(&self) -> u64 {
        self.showing.tally.bytes_in
    }

    fn count_out(&mut self, bytes: usize) {
        let out = &mut self.showing.tally.bytes_out;
        *out = out.saturating_add(bytes as u64);
    }

    #[inline]
    fn comma(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        if self.top.decides {
            if self.top.emitted {
                self.sink.pend(chunk.pos);
            } else {
                self.sink.pend_after(chunk);
            }
        }
        chunk.pos += 1;
        if self.top.closer == b'}' {
            self.expect = Expect::Key;
            // So it is in JSON without white space; else the walk finds it.
            if chunk.input.get(chunk.pos) == Some(&b'"') {
                return self.begin_key(chunk);
            }
        } else {
            self.expect = Expect::Value;
            self.next = self.next_element();
        }
        Ok(())
    }

    pub(super) fn next_element(&self) -> Next {
        let state = self.fields.state(self.top.state).element();
        Next { treat: self.rules.treat(state, self.top.treat), state, arrival: Arrival::Element }
    }

    pub(super) fn open(
        &mut self,
        chunk: &mut Chunk<'_>,
        object: bool,
        treat: Treat,
    ) -> Result<(), MaskFault> {
        if self.around.len() >= self.limits.depth_max {
            return Err(self.fault(FaultKind::TooDeep, chunk.pos));
        }
        chunk.pos += 1;
        let state = if treat == Treat::Skip { DEAD } else { self.next.state };
        let follows = !object && treat == Treat::Follow && !self.in_records;
        let records = follows && self.fields.holds_records(state);
        self.in_records |= records;
        let frame = Frame {
            closer: if object { b'}' } else { b']' },
            treat,
            state,
            arrival: self.next.arrival,
            emitted: false,
            records,
            seen: self.seen.len() as u32,
            behind: 0,
            guess: self.order.next(state, 0),
            decides: treat.decides_inside(state),
        };
        if object {
            let words = self.fields.state(frame.state).key_count().div_ceil(64);
            self.seen.resize(self.seen.len() + words, 0);
        }
        self.around.push(mem::replace(&mut self.top, frame));
        if frame.decides {
            self.sink.pend(chunk.pos);
        }
        if object {
            self.expect = Expect::KeyOrEnd;
        } else {
            self.expect = Expect::ValueOrEnd;
            self.next = self.next_element();
        }
        Ok(())
    }

    fn close(&mut self, chunk: &mut Chunk<'_>) {
        chunk.pos += 1;
        // White space in an empty container.
        self.sink.commit(chunk);
        self.seen.truncate(self.top.seen as usize);
        self.in_records &= !self.top.records;
        self.top = self.around.pop().unwrap_or(Frame::outermost());
        self.end_value(chunk);
    }

    /// A value is behind: what follows it in its container leaves with the container.
    #[inline]
    pub(super) fn end_value(&mut self, chunk: &mut Chunk<'_>) {
        if self.top.closer != 0 {
            self.expect = Expect::CommaOrEnd;
        } else {
            self.expect = Expect::Nothing;
            if self.embedded {
                chunk.end_here();
            } else if !self.top.emitted {
                chunk.out.extend_from_slice(b"null");
            }
        }
        if self.top.treat != Treat::Skip {
            self.sink.copy_from(chunk.pos);
        }
    }
}
