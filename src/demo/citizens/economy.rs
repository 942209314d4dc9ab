//! Enterprises, work, income, dwellings, vehicles and health.

use super::super::model::{Date, DeedTax, Enterprise, Health, Household, Person, Property, Vehicle};
use super::super::random::Random;
use super::super::{numbers, words};
use super::cast;
use super::families::address;
use std::collections::HashSet;

/// So many enterprises, the scenarios' first, each represented by an adult who exists.
pub fn found(random: &mut Random, people: &[Person], count: usize) -> Vec<Enterprise> {
    let mut firms: Vec<Enterprise> = cast::FIRMS.iter().filter_map(|firm| as_written(firm, people)).collect();
    let mut taken: HashSet<String> = firms.iter().map(|firm| firm.uscc.clone()).collect();
    let adults: Vec<usize> =
        (cast::people()..people.len()).filter(|at| (25..=65).contains(&people[*at].age())).collect();
    while firms.len() < count {
        let representative = random.pick(&adults);
        let firm = firm(random, representative, &people[representative].name);
        firms.extend(firm.filter(|firm| taken.insert(firm.uscc.clone())));
    }
    firms
}

fn as_written(firm: &cast::Firm, people: &[Person]) -> Option<Enterprise> {
    Some(Enterprise {
        uscc: firm.uscc.to_owned(),
        name: firm.name.to_owned(),
        representative: people.iter().position(|person| person.id == firm.representative)?,
        registered_capital: firm.capital,
        address: firm.address.to_owned(),
        district: firm.district,
        status: "存续",
        industry: firm.industry,
        established_on: firm.established_on,
        employees: 0,
        taxpayer_type: firm.taxpayer_type,
    })
}

fn firm(random: &mut Random, representative: usize, owner: &str) -> Option<Enterprise> {
    let district = random.pick(words::DISTRICTS);
    let sole_trader = random.chance(15);
    let organisation = format!("MA{}{:05}", random.pick(&["27", "28", "2A", "2B"]), random.below(100_000));
    let organisation = organisation.get(..8)?;
    let (kind, region) = if sole_trader { ("92", district.code) } else { ("91", "330100") };
    let (industry, word) = random.pick(if sole_trader { words::SHOPS } else { words::TRADES });
    let name = if sole_trader {
        format!("杭州市{}{owner}{word}", district.name)
    } else {
        format!("杭州{}{}{word}有限公司", random.pick(words::BRAND_FIRST), random.pick(words::BRAND_SECOND))
    };
    Some(Enterprise {
        uscc: numbers::uscc(kind, region, organisation)?,
        name,
        representative,
        registered_capital: u64::from(random.below(200) + 1) * if sole_trader { 1_000 } else { 100_000 },
        address: address(random, &district),
        district: district.code,
        status: if random.chance(93) { "存续" } else { "注销" },
        industry,
        established_on: Date::new(
            random.between(2003, 2024),
            random.between(1, 12) as u8,
            random.between(1, 28) as u8,
        ),
        employees: 0,
        taxpayer_type: if random.chance(60) && !sole_trader {
            "一般纳税人"
        } else {
            "小规模纳税人"
        },
    })
}

/// Gives everyone but the cast work, income, things and a medical history.
pub fn provide(
    random: &mut Random,
    people: &mut [Person],
    households: &mut [Household],
    firms: &[Enterprise],
) {
    let employers: Vec<usize> = firms
        .iter()
        .enumerate()
        .filter(|(_, firm)| !firm.is_sole_trader() && firm.status == "存续" && firm.uscc != cast::LEGACY_CODE)
        .map(|(position, _)| position)
        .collect();
    let contacts: Vec<Option<usize>> = (0..people.len()).map(|position| contact(people, position)).collect();
    for (person, contact) in people.iter_mut().zip(contacts).skip(cast::people()) {
        let home = &households[person.household];
        let (address, district) = (home.address.clone(), home.district);
        work(random, person, &employers);
        things(random, person, &address, district);
        person.health = random.chance(65).then(|| health(random, person.age(), contact));
    }
    for household in households.iter_mut().skip(cast::FAMILIES.len()) {
        household.allowance = allowance(people, household);
    }
}

/// The spouse, else an adult child's or one's own parent, else nobody.
fn contact(people: &[Person], position: usize) -> Option<usize> {
    let person = &people[position];
    person.spouse.or_else(|| person.parents.first().copied())
}

fn work(random: &mut Random, person: &mut Person, employers: &[usize]) {
    let age = person.age();
    match age {
        ..22 => {}
        22..60 if random.chance(84) => {
            person.employer = Some(random.pick(employers));
            // A long tail: most earn little above the minimum, few much.
            let spread = random.below(100) * random.below(100);
            person.annual_income = 42_000 + spread * 55 + random.below(9_000);
            person.contribution_months = random.between(1, (age - 21) * 12) as u32;
        }
        22..60 => person.annual_income = random.below(20_000),
        _ => {
            person.annual_income = 26_000 + random.below(60_000);
            person.contribution_months = random.between(180, 420) as u32;
        }
    }
}

fn things(random: &mut Random, person: &mut Person, address: &str, district: &'static str) {
    let age = person.age();
    if age >= 26 && random.chance(45) {
        person.property = Some(Property {
            unit_number: numbers::real_estate_unit(district, random),
            address: address.to_owned(),
            region: district,
            area_centi: 3_500 + random.below(14_000),
            usage: if random.chance(94) { "住宅" } else { "商业服务" },
            mortgaged: random.chance(45),
        });
        person.deed_tax = random.chance(90).then(|| DeedTax {
            receipt_number: format!("3330{:014}", random.below(u32::MAX)),
            amount: 9_000 + random.below(90_000),
        });
    }
    if age >= 20 && random.chance(38) {
        person.vehicle = Some(Vehicle {
            plate: numbers::plate(random),
            vin: numbers::vin(random),
            registered_on: Date::new(
                random.between((2025 - age + 18).max(2009), 2025),
                random.between(1, 12) as u8,
                random.between(1, 28) as u8,
            ),
        });
    }
}

fn health(random: &mut Random, age: i32, contact: Option<usize>) -> Health {
    let blood_type = random.pick(&["A型Rh阳性", "B型Rh阳性", "O型Rh阳性", "AB型Rh阳性", "O型Rh阴性"]);
    let allergies = if random.chance(30) { vec![random.pick(words::ALLERGIES)] } else { Vec::new() };
    let diagnoses = if random.chance((age.clamp(10, 90)) as u32) {
        vec![random.pick(words::DIAGNOSES)]
    } else {
        Vec::new()
    };
    let visit = format!(
        "2025-{:02}-{:02} {}",
        random.between(1, 12),
        random.between(1, 28),
        random.pick(words::HOSPITALS)
    );
    let infectious = random.chance(2).then(|| random.pick(words::INFECTIOUS));
    Health { blood_type, allergies, diagnoses, visits: vec![visit], infectious, contact }
}

/// Households whose income a head stays below the line, and that own no vehicle, receive allowance.
fn allowance(people: &[Person], household: &Household) -> Option<u32> {
    let members = || household.members.iter().filter_map(|position| people.get(*position));
    let income: u32 = members().map(|person| person.annual_income).sum();
    let line = 1_199 * 12 * members().count() as u32;
    (income < line && members().all(|person| person.vehicle.is_none())).then_some(1_199)
}

/// Counts employees and notes holdings, once all employers are known.
pub fn count(people: &mut [Person], firms: &mut [Enterprise]) {
    for person in people.iter() {
        if let Some(firm) = person.employer.and_then(|position| firms.get_mut(position)) {
            firm.employees += 1;
        }
    }
    for (position, firm) in firms.iter().enumerate() {
        if let Some(owner) = people.get_mut(firm.representative) {
            owner.holdings.push(position);
        }
    }
}
