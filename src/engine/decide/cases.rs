//! Cases: a request, and what it must come to.
//!
//! Security teams write them beside the policies (`policies/cases/*.yaml`, read by the catalogue
//! room); a folder whose cases fail is not served. This part is pure: it judges and compares.
//!
//! ```
//! use zhamen::engine::decide::cases::{Want, describe};
//! use zhamen::engine::reason::Reason;
//! let want = Want::Deny(vec![Reason::PurposeMissing]);
//! assert_eq!(describe(&want), "DENY E-PURPOSE-MISSING");
//! ```

use super::{AccessDecision, Judgement, Memo, Policies, Question};
use crate::engine::dataset::Dataset;
use crate::engine::facts::Facts;
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;
use crate::engine::uses::{Use, UseAs};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub principal: Principal,
    /// Name of the dataset asked for.
    pub dataset: Arc<str>,
    pub facts: Facts,
    /// The uses of fields, by label.
    pub uses: Vec<(Arc<str>, UseAs)>,
    pub want: Want,
}

/// What a case must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// Denied for exactly these reasons, by precedence.
    Deny(Vec<Reason>),
    /// Allowed, with the mode and reason of every label of the dataset.
    Allow(BTreeMap<Arc<str>, (DisclosureMode, Option<Reason>)>),
}

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Outcome<'c> {
    pub case: &'c Case,
    /// What differs from what was wanted, one line each; empty when the case holds.
    pub differences: Vec<String>,
    /// The policies that determined access or a label.
    pub touched: BTreeSet<Arc<str>>,
}

/// Judges every case.
pub fn run<'c>(policies: &Policies, datasets: &[Arc<Dataset>], cases: &'c [Case]) -> Vec<Outcome<'c>> {
    let mut memo = Memo::default();
    cases.iter().map(|case| judge(policies, datasets, case, &mut memo)).collect()
}

/// The policies no case touches, ascending.
pub fn untouched(policies: &Policies, outcomes: &[Outcome<'_>]) -> Vec<Arc<str>> {
    let touched: BTreeSet<&Arc<str>> = outcomes.iter().flat_map(|outcome| &outcome.touched).collect();
    policies.notes().map(|note| &note.id).filter(|id| !touched.contains(id)).cloned().collect()
}

fn judge<'c>(policies: &Policies, datasets: &[Arc<Dataset>], case: &'c Case, memo: &mut Memo) -> Outcome<'c> {
    let Some(dataset) = datasets.iter().find(|dataset| dataset.id == case.dataset) else {
        let differences = vec![format!("there is no dataset `{}`", case.dataset)];
        return Outcome { case, differences, touched: BTreeSet::new() };
    };
    let q = Question { principal: &case.principal, dataset, facts: &case.facts };
    let uses = match uses(dataset, &case.uses) {
        Ok(uses) => uses,
        Err(label) => {
            let differences = vec![format!("no field of the dataset carries the label `{label}`")];
            return Outcome { case, differences, touched: BTreeSet::new() };
        }
    };
    let judgement = policies.judge_using(&q, &uses, memo);
    let got = observed(dataset, &judgement);
    Outcome { case, differences: compare(&case.want, &got), touched: touched(&judgement) }
}

/// The uses by the dataset's labels, ascending, each once; or the first label that it has not.
fn uses(dataset: &Dataset, named: &[(Arc<str>, UseAs)]) -> Result<Vec<Use>, Arc<str>> {
    let index = |(label, how): &(Arc<str>, UseAs)| match dataset.label_index(label) {
        Some(index) => Ok(Use { label: index, how: *how }),
        None => Err(label.clone()),
    };
    let uses: BTreeSet<Use> = named.iter().map(index).collect::<Result<_, _>>()?;
    Ok(uses.into_iter().collect())
}

/// A judgement in the form of a wish.
fn observed(dataset: &Dataset, judgement: &Judgement) -> Want {
    match (&judgement.access, &judgement.disclosure) {
        (AccessDecision::Deny(denied), _) => Want::Deny(denied.reasons.to_vec()),
        (AccessDecision::Allow(_), None) => Want::Allow(BTreeMap::new()),
        (AccessDecision::Allow(_), Some(disclosure)) => {
            let labels = dataset.labels.iter().map(|label| label.id.clone());
            let outcomes = disclosure.labels.iter().map(|outcome| (outcome.mode, outcome.reason));
            Want::Allow(labels.zip(outcomes).collect())
        }
    }
}

fn compare(want: &Want, got: &Want) -> Vec<String> {
    let (Want::Allow(wanted), Want::Allow(seen)) = (want, got) else {
        return match want == got {
            true => Vec::new(),
            false => vec![format!("wanted {}, got {}", describe(want), describe(got))],
        };
    };
    let labels: BTreeSet<&Arc<str>> = wanted.keys().chain(seen.keys()).collect();
    let differing = labels.into_iter().filter(|label| wanted.get(*label) != seen.get(*label));
    let shown = |outcome: Option<&_>| outcome.map_or("nothing said".to_owned(), mode);
    differing
        .map(|label| format!("{label}: wanted {}, got {}", shown(wanted.get(label)), shown(seen.get(label))))
        .collect()
}

fn touched(judgement: &Judgement) -> BTreeSet<Arc<str>> {
    let mut touched: BTreeSet<Arc<str>> = match &judgement.access {
        AccessDecision::Allow(allowed) => allowed.determining().iter().cloned().collect(),
        AccessDecision::Deny(denied) => {
            denied.determining.iter().chain(denied.errors.iter()).cloned().collect()
        }
    };
    for outcome in judgement.disclosure.iter().flat_map(|disclosure| &disclosure.labels) {
        touched.extend(outcome.determining.iter().chain(outcome.withheld_by.iter()).cloned());
    }
    touched
}

/// One line: `DENY` with its reasons, or `ALLOW` with its labels.
pub fn describe(want: &Want) -> String {
    let (word, rest): (_, Vec<String>) = match want {
        Want::Deny(reasons) => ("DENY", reasons.iter().map(ToString::to_string).collect()),
        Want::Allow(labels) => {
            ("ALLOW", labels.iter().map(|(label, outcome)| format!("{label}={}", mode(outcome))).collect())
        }
    };
    format!("{word} {}", rest.join(" "))
}

fn mode((mode, reason): &(DisclosureMode, Option<Reason>)) -> String {
    match reason {
        Some(reason) => format!("{mode} {reason}"),
        None => mode.to_string(),
    }
}
