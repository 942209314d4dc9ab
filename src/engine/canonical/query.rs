//! The query of a target: pairs, each key once.

use super::bytes::{hex, is_query, is_target, push_escaped};
use crate::engine::reason::Cause;

/// Names under which clients put credentials into a query. A URL ends up in logs, so a token there
/// is never read, and next to a header it would be a second credential (RFC 6750, section 2.3).
const CREDENTIAL_KEYS: [&str; 5] = ["access_token", "id_token", "refresh_token", "api_key", "authorization"];

/// Reads a query into decoded pairs, in order.
///
/// `+` is read as a space, as forms write it, and written again as `%20`; keys are letters, digits,
/// `_`, `-` and `.`; two keys that differ in case only are the same key.
///
/// # Errors
/// [`Cause::ParameterTwice`], [`Cause::ParameterInvalid`] (empty or odd key, `;`, bad percent,
/// control character), [`Cause::TargetSize`] above `parameters_max`, [`Cause::CredentialAmbiguous`]
/// for a token in the query. Fault PA-06.
pub fn read(text: &str, parameters_max: usize) -> Result<Vec<(String, String)>, Cause> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    if text.is_empty() {
        return Ok(pairs);
    }
    for piece in text.split('&') {
        if pairs.len() >= parameters_max {
            return Err(Cause::TargetSize);
        }
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        let key = decode(key).filter(|key| is_key(key)).ok_or(Cause::ParameterInvalid)?;
        if CREDENTIAL_KEYS.iter().any(|name| name.eq_ignore_ascii_case(&key)) {
            return Err(Cause::CredentialAmbiguous);
        }
        if pairs.iter().any(|(known, _)| known.eq_ignore_ascii_case(&key)) {
            return Err(Cause::ParameterTwice);
        }
        pairs.push((key, decode(value).ok_or(Cause::ParameterInvalid)?));
    }
    Ok(pairs)
}

/// Encodes pairs as a query, without the question mark.
///
/// ```
/// use zhamen::engine::canonical::canonical_query;
/// assert_eq!(canonical_query(&[("q".into(), "a b&c".into())]), "q=a%20b%26c");
/// ```
pub fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (key, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        escape(key, &mut out);
        out.push('=');
        escape(value, &mut out);
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if is_query(byte) { out.push(char::from(byte)) } else { push_escaped(out, byte) }
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn decode(raw: &str) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => out.push(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?),
            b'+' => out.push(b' '),
            b';' | b'[' | b']' => return None,
            byte if is_target(byte) => out.push(byte),
            _ => return None,
        }
    }
    let text = String::from_utf8(out).ok()?;
    if text.chars().any(char::is_control) { None } else { Some(text) }
}
