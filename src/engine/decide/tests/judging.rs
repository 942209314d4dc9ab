//! Judging: errors refuse, reasons have their order, the memo forgets what it must.

use super::demo;
use crate::engine::dataset::Dataset;
use crate::engine::decide::{AccessDecision, Memo, Policies, Question};
use crate::engine::disclose::Disclosure;
use crate::engine::facts::Facts;
use crate::engine::principal::{Application, Officer, Principal, Statement};
use crate::engine::reason::Reason;
use crate::engine::terms::{AuthMethod, DisclosureMode, Interface, RiskTier};
use std::sync::Arc;

fn officer(department: &str, purpose: &str) -> Principal {
    let application = Application::new("app", department).into();
    let officer =
        Officer { id: "S-1".into(), department: department.into(), post: "clerk".into(), region: None };
    let statement = Statement { purpose: Some(purpose.into()), ..Statement::default() };
    Principal::officer(application, officer.into(), statement, AuthMethod::Certificate, false)
}

/// Reasons, determining forbids and errors; `None` when allowed.
fn denial(
    policies: &Policies,
    principal: &Principal,
    dataset: &Dataset,
    facts: &Facts,
) -> Option<(Vec<Reason>, Vec<String>, Vec<String>)> {
    let q = Question { principal, dataset, facts };
    match policies.access(&q, &mut Memo::default()) {
        AccessDecision::Allow(_) => None,
        AccessDecision::Deny(denied) => Some((
            denied.reasons.to_vec(),
            denied.determining.iter().map(ToString::to_string).collect(),
            denied.errors.iter().map(ToString::to_string).collect(),
        )),
    }
}

fn modes(disclosure: &Disclosure) -> Vec<(DisclosureMode, Option<Reason>)> {
    disclosure.labels.iter().map(|label| (label.mode, label.reason)).collect()
}

#[test]
fn what_is_not_shared_stays_with_its_department() {
    let policies = demo::policies();
    let sealed = demo::dataset("sealed-files");
    let stranger = denial(&policies, &officer(demo::TAX, "own-duty"), &sealed, &Facts::default());
    assert_eq!(stranger, Some((vec![Reason::NotShared], vec!["sharing.not-shared".to_owned()], vec![])));
    assert_eq!(denial(&policies, &officer(demo::POLICE, "own-duty"), &sealed, &Facts::default()), None);
}

const PERMIT: &str = "@id(\"p\") permit (principal, action, resource) when { context.tier == 0 };";
/// Overflows, which Cedar reports as an error and then skips the policy.
const OVERFLOW: &str = "when { context.recordsRequested * 9223372036854775807 > 0 }";

/// What is remembered says so, too.
#[test]
fn an_allowed_request_names_the_approvals_that_its_permits_carry_out() {
    let another = PERMIT.replace("\"p\"", "\"q\"").replace("== 0", "== 1");
    let policies = demo::build(&format!("@grant(\"GX-1\") {PERMIT}\n@grant(\"GX-2\") {another}")).unwrap();
    let (principal, dataset, mut memo) =
        (officer(demo::TAX, "own-duty"), demo::dataset("tax-registration"), Memo::default());
    for (tier, grant) in [(RiskTier::Normal, "GX-1"), (RiskTier::Watch, "GX-2")].repeat(2) {
        let facts = Facts { tier, ..Facts::default() };
        let q = Question { principal: &principal, dataset: &dataset, facts: &facts };
        let AccessDecision::Allow(allowed) = policies.access(&q, &mut memo) else { panic!("denied") };
        assert_eq!(**allowed.grants(), [grant.into()], "{tier:?}");
    }
}

/// An error denies, in a forbid as in a permit, and names the policy.
#[test]
fn an_evaluation_error_denies() {
    let facts = Facts { records_requested: 2, ..Facts::default() };
    let principal = officer(demo::TAX, "own-duty");
    let dataset = demo::dataset("enterprise");
    let forbid = "@id(\"broken\") @reason(\"E-LEVEL\") @cite(\"x\") forbid (principal, action in Gov::Action::\"access\", resource)";
    let permit = "@id(\"broken\") permit (principal, action in Gov::Action::\"access\", resource)";
    for effect in [forbid, permit] {
        let policies = demo::build(&format!("{PERMIT}\n{effect} {OVERFLOW};")).unwrap();
        let denied = denial(&policies, &principal, &dataset, &facts);
        assert_eq!(denied, Some((vec![Reason::PolicyError], vec![], vec!["broken".to_owned()])), "{effect}");
        let sound = Facts { records_requested: 1, ..facts };
        let denied = denial(&policies, &principal, &dataset, &sound);
        assert_eq!(denied.is_none(), effect == permit, "without overflow the forbid holds: {denied:?}");
    }
}

/// A policy whose scope cannot hold does not err either.
#[test]
fn an_error_elsewhere_does_not_matter() {
    let facts = Facts { records_requested: 2, ..Facts::default() };
    let elsewhere = "@id(\"broken\") permit (principal, action, resource in Gov::Dataset::\"vehicle\")";
    let policies = demo::build(&format!("{PERMIT}\n{elsewhere} {OVERFLOW};")).unwrap();
    let principal = officer(demo::TAX, "own-duty");
    assert_eq!(denial(&policies, &principal, &demo::dataset("enterprise"), &facts), None);
    assert!(denial(&policies, &principal, &demo::dataset("vehicle"), &facts).is_some());
}

#[test]
fn an_error_withholds_its_label_only() {
    let facts = Facts { records_requested: 2, ..Facts::default() };
    let broken = "@id(\"broken\") permit (principal, action == Gov::Action::\"discloseClear\", resource in Gov::Label::\"name\")";
    let policies = demo::build(&format!("{PERMIT}\n{broken} {OVERFLOW};")).unwrap();
    let (principal, dataset) = (officer(demo::TAX, "own-duty"), demo::dataset("sealed-files"));
    let q = Question { principal: &principal, dataset: &dataset, facts: &facts };
    let disclosure = policies.disclose(&q, &mut Memo::default());
    let clear = (DisclosureMode::Clear, None);
    assert_eq!(modes(&disclosure), [clear, (DisclosureMode::None, Some(Reason::PolicyError))]);
    assert_eq!(*disclosure.errors, ["broken".into()]);
}

#[test]
fn a_denied_request_discloses_nothing() {
    let policies = demo::policies();
    let dataset = demo::dataset("sealed-files");
    let principal = officer(demo::TAX, "own-duty");
    let q = Question { principal: &principal, dataset: &dataset, facts: &Facts::default() };
    let judgement = policies.judge(&q, &mut Memo::default());
    assert!(judgement.disclosure.is_none());
    let disclosure = policies.disclose(&q, &mut Memo::default());
    assert_eq!(modes(&disclosure), [(DisclosureMode::None, Some(Reason::NotShared)); 2]);
}

#[test]
fn outcomes_name_the_policies_behind_them() {
    let policies = demo::policies();
    let dataset = demo::dataset("sealed-files");
    let principal = officer(demo::POLICE, "own-duty");
    let q = Question { principal: &principal, dataset: &dataset, facts: &Facts::default() };
    let judgement = policies.judge(&q, &mut Memo::default());
    let AccessDecision::Allow(allowed) = judgement.access else { panic!("{judgement:?}") };
    assert_eq!(**allowed.determining(), ["own-department.access".into()]);
    let disclosure = judgement.disclosure.unwrap();
    let number = &disclosure.labels[dataset.label_index("id-number").unwrap()];
    assert_eq!(number.mode, DisclosureMode::Partial);
    assert_eq!(*number.determining, ["own-department.labels".into()]);
    assert_eq!(*number.withheld_by, ["minimisation.id-number".into()]);
    let note = policies.note("minimisation.id-number").unwrap();
    assert_eq!((&*note.file, note.reason), ("minimisation.cedar", Some(Reason::FieldNotNeeded)));
    assert!(policies.note("nobody").is_none());
}

/// The same question again is answered from memory; another matter, officer or application too,
/// because no shipped policy reads who they are.
#[test]
fn the_memo_remembers_what_policies_do_not_tell_apart() {
    let policies = demo::policies();
    let dataset = demo::dataset("vehicle");
    let mut memo = Memo::default();
    let mut ask = |id: &str, facts: &Facts| {
        let mut principal = officer(demo::POLICE, "own-duty");
        let colleague = Officer { id: id.into(), ..(**principal.officer.as_ref().unwrap()).clone() };
        principal.officer = Some(colleague.into());
        policies.judge(&Question { principal: &principal, dataset: &dataset, facts }, &mut memo);
        memo.counts()
    };
    let plain = Facts::default();
    assert_eq!(ask("S-1", &plain), (0, 1));
    assert_eq!(ask("S-1", &plain), (1, 1));
    assert_eq!(ask("S-2", &Facts { risk: 77, records_requested: 9, ..plain }), (2, 1));
    assert_eq!(ask("S-1", &Facts { tier: RiskTier::Watch, ..plain }), (2, 2));
    assert_eq!(ask("S-1", &Facts { interface: Interface::Verify, ..plain }), (2, 3));
}

#[test]
fn the_memo_forgets_with_the_set_and_with_the_dataset() {
    let (open, shut) = (demo::build(PERMIT).unwrap(), demo::policies());
    let principal = officer(demo::TAX, "own-duty");
    let mut memo = Memo::default();
    let mut allowed = |policies: &Policies, dataset: &Dataset| {
        let q = Question { principal: &principal, dataset, facts: &Facts::default() };
        matches!(policies.access(&q, &mut memo), AccessDecision::Allow(_))
    };
    let sealed = demo::dataset("sealed-files");
    assert!(allowed(&open, &sealed));
    assert!(!allowed(&shut, &sealed));
    assert!(allowed(&open, &sealed));
    // The same name, another department: the tax officer is at home now.
    let mut moved = plain_copy(&sealed);
    moved.department = demo::TAX.into();
    assert!(!allowed(&shut, &sealed));
    assert!(allowed(&shut, &moved));
    assert!(!allowed(&shut, &sealed));
}

fn plain_copy(dataset: &Dataset) -> Dataset {
    Dataset {
        id: dataset.id.clone(),
        code: dataset.code.clone(),
        title: dataset.title.clone(),
        department: dataset.department.clone(),
        sharing: dataset.sharing,
        condition: None,
        basis: None,
        level: dataset.level,
        grade: dataset.grade,
        personal: dataset.personal,
        labels: dataset.labels.clone(),
        fields: Arc::default(),
        watch: [].into(),
    }
}
