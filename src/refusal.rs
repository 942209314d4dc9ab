//! Every "no" of the gateway, as an RFC 9457 problem document.
//!
//! A [`Refusal`] is a cause for the record and a reason for the caller; this room turns the second
//! into words. It knows neither policies nor state: whoever refuses hands over what may be said.
//! Never in a document: a policy text, a value, an upstream address, a stack.
//!
//! ```
//! use zhamen::engine::reason::Cause;
//! use zhamen::refusal::{Language, Refusal};
//! let refusal = Refusal::from(Cause::BadHost);
//! let document = refusal.document(Language::En, "req-1");
//! assert!(document.contains(r#""code":"E-REQUEST""#) && document.contains(r#""status":400"#));
//! ```

use crate::engine::reason::{Cause, Reason};
use crate::engine::standing::Standing;
use serde::Serialize;
use std::sync::Arc;

pub use crate::engine::canonical::Language;

/// Media type of the document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The exact fault, for the record. Absent when policy said no: then the reasons are the fault.
    pub cause: Option<Cause>,
    /// What the caller is told first.
    pub reason: Reason,
    /// HTTP status.
    pub status: u16,
    /// Further reasons that also apply, in order of precedence.
    pub further: Vec<Reason>,
    /// Seconds until a retry makes sense.
    pub retry_after_s: Option<u64>,
    /// Where the caller stands in its quota after this refusal.
    pub standing: Option<Box<Standing>>,
    /// Labels that the answer would have held (the law asks that what is withheld is named).
    pub withheld: Vec<Arc<str>>,
    /// Methods the route offers, for 405.
    pub offered: Vec<&'static str>,
}

impl From<Cause> for Refusal {
    /// Cold, so that each place which may refuse keeps that out of the way of what it lets through.
    #[cold]
    fn from(cause: Cause) -> Self {
        Refusal { cause: Some(cause), status: cause.status(), ..Refusal::told(cause.reason()) }
    }
}

impl Refusal {
    /// Policy said no, for these reasons (the first by precedence is the one told). That it said no
    /// because it could not be evaluated is a fault of its own beside the reasons.
    pub fn denied(reasons: &[Reason], withheld: Vec<Arc<str>>) -> Self {
        let reason = reasons.first().copied().unwrap_or(Reason::NoPolicy);
        let further = reasons.iter().copied().skip(1).collect();
        let cause = (reason == Reason::PolicyError).then_some(Cause::PolicyEvaluation);
        Refusal { cause, further, withheld, ..Refusal::told(reason) }
    }

    /// Policy said no, also where it did so for want of an evaluation.
    pub fn is_denial(&self) -> bool {
        self.cause.is_none_or(|cause| cause == Cause::PolicyEvaluation)
    }

    /// The same "no", looking like a route that does not exist.
    pub fn hidden(self) -> Self {
        Refusal { cause: self.cause, ..Refusal::from(Cause::NoRoute) }
    }

    /// Over quota: come back after so many seconds.
    pub fn over_quota(cause: Cause, standing: Standing, retry_after_s: u64) -> Self {
        let (standing, retry_after_s) = (Some(standing.into()), Some(retry_after_s));
        Refusal { standing, retry_after_s, ..Refusal::from(cause) }
    }

    fn told(reason: Reason) -> Self {
        Refusal {
            cause: None,
            reason,
            status: reason.wording().status,
            further: Vec::new(),
            retry_after_s: None,
            standing: None,
            withheld: Vec::new(),
            offered: Vec::new(),
        }
    }

    /// All reasons, the one told first. Empty for faults, whose cause says it all.
    pub fn reasons(&self) -> Vec<Reason> {
        match self.is_denial() {
            false => Vec::new(),
            true => std::iter::once(self.reason).chain(self.further.iter().copied()).collect(),
        }
    }

    /// After faults of framing nothing further on the connection can be trusted.
    pub fn closes_connection(&self) -> bool {
        matches!(
            self.cause,
            Some(
                Cause::AmbiguousFraming
                    | Cause::BadLength
                    | Cause::BadChunk
                    | Cause::ChunkOverhead
                    | Cause::TrailerForbidden
                    | Cause::BadHeader
                    | Cause::HeaderSize
                    | Cause::TargetSize
                    | Cause::NotHttp
                    | Cause::BadVersion
                    | Cause::MethodUnknown
                    | Cause::EarlyClose
                    | Cause::SlowBody
                    | Cause::SlowPeer
                    | Cause::BodySize
                    | Cause::UpgradeRefused
                    | Cause::MisdirectedHost
            )
        )
    }

    /// The problem document, in one language, as JSON text.
    pub fn document(&self, language: Language, request_id: &str) -> String {
        let wording = self.reason.wording();
        let (title, remedy) = match language {
            Language::Zh => (wording.zh, wording.remedy_zh),
            Language::En => (wording.en, wording.remedy_en),
        };
        let problem = Problem {
            r#type: format!("urn:zhamen:reason:{}", self.reason.code()),
            title,
            status: self.status,
            code: self.reason.code(),
            further_codes: self.further.iter().map(|reason| reason.code()).collect(),
            legal_basis: wording.citations,
            remedy,
            appeal: appeal(self.reason, language),
            request_id,
            withheld_fields: &self.withheld,
        };
        // A struct of strings and numbers always serializes.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

/// Where to turn when the caller disagrees: for decisions, not for technical faults.
fn appeal(reason: Reason, language: Language) -> Option<&'static str> {
    if reason.wording().citations.is_empty() {
        return None;
    }
    Some(match language {
        Language::Zh => "可凭请求编号向政务数据共享主管部门提出异议",
        Language::En => "Object to the competent authority for data sharing, naming the request id",
    })
}

/// The members of the document, in the order they are written.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further_codes: Vec<&'a str>,
    legal_basis: &'a [&'a str],
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    appeal: Option<&'a str>,
    request_id: &'a str,
    withheld_fields: &'a [Arc<str>],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_document_in_both_languages() {
        for reason in Reason::ALL {
            for language in [Language::Zh, Language::En] {
                let text = Refusal::denied(&[*reason], Vec::new()).document(language, "r-1");
                let read: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(read["code"], reason.code());
                assert_eq!(read["status"], reason.wording().status);
                assert_eq!(read["request_id"], "r-1");
            }
        }
    }

    #[test]
    fn a_hidden_denial_reads_exactly_like_a_missing_route() {
        let hidden = Refusal::denied(&[Reason::NotShared], vec!["name".into()]).hidden();
        let missing = Refusal::from(Cause::NoRoute);
        assert_eq!(hidden.document(Language::En, "r"), missing.document(Language::En, "r"));
        assert_eq!(hidden.status, missing.status);
    }

    #[test]
    fn a_policy_that_errs_is_a_denial_with_a_cause() {
        let denied = |reasons: &[Reason]| Refusal::denied(reasons, Vec::new());
        let erred = denied(&[Reason::PolicyError, Reason::LevelTooHigh]);
        assert_eq!((erred.cause, erred.status), (Some(Cause::PolicyEvaluation), 403));
        assert_eq!(erred.reasons(), [Reason::PolicyError, Reason::LevelTooHigh]);
        let hidden = erred.clone().hidden();
        assert_eq!((hidden.cause, hidden.status), (Some(Cause::PolicyEvaluation), 404));
        assert!(erred.is_denial() && hidden.is_denial() && denied(&[Reason::NoPolicy]).is_denial());
        assert!(!Refusal::from(Cause::BadHost).is_denial());
    }

    #[test]
    fn the_first_reason_is_told_and_the_others_are_named() {
        let refusal = Refusal::denied(&[Reason::MatterMissing, Reason::NoPolicy], Vec::new());
        let text = refusal.document(Language::Zh, "r");
        assert!(text.contains(r#""code":"E-MATTER-MISSING","further_codes":["E-NO-POLICY"]"#), "{text}");
    }
}
