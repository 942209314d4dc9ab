//! The one record of a request, kept from its first byte to its last.
//!
//! [`Record::open`] takes a place in the audit queue; the stages of `request.rs` tell the record what
//! they learnt; [`Record::decided`] or [`Record::refused`] writes the request's one entry. What was
//! really delivered is a second, outcome entry that [`Delivery`] writes when the body ended, however
//! it ended. A record that is dropped without either (the caller went away, the walk panicked) writes
//! its entry from `Drop`, so that nothing leaves no trace. The record never changes the answer.

use crate::engine::access::Access;
use crate::engine::clock::Moment;
use crate::engine::defence::{Observation, Weight};
use crate::engine::disclose::Disclosure;
use crate::engine::evidence::{self, Decision, Entry, LabelSeen, ModeShown, Outcome, QuotaLeft, SubjectKey};
use crate::engine::facts::Facts;
use crate::engine::principal::Principal;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::DisclosureMode;
use crate::net::body::{Ending, Finished};
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
    /// The listener's name in entries.
    pub channel: &'static str,
}

/// What the stages have learnt so far; every member is filled by the stage of its name.
#[derive(Default)]
pub struct Learnt {
    pub request_id: String,
    pub method: Option<&'static str>,
    pub policy_digest: Option<Arc<str>>,
    pub principal: Option<Arc<Principal>>,
    pub route: Option<Arc<str>>,
    pub access: Option<Rc<Access>>,
    pub weight: Option<Weight>,
    pub facts: Option<Facts>,
    pub policies: Option<Arc<[Arc<str>]>>,
    pub disclosure: Option<Rc<Vec<(DisclosureMode, Option<Reason>)>>>,
    pub standing: Option<Standing>,
}

/// The record of one request.
pub struct Record {
    books: Rc<Books>,
    peer: Rc<Peer>,
    slot: Slot,
    opened: Moment,
    pub learnt: Learnt,
    written: bool,
    upstream: Upstream,
}
