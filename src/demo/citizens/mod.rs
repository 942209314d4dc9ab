//! The demo city: some 3,000 synthetic citizens and 400 enterprises that agree with each other.
//!
//! The same seed gives the same city. Every number passes the checks of its standard, except the one
//! enterprise whose code is wrong on purpose ([`cast::LEGACY_CODE`]). It may not read clocks or files.
//!
//! ```
//! use zhamen::demo::citizens::{City, cast};
//! let city = City::generate();
//! assert_eq!(city.person(cast::SELLER).unwrap().marital_status(), "已婚");
//! assert!(city.person("330106199003070021").is_none());
//! ```

pub mod cast;
mod economy;
mod families;

use super::model::{Enterprise, Household, Person};
use super::random::Random;
use std::collections::HashMap;

/// Households are added until there are so many citizens.
const CITIZENS_MIN: usize = 3_000;
const ENTERPRISES: usize = 400;
const SEED: u64 = 0x5A48_414D_454E;

/// All registers of the demo, by number.
#[derive(Debug)]
pub struct City {
    pub people: Vec<Person>,
    pub households: Vec<Household>,
    pub enterprises: Vec<Enterprise>,
    by_id: HashMap<String, usize>,
    by_uscc: HashMap<String, usize>,
}

impl City {
    /// The city.
    pub fn generate() -> Self {
        let mut random = Random::new(SEED);
        let (mut people, mut households) = families::settle(&mut random, CITIZENS_MIN);
        let mut enterprises = economy::found(&mut random, &people, ENTERPRISES);
        economy::provide(&mut random, &mut people, &mut households, &enterprises);
        cast::place(&mut people, &mut households);
        economy::count(&mut people, &mut enterprises);
        let by_id = people.iter().enumerate().map(|(at, person)| (person.id.clone(), at)).collect();
        let by_uscc = enterprises.iter().enumerate().map(|(at, firm)| (firm.uscc.clone(), at)).collect();
        City { people, households, enterprises, by_id, by_uscc }
    }

    /// The person with this number.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(*self.by_id.get(id)?)
    }

    /// The enterprise with this code.
    pub fn enterprise(&self, uscc: &str) -> Option<&Enterprise> {
        self.enterprises.get(*self.by_uscc.get(uscc)?)
    }

    /// The household a person belongs to.
    pub fn household(&self, person: &Person) -> Option<&Household> {
        self.households.get(person.household)
    }
}

#[cfg(test)]
mod tests;
