//! One cell: what it says, and how what is shown is written.

use super::dialect::{Dialect, Null, Quoting};
use super::rows::Cell;
use crate::engine::mask::json::is_number;
use crate::engine::mask::scalar::{Ends, View};
use memchr::memchr;
use std::str;

/// No value stands here.
#[inline]
pub(super) fn is_null(dialect: &Dialect, cell: &Cell, raw: &str) -> bool {
    match dialect.null {
        Null::Empty => raw.is_empty(),
        Null::BackslashN => raw == "\\N" && !cell.quoted,
    }
}

/// What the cell says; nothing if that is no text. `scratch` is used where it differs from `raw`.
#[inline]
pub(super) fn content<'a>(
    dialect: &Dialect,
    cell: &Cell,
    raw: &'a str,
    scratch: &'a mut Vec<u8>,
) -> Option<&'a str> {
    let inside = match dialect.quoting {
        Quoting::Quotes(_) if cell.quoted => raw.get(1..raw.len().saturating_sub(1))?,
        Quoting::Quotes(_) | Quoting::Backslash | Quoting::Never => raw,
    };
    if !cell.escaped {
        return Some(inside);
    }
    scratch.clear();
    match dialect.quoting {
        Quoting::Quotes(quote) => {
            let mut bytes = inside.bytes();
            while let Some(byte) = bytes.next() {
                scratch.push(byte);
                if byte == quote {
                    bytes.next();
                }
            }
        }
        Quoting::Backslash => unescape(inside.as_bytes(), scratch)?,
        Quoting::Never => scratch.extend_from_slice(inside.as_bytes()),
    }
    str::from_utf8(scratch).ok()
}

/// ClickHouse's `parseEscapeSequence`: an unknown letter stands for itself.
fn unescape(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let meant = match bytes.next()? {
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0' => 0,
            b'N' => continue,
            b'x' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        };
        out.push(meant);
    }
    Some(())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Writes what is shown instead of a cell.
pub(super) struct Writer {
    quoting: Quoting,
    null: Null,
    /// By byte: it cannot stand in a cell as it is.
    odd: Box<[bool; 256]>,
}

impl Writer {
    pub(super) fn new(dialect: &Dialect) -> Writer {
        let ends = [dialect.delimiter, b'\r', b'\n'];
        let is_odd = |byte: u8| match dialect.quoting {
            Quoting::Quotes(quote) => ends.contains(&byte) || byte == quote || byte == b'\\',
            Quoting::Backslash => escape(byte).is_some(),
            Quoting::Never => ends.contains(&byte),
        };
        let mut odd = Box::new([false; 256]);
        odd.iter_mut().zip(0..=u8::MAX).for_each(|(odd, byte)| *odd = is_odd(byte));
        Writer { quoting: dialect.quoting, null: dialect.null, odd }
    }

    /// Whether the ends of a text that stands in a cell as it is may go on standing there.
    #[inline]
    pub(super) fn stands(&self, ends: Ends, text: &str, quoted: bool) -> bool {
        let (first, last) = ends.of(text);
        quoted || (!text.is_empty() && self.is_plain(first) && self.is_plain(last))
    }

    #[inline]
    fn is_plain(&self, text: &str) -> bool {
        text.bytes().all(|byte| self.odd.get(usize::from(byte)) == Some(&false))
    }

    /// Writes what is shown, `text` if it is one. `Kept` is not written here.
    #[inline]
    pub(super) fn write(&self, shown: View<'_>, text: &str, quoted: bool, out: &mut Vec<u8>) {
        match shown {
            View::Text(_) | View::Ends(_) => self.text(text, quoted, out),
            View::Number(lexeme) => self.text(lexeme, false, out),
            View::Bool(true) => out.extend_from_slice(b"true"),
            View::Bool(false) => out.extend_from_slice(b"false"),
            View::Null | View::Absent | View::Kept => self.null(out),
        }
    }

    /// Writes a text as a cell.
    #[inline]
    pub(super) fn text(&self, text: &str, quoted: bool, out: &mut Vec<u8>) {
        match self.quoting {
            Quoting::Quotes(quote) if quoted || text.is_empty() => write_quoted(text, quote, out),
            _ if self.is_plain(text) => out.extend_from_slice(text.as_bytes()),
            Quoting::Quotes(quote) => write_quoted(text, quote, out),
            Quoting::Backslash => write_escaped(text, out),
            // What cannot be written is not shown.
            Quoting::Never => self.null(out),
        }
    }

    fn null(&self, out: &mut Vec<u8>) {
        match self.null {
            Null::Empty => {}
            Null::BackslashN => out.extend_from_slice(b"\\N"),
        }
    }
}

fn write_quoted(text: &str, quote: u8, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    out.push(quote);
    while let Some((plain, behind)) = memchr(quote, rest).and_then(|at| rest.split_at_checked(at + 1)) {
        out.extend_from_slice(plain);
        out.push(quote);
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(quote);
}

/// ClickHouse's `writeEscapedString`.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match escape(byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.push(byte),
        }
    }
}

/// What stands behind the backslash, if the byte needs one.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0 => Some(b'0'),
        b'\'' | b'\\' => Some(byte),
        _ => None,
    }
}

/// A spreadsheet would calculate it (OWASP, "CSV Injection"). Numbers with a sign are none.
pub(super) fn is_formula(text: &str) -> bool {
    let number = |text: &str| is_number(text.strip_prefix('+').unwrap_or(text));
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number(text)
}
