//! The head of a request as the protocol carried it, for the one canonical reading.
//!
//! What differs between HTTP/1 and HTTP/2 about a request line ends here.

use super::peer::{Peer, Protocol};
use crate::engine::canonical::{Head, Version};
use hyper::http::request::Parts;

/// The fields of a head as the library gives them.
pub fn fields(parts: &Parts) -> impl Iterator<Item = (&str, &[u8])> {
    parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// Hands `read` the head without its fields.
pub fn with_head<T>(peer: &Peer, parts: &Parts, read: impl FnOnce(&Head<'_>) -> T) -> T {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let head = |target, authority, version| Head {
        method: parts.method.as_str(),
        target,
        authority,
        version,
        tls_name: peer.tls_name.as_deref(),
        secure: peer.secure,
    };
    match (peer.protocol, authority) {
        (Protocol::Http2, authority) => read(&head(target, authority, Version::Http2)),
        (Protocol::Http1, None) => read(&head(target, None, version(parts))),
        // Absolute form: whoever reads it must see that it names a host of its own.
        (Protocol::Http1, Some(_)) => read(&head(&parts.uri.to_string(), None, version(parts))),
    }
}

fn version(parts: &Parts) -> Version {
    if parts.version == hyper::Version::HTTP_10 { Version::Http10 } else { Version::Http11 }
}
