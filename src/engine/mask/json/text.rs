//! Strings: found whole eight bytes at a time, in any pieces.

use crate::engine::mask::plan::{FaultKind, MaskFault};

/// A string being read.
#[derive(Debug, Default)]
pub(super) struct TextScan {
    state: State,
    /// An escape was met.
    escaped: bool,
    /// The beginning of a character that the last piece cut.
    cut: [u8; 4],
    cut_len: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    /// After a backslash; `low` if only the second half of a surrogate pair may follow.
    Escape { low: bool },
    /// After `\u`: so many digits are left.
    Hex { left: u8, unit: u16, low: bool },
    /// After the first half of a surrogate pair.
    Pair,
}

impl TextScan {
    pub(super) fn escaped(&self) -> bool {
        self.escaped
    }

    /// Reads on from `at`; gives the position after the closing quote once it is there.
    ///
    /// `base` is the offset of `bytes` in the body, for faults.
    #[inline]
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        base: u64,
    ) -> Result<Option<usize>, MaskFault> {
        if self.cut_len > 0 {
            match self.mend(bytes, at, base)? {
                Some(after) => at = after,
                None => return Ok(None),
            }
        }
        loop {
            if self.state == State::Plain {
                let (length, high) = plain_run(bytes.get(at..).unwrap_or_default());
                let end = at + length;
                if high {
                    self.check(bytes, at, end, base)?;
                }
                match bytes.get(end) {
                    Some(b'"') => return Ok(Some(end + 1)),
                    Some(b'\\') => (self.escaped, self.state) = (true, State::Escape { low: false }),
                    Some(_) => return Err(fault(FaultKind::ControlCharacter, base, end)),
                    None => return Ok(None),
                }
                at = end + 1;
            }
            let Some(byte) = bytes.get(at) else { return Ok(None) };
            self.state = self.escape(*byte).map_err(|kind| fault(kind, base, at))?;
            at += 1;
        }
    }

    /// One byte of an escape.
    fn escape(&self, byte: u8) -> Result<State, FaultKind> {
        match (self.state, byte) {
            (State::Escape { low }, b'u') => Ok(State::Hex { left: 4, unit: 0, low }),
            (State::Escape { low: true } | State::Pair, b'"') => Err(FaultKind::LoneSurrogate),
            (State::Escape { low: false }, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Ok(State::Plain)
            }
            (State::Escape { low: true }, _) => Err(FaultKind::LoneSurrogate),
            (State::Escape { low: false }, _) => Err(FaultKind::BadEscape),
            (State::Pair, b'\\') => Ok(State::Escape { low: true }),
            (State::Pair, _) => Err(FaultKind::LoneSurrogate),
            (State::Hex { left, unit, low }, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(FaultKind::BadEscape)?;
                let unit = unit << 4 | digit as u16;
                if left > 1 { Ok(State::Hex { left: left - 1, unit, low }) } else { after_unit(unit, low) }
            }
            (State::Plain, _) => Ok(State::Plain),
        }
    }

    /// Checks characters beyond ASCII; keeps one that the end of the piece cuts.
    fn check(&mut self, bytes: &[u8], from: usize, to: usize, base: u64) -> Result<(), MaskFault> {
        let run = bytes.get(from..to).unwrap_or_default();
        let Err(error) = std::str::from_utf8(run) else { return Ok(()) };
        let wrong = from + error.valid_up_to();
        let rest = bytes.get(wrong..to).unwrap_or_default();
        match self.cut.get_mut(..rest.len()) {
            Some(cut) if error.error_len().is_none() && to == bytes.len() => {
                cut.copy_from_slice(rest);
                self.cut_len = rest.len() as u8;
                Ok(())
            }
            _ => Err(fault(FaultKind::InvalidUtf8, base, wrong)),
        }
    }

    /// Completes the character that the last piece cut; gives the position after it.
    #[cold]
    fn mend(&mut self, bytes: &[u8], mut at: usize, base: u64) -> Result<Option<usize>, MaskFault> {
        let start = base.saturating_add(at as u64).saturating_sub(u64::from(self.cut_len));
        loop {
            let Some(byte) = bytes.get(at) else { return Ok(None) };
            let len = usize::from(self.cut_len) + 1;
            let wrong = MaskFault { kind: FaultKind::InvalidUtf8, offset: start };
            // Never more than four bytes: at the fourth, text is either valid or wrong.
            *self.cut.get_mut(len - 1).ok_or(wrong)? = *byte;
            at += 1;
            match std::str::from_utf8(self.cut.get(..len).unwrap_or_default()) {
                Ok(_) => {
                    self.cut_len = 0;
                    return Ok(Some(at));
                }
                Err(error) if error.error_len().is_none() => self.cut_len = len as u8,
                Err(_) => return Err(wrong),
            }
        }
    }
}

fn after_unit(unit: u16, low: bool) -> Result<State, FaultKind> {
    match (unit, low) {
        (0xDC00..=0xDFFF, true) => Ok(State::Plain),
        (_, true) | (0xDC00..=0xDFFF, false) => Err(FaultKind::LoneSurrogate),
        (0xD800..=0xDBFF, false) => Ok(State::Pair),
        (_, false) => Ok(State::Plain),
    }
}

fn fault(kind: FaultKind, base: u64, at: usize) -> MaskFault {
    MaskFault { kind, offset: base.saturating_add(at as u64) }
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// How many bytes come before the next quote, backslash or control character, and whether one beyond
/// ASCII is among them.
///
/// Eight bytes at once: Mycroft's test for a zero byte, as in serde_json. A borrow can only run out
/// of a byte that is itself a hit, so the lowest hit is exact.
#[inline(always)]
pub(super) fn plain_run(bytes: &[u8]) -> (usize, bool) {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut high = 0;
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let hits = special(word);
        if hits != 0 {
            let before = hits.trailing_zeros() / 8;
            // The bytes below the hit; shifting by 64 cannot happen as `before` is at most 7.
            high |= word & ((1u64 << (before * 8)) - 1);
            return (length + before as usize, high & HIGHS != 0);
        }
        high |= word;
        length += 8;
    }
    let mut beyond = high & HIGHS != 0;
    for byte in tail {
        match byte {
            b'"' | b'\\' | 0..0x20 => break,
            _ => beyond |= *byte >= 0x80,
        }
        length += 1;
    }
    (length, beyond)
}

#[inline]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let hits = quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES) | word.wrapping_sub(ONES * 0x20);
    // Bytes beyond ASCII are none of these.
    hits & !word & HIGHS
}

/// The bytes are UTF-8. Common Chinese characters, two at a time, go faster than one by one.
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        while let Some((eight, _)) = rest.split_first_chunk::<8>()
            && begins_with_two_of_three(*eight)
        {
            rest = rest.get(6..).unwrap_or_default();
        }
        rest = match rest {
            [0..0x80, after @ ..] => after,
            [0xE1..=0xEC | 0xEE | 0xEF, 0x80..0xC0, 0x80..0xC0, after @ ..] => after,
            [] => return true,
            _ => return std::str::from_utf8(rest).is_ok(),
        }
    }
}

/// These begin with two characters of three bytes each, whose first byte is E4 to EB: most of the Chinese
/// and Korean ones are, and E0 (an overlong form) and ED (a surrogate) are not among them.
#[inline]
fn begins_with_two_of_three(bytes: [u8; 8]) -> bool {
    const FIRST: u64 = 0x08_00_00_08;
    let word = u64::from_le_bytes(bytes);
    let shaped = word & 0xC0_C0_F0_C0_C0_F0 == 0x80_80_E0_80_80_E0;
    // Of the third and the fourth bit, just one.
    shaped && (word ^ word << 1) & FIRST == FIRST
}

/// Turns the inside of a string that was read without fault into the text it stands for.
pub(super) fn unescape(raw: &[u8], text: &mut Vec<u8>) {
    text.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        text.extend_from_slice(plain);
        let (character, length) = read_escape(escape);
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
}

/// The character of an escape, and how many bytes it takes.
fn read_escape(escape: &[u8]) -> (char, usize) {
    match escape.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => {
            let unit = hex(escape, 2);
            match char::from_u32(unit) {
                Some(character) => (character, 6),
                None => {
                    let code = 0x10000 + ((unit & 0x3FF) << 10 | hex(escape, 8) & 0x3FF);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
            }
        }
        Some(byte) => (char::from(*byte), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn hex(escape: &[u8], from: usize) -> u32 {
    let digits = escape.get(from..from + 4).unwrap_or_default();
    digits.iter().fold(0, |unit, digit| unit << 4 | char::from(*digit).to_digit(16).unwrap_or(0))
}
