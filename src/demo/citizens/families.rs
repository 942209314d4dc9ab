//! Persons and households: ages, marriages, children and parents that fit together.

use super::super::model::{Date, Household, Person, Relation, Sex, TODAY};
use super::super::random::Random;
use super::super::{numbers, words};
use super::cast;
use std::collections::HashSet;

/// Persons and households until there are `people_min` persons; the scenarios' people come first.
pub fn settle(random: &mut Random, people_min: usize) -> (Vec<Person>, Vec<Household>) {
    let mut families = Families { random, people: Vec::new(), households: Vec::new(), taken: HashSet::new() };
    for family in cast::FAMILIES {
        families.cast(family);
    }
    while families.people.len() < people_min {
        families.household();
    }
    (families.people, families.households)
}

/// How the members of a family are named.
#[derive(Clone, Copy)]
enum Naming {
    Surname(&'static str),
    /// Given name, interpunct, father's given name.
    Patronymic(&'static str),
}

/// What the members of a family have in common.
#[derive(Clone, Copy)]
struct Lineage {
    naming: Naming,
    ethnic_group: &'static str,
    religion: Option<&'static str>,
}

struct Families<'a> {
    random: &'a mut Random,
    people: Vec<Person>,
    households: Vec<Household>,
    taken: HashSet<String>,
}

impl Families<'_> {
    fn household(&mut self) {
        let home = self.home();
        let lineage = self.lineage();
        let shape = self.random.below(100);
        let oldest = if shape < 42 { 82 } else { 58 };
        let sex = if self.random.chance(55) { Sex::Male } else { Sex::Female };
        let age = self.random.between(24, oldest);
        let head = self.person(home, Relation::Head, sex, age, lineage);
        match shape {
            0..22 => {}
            22..42 => {
                self.marry(head);
            }
            42..82 => self.children_of_couple(head, lineage),
            82..92 => {
                self.children_of_couple(head, lineage);
                self.parent(head, lineage);
            }
            _ => self.single_parent(head, lineage),
        }
    }

    /// A new address without members; returns its position.
    fn home(&mut self) -> usize {
        let district = self.random.pick(words::DISTRICTS);
        let address = address(self.random, &district);
        self.households.push(Household {
            members: Vec::new(),
            address,
            district: district.code,
            allowance: None,
        });
        self.households.len() - 1
    }

    fn lineage(&mut self) -> Lineage {
        let surname = Naming::Surname(self.random.pick(words::SURNAMES));
        match self.random.below(100) {
            0..2 => Lineage {
                naming: Naming::Patronymic(self.random.pick(words::UYGHUR_MALE)),
                ethnic_group: "维吾尔族",
                religion: Some("伊斯兰教"),
            },
            2..4 => Lineage { naming: surname, ethnic_group: "回族", religion: Some("伊斯兰教") },
            4..6 => Lineage { naming: surname, ethnic_group: "畲族", religion: None },
            6..12 => Lineage { naming: surname, ethnic_group: "汉族", religion: Some("佛教") },
            _ => Lineage { naming: surname, ethnic_group: "汉族", religion: None },
        }
    }

    fn person(&mut self, home: usize, relation: Relation, sex: Sex, age: i32, lineage: Lineage) -> usize {
        let birth =
            Date::new(TODAY.year - age, self.random.between(1, 12) as u8, self.random.between(1, 28) as u8);
        let id = self.free_id(sex, birth);
        let name = name(self.random, sex, lineage.naming);
        let mobile = numbers::mobile(self.random);
        self.join(
            home,
            Person {
                ethnic_group: lineage.ethnic_group,
                religion: lineage.religion,
                ..blank(id, name, sex, birth, relation, mobile)
            },
        )
    }

    fn join(&mut self, home: usize, person: Person) -> usize {
        let position = self.people.len();
        self.taken.insert(person.id.clone());
        self.people.push(Person { household: home, ..person });
        self.households[home].members.push(position);
        position
    }

    /// A number nobody has yet. A thousand people may share a region and a birthday, so it is found.
    fn free_id(&mut self, sex: Sex, birth: Date) -> String {
        loop {
            let region = self.random.pick(words::REGIONS_OF_ISSUE);
            let sequence = self.random.below(499) * 2 + if sex == Sex::Male { 1 } else { 2 };
            let id = numbers::resident_id(&format!("{region}{}{sequence:03}", birth.compact()));
            if let Some(id) = id.filter(|id| !self.taken.contains(id)) {
                return id;
            }
        }
    }

    /// Gives the head a spouse; returns the wife's age and the age at which she married.
    fn marry(&mut self, head: usize) -> (i32, i32) {
        let (sex, age, home) = (self.people[head].sex, self.people[head].age(), self.people[head].household);
        let lead = self.random.between(-2, 6);
        let (other, spouse_age) = match sex {
            Sex::Male => (Sex::Female, (age - lead).max(22)),
            Sex::Female => (Sex::Male, (age + lead).max(22)),
        };
        let lineage = self.lineage();
        let spouse = self.person(home, Relation::Spouse, other, spouse_age, lineage);
        // Both at least 22 (民法典 1047 asks 22 and 20), and married before this year.
        let years = self.random.between(1, (age.min(spouse_age) - 22).clamp(1, 45));
        let since =
            Date::new(TODAY.year - years, self.random.between(1, 12) as u8, self.random.between(1, 28) as u8);
        self.wed(head, spouse, since);
        let wife = if sex == Sex::Female { age } else { spouse_age };
        (wife, wife - years)
    }

    fn wed(&mut self, one: usize, two: usize, since: Date) {
        for (person, spouse) in [(one, two), (two, one)] {
            self.people[person].spouse = Some(spouse);
            self.people[person].civil_status_since = Some(since);
        }
    }

    fn children_of_couple(&mut self, head: usize, lineage: Lineage) {
        let (wife_age, married_at) = self.marry(head);
        let spouse = self.people[head].spouse;
        let father = if self.people[head].sex == Sex::Male { Some(head) } else { spouse };
        let naming = father.map_or(lineage.naming, |father| naming_after(&self.people[father].name, lineage));
        for _ in 0..self.random.between(1, 2) {
            let born_at = self.random.between(married_at + 1, (married_at + 12).min(42));
            let age = wife_age - born_at;
            if born_at <= 42 && (0..=24).contains(&age) {
                self.child(head, spouse, age, Lineage { naming, ..lineage });
            }
        }
    }

    fn single_parent(&mut self, head: usize, lineage: Lineage) {
        let age = self.people[head].age();
        let child_age = age - self.random.between(24, 38);
        if !(0..=24).contains(&child_age) {
            return;
        }
        self.people[head].divorced = true;
        let since =
            Date::new(TODAY.year - self.random.between(0, child_age), 6, self.random.between(1, 28) as u8);
        self.people[head].civil_status_since = Some(since);
        let naming = naming_after(&self.people[head].name, lineage);
        self.child(head, None, child_age, Lineage { naming, ..lineage });
    }

    fn child(&mut self, head: usize, spouse: Option<usize>, age: i32, lineage: Lineage) {
        let sex = if self.random.chance(52) { Sex::Male } else { Sex::Female };
        let home = self.people[head].household;
        let child = self.person(home, Relation::Child, sex, age, lineage);
        self.people[child].parents = std::iter::once(head).chain(spouse).collect();
    }

    /// A parent of the head lives with the family.
    fn parent(&mut self, head: usize, lineage: Lineage) {
        let (age, home) =
            (self.people[head].age() + self.random.between(23, 34), self.people[head].household);
        if age > 94 {
            return;
        }
        let sex = if self.random.chance(35) { Sex::Male } else { Sex::Female };
        let lineage = if sex == Sex::Male { lineage } else { self.lineage() };
        let parent = self.person(home, Relation::Parent, sex, age, lineage);
        self.people[head].parents.push(parent);
    }

    /// A family of the scenarios, exactly as written.
    fn cast(&mut self, family: &cast::Family) {
        self.households.push(Household {
            members: Vec::new(),
            address: family.address.to_owned(),
            district: family.district,
            allowance: family.allowance,
        });
        let home = self.households.len() - 1;
        let first = self.people.len();
        for member in family.members {
            let mobile = member.mobile.to_owned();
            let (id, name) = (member.id.to_owned(), member.name.to_owned());
            self.join(home, blank(id, name, member.sex(), member.birth, member.relation, mobile));
        }
        if let Some(since) = family.married {
            self.wed(first, first + 1, since);
        }
        for position in first..self.people.len() {
            if self.people[position].relation == Relation::Child {
                self.people[position].parents = vec![first, first + 1];
            }
        }
    }
}

/// A person of whom nothing but the basics is on record.
fn blank(id: String, name: String, sex: Sex, birth: Date, relation: Relation, mobile: String) -> Person {
    Person {
        id,
        name,
        sex,
        birth,
        household: 0,
        relation,
        spouse: None,
        civil_status_since: None,
        divorced: false,
        parents: Vec::new(),
        ethnic_group: "汉族",
        religion: None,
        mobile,
        property: None,
        vehicle: None,
        employer: None,
        annual_income: 0,
        contribution_months: 0,
        deed_tax: None,
        health: None,
        holdings: Vec::new(),
    }
}

fn name(random: &mut Random, sex: Sex, naming: Naming) -> String {
    let (han, uyghur) = match sex {
        Sex::Male => (words::GIVEN_MALE, words::UYGHUR_MALE),
        Sex::Female => (words::GIVEN_FEMALE, words::UYGHUR_FEMALE),
    };
    match naming {
        Naming::Surname(surname) => format!("{surname}{}", random.pick(han)),
        Naming::Patronymic(father) => format!("{}·{father}", random.pick(uyghur)),
    }
}

/// How children of somebody of this name are named.
fn naming_after(name: &str, lineage: Lineage) -> Naming {
    if let Some((given, _)) = name.split_once('·') {
        return words::UYGHUR_MALE
            .iter()
            .find(|known| **known == given)
            .map_or(lineage.naming, |given| Naming::Patronymic(given));
    }
    // The longest surname that fits: 欧阳 before a surname 欧.
    let fitting = words::SURNAMES.iter().filter(|surname| name.starts_with(**surname));
    fitting.max_by_key(|surname| surname.len()).map_or(lineage.naming, |surname| Naming::Surname(surname))
}

/// A street address in this district.
pub fn address(random: &mut Random, district: &words::District) -> String {
    format!(
        "浙江省杭州市{}{}{}号{}幢{}单元{}{:02}室",
        district.name,
        random.pick(district.streets),
        random.between(1, 480),
        random.between(1, 24),
        random.between(1, 4),
        random.between(1, 18),
        random.between(1, 4)
    )
}
