//! Tokens, in any pieces: read to their end, held only if somebody asks what they say.
//!
//! Most tokens lie whole in one piece and have no escape; [`Walk::quick_text`] finds the end of
//! those without any state. What a piece cuts goes on from [`Token`].

use super::frame::{Arrival, Treat};
use super::literal::LiteralScan;
use super::number::NumberScan;
use super::sink::Chunk;
use super::text::{TextScan, is_utf8, plain_run, unescape};
use super::walk::{Expect, Next, Token, Walk};
use crate::engine::mask::fields::DEAD;
use crate::engine::mask::plan::{FaultKind, MaskFault};
use crate::engine::mask::scalar::Scalar;
use std::mem;

impl Walk {
    /// Goes on with the token that the last piece cut.
    pub(super) fn resume(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        match mem::replace(&mut self.token, Token::None) {
            Token::None => Ok(()),
            Token::Key(text) => self.read_key(chunk, 0, 0, text),
            Token::Text(text) => self.read_text(chunk, 0, 0, text),
            Token::Number(number) => self.read_number(chunk, 0, 0, number),
            Token::Literal(literal) => self.read_literal(chunk, 0, 0, literal),
        }
    }

    #[inline]
    pub(super) fn begin_key(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        let start = chunk.pos;
        if self.top.decides && self.quick_members(chunk) {
            return Ok(());
        }
        let Some(end) = self.quick_text(chunk, start) else {
            return self.read_key(chunk, start, start + 1, TextScan::default());
        };
        chunk.pos = end;
        self.expect = Expect::Colon;
        if self.top.decides {
            let key = chunk.input.get(start + 1..end - 1).unwrap_or_default();
            self.take_key(chunk, key, self.bytes_in().saturating_add(start as u64))?;
        } else {
            self.pass_key();
        }
        if chunk.input.get(end) == Some(&b':') {
            chunk.pos = end + 1;
            self.expect = Expect::Value;
            return self.begin_member_text(chunk);
        }
        Ok(())
    }

    /// Goes on with a member's value if it is a string and follows at once; else the walk finds it.
    #[inline]
    fn begin_member_text(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        if chunk.input.get(chunk.pos) == Some(&b'"') { self.begin_value(chunk, b'"') } else { Ok(()) }
    }

    fn read_key(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
        mut text: TextScan,
    ) -> Result<(), MaskFault> {
        let wanted = self.top.decides;
        let Some(end) = self.text_end(chunk, start, at, &mut text)? else {
            return self.cut(chunk, start, wanted, Token::Key(text));
        };
        chunk.pos = end;
        self.expect = Expect::Colon;
        if wanted {
            let before = self.token_bytes as u64;
            let first = self.bytes_in().saturating_add(start as u64).saturating_sub(before);
            self.with_content(chunk, start, &text, |walk, chunk, _, key| walk.take_key(chunk, key, first))?;
        } else {
            self.pass_key();
        }
        self.token_bytes = 0;
        Ok(())
    }

    /// A key where nothing is decided: its value is treated as its object is.
    fn pass_key(&mut self) {
        self.next = Next { treat: self.top.treat, state: DEAD, arrival: Arrival::Other };
    }

    #[inline]
    pub(super) fn begin_text(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        let start = chunk.pos;
        let Some(end) = self.quick_text(chunk, start) else {
            return self.read_text(chunk, start, start + 1, TextScan::default());
        };
        chunk.pos = end;
        if self.is_value_wanted() {
            let raw = chunk.input.get(start..end).unwrap_or_default();
            self.show_text(chunk, start, raw, inside(raw))?;
        }
        self.end_value(chunk);
        Ok(())
    }

    fn read_text(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
        mut text: TextScan,
    ) -> Result<(), MaskFault> {
        let wanted = self.is_value_wanted();
        let Some(end) = self.text_end(chunk, start, at, &mut text)? else {
            return self.cut(chunk, start, wanted, Token::Text(text));
        };
        chunk.pos = end;
        if wanted {
            self.with_content(chunk, start, &text, |walk, chunk, raw, text| {
                walk.show_text(chunk, start, raw, text)
            })?;
        }
        self.token_bytes = 0;
        self.end_value(chunk);
        Ok(())
    }

    fn show_text(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        raw: &[u8],
        text: &[u8],
    ) -> Result<(), MaskFault> {
        let text = std::str::from_utf8(text).map_err(|_| self.fault(FaultKind::InvalidUtf8, start))?;
        self.show(chunk, start, raw, Scalar::Text(text));
        Ok(())
    }

    /// Where a string ends that lies whole in this piece, has no escape and no fault.
    #[inline(always)]
    fn quick_text(&self, chunk: &Chunk<'_>, start: usize) -> Option<usize> {
        let (length, high) = plain_run(chunk.input.get(start + 1..)?);
        let end = start + 1 + length;
        let ends = chunk.input.get(end) == Some(&b'"') && end - start < self.limits.token_bytes_max;
        (ends && (!high || is_utf8(chunk.slice(start + 1, end)))).then_some(end + 1)
    }

    /// Where the string ends, if it does in this piece.
    fn text_end(
        &self,
        chunk: &Chunk<'_>,
        start: usize,
        at: usize,
        text: &mut TextScan,
    ) -> Result<Option<usize>, MaskFault> {
        let window = chunk.slice(0, self.window(chunk, start));
        let end = text.read(window, at, self.bytes_in())?;
        self.check_length(start, end.unwrap_or(window.len()))?;
        Ok(end)
    }

    /// Does something with the string that ends here: as it was written, and what it says.
    fn with_content(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        text: &TextScan,
        act: impl FnOnce(&mut Walk, &mut Chunk<'_>, &[u8], &[u8]) -> Result<(), MaskFault>,
    ) -> Result<(), MaskFault> {
        let mut held = mem::take(&mut self.held);
        let mut scratch = mem::take(&mut self.scratch);
        let quoted = whole(chunk, start, self.token_bytes, &mut held);
        let content = inside(quoted);
        let acted = if text.escaped() {
            unescape(content, &mut scratch);
            act(self, chunk, quoted, &scratch)
        } else {
            act(self, chunk, quoted, content)
        };
        held.clear();
        (self.held, self.scratch) = (held, scratch);
        acted
    }

    pub(super) fn read_number(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
        mut number: NumberScan,
    ) -> Result<(), MaskFault> {
        let window = chunk.slice(0, self.window(chunk, start));
        let end = number.read(window, at).map_err(|wrong| self.fault(FaultKind::BadNumber, wrong))?;
        self.check_length(start, end.unwrap_or(window.len()))?;
        let Some(end) = end else {
            return self.cut(chunk, start, self.is_value_wanted(), Token::Number(number));
        };
        chunk.pos = end;
        self.end_number(chunk, start)
    }

    /// The number that ends here is whole.
    pub(super) fn end_number(&mut self, chunk: &mut Chunk<'_>, start: usize) -> Result<(), MaskFault> {
        if self.is_value_wanted() {
            let mut held = mem::take(&mut self.held);
            let lexeme = std::str::from_utf8(whole(chunk, start, self.token_bytes, &mut held))
                .map_err(|_| self.fault(FaultKind::InvalidUtf8, start))?;
            self.show(chunk, start, lexeme.as_bytes(), Scalar::Number(lexeme));
            held.clear();
            self.held = held;
        }
        self.token_bytes = 0;
        self.end_value(chunk);
        Ok(())
    }

    pub(super) fn read_literal(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
        mut literal: LiteralScan,
    ) -> Result<(), MaskFault> {
        let end = literal.read(chunk.input, at).map_err(|wrong| self.fault(FaultKind::Unexpected, wrong))?;
        let Some(end) = end else {
            return self.cut(chunk, start, false, Token::Literal(literal));
        };
        chunk.pos = end;
        self.show(chunk, start, literal.spelling(), literal.scalar());
        self.token_bytes = 0;
        self.end_value(chunk);
        Ok(())
    }

    /// Somebody will ask what the value says.
    fn is_value_wanted(&self) -> bool {
        matches!(self.next.treat, Treat::Mask(_) | Treat::Look(_))
    }

    /// So far a token may be read in this piece, which holds it from `start`: one byte more than
    /// the limit, so that a token of just the limit is seen to end.
    fn window(&self, chunk: &Chunk<'_>, start: usize) -> usize {
        let left = self.limits.token_bytes_max.saturating_add(1).saturating_sub(self.token_bytes);
        chunk.input.len().min(start.saturating_add(left))
    }

    /// The token has so many bytes, or more than so many.
    fn check_length(&self, start: usize, end: usize) -> Result<(), MaskFault> {
        let length = self.token_bytes.saturating_add(end.saturating_sub(start));
        if length <= self.limits.token_bytes_max {
            return Ok(());
        }
        let allowed = self.limits.token_bytes_max.saturating_sub(self.token_bytes);
        Err(self.fault(FaultKind::TokenTooLong, start.saturating_add(allowed)))
    }

    /// The token goes on in the next piece; its length was checked.
    #[cold]
    fn cut(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        wanted: bool,
        token: Token,
    ) -> Result<(), MaskFault> {
        if wanted {
            self.held.extend_from_slice(chunk.slice(start, chunk.input.len()));
        }
        if !matches!(token, Token::Key(_)) {
            self.sink.hold(chunk, start);
        }
        self.token_bytes = self.token_bytes.saturating_add(chunk.input.len().saturating_sub(start));
        self.token = token;
        chunk.pos = chunk.input.len();
        Ok(())
    }
}

/// A string without its quotes.
fn inside(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// The bytes of the token that ends here: in this piece, or those held and these.
fn whole<'a>(chunk: &Chunk<'a>, start: usize, before: usize, held: &'a mut Vec<u8>) -> &'a [u8] {
    let here = chunk.input.get(start..chunk.pos).unwrap_or_default();
    if before == 0 {
        return here;
    }
    held.extend_from_slice(here);
    held
}
