//! Uses of fields: what the shipped policy permits, what refinements can, and that memo and direction
//! hold for them as for all else.

use super::demo;
use super::properties::{one_of, questions, without};
use crate::engine::decide::{AccessDecision, Memo, Policies, Question};
use crate::engine::facts::Facts;
use crate::engine::principal::{Application, Principal};
use crate::engine::reason::Reason;
use crate::engine::terms::{AuthMethod, DisclosureMode, Interface};
use crate::engine::uses::{Use, UseAs};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SHIPPED: LazyLock<Policies> = LazyLock::new(demo::policies);

/// A caller of civil affairs for its own register.
fn keeper() -> Principal {
    let application = Application::new("civil-affairs-window", demo::CIVIL);
    let mut keeper = Principal::application(application.into(), AuthMethod::Certificate);
    keeper.statement.purpose = Some("own-duty".into());
    keeper
}

/// Reasons and refused labels, or the permits that held.
fn judged(policies: &Policies, uses: &[(&str, UseAs)]) -> Result<Vec<String>, (Vec<Reason>, Vec<usize>)> {
    let dataset = demo::dataset("low-income-register");
    let facts = Facts { interface: Interface::Batch, ..Facts::default() };
    let principal = keeper();
    let uses: BTreeSet<Use> = uses
        .iter()
        .map(|(label, how)| Use { label: dataset.label_index(label).unwrap(), how: *how })
        .collect();
    let uses: Vec<Use> = uses.into_iter().collect();
    let q = Question { principal: &principal, dataset: &dataset, facts: &facts };
    match policies.judge_using(&q, &uses, &mut Memo::default()).access {
        AccessDecision::Allow(allowed) => Ok(allowed.determining().iter().map(ToString::to_string).collect()),
        AccessDecision::Deny(denied) => {
            Err((denied.reasons.to_vec(), denied.uses.iter().map(|used| used.label).collect()))
        }
    }
}

const FILTER_INCOME: (&str, UseAs) = ("income", UseAs::Filter);
const SORT_NUMBER: (&str, UseAs) = ("id-number", UseAs::Sort);

#[test]
fn what_is_seen_in_the_clear_may_be_used_and_nothing_else() {
    for how in UseAs::ALL {
        let permits = judged(&SHIPPED, &[("income", *how), ("name", *how)]).unwrap();
        assert_eq!(permits, ["own-department.access", "use.clear"]);
        assert_eq!(judged(&SHIPPED, &[("id-number", *how)]), Err((vec![Reason::FieldUse], vec![0])));
    }
    assert_eq!(judged(&SHIPPED, &[]).unwrap(), ["own-department.access"]);
    let both = judged(&SHIPPED, &[FILTER_INCOME, SORT_NUMBER, ("id-number", UseAs::Filter)]);
    assert_eq!(both, Err((vec![Reason::FieldUse], vec![0, 0])));
}

#[test]
fn policies_refine_uses_by_kind_and_label() {
    let with = |text: &str| {
        let shipped: String = demo::FILES.iter().map(|file| file.text).collect();
        demo::build(&format!("{shipped}\n{text}")).unwrap_or_else(|faults| panic!("{faults}"))
    };
    let permit = with(
        r#"@id("more") permit (principal, action == Gov::Action::"use", resource in Gov::Label::"id-number")
           when { context has use && context.use.as == "sort" && context.use.mode == "PARTIAL" };"#,
    );
    assert!(judged(&permit, &[SORT_NUMBER]).is_ok());
    assert_eq!(judged(&permit, &[("id-number", UseAs::Filter)]), Err((vec![Reason::FieldUse], vec![0])));
    let forbid = with(
        r#"@id("less") @reason("E-SENSITIVE-NO-NECESSITY") @cite("x")
           forbid (principal, action == Gov::Action::"use", resource in Gov::Label::"income");"#,
    );
    let refused = Err((vec![Reason::SensitiveNoNecessity, Reason::FieldUse], vec![3]));
    assert_eq!(judged(&forbid, &[FILTER_INCOME]), refused);
    let errs = with(
        r#"@id("errs") @reason("E-LEVEL") @cite("x")
           forbid (principal, action == Gov::Action::"use", resource) when { context.recordsRequested * 9223372036854775807 > 0 && context.recordsRequested * 9223372036854775807 * 2 > 0 };"#,
    );
    assert_eq!(judged(&errs, &[FILTER_INCOME]), Err((vec![Reason::PolicyError, Reason::FieldUse], vec![3])));
    // Without the shipped permit nothing may be used.
    let none: String =
        demo::FILES.iter().filter(|file| file.name != "use.cedar").map(|file| file.text).collect();
    assert_eq!(
        judged(&demo::build(&none).unwrap(), &[FILTER_INCOME]),
        Err((vec![Reason::FieldUse], vec![3]))
    );
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let one = (0..3usize, one_of(UseAs::ALL)).prop_map(|(label, how)| Use { label, how });
    prop::collection::btree_set(one, 0..3).prop_map(|uses| uses.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A remembered judgement is a fresh one, and what it says of the uses is what the modes say.
    #[test]
    fn memo_modes_and_uses_agree(batch in prop::collection::vec((questions(), uses()), 24)) {
        let mut memo = Memo::default();
        for ((principal, dataset, facts), uses) in batch.iter().chain(&batch) {
            let uses: Vec<Use> = uses.iter().copied().filter(|used| used.label < dataset.labels.len()).collect();
            let q = Question { principal, dataset, facts };
            let remembered = SHIPPED.judge_using(&q, &uses, &mut memo);
            let fresh = SHIPPED.judge_using(&q, &uses, &mut Memo::default());
            prop_assert_eq!(format!("{remembered:?}"), format!("{fresh:?}"));
            let plain = SHIPPED.judge(&q, &mut memo);
            // What is shown may be used; who is answered yes or no may claim.
            let is_open = |used: &Use| plain.disclosure.as_ref().is_some_and(|seen| {
                seen.labels.get(used.label).is_some_and(|label| match label.mode {
                    DisclosureMode::Clear => true,
                    DisclosureMode::Verify => used.how == UseAs::Verify,
                    DisclosureMode::Partial
                    | DisclosureMode::Generalised
                    | DisclosureMode::Token
                    | DisclosureMode::None => false,
                })
            });
            let wanted = matches!(plain.access, AccessDecision::Allow(_)) && uses.iter().all(is_open);
            prop_assert_eq!(matches!(fresh.access, AccessDecision::Allow(_)), wanted);
        }
    }

    /// Removing a permit never permits a use.
    #[test]
    fn fewer_permits_permit_no_more_uses(
        batch in prop::collection::vec((questions(), uses()), 12),
        removed in any::<prop::sample::Index>(),
    ) {
        let fewer = without(removed);
        for ((principal, dataset, facts), uses) in &batch {
            let q = Question { principal, dataset, facts };
            let allows = |policies: &Policies| {
                matches!(policies.judge_using(&q, uses, &mut Memo::default()).access, AccessDecision::Allow(_))
            };
            prop_assert!(!allows(&fewer) || allows(&SHIPPED));
        }
    }
}
