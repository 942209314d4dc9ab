//! Properties over random questions: the index, the memo and the direction of change.

use super::demo;
use crate::engine::dataset::Dataset;
use crate::engine::decide::{AccessDecision, Judgement, Memo, Policies, Question, Source};
use crate::engine::facts::{ClockFacts, Facts, GrantFacts, NetworkFacts, SubjectFacts};
use crate::engine::principal::{Application, Matter, MatterSubject, Officer, Principal, Statement};
use crate::engine::terms::{
    AgeBand, AuthMethod, DisclosureMode, Interface, LegalBasis, RiskTier, SubjectType,
};
use crate::engine::uses::UseAs;
use cedar_policy::{Effect, PolicySet};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

pub(super) fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(move |place| all[place])
}

const PURPOSES: &[&str] = &[
    "social-assistance",
    "real-estate-registration",
    "business-registration",
    "emergency-treatment",
    "tax-deduction-check",
    "law-enforcement",
    "statistics",
    "identity-verification",
    "own-duty",
    "nobody-registered-this",
    "nor-this",
];

fn matters() -> impl Strategy<Value = Matter> {
    (one_of(&demo::MATTER_TYPES), prop::bool::weighted(0.9), any::<bool>(), 0..3u8).prop_map(
        |(matter_type, open, guardian, id)| Matter {
            id: format!("M{id}").into(),
            matter_type: matter_type.into(),
            open,
            subjects: guardian
                .then(|| MatterSubject {
                    subject_type: SubjectType::Natural,
                    id: "x".into(),
                    relation: "guardian".into(),
                })
                .into_iter()
                .collect(),
            officers: Vec::new(),
        },
    )
}

fn statements() -> impl Strategy<Value = Statement> {
    let purpose = prop::option::weighted(0.9, one_of(PURPOSES));
    let basis = prop::option::of(one_of(LegalBasis::ALL));
    let matter = prop::option::weighted(0.8, matters());
    (purpose, basis, matter, prop::bool::weighted(0.2)).prop_map(|(purpose, legal_basis, matter, broken)| {
        Statement {
            purpose: purpose.map(Arc::from),
            legal_basis,
            matter: matter.map(Arc::new),
            consent: None,
            represented: None,
            break_glass: broken.then(|| "life in danger".into()),
            stepped_up_at: None,
        }
    })
}

fn principals() -> impl Strategy<Value = Principal> {
    let officer = prop::option::weighted(0.8, (0..3u8, one_of(&["clerk", "chief"]), any::<bool>()));
    let application = (one_of(&demo::APPLICATIONS), any::<bool>());
    let method = prop_oneof![4 => Just(AuthMethod::Certificate), 1 => Just(AuthMethod::ApiKey)];
    (application, officer, statements(), method, any::<bool>()).prop_map(
        |(((id, department), speaks), officer, statement, method, bound)| {
            let mut application = Application::new(id, department);
            application.speaks_for_others = speaks;
            let Some((number, post, regional)) = officer else {
                let mut principal = Principal::application(application.into(), method);
                principal.statement = statement;
                return principal;
            };
            let officer = Officer {
                id: format!("S-{number}").into(),
                department: department.into(),
                post: post.into(),
                region: regional.then(|| "330106".into()),
            };
            Principal::officer(application.into(), officer.into(), statement, method, bound)
        },
    )
}

fn facts() -> impl Strategy<Value = Facts> {
    let subject = prop::option::weighted(
        0.8,
        (one_of(SubjectType::ALL), one_of(AgeBand::ALL), prop::bool::weighted(0.1)),
    );
    let grant = prop::option::of((any::<bool>(), 0..3i64));
    let interface = prop_oneof![
        5 => Just(Interface::Query),
        2 => Just(Interface::Verify),
        1 => Just(Interface::Batch),
        1 => Just(Interface::File)
    ];
    let tier = prop_oneof![4 => Just(RiskTier::Normal), 3 => one_of(RiskTier::ALL)];
    let ticks = (0..24u8, any::<bool>(), 0..3u16, any::<bool>(), 1..4u32, any::<bool>());
    let matter = (prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    (subject, grant, interface, tier, ticks, matter).prop_map(
        |(subject, grant, interface, tier, (hour, workday, risk, step_up_fresh, records, known), matter)| {
            Facts {
                interface,
                subject: subject.map(|(subject_type, age_band, protected)| SubjectFacts {
                    subject_type,
                    age_band,
                    protected,
                }),
                subject_in_matter: matter.0,
                officer_assigned: matter.1,
                grant: grant.map(|(valid, quota_left)| GrantFacts { valid, quota_left }),
                network: NetworkFacts { known, ..Facts::default().network },
                clock: ClockFacts { hour, workday },
                risk: risk * 400,
                tier,
                step_up_fresh,
                records_requested: records,
            }
        },
    )
}

fn datasets() -> impl Strategy<Value = Arc<Dataset>> {
    let all = demo::datasets();
    (0..all.len()).prop_map(move |place| all[place].clone())
}

pub(super) fn questions() -> impl Strategy<Value = (Principal, Arc<Dataset>, Facts)> {
    (principals(), datasets(), facts())
}

/// Policies that read more than the shipped ones do: identity, records, extension types, numbers.
const CURIOUS: &str = r#"
@id("c1") permit (principal == Gov::Officer::"S-1", action, resource) when { context.risk < 500 };
@id("c2") permit (principal in Gov::Post::"chief", action in Gov::Action::"access", resource)
  when { context.time.hour >= 8 && context.time.workday || [principal].contains(principal) };
@id("c3") permit (principal, action in Gov::Action::"disclose", resource)
  when { context.network.address.isInRange(ip("127.0.0.0/8")) && context.recordsRequested * 2 < 5 };
@id("c4") @reason("E-LEVEL") @cite("x") forbid (principal is Gov::Officer, action, resource)
  when { context has matter && context.matter.id == "M1" && principal has region };
@id("c5") @reason("E-PRIVACY") @cite("x") forbid (principal, action == Gov::Action::"discloseClear", resource)
  when { context.application == Gov::Application::"tax-desk" || context.application.speaksForOthers };
@id("c6") @reason("E-INTERNAL") @cite("x") forbid (principal, action == Gov::Action::"disclosePartial", resource)
  when { context has grant && context.grant == {valid: true, quotaLeft: 1} };
@id("c7") @reason("E-PROCESS") @cite("x") forbid (principal, action, resource)
  when { (if context.risk > 700 then 9223372036854775807 else 1) + context.recordsRequested == 3 };
@id("c8") @reason("E-CASEFILE") @cite("x") forbid (principal in Gov::Department::"11330100MB0000078N", action, resource)
  when { context.authentication.bound && (principal is Gov::Officer in Gov::Officer::"S-2") };
@id("c9") permit (principal, action, resource)
  when { principal in [Gov::Post::"chief", Gov::Post::"clerk"] && context.interface == "FILE" };
@id("c10") permit (principal is Gov::Application, action, resource)
  when { !principal.weak && principal.speaksForOthers && context.authentication.method like "CERT*" };
"#;

static SETS: LazyLock<[Policies; 2]> =
    LazyLock::new(|| [demo::policies(), demo::build(CURIOUS).unwrap_or_else(|faults| panic!("{faults}"))]);

/// A judgement without its proof type, to compare.
fn flat(judgement: Judgement) -> String {
    format!("{judgement:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// The index leaves out nothing that could decide or err.
    #[test]
    fn indexed_and_whole_set_agree(batch in prop::collection::vec(questions(), 8)) {
        for policies in SETS.iter() {
            let core = &policies.core;
            let whole = PolicySet::from_policies(core.rules.iter().map(|rule| rule.policy.clone())).unwrap();
            let mut cache = Default::default();
            for (principal, dataset, facts) in &batch {
                let slice = core.slice(&Question { principal, dataset, facts }).unwrap();
                let access = core.vocabulary.access(facts.interface);
                let indexed = core.ask(&slice, access, &slice.dataset, &mut cache);
                prop_assert_eq!(indexed, core.put(&slice, &slice.context, access, &slice.dataset, &whole));
                for group in &slice.groups {
                    for action in DisclosureMode::ALL.iter().filter_map(|mode| core.disclosing(*mode)) {
                        let indexed = core.ask(&slice, action, group, &mut cache);
                        prop_assert_eq!(indexed, core.put(&slice, &slice.context, action, group, &whole));
                    }
                    let context = slice.context_of_use(UseAs::Sort, DisclosureMode::Clear).unwrap();
                    let indexed = core.ask_in(&slice, &context, core.using(), group, &mut cache);
                    prop_assert_eq!(indexed, core.put(&slice, &context, core.using(), group, &whole));
                }
            }
        }
    }

    /// A remembered judgement is the one a fresh memo gives.
    #[test]
    fn memo_and_fresh_evaluation_agree(batch in prop::collection::vec(questions(), 40)) {
        for policies in SETS.iter() {
            let mut memo = Memo::default();
            for (principal, dataset, facts) in batch.iter().chain(&batch) {
                let q = Question { principal, dataset, facts };
                let remembered = flat(policies.judge(&q, &mut memo));
                prop_assert_eq!(remembered, flat(policies.judge(&q, &mut Memo::default())));
            }
        }
    }

    /// Changing one fact at a time: the key must notice whatever any policy notices.
    #[test]
    fn memo_notices_each_fact(
        (principal, dataset, facts) in questions(),
        (other, _, changed) in questions(),
    ) {
        let variants = variants(&principal, &facts, &other, &changed);
        for policies in SETS.iter() {
            let mut memo = Memo::default();
            for (principal, facts) in &variants {
                let q = Question { principal, dataset: &dataset, facts };
                let remembered = flat(policies.judge(&q, &mut memo));
                prop_assert_eq!(remembered, flat(policies.judge(&q, &mut Memo::default())));
            }
        }
    }

    /// Adding a forbid or removing a permit never reveals more. (Sets whose policies can err are
    /// apart: an error already refuses everything, so mending one may reveal.)
    #[test]
    fn tightening_never_reveals_more(
        batch in prop::collection::vec(questions(), 12),
        added in one_of(FORBIDS),
        removed in any::<prop::sample::Index>(),
    ) {
        let before = &SETS[0];
        let extra = Source { name: "extra.cedar", text: added };
        let files: Vec<Source<'_>> = demo::FILES.iter().copied().chain([extra]).collect();
        let with_forbid = Policies::build(demo::SCHEMA, &files, demo::names()).unwrap();
        let without_permit = without(removed);
        for (principal, dataset, facts) in &batch {
            let q = Question { principal, dataset, facts };
            for after in [&with_forbid, &without_permit] {
                prop_assert!(reveals(after, &q).iter().zip(reveals(before, &q)).all(|(after, before)| *after <= before));
            }
        }
    }
}

/// The question with one part after the other taken from another question.
fn variants(p: &Principal, f: &Facts, other: &Principal, changed: &Facts) -> Vec<(Principal, Facts)> {
    let mut all = vec![(p.clone(), *f)];
    let mut principal = |change: &dyn Fn(&mut Principal)| {
        let mut changed = p.clone();
        change(&mut changed);
        all.push((changed, *f));
    };
    principal(&|p| p.statement.purpose = other.statement.purpose.clone());
    principal(&|p| p.statement.legal_basis = other.statement.legal_basis);
    principal(&|p| p.statement.matter = other.statement.matter.clone());
    principal(&|p| p.statement.break_glass = other.statement.break_glass.clone());
    principal(&|p| p.method = other.method);
    principal(&|p| p.bound = other.bound);
    principal(&|p| p.application = other.application.clone());
    principal(&|p| p.officer = other.officer.clone());
    let mut fact = |change: &dyn Fn(&mut Facts)| {
        let mut copy = *f;
        change(&mut copy);
        all.push((p.clone(), copy));
    };
    fact(&|f| f.interface = changed.interface);
    fact(&|f| f.subject = changed.subject);
    fact(&|f| f.subject_in_matter = changed.subject_in_matter);
    fact(&|f| f.officer_assigned = changed.officer_assigned);
    fact(&|f| f.grant = changed.grant);
    fact(&|f| f.network = changed.network);
    fact(&|f| f.clock = changed.clock);
    fact(&|f| f.risk = changed.risk);
    fact(&|f| f.tier = changed.tier);
    fact(&|f| f.step_up_fresh = changed.step_up_fresh);
    fact(&|f| f.records_requested = changed.records_requested);
    all
}

const FORBIDS: &[&str] = &[
    r#"@id("extra") @reason("E-LEVEL") @cite("x") forbid (principal, action, resource) when { context.stepUpFresh };"#,
    r#"@id("extra") @reason("E-PRIVACY") @cite("x") forbid (principal, action == Gov::Action::"discloseClear", resource in Gov::Label::"name");"#,
    r#"@id("extra") @reason("E-LEVEL") @cite("x") forbid (principal, action in Gov::Action::"access", resource) when { context.time.hour > 12 };"#,
    r#"@id("extra") @reason("E-LEVEL") @cite("x") forbid (principal in Gov::Post::"clerk", action in [Gov::Action::"disclosePartial", Gov::Action::"query"], resource);"#,
];

/// The shipped set without one of its permits.
pub(super) fn without(removed: prop::sample::Index) -> Policies {
    let mut parts: Vec<(Effect, String)> = Vec::new();
    for file in demo::FILES {
        let set: PolicySet = file.text.parse().unwrap();
        parts.extend(set.policies().map(|policy| (policy.effect(), policy.to_string())));
    }
    parts.sort_by(|a, b| a.1.cmp(&b.1));
    let permits: Vec<usize> = (0..parts.len()).filter(|place| parts[*place].0 == Effect::Permit).collect();
    assert!(permits.len() > 20);
    parts.remove(permits[removed.index(permits.len())]);
    let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    demo::build(&parts.join("\n")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// How much of each label a question reveals.
fn reveals(policies: &Policies, q: &Question<'_>) -> Vec<DisclosureMode> {
    let judgement = policies.judge(q, &mut Memo::default());
    match (judgement.access, judgement.disclosure) {
        (AccessDecision::Allow(_), Some(disclosure)) => {
            disclosure.labels.iter().map(|label| label.mode).collect()
        }
        (AccessDecision::Deny(_), _) | (AccessDecision::Allow(_), None) => {
            vec![DisclosureMode::None; q.dataset.labels.len()]
        }
    }
}
