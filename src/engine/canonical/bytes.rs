//! Which bytes may stand where: the character classes of RFC 9110 and RFC 3986, as tables.
//!
//! Shared by the canonical reading and by the framing inspector, so that both draw the same line.
//!
//! ```
//! use zhamen::engine::canonical::bytes::{content_length, is_target};
//! assert!(is_target(b'%') && !is_target(b'#'));
//! assert_eq!(content_length(b"+1"), None);
//! ```

/// Bit of a byte that may stand in a token (RFC 9110, section 5.6.2).
const TOKEN: u8 = 1;
/// Bit of a byte that may stand in a request target (RFC 3986: unreserved, reserved without `#`, `%`).
const TARGET: u8 = 2;
/// Bit of a byte that a path segment carries unescaped in our canonical form: `pchar` without `;`.
const PATH: u8 = 4;
/// Bit of a byte that a query key or value carries unescaped in our canonical form.
const QUERY: u8 = 8;
/// Bit of a token byte that is not an upper-case letter.
const LOWER: u8 = 16;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 128 {
        let b = byte as u8;
        let unreserved = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let sub = matches!(b, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
        let general = matches!(b, b':' | b'/' | b'?' | b'[' | b']' | b'@');
        if b.is_ascii_alphanumeric()
            || matches!(b, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+')
            || matches!(b, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
        {
            table[byte] |= if b.is_ascii_uppercase() { TOKEN } else { TOKEN | LOWER };
        }
        if unreserved || sub || general || b == b'%' {
            table[byte] |= TARGET;
        }
        if unreserved || (sub && b != b';') || b == b':' || b == b'@' {
            table[byte] |= PATH;
        }
        if unreserved || matches!(b, b':' | b'@' | b'/' | b',' | b'!' | b'*' | b'(' | b')') {
            table[byte] |= QUERY;
        }
        byte += 1;
    }
    table
}

/// Whether the byte may stand in a method or a field name.
pub fn is_token(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Whether this is a field name as HTTP/2 writes them: a token without upper-case letters.
pub fn is_lower_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().fold(true, |fine, b| fine & (CLASS[b as usize] & LOWER != 0))
}

/// Whether the byte may stand in a request target. `#` may not: a target has no fragment.
pub fn is_target(byte: u8) -> bool {
    CLASS[byte as usize] & TARGET != 0
}

/// Whether a path segment carries the byte unescaped.
pub fn is_path(byte: u8) -> bool {
    CLASS[byte as usize] & PATH != 0
}

/// Whether a query key or value carries the byte unescaped.
pub fn is_query(byte: u8) -> bool {
    CLASS[byte as usize] & QUERY != 0
}

/// Whether a field value is made of visible ASCII, spaces and tabs only. `obs-text` (0x80 to 0xFF)
/// is refused with the control characters: nobody agrees on what it says.
pub fn is_value(value: &[u8]) -> bool {
    // No early end: so the compiler compares many bytes at once.
    value.iter().fold(true, |fine, b| fine & ((0x20..0x7f).contains(b) | (*b == b'\t')))
}

/// How many bytes there are before the first control character other than a tab, eight at a time.
///
/// ```
/// use zhamen::engine::canonical::bytes::text_length;
/// assert_eq!(text_length("a\tb, \u{6d59}\r\n".as_bytes()), 8);
/// ```
pub fn text_length(bytes: &[u8]) -> usize {
    let mut from = 0;
    while let Some(control) = control_at(bytes.get(from..).unwrap_or_default()) {
        from += control;
        if bytes.get(from) != Some(&b'\t') {
            return from;
        }
        from += 1;
    }
    bytes.len()
}

/// The high bit of each of a word's bytes that is below the limit: exact for the lowest such byte, which is
/// the first in memory where the word was read as little-endian.
pub(in crate::engine) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(u64::from_le_bytes([limit; 8])) & !word & HIGHS
}

/// The same of each byte that is this one.
pub(in crate::engine) fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ u64::from_le_bytes([byte; 8]), 1)
}

/// The high bits of a word's bytes.
pub(in crate::engine) const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// What stands before the first such byte, which is ASCII, and behind it. For texts so short, or bytes so
/// near, that `str::split_once` takes longer to begin than to search.
pub fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The place of the first control character.
fn control_at(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = below(word, 0x20) | equal(word, 0x7f);
        if control != 0 {
            return Some(index * 8 + (control.trailing_zeros() / 8) as usize);
        }
    }
    let last = rest.iter().position(u8::is_ascii_control)?;
    Some(bytes.len() - rest.len() + last)
}

/// Strips the optional whitespace around a field value.
pub fn trim(value: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// The value of a hexadecimal digit.
pub fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends `%XX`, upper case.
pub fn push_escaped(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// A `Content-Length` value: digits only, no sign, list or leading zero, below 2^63.
pub fn content_length(value: &[u8]) -> Option<u64> {
    let plain = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
    if !plain || (value.len() > 1 && value.first() == Some(&b'0')) {
        return None;
    }
    let number = value.iter().fold(0_u64, |n, digit| n * 10 + u64::from(digit - b'0'));
    (number <= i64::MAX as u64).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_spelling() {
        for (text, expect) in [
            ("0", Some(0)),
            ("42", Some(42)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("0x10", None),
            ("1,1", None),
            ("1 1", None),
            ("007", None),
            ("1_0", None),
        ] {
            assert_eq!(content_length(text.as_bytes()), expect, "{text}");
        }
    }

    /// Wherever it stands, and whatever stands before it.
    #[test]
    fn text_ends_at_the_first_control_character() {
        for before in 0..30 {
            let text = "a\tb~\u{6d59} \u{80}".repeat(4).chars().take(before).collect::<String>();
            for end in ["", "\r", "\n", "\0x", "\u{7f}aaaaaaaa\t", "\u{1f}\u{80}\r\n"] {
                let all = format!("{text}{end}");
                assert_eq!(text_length(all.as_bytes()), text.len(), "{all:?}");
            }
        }
    }

    #[test]
    fn trimming_strips_spaces_and_tabs_only() {
        for (value, expect) in [(" a\t", "a"), ("", ""), (" \t ", ""), ("a b", "a b"), ("\u{b}a", "\u{b}a")] {
            assert_eq!(trim(value.as_bytes()), expect.as_bytes());
        }
    }
}
