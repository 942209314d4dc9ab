//! The life of a request, top to bottom: nothing else decides the order.
//!
//! [`serve`] always answers and always leaves a record; [`walk`] may leave at any stage with `?`.
//! A stage takes what the stages before it made, and a stage that is skipped does not compile: the
//! upstream is asked for an [`Admitted`] request only, classified data leave against a [`Receipt`]
//! only, and only masked bytes become a body. This room opens nothing, counts nothing, holds no
//! state of its own and does not know which protocol carried the request.

mod answer;
mod disclosure;
mod limits;
mod outgoing;
mod receipt;
mod resolve;
#[cfg(test)]
mod tests;

pub use disclosure::Disclosures;
pub use limits::PolicyHeaders;

use crate::engine::access::{Access, Subject};
use crate::engine::canonical::{Canonical, CanonicalLimits, Language, read};
use crate::engine::clock::Moment;
use crate::engine::decide::{AccessDecision, Allowed, Memo, Question};
use crate::engine::defence::Weight;
use crate::engine::disclose::Disclosure;
use crate::engine::evidence::receipt::Signer;
use crate::engine::facts::{ClockFacts, Facts, NetworkFacts, SubjectFacts};
use crate::engine::identifier::{age_band, civil_date};
use crate::engine::mask::MaskLimits;
use crate::engine::mask::scalar::TokenKey;
use crate::engine::principal::Principal;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::{AgeBand, Method, RiskTier};
use crate::engine::uses::Use;
use crate::identity::Identities;
use crate::identity::memo::TokenMemo;
use crate::net::body::Body;
use crate::net::body::coding::Wanted;
use crate::net::head::{fields, with_head};
use crate::net::peer::Peer;
use crate::net::turns::Turns;
use crate::net::upstream::{Answer, Outbound, Upstream, Upstreams};
use crate::record::{Books, Record};
use crate::refusal::Refusal;
use crate::state::audit::{Pending, Receipt};
use crate::state::profile::Profiles;
use crate::state::quota::{Admitted, OverQuota, QuotaKeys, Quotas};
use crate::state::snapshot::{Snapshot, Snapshots};
use answer::{Transformed, Treatment, refuse, respond};
use hyper::body::Incoming;
use hyper::header::ACCEPT_LANGUAGE;
use hyper::{Request, Response};
use resolve::Asked;
use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What every worker's requests share.
pub struct Shared {
    pub snapshots: Arc<Snapshots>,
    pub identities: Identities,
    pub quotas: Arc<Quotas>,
    pub profiles: Arc<Profiles>,
    pub canonical_limits: CanonicalLimits,
    pub mask_limits: MaskLimits,
    pub answer_bytes_max: u64,
    pub answer_ratio_max: u32,
    pub body_bytes_max: usize,
    pub body_timeout: Duration,
    pub step_up_fresh: Duration,
    /// Key of pseudonyms; see `engine::mask::scalar::TokenKey`.
    pub pseudonym_key: [u8; 32],
    /// Signs receipts; absent: none are given.
    pub receipts: Option<Arc<Signer>>,
}

/// What one worker's requests share: one thread, so no locks.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub books: Rc<Books>,
    pub upstreams: Upstreams,
    /// Shows whether the worker is crowded.
    pub turns: Rc<Turns>,
    pub memo: RefCell<Memo>,
    pub tokens: RefCell<TokenMemo>,
    pub disclosures: RefCell<Disclosures>,
    pub policy_headers: RefCell<PolicyHeaders>,
    /// Stands where an answer shows no pseudonym, so that none has to be derived.
    pub idle_token_key: Arc<TokenKey>,
    /// Random per worker; with the counter it makes request ids that no caller can foresee.
    pub id_seed: [u64; 2],
    pub id_count: Cell<u64>,
}

/// Serves one request: an answer or a refusal, and its record.
pub async fn serve(worker: Rc<Worker>, peer: Rc<Peer>, request: Request<Incoming>) -> Response<Body> {
    let now = worker.books.clock.now();
    let id = worker.next_id(now);
    let language = Language::of(request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()));
    let is_head = request.method() == hyper::Method::HEAD;
    let mut record = match Record::open(&worker.books, &peer, id.clone(), now) {
        Ok(record) => record,
        Err(cause) => return worker.refuse(&cause.into(), language, &id, is_head),
    };
    let walked = caught(pin!(walk(&worker, &peer, request, &mut record))).await;
    let refusal = match walked {
        Some(Ok(shown)) => return respond(shown, record, &mut worker.policy_headers.borrow_mut()),
        Some(Err(refusal)) => worker.charged(refusal, &record),
        None => Cause::Panicked.into(),
    };
    let response = worker.refuse(&refusal, language, &id, is_head);
    match receipt::of_refusal(&worker, &record, &refusal) {
        // Boxed, because few refusals wait for their entry and none else should carry the room for it.
        Some(seal) => Box::pin(seal.put_on_refusal(record, &refusal, response)).await,
        None => {
            record.refused(&refusal);
            response
        }
    }
}

/// The stages, in order.
async fn walk(
    worker: &Worker,
    peer: &Peer,
    request: Request<Incoming>,
    record: &mut Record,
) -> Result<answer::Released, Refusal> {
    let now = record.opened();
    #[cfg(test)]
    tests::panic_if_asked(request.headers());
    let wanted = Wanted::of(request.headers());
    let (canonical, body) = canonical(worker, peer, request)?;
    record.learnt.method = Some(canonical.method);
    record.learnt.trace_id = canonical.traceparent.map(|parent| parent.trace_id);
    record.learnt.body_bytes = canonical.content_length;
    record.learnt.prefers_receipt = canonical.prefers_receipt;

    let snapshot = worker.shared.snapshots.current();
    record.learnt.policy_digest = Some(snapshot.digest.clone());

    let principal = worker.identify(&canonical, peer, &snapshot, now)?;
    record.learnt.principal = Some(principal.clone());

    let mut asked = resolve::resolve(worker, &snapshot, &canonical, body, &principal, now, record).await?;
    asked.wanted = wanted;
    // In a block, so that what only the decision needs is not kept while the upstream is asked.
    let (admitted, shown) = {
        let weight = worker.shared.profiles.weigh(&principal.caller_key(), now);
        record.learnt.weight = Some(weight);
        asked.cap(weight.tier, &canonical)?;

        let facts = facts(worker, peer, &principal, &asked.access, weight, now);
        record.learnt.network_known = Some(facts.network.known);
        let (allowed, disclosure) = judge(worker, &snapshot, &principal, &asked, &facts, record)?;

        // Not the request's own reading: it may have waited for its body longer than a bucket takes to
        // fill, and would find itself far behind those that came later.
        let admitted = admit(worker, allowed, &principal, weight, record.judged_at())?;
        record.learnt.standing = Some(admitted.standing());

        let shown = worker.disclosures.borrow_mut().shown(&asked.access.dataset, &disclosure);
        record.learnt.modes = Some(shown.modes.clone());
        (admitted, shown)
    };

    let request_id = record.request_id().clone();
    let outbound = answer::outbound(&asked, &canonical, &principal, &request_id)?;
    let treatment = answer::treatment(worker, &asked, &shown, &principal, now)?;
    // While the upstream is asked, nothing is kept of the request as it was written.
    let reads_trailers = canonical.reads_trailers;
    drop(canonical);
    let (receipt, masked) =
        release(worker, &snapshot, &asked, &outbound, treatment, &admitted, record).await?;
    let seal = receipt::seal(worker, reads_trailers, &asked, &principal, record, receipt.as_ref());
    Ok(answer::released(masked, &asked, shown, &admitted, receipt, seal))
}

/// One reading, or a refusal. What the connection itself refused comes through here, too. Boxed, because
/// it is large, and kept while everything else happens.
fn canonical(
    worker: &Worker,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<(Box<Canonical>, Incoming), Cause> {
    if let Some(cause) = peer.framing_fault.get() {
        return Err(cause);
    }
    let (head, body) = request.into_parts();
    let limits = &worker.shared.canonical_limits;
    let canonical = with_head(peer, &head, |line| read(line, fields(&head), limits).map(Box::new))?;
    Ok((canonical, body))
}

/// Policy's answer: leave to go on with the modes of each label, or the reasons why not.
fn judge(
    worker: &Worker,
    snapshot: &Snapshot,
    principal: &Principal,
    asked: &Asked,
    facts: &Facts,
    record: &mut Record,
) -> Result<(Allowed, Arc<Disclosure>), Refusal> {
    let dataset = &asked.access.dataset;
    let question = Question { principal, dataset, facts };
    let judgement = snapshot.policies.judge_using(&question, &asked.uses, &mut worker.memo.borrow_mut());
    record.judged();
    record.learnt.uses = asked.uses.clone();
    match (judgement.access, judgement.disclosure) {
        (AccessDecision::Allow(allowed), Some(disclosure)) => {
            record.learnt.policies = Some(allowed.determining().clone());
            record.learnt.grants = Some(allowed.grants().clone());
            record.policies_erred(&disclosure.errors);
            if asked.is_out_of_scope {
                return Err(refusal(asked, &[Reason::RowScope], &[]));
            }
            Ok((allowed, disclosure))
        }
        (AccessDecision::Deny(denied), _) => {
            record.learnt.policies = Some(denied.blamed());
            Err(refusal(asked, &denied.reasons, &denied.uses))
        }
        (AccessDecision::Allow(_), None) => Err(Cause::PolicyEvaluation.into()),
    }
}

/// The refusal of a denied request. It names the labels whose use is refused, or all that the answer
/// would have held.
fn refusal(asked: &Asked, reasons: &[Reason], uses: &[Use]) -> Refusal {
    let is_named = |index: &usize| uses.is_empty() || uses.iter().any(|used| used.label == *index);
    let labels = asked.access.dataset.labels.iter().enumerate();
    let withheld = labels.filter(|(index, _)| is_named(index)).map(|(_, label)| label.id.clone()).collect();
    let refusal = Refusal::denied(reasons, withheld);
    if asked.route.hidden { refusal.hidden() } else { refusal }
}

/// The facts that policies may read, from values that earlier stages made.
fn facts(
    worker: &Worker,
    peer: &Peer,
    principal: &Principal,
    access: &Access,
    weight: Weight,
    now: Moment,
) -> Facts {
    let statement = &principal.statement;
    let matter = statement.matter.as_deref();
    let subject = access.subject.as_ref();
    let address = peer.address.ip();
    let fresh = |at: i64| {
        let age = now.unix_seconds().saturating_sub(at);
        (0..=worker.shared.step_up_fresh.as_secs() as i64).contains(&age)
    };
    Facts {
        interface: access.interface,
        subject: subject.map(|subject| subject_facts(subject, now)),
        subject_in_matter: matter
            .zip(subject)
            .is_some_and(|(matter, subject)| matter.has_subject(subject.identifier.canonical())),
        officer_assigned: matter
            .zip(principal.officer.as_deref())
            .is_some_and(|(matter, officer)| matter.officers.contains(&officer.id)),
        grant: None,
        network: NetworkFacts {
            address,
            known: principal.application.networks.iter().any(|network| network.contains(address)),
        },
        clock: ClockFacts::at(now.unix_seconds()),
        risk: weight.score,
        tier: weight.tier,
        step_up_fresh: statement.stepped_up_at.is_some_and(fresh),
        records_requested: access.records_requested,
    }
}

fn subject_facts(subject: &Subject, now: Moment) -> SubjectFacts {
    let today = civil_date(now.unix_seconds());
    SubjectFacts {
        subject_type: subject.identifier.subject_type(),
        age_band: subject.identifier.birth_date().map_or(AgeBand::Unknown, |birth| age_band(birth, today)),
        protected: false,
    }
}

fn admit(
    worker: &Worker,
    allowed: Allowed,
    principal: &Principal,
    weight: Weight,
    now: Moment,
) -> Result<Admitted, Refusal> {
    let keys = quota_keys(principal);
    worker.shared.quotas.admit(allowed, &keys, weight.tier, now).map_err(over_quota)
}

fn quota_keys(principal: &Principal) -> QuotaKeys {
    QuotaKeys {
        caller: principal.caller_key(),
        application: principal.application.id.clone(),
        department: principal.department().clone(),
    }
}

fn over_quota(over: OverQuota) -> Refusal {
    Refusal::over_quota(over.cause(), over.standing, over.retry_after_s)
}

/// How long a decision waits for its answer in a crowd, to be one entry with it. Beside so many others it
/// mostly waits for the engine, and that has half as many entries to write; where it does not, the answer
/// leaves so much later at most. An upstream that takes longer is asked beside the entry as always.
const AHEAD_MAX: Duration = Duration::from_millis(2);

/// Hands the decision to the audit writer and asks the upstream: side by side where asking again
/// would do no harm, one after the other where the upstream may change something. The answer is read
/// and masked while the entry is on its way, so that its connection serves others meanwhile; nothing
/// of it leaves before both are there. In a crowd the entry waits for the answer, and is one instead of two.
async fn release(
    worker: &Worker,
    snapshot: &Snapshot,
    asked: &Asked,
    outbound: &Outbound,
    treatment: Treatment,
    admitted: &Admitted,
    record: &mut Record,
) -> Result<(Option<Receipt>, Transformed), Refusal> {
    worker.upstreams.renew(&snapshot.upstreams);
    let upstream = worker.upstreams.get(&asked.route.upstream.id).ok_or(Cause::UpstreamUnhealthy)?;
    let stamps = record.asks_upstream();
    // Pinned once, because it is large: each place that owned it would have room for it.
    let mut exchange = pin!(async {
        let answer = forward(&upstream, outbound, admitted).await?;
        stamps.upstream_answered(answer.status, answer.first_byte_us, worker.books.clock.unix_ms());
        answer::transform(worker, snapshot, asked, answer, treatment).await
    });
    if !asked.route.method.is_safe() {
        let receipt = durable(record.decided()).await?;
        return Ok((receipt, exchange.await?));
    }
    if worker.turns.are_crowded()
        && record.may_be_ahead()
        && let Ok(transformed) = timeout(AHEAD_MAX, exchange.as_mut()).await
    {
        let transformed = transformed?;
        let pending = match transformed.whole() {
            Some((status, bytes, tally)) => Some(record.ahead(status, bytes, tally)),
            None => record.decided(),
        };
        return Ok((durable(pending).await?, transformed));
    }
    let Some(pending) = record.decided() else { return Ok((None, exchange.await?)) };
    let (receipt, transformed) = tokio::join!(pending.receipt(), exchange);
    Ok((Some(receipt?), transformed?))
}

/// Waits until the entry is on the disk, where the answer has to.
async fn durable(pending: Option<Pending>) -> Result<Option<Receipt>, Cause> {
    match pending {
        Some(pending) => pending.receipt().await.map(Some),
        None => Ok(None),
    }
}

/// Only an admitted request reaches an upstream.
async fn forward(
    upstream: &Rc<Upstream>,
    outbound: &Outbound,
    _admitted: &Admitted,
) -> Result<Answer, Cause> {
    upstream.forward(outbound).await
}

impl Worker {
    fn identify(
        &self,
        canonical: &Canonical,
        peer: &Peer,
        snapshot: &Snapshot,
        now: Moment,
    ) -> Result<Arc<Principal>, Cause> {
        let certificate = peer.certificate.as_deref();
        let mut memo = self.tokens.borrow_mut();
        self.shared.identities.identify(&mut memo, &canonical.presented, certificate, &snapshot.registry, now)
    }

    /// Charges a refused request, so that probing is not free: where the quota is used up the caller
    /// is told to come back later instead of why it was refused. Callers without proof are charged
    /// by the prefix of their address.
    fn charged(&self, refusal: Refusal, record: &Record) -> Refusal {
        if record.learnt.standing.is_some() || refusal.reason == Reason::Excessive {
            let standing = refusal.standing.or_else(|| record.learnt.standing.map(Box::new));
            return Refusal { standing, ..refusal };
        }
        let keys = match &record.learnt.principal {
            Some(principal) => quota_keys(principal),
            None => record.unproven_keys(),
        };
        let tier = record.learnt.weight.map_or(RiskTier::Normal, |weight| weight.tier);
        match self.shared.quotas.charge_denied(&keys, tier, self.books.clock.now()) {
            Ok(standing) => Refusal { standing: Some(standing.into()), ..refusal },
            Err(over) => over_quota(over),
        }
    }

    fn refuse(&self, refusal: &Refusal, language: Language, id: &str, is_head: bool) -> Response<Body> {
        refuse(refusal, language, id, is_head, &mut self.policy_headers.borrow_mut())
    }

    /// A key of this answer that no caller can foresee, for samples and counts of subjects.
    fn watch_key(&self, now: Moment) -> [u64; 2] {
        let [high, low] = self.id_seed;
        [mixed(low ^ now.monotonic_us), mixed(high.rotate_left(32))]
    }

    /// 32 hexadecimal digits, unique and not guessable from the ones before.
    fn next_id(&self, now: Moment) -> Rc<str> {
        let count = self.id_count.get();
        self.id_count.set(count.wrapping_add(1));
        let high = mixed(self.id_seed[0] ^ count);
        let low = mixed(self.id_seed[1].wrapping_add(now.monotonic_us) ^ high);
        let digit = |at: usize| {
            let bits = if at < 16 { high } else { low };
            b"0123456789abcdef"[(bits >> (60 - 4 * (at % 16)) & 15) as usize]
        };
        let id: [u8; 32] = std::array::from_fn(digit);
        std::str::from_utf8(&id).unwrap_or_default().into()
    }
}

/// A bijective mix of 64 bits (the finaliser of SplitMix64).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Runs a future; none if it panicked. What it shares is not left half-changed by a panic: memos are
/// only ever extended, and the record writes what it knows.
async fn caught<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await
}

/// The route is resolved for `HEAD` as for `GET`.
fn offered_as(method: Method) -> Method {
    if method == Method::Head { Method::Get } else { method }
}
