//! The scenarios as data: who asks what, and what must come back.
//!
//! Ring for ring with `policies/`: a changed policy that changes an answer fails here.
//!
//! ```
//! use zhamen::demo::play::scenarios::SCENARIOS;
//! assert_eq!(SCENARIOS.iter().map(|scenario| scenario.id).collect::<Vec<_>>(), ["S1", "S2", "S3", "S4"]);
//! ```

mod assistance;
mod company;
mod emergency;
mod transfer;

use super::super::passes::{PASSES, Pass};
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

/// All scenarios, in the order in which they are played.
pub const SCENARIOS: &[Scenario] =
    &[assistance::SCENARIO, transfer::SCENARIO, company::SCENARIO, emergency::SCENARIO];

/// What no answer may ever carry: the member that no catalogue knows.
pub const NEVER: &[&str] = &["internalNote", "内部备注"];

/// A story in steps.
#[derive(Debug)]
pub struct Scenario {
    pub id: &'static str,
    pub title: &'static str,
    pub steps: &'static [Step],
}

/// One request and what must come back.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it shows, in one line.
    pub what: &'static str,
    /// Application whose certificate is presented.
    pub application: &'static str,
    /// Token presented: the file of a pass.
    pub token: Option<&'static str>,
    pub method: &'static str,
    pub path: &'static str,
    /// JSON body.
    pub body: Option<&'static str>,
    pub status: u16,
    /// Code of the refusal.
    pub code: Option<Reason>,
    /// Records in `data`, where that matters.
    pub records: Option<usize>,
    pub fields: &'static [Field],
    /// Must not appear anywhere in headers or body.
    pub forbidden: &'static [&'static str],
}

impl Step {
    /// The pass whose token is presented.
    pub fn pass(&self) -> Option<&'static Pass> {
        self.token.and_then(|token| PASSES.iter().find(|pass| pass.file == token))
    }
}

/// How one member of the records must come back.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Member name.
    pub name: &'static str,
    pub label: &'static str,
    pub mode: DisclosureMode,
    pub reason: Option<Reason>,
    pub seen: Seen,
}

/// What the caller sees of a member.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    /// The first record has exactly this string.
    Text(&'static str),
    /// The first record has exactly this JSON value.
    Json(&'static str),
    /// The first record has a value; which one is not the point.
    Something,
    /// No record has a string or number there: at most yes, no or nothing.
    Hidden,
    /// No record has the member.
    Absent,
}

/// A query that is answered; tables change what differs.
pub(super) const ANSWERED: Step = Step {
    what: "",
    application: "",
    token: None,
    method: "GET",
    path: "",
    body: None,
    status: 200,
    code: None,
    records: None,
    fields: &[],
    forbidden: &[],
};

const fn clear(name: &'static str, label: &'static str, seen: Seen) -> Field {
    Field { name, label, mode: DisclosureMode::Clear, reason: None, seen }
}

const fn less(
    name: &'static str,
    label: &'static str,
    mode: DisclosureMode,
    reason: Reason,
    seen: Seen,
) -> Field {
    Field { name, label, mode, reason: Some(reason), seen }
}

/// A number of a person, of which the first and the last two digits remain.
const fn id_number(name: &'static str, shown: &'static str) -> Field {
    less(name, "id-number", DisclosureMode::Partial, Reason::FieldNotNeeded, Seen::Text(shown))
}

/// A field that is not needed here.
const fn withheld(name: &'static str, label: &'static str) -> Field {
    less(name, label, DisclosureMode::None, Reason::FieldNotNeeded, Seen::Absent)
}

/// A field that may only be verified, where nothing was claimed.
const fn verify_only(name: &'static str, label: &'static str) -> Field {
    less(name, label, DisclosureMode::Verify, Reason::FieldNotNeeded, Seen::Hidden)
}

#[cfg(test)]
mod tests {
    use super::super::super::certs::APPLICATIONS;
    use super::*;

    #[test]
    fn every_step_can_be_played() {
        for step in SCENARIOS.iter().flat_map(|scenario| scenario.steps) {
            assert!(APPLICATIONS.contains(&step.application), "{}", step.what);
            assert_eq!(step.token.is_some(), step.pass().is_some(), "{}", step.what);
            assert!(step.path.starts_with('/'), "{}", step.what);
            if let Some(body) = step.body {
                serde_json::from_str::<serde_json::Value>(body).unwrap();
            }
            for field in step.fields {
                assert_eq!(field.mode == DisclosureMode::Clear, field.reason.is_none(), "{}", field.name);
                if let Seen::Json(json) = field.seen {
                    serde_json::from_str::<serde_json::Value>(json).unwrap();
                }
            }
        }
    }

    #[test]
    fn refusals_have_the_status_of_their_reason() {
        for step in SCENARIOS.iter().flat_map(|scenario| scenario.steps) {
            match step.code {
                None => assert_eq!(step.status, 200, "{}", step.what),
                Some(reason) => assert_eq!(step.status, reason.wording().status, "{}", step.what),
            }
        }
    }

    #[test]
    fn every_scenario_answers_and_refuses() {
        for scenario in SCENARIOS {
            assert!(scenario.steps.iter().any(|step| step.code.is_none()));
            assert!(scenario.steps.iter().any(|step| step.code.is_some()));
        }
    }
}
