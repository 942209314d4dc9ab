//! What can be recorded: one variant a kind, all of them values borrowed from who records.
//!
//! Times are milliseconds since 1970, UTC. Absent members are left out of the line.

use crate::closed_enum;
use crate::engine::identifier::Kind;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::{AuthMethod, DisclosureMode, Interface, LegalBasis, Level, RiskTier, SubjectType};
use crate::engine::uses::UseAs;
use std::net::IpAddr;
use std::sync::Arc;

closed_enum! {
    /// What was answered to a request.
    pub enum Decision {
        /// Everything asked for is shown as it is.
        Allow = "ALLOW",
        /// Some labels are masked or withheld.
        AllowPartial = "ALLOW_PARTIAL",
        /// Policy said no.
        Deny = "DENY",
        /// Refused for another reason, before or after policy.
        Refused = "REFUSED",
    }
}

closed_enum! {
    /// What was read again.
    pub enum Reloaded {
        /// The policies folder.
        Policies = "policies",
        /// Certificates, revocation lists, key sets.
        Credentials = "credentials",
    }
}

closed_enum! {
    /// Why the log could not go on in the same file.
    pub enum GapCause {
        Write = "write_failed",
        Sync = "sync_failed",
        Missing = "file_missing",
        Replaced = "file_replaced",
        Truncated = "file_truncated",
        Grown = "file_grown",
    }
}

closed_enum! {
    /// How long an entry is kept: a class, whose period the configuration says.
    pub enum Retention {
        /// About nobody's data: at least six months (Cybersecurity Law, network logs).
        Ordinary = "ordinary",
        /// About a request for data, or who read of it: at least three years (PIPL 56, Network Data
        /// Security Regulation 12).
        Personal = "personal",
    }
}

impl Entry<'_> {
    /// Stated in the entry, so that what it was written under holds for it however the rule changes.
    pub fn retention(&self) -> Retention {
        match self {
            Entry::Request(_)
            | Entry::Outcome(_)
            | Entry::Corrected(..)
            | Entry::Answered(..)
            | Entry::Reading(_) => Retention::Personal,
            Entry::Start(_)
            | Entry::Stop(_)
            | Entry::Reload(_)
            | Entry::Quotas(_)
            | Entry::Tier(_)
            | Entry::Gap(_)
            | Entry::TornTail { .. }
            | Entry::Refused(_)
            | Entry::ClockStep(_)
            | Entry::Drift(_)
            | Entry::Admin(_) => Retention::Ordinary,
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A request and its decision: exactly one for each request.
    Request(Request<'a>),
    /// How a request ended, when that is known later than its decision.
    Outcome(Outcome<'a>),
    /// The gateway began to serve.
    Start(Lifecycle<'a>),
    /// The gateway ended in order.
    Stop(Lifecycle<'a>),
    /// Policies or credentials were read again, also when they were refused.
    Reload(Reload<'a>),
    /// The quotas in force: at each start, and whenever they change.
    Quotas(Quotas<'a>),
    /// The defence changed its stance towards a caller.
    Tier(Tier<'a>),
    /// The log went on in a new file because the old one is not trusted.
    Gap(Gap),
    /// An unfinished last line was cut off when the log was opened.
    TornTail { ts: i64, bytes: u64 },
    /// Requests that were refused without an entry each, as an exact count.
    Refused(Refused),
    /// The wall clock moved against the monotonic clock.
    ClockStep(ClockStep),
    /// An upstream sent a field that no label covers: once in each snapshot.
    Drift(Drift<'a>),
    /// A request and its decision together with how it ended.
    Answered(Request<'a>, Outcome<'a>),
    /// An outcome that corrects what was written [ahead](Handover::Ahead), with what that is found by.
    Corrected(Outcome<'a>, FoundBy<'a>),
    /// Somebody read or did something on the admin plane, also when it was refused.
    Admin(Admin<'a>),
    /// Somebody read the log, or asked who looked at their data, also when it was refused.
    Reading(Reading<'a>),
}

/// What became of one label.
#[derive(Clone, Copy, Debug)]
pub struct ModeShown<'a> {
    pub label: &'a str,
    pub mode: DisclosureMode,
    /// Why it is not clear.
    pub reason: Option<Reason>,
}

/// What a parameter of the request does with the fields of one label.
#[derive(Clone, Copy, Debug)]
pub struct UseAsked<'a> {
    pub label: &'a str,
    pub how: UseAs,
}

/// Where a caller stands in its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLeft {
    pub limit: u32,
    pub remaining: u32,
}

/// A request and its decision.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    pub ts_in: i64,
    pub request_id: &'a str,
    /// The listener's name, for example `https`.
    pub channel: &'a str,
    /// Who: the receiving department, the application, the officer.
    pub department: Option<&'a str>,
    pub application: Option<&'a str>,
    pub officer: Option<&'a str>,
    pub post: Option<&'a str>,
    pub auth_method: Option<AuthMethod>,
    /// SHA-256 of the client certificate, hexadecimal, may be cut.
    pub cert_fpr: Option<&'a str>,
    pub represented: Option<&'a str>,
    pub network_known: Option<bool>,
    /// Written as its /24 or /48 only.
    pub client_ip: Option<IpAddr>,
    /// Why.
    pub purpose: Option<&'a str>,
    pub legal_basis: Option<LegalBasis>,
    /// Where the subject's consent is kept.
    pub consent_ref: Option<&'a str>,
    pub matter_id: Option<&'a str>,
    pub matter_type: Option<&'a str>,
    /// Approvals that the determining permits carry out (`@grant`).
    pub grants: &'a [Arc<str>],
    /// The matter, open and assigned to the officer, is about the subject; absent where no matter says whom
    /// it is about, or no officer or subject is named.
    pub explained: Option<bool>,
    /// Break-glass was declared, with this justification.
    pub break_glass: Option<&'a str>,
    /// What.
    pub dataset: Option<&'a str>,
    pub code: Option<&'a str>,
    /// The dataset's class, as it was.
    pub level: Option<Level>,
    /// The route's template, never the path.
    pub route: Option<&'a str>,
    pub method: Option<&'a str>,
    pub interface: Option<Interface>,
    pub subject_type: Option<SubjectType>,
    /// From [`super::subject_token`].
    pub subject_token: Option<&'a str>,
    pub records_requested: Option<u32>,
    /// What its parameters do with fields.
    pub uses: &'a [UseAsked<'a>],
    /// Decision. Absent counts as refused.
    pub decision: Option<Decision>,
    /// What the caller was told.
    pub reason: Option<Reason>,
    /// The exact fault behind it.
    pub cause: Option<Cause>,
    /// All reasons that apply, by precedence.
    pub reasons: &'a [Reason],
    /// Ids of the determining policies.
    pub policies: &'a [Arc<str>],
    pub modes: &'a [ModeShown<'a>],
    pub policy_digest: Option<&'a str>,
    /// Risk: 0 to 1000, and the tier.
    pub risk: Option<u16>,
    pub tier: Option<RiskTier>,
    /// What makes the risk: features and their shares, greatest first.
    pub features: &'a [(&'static str, u16)],
    pub quota: Option<QuotaLeft>,
    /// HTTP status, where it is known with the decision.
    pub status: Option<u16>,
    /// The caller's trace id (W3C Trace Context). Written as its digest: it is a header's value.
    pub trace_id: Option<[u8; 16]>,
    /// Bytes of the request's body, as announced.
    pub body_bytes: Option<u64>,
    /// From when on the subject may be told, by the delays in force then; absent: at once. Whether it is
    /// told is decided by those in force when it asks.
    pub visible_from: Option<i64>,
}

/// Values of one label seen in an answer.
#[derive(Clone, Copy, Debug)]
pub struct LabelSeen<'a> {
    pub label: &'a str,
    pub values: u64,
}

/// Identifiers of one kind that were found in values of one label, which says nothing of them.
#[derive(Clone, Copy, Debug)]
pub struct FoundSeen<'a> {
    pub label: &'a str,
    pub kind: Kind,
    pub values: u64,
}

/// How far an answer was when its entry was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handover {
    /// The whole answer was handed to the caller's connection.
    Whole,
    /// Less than that was.
    #[default]
    Short,
    /// All of it is at hand and leaves as soon as this entry is durable. An outcome entry follows only
    /// where that comes to less.
    Ahead,
}

/// Whose data were asked for, and who asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct FoundBy<'a> {
    pub subject_token: Option<&'a str>,
    pub officer: Option<&'a str>,
}

/// How a request ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome<'a> {
    pub request_id: &'a str,
    pub status: Option<u16>,
    pub upstream_status: Option<u16>,
    pub records: Option<u64>,
    pub labels: &'a [LabelSeen<'a>],
    /// Different persons and bodies that the answer told of, in whatever mode.
    pub subjects: Option<u64>,
    /// That number is an estimate (standard error 1.6 %).
    pub subjects_estimated: bool,
    /// What was found where it does not belong.
    pub found: &'a [FoundSeen<'a>],
    /// Records left out because of the route's cap.
    pub dropped_records: u64,
    /// Records left out because they lie outside of the caller's rows, or count too small a group.
    pub filtered_records: u64,
    /// Counts that became `null`.
    pub suppressed_counts: u64,
    /// Fields without a label that were left out.
    pub dropped_unknown: u64,
    /// Body bytes sent to the caller.
    pub bytes: u64,
    /// SHA-256 of them, 64 hexadecimal digits, where the answer carried a receipt.
    pub digest: Option<&'a str>,
    pub handover: Handover,
    pub fault: Option<Cause>,
    /// The four stamps of X-Road's operational monitoring.
    pub ts_in: i64,
    pub ts_upstream_out: Option<i64>,
    pub ts_upstream_in: Option<i64>,
    pub ts_out: i64,
}

/// Start or stop.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle<'a> {
    pub ts: i64,
    /// Of this program.
    pub version: &'a str,
    pub policy_digest: Option<&'a str>,
    pub detail: &'a str,
}

/// A reload. Policy text never stands in it, only digests and the places of faults.
#[derive(Clone, Copy, Debug)]
pub struct Reload<'a> {
    pub ts: i64,
    pub accepted: bool,
    /// In force before.
    pub digest_before: &'a str,
    /// Read now; absent when it could not be read as a whole.
    pub digest_after: Option<&'a str>,
    /// What was read again.
    pub what: Reloaded,
    /// Faults of a refused one. Their words may quote the file, so only their number is kept.
    pub faults: u64,
    /// File and line of the first of them.
    pub first_fault: Option<(&'a str, u64)>,
}

/// The quotas in force from now on.
#[derive(Clone, Copy, Debug)]
pub struct Quotas<'a> {
    pub ts: i64,
    /// `start` or `reload`.
    pub cause: &'static str,
    /// Scope, cells that grow back in a second, cells at most.
    pub scopes: &'a [(&'static str, u32, u32)],
    /// Tier and what one request costs in it.
    pub costs: &'a [(RiskTier, u32)],
}

/// A change of tier.
#[derive(Clone, Copy, Debug)]
pub struct Tier<'a> {
    pub ts: i64,
    pub caller: &'a str,
    pub old: RiskTier,
    pub new: RiskTier,
    pub score: u16,
    /// `evidence`, `decay` or `expiry`.
    pub cause: &'a str,
    /// Features and their share of the score.
    pub features: &'a [(&'a str, u16)],
}

/// What the log lost trust in when it moved to a new file.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    pub ts: i64,
    /// Sequence numbers whose lines, if they exist in earlier files, are not part of the log: their
    /// entries were never confirmed, and follow again under new numbers. `last` is `first - 1` where
    /// there are none.
    pub first: u64,
    pub last: u64,
    pub cause: GapCause,
    /// Requests refused while the log could not be written.
    pub refused: u64,
}

/// Requests refused without an entry each.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    pub ts: i64,
    pub cause: Cause,
    pub count: u64,
}

/// A step of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct ClockStep {
    /// After the step.
    pub ts: i64,
    /// Positive when the clock was put forward.
    pub step_ms: i64,
}

/// A field that no label covers, and that was left out.
#[derive(Clone, Copy, Debug)]
pub struct Drift<'a> {
    pub ts: i64,
    pub dataset: &'a str,
    /// Names of fields, `*`, `[*]`, and `?` for keys that may be data.
    pub template: &'a str,
    pub policy_digest: &'a str,
}

/// An act on the admin plane, a reading of the log included.
#[derive(Clone, Copy, Debug)]
pub struct Admin<'a> {
    pub ts: i64,
    /// Who, as far as the plane proves it: `credential`, `loopback`, `unproven`, or a part of ours.
    pub actor: &'a str,
    /// A name of ours for what was asked, never the path.
    pub action: &'a str,
    pub status: u16,
    /// Written as its /24 or /48 only.
    pub from: Option<IpAddr>,
}

/// A reading of the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    pub ts: i64,
    pub request_id: &'a str,
    /// `usage` (what concerns one subject), `show`, `tail`, `export`.
    pub what: &'a str,
    /// `subject` where persons read about themselves, else who reads: `admin`, or a system account.
    pub reader: &'a str,
    /// Whose entries were read, from [`super::subject_token`].
    pub subject_token: Option<&'a str>,
    /// Whose look-ups were read.
    pub officer: Option<&'a str>,
    /// The other conditions, as they were given.
    pub filter: Option<&'a str>,
    /// Entries shown, where that is known when this is written.
    pub entries: Option<u64>,
    /// The fault behind a refusal.
    pub cause: Option<Cause>,
    pub status: u16,
}
