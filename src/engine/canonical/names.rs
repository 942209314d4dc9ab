//! Field names that matter: which we read, which may travel on, which would speak of identity.

use crate::engine::reason::Cause;

/// A field that is read, and of which there may be one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single {
    Host,
    Authorization,
    ApiKey,
    ContentLength,
    TransferEncoding,
    ContentType,
    ContentEncoding,
    Expect,
    Traceparent,
    Purpose,
    MatterId,
    LegalBasis,
    RoadClient,
    RoadUserId,
    RoadIssue,
    RoadId,
    RoadRepresented,
    RequestId,
}

/// How many there are: the size of a table by [`Single`].
pub const SINGLES: usize = Single::RequestId as usize + 1;

impl Single {
    /// Why a second one is refused.
    pub const fn twice(self) -> Cause {
        match self {
            Single::Host => Cause::BadHost,
            Single::Authorization | Single::ApiKey => Cause::CredentialAmbiguous,
            Single::ContentLength => Cause::BadLength,
            Single::TransferEncoding => Cause::AmbiguousFraming,
            Single::Purpose
            | Single::MatterId
            | Single::LegalBasis
            | Single::RoadClient
            | Single::RoadUserId
            | Single::RoadIssue
            | Single::RoadId
            | Single::RoadRepresented => Cause::IdentityHeader,
            Single::ContentType
            | Single::ContentEncoding
            | Single::Expect
            | Single::Traceparent
            | Single::RequestId => Cause::BadHeader,
        }
    }
}

/// What a field name means to the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Read, one only.
    One(Single),
    Accept,
    AcceptLanguage,
    Connection,
    Cookie,
    ProxyAuthorization,
    /// Preferences (RFC 7240).
    Prefer,
    /// Transfer coding preferences of the hop.
    Te,
    Trailer,
    /// `Upgrade` and `HTTP2-Settings`.
    Upgrade,
    /// Asks for another method or target than the request line's. Fault H1-10.
    Override,
    /// A hop-by-hop field of HTTP/1 that HTTP/2 forbids and that says nothing to us.
    Hop,
    /// Not read and not passed on.
    Other,
}

/// Looks a lower-case name up. By length first: most names of a request are decided by one comparison.
pub fn name(text: &str) -> Name {
    use Name::One;
    match text.len() {
        2 if text == "te" => Name::Te,
        4 if text == "host" => One(Single::Host),
        6 => match text {
            "accept" => Name::Accept,
            "cookie" => Name::Cookie,
            "expect" => One(Single::Expect),
            "prefer" => Name::Prefer,
            _ => Name::Other,
        },
        7 => match text {
            "purpose" => One(Single::Purpose),
            "trailer" => Name::Trailer,
            "upgrade" => Name::Upgrade,
            _ => Name::Other,
        },
        9 => match text {
            "matter-id" => One(Single::MatterId),
            "x-api-key" => One(Single::ApiKey),
            "x-road-id" => One(Single::RoadId),
            _ => Name::Other,
        },
        10 => match text {
            "connection" => Name::Connection,
            "keep-alive" => Name::Hop,
            _ => Name::Other,
        },
        _ => long_name(text),
    }
}

fn long_name(text: &str) -> Name {
    use Name::One;
    match text {
        "authorization" => One(Single::Authorization),
        "content-type" => One(Single::ContentType),
        "content-length" => One(Single::ContentLength),
        "accept-language" => Name::AcceptLanguage,
        "traceparent" => One(Single::Traceparent),
        "transfer-encoding" => One(Single::TransferEncoding),
        "content-encoding" => One(Single::ContentEncoding),
        "legal-basis" => One(Single::LegalBasis),
        "x-request-id" => One(Single::RequestId),
        "x-road-client" => One(Single::RoadClient),
        "x-road-userid" => One(Single::RoadUserId),
        "x-road-issue" => One(Single::RoadIssue),
        "x-road-represented-party" => One(Single::RoadRepresented),
        "proxy-authorization" => Name::ProxyAuthorization,
        "proxy-connection" => Name::Hop,
        "http2-settings" => Name::Upgrade,
        "x-http-method-override"
        | "x-http-method"
        | "x-method-override"
        | "x-original-method"
        | "x-original-url"
        | "x-original-uri"
        | "x-rewrite-url"
        | "x-override-url" => Name::Override,
        _ => Name::Other,
    }
}

/// Whether a request field of the caller's may travel on to the upstream.
///
/// A list of what may, never of what may not: credentials, cookies, `Range`, `Accept-Encoding`,
/// forwarding and identity fields, conditional fields (they would answer
/// questions about the unmasked body) and everything unknown stay here. The canonical reading refuses
/// a `Connection` field that names one of these, so the answer does not depend on the request.
///
/// ```
/// use zhamen::engine::canonical::forwardable;
/// assert!(forwardable("accept-language"));
/// assert!(!forwardable("x-http-method-override") && !forwardable("x-user") && !forwardable("range"));
/// ```
pub fn forwardable(name: &str) -> bool {
    matches!(name, "accept-language" | "content-type" | "content-language")
}

/// Whether a name, with `-` for `_`, would be taken for a statement about who asks or what is asked
/// by a server that does not tell the two characters apart (CGI, WSGI, PHP). Fault ID-13.
pub fn speaks_of_identity(name: &str) -> bool {
    const PREFIXES: [&str; 12] = [
        "zhamen-",
        "x-road-",
        "x-user",
        "x-auth",
        "x-client",
        "x-forwarded",
        "x-identity",
        "x-remote",
        "x-ssl",
        "ssl-client",
        "remote-",
        "x-zhamen",
    ];
    const NAMES: [&str; 8] =
        ["forwarded", "x-real-ip", "x-role", "x-roles", "x-principal", "x-subject", "via", "x-original-user"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.contains(&name)
        || !matches!(self::name(name), Name::Other)
}

/// Whether an underscore name collides with a name that [`speaks_of_identity`].
pub fn underscore_collides(name: &str) -> bool {
    // The longest name that speaks of identity by itself has 24 characters; prefixes are shorter.
    let dashed: String = name.chars().take(32).map(|c| if c == '_' { '-' } else { c }).collect();
    speaks_of_identity(&dashed)
}

/// Whether a trailer field of this name is refused: framing, routing, authentication, statements of
/// identity and everything about the content (RFC 9110, section 6.5.1). Fault H1-06.
pub fn forbidden_in_trailer(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    const NAMES: [&str; 8] =
        ["set-cookie", "trailer", "range", "cache-control", "max-forwards", "age", "date", "vary"];
    lower.starts_with("content-")
        || lower.starts_with("if-")
        || lower.starts_with("proxy-")
        || lower.starts_with("x-http-method")
        || NAMES.contains(&lower.as_str())
        || underscore_collides(&lower)
}
