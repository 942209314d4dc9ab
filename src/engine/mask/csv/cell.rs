//! One cell: what it says, and how what is shown is written.

use super::dialect::{Dialect, Null, Quoting};
use super::rows::Cell;
use crate::engine::mask::json::is_number;
use crate::engine::mask::scalar::View;
use std::str;

/// No value stands here.
pub(super) fn is_null(dialect: &Dialect, cell: &Cell, raw: &[u8]) -> bool {
    match dialect.null {
        Null::Empty => raw.is_empty(),
        Null::BackslashN => raw == b"\\N" && !cell.quoted,
    }
}

/// What the cell says; nothing if that is no text. `scratch` is used where it differs from `raw`.
pub(super) fn content<'a>(
    dialect: &Dialect,
    cell: &Cell,
    raw: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Option<&'a str> {
    let inside = match dialect.quoting {
        Quoting::Quotes(_) if cell.quoted => raw.get(1..raw.len().saturating_sub(1))?,
        Quoting::Quotes(_) | Quoting::Backslash | Quoting::Never => raw,
    };
    if !cell.escaped {
        return str::from_utf8(inside).ok();
    }
    scratch.clear();
    match dialect.quoting {
        Quoting::Quotes(quote) => {
            let mut bytes = inside.iter().copied();
            while let Some(byte) = bytes.next() {
                scratch.push(byte);
                if byte == quote {
                    bytes.next();
                }
            }
        }
        Quoting::Backslash => unescape(inside, scratch)?,
        Quoting::Never => scratch.extend_from_slice(inside),
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

/// Writes what is shown instead of a cell. `Kept` is not written here.
pub(super) fn write(dialect: &Dialect, cell: &Cell, shown: View<'_>, out: &mut Vec<u8>) {
    match shown {
        View::Text(text) => write_text(dialect, text, cell.quoted, out),
        View::Number(lexeme) => write_text(dialect, lexeme, false, out),
        View::Bool(true) => out.extend_from_slice(b"true"),
        View::Bool(false) => out.extend_from_slice(b"false"),
        View::Null | View::Absent | View::Kept => write_null(dialect, out),
    }
}

fn write_null(dialect: &Dialect, out: &mut Vec<u8>) {
    match dialect.null {
        Null::Empty => {}
        Null::BackslashN => out.extend_from_slice(b"\\N"),
    }
}

/// Writes a text as a cell.
pub(super) fn write_text(dialect: &Dialect, text: &str, quoted: bool, out: &mut Vec<u8>) {
    let delimits = |byte: u8| byte == dialect.delimiter || matches!(byte, b'\r' | b'\n');
    match dialect.quoting {
        Quoting::Quotes(quote) => {
            let odd = |byte: u8| delimits(byte) || byte == quote || byte == b'\\';
            if !quoted && !text.is_empty() && !text.bytes().any(odd) {
                return out.extend_from_slice(text.as_bytes());
            }
            out.push(quote);
            for byte in text.bytes() {
                out.push(byte);
                if byte == quote {
                    out.push(quote);
                }
            }
            out.push(quote);
        }
        Quoting::Backslash => escape(text, out),
        // What cannot be written is not shown.
        Quoting::Never if text.bytes().any(delimits) => write_null(dialect, out),
        Quoting::Never => out.extend_from_slice(text.as_bytes()),
    }
}

/// ClickHouse's `writeEscapedString`.
fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0 => b'0',
            b'\'' | b'\\' => byte,
            plain => {
                out.push(plain);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}

/// A spreadsheet would calculate it (OWASP, "CSV Injection"). Numbers with a sign are none.
pub(super) fn is_formula(text: &str) -> bool {
    let number = |text: &str| is_number(text.strip_prefix('+').unwrap_or(text));
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number(text)
}
