//! Tokens, in any pieces: read to their end, held only if somebody asks what they say.

use super::frame::{Arrival, Treat};
use super::sink::Chunk;
use super::text::{TextScan, unescape};
use super::walk::{Expect, Next, Token, Walk};
use crate::engine::mask::fields::DEAD;
use crate::engine::mask::plan::{FaultKind, MaskFault};
use crate::engine::mask::scalar::Scalar;
use std::mem;

impl Walk {
    pub(super) fn begin_key(&mut self, chunk: &mut Chunk<'_>) -> Result<(), MaskFault> {
        self.token = Token::Key(TextScan::default());
        self.read_text(chunk, chunk.pos, chunk.pos + 1)
    }

    /// So far a token may be read in this piece, which holds it from `start`: one byte more than
    /// the limit, so that a token of just the limit is seen to end.
    fn window(&self, chunk: &Chunk<'_>, start: usize) -> usize {
        let left = self.limits.token_bytes_max.saturating_add(1).saturating_sub(self.token_bytes);
        chunk.input.len().min(start.saturating_add(left))
    }

    fn check_length(&self, start: usize, end: usize) -> Result<(), MaskFault> {
        let length = self.token_bytes.saturating_add(end.saturating_sub(start));
        if length <= self.limits.token_bytes_max {
            return Ok(());
        }
        let allowed = self.limits.token_bytes_max.saturating_sub(self.token_bytes);
        Err(self.fault(FaultKind::TokenTooLong, start.saturating_add(allowed)))
    }

    /// The token goes on in the next piece.
    fn cut(&mut self, chunk: &mut Chunk<'_>, start: usize, end: usize) -> Result<(), MaskFault> {
        self.check_length(start, end)?;
        if self.is_wanted() {
            self.held.extend_from_slice(chunk.slice(start, end));
        }
        self.token_bytes += end.saturating_sub(start);
        chunk.pos = end;
        Ok(())
    }

    /// Somebody will ask what the token says.
    fn is_wanted(&self) -> bool {
        match self.token {
            Token::Key(_) => self.top.is_decided_inside(),
            Token::Text(_) | Token::Number(_) => matches!(self.next.treat, Treat::Mask(_)),
            Token::None | Token::Literal(_) => false,
        }
    }

    /// Reads on in a string; `start` is where it begins in this piece.
    pub(super) fn read_text(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
    ) -> Result<(), MaskFault> {
        let window = self.window(chunk, start);
        let base = self.tally.bytes_in;
        let (Token::Key(text) | Token::Text(text)) = &mut self.token else { return Ok(()) };
        let Some(end) = text.read(chunk.input.get(..window).unwrap_or_default(), at, base)? else {
            return self.cut(chunk, start, window);
        };
        self.check_length(start, end)?;
        let token = mem::replace(&mut self.token, Token::None);
        chunk.pos = end;
        match token {
            Token::Key(text) => self.end_key(chunk, start, text.escaped())?,
            Token::Text(text) => self.end_text(chunk, start, text.escaped())?,
            Token::Number(_) | Token::Literal(_) | Token::None => {}
        }
        self.token_bytes = 0;
        Ok(())
    }

    fn end_key(&mut self, chunk: &mut Chunk<'_>, start: usize, escaped: bool) -> Result<(), MaskFault> {
        self.expect = Expect::Colon;
        if !self.top.is_decided_inside() {
            self.next = Next { treat: self.top.treat, state: DEAD, arrival: Arrival::Other };
            return Ok(());
        }
        let first = self.tally.bytes_in.saturating_add(start as u64).saturating_sub(self.token_bytes as u64);
        self.with_content(chunk, start, escaped, |walk, chunk, key| walk.take_key(chunk, key, first))
    }

    fn end_text(&mut self, chunk: &mut Chunk<'_>, start: usize, escaped: bool) -> Result<(), MaskFault> {
        if let Treat::Mask(_) = self.next.treat {
            let wrong = self.fault(FaultKind::InvalidUtf8, start);
            self.with_content(chunk, start, escaped, |walk, chunk, text| {
                let text = std::str::from_utf8(text).map_err(|_| wrong)?;
                walk.show(chunk, Scalar::Text(text));
                Ok(())
            })?;
        }
        self.end_value(chunk);
        Ok(())
    }

    /// Does something with the text of the string that ends here.
    fn with_content(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        escaped: bool,
        act: impl FnOnce(&mut Walk, &mut Chunk<'_>, &[u8]) -> Result<(), MaskFault>,
    ) -> Result<(), MaskFault> {
        let mut held = mem::take(&mut self.held);
        let mut scratch = mem::take(&mut self.scratch);
        let quoted = whole(chunk, start, self.token_bytes, &mut held);
        let content = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        let acted = if escaped {
            unescape(content, &mut scratch);
            act(self, chunk, &scratch)
        } else {
            act(self, chunk, content)
        };
        held.clear();
        (self.held, self.scratch) = (held, scratch);
        acted
    }

    /// Reads on in a number; `start` is where it begins in this piece.
    pub(super) fn read_number(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        at: usize,
    ) -> Result<(), MaskFault> {
        let window = self.window(chunk, start);
        let Token::Number(number) = &mut self.token else { return Ok(()) };
        match number.read(chunk.input.get(..window).unwrap_or_default(), at) {
            Err(wrong) => Err(self.fault(FaultKind::BadNumber, wrong)),
            Ok(None) => self.cut(chunk, start, window),
            Ok(Some(end)) => {
                chunk.pos = end;
                self.check_length(start, end)?;
                self.end_number(chunk, start)
            }
        }
    }

    /// The number that ends here is whole.
    pub(super) fn end_number(&mut self, chunk: &mut Chunk<'_>, start: usize) -> Result<(), MaskFault> {
        if let Treat::Mask(_) = self.next.treat {
            let mut held = mem::take(&mut self.held);
            let lexeme = std::str::from_utf8(whole(chunk, start, self.token_bytes, &mut held))
                .map_err(|_| self.fault(FaultKind::InvalidUtf8, start))?;
            self.show(chunk, Scalar::Number(lexeme));
            held.clear();
            self.held = held;
        }
        self.token = Token::None;
        self.token_bytes = 0;
        self.end_value(chunk);
        Ok(())
    }

    /// Reads on in a word.
    pub(super) fn read_literal(&mut self, chunk: &mut Chunk<'_>, at: usize) -> Result<(), MaskFault> {
        let Token::Literal(literal) = &mut self.token else { return Ok(()) };
        match literal.read(chunk.input, at) {
            Err(wrong) => Err(self.fault(FaultKind::Unexpected, wrong)),
            Ok(None) => {
                chunk.pos = chunk.input.len();
                Ok(())
            }
            Ok(Some(end)) => {
                let scalar = literal.scalar();
                chunk.pos = end;
                self.token = Token::None;
                self.show(chunk, scalar);
                self.end_value(chunk);
                Ok(())
            }
        }
    }
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
