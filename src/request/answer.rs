//! The way out to the upstream and the way back to the caller.

use super::Worker;
use super::disclosure::Shown;
use super::limits::PolicyHeaders;
use super::outgoing::{self, Links};
use super::receipt::Seal;
use super::resolve::Asked;
use crate::catalogue::{Media, Route, Target};
use crate::engine::canonical::bytes::push_escaped;
use crate::engine::canonical::{Canonical, Language};
use crate::engine::clock::Moment;
use crate::engine::framing::answer::Fields;
use crate::engine::identifier::civil_date;
use crate::engine::mask::scalar::TokenKey;
use crate::engine::mask::watch::Watched;
use crate::engine::mask::{Masker, OpaqueGrant, Plan, Tally};
use crate::engine::principal::Principal;
use crate::engine::reason::Cause;
use crate::net::body::coding::{self, Coding, DecodeLimits, Decoding, codings_of};
use crate::net::body::{AnswerLimits, Body, Masking, Outcome, Prepared, prepare};
use crate::net::upstream::{Answer, Outbound};
use crate::record::Record;
use crate::refusal::{PROBLEM_JSON, Refusal};
use crate::state::audit::Receipt;
use crate::state::quota::{Admitted, Standing};
use crate::state::snapshot::Snapshot;
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
pub(super) static WARNING: HeaderName = HeaderName::from_static("zhamen-warning");

/// An answer that may leave: masked, admitted, and its entry as durable as its class asks.
pub(super) struct Released {
    masked: Transformed,
    shown: Shown,
    standing: Standing,
    warnings: Warnings,
    receipt: Option<Receipt>,
    seal: Option<Box<Seal>>,
}

/// An answer masked, as far as it is to be read before its head may leave.
pub(super) struct Transformed {
    status: StatusCode,
    content_type: HeaderValue,
    /// Of the upstream, masked.
    headers: Vec<(HeaderName, HeaderValue)>,
    prepared: Option<Prepared>,
    /// How the body is coded.
    coding: Option<Coding>,
    /// It could be coded for another caller.
    can_be_coded: bool,
}

impl Transformed {
    /// Status, bytes of body and what was seen in it, if all of the answer is at hand.
    pub(super) fn whole(&self) -> Option<(u16, u64, Option<&Tally>)> {
        let status = self.status.as_u16();
        match &self.prepared {
            None => Some((status, 0, None)),
            Some(prepared) => Some((status, prepared.content_length()?, Some(prepared.tally()?))),
        }
    }
}

/// What will be done to an answer.
pub(super) struct Treatment {
    plan: Arc<Plan>,
    masking: Masking,
}

/// What the caller is told about the answer besides its modes: `Zhamen-Warning`, a list of tokens
/// with parameters (RFC 9651).
struct Warnings {
    /// The identifier's check digit is wrong.
    is_doubtful: bool,
    /// Rows outside of the caller's scope are left out, if there are any.
    has_row_filter: bool,
    records_max: u32,
    /// The upstream was asked for fewer records than the caller wants.
    is_lowered: bool,
}

impl Warnings {
    /// The header's value. Whether records were cut is known once the whole answer is masked; of a
    /// longer one, and of one that the upstream was asked for with the cap, the cap is told.
    fn value(&self, prepared: Option<&Prepared>) -> Option<HeaderValue> {
        let max = self.records_max;
        let cut = prepared.and_then(|prepared| match prepared.tally() {
            Some(tally) if tally.dropped_records > 0 => Some(format!("records-cut;max={max}")),
            Some(_) if !self.is_lowered => None,
            Some(_) | None => Some(format!("records-max;max={max}")),
        });
        let doubt = self.is_doubtful.then(|| "identifier-checksum".to_owned());
        let rows = self.has_row_filter.then(|| "rows-filtered".to_owned());
        let warnings: Vec<String> = doubt.into_iter().chain(rows).chain(cut).collect();
        if warnings.is_empty() { None } else { HeaderValue::from_str(&warnings.join(", ")).ok() }
    }
}

/// What the upstream receives: our words about the caller, none of the caller's credentials.
pub(super) fn outbound(
    asked: &Asked,
    canonical: &Canonical,
    principal: &Principal,
    request_id: &str,
) -> Result<Outbound, Cause> {
    let mut request = Outbound::new(asked.method.code(), &asked.target)?;
    request.fixed("accept", asked.route.answer.media().map_or("*/*", Media::code));
    let codings = if asked.route.upstream.compressed { coding::ACCEPTED } else { "identity" };
    request.fixed("accept-encoding", codings);
    request.field("forwarded", &["for=_caller;proto=https;host=\"", &canonical.host, "\""]);
    trace(&mut request, canonical, request_id);
    request.field(REQUEST_ID.as_str(), &[request_id]);
    request.field("zhamen-principal", &[principal.caller()]);
    if let Some(purpose) = &principal.statement.purpose {
        request.field("zhamen-purpose", &[purpose]);
    }
    if let Some(matter) = &principal.statement.matter {
        request.field("zhamen-matter", &[&matter.id]);
    }
    if let Some(content_type) = asked.content_type {
        request.fixed("content-type", content_type);
    }
    Ok(request.with_body(asked.body.clone()))
}

/// The caller's trace goes on; without one the request id begins it.
fn trace(request: &mut Outbound, canonical: &Canonical, request_id: &str) {
    let span = request_id.get(16..32).unwrap_or("0000000000000001");
    match &canonical.traceparent {
        None => request.field("traceparent", &["00-", request_id, "-", span, "-00"]),
        Some(parent) => {
            let trace: String = parent.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
            let flags = format!("{:02x}", parent.flags);
            request.field("traceparent", &["00-", &trace, "-", span, "-", &flags]);
        }
    }
}

/// Text as a header value: everything but visible ASCII is percent-encoded, as is `%` itself.
fn visible(text: &str) -> HeaderValue {
    if let (false, Ok(value)) = (text.as_bytes().contains(&b'%'), HeaderValue::from_str(text)) {
        return value;
    }
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => push_escaped(&mut escaped, byte),
        }
    }
    HeaderValue::from_str(&escaped).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Masks the answer, or refuses what cannot be masked.
pub(super) async fn transform(
    worker: &Worker,
    snapshot: &Snapshot,
    asked: &Asked,
    answer: Answer,
    treatment: Treatment,
) -> Result<Transformed, Cause> {
    let (status, content_type) = acceptable(&answer, &asked.route)?;
    let Treatment { plan, masking } = treatment;
    let links = Links { catalogue: &snapshot.catalogue, plan: &plan };
    let headers = outgoing::headers(&answer.fields, &asked.route, &plan, &links);
    let can_be_coded = asked.route.shape.compress || !asked.access.dataset.is_classified();
    let mut masked =
        Transformed { status, content_type, headers, prepared: None, coding: None, can_be_coded };
    if asked.is_head || status == StatusCode::NO_CONTENT {
        return Ok(masked);
    }
    let limits = AnswerLimits {
        deadline: answer.deadline,
        idle: UPSTREAM_IDLE,
        bytes_max: worker.shared.answer_bytes_max,
        prepare_bytes: PREPARE_BYTES,
    };
    let decoding = decoding(worker, &answer.fields)?;
    let prepared = prepare(answer.body, decoding, masking, limits).await;
    let mut prepared = prepared.map_err(|unmaskable| unmaskable.cause)?;
    if can_be_coded {
        masked.coding = prepared.encode(asked.wanted);
    }
    masked.prepared = Some(prepared);
    Ok(masked)
}

/// A masked answer, released against its receipt.
pub(super) fn released(
    masked: Transformed,
    asked: &Asked,
    shown: Shown,
    admitted: &Admitted,
    receipt: Option<Receipt>,
    seal: Option<Box<Seal>>,
) -> Released {
    let warnings = Warnings {
        is_doubtful: asked.is_doubtful,
        has_row_filter: asked.route.sifting.as_ref().is_some_and(|sifting| !sifting.rows.is_empty()),
        records_max: asked.records_max,
        is_lowered: asked.is_lowered,
    };
    Released { masked, shown, standing: admitted.standing(), warnings, receipt, seal }
}

/// The status and type of an answer that can be shown; error bodies are never passed on.
fn acceptable(answer: &Answer, route: &Route) -> Result<(StatusCode, HeaderValue), Cause> {
    let status = StatusCode::from_u16(answer.status).map_err(|_| Cause::UpstreamStatus)?;
    match answer.status {
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
    if answer.fields.all("content-range").next().is_some() {
        return Err(Cause::UpstreamRange);
    }
    if answer.fields.all("x-clickhouse-exception-code").next().is_some() {
        return Err(Cause::UpstreamException);
    }
    let content_type = answer.fields.single("content-type");
    let Some(media) = route.answer.media() else {
        let named = content_type.and_then(|value| HeaderValue::from_bytes(value).ok());
        return Ok((status, named.unwrap_or(HeaderValue::from_static("application/octet-stream"))));
    };
    if status == StatusCode::NO_CONTENT || is_declared(route, content_type) {
        Ok((status, HeaderValue::from_static(media.code())))
    } else {
        Err(Cause::UpstreamType)
    }
}

/// The declared type, in UTF-8 if it says so. `header` belongs to text/csv (RFC 4180), and says
/// nothing that the catalogue does not.
fn is_declared(route: &Route, content_type: Option<&[u8]>) -> bool {
    let Some(text) = content_type.and_then(|value| std::str::from_utf8(value).ok()) else { return false };
    if Some(text) == route.answer.media().map(Media::code) {
        return true;
    }
    let text = text.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let comes = parts.next().is_some_and(|media| route.answer.comes_as(media));
    comes && parts.all(|part| ["charset=utf-8", "charset=\"utf-8\"", "header=present"].contains(&part))
}

fn decoding(worker: &Worker, fields: &Fields) -> Result<Option<Decoding>, Cause> {
    let codings = codings_of(fields.all("content-encoding"))?;
    if codings.is_empty() {
        return Ok(None);
    }
    let limits = DecodeLimits { ratio_max: worker.shared.answer_ratio_max };
    Decoding::new(&codings, limits).map(Some)
}

/// What will be done to the answer of an admitted request.
pub(super) fn treatment(
    worker: &Worker,
    asked: &Asked,
    shown: &Shown,
    principal: &Principal,
    now: Moment,
) -> Result<Treatment, Cause> {
    let plan = plan(worker, asked, shown, principal, now);
    let masking = masking(worker, asked, shown, principal, plan.clone())?;
    Ok(Treatment { plan, masking })
}

fn plan(worker: &Worker, asked: &Asked, shown: &Shown, principal: &Principal, now: Moment) -> Arc<Plan> {
    let token_key = if shown.has_tokens {
        let matter = principal.statement.matter.as_ref().map_or("", |matter| &matter.id);
        TokenKey::derive(&worker.shared.pseudonym_key, principal.department(), matter).into()
    } else {
        worker.idle_token_key.clone()
    };
    Arc::new(Plan {
        actions: shown.rules.clone(),
        token_key,
        claim: asked.claim.clone(),
        today: civil_date(now.unix_seconds()),
        records_max: Some(u64::from(asked.records_max)),
        subject: asked.access.subject.as_ref().map(|subject| subject.identifier.shared()),
        watched: Watched { labels: asked.access.dataset.watch.clone(), key: worker.watch_key(now) },
    })
}

fn masking(
    worker: &Worker,
    asked: &Asked,
    shown: &Shown,
    principal: &Principal,
    plan: Arc<Plan>,
) -> Result<Masking, Cause> {
    let (route, dataset) = (&asked.route, &asked.access.dataset);
    let Some(format) = &route.shape.format else {
        return OpaqueGrant::for_dataset(dataset).map(Masking::Opaque).ok_or(Cause::UpstreamType);
    };
    let limits = worker.shared.mask_limits;
    let fields = dataset.fields.clone();
    let masker = match &route.sifting {
        None => Masker::new(format, fields, plan, limits),
        Some(sifting) => {
            let mode = |label: usize| shown.modes.get(label).map(|(mode, _)| *mode);
            // Policy has answered: whoever lacks what rows are filtered by is refused by now.
            let order = sifting.order(principal, mode, route.is_pushed_down).ok_or(Cause::MaskFailed)?;
            Masker::sieving(format, fields, plan, limits, (sifting.spec.clone(), order))
        }
    };
    let masker = if route.answer.is_clickhouse() { masker.watching() } else { masker };
    Ok(Masking::Format(Box::new(masker)))
}

/// The response of a released answer. Its record goes with the body, to its last byte.
pub(super) fn respond(
    released: Released,
    record: Box<Record>,
    policies: &mut PolicyHeaders,
) -> Response<Body> {
    let Released { masked, shown, standing, warnings, receipt, seal } = released;
    let Transformed { status, content_type, headers: passed, prepared, coding, can_be_coded } = masked;
    let mut headers = HeaderMap::with_capacity(12);
    headers.extend(passed);
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.code()));
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(REQUEST_ID.clone(), visible(record.request_id()));
    headers.insert(DISCLOSURE.clone(), shown.header);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let vary = if can_be_coded { "Authorization, Accept-Encoding" } else { "Authorization" };
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    policies.tell(&mut headers, &standing);
    if let Some(warnings) = warnings.value(prepared.as_ref()) {
        headers.insert(WARNING.clone(), warnings);
    }
    let sealing = seal.map(|seal| seal.put_on(status.as_u16(), prepared.as_ref(), &mut headers));
    let (answered, trailers) = sealing.unwrap_or_default();
    let is_whole = prepared.as_ref().is_none_or(|prepared| prepared.content_length().is_some());
    let delivery = record.deliver(status.as_u16(), receipt, is_whole);
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

/// The response of a refusal. To HEAD it has no body on any version (RFC 9110, 9.3.2): HTTP/2 takes a
/// body there for an error of the protocol, and nothing below us leaves it out.
pub(super) fn refuse(
    refusal: &Refusal,
    language: Language,
    request_id: &str,
    is_head: bool,
    policies: &mut PolicyHeaders,
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
    if let Some(standing) = &refusal.standing {
        policies.tell(headers, standing);
    }
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
