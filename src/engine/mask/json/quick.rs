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
use crate::engine::mask::scalar::{Ends, Scalar, View};
use std::ops::Range;

/// A scalar that lies whole in the piece.
struct Whole<'a> {
    shape: Shape,
    /// A text without its quotes; else as it was written.
    content: &'a [u8],
    /// A text, all of it ASCII.
    ascii: bool,
    length: usize,
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
        let treat = self.rules.own(next)?;
        let wanted = match treat {
            Treat::Mask(label) | Treat::Look(label) => Some(label),
            Treat::Keep(_) | Treat::Drop(_) => None,
            Treat::Follow | Treat::Skip => return None,
        };
        let value = text.get(length..)?;
        let (space, value) = value.strip_prefix(b" ").map_or((0, value), |value| (1, value));
        let whole = quick_scalar(value, wanted.is_some())?;
        let start = chunk.pos + length + space;
        let end = start + whole.length;
        // Key and value together are no longer than one of them may be; the walk tells them apart.
        if end - chunk.pos > self.limits.token_bytes_max {
            return None;
        }
        if self.links && whole.shape == Shape::Text && matches!(treat, Treat::Keep(_)) {
            // The walk looks at what may be a reference.
            if links::may_begin(whole.content, false) {
                return None;
            }
        }
        let ends = wanted.filter(|_| whole.ascii).and_then(|label| self.showing.ends(label, whole.content));
        let scalar = if wanted.is_some() && ends.is_none() { whole.scalar()? } else { Scalar::Null };
        let seen = self.seen.get_mut(self.top.seen as usize + place / 64)?;
        let bit = 1u64 << (place % 64);
        if *seen & bit != 0 {
            return None;
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
                self.sink.leave_out(chunk, from, end);
            }
            Treat::Mask(label) | Treat::Look(label) => {
                self.showing.count(label);
                match ends {
                    Some(ends) => self.quick_ends(chunk, start..end, ends),
                    None => self.quick_show(chunk, from, start..end, label, scalar),
                }
            }
            Treat::Follow | Treat::Skip => {}
        }
        Some(end)
    }

    #[inline(always)]
    fn quick_show(
        &mut self,
        chunk: &mut Chunk<'_>,
        from: usize,
        token: Range<usize>,
        label: u16,
        scalar: Scalar<'_>,
    ) {
        match self.showing.show(label, scalar) {
            View::Absent => {
                self.sink.leave_out(chunk, from, token.end);
                return;
            }
            View::Kept => {}
            View::Ends(ends) => return self.quick_ends(chunk, token, ends),
            shown @ (View::Text(_) | View::Number(_) | View::Bool(_) | View::Null) => {
                self.sink.leave_out(chunk, token.start, token.end);
                value::write(shown, scalar, chunk.out);
            }
        }
        self.showed_outside |= !self.in_records;
        self.top.emitted = true;
    }

    /// Stars in the midst of a text, whose ends stay where they are: it has no escapes.
    #[inline(always)]
    fn quick_ends(&mut self, chunk: &mut Chunk<'_>, token: Range<usize>, ends: Ends) {
        self.sink.leave_out(chunk, token.start + 1 + ends.first, token.end - 1 - ends.last);
        chunk.out.resize(chunk.out.len() + ends.stars, b'*');
        self.showed_outside |= !self.in_records;
        self.top.emitted = true;
    }
}

/// The scalar that begins here, if it is one without escapes, exponents or faults, and something
/// follows it. The text of one that is not wanted is checked to be UTF-8; else its reader does that.
#[inline(always)]
fn quick_scalar(value: &[u8], wanted: bool) -> Option<Whole<'_>> {
    match value.first()? {
        b'"' => {
            let inside = value.get(1..)?;
            let (end, beyond_ascii) = plain_run(inside);
            let (content, after) = inside.split_at_checked(end)?;
            let sound = !beyond_ascii || wanted || is_utf8(content);
            let closes = after.first() == Some(&b'"');
            (closes && sound).then_some(Whole {
                shape: Shape::Text,
                content,
                ascii: !beyond_ascii,
                length: end + 2,
            })
        }
        b'0'..=b'9' | b'-' => token(value, quick_number(value)?, Shape::Number),
        b't' => word(value, b"true"),
        b'f' => word(value, b"false"),
        b'n' => word(value, b"null"),
        _ => None,
    }
}

#[inline(always)]
fn token(value: &[u8], length: usize, shape: Shape) -> Option<Whole<'_>> {
    Some(Whole { shape, content: value.get(..length)?, ascii: false, length })
}

#[inline(always)]
fn word<'a>(value: &'a [u8], word: &[u8]) -> Option<Whole<'a>> {
    if value.starts_with(word) { token(value, word.len(), Shape::Literal) } else { None }
}

/// The end of a number without exponent that does not begin with a zero, unless with `0.`
#[inline(always)]
fn quick_number(value: &[u8]) -> Option<usize> {
    let first = usize::from(value.first() == Some(&b'-'));
    let whole = digits(value, first)?;
    if whole == first || (whole > first + 1 && value.get(first) == Some(&b'0')) {
        return None;
    }
    let end = match value.get(whole)? {
        b'.' => digits(value, whole + 1).filter(|end| *end > whole + 1)?,
        _ => whole,
    };
    matches!(value.get(end)?, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t').then_some(end)
}

/// Where the digits end; none if that is not in this piece.
#[inline(always)]
fn digits(value: &[u8], from: usize) -> Option<usize> {
    let rest = value.get(from..)?;
    Some(from + rest.iter().position(|byte| !byte.is_ascii_digit())?)
}

impl Whole<'_> {
    /// What it says; none if it is not UTF-8.
    #[inline(always)]
    fn scalar(&self) -> Option<Scalar<'_>> {
        match self.shape {
            Shape::Text => Some(Scalar::Text(std::str::from_utf8(self.content).ok()?)),
            Shape::Number => Some(Scalar::Number(std::str::from_utf8(self.content).ok()?)),
            Shape::Literal => Some(match self.content {
                b"true" => Scalar::Bool(true),
                b"false" => Scalar::Bool(false),
                _ => Scalar::Null,
            }),
            Shape::Object | Shape::Array => None,
        }
    }
}
