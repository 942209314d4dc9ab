//! What becomes of each member, element and value.

use super::frame::{Arrival, Treat, is_name, lookalike_template, template};
use super::literal::LiteralScan;
use super::number::NumberScan;
use super::sink::Chunk;
use super::value;
use super::walk::{Next, Walk};
use crate::engine::mask::fields::{DEAD, StateId};
use crate::engine::mask::links;
use crate::engine::mask::plan::{FaultKind, MaskFault};
use crate::engine::mask::scalar::{Scalar, View};

/// What a value's first byte says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
    Text,
    Number,
    Literal,
}

impl Walk {
    /// A key that decides what becomes of its member; `at` is its offset in the body.
    pub(super) fn take_key(&mut self, chunk: &mut Chunk<'_>, key: &[u8], at: u64) -> Result<(), MaskFault> {
        let state = self.fields.state(self.top.state);
        if let Some((place, next)) = state.find(key, self.top.guess as usize) {
            return self.take_named(chunk, place, next, at);
        }
        let other = state.other();
        if self.top.treat == Treat::Follow && (other == DEAD || !is_name(key)) {
            self.count_unknown_key(key);
            self.leave_out(chunk);
        } else {
            self.take_member(chunk, other, Arrival::Other);
        }
        Ok(())
    }

    /// A key that the paths name.
    #[inline]
    pub(super) fn take_named(
        &mut self,
        chunk: &mut Chunk<'_>,
        place: usize,
        next: StateId,
        at: u64,
    ) -> Result<(), MaskFault> {
        let bit = 1u64 << (place % 64);
        match self.seen.get_mut(self.top.seen as usize + place / 64) {
            Some(word) if *word & bit == 0 => *word |= bit,
            _ => return Err(MaskFault { kind: FaultKind::DuplicateKey, offset: at }),
        }
        if self.top.guess as usize != place {
            self.order.learn(self.top.state, self.top.behind, place);
        }
        self.top.behind = place as u32 + 1;
        self.top.guess = self.order.next(self.top.state, self.top.behind);
        self.take_member(chunk, next, Arrival::Named(place as u32));
        Ok(())
    }

    #[inline]
    fn take_member(&mut self, chunk: &mut Chunk<'_>, state: StateId, arrival: Arrival) {
        self.next = Next { treat: self.rules.treat(state, self.top.treat), state, arrival };
        match self.next.treat {
            Treat::Keep(_) => self.sink.commit(chunk),
            Treat::Drop(label) => {
                self.showing.count(label);
                self.leave_out(chunk);
            }
            Treat::Follow | Treat::Look(_) | Treat::Mask(_) | Treat::Skip => {}
        }
    }

    /// The member or element that comes, or its value, does not leave.
    fn leave_out(&mut self, chunk: &mut Chunk<'_>) {
        self.sink.discard(chunk);
        self.next.treat = Treat::Skip;
    }

    pub(super) fn begin_value(&mut self, chunk: &mut Chunk<'_>, byte: u8) -> Result<(), MaskFault> {
        if byte == b'"' {
            if self.links {
                self.look_at_reference(chunk);
            }
            self.settle_scalar(chunk, Shape::Text, byte);
            return self.begin_text(chunk);
        }
        let shape = match byte {
            b'{' => Shape::Object,
            b'[' => Shape::Array,
            b'-' | b'0'..=b'9' => Shape::Number,
            b't' | b'f' | b'n' => Shape::Literal,
            _ => return Err(self.not_a_value(byte, chunk.pos)),
        };
        let treat = self.settle(chunk, shape, byte);
        let start = chunk.pos;
        match shape {
            Shape::Object => self.open(chunk, true, treat),
            Shape::Array => self.open(chunk, false, treat),
            Shape::Number | Shape::Text => self.read_number(chunk, start, start + 1, NumberScan::start(byte)),
            Shape::Literal => self.read_literal(chunk, start, start + 1, LiteralScan::start(byte)),
        }
    }

    /// A text that is kept and may be a reference is looked at first, like any text of a watched label.
    #[inline]
    fn look_at_reference(&mut self, chunk: &mut Chunk<'_>) {
        let Treat::Keep(label) = self.next.treat else { return };
        if links::may_begin(chunk.input.get(chunk.pos + 1..).unwrap_or_default(), true) {
            self.sink.pend(chunk.pos);
            self.next.treat = Treat::Look(label);
        }
    }

    fn not_a_value(&self, byte: u8, at: usize) -> MaskFault {
        let first = self.bytes_in() == 0 && at == 0;
        let mark = first && matches!(byte, 0xEF | 0xFE | 0xFF);
        self.fault(if mark { FaultKind::ByteOrderMark } else { FaultKind::Unexpected }, at)
    }

    /// [`settle`](Self::settle), in short for what is simply kept or masked.
    #[inline]
    fn settle_scalar(&mut self, chunk: &mut Chunk<'_>, shape: Shape, byte: u8) {
        match self.next.treat {
            Treat::Mask(label) if !self.top.records => self.showing.count(label),
            Treat::Keep(label) if !self.top.records => {
                self.sink.commit(chunk);
                self.showing.count(label);
                self.showed_outside |= !self.in_records;
                self.top.emitted = true;
            }
            Treat::Keep(_)
            | Treat::Look(_)
            | Treat::Mask(_)
            | Treat::Follow
            | Treat::Drop(_)
            | Treat::Skip => {
                self.settle(chunk, shape, byte);
            }
        }
    }

    /// Decides about a value by its first byte, and makes what was undecided before it follow.
    fn settle(&mut self, chunk: &mut Chunk<'_>, shape: Shape, byte: u8) -> Treat {
        let scalar = !matches!(shape, Shape::Object | Shape::Array);
        let mut treat = self.next.treat;
        if self.top.records && treat != Treat::Skip && self.showing.is_full() {
            self.showing.tally.dropped_records += 1;
            treat = Treat::Skip;
        }
        treat = match treat {
            Treat::Follow => self.settle_structure(shape, byte),
            // What is dropped is dropped whole, although its scalars are asked for.
            Treat::Mask(label)
                if shape == Shape::Object
                    || shape == Shape::Array && !self.showing.is_shown(usize::from(label)) =>
            {
                self.showing.count(label);
                Treat::Skip
            }
            Treat::Drop(label) => {
                self.showing.count(label);
                Treat::Skip
            }
            Treat::Keep(_) | Treat::Look(_) | Treat::Mask(_) | Treat::Skip => treat,
        };
        match treat {
            Treat::Skip | Treat::Drop(_) => self.leave_out(chunk),
            // Undecided until the mask has seen it.
            Treat::Mask(label) | Treat::Look(label) if scalar => self.showing.count(label),
            Treat::Keep(_) | Treat::Look(_) | Treat::Follow | Treat::Mask(_) => {
                self.sink.commit(chunk);
                if let Treat::Keep(label) = treat
                    && scalar
                {
                    self.showing.count(label);
                    self.showed_outside |= !self.in_records;
                }
                self.mark_emitted();
            }
        }
        self.next.treat = treat;
        treat
    }

    /// A value on the way to labels: is it a container that leads on, and to something shown?
    fn settle_structure(&mut self, shape: Shape, byte: u8) -> Treat {
        let state = self.fields.state(self.next.state);
        let fits = match shape {
            Shape::Object => state.has_members(),
            Shape::Array => state.has_elements(),
            Shape::Literal => byte == b'n' && (state.has_members() || state.has_elements()),
            Shape::Text | Shape::Number => false,
        };
        let around_records = !self.in_records && (state.leads_to_records() || self.around.is_empty());
        if !fits {
            self.count_unknown(self.next.arrival, None);
            Treat::Skip
        } else if around_records || self.is_open(self.next.state) {
            Treat::Follow
        } else {
            Treat::Skip
        }
    }

    /// Some label in this state or below is shown.
    pub(super) fn is_open(&self, state: StateId) -> bool {
        self.fields.state(state).reaches(|label| self.showing.is_shown(label))
    }

    /// A value leaves.
    fn mark_emitted(&mut self) {
        self.top.emitted = true;
        if self.top.records {
            self.showing.tally.records += 1;
        }
    }

    #[cold]
    fn count_unknown_key(&mut self, key: &[u8]) {
        let state = self.fields.state(self.top.state);
        let looks = self.showing.looks_for_lookalikes();
        let named = if looks { state.lookalike(key) } else { None };
        let Some(named) = named else { return self.count_unknown(Arrival::Other, Some(key)) };
        let frames = self.around.iter().chain([&self.top]);
        let fields = &self.fields;
        self.showing.count_lookalike(|| lookalike_template(fields, frames, named));
    }

    fn count_unknown(&mut self, arrival: Arrival, key: Option<&[u8]>) {
        let frames = self.around.iter().chain([&self.top]);
        let fields = &self.fields;
        self.showing.count_unknown(|| template(fields, frames, arrival, key));
    }

    /// Shows what the label's mask makes of the scalar that ends here, or leaves the member out. `raw` is
    /// the token as it was written.
    pub(super) fn show(&mut self, chunk: &mut Chunk<'_>, start: usize, raw: &[u8], scalar: Scalar<'_>) {
        let (Treat::Mask(label) | Treat::Look(label)) = self.next.treat else { return };
        match self.showing.show(label, scalar) {
            View::Absent => return self.sink.forget(chunk),
            // Whole in this piece, so that it leaves in a run.
            View::Kept if self.token_bytes == 0 => self.sink.commit(chunk),
            View::Kept => {
                self.sink.release(chunk, start);
                chunk.out.extend_from_slice(raw);
            }
            shown @ (View::Text(_) | View::Ends(_) | View::Number(_) | View::Bool(_) | View::Null) => {
                self.sink.release(chunk, start);
                value::write(shown, scalar, chunk.out);
            }
        }
        self.showed_outside |= !self.in_records;
        self.mark_emitted();
    }
}
