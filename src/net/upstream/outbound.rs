//! A request as an upstream is to receive it.

use crate::engine::canonical::bytes::{is_target, push_escaped};
use crate::engine::reason::Cause;
use bytes::Bytes;
use std::fmt;

/// Room for a head without growing.
const HEAD_BYTES: usize = 1024;

/// A request on its way out: method, target and the fields we write, in the words of HTTP/1.1. The
/// connection adds the endpoint's `Host`, our credentials and the body's length.
///
/// ```
/// use zhamen::net::upstream::Outbound;
/// let mut request = Outbound::new("GET", "/v1/persons?page=2")?;
/// request.field("zhamen-purpose", &["a b", "\r\nx: y"]);
/// assert_eq!(request.head(), "GET /v1/persons?page=2 HTTP/1.1\r\nzhamen-purpose: a%20b%0D%0Ax:%20y\r\n");
/// # Ok::<(), zhamen::engine::reason::Cause>(())
/// ```
#[derive(Clone)]
pub struct Outbound {
    method: &'static str,
    head: String,
    body: Bytes,
}

impl Outbound {
    /// Begins a request without body. `target` is in origin form.
    ///
    /// # Errors
    /// [`Cause::BadTarget`]: a byte that may not stand in a target.
    pub fn new(method: &'static str, target: &str) -> Result<Self, Cause> {
        if !target.starts_with('/') || !target.bytes().all(is_target) {
            return Err(Cause::BadTarget);
        }
        let mut head = String::with_capacity(HEAD_BYTES);
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            head.push_str(part);
        }
        Ok(Outbound { method, head, body: Bytes::new() })
    }

    /// Adds a field, its name in lower case, its value in parts. Everything in the value but visible
    /// ASCII is percent-encoded, as is `%` itself, so that no value can become another field.
    pub fn field(&mut self, name: &'static str, value: &[&str]) {
        self.name(name);
        value.iter().for_each(|part| push_visible(&mut self.head, part));
        self.head.push_str("\r\n");
    }

    /// Adds a field whose value is ours, written as it is.
    pub fn fixed(&mut self, name: &'static str, value: &'static str) {
        self.name(name);
        self.head.push_str(value);
        self.head.push_str("\r\n");
    }

    fn name(&mut self, name: &'static str) {
        self.head.push_str(name);
        self.head.push_str(": ");
    }

    /// Gives it a body.
    #[must_use]
    pub fn with_body(self, body: Bytes) -> Self {
        Outbound { body, ..self }
    }

    /// What was written so far: whole lines, without the empty one at the end.
    pub fn head(&self) -> &str {
        &self.head
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Whether asking twice does no more than asking once, and may be done unasked.
    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self.method, "GET" | "HEAD")
    }

    /// The whole head, `lines` of the endpoint's included, and the body.
    pub(super) fn written(&self, lines: &[u8]) -> (Vec<u8>, Bytes) {
        let mut head = Vec::with_capacity(self.head.len() + lines.len() + 32);
        head.extend_from_slice(self.head.as_bytes());
        head.extend_from_slice(lines);
        // Of a method whose request has content, also that it has none (RFC 9110 section 8.6).
        if !self.body.is_empty() || matches!(self.method, "POST" | "PUT" | "PATCH") {
            head.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        (head, self.body.clone())
    }
}

fn push_visible(head: &mut String, value: &str) {
    let plain = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'%';
    // No early end: so the compiler compares many bytes at once.
    if value.bytes().fold(true, |fine, byte| fine & plain(byte)) {
        return head.push_str(value);
    }
    for byte in value.bytes() {
        if plain(byte) { head.push(char::from(byte)) } else { push_escaped(head, byte) }
    }
}

/// The head names the caller and the matter; the body may hold an identifier.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbound({})", self.method)
    }
}
