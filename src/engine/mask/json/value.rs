//! A masked value as JSON.

use super::number::is_number;
use super::text::plain_run;
use crate::engine::mask::scalar::{Scalar, View};

/// Writes what is shown of a scalar. What is absent or kept is not written here.
#[inline(never)]
pub(super) fn write(shown: View<'_>, scalar: Scalar<'_>, out: &mut Vec<u8>) {
    match (shown, scalar) {
        // A mask that makes no number out of a number makes a text.
        (View::Number(lexeme), _) if is_number(lexeme) => out.extend_from_slice(lexeme.as_bytes()),
        (View::Text(text) | View::Number(text), _) => write_text(text, out),
        (View::Ends(ends), Scalar::Text(text)) => {
            let (first, last) = ends.of(text);
            out.push(b'"');
            escape(first, out);
            out.resize(out.len() + ends.stars, b'*');
            escape(last, out);
            out.push(b'"');
        }
        (View::Bool(true), _) => out.extend_from_slice(b"true"),
        (View::Bool(false), _) => out.extend_from_slice(b"false"),
        (View::Null | View::Absent | View::Kept | View::Ends(_), _) => out.extend_from_slice(b"null"),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(plain_run(rest).0).unwrap_or_default();
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = after;
    }
}
