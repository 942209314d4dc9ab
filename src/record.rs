//! The one record of a request, kept from its first byte to its last.
//!
//! [`Record::open`] takes a place in the audit queue; the stages of `request.rs` tell the record what
//! they learnt; [`Record::decided`] or [`Record::refused`] writes the request's one entry. What was
//! really delivered is a second, outcome entry that [`Delivery`] writes when the body ended, however
//! it ended. An answer that need not wait for its entry and is at hand whole has both in one, written
//! at its end; one that waits for it may have both in one written [ahead](Record::ahead). A record that
//! is dropped without either (the caller went away) writes its entry from
//! `Drop`, so that nothing leaves no trace. The record never changes the answer.

mod delivery;
mod entry;
mod seen;

pub use delivery::{Daybook, Delivery};

use crate::engine::access::Access;
use crate::engine::clock::Moment;
use crate::engine::dataset::Dataset;
use crate::engine::decide::Grants;
use crate::engine::defence::{Observation, Weight};
use crate::engine::evidence::receipt::Answered;
use crate::engine::evidence::{self, Decision, EntryBody, Handover, SubjectKey};
use crate::engine::mask::Tally;
use crate::engine::principal::Principal;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::{DisclosureMode, Method};
use crate::engine::uses::Use;
use crate::net::peer::Peer;
use crate::ops::metrics::{RequestSummary, WorkerMetrics};
use crate::refusal::Refusal;
use crate::state::audit::{Audit, Desk, Pending, Receipt, Slot};
use crate::state::clock::Clock;
use crate::state::drift::Drifts;
use crate::state::profile::Profiles;
use crate::state::quota::{QuotaKeys, Quotas, Scope, Standing};
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Where records go: one value a worker.
pub struct Books {
    pub audit: Arc<Audit>,
    pub desk: Desk,
    pub profiles: Arc<Profiles>,
    pub metrics: WorkerMetrics,
    pub drifts: Arc<Drifts>,
    pub quotas: Arc<Quotas>,
    pub subject_key: SubjectKey,
    pub clock: Clock,
    /// L1 answers do not wait for their entry.
    pub best_effort_l1: bool,
    /// Answers that ended, on their way to the log.
    pub daybook: Daybook,
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
    /// Approvals that the permits carry out.
    pub grants: Option<Grants>,
    /// From when on the subject may be told, seconds since 1970; none: at once.
    pub visible_from: Option<i64>,
    pub modes: Option<Modes>,
    /// What the parameters do with fields.
    pub uses: Vec<Use>,
    pub standing: Option<Standing>,
    /// The answer carries a receipt, so it waits for its entry whatever its level.
    pub is_receipted: bool,
    /// The caller asked for a receipt.
    pub prefers_receipt: bool,
    /// Refusals look as if the route did not exist.
    pub is_hidden: bool,
    /// The caller's trace, of which the log keeps a digest.
    pub trace_id: Option<[u8; 16]>,
    /// Bytes of the request's body.
    pub body_bytes: Option<u64>,
}

/// What of the request stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    Nothing,
    Decision,
    /// The decision and, ahead of it, how the answer ends.
    Answer,
}

/// Stamps of the stages: wall-clock milliseconds for entries, microseconds for latencies. Shared,
/// because the exchange with the upstream sets them while the record writes its entry.
#[derive(Default)]
pub struct Stamps {
    decision_us: Cell<Option<u64>>,
    upstream_out: Cell<Option<i64>>,
    upstream_in: Cell<Option<i64>>,
    upstream_us: Cell<Option<u64>>,
    upstream_status: Cell<Option<u16>>,
}

impl Stamps {
    /// The upstream's head came, at this time.
    pub fn upstream_answered(&self, status: u16, first_byte_us: u64, unix_ms: i64) {
        self.upstream_in.set(Some(unix_ms));
        self.upstream_us.set(Some(first_byte_us));
        self.upstream_status.set(Some(status));
    }
}

/// How an answer ended, or is about to.
struct Ending<'a> {
    status: u16,
    fault: Option<Cause>,
    /// Of its body.
    bytes: u64,
    handover: Handover,
    tally: Option<&'a Tally>,
    answered: Option<&'a Answered>,
    /// When, milliseconds since 1970.
    at: i64,
}

/// The record of one request.
pub struct Record {
    books: Rc<Books>,
    peer: Rc<Peer>,
    slot: Slot,
    opened: Moment,
    request_id: Rc<str>,
    pub learnt: Learnt,
    stamps: Rc<Stamps>,
    entered: Entered,
    /// Nothing is left to write.
    is_closed: bool,
}

impl Record {
    /// Opens a record: takes its place in the audit queue, or says why there is none. Boxed, because it is
    /// large and handed on, from the request to the body of its answer.
    pub fn open(
        books: &Rc<Books>,
        peer: &Rc<Peer>,
        request_id: Rc<str>,
        now: Moment,
    ) -> Result<Box<Record>, Cause> {
        let slot = books.desk.reserve()?;
        Ok(Box::new(Record {
            books: books.clone(),
            peer: peer.clone(),
            slot,
            opened: now,
            request_id,
            learnt: Learnt::default(),
            stamps: Rc::default(),
            entered: Entered::Nothing,
            is_closed: false,
        }))
    }

    /// The request's one clock reading.
    pub fn opened(&self) -> Moment {
        self.opened
    }

    /// The id that entries, headers and problem document share.
    pub fn request_id(&self) -> &Rc<str> {
        &self.request_id
    }

    /// Quota keys of a caller without proof: the prefix of its address, and all such callers together.
    pub fn unproven_keys(&self) -> QuotaKeys {
        let prefix: Arc<str> = match self.peer.address.ip() {
            IpAddr::V4(v4) => format!("unproven {}/24", v4.to_bits() >> 8).into(),
            IpAddr::V6(v6) => format!("unproven {}/48", v6.to_bits() >> 80).into(),
        };
        QuotaKeys { caller: prefix, application: "unproven".into(), department: "unproven".into() }
    }

    /// Policy has answered.
    pub fn judged(&mut self) {
        self.stamps.decision_us.set(Some(self.since_opened_us()));
    }

    /// The moment when policy answered, on the wall clock that of the opening.
    pub fn judged_at(&self) -> Moment {
        let waited_us = self.stamps.decision_us.get().unwrap_or(0);
        Moment { monotonic_us: self.opened.monotonic_us.saturating_add(waited_us), ..self.opened }
    }

    /// Policies could not be evaluated: whatever they might have permitted is withheld.
    pub fn policies_erred(&self, policies: &[Arc<str>]) {
        for policy in policies {
            self.books.metrics.shared().policy_errors.with_label_values(&[policy]).inc();
        }
    }

    /// The upstream is asked now. What it answers is stamped on what is given.
    pub fn asks_upstream(&self) -> Rc<Stamps> {
        // Policy has just answered: so the clock need not be asked again.
        let waited_ms = self.stamps.decision_us.get().unwrap_or(0) / 1000;
        let out = self.opened.unix_ms.saturating_add_unsigned(waited_ms);
        self.stamps.upstream_out.set(Some(out));
        self.stamps.clone()
    }

    /// Whether the answer waits for its entry.
    fn is_awaited(&self) -> bool {
        let is_classified = self.learnt.dataset.as_ref().is_none_or(|dataset| dataset.is_classified());
        is_classified || self.learnt.is_receipted || !self.books.best_effort_l1
    }

    /// Whether decision and answer may be one entry, written [ahead](Self::ahead) of an answer that waits
    /// for it. Not where a receipt is made of what leaves.
    pub fn may_be_ahead(&self) -> bool {
        self.is_awaited() && !self.learnt.is_receipted
    }

    /// Writes the entry of an allowed request. Classified data are released against its receipt; none
    /// is given where the answer need not wait for it: then it is written when more is known.
    pub fn decided(&mut self) -> Option<Pending> {
        if !self.is_awaited() {
            return None;
        }
        let body = self.decision_entry();
        Some(self.slot.write(body))
    }

    fn decision_entry(&mut self) -> EntryBody {
        self.entered = Entered::Decision;
        self.encode(self.decision(), None, None, None)
    }

    /// Writes the entry of an allowed request whose answer is at hand whole, with so many bytes of body,
    /// and leaves against the receipt. What is not delivered after all is an outcome entry.
    pub fn ahead(&mut self, status: u16, bytes: u64, tally: Option<&Tally>) -> Pending {
        let (handover, at) = (Handover::Ahead, self.books.clock.unix_ms());
        let body = self.ended(&Ending { status, fault: None, bytes, handover, tally, answered: None, at });
        self.entered = Entered::Answer;
        self.slot.write(body)
    }

    /// Writes what a refusal leaves: the request's entry if it has none yet, else its outcome.
    pub fn refused(mut self: Box<Self>, refusal: &Refusal) {
        self.close(Some(refusal));
    }

    /// The same for a refusal whose receipt waits for this entry.
    pub fn refused_durably(mut self: Box<Self>, refusal: &Refusal) -> Option<Pending> {
        self.closing(Some(refusal)).map(|body| self.slot.write(body))
    }

    /// Hands the record over to the body that is now delivered, against the receipt of its entry; only
    /// an answer that need not wait has none. `is_whole`: it is at hand to its last byte.
    pub fn deliver(mut self: Box<Self>, status: u16, _receipt: Option<Receipt>, is_whole: bool) -> Delivery {
        if self.entered == Entered::Nothing && !is_whole {
            let body = self.decision_entry();
            self.slot.leave(body);
        }
        self.count(self.decision(), None);
        self.is_closed = true;
        Delivery::new(self, status)
    }

    /// What the answer is: everything clear, or not.
    pub fn decision(&self) -> Decision {
        let is_clear = |modes: &Modes| modes.iter().all(|(mode, _)| *mode == DisclosureMode::Clear);
        if self.learnt.modes.as_ref().is_none_or(is_clear) { Decision::Allow } else { Decision::AllowPartial }
    }

    /// Closes the record of a request that was not answered with data; none: the caller went away.
    fn close(&mut self, refusal: Option<&Refusal>) {
        if let Some(body) = self.closing(refusal) {
            // Nobody waits for this entry: a refusal reveals nothing.
            self.slot.leave(body);
        }
    }

    /// The entry that closes the record, once.
    fn closing(&mut self, refusal: Option<&Refusal>) -> Option<EntryBody> {
        if std::mem::replace(&mut self.is_closed, true) {
            return None;
        }
        let cause = refusal.map_or(Some(Cause::Cancelled), |refusal| refusal.cause);
        let is_denial = refusal.is_some_and(Refusal::is_denial);
        let decision = if is_denial { Decision::Deny } else { Decision::Refused };
        self.observe(refusal, None);
        self.count(decision, refusal);
        if self.entered == Entered::Nothing {
            self.entered = Entered::Decision;
            return Some(self.encode(decision, refusal, cause, None));
        }
        let status = refusal.map_or(Cause::Cancelled.status(), |refusal| refusal.status);
        let (handover, at) = (Handover::Short, self.books.clock.unix_ms());
        let nothing = Ending { status, fault: cause, bytes: 0, handover, tally: None, answered: None, at };
        Some(self.ended(&nothing))
    }

    /// Tells the caller's profile how this request went; a change of tier is an entry of its own.
    fn observe(&self, refusal: Option<&Refusal>, tally: Option<&Tally>) {
        let Some(principal) = &self.learnt.principal else { return };
        let observation = Observation {
            denied: refusal.is_some_and(|refusal| refusal.cause.is_none() && !refusal.reason.is_of_defence()),
            invalid_identifier: refusal
                .is_some_and(|refusal| refusal.cause == Some(Cause::IdentifierInvalid)),
            allowed: refusal.is_none(),
            records: bounded(tally.map_or(0, |tally| tally.records)),
            subjects: bounded(tally.and_then(|tally| tally.subjects).map_or(0, |count| count.subjects)),
        };
        let caller = principal.caller_key();
        let Some(change) = self.books.profiles.observe(&caller, &observation, self.opened) else { return };
        self.books.metrics.shared().tier_changes.with_label_values(&[change.new.code()]).inc();
        drop(self.books.audit.note(evidence::tier_change(self.opened.unix_ms, &caller, &change)));
    }

    fn count(&self, decision: Decision, refusal: Option<&Refusal>) {
        let learnt = &self.learnt;
        let dataset = learnt.dataset.as_deref();
        let over = |scope: &&Scope| refusal.is_some_and(|refusal| refusal.cause == Some(scope.cause()));
        if let Some(scope) = Scope::ALL.iter().find(over) {
            self.books.metrics.shared().quota_refusals.with_label_values(&[scope.code()]).inc();
        }
        if refusal.is_some_and(|refusal| refusal.cause == Some(Cause::PolicyEvaluation)) {
            self.policies_erred(learnt.policies.as_deref().unwrap_or_default());
        }
        if refusal.is_some_and(|refusal| refusal.cause == Some(Cause::Panicked)) {
            self.books.metrics.shared().panics.inc();
        }
        let labels = dataset.map(|dataset| dataset.labels.as_slice()).unwrap_or_default();
        let modes = learnt.modes.as_deref().unwrap_or_default();
        let upstream_us = self.stamps.upstream_us.get();
        self.books.metrics.request(RequestSummary {
            department: dataset.map_or("", |dataset| &dataset.department),
            dataset: dataset.map_or("", |dataset| &dataset.id),
            decision,
            reason: refusal.map(|refusal| refusal.reason),
            decision_us: self.stamps.decision_us.get(),
            upstream_us,
            added_us: Some(self.since_opened_us().saturating_sub(upstream_us.unwrap_or(0))),
            modes: &mut labels.iter().zip(modes).map(|(label, (mode, _))| (&*label.id, *mode)),
        });
    }

    fn since_opened_us(&self) -> u64 {
        self.books.clock.monotonic_us().saturating_sub(self.opened.monotonic_us)
    }
}

fn bounded(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Drop for Record {
    fn drop(&mut self) {
        self.close(None);
    }
}
