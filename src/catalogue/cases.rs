//! Reads `policies/cases/*.yaml`: cases in the words of the people who write policies.
//!
//! A file holds `given`, what its cases have in common, and `cases`. A case's `request` says what
//! differs, `without` what it lacks of the given, and `want` what it must come to: `DENY` with every reason by precedence, or `ALLOW` with the
//! mode of every label of the dataset. It may not judge: that is [`crate::engine::decide::cases`]'s.
//!
//! ```
//! use zhamen::catalogue::cases::{CaseFile, read};
//! use zhamen::engine::principal::Application;
//! let portal = Application::new("open-data-portal", "11330100MB0000086H").into();
//! let text = "
//! given: {application: open-data-portal, dataset: enterprise, interface: BATCH}
//! cases:
//!   - name: a suspended caller gets nothing
//!     request: {tier: T5}
//!     want: {decision: DENY, reasons: [E-SUSPENDED]}
//! ";
//! let cases = read(&[CaseFile { name: "open.yaml", text }], &[portal]).unwrap();
//! assert_eq!(&*cases[0].dataset, "enterprise");
//! ```

#[cfg(test)]
mod tests;

use crate::closed_enum;
use crate::engine::decide::cases::{Case, Want};
use crate::engine::facts::{ClockFacts, Facts, GrantFacts, NetworkFacts, SubjectFacts};
use crate::engine::principal::{Application, Matter, MatterSubject, Officer, Principal, Statement};
use crate::engine::reason::Reason;
use crate::engine::terms::{
    AgeBand, AuthMethod, DisclosureMode, Interface, LegalBasis, RiskTier, SubjectType,
};
use crate::engine::uses::UseAs;
use crate::fault::{Fault, Faults};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// One file of cases: its name for faults, and its text.
#[derive(Clone, Copy, Debug)]
pub struct CaseFile<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

closed_enum! {
    /// What a case may take back of what its file gives.
    pub enum Absent {
        Officer = "officer",
        Purpose = "purpose",
        LegalBasis = "legal_basis",
        Matter = "matter",
        Subject = "subject",
        Grant = "grant",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    given: WrittenRequest,
    cases: Vec<WrittenCase>,
}

/// The members of a request; absent ones are given by the file or take the plain default.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    application: Option<Spanned<String>>,
    officer: Option<WrittenOfficer>,
    method: Option<AuthMethod>,
    bound: Option<bool>,
    purpose: Option<String>,
    legal_basis: Option<LegalBasis>,
    matter: Option<WrittenMatter>,
    break_glass: Option<bool>,
    dataset: Option<String>,
    interface: Option<Interface>,
    subject: Option<WrittenSubject>,
    grant: Option<WrittenGrant>,
    address: Option<IpAddr>,
    known: Option<bool>,
    hour: Option<u8>,
    workday: Option<bool>,
    risk: Option<u16>,
    tier: Option<RiskTier>,
    step_up: Option<bool>,
    records: Option<u32>,
    uses: Option<Vec<WrittenUse>>,
}

/// `{label: income, as: filter}`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUse {
    label: String,
    #[serde(rename = "as")]
    how: UseAs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: Spanned<String>,
    /// What differs from what the file gives.
    #[serde(default)]
    request: WrittenRequest,
    /// What the file gives and this request lacks.
    #[serde(default)]
    without: BTreeSet<Absent>,
    want: WrittenWant,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOfficer {
    id: String,
    post: String,
    /// The application's, unless said.
    department: Option<String>,
    region: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMatter {
    #[serde(rename = "type")]
    matter_type: String,
    #[serde(default = "yes")]
    open: bool,
    /// The officer is assigned to it.
    #[serde(default = "yes")]
    assigned: bool,
    /// The person asked about is one of its subjects.
    #[serde(default = "yes")]
    subject: bool,
    /// A guardian takes part.
    #[serde(default)]
    guardian: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubject {
    #[serde(rename = "type")]
    subject_type: SubjectType,
    age: Option<AgeBand>,
    #[serde(default)]
    protected: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGrant {
    valid: bool,
    quota_left: Option<i64>,
}

#[derive(Deserialize)]
#[serde(tag = "decision", deny_unknown_fields)]
enum WrittenWant {
    #[serde(rename = "DENY")]
    Deny { reasons: Vec<Reason> },
    #[serde(rename = "ALLOW")]
    Allow { labels: BTreeMap<String, Outcome> },
}

/// A mode, and the reason where it is not `CLEAR`: `PARTIAL E-FIELD-NOT-NEEDED`.
struct Outcome(DisclosureMode, Option<Reason>);

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (mode, reason) = match text.split_once(' ') {
            Some((mode, reason)) => (mode, Some(reason)),
            None => (text.as_str(), None),
        };
        let parsed_reason = reason.map(Reason::parse);
        match (DisclosureMode::parse(mode), parsed_reason) {
            (Some(mode), None) => Ok(Outcome(mode, None)),
            (Some(mode), Some(Some(reason))) => Ok(Outcome(mode, Some(reason))),
            (None, _) | (_, Some(None)) => Err(serde::de::Error::custom(format!(
                "`{text}` is not a mode with a reason, such as `PARTIAL E-FIELD-NOT-NEEDED`"
            ))),
        }
    }
}

fn yes() -> bool {
    true
}

/// Reads every file.
///
/// # Errors
/// Every fault found: text that is not such a file, unknown applications, members nobody gives.
pub fn read(files: &[CaseFile<'_>], applications: &[Arc<Application>]) -> Result<Vec<Case>, Faults> {
    let mut faults = Faults::default();
    let mut cases = Vec::new();
    for file in files {
        match serde_saphyr::from_str::<WrittenFile>(file.text) {
            Err(error) => faults.push(yaml_fault(file, &error)),
            Ok(written) => {
                for case in written.cases {
                    let read = meaning(file, &written.given, case, applications);
                    cases.extend(faults.absorb(read.map_err(Faults::from)));
                }
            }
        }
    }
    faults.or(cases)
}

fn yaml_fault(file: &CaseFile<'_>, error: &serde_saphyr::Error) -> Fault {
    let said = error.without_snippet().to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let fault = Fault::new(file.name, said.lines().next().unwrap_or_default());
    match error.location() {
        Some(location) => at(file, fault, location.line(), location.column()),
        None => fault,
    }
}

fn at(file: &CaseFile<'_>, fault: Fault, line: u64, column: u64) -> Fault {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let text = file.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    fault.at(line, usize::try_from(column).unwrap_or(usize::MAX), text)
}

fn meaning(
    file: &CaseFile<'_>,
    given: &WrittenRequest,
    case: WrittenCase,
    applications: &[Arc<Application>],
) -> Result<Case, Fault> {
    let place = case.name.referenced;
    let fault = |said: String| at(file, Fault::new(file.name, said), place.line(), place.column());
    let request = case.request.over(given.clone()).without(&case.without);
    let Some(wanted) = &request.application else {
        return Err(fault("no `application` is given".to_owned()));
    };
    let Some(application) = applications.iter().find(|known| *known.id == wanted.value) else {
        return Err(fault(format!("there is no application `{}`", wanted.value)));
    };
    let Some(dataset) = &request.dataset else { return Err(fault("no `dataset` is given".to_owned())) };
    Ok(Case {
        name: case.name.value,
        principal: request.principal(application),
        dataset: dataset.as_str().into(),
        facts: request.facts(),
        uses: request.uses.iter().flatten().map(|used| (used.label.as_str().into(), used.how)).collect(),
        want: wish(case.want),
    })
}

fn wish(written: WrittenWant) -> Want {
    match written {
        WrittenWant::Deny { reasons } => Want::Deny(reasons),
        WrittenWant::Allow { labels } => Want::Allow(
            labels
                .into_iter()
                .map(|(label, Outcome(mode, reason))| (Arc::from(label), (mode, reason)))
                .collect(),
        ),
    }
}

impl WrittenRequest {
    /// This request, filled up with what the file gives.
    fn over(self, given: WrittenRequest) -> WrittenRequest {
        WrittenRequest {
            application: self.application.or(given.application),
            officer: self.officer.or(given.officer),
            method: self.method.or(given.method),
            bound: self.bound.or(given.bound),
            purpose: self.purpose.or(given.purpose),
            legal_basis: self.legal_basis.or(given.legal_basis),
            matter: self.matter.or(given.matter),
            break_glass: self.break_glass.or(given.break_glass),
            dataset: self.dataset.or(given.dataset),
            interface: self.interface.or(given.interface),
            subject: self.subject.or(given.subject),
            grant: self.grant.or(given.grant),
            address: self.address.or(given.address),
            known: self.known.or(given.known),
            hour: self.hour.or(given.hour),
            workday: self.workday.or(given.workday),
            risk: self.risk.or(given.risk),
            tier: self.tier.or(given.tier),
            step_up: self.step_up.or(given.step_up),
            records: self.records.or(given.records),
            uses: self.uses.or(given.uses),
        }
    }

    fn without(mut self, absent: &BTreeSet<Absent>) -> WrittenRequest {
        for absent in absent {
            match absent {
                Absent::Officer => self.officer = None,
                Absent::Purpose => self.purpose = None,
                Absent::LegalBasis => self.legal_basis = None,
                Absent::Matter => self.matter = None,
                Absent::Subject => self.subject = None,
                Absent::Grant => self.grant = None,
            }
        }
        self
    }

    fn principal(&self, application: &Arc<Application>) -> Principal {
        let method = self.method.unwrap_or(AuthMethod::Certificate);
        let Some(written) = &self.officer else {
            let mut principal = Principal::application(application.clone(), method);
            principal.statement = self.statement("");
            return principal;
        };
        let officer = Officer {
            id: written.id.as_str().into(),
            department: written.department.as_deref().map_or(application.department.clone(), Arc::from),
            post: written.post.as_str().into(),
            region: written.region.as_deref().map(Arc::from),
        };
        let statement = self.statement(&written.id);
        Principal::officer(
            application.clone(),
            officer.into(),
            statement,
            method,
            self.bound.unwrap_or(false),
        )
    }

    fn statement(&self, officer: &str) -> Statement {
        Statement {
            purpose: self.purpose.as_deref().map(Arc::from),
            legal_basis: self.legal_basis,
            matter: self.matter.as_ref().map(|matter| Arc::new(matter.meaning(officer))),
            consent: None,
            represented: None,
            break_glass: self.break_glass.unwrap_or(false).then(|| "a case".into()),
            stepped_up_at: None,
        }
    }

    fn facts(&self) -> Facts {
        let matter = self.matter.as_ref();
        let plain = Facts::default();
        Facts {
            interface: self.interface.unwrap_or(plain.interface),
            subject: self.subject.as_ref().map(|subject| SubjectFacts {
                subject_type: subject.subject_type,
                age_band: subject.age.unwrap_or(AgeBand::Unknown),
                protected: subject.protected,
            }),
            subject_in_matter: matter.is_some_and(|matter| matter.subject),
            officer_assigned: self.officer.is_some() && matter.is_some_and(|matter| matter.assigned),
            grant: self.grant.as_ref().map(|grant| GrantFacts {
                valid: grant.valid,
                quota_left: grant.quota_left.unwrap_or(i64::MAX),
            }),
            network: NetworkFacts {
                address: self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                known: self.known.unwrap_or(true),
            },
            clock: ClockFacts { hour: self.hour.unwrap_or(10), workday: self.workday.unwrap_or(true) },
            risk: self.risk.unwrap_or(0),
            tier: self.tier.unwrap_or(RiskTier::Normal),
            step_up_fresh: self.step_up.unwrap_or(false),
            records_requested: self.records.unwrap_or(1),
        }
    }
}

impl WrittenMatter {
    fn meaning(&self, officer: &str) -> Matter {
        let guardian = self.guardian.then(|| MatterSubject {
            subject_type: SubjectType::Natural,
            id: "guardian".into(),
            relation: "guardian".into(),
        });
        Matter {
            id: "case".into(),
            matter_type: self.matter_type.as_str().into(),
            open: self.open,
            subjects: guardian.into_iter().collect(),
            officers: if self.assigned { vec![officer.into()] } else { Vec::new() },
        }
    }
}
