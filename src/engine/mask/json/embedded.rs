//! JSON values that stand inside another format: a line, a cell, a member of a document.
//!
//! The format around them says which place of the field map a value stands in, and gets told where
//! the value ends; what becomes of it is decided by the same walk as in a whole document.

use super::frame::{Arrival, Frame, Treat};
use super::sink::Chunk;
use super::walk::{Expect, Next, Token, Walk};
use crate::engine::mask::fields::{FieldMap, StateId};
use crate::engine::mask::plan::{MaskFault, MaskLimits, Plan, Tally};
use crate::engine::mask::showing::Showing;
use std::sync::Arc;

/// Whether the value is over, and how much of the piece belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) struct Part {
    pub(in crate::engine::mask) used: usize,
    pub(in crate::engine::mask) over: bool,
}

/// What a value is to the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) enum Role {
    /// It is one.
    Record,
    /// It is part of one.
    InRecord,
    /// It may hold some.
    Outside,
}

/// Masks one value after the other.
pub(in crate::engine::mask) struct Values {
    walk: Walk,
}

impl Values {
    pub(in crate::engine::mask) fn new(fields: Arc<FieldMap>, plan: Arc<Plan>, limits: MaskLimits) -> Values {
        let mut walk = Walk::new(fields, plan, limits);
        walk.embedded = true;
        Values { walk }
    }

    pub(in crate::engine::mask) fn fields(&self) -> &FieldMap {
        &self.walk.fields
    }

    pub(in crate::engine::mask) fn shared_fields(&self) -> Arc<FieldMap> {
        Arc::clone(&self.walk.fields)
    }

    pub(in crate::engine::mask) fn showing(&mut self) -> &mut Showing {
        &mut self.walk.showing
    }

    pub(in crate::engine::mask) fn limits(&self) -> MaskLimits {
        self.walk.limits
    }

    pub(in crate::engine::mask) fn tally(&self) -> Tally {
        self.walk.tally()
    }

    /// Something of a value in this place may be shown.
    pub(in crate::engine::mask) fn is_open(&self, state: StateId) -> bool {
        self.walk.is_open(state)
    }

    /// A value begins, in this place of the field map. `before` leaves right before it, if it does.
    pub(in crate::engine::mask) fn begin(&mut self, state: StateId, role: Role, before: &[u8]) {
        let walk = &mut self.walk;
        walk.top = Frame { records: role == Role::Record, ..Frame::outermost() };
        walk.around.clear();
        walk.seen.clear();
        walk.expect = Expect::Value;
        walk.token = Token::None;
        walk.token_bytes = 0;
        walk.held.clear();
        walk.space = 0;
        walk.next = Next { treat: walk.rules.treat(state, Treat::Follow), state, arrival: Arrival::Document };
        walk.sink.restart(before);
        walk.in_records = role != Role::Outside;
    }

    /// The value that begins now does not leave, whatever it is.
    pub(in crate::engine::mask) fn leave_out(&mut self) {
        self.walk.next.treat = Treat::Skip;
    }

    /// Reads on, to the end of the value at most.
    pub(in crate::engine::mask) fn push(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Part, MaskFault> {
        let before = self.walk.bytes_in();
        self.walk.push(input, out)?;
        // No more than the piece's own length.
        let used = self.walk.bytes_in().saturating_sub(before) as usize;
        Ok(Part { used, over: self.walk.expect == Expect::Nothing })
    }

    /// Whether the value that is over left.
    pub(in crate::engine::mask) fn left(&self) -> bool {
        self.walk.top.emitted
    }

    /// So many bytes around the values were read and written.
    pub(in crate::engine::mask) fn passed(&mut self, read: usize, written: usize) {
        let tally = &mut self.walk.showing.tally;
        tally.bytes_in = tally.bytes_in.saturating_add(read as u64);
        tally.bytes_out = tally.bytes_out.saturating_add(written as u64);
    }

    pub(in crate::engine::mask) fn bytes_in(&self) -> u64 {
        self.walk.bytes_in()
    }
}

impl Chunk<'_> {
    /// What comes next is no longer part of the value.
    pub(super) fn end_here(&mut self) {
        self.input = self.input.get(..self.pos).unwrap_or_default();
    }
}
