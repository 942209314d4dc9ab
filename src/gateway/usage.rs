//! `/usage/v1` between the listeners and the room that answers it.

use super::Parts;
use crate::engine::canonical::Language;
use crate::engine::identifier::Identifier;
use crate::engine::reason::Cause;
use crate::net::body::Body;
use crate::ops::usage::{Answer, Question, is_usage};
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode};
use std::net::IpAddr;

/// Whether a request of the data plane is about usage and addressed to this gateway. Others take the
/// usual way, which also refuses what is addressed elsewhere.
pub(super) fn is_for_us(parts: &Parts, request: &Request<hyper::body::Incoming>) -> bool {
    let is_on = parts.settings.usage.on_data_plane;
    is_on && is_usage(request.uri().path()) && is_addressed_to_us(parts, request)
}

/// Whether the name that a request of the data plane is addressed to is one of this gateway's.
pub(super) fn is_addressed_to_us(parts: &Parts, request: &Request<hyper::body::Incoming>) -> bool {
    let line = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(|authority| authority.as_str()).or(line);
    let Some(Ok(authority)) = authority.map(str::parse::<Authority>) else { return false };
    let ours = &parts.settings.data.host_names;
    let host = authority.host().trim_matches(['[', ']']);
    ours.is_empty() || ours.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Answers one request about usage.
pub(super) async fn respond(
    parts: &Parts,
    address: IpAddr,
    request: Request<hyper::body::Incoming>,
) -> Response<Body> {
    let now = parts.clock.now();
    let headers = request.headers();
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|line| line.to_str().ok());
    let question = Question {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        language: Language::of(language),
        address,
        who: who(parts, headers),
    };
    let is_head = request.method() == hyper::Method::HEAD;
    let language = question.language;
    response(parts.usage.answer(question, now).await, language, is_head)
}

/// Whom the one bearer token proves.
fn who(parts: &Parts, headers: &HeaderMap) -> Result<Identifier, Cause> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or(Cause::NoCredential)?;
    if lines.next().is_some() {
        return Err(Cause::CredentialAmbiguous);
    }
    let text = line.to_str().map_err(|_| Cause::TokenFormat)?;
    let (scheme, token) = text.split_once(' ').ok_or(Cause::NoCredential)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Cause::NoCredential);
    }
    let snapshot = parts.shared.snapshots.current();
    parts.shared.identities.citizen(token.trim(), &snapshot.registry, parts.clock.now())
}

fn response(answer: Answer, language: Language, is_head: bool) -> Response<Body> {
    let length = HeaderValue::from(answer.body.len());
    let mut response =
        Response::new(if is_head { Body::Empty } else { Body::Full(Bytes::from(answer.body)) });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Authorization"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    if let Ok(id) = HeaderValue::from_str(&answer.request_id) {
        headers.insert("zhamen-request-id", id);
    }
    if let Some(seconds) = answer.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if answer.status == 405 {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
