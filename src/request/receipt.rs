//! Receipts on answers: who gets one, what it states, and where it stands.
//!
//! A caller asks with `Prefer: receipt` (RFC 7240), or a route says `receipt: always`. A short answer is
//! whole before its head leaves, so its receipt is the field `Zhamen-Receipt`. A long one is still
//! coming: its receipt is the trailer of that name, for callers that read trailers (`TE: trailers`, or
//! HTTP/2). A caller that reads none is told so by `Zhamen-Warning: receipt-needs-trailers`.
//!
//! A refusal has a receipt under the same conditions, and waits for its entry then. Two differences:
//! only callers that are proved get one, because a receipt is somebody's and nobody else may make the
//! log sync at will; and it states what the caller is told, so a hidden route's names no dataset, and a
//! hidden route's `always` does not reach refusals. Where the entry cannot be written the refusal
//! stands without: `Zhamen-Warning: receipt-unavailable`.

use super::Worker;
use super::answer::WARNING;
use super::resolve::Asked;
use crate::catalogue::Route;
use crate::engine::canonical::Canonical;
use crate::engine::evidence::Decision;
use crate::engine::evidence::receipt::{Answered, LabelStated, Place, Signer, Statement};
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::net::body::{Body, Prepared, Trailers};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::state::audit::Receipt;
use hyper::Response;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

static RECEIPT: HeaderName = HeaderName::from_static("zhamen-receipt");
static PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Tells the record whether the answer of this route is to carry a receipt.
pub(super) fn found(worker: &Worker, canonical: &Canonical, route: &Route, record: &mut Record) {
    let is_wanted = canonical.prefers_receipt || route.receipt;
    record.learnt.is_receipted = is_wanted && worker.shared.receipts.is_some();
    record.learnt.is_hidden = route.hidden;
}

/// A receipt that lacks only the answer's bytes.
pub(super) struct Seal {
    signer: Arc<Signer>,
    statement: Statement,
    /// The caller asked, and is told that it was heard.
    is_preferred: bool,
    reads_trailers: bool,
}

/// States what is known once the entry is durable.
pub(super) fn seal(
    worker: &Worker,
    reads_trailers: bool,
    asked: &Asked,
    principal: &Principal,
    record: &Record,
    receipt: Option<&Receipt>,
) -> Option<Box<Seal>> {
    let signer = worker.shared.receipts.clone().filter(|_| record.learnt.is_receipted)?;
    let receipt = receipt?;
    let statement = Statement {
        decision: record.decision().code().to_owned(),
        labels: labels(asked, record),
        entry: place(receipt),
        ..who_and_what(principal, record)
    };
    let is_preferred = record.learnt.prefers_receipt;
    Some(Box::new(Seal { signer, statement, is_preferred, reads_trailers }))
}

/// The receipt of a refusal, as far as it can be said before its entry is written; none where none is
/// wanted.
pub(super) fn of_refusal(worker: &Worker, record: &Record, refusal: &Refusal) -> Option<Box<Seal>> {
    let learnt = &record.learnt;
    if !learnt.prefers_receipt && (!learnt.is_receipted || learnt.is_hidden) {
        return None;
    }
    let signer = worker.shared.receipts.clone()?;
    let principal = learnt.principal.as_deref()?;
    let told = std::iter::once(&refusal.reason).chain(&refusal.further);
    let statement = Statement {
        decision: decision_told(refusal).code().to_owned(),
        reasons: told.map(|reason| reason.code().to_owned()).collect(),
        status: refusal.status,
        ..who_and_what(principal, record)
    };
    let statement = if learnt.is_hidden { without_dataset(statement) } else { statement };
    // Problem documents are whole before their head leaves.
    Some(Box::new(Seal { signer, statement, is_preferred: learnt.prefers_receipt, reads_trailers: false }))
}

/// What the caller may take the refusal for: a hidden denial reads like a route that does not exist.
fn decision_told(refusal: &Refusal) -> Decision {
    let is_told = refusal.is_denial() && refusal.reason != Reason::NotFound;
    if is_told { Decision::Deny } else { Decision::Refused }
}

fn without_dataset(statement: Statement) -> Statement {
    let (dataset, code, interface) = Default::default();
    Statement { dataset, code, interface, subjects: None, ..statement }
}

/// What answers and refusals state alike, as far as the stages have learnt it.
fn who_and_what(principal: &Principal, record: &Record) -> Statement {
    let learnt = &record.learnt;
    let said = |text: &Arc<str>| text.to_string();
    let dataset = learnt.dataset.as_deref();
    let access = learnt.access.as_ref();
    Statement {
        issued_at: record.opened().unix_seconds(),
        request_id: record.request_id().to_string(),
        caller: principal.caller().to_owned(),
        department: said(principal.department()),
        dataset: dataset.map(|dataset| said(&dataset.id)).unwrap_or_default(),
        code: dataset.map(|dataset| said(&dataset.code)).unwrap_or_default(),
        interface: access.map(|access| access.interface.code().to_owned()).unwrap_or_default(),
        purpose: principal.statement.purpose.as_ref().map(said),
        matter: principal.statement.matter.as_ref().map(|matter| said(&matter.id)),
        policy_digest: learnt.policy_digest.as_ref().map(said).unwrap_or_default(),
        subjects: access.and_then(|access| access.subject.as_ref()).map(|_| 1),
        ..Statement::default()
    }
}

fn place(receipt: &Receipt) -> Place {
    Place { seq: receipt.seq(), hash: receipt.hash_hex() }
}

/// The mode of each label, as carried out.
fn labels(asked: &Asked, record: &Record) -> Vec<LabelStated> {
    let modes = record.learnt.modes.iter().flat_map(|modes| modes.iter());
    let stated = asked.access.dataset.labels.iter().zip(modes).map(|(label, (mode, reason))| LabelStated {
        label: label.id.to_string(),
        mode: mode.code().to_owned(),
        reason: reason.map(|reason| reason.code().to_owned()),
    });
    stated.collect()
}

impl Seal {
    /// Puts the receipt on an answer's head where the answer is whole, else gives what makes its
    /// trailer. What left is given where it is known already.
    pub(super) fn put_on(
        mut self: Box<Self>,
        status: u16,
        prepared: Option<&Prepared>,
        headers: &mut HeaderMap,
    ) -> (Option<Box<Answered>>, Option<Trailers>) {
        self.statement.status = status;
        if let Some(answered) = prepared.map_or_else(|| Some(Answered::of(b"")), Prepared::answered) {
            headers.insert(RECEIPT.clone(), self.signed(&answered));
            self.say_applied(headers);
            return (Some(Box::new(answered)), None);
        }
        if !self.reads_trailers {
            headers.append(WARNING.clone(), HeaderValue::from_static("receipt-needs-trailers"));
            return (None, None);
        }
        headers.insert(header::TRAILER, HeaderValue::from_static("zhamen-receipt"));
        self.say_applied(headers);
        let trailers = move |answered: &Answered| {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert(RECEIPT.clone(), self.signed(answered));
            trailers
        };
        (None, Some(Box::new(trailers)))
    }

    /// Writes what the refusal leaves, and puts the receipt on it once that is durable.
    pub(super) async fn put_on_refusal(
        mut self: Box<Self>,
        record: Box<Record>,
        refusal: &Refusal,
        mut response: Response<Body>,
    ) -> Response<Body> {
        let durable = match record.refused_durably(refusal) {
            Some(pending) => pending.receipt().await.ok(),
            None => None,
        };
        let Some(receipt) = durable else {
            let unavailable = HeaderValue::from_static("receipt-unavailable");
            response.headers_mut().append(WARNING.clone(), unavailable);
            return response;
        };
        self.statement.entry = place(&receipt);
        let answered = match response.body() {
            Body::Full(document) => Answered::of(document),
            // To HEAD; and no refusal has upstream bytes.
            Body::Empty | Body::Masked(_) => Answered::of(b""),
        };
        let headers = response.headers_mut();
        headers.insert(RECEIPT.clone(), self.signed(&answered));
        self.say_applied(headers);
        response
    }

    fn say_applied(&self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Prefer"));
        if self.is_preferred {
            headers.insert(PREFERENCE_APPLIED.clone(), HeaderValue::from_static("receipt"));
        }
    }

    fn signed(&self, answered: &Answered) -> HeaderValue {
        // Base64url and dots are always a field value.
        let text = self.signer.sign(&self.statement, answered);
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
