//! The host a request is addressed to: one lower-case spelling, or none.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host and the port it was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Lower case, without port; an IPv6 address in brackets and in its shortest form.
    pub host: String,
    /// `None` where none was written.
    pub port: Option<u16>,
}

impl Authority {
    /// Reads `host[:port]` of RFC 3986 without user information.
    ///
    /// `None` for anything empty, with `@`, non-ASCII or percent-encoded characters, a trailing dot,
    /// port 0, or digits and dots that are not four plain octets.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            return Some(Authority { host: format!("[{address}]"), port: port(rest)? });
        }
        let (name, rest) = text.split_at(text.bytes().position(|b| b == b':').unwrap_or(text.len()));
        let host = name.to_ascii_lowercase();
        let fine = if numeric(&host) { host.parse::<Ipv4Addr>().is_ok() } else { is_name(&host) };
        if !fine {
            return None;
        }
        Some(Authority { host, port: port(rest)? })
    }

    /// Whether both name the same host and port, where a missing port means the scheme's own.
    pub fn same_as(&self, other: &Authority, default_port: u16) -> bool {
        self.host == other.host && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

/// Reads an empty text or `:port`.
fn port(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.strip_prefix(':')?;
    if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|port| *port != 0).map(Some)
}

/// Whether the last label is a number, so that some reader would take the whole for an address.
fn numeric(host: &str) -> bool {
    let last = host.bytes().rposition(|b| b == b'.').map_or(host, |dot| &host[dot + 1..]);
    last.starts_with("0x") || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, expect) in [
            ("zhamen.demo", Some(("zhamen.demo", None))),
            ("Zhamen.DEMO:8443", Some(("zhamen.demo", Some(8443)))),
            ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
            ("[::1]:8443", Some(("[::1]", Some(8443)))),
            ("[0:0::1]", Some(("[::1]", None))),
            ("", None),
            (":80", None),
            ("a:", None),
            ("a:0", None),
            ("a:65536", None),
            ("a:+1", None),
            ("a:1:2", None),
            ("user@a", None),
            ("a.", None),
            (".a", None),
            ("a..b", None),
            ("a b", None),
            ("ä", None),
            ("a%2e", None),
            ("a,b", None),
            ("a/b", None),
            ("127.1", None),
            ("0x7f.0.0.1", None),
            ("0x7f000001", None),
            ("2130706433", None),
            ("127.0.0.01", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[fe80::1%25eth0]", None),
        ] {
            let read = Authority::parse(text);
            let seen = read.as_ref().map(|a| (a.host.as_str(), a.port));
            assert_eq!(seen, expect, "{text}");
        }
    }
}
