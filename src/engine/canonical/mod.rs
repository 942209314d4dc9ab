//! One reading of a request, for policy, audit and upstream.
//!
//! Duty: turn what a server library hands over into one value with exactly one meaning, and refuse
//! everything that two readers could read in two ways (faults.md, C1, C2 and C5). May not decide
//! anything about the caller: credentials leave as they came, in [`Presented`].
//!
//! Reading the canonical form again gives the same value, so what the upstream receives is what
//! policy judged and what audit recorded.
//!
//! ```
//! use zhamen::engine::canonical::{CanonicalLimits, Head, Version, read};
//! let head = Head {
//!     method: "GET", target: "/v1/%41?x=1", authority: None,
//!     version: Version::Http11, tls_name: None, secure: true,
//! };
//! let headers: [(&str, &[u8]); 1] = [("host", b"zhamen.demo")];
//! let request = read(&head, headers.iter().copied(), &CanonicalLimits::default()).unwrap();
//! assert_eq!(request.target(), "/v1/A?x=1");
//! ```

pub mod bytes;
mod fields;
mod host;
mod names;
mod negotiate;
mod path;
mod presented;
mod query;

pub use host::Authority;
pub use names::{forbidden_in_trailer, forwardable, speaks_of_identity};
pub use negotiate::{Language, MediaChoice, Traceparent, weighted};
pub use path::{Segments, canonical_path};
pub use presented::{Presented, XRoad, XRoadClient};
pub use query::canonical_query;

use super::reason::Cause;
use super::terms::Method;
use fields::Fields;
use names::Single;
use std::fmt;

/// The longest single field value, in bytes. Fault H1-12.
pub const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;

/// The protocol a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
    Http2,
}

/// The request line and its surroundings, as received.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    pub method: &'a str,
    /// Origin form, or absolute form on HTTP/1. On HTTP/2 `:path`.
    pub target: &'a str,
    /// `:authority` of HTTP/2.
    pub authority: Option<&'a str>,
    pub version: Version,
    /// The server name the caller asked for in its TLS hello.
    pub tls_name: Option<&'a str>,
    /// The connection is TLS.
    pub secure: bool,
}

/// Limits of a head.
#[derive(Clone, Debug)]
pub struct CanonicalLimits {
    /// Fields at most.
    pub headers_max: usize,
    /// Bytes of all names and values together.
    pub header_bytes_max: usize,
    /// Bytes of the target.
    pub target_bytes_max: usize,
    /// Query parameters at most.
    pub query_parameters_max: usize,
    /// Names under which this gateway may be addressed: lower case, without port. Empty accepts any.
    pub host_names: Vec<String>,
}

impl Default for CanonicalLimits {
    /// The limits of faults H1-12 and H1-13; any host name.
    fn default() -> Self {
        CanonicalLimits {
            headers_max: 100,
            header_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            query_parameters_max: 64,
            host_names: Vec::new(),
        }
    }
}

/// A request with one meaning.
///
/// Its `Debug` shows neither path, query nor credentials: they hold identifiers.
#[derive(Clone, PartialEq)]
pub struct Canonical {
    pub method: Method,
    pub path: Segments,
    /// Decoded pairs in order, each key once.
    pub query: Vec<(String, String)>,
    /// Lower case, without port.
    pub host: String,
    pub presented: Presented,
    pub accept_language: Language,
    pub media: MediaChoice,
    /// The caller asks for a receipt: `Prefer: receipt` (RFC 7240).
    pub prefers_receipt: bool,
    /// The caller reads trailers: it says so, or speaks HTTP/2, whose frames hold them apart.
    pub reads_trailers: bool,
    pub traceparent: Option<Traceparent>,
    pub expects_continue: bool,
    pub content_length: Option<u64>,
    /// Media type, lower case, without parameters; the only charset is UTF-8.
    pub content_type: Option<String>,
    /// The head announces a body. An HTTP/2 request without `content-length` may have one all the
    /// same: there only the end of the stream tells.
    pub has_body: bool,
}

impl Canonical {
    /// Path and query in canonical form: the target that the upstream receives.
    pub fn target(&self) -> String {
        let path = self.path.canonical();
        if self.query.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", canonical_query(&self.query))
    }

    /// The value of a query parameter.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canonical")
            .field("method", &self.method)
            .field("segments", &self.path.segments().len())
            .field("parameters", &self.query.len())
            .field("presented", &self.presented)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segments({})", self.segments().len())
    }
}

/// Reads one request. Field names are lower case, as every HTTP/2 peer sends them and as the server
/// library hands them over.
///
/// # Errors
/// The exact fault; see faults.md, C1, C2 and C5. A trailing slash is an empty segment and refused.
pub fn read<'a>(
    head: &Head<'a>,
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    limits: &CanonicalLimits,
) -> Result<Canonical, Cause> {
    let method = Method::parse(head.method).ok_or(Cause::MethodUnknown)?;
    if head.target.len() > limits.target_bytes_max {
        return Err(Cause::TargetSize);
    }
    let mut fields = Fields::read(head.version, headers, limits)?;
    let target = Target::split(head)?;
    let host = host(head, &target, fields.get(Single::Host), limits)?;
    let path = Segments::read(target.path)?;
    let query = query::read(target.query, limits.query_parameters_max)?;
    let announced = fields.announced(head.version)?;
    let has_body = announced.chunked || announced.content_length.is_some_and(|length| length > 0);
    if has_body && matches!(method, Method::Get | Method::Head) {
        return Err(Cause::BodyUnexpected);
    }
    Ok(Canonical {
        method,
        path,
        query,
        host,
        presented: Presented::read(&fields.singles)?,
        accept_language: fields.language.language(),
        media: std::mem::take(&mut fields.media),
        prefers_receipt: fields.prefers_receipt,
        reads_trailers: head.version == Version::Http2
            || (head.version == Version::Http11 && fields.reads_trailers),
        traceparent: fields.get(Single::Traceparent).and_then(Traceparent::parse),
        expects_continue: fields.expects_continue()?,
        content_length: announced.content_length,
        content_type: fields.content_type()?,
        has_body,
    })
}

/// A target, taken apart but not decoded.
struct Target<'a> {
    /// Authority of an absolute form.
    authority: Option<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Target<'a> {
    fn split(head: &Head<'a>) -> Result<Self, Cause> {
        if !head.target.bytes().all(bytes::is_target) {
            return Err(Cause::BadTarget);
        }
        let (authority, rest) = if head.target.starts_with('/') {
            (None, head.target)
        } else if head.version == Version::Http2 {
            return Err(Cause::BadTarget);
        } else {
            let (scheme, rest) = head.target.split_once("://").ok_or(Cause::BadTarget)?;
            scheme_fits(scheme, head.secure)?;
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            // The path of an absolute form may be left out, and then means the root.
            let rest = if rest.is_empty() { "/" } else { rest };
            (Some(authority), rest)
        };
        let (path, query) = bytes::split_at_byte(rest, b'?').unwrap_or((rest, ""));
        Ok(Target { authority, path, query })
    }
}

fn scheme_fits(scheme: &str, secure: bool) -> Result<(), Cause> {
    let (http, https) = (scheme.eq_ignore_ascii_case("http"), scheme.eq_ignore_ascii_case("https"));
    match (http || https, https == secure) {
        (false, _) => Err(Cause::BadTarget),
        (true, true) => Ok(()),
        (true, false) => Err(Cause::HostMismatch),
    }
}

/// The one host of the request: `Host`, `:authority` and absolute form must name the same, the TLS
/// name must be it, and it must be ours. Faults H1-07, H1-08, H2-08, H2-14.
fn host(
    head: &Head,
    target: &Target,
    field: Option<&str>,
    limits: &CanonicalLimits,
) -> Result<String, Cause> {
    let port = if head.secure { 443 } else { 80 };
    let http2 = head.version == Version::Http2;
    // An HTTP/1 request must carry Host; HTTP/2 names the authority in its own field.
    let first = if http2 { head.authority.or(field) } else { field };
    let authority = first.and_then(Authority::parse).ok_or(Cause::BadHost)?;
    // Word for word the same needs no second reading.
    let others =
        [target.authority, head.authority, field].into_iter().flatten().filter(|text| Some(*text) != first);
    for other in others {
        let other = Authority::parse(other).ok_or(Cause::BadHost)?;
        if !other.same_as(&authority, port) {
            return Err(Cause::HostMismatch);
        }
    }
    if head.tls_name.is_some_and(|name| !name.eq_ignore_ascii_case(&authority.host)) {
        return Err(Cause::MisdirectedHost);
    }
    if !limits.host_names.is_empty() && !limits.host_names.contains(&authority.host) {
        return Err(Cause::MisdirectedHost);
    }
    Ok(authority.host)
}
