//! The way out to the upstream and the way back to the caller.

use super::Worker;
use super::disclosure::Shown;
use super::receipt::Seal;
use super::resolve::Asked;
use crate::catalogue::{AnswerFormat, Route, Target};
use crate::engine::canonical::{Canonical, Language};
use crate::engine::clock::Moment;
use crate::engine::identifier::civil_date;
use crate::engine::mask::json::JsonMasker;
use crate::engine::mask::scalar::TokenKey;
use crate::engine::mask::{OpaqueGrant, Plan};
use crate::engine::principal::Principal;
use crate::engine::reason::Cause;
use crate::net::body::{AnswerLimits, Body, Masking, Outcome, Prepared, prepare};
use crate::net::upstream::{Answer, Outbound};
use crate::record::Record;
use crate::refusal::{PROBLEM_JSON, Refusal};
use crate::state::audit::Receipt;
use crate::state::quota::{Admitted, Standing};
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Masked bytes gathered before the head leaves: a small answer that cannot be masked is a clean 502.
const PREPARE_BYTES: usize = 64 * 1024;
/// The longest silence of an upstream in the middle of its answer.
const UPSTREAM_IDLE: Duration = Duration::from_secs(30);

static REQUEST_ID: HeaderName = HeaderName::from_static("zhamen-request-id");
static DISCLOSURE: HeaderName = HeaderName::from_static("disclosure");
static WARNING: HeaderName = HeaderName::from_static("zhamen-warning");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static PRINCIPAL: HeaderName = HeaderName::from_static("zhamen-principal");
static PURPOSE: HeaderName = HeaderName::from_static("zhamen-purpose");
static MATTER: HeaderName = HeaderName::from_static("zhamen-matter");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// An answer that may leave: masked, admitted, and its entry as durable as its class asks.
pub(super) struct Released {
    status: StatusCode,
    prepared: Option<Prepared>,
    shown: Shown,
    standing: Standing,
    content_type: HeaderValue,
    is_doubtful: bool,
    receipt: Option<Receipt>,
    seal: Option<Seal>,
}

impl Released {
    /// With the receipt that it is to carry.
    pub(super) fn sealed(self, seal: Option<Seal>) -> Self {
        Released { seal, ..self }
    }
}

/// What the upstream receives: our words about the caller, none of the caller's credentials.
pub(super) fn outbound(
    asked: &Asked,
    canonical: &Canonical,
    principal: &Principal,
    request_id: &str,
) -> Result<Outbound, Cause> {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
        .insert(header::FORWARDED, visible(&format!("for=_caller;proto=https;host=\"{}\"", canonical.host)));
    headers.insert(TRACEPARENT.clone(), traceparent(canonical, request_id));
    headers.insert(REQUEST_ID.clone(), visible(request_id));
    headers.insert(PRINCIPAL.clone(), visible(principal.caller()));
    if let Some(purpose) = &principal.statement.purpose {
        headers.insert(PURPOSE.clone(), visible(purpose));
    }
    if let Some(matter) = &principal.statement.matter {
        headers.insert(MATTER.clone(), visible(&matter.id));
    }
    if let Some(content_type) = asked.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let method =
        hyper::Method::from_bytes(asked.method.code().as_bytes()).map_err(|_| Cause::MethodUnknown)?;
    let path_and_query = asked.target.as_str().try_into().map_err(|_| Cause::BadTarget)?;
    Ok(Outbound { method, path_and_query, headers, body: asked.body.clone() })
}

/// The caller's trace goes on; without one the request id begins it.
fn traceparent(canonical: &Canonical, request_id: &str) -> HeaderValue {
    let span = request_id.get(16..32).unwrap_or("0000000000000001");
    match &canonical.traceparent {
        None => visible(&format!("00-{request_id}-{span}-00")),
        Some(parent) => {
            let trace: String = parent.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
            visible(&format!("00-{trace}-{span}-{:02x}", parent.flags))
        }
    }
}

/// Text as a header value: everything but visible ASCII is percent-encoded, as is `%` itself.
fn visible(text: &str) -> HeaderValue {
    if let (false, Ok(value)) = (text.contains('%'), HeaderValue::from_str(text)) {
        return value;
    }
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&escaped).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Masks the answer, or refuses what cannot be masked.
#[expect(clippy::too_many_arguments, reason = "everything that earlier stages proved is spent here")]
pub(super) async fn transform(
    worker: &Worker,
    asked: Asked,
    shown: Shown,
    answer: Answer,
    admitted: Admitted,
    receipt: Option<Receipt>,
    principal: &Principal,
    now: Moment,
) -> Result<Released, Refusal> {
    let standing = admitted.standing();
    let is_doubtful = asked.is_doubtful;
    let (status, content_type) = acceptable(&answer, &asked.route)?;
    let bodiless = asked.is_head || status == StatusCode::NO_CONTENT;
    let prepared = if bodiless {
        None
    } else {
        let limits = AnswerLimits {
            deadline: answer.deadline,
            idle: UPSTREAM_IDLE,
            bytes_max: worker.shared.answer_bytes_max,
            prepare_bytes: PREPARE_BYTES,
        };
        let masking = masking(worker, asked, &shown, principal, now)?;
        Some(
            prepare(answer.body, masking, limits)
                .await
                .map_err(|unmaskable| Refusal::from(unmaskable.cause))?,
        )
    };
    Ok(Released { status, prepared, shown, standing, content_type, is_doubtful, receipt, seal: None })
}

/// The status and type of an answer that can be shown; error bodies are never passed on.
fn acceptable(answer: &Answer, route: &Route) -> Result<(StatusCode, HeaderValue), Cause> {
    match answer.status.as_u16() {
        200..=204 => {}
        206 => return Err(Cause::UpstreamRange),
        404 | 410 => {
            return Err(match route.target {
                Target::Path(_) => Cause::NoRecord,
                // A database says so of tables, never of records: no record is an empty answer.
                Target::Query { .. } => Cause::UpstreamStatus,
            });
        }
        _ => return Err(Cause::UpstreamStatus),
    }
    let coded = answer.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    let content_type = single(&answer.headers, header::CONTENT_TYPE);
    match route.answer {
        AnswerFormat::Json if coded => Err(Cause::UpstreamCoding),
        AnswerFormat::Json if answer.status == StatusCode::NO_CONTENT || is_json(content_type) => {
            Ok((answer.status, HeaderValue::from_static("application/json")))
        }
        AnswerFormat::Json => Err(Cause::UpstreamType),
        AnswerFormat::Opaque => {
            let unnamed = HeaderValue::from_static("application/octet-stream");
            Ok((answer.status, content_type.cloned().unwrap_or(unnamed)))
        }
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// `application/json`, in UTF-8 if it says so.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    is_json && parts.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"))
}

fn masking(
    worker: &Worker,
    asked: Asked,
    shown: &Shown,
    principal: &Principal,
    now: Moment,
) -> Result<Masking, Cause> {
    let dataset = &asked.access.dataset;
    if asked.route.answer == AnswerFormat::Opaque {
        return OpaqueGrant::for_dataset(dataset).map(Masking::Opaque).ok_or(Cause::UpstreamType);
    }
    let token_key = if shown.has_tokens {
        let matter = principal.statement.matter.as_ref().map_or("", |matter| &matter.id);
        TokenKey::derive(&worker.shared.pseudonym_key, principal.department(), matter)
    } else {
        worker.idle_token_key.clone()
    };
    let plan = Plan {
        actions: shown.rules.clone(),
        token_key,
        claim: asked.claim,
        today: civil_date(now.unix_seconds()),
        records_max: Some(u64::from(asked.route.records_max)),
    };
    let masker = JsonMasker::new(dataset.fields.clone(), Arc::new(plan), worker.shared.mask_limits);
    Ok(Masking::Json(Box::new(masker)))
}

/// The response of a released answer. Its record goes with the body, to its last byte.
pub(super) fn respond(released: Released, record: Record) -> Response<Body> {
    let Released { status, prepared, shown, standing, content_type, is_doubtful, receipt, seal } = released;
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(REQUEST_ID.clone(), visible(record.request_id()));
    headers.insert(DISCLOSURE.clone(), shown.header);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    let (limit, policy) = rate_limit(&standing);
    headers.insert(RATE_LIMIT.clone(), limit);
    headers.insert(RATE_LIMIT_POLICY.clone(), policy);
    if is_doubtful {
        headers.insert(WARNING.clone(), HeaderValue::from_static("identifier-checksum"));
    }
    let sealing = seal.map(|seal| seal.put_on(status.as_u16(), prepared.as_ref(), &mut headers));
    let (answered, trailers) = sealing.unwrap_or_default();
    let delivery = record.deliver(status.as_u16(), receipt);
    let body = match prepared {
        Some(prepared) => {
            let told = move |mut outcome: Outcome| {
                outcome.answered = outcome.answered.or(answered);
                delivery.ended(outcome);
            };
            prepared.into_body_with(trailers, Box::new(told))
        }
        None => {
            delivery.without_body();
            Body::Empty
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11.
fn rate_limit(standing: &Standing) -> (HeaderValue, HeaderValue) {
    let Standing { policy, limit, remaining, reset_s, window_s } = standing;
    (
        visible(&format!("\"{policy}\";r={remaining};t={reset_s}")),
        visible(&format!("\"{policy}\";q={limit};w={window_s}")),
    )
}

/// The response of a refusal. To HEAD it has no body on any version (RFC 9110, 9.3.2): HTTP/2 takes a
/// body there for an error of the protocol, and nothing below us leaves it out.
pub(super) fn refuse(
    refusal: &Refusal,
    language: Language,
    request_id: &str,
    is_head: bool,
) -> Response<Body> {
    let document = Bytes::from(refusal.document(language, request_id));
    let length = HeaderValue::from(document.len());
    let mut response = Response::new(if is_head { Body::Empty } else { Body::Full(document) });
    *response.status_mut() =
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CONTENT_LANGUAGE, visible(language.tag()));
    headers.insert(REQUEST_ID.clone(), visible(request_id));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"zhamen\""));
    }
    if !refusal.offered.is_empty() {
        headers.insert(header::ALLOW, visible(&refusal.offered.join(", ")));
    }
    if refusal.closes_connection() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
