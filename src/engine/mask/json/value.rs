//! A masked value as JSON.

use super::number::is_number;
use super::text::plain_run;
use crate::engine::mask::scalar::View;

/// Writes it. What is absent or kept is not written here.
pub(super) fn write(shown: View<'_>, out: &mut Vec<u8>) {
    match shown {
        // A mask that makes no number out of a number makes a text.
        View::Number(lexeme) if is_number(lexeme) => out.extend_from_slice(lexeme.as_bytes()),
        View::Text(text) | View::Number(text) => write_text(text, out),
        View::Bool(true) => out.extend_from_slice(b"true"),
        View::Bool(false) => out.extend_from_slice(b"false"),
        View::Null | View::Absent | View::Kept => out.extend_from_slice(b"null"),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut from = 0;
    loop {
        let (end, _) = plain_run(bytes, from);
        out.extend_from_slice(bytes.get(from..end).unwrap_or_default());
        match bytes.get(end) {
            None => break,
            Some(byte @ (b'"' | b'\\')) => out.extend_from_slice(&[b'\\', *byte]),
            Some(control) => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        from = end + 1;
    }
    out.push(b'"');
}
