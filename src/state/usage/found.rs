//! What a line of the log is found by, picked out of it without reading the rest.
//!
//! The index takes every line that is written, at the rate of the requests themselves, and wants of most of
//! them a token, a name and an id. Inside a string each quotation mark is escaped, so `,"name":"` stands
//! nowhere but where a member begins: the wanted members are searched for, and only a line in which one of
//! them holds an escape is read as JSON.

use super::seen::Members;
use super::{Term, TermKind};
use crate::engine::evidence::Decision;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::str::from_utf8;
use std::sync::LazyLock;

/// What a line is to the index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An outcome is found by what its request named, or by what it names itself where it corrects one
    /// that was written ahead.
    Outcome { request_id: Cow<'a, str>, subject: Option<Cow<'a, str>>, officer: Option<Cow<'a, str>> },
    /// A request, or another entry that concerns somebody.
    Entry {
        /// Its subject, and the officer who asked. The officer of a reading is whose look-ups were
        /// read: not one of theirs.
        subject: Option<Cow<'a, str>>,
        officer: Option<Cow<'a, str>>,
        /// The request whose outcome will follow, unless the process ends before it.
        awaits: Option<Cow<'a, str>>,
    },
}

impl<'a> Found<'a> {
    /// None where the line is not in the form of an entry.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        let picked = match KIND.value(line) {
            Picked::Text("request") => Self::of_request(line),
            Picked::Text("outcome") => Self::of_outcome(line),
            Picked::Text(_) | Picked::None | Picked::Escaped => None,
        };
        picked.or_else(|| Self::of_members(Members::read(line)?))
    }

    /// None where a value is to be unescaped.
    fn of_outcome(line: &'a [u8]) -> Option<Self> {
        let [request_id, subject, officer] =
            [&REQUEST_ID, &SUBJECT, &OFFICER].map(|member| member.value(line).text());
        Some(Found::Outcome {
            request_id: Cow::Borrowed(request_id?.unwrap_or_default()),
            subject: subject?.map(Cow::Borrowed),
            officer: officer?.map(Cow::Borrowed),
        })
    }

    /// The same.
    fn of_request(line: &'a [u8]) -> Option<Self> {
        let [subject, officer, decision, request_id] =
            [&SUBJECT, &OFFICER, &DECISION, &REQUEST_ID].map(|member| member.value(line).text());
        let ended = DELIVERED.find(line).or_else(|| RELEASED.find(line)).is_some();
        let awaits = awaits(decision?, ended).then_some(request_id?.unwrap_or_default());
        let borrowed = |text: Option<&'a str>| text.map(Cow::Borrowed);
        Some(Found::Entry {
            subject: borrowed(subject?),
            officer: borrowed(officer?),
            awaits: borrowed(awaits),
        })
    }

    fn of_members(members: Members<'a>) -> Option<Self> {
        let request_id = members.request_id.unwrap_or_default();
        Some(match &*members.kind {
            "outcome" => {
                Found::Outcome { request_id, subject: members.subject_token, officer: members.officer }
            }
            kind => {
                let is_request = kind == "request";
                let ended = members.delivered.or(members.released).is_some();
                let awaits = is_request && awaits(members.decision.as_deref(), ended);
                Found::Entry {
                    subject: members.subject_token,
                    officer: members.officer.filter(|_| is_request),
                    awaits: awaits.then_some(request_id),
                }
            }
        })
    }

    pub fn terms(&self) -> impl Iterator<Item = Term> {
        let (subject, officer) = match self {
            Found::Outcome { subject, officer, .. } | Found::Entry { subject, officer, .. } => {
                (subject.as_deref(), officer.as_deref())
            }
        };
        let subject = subject.map(|text| Term::new(TermKind::Subject, text));
        subject.into_iter().chain(officer.map(|text| Term::new(TermKind::Officer, text)))
    }
}

/// Whether an outcome follows a request that was decided so.
fn awaits(decision: Option<&str>, ended: bool) -> bool {
    !ended
        && decision.and_then(Decision::parse).is_some_and(|decision| match decision {
            Decision::Allow | Decision::AllowPartial => true,
            Decision::Deny | Decision::Refused => false,
        })
}

/// The start of a member with a string as value, made once for all searches.
struct Member(Finder<'static>);

enum Picked<'a> {
    Text(&'a str),
    None,
    Escaped,
}

impl<'a> Picked<'a> {
    /// None where it has to be unescaped first.
    fn text(self) -> Option<Option<&'a str>> {
        match self {
            Picked::Text(text) => Some(Some(text)),
            Picked::None => Some(None),
            Picked::Escaped => None,
        }
    }
}

impl Member {
    fn value<'a>(&self, line: &'a [u8]) -> Picked<'a> {
        let Some(at) = self.0.find(line) else { return Picked::None };
        let value = &line[at + self.0.needle().len()..];
        match memchr::memchr2(b'"', b'\\', value).map(|end| (value[end], from_utf8(&value[..end]))) {
            Some((b'"', Ok(text))) => Picked::Text(text),
            Some(_) | None => Picked::Escaped,
        }
    }
}

static KIND: LazyLock<Member> = LazyLock::new(|| Member(Finder::new(br#","kind":""#)));
static REQUEST_ID: LazyLock<Member> = LazyLock::new(|| Member(Finder::new(br#","request_id":""#)));
static SUBJECT: LazyLock<Member> = LazyLock::new(|| Member(Finder::new(br#","subject_token":""#)));
static OFFICER: LazyLock<Member> = LazyLock::new(|| Member(Finder::new(br#","officer":""#)));
static DECISION: LazyLock<Member> = LazyLock::new(|| Member(Finder::new(br#","decision":""#)));
static DELIVERED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#","delivered":"#));
static RELEASED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#","released":"#));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::evidence::{Entry, FoundBy, Handover, Outcome, Reading, Request, encode};

    /// Texts that look like members, or need escapes.
    const TEXTS: [&str; 6] =
        ["s1_a", "", r#","kind":"outcome"#, r#"","officer":"x"#, "\u{202e}\\\"", "王\r\nkind"];

    fn entries<'a>(text: &'a str, other: &'a str) -> Vec<Entry<'a>> {
        let decisions = Decision::ALL.iter().copied().map(Some).chain([None]);
        let request = move |decision| Request {
            request_id: other,
            subject_token: Some(text).filter(|text| !text.is_empty()),
            officer: Some(other),
            purpose: Some(text),
            decision,
            ..Request::default()
        };
        let answered = move |decision, handover| {
            Entry::Answered(request(decision), Outcome { request_id: other, handover, ..Outcome::default() })
        };
        let requests = decisions.flat_map(move |decision| {
            let [whole, ahead] = [Handover::Whole, Handover::Ahead].map(|how| answered(decision, how));
            [Entry::Request(request(decision)), whole, ahead]
        });
        let corrected = Outcome { request_id: other, ..Outcome::default() };
        let found_by =
            FoundBy { subject_token: Some(text).filter(|text| !text.is_empty()), officer: Some(other) };
        let requests = requests.chain([Entry::Corrected(corrected, found_by)]);
        let outcome = Outcome { request_id: text, ..Outcome::default() };
        let reading = Reading { officer: Some(text), subject_token: Some(other), ..Reading::default() };
        requests.chain([Entry::Outcome(outcome), Entry::Reading(reading)]).collect()
    }

    /// What is picked is what a reader of JSON finds.
    #[test]
    fn picking_agrees_with_reading() {
        for (text, other) in TEXTS.iter().flat_map(|text| TEXTS.map(|other| (*text, other))) {
            for entry in entries(text, other) {
                let line = [b"{\"v\":1,\"seq\":1,\"prev\":\"00\",", encode(&entry).members(), b"}"].concat();
                let read = Found::of_members(Members::read(&line).unwrap());
                assert_eq!(Found::of(&line), read, "{}", String::from_utf8_lossy(&line));
            }
        }
    }

    #[test]
    fn what_is_no_entry_is_not_found() {
        for line in ["", "{", r#"{"seq":1,"kind":"request"#, "null", "\0"] {
            assert_eq!(Found::of(line.as_bytes()), None, "{line:?}");
        }
    }
}
