//! The path of a target: decoded once into segments, encoded again by one function.

use super::bytes::{hex, is_path, push_escaped, split_at_byte};
use crate::engine::reason::Cause;
use std::borrow::Cow;

/// The segments of a path, decoded, and the one canonical spelling of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Segments {
    /// Each behind its slash; none of them is empty or holds one.
    decoded: String,
    /// None where it is what is decoded.
    canonical: Option<String>,
}

impl Segments {
    /// Reads the path of a target, with its leading slash and without its query.
    ///
    /// # Errors
    /// [`Cause::BadTarget`] for every path that some server reads differently from its bytes: dot
    /// segments in any encoding, empty segments (a trailing slash is one), `;`, backslash, encoded
    /// separators, an encoded percent sign, control characters, invalid UTF-8, raw bytes outside
    /// RFC 3986. Faults PA-01 to PA-05.
    ///
    /// ```
    /// use zhamen::engine::canonical::Segments;
    /// let path = Segments::read("/v1/%41b/%e5%bc%a0").unwrap();
    /// assert_eq!(path.canonical(), "/v1/Ab/%E5%BC%A0");
    /// assert_eq!(path.segments(), ["v1", "Ab", "张"]);
    /// assert!(Segments::read("/public/%2e%2e/secret").is_err());
    /// ```
    pub fn read(path: &str) -> Result<Self, Cause> {
        let rest = path.strip_prefix('/').ok_or(Cause::BadTarget)?;
        let mut decoded = String::with_capacity(path.len());
        let (mut plain, mut rest) = (true, Some(rest).filter(|rest| !rest.is_empty()));
        while let Some(text) = rest {
            let (piece, literal, behind) = first_piece(text);
            plain &= literal;
            decoded.push('/');
            decoded.push_str(&segment(piece, literal).ok_or(Cause::BadTarget)?);
            rest = behind;
        }
        if decoded.is_empty() {
            decoded.push('/');
        }
        let mut segments = Segments { decoded, canonical: None };
        // A path without escapes is its own canonical form.
        if !plain {
            segments.canonical = Some(canonical_path(segments.segments().into_iter()));
        }
        Ok(segments)
    }

    /// The decoded segments; none of them is empty, and the root has none.
    pub fn segments(&self) -> Vec<&str> {
        let mut segments = Vec::with_capacity(8);
        let mut rest = self.decoded.strip_prefix('/').filter(|rest| !rest.is_empty());
        while let Some(text) = rest {
            let (segment, behind) = split_at_byte(text, b'/').map_or((text, None), |(a, b)| (a, Some(b)));
            segments.push(segment);
            rest = behind;
        }
        segments
    }

    /// The canonical path: what the upstream receives.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.decoded)
    }
}

/// Encodes segments as a path: `pchar` of RFC 3986 without `;` as it is, every other byte as `%XX`.
///
/// ```
/// use zhamen::engine::canonical::canonical_path;
/// assert_eq!(canonical_path(["a b", "c"].into_iter()), "/a%20b/c");
/// ```
pub fn canonical_path<'a>(segments: impl Iterator<Item = &'a str>) -> String {
    let mut path = String::with_capacity(64);
    for segment in segments {
        path.push('/');
        if segment.bytes().all(is_path) {
            path.push_str(segment);
            continue;
        }
        for byte in segment.bytes() {
            if is_path(byte) { path.push(char::from(byte)) } else { push_escaped(&mut path, byte) }
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}

/// What stands before the first slash, whether it stands there unescaped, and what is behind the slash.
fn first_piece(text: &str) -> (&str, bool, Option<&str>) {
    let plain = text.bytes().position(|b| !is_path(b)).unwrap_or(text.len());
    let end = text.bytes().skip(plain).position(|b| b == b'/').map_or(text.len(), |more| plain + more);
    // A slash is ASCII, so a character begins before and behind it.
    (&text[..end], plain == end, text.get(end + 1..))
}

fn segment(raw: &str, literal: bool) -> Option<Cow<'_, str>> {
    let text: Cow<'_, str> = if literal {
        raw.into()
    } else {
        decode(raw).filter(|text| text.chars().all(is_segment_char))?.into()
    };
    if text.is_empty() || matches!(&*text, "." | "..") { None } else { Some(text) }
}

/// Decodes `%XX` once. Raw bytes must be `pchar`.
fn decode(raw: &str) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => out.push(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?),
            byte if is_path(byte) => out.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(out).ok()
}

/// What a decoded segment may hold. Separators and the percent sign stay out even when encoded: a
/// second decoding, by whatever stands behind us, must not find anything new.
fn is_segment_char(c: char) -> bool {
    !c.is_control() && !matches!(c, '/' | '\\' | '%' | '?' | '#' | ';')
}
