//! What the caller presented about itself, before any proof.

use super::bytes::split_at_byte;
use super::names::{SINGLES, Single};
use crate::engine::reason::Cause;
use std::fmt;

/// The longest purpose, matter number or X-Road value, in bytes.
const STATEMENT_BYTES_MAX: usize = 128;

/// Credentials and statements as received: well-formed, and nothing more is known of them.
///
/// Its `Debug` says which are there, never what they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Presented {
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// `X-Api-Key`.
    pub api_key: Option<String>,
    /// `Purpose`.
    pub purpose: Option<String>,
    /// `Matter-Id`.
    pub matter_id: Option<String>,
    /// `Legal-Basis`.
    pub legal_basis: Option<String>,
    /// The X-Road set.
    pub x_road: XRoad,
    /// `X-Request-Id`, where it looks like a UUID; anything else is as if it were not there.
    pub request_id: Option<String>,
}

/// X-Road message protocol for REST: the fields that state who asks and why.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct XRoad {
    /// `X-Road-Client`: the calling member.
    pub client: Option<XRoadClient>,
    /// `X-Road-UserId`: the officer.
    pub user_id: Option<String>,
    /// `X-Road-Issue`: the matter.
    pub issue: Option<String>,
    /// `X-Road-Id`, where it looks like a UUID.
    pub id: Option<String>,
    /// `X-Road-Represented-Party`.
    pub represented: Option<String>,
}

/// `instance/class/member[/subsystem]`.
#[derive(Clone, PartialEq, Eq)]
pub struct XRoadClient {
    pub instance: String,
    pub class: String,
    /// Code of the member: here the unified social credit code of a department.
    pub member: String,
    pub subsystem: Option<String>,
}

impl Presented {
    /// Whether any field states purpose, matter, basis, officer or represented party.
    pub fn states_anything(&self) -> bool {
        let road = &self.x_road;
        self.purpose.is_some()
            || self.matter_id.is_some()
            || self.legal_basis.is_some()
            || road.client.is_some()
            || road.user_id.is_some()
            || road.issue.is_some()
            || road.represented.is_some()
    }

    /// Takes the fields out of the table of singles.
    pub(super) fn read(table: &[Option<&str>; SINGLES]) -> Result<Self, Cause> {
        let at = |single: Single| table.get(single as usize).copied().flatten();
        let statement = |single| at(single).map(statement).transpose();
        Ok(Presented {
            bearer: at(Single::Authorization).map(bearer).transpose()?,
            api_key: at(Single::ApiKey).map(str::to_owned),
            purpose: statement(Single::Purpose)?,
            matter_id: statement(Single::MatterId)?,
            legal_basis: statement(Single::LegalBasis)?,
            x_road: XRoad {
                client: at(Single::RoadClient).map(client).transpose()?,
                user_id: statement(Single::RoadUserId)?,
                issue: statement(Single::RoadIssue)?,
                id: at(Single::RoadId).and_then(request_id),
                represented: statement(Single::RoadRepresented)?,
            },
            request_id: at(Single::RequestId).and_then(request_id),
        })
    }
}

/// `Bearer` in any case, one space, one token (RFC 6750, section 2.1). That it is base64url is for
/// whoever takes it apart; here it must not be a list, a quoted text or parameters.
fn bearer(value: &str) -> Result<String, Cause> {
    let (scheme, token) = split_at_byte(value, b' ').ok_or(Cause::TokenFormat)?;
    let part = |b: u8| (b == b' ') | (b == b'\t') | (b == b',') | (b == b';') | (b == b'"');
    let single = token.bytes().fold(true, |fine, b| fine & !part(b));
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || !single {
        return Err(Cause::TokenFormat);
    }
    Ok(token.to_owned())
}

/// Visible ASCII without spaces, quotes or commas: one value, not a list. Seven fields may be one, most
/// requests carry none: its code stands once, out of their way.
#[inline(never)]
fn statement(value: &str) -> Result<String, Cause> {
    let symbol = |b: u8| b.is_ascii_graphic() && !matches!(b, b',' | b';' | b'"' | b'\\' | b'<' | b'>');
    if value.is_empty() || value.len() > STATEMENT_BYTES_MAX || !value.bytes().all(symbol) {
        return Err(Cause::IdentityHeader);
    }
    Ok(value.to_owned())
}

#[inline(never)]
fn client(value: &str) -> Result<XRoadClient, Cause> {
    let value = statement(value)?;
    let mut parts = value.split('/').map(str::to_owned);
    let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(Cause::IdentityHeader);
    let (instance, class, member) = (next()?, next()?, next()?);
    let subsystem = parts.next();
    if parts.next().is_some() || subsystem.as_deref() == Some("") {
        return Err(Cause::IdentityHeader);
    }
    Ok(XRoadClient { instance, class, member, subsystem })
}

#[inline(never)]
fn request_id(value: &str) -> Option<String> {
    let symbol = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    ((8..=64).contains(&value.len()) && value.bytes().all(symbol)).then(|| value.to_owned())
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("bearer", &self.bearer.is_some())
            .field("api_key", &self.api_key.is_some())
            .field("states_anything", &self.states_anything())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for XRoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XRoad").field("client", &self.client.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for XRoadClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XRoadClient(…)")
    }
}
