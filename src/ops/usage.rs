//! Who looked at my data: `/usage/v1`, for a person who proved who they are.
//!
//! The person is whom the token is about; nothing in the request can name another. Each reading, also
//! a refused one, is an entry of the log, and an answer waits until its entry is durable. Uses whose
//! telling the law lets wait (`delayed_visibility` in `purposes.yaml`) are neither shown nor counted
//! nor hinted at until their day. The answer names departments, never officers.
//!
//! | path | parameters | answer |
//! |---|---|---|
//! | `/usage/v1` | `limit` (1 to 100, 20), `cursor` | everything that concerns the person, newest first |
//! | `/usage/v1/findUsage` | `offset` (up to 10000), `limit` (1 to 100, 100) | Estonia's Data Tracker: `logtime`, `action`, `receiver`, and `purpose` |
//!
//! ```
//! use zhamen::ops::usage::is_usage;
//! assert!(is_usage("/usage/v1") && is_usage("/usage/v1/findUsage") && !is_usage("/usage/v12"));
//! ```

mod ask;
mod view;

use crate::config::settings::{Quota, QuotaSettings};
use crate::engine::canonical::Language;
use crate::engine::clock::Moment;
use crate::engine::evidence::{Entry, Reading, SubjectKeys, encode, read_time};
use crate::engine::identifier::Identifier;
use crate::engine::reason::Cause;
use crate::engine::terms::RiskTier;
use crate::secret;
use crate::state::audit::Audit;
use crate::state::quota::{QuotaKeys, Quotas};
use crate::state::snapshot::{Snapshot, Snapshots};
use crate::state::usage::{Asked, IndexStatus, Page, Place, Seen, Term, TermKind, Usage, UsageError};
use ask::{Ask, Cursors};
use std::net::IpAddr;
use std::sync::Arc;

/// Persons and addresses whose quota is remembered; further ones share one.
const QUOTA_KEYS_MAX: usize = 65_536;
/// All of them together, in a second: each question reads files.
const TOTAL: Quota = Quota { per_second: 200, burst: 400 };

/// Whether a path belongs here.
pub fn is_usage(path: &str) -> bool {
    path == ask::USAGE || path == ask::FIND_USAGE
}

/// One question, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: String,
    pub path: String,
    pub query: String,
    pub language: Language,
    pub address: IpAddr,
    /// Whom the credentials prove, or what is wrong with them.
    pub who: Result<Identifier, Cause>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    pub request_id: String,
    /// Seconds, where coming back later helps.
    pub retry_after_s: Option<u64>,
}

/// What a question is refused with.
struct Refused {
    cause: Cause,
    retry_after_s: Option<u64>,
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        Refused { cause, retry_after_s: None }
    }
}

/// Answers persons about themselves.
pub struct UsageView {
    usage: Arc<Usage>,
    snapshots: Arc<Snapshots>,
    audit: Arc<Audit>,
    keys: SubjectKeys,
    cursors: Cursors,
    quotas: Quotas,
}

impl UsageView {
    /// `pseudonym_key` seals cursors, through a key of their own derived from it.
    pub fn new(
        usage: Arc<Usage>,
        snapshots: Arc<Snapshots>,
        audit: Arc<Audit>,
        keys: SubjectKeys,
        pseudonym_key: &[u8; 32],
        quota: Quota,
    ) -> Self {
        let quotas = Quotas::new(&QuotaSettings {
            caller: quota,
            application: TOTAL,
            department: TOTAL,
            total: TOTAL,
            volume: None,
            cost: std::array::from_fn(|tier| (RiskTier::ALL[tier], 1)),
            keys_max: QUOTA_KEYS_MAX,
        });
        UsageView { usage, snapshots, audit, keys, cursors: Cursors::new(pseudonym_key), quotas }
    }

    /// The state of the index.
    pub fn index(&self) -> IndexStatus {
        self.usage.status()
    }

    /// Answers one question. Files are read on a thread for blocking work.
    pub async fn answer(self: &Arc<Self>, question: Question, now: Moment) -> Answer {
        let [high, low] = secret::random();
        let request_id = format!("{high:016x}{low:016x}");
        let tokens = question.who.as_ref().map(|person| self.keys.tokens(person)).unwrap_or_default();
        let read = self.read(&question, &tokens, now).await;
        let (cause, entries) = match &read {
            Ok((_, page)) => (None, Some(page.entries.len() as u64)),
            Err(refused) => (Some(refused.cause), None),
        };
        let status = cause.map_or(200, Cause::status);
        let entry = encode(&Entry::Reading(Reading {
            ts: now.unix_ms,
            request_id: &request_id,
            what: "usage",
            reader: if tokens.is_empty() { "unproven" } else { "subject" },
            subject_token: tokens.first().map(String::as_str),
            entries,
            cause,
            status,
            ..Reading::default()
        }));
        let receipt = self.audit.note(entry).receipt();
        match read {
            Err(refused) => refuse(&refused, question.language, request_id),
            Ok((ask, page)) => match receipt.await {
                Err(cause) => refuse(&cause.into(), question.language, request_id),
                Ok(_) => self.shown(&question, &tokens, &ask, &page, request_id),
            },
        }
    }

    async fn read(
        &self,
        question: &Question,
        tokens: &[String],
        now: Moment,
    ) -> Result<(Ask, Page), Refused> {
        self.charge(question, tokens, now)?;
        question.who.as_ref().map_err(|cause| *cause)?;
        if !matches!(question.method.as_str(), "GET" | "HEAD") {
            return Err(Cause::MethodNotOffered.into());
        }
        let ask = Ask::read(&question.path, &question.query, &self.cursors, tokens)?;
        let asked = Asked {
            terms: tokens.iter().map(|token| Term::new(TermKind::Subject, token)).collect(),
            from: ask.from.clone(),
            limit: ask.skip + ask.limit,
        };
        let (usage, snapshot) = (self.usage.clone(), self.snapshots.current());
        let read = move || usage.page(&asked, &|seen| is_visible(&snapshot, seen, now.unix_seconds()));
        let page = tokio::task::spawn_blocking(read).await.map_err(|_| Cause::Panicked)?;
        let mut page = page.map_err(|error| {
            if let UsageError::Index(_) | UsageError::Log(_) = &error {
                tracing::error!(%error, "a question about usage was not answered");
            }
            Refused { cause: Cause::IndexUnavailable, retry_after_s: Some(30) }
        })?;
        page.entries.drain(..ask.skip.min(page.entries.len()));
        Ok((ask, page))
    }

    /// A person pays from their own quota, whoever proves nothing from that of their network.
    fn charge(&self, question: &Question, tokens: &[String], now: Moment) -> Result<(), Refused> {
        let caller = match (tokens.first(), question.address) {
            (Some(token), _) => token.clone(),
            (None, IpAddr::V4(v4)) => format!("unproven {}/24", v4.to_bits() >> 8),
            (None, IpAddr::V6(v6)) => format!("unproven {}/48", v6.to_bits() >> 80),
        };
        let keys =
            QuotaKeys { caller: caller.into(), application: "usage".into(), department: "usage".into() };
        match self.quotas.charge_denied(&keys, RiskTier::Normal, now) {
            Ok(_) => Ok(()),
            Err(over) => Err(Refused { cause: over.cause(), retry_after_s: Some(over.retry_after_s) }),
        }
    }

    fn shown(
        &self,
        question: &Question,
        tokens: &[String],
        ask: &Ask,
        page: &Page,
        request_id: String,
    ) -> Answer {
        let snapshot = self.snapshots.current();
        let words = view::Words { snapshot: &snapshot, language: question.language };
        let next = page.next.as_ref().map(|place| self.cursors.seal(place, tokens));
        let body = match ask.is_find_usage {
            true => words.find_usage(page),
            false => words.page(page, next.as_deref()),
        };
        Answer { status: 200, content_type: "application/json", body, request_id, retry_after_s: None }
    }

    /// Forgets quotas that are full again.
    pub fn sweep(&self, now: Moment) {
        self.quotas.sweep(now);
    }
}

/// Whether a person may be told of a use now. Their own readings are in the log, not in the answer.
fn is_visible(snapshot: &Snapshot, seen: &Seen, now: i64) -> bool {
    if seen.reader.as_deref() == Some("subject") {
        return false;
    }
    snapshot.is_visible(
        seen.purpose.as_deref(),
        seen.legal_basis,
        seen.matter_type.as_deref(),
        // A time that cannot be read counts as now: the use waits as long as its rule says.
        read_time(&seen.time).map_or(now, |ms| ms.div_euclid(1000)),
        now,
    )
}

/// A problem document (RFC 9457).
fn refuse(refused: &Refused, language: Language, request_id: String) -> Answer {
    let (reason, status) = (refused.cause.reason(), refused.cause.status());
    let wording = reason.wording();
    let (title, remedy) = match language {
        Language::Zh => (wording.zh, wording.remedy_zh),
        Language::En => (wording.en, wording.remedy_en),
    };
    let body = serde_json::json!({
        "type": format!("urn:zhamen:reason:{}", reason.code()),
        "title": title, "status": status, "code": reason.code(), "remedy": remedy, "request_id": request_id,
    });
    let (content_type, retry_after_s) = ("application/problem+json", refused.retry_after_s);
    Answer { status, content_type, body: body.to_string(), request_id, retry_after_s }
}

#[cfg(test)]
mod tests;
