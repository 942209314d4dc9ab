//! One reading of how a value was typed: full-width forms, spaces and dashes.
//!
//! Nothing is guessed here: a character that is neither part of an identifier nor a known separator
//! makes the text invalid, so that two readings of one text cannot exist.

use super::Flaw;

/// Longest compact identifier; the longest kind (an IBAN of the registry) has 33 characters.
const COMPACT_MAX: usize = 40;

/// Longest text that is looked at, in bytes: a full-width, widely spaced identifier is far shorter.
pub(super) const TEXT_BYTES_MAX: usize = 1024;

/// The half-width form of a full-width character (U+FF01 to U+FF5E and U+3000); others are kept.
pub(in crate::engine) fn half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        other => other,
    }
}

/// A space of any width. Line breaks and tabs are not spaces: they are refused.
pub(in crate::engine) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// A hyphen, dash or minus sign of any width.
pub(in crate::engine) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

/// The dot between the parts of a name (U+00B7) and the characters that are typed for it.
pub(in crate::engine) fn is_interpunct(c: char) -> bool {
    matches!(c, '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{22C5}' | '\u{30FB}' | '\u{FF65}')
}

/// An identifier of ASCII letters, digits and `+`, upper case, without separators; on the stack.
#[derive(Clone, Copy)]
pub(super) struct Compact {
    bytes: [u8; COMPACT_MAX],
    len: usize,
}

impl Compact {
    /// Reads a text; what is neither ASCII letter, digit, `+`, space nor dash is refused.
    pub(super) fn read(text: &str) -> Result<Self, Flaw> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Flaw::Length);
        }
        let mut compact = Compact { bytes: [0; COMPACT_MAX], len: 0 };
        for c in text.chars() {
            // Nearly every character is one of these, and need not be held against the others.
            if c.is_ascii_alphanumeric() {
                compact.push(c.to_ascii_uppercase() as u8)?;
                continue;
            }
            let c = half_width(c);
            if is_space(c) || is_dash(c) {
                continue;
            }
            let byte = u8::try_from(c).map_err(|_| Flaw::Character)?;
            if !byte.is_ascii_alphanumeric() && byte != b'+' {
                return Err(Flaw::Character);
            }
            compact.push(byte.to_ascii_uppercase())?;
        }
        if compact.len == 0 { Err(Flaw::Empty) } else { Ok(compact) }
    }

    /// Takes bytes that are already compact.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut compact = Compact { bytes: [0; COMPACT_MAX], len: 0 };
        bytes.iter().try_for_each(|byte| compact.push(*byte))?;
        Ok(compact)
    }

    /// Adds one ASCII byte.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), Flaw> {
        *self.bytes.get_mut(self.len).ok_or(Flaw::Length)? = byte;
        self.len += 1;
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        // Only ASCII is ever pushed, so this always holds.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// The same without a leading part, if it has one.
    pub(super) fn without(&self, prefix: &[u8]) -> Option<Self> {
        Compact::of(self.bytes().strip_prefix(prefix)?).ok()
    }

    /// The bytes, if there are exactly `N`.
    pub(super) fn exactly<const N: usize>(&self) -> Result<&[u8; N], Flaw> {
        self.bytes().try_into().map_err(|_| Flaw::Length)
    }
}

/// Whether all are ASCII digits.
pub(super) fn digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

/// An upper-case letter other than I and O, which plates and passports avoid.
pub(super) fn plain_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() && byte != b'I' && byte != b'O'
}

/// The number that ASCII digits write; other bytes make no number.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
