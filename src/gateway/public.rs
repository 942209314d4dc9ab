//! What is for everybody, on the data plane: the catalogue, the register of grants, and the checkpoint and
//! tiles of the transparency log.
//!
//! The same pages as on the admin plane, without proof of who asks and without entries: they hold
//! nothing to account for. They are made on threads of their own, a few at a time, so that nobody can
//! keep the requests of departments waiting by asking for them.

use super::Parts;
use super::admin::{log_file, response};
use crate::net::body::Body;
use crate::ops::admin::{Answer, Asked, log_answer, problem};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Pages that are made at once; who asks for more comes back in a second.
const AT_ONCE: usize = 2;

/// Where the files of the transparency log begin.
const LOG_FILES: &str = "/audit/v1/";

/// Places for those who ask.
pub(crate) struct Public {
    places: Arc<Semaphore>,
}

impl Default for Public {
    fn default() -> Self {
        Public { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Whether a request of the data plane is for a public page of this gateway. Others take the usual way.
pub(super) fn is_for_us(parts: &Parts, request: &Request<hyper::body::Incoming>) -> bool {
    let path = request.uri().path();
    let is_page = matches!(path, "/catalogue" | "/grants") || path.starts_with(LOG_FILES);
    is_page && parts.settings.catalogue.on_data_plane && super::usage::is_addressed_to_us(parts, request)
}

/// Answers one request for a public page.
pub(super) async fn respond(parts: &Arc<Parts>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let is_head = request.method() == Method::HEAD;
    if !is_head && request.method() != Method::GET {
        let mut refused = response(problem(405, "public pages are read only"), is_head);
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let Ok(place) = parts.public.places.clone().try_acquire_owned() else {
        return response(problem(503, "others are asking: ask again in a second"), is_head);
    };
    let (parts, (head, _)) = (parts.clone(), request.into_parts());
    let made = tokio::task::spawn_blocking(move || {
        let answer = answer(&parts, &head.uri, &head.headers);
        drop(place);
        answer
    });
    // A defect in a page costs that page; its panic was reported by its own hook.
    let answer = made.await.unwrap_or_else(|_| problem(500, "the page could not be made"));
    response(answer, is_head)
}

fn answer(parts: &Parts, uri: &hyper::Uri, headers: &HeaderMap) -> Answer {
    if let Some(path) = uri.path().strip_prefix(LOG_FILES) {
        return log_answer(path, log_file(&parts.audit, path));
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Asked {
        method: "GET",
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        host: "",
        accept: text(header::ACCEPT),
        accept_language: text(header::ACCEPT_LANGUAGE),
        authorization: None,
    };
    let page = parts.pages.answer(&parts.shared.snapshots.current(), &asked);
    page.unwrap_or_else(|| problem(404, "no such page"))
}
