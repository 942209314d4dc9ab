//! The lines of a head, a chunk and a trailer section: each a pure function of one whole line.

use crate::engine::canonical::bytes::{content_length, hex, is_target, is_token, is_value, trim};
use crate::engine::canonical::{Authority, HEADER_VALUE_BYTES_MAX, forbidden_in_trailer};
use crate::engine::reason::Cause;

/// The longest method, in bytes. The longest registered one has 17.
pub const METHOD_BYTES_MAX: usize = 32;

/// The longest target, in bytes, that hyper and the `http` crate take, whatever the limit says.
const TARGET_BYTES_MAX: usize = 65_534;

/// What a head says about the body behind it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framing {
    pub http10: bool,
    pub length: Option<u64>,
    pub chunked: bool,
}

/// How the body behind a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// After so many bytes; 0 where there is none.
    Length(u64),
    Chunked,
}

impl Framing {
    /// Reads `METHOD SP target SP HTTP/1.x`, the line end already taken off.
    pub fn request_line(line: &[u8], target_bytes_max: usize) -> Result<Self, Cause> {
        method_prefix(line)?;
        let (method, rest) = split_at_space(line).ok_or(Cause::NotHttp)?;
        if matches!(method, b"CONNECT" | b"TRACE") {
            return Err(Cause::MethodUnknown);
        }
        if line == b"PRI * HTTP/2.0" {
            return Err(Cause::NotHttp);
        }
        // HTTP/0.9 has no version at all.
        let (target, version) = split_at_space(rest).ok_or(Cause::BadVersion)?;
        if target.len() > target_bytes_max.min(TARGET_BYTES_MAX) {
            return Err(Cause::TargetSize);
        }
        if !version.starts_with(b"HTTP/") {
            return Err(Cause::NotHttp);
        }
        let http10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Cause::BadVersion),
        };
        target_form(target)?;
        Ok(Framing { http10, ..Framing::default() })
    }

    /// Takes one field line into account.
    pub fn field(&mut self, line: &[u8]) -> Result<(), Cause> {
        let (name, value) = field(line)?;
        self.saw(name, value)
    }

    /// Takes one field into account, of a request or an answer.
    pub fn saw(&mut self, name: &[u8], value: &[u8]) -> Result<(), Cause> {
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = content_length(value).ok_or(Cause::BadLength)?;
            if self.length.replace(length).is_some() {
                return Err(Cause::BadLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Cause::AmbiguousFraming);
            }
            self.chunked = true;
        }
        let ambiguous = self.chunked && (self.length.is_some() || self.http10);
        if ambiguous { Err(Cause::AmbiguousFraming) } else { Ok(()) }
    }

    /// The body that follows the finished head.
    pub fn body(self) -> Body {
        if self.chunked { Body::Chunked } else { Body::Length(self.length.unwrap_or(0)) }
    }
}

/// Refuses a beginning of a request line that cannot become a method: a TLS hello, a stray line end,
/// the rest of another request.
pub fn method_prefix(line: &[u8]) -> Result<(), Cause> {
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            b' ' if index > 0 => return Ok(()),
            byte if !is_token(byte) => return Err(Cause::NotHttp),
            _ if index >= METHOD_BYTES_MAX => return Err(Cause::MethodUnknown),
            _ => {}
        }
    }
    Ok(())
}

/// Origin form, or absolute form of `http` and `https` with a well-formed authority.
fn target_form(target: &[u8]) -> Result<(), Cause> {
    if target.is_empty() || !target.iter().all(|b| is_target(*b)) {
        return Err(Cause::BadTarget);
    }
    if target.starts_with(b"/") {
        return Ok(());
    }
    let text = std::str::from_utf8(target).map_err(|_| Cause::BadTarget)?;
    let (scheme, rest) = text.split_once("://").ok_or(Cause::BadTarget)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Cause::BadTarget);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    Authority::parse(authority).map(drop).ok_or(Cause::BadHost)
}

/// Takes a field line apart: a token, a colon at once, a value without control characters.
pub fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Cause> {
    let colon = line.iter().position(|b| !is_token(*b)).ok_or(Cause::BadHeader)?;
    let (name, rest) = line.split_at(colon);
    let value = rest.strip_prefix(b":").ok_or(Cause::BadHeader)?;
    if name.is_empty() || !is_value(value) {
        return Err(Cause::BadHeader);
    }
    // A name as long as a value is none; hyper takes 64 KiB and fails on more.
    if name.len().max(value.len()) > HEADER_VALUE_BYTES_MAX {
        return Err(Cause::HeaderSize);
    }
    Ok((name, trim(value)))
}

/// Checks one trailer line.
pub fn trailer(line: &[u8]) -> Result<(), Cause> {
    let (name, _) = field(line)?;
    // A token is ASCII.
    let name = std::str::from_utf8(name).map_err(|_| Cause::BadHeader)?;
    if forbidden_in_trailer(name) { Err(Cause::TrailerForbidden) } else { Ok(()) }
}

/// Reads `1*16HEXDIG [";" extension]`. Extensions are passed over, their bytes are not.
pub fn chunk_size(line: &[u8]) -> Result<u64, Cause> {
    let digits = line.iter().position(|b| *b == b';').unwrap_or(line.len());
    let (digits, extension) = line.split_at(digits);
    if digits.is_empty() || digits.len() > 16 || !is_value(extension) {
        return Err(Cause::BadChunk);
    }
    let mut size = 0_u64;
    for &digit in digits {
        size = size << 4 | u64::from(hex(digit).ok_or(Cause::BadChunk)?);
    }
    if size > i64::MAX as u64 { Err(Cause::BadChunk) } else { Ok(size) }
}

/// What stands before the first space, and behind it.
pub fn split_at_space(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|b| *b == b' ')?;
    Some((line.get(..space)?, line.get(space + 1..)?))
}
