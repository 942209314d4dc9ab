//! One masked value, shown.

use super::number::is_number;
use super::text::plain_run;
use crate::engine::mask::plan::Plan;
use crate::engine::mask::scalar::{Scalar, ShowContext, Shown, show};

/// What the plan shows of a scalar that carries this label.
pub(super) fn shown(plan: &Plan, label: u16, scalar: Scalar<'_>) -> Shown {
    let label = usize::from(label);
    let Some(rule) = plan.actions.get(label) else { return Shown::Absent };
    let claim = plan.claim.as_ref().filter(|(about, _)| *about == label).map(|(_, claim)| &**claim);
    let context = ShowContext { token_key: &plan.token_key, claim, today: plan.today };
    show(&rule.action, rule.kind, scalar, &context)
}

/// Writes it as JSON; false if there is nothing to write.
pub(super) fn write(shown: &Shown, out: &mut Vec<u8>) {
    match shown {
        // A mask that makes no number out of a number makes a text.
        Shown::Number(lexeme) if is_number(lexeme) => out.extend_from_slice(lexeme.as_bytes()),
        Shown::Text(text) | Shown::Number(text) => write_text(text, out),
        Shown::Bool(true) => out.extend_from_slice(b"true"),
        Shown::Bool(false) => out.extend_from_slice(b"false"),
        Shown::Null | Shown::Absent => out.extend_from_slice(b"null"),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
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
