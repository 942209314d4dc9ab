//! What the claims of a token mean: an officer, a purpose, a matter, and until when.

use crate::config::settings::Issuer;
use crate::engine::identifier::{Identifier, Kind, check};
use crate::engine::json::{Json, Object};
use crate::engine::principal::{Matter, MatterSubject, Officer, Statement};
use crate::engine::reason::Cause;
use crate::engine::terms::{LegalBasis, SubjectType};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of an id, code or other short claim.
const TEXT_BYTES_MAX: usize = 256;
/// Bytes of the justification of a break-glass.
const JUSTIFICATION_BYTES_MAX: usize = 4 * 1024;
/// Subjects, and assigned officers, of one matter.
const MATTER_LIST_MAX: usize = 64;
/// Audiences, and authentication methods, of one token.
const SHORT_LIST_MAX: usize = 16;
/// 9999-12-31T23:59:59Z: no date of a token lies beyond it.
const SECONDS_MAX: i64 = 253_402_300_799;
/// No difference between two clocks is forgiven beyond this, whatever is configured.
const LEEWAY_MAX: Duration = Duration::from_secs(60);

/// When a token holds, seconds since 1970, with the issuer's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    expires: i64,
    not_before: i64,
    issued: i64,
    leeway: i64,
}

impl Times {
    fn read(claims: &Object, issuer: &Issuer) -> Result<Self, Cause> {
        let issued = seconds(claims, "iat")?.ok_or(Cause::TokenClaims)?;
        let times = Times {
            expires: seconds(claims, "exp")?.ok_or(Cause::TokenClaims)?,
            not_before: seconds(claims, "nbf")?.unwrap_or(issued),
            issued,
            leeway: issuer.leeway.min(LEEWAY_MAX).as_secs() as i64,
        };
        let lifetime_max = i64::try_from(issuer.lifetime_max.as_secs()).unwrap_or(SECONDS_MAX);
        // Both lie between 1970 and 9999.
        let lifetime = times.expires - times.issued;
        if lifetime <= 0 || lifetime > lifetime_max { Err(Cause::TokenClaims) } else { Ok(times) }
    }

    /// Whether the token holds at a moment, in seconds since 1970. Asked again for remembered proofs.
    ///
    /// # Errors
    /// [`Cause::TokenExpired`] after its end, [`Cause::TokenClaims`] before its start.
    pub fn hold_at(&self, now: i64) -> Result<(), Cause> {
        let start = self.not_before.max(self.issued).saturating_sub(self.leeway);
        let end = self.expires.saturating_add(self.leeway);
        if now < start {
            return Err(Cause::TokenClaims);
        }
        if now >= end { Err(Cause::TokenExpired) } else { Ok(()) }
    }
}

/// Claims with a good signature, as values. Never shown: they name persons.
pub struct Claims {
    pub times: Times,
    /// `client_id`: the application the token was issued to.
    pub client: Box<str>,
    /// `jti`, by which a single token can be revoked.
    pub token_id: Option<Box<str>>,
    /// `None` where the application speaks for itself (`sub` is the client).
    pub officer: Option<Arc<Officer>>,
    pub statement: Statement,
    /// SHA-256 of the certificate the token is bound to (RFC 8705).
    pub thumbprint: Option<[u8; 32]>,
}

impl Claims {
    /// Reads claims; the signature must have been verified, and `now` is seconds since 1970.
    ///
    /// # Errors
    /// [`Cause::TokenAudience`], [`Cause::TokenClaims`] for everything missing, mistyped or out of
    /// range, [`Cause::TokenExpired`].
    pub fn read(claims: &Object, issuer: &Issuer, now: i64) -> Result<Self, Cause> {
        audience(claims, &issuer.audience)?;
        let times = Times::read(claims, issuer)?;
        times.hold_at(now)?;
        let client = required(claims, "client_id")?;
        let subject = required(claims, "sub")?;
        Ok(Claims {
            times,
            token_id: optional(claims, "jti")?.map(|id| (&*id).into()),
            officer: officer(claims, &subject, &client)?,
            statement: statement(claims, &times, now)?,
            thumbprint: thumbprint(claims)?,
            client,
        })
    }
}

/// The exact issuer a token names, before any proof: it only chooses the key set.
pub fn issuer(claims: &Object) -> Result<&str, Cause> {
    claims.get("iss").ok_or(Cause::TokenClaims)?.text().ok_or(Cause::TokenClaims)
}

fn audience(claims: &Object, wanted: &str) -> Result<(), Cause> {
    let named = match claims.get("aud") {
        Some(Json::Text(one)) => one == wanted,
        Some(Json::List(list)) if list.len() <= SHORT_LIST_MAX => {
            if list.iter().any(|one| one.text().is_none()) {
                return Err(Cause::TokenClaims);
            }
            list.iter().any(|one| one.text() == Some(wanted))
        }
        None => false,
        Some(_) => return Err(Cause::TokenClaims),
    };
    if named { Ok(()) } else { Err(Cause::TokenAudience) }
}

/// A `NumericDate`: here whole seconds only, from 1970 to 9999. Fault ID-04.
fn seconds(claims: &Object, name: &str) -> Result<Option<i64>, Cause> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.whole().filter(|number| (0..=SECONDS_MAX).contains(number));
    number.map(Some).ok_or(Cause::TokenClaims)
}

fn optional(claims: &Object, name: &str) -> Result<Option<Arc<str>>, Cause> {
    claims.get(name).map(|value| short(value, TEXT_BYTES_MAX)).transpose()
}

fn required(claims: &Object, name: &str) -> Result<Box<str>, Cause> {
    let text = optional(claims, name)?.ok_or(Cause::TokenClaims)?;
    Ok((&*text).into())
}

/// A text that is not empty and has no control characters. `|` parts the caller's key and stays out.
fn short(value: &Json, bytes_max: usize) -> Result<Arc<str>, Cause> {
    let text = value.text().ok_or(Cause::TokenClaims)?;
    let odd = text.chars().any(|c| c.is_control() || c == '|');
    if text.trim().is_empty() || text.len() > bytes_max || odd {
        Err(Cause::TokenClaims)
    } else {
        Ok(text.into())
    }
}

fn officer(claims: &Object, subject: &str, client: &str) -> Result<Option<Arc<Officer>>, Cause> {
    if subject == client {
        // An application's own token names no person, and says nothing that only a person has.
        let personal = ["post", "department", "break_glass"].iter().any(|name| claims.get(name).is_some());
        return if personal { Err(Cause::TokenClaims) } else { Ok(None) };
    }
    let department = optional(claims, "department")?.ok_or(Cause::TokenClaims)?;
    let department = check(Kind::Uscc, &department).identifier().ok_or(Cause::TokenClaims)?;
    Ok(Some(Arc::new(Officer {
        id: subject.into(),
        department: department.canonical().into(),
        post: optional(claims, "post")?.ok_or(Cause::TokenClaims)?,
        region: optional(claims, "region")?,
    })))
}

fn statement(claims: &Object, times: &Times, now: i64) -> Result<Statement, Cause> {
    let basis = |text: Arc<str>| LegalBasis::parse(&text).ok_or(Cause::TokenClaims);
    let justification = |value: &Json| short(value, JUSTIFICATION_BYTES_MAX);
    Ok(Statement {
        purpose: optional(claims, "purpose")?,
        legal_basis: optional(claims, "legal_basis")?.map(basis).transpose()?,
        consent: optional(claims, "consent")?,
        matter: claims.get("matter").map(matter).transpose()?.map(Arc::new),
        represented: optional(claims, "represented")?,
        break_glass: claims.get("break_glass").map(justification).transpose()?,
        stepped_up_at: stepped_up_at(claims, times, now)?,
    })
}

/// `auth_time`, where the methods (RFC 8176) say that more than one factor was used.
fn stepped_up_at(claims: &Object, times: &Times, now: i64) -> Result<Option<i64>, Cause> {
    let at = seconds(claims, "auth_time")?;
    if at.is_some_and(|at| at > now.saturating_add(times.leeway)) {
        return Err(Cause::TokenClaims);
    }
    let methods = match claims.get("amr") {
        None => return Ok(None),
        Some(value) => texts(value, SHORT_LIST_MAX)?,
    };
    Ok(at.filter(|_| methods.iter().any(|method| &**method == "mfa")))
}

fn texts(value: &Json, length_max: usize) -> Result<Vec<Arc<str>>, Cause> {
    let list = value.list().ok_or(Cause::TokenClaims)?;
    if list.len() > length_max {
        return Err(Cause::TokenSize);
    }
    list.iter().map(|one| short(one, TEXT_BYTES_MAX)).collect()
}

fn matter(value: &Json) -> Result<Matter, Cause> {
    let matter = value.object().ok_or(Cause::TokenClaims)?;
    let subjects =
        matter.get("subjects").map_or(Ok(&[][..]), |list| list.list().ok_or(Cause::TokenClaims))?;
    if subjects.len() > MATTER_LIST_MAX {
        return Err(Cause::TokenSize);
    }
    let officers = matter.get("officers").map(|list| texts(list, MATTER_LIST_MAX)).transpose()?;
    Ok(Matter {
        id: optional(matter, "id")?.ok_or(Cause::TokenClaims)?,
        matter_type: optional(matter, "type")?.ok_or(Cause::TokenClaims)?,
        open: matter.get("open").and_then(Json::truth).ok_or(Cause::TokenClaims)?,
        subjects: subjects.iter().map(matter_subject).collect::<Result<_, _>>()?,
        officers: officers.unwrap_or_default(),
    })
}

fn matter_subject(value: &Json) -> Result<MatterSubject, Cause> {
    let subject = value.object().ok_or(Cause::TokenClaims)?;
    let subject_type = optional(subject, "type")?.and_then(|code| SubjectType::parse(&code));
    let subject_type = subject_type.ok_or(Cause::TokenClaims)?;
    let id = optional(subject, "id")?.ok_or(Cause::TokenClaims)?;
    Ok(MatterSubject {
        subject_type,
        id: canonical_identifier(subject_type, &id).ok_or(Cause::TokenClaims)?,
        relation: optional(subject, "relation")?.ok_or(Cause::TokenClaims)?,
    })
}

/// The canonical form of a subject's number, by the kinds that such a subject has, likeliest first.
fn canonical_identifier(subject_type: SubjectType, text: &str) -> Option<Arc<str>> {
    identifier_of(subject_type, text).map(|found| found.canonical().into())
}

fn identifier_of(subject_type: SubjectType, text: &str) -> Option<Identifier> {
    let kinds: &[Kind] = match subject_type {
        SubjectType::Natural => {
            &[Kind::ResidentId, Kind::ForeignerId, Kind::HomeVisitPermit, Kind::TaiwanPermit, Kind::Passport]
        }
        SubjectType::Legal => &[Kind::Uscc, Kind::OrganisationCode, Kind::BusinessLicence],
        // A subject of which the issuer does not say what it is cannot be compared with anything.
        SubjectType::Unknown => &[],
    };
    kinds.iter().find_map(|kind| check(*kind, text).identifier())
}

/// A citizen who asks about themselves: whom the token is about, and its id.
///
/// The claim is `sub_id` (RFC 9493) with exactly `type`: `NATURAL` and `id`: the person's identity
/// number in its canonical form; a `format` may stand beside them. `sub` stays the issuer's own
/// pseudonym. A token that speaks for an office, or is bound to a certificate that is not looked at
/// here, is refused.
///
/// # Errors
/// As [`Claims::read`].
pub(super) fn citizen(claims: &Object, issuer: &Issuer, now: i64) -> Result<Citizen, Cause> {
    audience(claims, &issuer.audience)?;
    Times::read(claims, issuer)?.hold_at(now)?;
    required(claims, "sub")?;
    if ["department", "post", "matter", "break_glass"].iter().any(|name| claims.get(name).is_some()) {
        return Err(Cause::TokenClaims);
    }
    if claims.get("cnf").is_some() {
        return Err(Cause::IdentityMismatch);
    }
    let about = claims.get("sub_id").and_then(Json::object).ok_or(Cause::TokenClaims)?;
    let id = optional(about, "id")?.ok_or(Cause::TokenClaims)?;
    let kind = optional(about, "type")?.and_then(|code| SubjectType::parse(&code));
    let identifier = match kind {
        Some(SubjectType::Natural) => identifier_of(SubjectType::Natural, &id),
        Some(SubjectType::Legal | SubjectType::Unknown) | None => None,
    };
    Ok(Citizen {
        identifier: identifier.filter(|found| found.canonical() == &*id).ok_or(Cause::TokenClaims)?,
        token_id: optional(claims, "jti")?,
        client: optional(claims, "client_id")?,
    })
}

/// What a citizen's token says.
pub(super) struct Citizen {
    pub identifier: Identifier,
    pub token_id: Option<Arc<str>>,
    pub client: Option<Arc<str>>,
}

/// `cnf`: only the certificate thumbprint is known; a token bound to anything else is not for us.
fn thumbprint(claims: &Object) -> Result<Option<[u8; 32]>, Cause> {
    let Some(value) = claims.get("cnf") else { return Ok(None) };
    let text = value.object().and_then(|cnf| cnf.get("x5t#S256")).and_then(Json::text);
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Some).ok_or(Cause::TokenClaims)
}
