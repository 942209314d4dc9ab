//! One line of the log as far as it concerns a subject or an officer.

use super::{Term, TermKind};
use crate::engine::evidence::Decision;
use crate::engine::reason::Reason;
use crate::engine::terms::{DisclosureMode, Interface, LegalBasis};
use serde::Deserialize;
use std::borrow::Cow;

/// The members of a line that matter here. Others are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Members<'a> {
    pub seq: u64,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub ts_in: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub ts: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub subject_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub officer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub decision: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub reader: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub department: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub purpose: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub legal_basis: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub matter_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub dataset: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub interface: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub reason: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub modes: Vec<ModeMember<'a>>,
    pub status: Option<u16>,
    pub delivered: Option<bool>,
    /// Written before the answer left, whole; an outcome follows where it did not arrive so.
    pub released: Option<bool>,
    pub records: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModeMember<'a> {
    #[serde(borrow)]
    label: Cow<'a, str>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
}

impl<'a> Members<'a> {
    pub fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    pub fn is_of(&self, term: &Term) -> bool {
        let text = match term.kind {
            TermKind::Subject => self.subject_token.as_deref(),
            TermKind::Officer => self.asking_officer(),
        };
        text == Some(&term.text)
    }

    fn asking_officer(&self) -> Option<&str> {
        self.officer.as_deref().filter(|_| self.kind == "request")
    }
}

/// A label and what of it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeSeen {
    pub label: String,
    pub mode: DisclosureMode,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Also of an answer that was written ahead, and of which no outcome says otherwise.
    pub delivered: bool,
    pub status: Option<u16>,
    pub records: Option<u64>,
}

/// One use of somebody's data: a request with its outcome, or somebody's reading of such uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub seq: u64,
    /// RFC 3339, UTC, as the log has it.
    pub time: String,
    pub request_id: String,
    /// Set for a reading of the log instead of a request: who read.
    pub reader: Option<String>,
    pub department: Option<String>,
    pub officer: Option<String>,
    pub subject_token: Option<String>,
    pub purpose: Option<String>,
    pub legal_basis: Option<LegalBasis>,
    pub matter_type: Option<String>,
    pub dataset: Option<String>,
    pub interface: Option<Interface>,
    pub decision: Option<Decision>,
    pub reason: Option<Reason>,
    pub modes: Vec<ModeSeen>,
    pub status: Option<u16>,
    /// None while the answer is under way, and where the process ended before it was recorded.
    pub ended: Option<Ended>,
}

impl Seen {
    pub(super) fn of(members: &Members<'_>, ended: Option<Ended>) -> Self {
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let mode = |one: &ModeMember<'_>| {
            Some(ModeSeen { label: one.label.to_string(), mode: DisclosureMode::parse(&one.mode)? })
        };
        Seen {
            seq: members.seq,
            time: text(&members.ts_in).or(text(&members.ts)).unwrap_or_default(),
            request_id: text(&members.request_id).unwrap_or_default(),
            reader: text(&members.reader).filter(|_| members.kind == "reading"),
            department: text(&members.department),
            officer: text(&members.officer),
            subject_token: text(&members.subject_token),
            purpose: text(&members.purpose),
            legal_basis: members.legal_basis.as_deref().and_then(LegalBasis::parse),
            matter_type: text(&members.matter_type),
            dataset: text(&members.dataset),
            interface: members.interface.as_deref().and_then(Interface::parse),
            decision: members.decision.as_deref().and_then(Decision::parse),
            reason: members.reason.as_deref().and_then(Reason::parse),
            modes: members.modes.iter().filter_map(mode).collect(),
            status: members.status,
            ended,
        }
    }

    pub(super) fn ended(members: &Members<'_>) -> Ended {
        Ended {
            delivered: members.delivered.or(members.released).unwrap_or(false),
            status: members.status,
            records: members.records,
        }
    }
}
