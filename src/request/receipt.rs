//! Receipts on answers: who gets one, what it states, and where it stands.
//!
//! A caller asks with `Prefer: receipt` (RFC 7240), or a route says `receipt: always`. A short answer is
//! whole before its head leaves, so its receipt is the field `Zhamen-Receipt`. A long one is still
//! coming: its receipt is the trailer of that name, for callers that read trailers (`TE: trailers`, or
//! HTTP/2). A caller that reads none is told so by `Zhamen-Warning: receipt-needs-trailers`.

use super::Worker;
use super::answer::WARNING;
use super::resolve::Asked;
use crate::catalogue::Route;
use crate::engine::canonical::Canonical;
use crate::engine::evidence::receipt::{Answered, LabelStated, Place, Signer, Statement};
use crate::engine::principal::Principal;
use crate::net::body::{Prepared, Trailers};
use crate::record::Record;
use crate::state::audit::Receipt;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

static RECEIPT: HeaderName = HeaderName::from_static("zhamen-receipt");
static PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Whether the answer is to carry a receipt.
pub(super) fn is_wanted(worker: &Worker, canonical: &Canonical, route: &Route) -> bool {
    worker.shared.receipts.is_some() && (canonical.prefers_receipt || route.receipt)
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
    canonical: &Canonical,
    asked: &Asked,
    principal: &Principal,
    record: &Record,
    receipt: Option<&Receipt>,
) -> Option<Box<Seal>> {
    let signer = worker.shared.receipts.clone().filter(|_| record.learnt.is_receipted)?;
    let receipt = receipt?;
    let access = &asked.access;
    let said = |text: &Arc<str>| text.to_string();
    let statement = Statement {
        issued_at: record.opened().unix_seconds(),
        request_id: record.request_id().to_string(),
        caller: principal.caller().to_owned(),
        department: said(principal.department()),
        dataset: said(&access.dataset.id),
        code: said(&access.dataset.code),
        interface: access.interface.code().to_owned(),
        purpose: principal.statement.purpose.as_ref().map(said),
        matter: principal.statement.matter.as_ref().map(|matter| said(&matter.id)),
        decision: record.decision().code().to_owned(),
        status: 0,
        policy_digest: record.learnt.policy_digest.as_ref().map(said).unwrap_or_default(),
        labels: labels(asked, record),
        subjects: access.subject.as_ref().map(|_| 1),
        entry: Place { seq: receipt.seq(), hash: receipt.hash_hex() },
    };
    let (is_preferred, reads_trailers) = (canonical.prefers_receipt, canonical.reads_trailers);
    Some(Box::new(Seal { signer, statement, is_preferred, reads_trailers }))
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
