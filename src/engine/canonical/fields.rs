//! One walk over the header fields of a request.

use super::bytes::{content_length, is_lower_name, is_token, is_value, trim};
use super::names::{Name, SINGLES, Single, forwardable, name, speaks_of_identity, underscore_collides};
use super::negotiate::{LanguageChoice, MediaChoice};
use super::{CanonicalLimits, HEADER_VALUE_BYTES_MAX, Version};
use crate::engine::reason::Cause;

/// What the walk leaves behind.
#[derive(Default)]
pub struct Fields<'a> {
    pub singles: [Option<&'a str>; SINGLES],
    pub language: LanguageChoice,
    pub media: MediaChoice,
    /// `Prefer: receipt` (RFC 7240).
    pub prefers_receipt: bool,
    /// `TE: trailers`: the caller reads what follows a body.
    pub reads_trailers: bool,
    cookie_token: bool,
    proxy_authorization: bool,
}

/// How the head announces a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    pub content_length: Option<u64>,
    pub chunked: bool,
}

impl<'a> Fields<'a> {
    /// Reads all fields once, in order.
    pub fn read(
        version: Version,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        limits: &CanonicalLimits,
    ) -> Result<Self, Cause> {
        let mut fields = Fields::default();
        let (mut count, mut bytes) = (0_usize, 0_usize);
        for (name, value) in headers {
            count += 1;
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
            let long = value.len() > HEADER_VALUE_BYTES_MAX;
            if count > limits.headers_max || bytes > limits.header_bytes_max || long {
                return Err(Cause::HeaderSize);
            }
            fields.field(version, name, value)?;
        }
        fields.one_credential()?;
        Ok(fields)
    }

    /// The value of a single field, if it was there.
    pub fn get(&self, single: Single) -> Option<&'a str> {
        self.singles.get(single as usize).copied().flatten()
    }

    fn field(&mut self, version: Version, text: &'a str, value: &'a [u8]) -> Result<(), Cause> {
        if !is_lower_name(text) || !is_value(value) {
            return Err(Cause::BadHeader);
        }
        // Visible ASCII after the check above, hence text.
        let value = simdutf8::basic::from_utf8(trim(value)).map_err(|_| Cause::BadHeader)?;
        let name = name(text);
        if version == Version::Http2 {
            hop_by_hop(name, value)?;
        }
        match name {
            Name::One(single) => {
                let slot = self.singles.get_mut(single as usize).ok_or(Cause::BadHeader)?;
                if slot.replace(value).is_some() {
                    return Err(single.twice());
                }
            }
            Name::Accept => self.media.line(value),
            Name::AcceptLanguage => self.language.line(value),
            Name::Connection => connection(value)?,
            Name::Cookie => self.cookie_token |= cookie_holds_token(value),
            Name::ProxyAuthorization => self.proxy_authorization = true,
            Name::Trailer => trailer(value)?,
            Name::Upgrade => return Err(Cause::UpgradeRefused),
            Name::Override => return Err(Cause::OverrideHeader),
            Name::Prefer => self.prefers_receipt |= lists(value, "receipt"),
            Name::Te => self.reads_trailers |= lists(value, "trailers"),
            Name::Hop => {}
            Name::Other if text.contains('_') && underscore_collides(text) => {
                return Err(Cause::IdentityHeader);
            }
            Name::Other => {}
        }
        Ok(())
    }

    /// Two places of credentials are two callers. Fault ID-07.
    fn one_credential(&self) -> Result<(), Cause> {
        let places = [
            self.get(Single::Authorization).is_some(),
            self.get(Single::ApiKey).is_some(),
            self.cookie_token,
            self.proxy_authorization,
        ];
        if places.iter().filter(|there| **there).count() > 1 {
            Err(Cause::CredentialAmbiguous)
        } else {
            Ok(())
        }
    }

    /// The body that `Content-Length` and `Transfer-Encoding` announce. Faults H1-01 to H1-03.
    pub fn announced(&self, version: Version) -> Result<Announced, Cause> {
        let coding = self.get(Single::TransferEncoding);
        let length = self.get(Single::ContentLength);
        let chunked = match coding {
            None => false,
            Some(coding) if coding.eq_ignore_ascii_case("chunked") && version == Version::Http11 => true,
            Some(_) => return Err(Cause::AmbiguousFraming),
        };
        if chunked && length.is_some() {
            return Err(Cause::AmbiguousFraming);
        }
        let content_length =
            length.map(|text| content_length(text.as_bytes()).ok_or(Cause::BadLength)).transpose()?;
        Ok(Announced { content_length, chunked })
    }

    /// Whether the caller waits for `100 Continue`. Fault H1-18.
    pub fn expects_continue(&self) -> Result<bool, Cause> {
        match self.get(Single::Expect) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("100-continue") => Ok(true),
            Some(_) => Err(Cause::Expect),
        }
    }

    /// The media type, lower case and without parameters.
    ///
    /// Only UTF-8 is read, and no coding of the content: what policy reads of a body and what the
    /// upstream makes of it must be the same characters.
    pub fn content_type(&self) -> Result<Option<String>, Cause> {
        if self.get(Single::ContentEncoding).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(Cause::BodyFormat);
        }
        let Some(value) = self.get(Single::ContentType) else { return Ok(None) };
        let mut parts = value.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let (kind, subtype) = essence.split_once('/').ok_or(Cause::BodyFormat)?;
        let token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        let utf8 = |text: &str| {
            text.eq_ignore_ascii_case("charset=utf-8") || text.eq_ignore_ascii_case("charset=\"utf-8\"")
        };
        if !token(kind) || !token(subtype) || !parts.all(utf8) {
            return Err(Cause::BodyFormat);
        }
        Ok(Some(essence.to_ascii_lowercase()))
    }
}

/// HTTP/2 carries no connection fields (RFC 9113, section 8.2.2). Fault H2-06.
fn hop_by_hop(name: Name, value: &str) -> Result<(), Cause> {
    let connection = matches!(name, Name::Connection | Name::Hop | Name::Upgrade)
        || name == Name::One(Single::TransferEncoding)
        || (name == Name::Te && value != "trailers");
    if connection { Err(Cause::BadHeader) } else { Ok(()) }
}

/// A `Connection` field may not name what we read or pass on: the next hop would drop it.
fn connection(value: &str) -> Result<(), Cause> {
    for option in value.split(',').map(str::trim) {
        let lower = option.to_ascii_lowercase();
        match lower.as_str() {
            "" | "close" | "keep-alive" | "te" | "trailer" => {}
            "upgrade" | "http2-settings" => return Err(Cause::UpgradeRefused),
            // Identity fields that we do not read never travel on, so naming them changes nothing.
            other if matches!(name(other), Name::Other) && !forwardable(other) => {}
            _ => return Err(Cause::BadHeader),
        }
    }
    Ok(())
}

/// Whether a list holds this word, with parameters or without.
fn lists(value: &str, word: &str) -> bool {
    let name =
        |item: &str| item.split([';', '=']).next().unwrap_or_default().trim().eq_ignore_ascii_case(word);
    value.split(',').any(name)
}

/// Announced trailers are held to the same list as sent ones.
fn trailer(value: &str) -> Result<(), Cause> {
    let forbidden = |field: &str| super::names::forbidden_in_trailer(field) || speaks_of_identity(field);
    if value.split(',').map(str::trim).any(forbidden) { Err(Cause::TrailerForbidden) } else { Ok(()) }
}

/// Whether a cookie is, by its name or by its look, a bearer token.
fn cookie_holds_token(value: &str) -> bool {
    const NAMES: [&str; 6] = ["access_token", "id_token", "token", "jwt", "authorization", "bearer"];
    value.split(';').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        NAMES.iter().any(|known| known.eq_ignore_ascii_case(name.trim()))
            || (value.starts_with("eyJ") && value.matches('.').count() == 2)
    })
}
