//! The one record of a request, kept from its first byte to its last.
//!
//! [`Record::open`] takes a place in the audit queue; the stages of `request.rs` tell the record what
//! they learnt; [`Record::decided`] or [`Record::refused`] writes the request's one entry. What was
//! really delivered is a second, outcome entry that [`Delivery`] writes when the body ended, however
//! it ended. A record that is dropped without either (the caller went away) writes its entry from
//! `Drop`, so that nothing leaves no trace. The record never changes the answer.

use crate::engine::access::Access;
use crate::engine::clock::Moment;
use crate::engine::dataset::Dataset;
use crate::engine::defence::{Observation, Weight};
use crate::engine::evidence::{self, Decision, Entry, LabelSeen, ModeShown, Outcome, QuotaLeft, SubjectKey};
use crate::engine::principal::Principal;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::{DisclosureMode, Method};
use crate::net::body::Ending;
use crate::net::peer::Peer;
use crate::ops::metrics::{RequestSummary, WorkerMetrics};
use crate::refusal::Refusal;
use crate::state::audit::{Audit, Durability, Pending, Slot};
use crate::state::clock::Clock;
use crate::state::profile::Profiles;
use crate::state::quota::Standing;
use std::rc::Rc;
use std::sync::Arc;

/// Where records go: one value a worker.
pub struct Books {
    pub audit: Audit,
    pub profiles: Arc<Profiles>,
    pub metrics: WorkerMetrics,
    pub subject_key: SubjectKey,
    pub clock: Clock,
    /// L1 answers do not wait for their entry.
    pub best_effort_l1: bool,
}

/// The mode of one label as it is carried out, by label index of the dataset.
pub type Modes = Rc<[(DisclosureMode, Option<Reason>)]>;

/// What the stages have learnt so far; each member is filled by the stage of its name.
#[derive(Default)]
pub struct Learnt {
    pub method: Option<Method>,
    pub policy_digest: Option<Arc<str>>,
    pub principal: Option<Arc<Principal>>,
    pub route: Option<Arc<str>>,
    pub dataset: Option<Arc<Dataset>>,
    pub access: Option<Access>,
    pub network_known: Option<bool>,
    pub weight: Option<Weight>,
    /// The permits or forbids that decided.
    pub policies: Option<Arc<[Arc<str>]>>,
    pub modes: Option<Modes>,
    pub standing: Option<Standing>,
    /// Microseconds on the monotonic clock.
    pub judged_us: Option<(u64, u64)>,
}

/// Times of the upstream call, milliseconds since 1970.
#[derive(Clone, Copy, Default)]
pub struct UpstreamTimes {
    pub out_ms: Option<i64>,
    pub in_ms: Option<i64>,
    pub status: Option<u16>,
    pub took_us: u64,
}

/// The record of one request.
pub struct Record {
    books: Rc<Books>,
    peer: Rc<Peer>,
    slot: Slot,
    opened: Moment,
    request_id: Rc<str>,
    pub learnt: Learnt,
    pub upstream: UpstreamTimes,
    /// The request's one entry is written.
    entered: bool,
    /// Nothing is left to write.
    closed: bool,
}

impl Record {
    /// Opens a record: takes its place in the audit queue, or says why there is none.
    pub fn open(books: &Rc<Books>, peer: &Rc<Peer>, request_id: Rc<str>, now: Moment) -> Result<Record, Cause> {
        let slot = books.audit.reserve()?;
        Ok(Record {
            books: books.clone(),
            peer: peer.clone(),
            slot,
            opened: now,
            request_id,
            learnt: Learnt::default(),
            upstream: UpstreamTimes::default(),
            entered: false,
            closed: false,
        })
    }

    /// The request's one clock reading.
    pub fn opened(&self) -> Moment {
        self.opened
    }

    /// The id that entry, header and problem document share.
    pub fn request_id(&self) -> &Rc<str> {
        &self.request_id
    }

    /// Writes the entry of an allowed request. Classified data are released against its receipt.
    pub fn decided(&mut self) -> Pending {
        let partial = |modes: &Modes| modes.iter().any(|(mode, _)| *mode != DisclosureMode::Clear);
        let decision = match self.learnt.modes.as_ref().is_some_and(partial) {
            true => Decision::AllowPartial,
            false => Decision::Allow,
        };
        let durability = match self.learnt.dataset.as_ref().is_some_and(|dataset| dataset.is_classified()) {
            false if self.books.best_effort_l1 => Durability::BestEffort,
            _ => Durability::Durable,
        };
        self.enter(decision, None, durability)
    }

    /// Writes what a refusal leaves: the request's entry if it has none yet, else its outcome.
    pub fn refused(mut self, refusal: &Refusal) {
        self.close(Some(refusal));
    }

    /// Hands the record over to the body that is now delivered.
    pub fn deliver(mut self, status: u16) -> Delivery {
        self.observe(None);
        self.count(status, None);
        Delivery { record: self, status }
    }

    fn close(&mut self, refusal: Option<&Refusal>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.observe(refusal);
        let status = refusal.map_or(499, |refusal| refusal.status);
        self.count(status, refusal);
        if !self.entered {
            let decision = match refusal {
                Some(Refusal { cause: None, .. }) => Decision::Deny,
                _ => Decision::Refused,
            };
            self.enter(decision, refusal, Durability::BestEffort);
        } else {
            self.outcome(status, refusal.and_then(|refusal| refusal.cause), &Ending::default());
        }
    }

    fn enter(&mut self, decision: Decision, refusal: Option<&Refusal>, durability: Durability) -> Pending {
        self.entered = true;
        let subject = self.learnt.access.as_ref().and_then(|access| access.subject.as_ref());
        let token = subject.map(|subject| evidence::subject_token(&self.books.subject_key, &subject.identifier));
        let body = self.encode(decision, refusal, token.as_deref());
        self.slot.write(body, durability)
    }

    fn encode(&self, decision: Decision, refusal: Option<&Refusal>, token: Option<&str>) -> evidence::EntryBody {
        let learnt = &self.learnt;
        let reasons = refusal.map(Refusal::reasons).unwrap_or_default();
        let modes = self.modes_shown();
        let fingerprint = self.peer.certificate.as_ref().map(|certificate| certificate.fingerprint_hex());
        let request = evidence::Request {
            client_ip: Some(self.peer.address.ip()),
            cert_fpr: fingerprint.as_deref(),
            subject_token: token,
            decision: Some(decision),
            reason: refusal.map(|refusal| refusal.reason),
            cause: refusal.and_then(|refusal| refusal.cause).or(refusal.is_none().then_some(Cause::Cancelled)),
            reasons: &reasons,
            policies: learnt.policies.as_deref().unwrap_or_default(),
            modes: &modes,
            policy_digest: learnt.policy_digest.as_deref(),
            risk: learnt.weight.map(|weight| weight.score),
            tier: learnt.weight.map(|weight| weight.tier),
            quota: learnt.standing.map(|at| QuotaLeft { limit: at.limit, remaining: at.remaining }),
            status: refusal.map(|refusal| refusal.status),
            network_known: learnt.network_known,
            ..self.who_and_what()
        };
        evidence::encode(&Entry::Request(request))
    }

    fn who_and_what(&self) -> evidence::Request<'_> {
        let learnt = &self.learnt;
        let principal = learnt.principal.as_deref();
        let officer = principal.and_then(|principal| principal.officer.as_deref());
        let statement = principal.map(|principal| &principal.statement);
        let matter = statement.and_then(|statement| statement.matter.as_deref());
        let access = learnt.access.as_ref();
        evidence::Request {
            ts_in: self.opened.unix_ms,
            request_id: &self.request_id,
            channel: if self.peer.secure { "https" } else { "http" },
            department: principal.map(|principal| &**principal.department()),
            application: principal.map(|principal| &*principal.application.id),
            officer: officer.map(|officer| &*officer.id),
            post: officer.map(|officer| &*officer.post),
            auth_method: principal.map(|principal| principal.method),
            represented: statement.and_then(|statement| statement.represented.as_deref()),
            purpose: statement.and_then(|statement| statement.purpose.as_deref()),
            legal_basis: statement.and_then(|statement| statement.legal_basis),
            matter_id: matter.map(|matter| &*matter.id),
            matter_type: matter.map(|matter| &*matter.matter_type),
            break_glass: statement.and_then(|statement| statement.break_glass.as_deref()),
            dataset: learnt.dataset.as_deref().map(|dataset| &*dataset.id),
            code: learnt.dataset.as_deref().map(|dataset| &*dataset.code),
            route: learnt.route.as_deref(),
            method: learnt.method.map(Method::code),
            interface: access.map(|access| access.interface),
            subject_type: access.and_then(|access| access.subject.as_ref()).map(|subject| subject.identifier.subject_type()),
            records_requested: access.map(|access| access.records_requested),
            ..evidence::Request::default()
        }
    }

    fn modes_shown(&self) -> Vec<ModeShown<'_>> {
        let (Some(dataset), Some(modes)) = (&self.learnt.dataset, &self.learnt.modes) else { return Vec::new() };
        let shown = |(label, (mode, reason)): (&'_ Arc<_>, &(DisclosureMode, Option<Reason>))| (label, *mode, *reason);
        let _ = shown;
        dataset
            .labels
            .iter()
            .zip(modes.iter())
            .map(|(label, (mode, reason))| ModeShown { label: &label.id, mode: *mode, reason: *reason })
            .collect()
    }

    /// Tells the caller's profile how this request went.
    fn observe(&self, refusal: Option<&Refusal>) {
        let Some(principal) = &self.learnt.principal else { return };
        let observation = Observation {
            denied: refusal.is_some_and(|refusal| refusal.cause.is_none()),
            invalid_identifier: refusal.is_some_and(|refusal| refusal.cause == Some(Cause::IdentifierInvalid)),
            ..Observation::default()
        };
        let _ = (principal, observation);
    }

    fn count(&self, status: u16, refusal: Option<&Refusal>) {
        let _ = (status, refusal);
    }

    fn outcome(&mut self, status: u16, fault: Option<Cause>, ending: &Ending) {
        let _ = (status, fault, ending);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.close(None);
    }
}
