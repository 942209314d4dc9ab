//! The short way through a record: named keys in their usual order, scalars, all in one piece.
//!
//! Most members of most answers are like this. One loop reads them with everything it needs at hand;
//! whatever else comes (another key, an escape, a container, more than a space, the end of the piece)
//! it leaves untouched to the walk, which knows everything. So this may do nothing that the walk would
//! not do: the tests put every document through both.

use super::decide::Shape;
use super::frame::Treat;
use super::sink::Chunk;
use super::text::{is_utf8, plain_run};
use super::value;
use super::walk::{Expect, Walk};
use crate::engine::mask::links;
use crate::engine::mask::scalar::{Scalar, View};

/// A scalar that lies whole in the piece.
struct Whole {
    shape: Shape,
    end: usize,
}

impl Walk {
    /// Reads members from the key at the piece's position; false if there was none that it knows how
    /// to read. Afterwards either a comma or the end of the object is due, or a key.
    #[inline]
    pub(super) fn quick_members(&mut self, chunk: &mut Chunk<'_>) -> bool {
        if self.top.treat != Treat::Follow {
            return false;
        }
        let Some(mut from) = self.sink.undecided() else { return false };
        let begin = chunk.pos;
        while let Some(end) = self.quick_member(chunk, from) {
            chunk.pos = end;
            if chunk.input.get(end) != Some(&b',') {
                self.expect = Expect::CommaOrEnd;
                return true;
            }
            // A comma leaves with the member after it, if one has left before.
            from = if self.top.emitted { end } else { self.sink.leave_out(chunk, end, end + 1) };
            let space = usize::from(chunk.input.get(end + 1) == Some(&b' '));
            chunk.pos = end + 1 + space;
            if chunk.input.get(chunk.pos) != Some(&b'"') {
                chunk.pos = end + 1;
                break;
            }
        }
        self.sink.pend(from);
        self.expect = Expect::Key;
        chunk.pos > begin
    }

    /// One member, of which everything from `from` on leaves or does not; gives its end.
    #[inline(always)]
    fn quick_member(&mut self, chunk: &mut Chunk<'_>, from: usize) -> Option<usize> {
        let place = self.top.guess as usize;
        let text = chunk.input.get(chunk.pos..)?;
        let (length, next) = self.fields.state(self.top.state).begins(text, place)?;
        let treat = self.rules.treat(next, Treat::Follow);
        let space = usize::from(text.get(length) == Some(&b' '));
        let start = chunk.pos + length + space;
        let wanted = matches!(treat, Treat::Mask(_) | Treat::Look(_));
        let whole = quick_scalar(chunk.input, start, wanted)?;
        let longest = self.limits.token_bytes_max;
        if length > longest || whole.end - start > longest {
            return None;
        }
        let raw = chunk.input.get(start..whole.end)?;
        let scalar = if wanted { whole.shape.scalar(raw)? } else { Scalar::Null };
        let seen = self.seen.get_mut(self.top.seen as usize + place / 64)?;
        let bit = 1u64 << (place % 64);
        if *seen & bit != 0 || treat == Treat::Follow || treat == Treat::Skip {
            return None;
        }
        if self.links && matches!(treat, Treat::Keep(_)) && whole.shape == Shape::Text {
            // The walk looks at what may be a reference.
            if links::may_begin(raw.get(1..raw.len() - 1)?, false) {
                return None;
            }
        }
        *seen |= bit;
        self.top.behind = self.top.guess + 1;
        self.top.guess = self.order.next(self.top.state, self.top.behind);
        match treat {
            Treat::Keep(label) => {
                self.showing.count(label);
                self.showed_outside |= !self.in_records;
                self.top.emitted = true;
            }
            Treat::Drop(label) => {
                self.showing.count(label);
                self.sink.leave_out(chunk, from, whole.end);
            }
            Treat::Mask(label) | Treat::Look(label) => {
                self.showing.count(label);
                self.quick_show(chunk, from, start..whole.end, label, scalar);
            }
            Treat::Follow | Treat::Skip => {}
        }
        Some(whole.end)
    }

    #[inline(always)]
    fn quick_show(
        &mut self,
        chunk: &mut Chunk<'_>,
        from: usize,
        token: std::ops::Range<usize>,
        label: u16,
        scalar: Scalar<'_>,
    ) {
        match self.showing.show(label, scalar) {
            View::Absent => {
                self.sink.leave_out(chunk, from, token.end);
                return;
            }
            View::Kept => {}
            shown @ (View::Text(_) | View::Number(_) | View::Bool(_) | View::Null) => {
                self.sink.leave_out(chunk, token.start, token.end);
                value::write(shown, chunk.out);
            }
        }
        self.showed_outside |= !self.in_records;
        self.top.emitted = true;
    }
}

/// The scalar that begins here, if it is one without escapes, exponents or faults, and something
/// follows it. The text of one that is not wanted is checked to be UTF-8; else its reader does that.
#[inline(always)]
fn quick_scalar(input: &[u8], start: usize, wanted: bool) -> Option<Whole> {
    match input.get(start)? {
        b'"' => {
            let (end, beyond_ascii) = plain_run(input, start + 1);
            let closes = input.get(end) == Some(&b'"');
            let sound = !beyond_ascii || wanted || is_utf8(input.get(start + 1..end)?);
            (closes && sound).then_some(Whole { shape: Shape::Text, end: end + 1 })
        }
        b'0'..=b'9' | b'-' => Some(Whole { shape: Shape::Number, end: quick_number(input, start)? }),
        b't' => word(input, start, b"true"),
        b'f' => word(input, start, b"false"),
        b'n' => word(input, start, b"null"),
        _ => None,
    }
}

#[inline(always)]
fn word(input: &[u8], start: usize, word: &[u8]) -> Option<Whole> {
    let end = start + word.len();
    (input.get(start..end)? == word).then_some(Whole { shape: Shape::Literal, end })
}

/// The end of a number without exponent that does not begin with a zero, unless with `0.`
#[inline(always)]
fn quick_number(input: &[u8], start: usize) -> Option<usize> {
    let first = start + usize::from(input.get(start) == Some(&b'-'));
    let whole = digits(input, first)?;
    if whole == first || (whole > first + 1 && input.get(first) == Some(&b'0')) {
        return None;
    }
    let end = match input.get(whole)? {
        b'.' => digits(input, whole + 1).filter(|end| *end > whole + 1)?,
        _ => whole,
    };
    matches!(input.get(end)?, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t').then_some(end)
}

/// Where the digits end; none if that is not in this piece.
#[inline(always)]
fn digits(input: &[u8], from: usize) -> Option<usize> {
    let rest = input.get(from..)?;
    Some(from + rest.iter().position(|byte| !byte.is_ascii_digit())?)
}

impl Shape {
    /// What a scalar that was found this way says; none if it is not UTF-8.
    #[inline(always)]
    fn scalar(self, raw: &[u8]) -> Option<Scalar<'_>> {
        match self {
            Shape::Text => Some(Scalar::Text(std::str::from_utf8(raw.get(1..raw.len() - 1)?).ok()?)),
            Shape::Number => Some(Scalar::Number(std::str::from_utf8(raw).ok()?)),
            Shape::Literal => Some(match raw {
                b"true" => Scalar::Bool(true),
                b"false" => Scalar::Bool(false),
                _ => Scalar::Null,
            }),
            Shape::Object | Shape::Array => None,
        }
    }
}
