//! Yes or no: whether a value is what was claimed, or whether there is one at all.

use super::Scalar;
use crate::engine::identifier::{Decimal, Kind, check};

/// With a claim: whether the value equals it, in the form of its kind. Without one: whether there is
/// a value that means yes, that is neither null, empty, `0` nor `false`.
pub(super) fn holds(kind: Option<Kind>, scalar: Scalar<'_>, claim: Option<&str>) -> bool {
    match (scalar, claim.map(str::trim)) {
        (Scalar::Null, _) | (_, Some("")) => false,
        (Scalar::Bool(value), Some(claim)) => {
            claim.eq_ignore_ascii_case(if value { "true" } else { "false" })
        }
        (Scalar::Bool(value), None) => value,
        (Scalar::Text(text), Some(claim)) => same(kind, text.trim(), claim),
        (Scalar::Text(text), None) => {
            let text = text.trim();
            !text.is_empty() && !text.eq_ignore_ascii_case("false") && !is_zero(text)
        }
        (Scalar::Number(lexeme), Some(claim)) => same(kind, lexeme, claim) || same_number(lexeme, claim),
        (Scalar::Number(lexeme), None) => !is_zero(lexeme),
    }
}

/// Two identifiers are equal in canonical form. Two texts that are none are compared as they are, and
/// never one with the other.
fn same(kind: Option<Kind>, text: &str, claim: &str) -> bool {
    let Some(kind) = kind else { return text == claim };
    match (check(kind, text).identifier(), check(kind, claim).identifier()) {
        (Some(value), Some(claimed)) => value == claimed,
        (None, None) => text == claim,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn same_number(lexeme: &str, claim: &str) -> bool {
    Decimal::read(lexeme).is_some_and(|value| Decimal::read(claim) == Some(value))
}

fn is_zero(text: &str) -> bool {
    Decimal::read(text).is_some_and(|value| value.is_zero())
}
