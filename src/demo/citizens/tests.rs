use super::super::model::{Relation, Sex, TODAY};
use super::*;
use crate::engine::identifier::{organisation_check_char, resident_check_digit, uscc_check_char};
use std::collections::HashSet;
use std::time::Instant;

#[test]
fn the_city_is_large_and_always_the_same() {
    let (one, two) = (City::generate(), City::generate());
    assert!((3_000..3_100).contains(&one.people.len()), "{}", one.people.len());
    assert_eq!(one.enterprises.len(), 400);
    let ids = |city: &City| city.people.iter().map(|person| person.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&two));
    assert_eq!(ids(&one).into_iter().collect::<HashSet<_>>().len(), one.people.len());
}

#[test]
fn it_is_built_quickly() {
    let best = (0..3).map(|_| {
        let start = Instant::now();
        City::generate();
        start.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best.as_millis() < 300, "{best:?}");
}

#[test]
fn every_number_of_a_person_verifies_and_says_the_same_as_the_register() {
    let city = City::generate();
    for person in &city.people {
        assert_eq!(resident_check_digit(&person.id[..17]), person.id.chars().last(), "{}", person.id);
        assert_eq!(person.id[6..14], person.birth.compact());
        let odd = person.id.as_bytes()[16] % 2 == 1;
        assert_eq!(odd, person.sex == Sex::Male, "{}", person.id);
        assert!(person.birth <= TODAY);
    }
}

#[test]
fn every_code_of_an_enterprise_verifies_but_the_legacy_one() {
    let city = City::generate();
    for firm in &city.enterprises {
        let verifies = uscc_check_char(&firm.uscc[..17]) == firm.uscc.chars().last();
        assert_eq!(verifies, firm.uscc != cast::LEGACY_CODE, "{}", firm.uscc);
        assert_eq!(organisation_check_char(&firm.uscc[8..16]), firm.uscc.chars().nth(16), "{}", firm.uscc);
    }
}

#[test]
fn spouses_are_mutual_of_age_and_one_household() {
    let city = City::generate();
    let mut couples = 0;
    for (position, person) in city.people.iter().enumerate() {
        let Some(spouse) = person.spouse else { continue };
        couples += 1;
        let spouse = &city.people[spouse];
        assert_eq!(spouse.spouse, Some(position));
        assert_eq!(spouse.household, person.household);
        assert_ne!(spouse.sex, person.sex);
        assert_eq!(spouse.civil_status_since, person.civil_status_since);
        let since = person.civil_status_since.unwrap();
        assert!(since.year - person.birth.year >= 20, "{} married as a child", person.id);
        assert!(!person.divorced);
    }
    assert!(couples > 1_000);
}

#[test]
fn children_are_born_to_grown_parents_of_their_household() {
    let city = City::generate();
    let mut children = 0;
    for person in &city.people {
        for parent in &person.parents {
            let parent = &city.people[*parent];
            let gap = person.birth.year - parent.birth.year;
            assert!((18..=60).contains(&gap), "{} and {}", person.id, parent.id);
            assert_eq!(parent.household, person.household);
        }
        if person.relation == Relation::Child {
            children += 1;
            assert!(!person.parents.is_empty());
            let married = person.parents.first().and_then(|parent| city.people[*parent].civil_status_since);
            assert!(married.is_some());
        }
    }
    assert!(children > 500);
}

#[test]
fn households_list_their_members_head_first() {
    let city = City::generate();
    let mut listed = 0;
    for (position, household) in city.households.iter().enumerate() {
        listed += household.members.len();
        for (at, member) in household.members.iter().enumerate() {
            let member = &city.people[*member];
            assert_eq!(member.household, position);
            assert_eq!(at == 0, member.relation == Relation::Head);
        }
    }
    assert_eq!(listed, city.people.len());
}

#[test]
fn employers_and_representatives_exist_and_are_counted() {
    let city = City::generate();
    let mut employees = vec![0; city.enterprises.len()];
    for person in &city.people {
        if let Some(employer) = person.employer {
            employees[employer] += 1;
            assert!(person.annual_income > 0 && person.contribution_months > 0);
        }
        for holding in &person.holdings {
            let representative = city.enterprises[*holding].representative;
            assert_eq!(city.people[representative].id, person.id);
        }
    }
    for (firm, counted) in city.enterprises.iter().zip(employees) {
        assert_eq!(firm.employees, counted);
        let representative = &city.people[firm.representative];
        assert!(representative.age() >= 18);
        let named_after_owner = firm.name.contains(&representative.name);
        assert!(
            firm.uscc == cast::SOLE_TRADER || firm.is_sole_trader() == named_after_owner,
            "{}",
            firm.name
        );
    }
}

#[test]
fn names_of_every_kind_occur() {
    let city = City::generate();
    let any = |test: &dyn Fn(&str) -> bool| city.people.iter().any(|person| test(&person.name));
    assert!(any(&|name| name.contains('·')));
    assert!(any(&|name| name.chars().any(|character| u32::from(character) > 0xFFFF)));
    assert!(any(&|name| name.starts_with("欧阳")));
}

#[test]
fn the_cast_has_the_facts_of_the_scenarios() {
    let city = City::generate();
    let person = |id: &str| city.person(id).unwrap();
    let applicant = person(cast::APPLICANT);
    assert_eq!(city.people[applicant.spouse.unwrap()].id, cast::APPLICANT_SPOUSE);
    assert_eq!(city.household(applicant).unwrap().allowance, Some(1_199));
    assert!(applicant.holdings.is_empty() && applicant.vehicle.is_none() && applicant.employer.is_none());
    assert_eq!((applicant.contribution_months, applicant.income_tax()), (0, 0));
    assert!(applicant.property.as_ref().unwrap().area_centi < 5_000);
    assert!(person(cast::APPLICANT_CHILD).age() < 14);
    assert_ne!(person(cast::COUSIN).household, applicant.household);
    assert!(person(cast::SELLER).deed_tax.is_some() && person(cast::SELLER).property.is_some());
    assert!(person(cast::BUYER).property.is_none());
    for code in [cast::ENTERPRISE, cast::SOLE_TRADER, cast::LEGACY_CODE] {
        assert!(city.enterprise(code).is_some());
    }
    assert!(city.enterprise(cast::SOLE_TRADER).unwrap().is_sole_trader());
}

#[test]
fn income_tax_follows_the_brackets() {
    let city = City::generate();
    let mut person = city.person(cast::SELLER).unwrap().clone();
    for (income, tax) in [(0, 0), (60_000, 0), (96_000, 1_080), (204_000, 11_880), (360_000, 43_080)] {
        person.annual_income = income;
        assert_eq!(person.income_tax(), tax, "{income}");
    }
}
