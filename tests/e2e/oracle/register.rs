//! A data API as there are many: it filters, sorts, groups, counts and averages by whatever it is asked.

use crate::support::upstream::{Heard, Play, answer, json};
use serde_json::{Map, Value, json as object};
use std::cmp::Reverse;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub region: String,
    pub income: i64,
}

#[derive(Clone)]
pub struct Register {
    pub people: Vec<Person>,
}

/// Names that masks leave alone, one after the other in both registers.
const NAMES: [&str; 12] =
    ["赵一", "钱二", "孙三", "李四", "周五", "吴六", "郑七", "王八", "冯九", "陈十", "楚云", "魏山"];

/// What masks show of an income: its band begins here (labels.yaml), and the next begins so much later.
const BANDS: [(i64, i64); 4] = [(5000, 5000), (10_000, 20_000), (30_000, 30_000), (60_000, 60_000)];

impl Register {
    pub fn one() -> Register {
        Register::with(1)
    }

    /// The same people to everybody who sees masks only.
    pub fn other() -> Register {
        Register::with(2)
    }

    fn with(variant: i64) -> Register {
        let person = |(place, name): (usize, &&str)| {
            let number = place as i64;
            let (from, width) = BANDS[place % BANDS.len()];
            Person {
                id: number_of(number, variant),
                name: (*name).to_owned(),
                region: ["330106", "330105"][usize::from(place >= 9)].to_owned(),
                income: from + (number * 7919 + variant * 1237) % width,
            }
        };
        let people: Vec<Person> = NAMES.iter().enumerate().map(person).collect();
        Register { people }
    }

    pub fn names(&self) -> Vec<String> {
        self.people.iter().map(|person| person.name.clone()).collect()
    }

    pub fn play(&self, heard: &Heard) -> Play {
        let query = heard.target.split_once('?').map_or("", |(_, query)| query);
        let query: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        if heard.target.starts_with("/register/v1/people") {
            Play::Answer(json(&self.answer(&query).to_string()))
        } else {
            Play::Answer(answer(404, &[], ""))
        }
    }

    fn answer(&self, query: &BTreeMap<String, String>) -> Value {
        let text = |name: &str| query.get(name).map(String::as_str);
        let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
        let mut people: Vec<&Person> = self
            .people
            .iter()
            .filter(|person| text("name").is_none_or(|name| person.name.contains(name)))
            .filter(|person| text("region").is_none_or(|region| person.region == region))
            .filter(|person| text("idPrefix").is_none_or(|prefix| person.id.starts_with(prefix)))
            .filter(|person| number("incomeMin").is_none_or(|min| person.income >= min))
            .filter(|person| number("incomeMax").is_none_or(|max| person.income <= max))
            .collect();
        match text("sort") {
            Some("income") => people.sort_by_key(|person| person.income),
            Some("-income") => people.sort_by_key(|person| Reverse(person.income)),
            Some("personId") => people.sort_by(|one, other| one.id.cmp(&other.id)),
            Some("name") => people.sort_by(|one, other| one.name.cmp(&other.name)),
            _ => {}
        }
        if let Some(field) = text("group") {
            return groups(field, &people);
        }
        let total = people.len();
        let mut answer = object!({"total": total});
        if text("average").is_some() {
            let sum: i64 = people.iter().map(|person| person.income).sum();
            answer["average"] = (sum / i64::try_from(total.max(1)).unwrap()).into();
        }
        let size = usize::try_from(number("size").unwrap_or(20)).unwrap();
        let skip = usize::try_from(number("page").unwrap_or(1) - 1).unwrap() * size;
        let rows = people.into_iter().skip(skip).take(size).map(|person| row(person, text("select")));
        answer["data"] = rows.collect();
        answer
    }
}

fn row(person: &Person, select: Option<&str>) -> Value {
    let whole = object!({
        "personId": person.id, "name": person.name, "region": person.region, "income": person.income,
    });
    match (select, whole) {
        (Some(select), Value::Object(whole)) => {
            let chosen = whole.into_iter().filter(|(name, _)| select.split(',').any(|word| word == name));
            Value::Object(chosen.collect::<Map<_, _>>())
        }
        (_, whole) => whole,
    }
}

fn groups(field: &str, people: &[&Person]) -> Value {
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for person in people {
        let key = if field == "income" { format!("{:09}", person.income) } else { person.region.clone() };
        *groups.entry(key).or_default() += 1;
    }
    let group = |(key, count): (&String, &usize)| match field {
        "income" => object!({"income": key.parse::<i64>().unwrap(), "count": count}),
        _ => object!({"region": key, "count": count}),
    };
    object!({"total": people.len(), "groups": groups.iter().map(group).collect::<Vec<_>>()})
}

/// A resident identity number that verifies; between its first and its last two characters all may
/// differ from one variant to the next.
fn number_of(place: i64, variant: i64) -> String {
    const WEIGHTS: [i64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    // Both variants end alike: the day moves until the check character is the one that masks show.
    for day in (0..).map(|step| step * 2 + variant) {
        let first = format!(
            "330106{}{:02}{:02}{:03}",
            1960 + place * 2 + variant,
            1 + day / 28 % 12,
            1 + day % 28,
            100 + day / 336 * 10 + place % 10
        );
        let sum: i64 =
            first.bytes().zip(WEIGHTS).map(|(digit, weight)| i64::from(digit - b'0') * weight).sum();
        if CHECKS[usize::try_from(sum % 11).unwrap()] == b'7' {
            return format!("{first}7");
        }
    }
    unreachable!("one in eleven days fits")
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let digits = if byte == b'%' { rest.next().zip(rest.next()) } else { None };
        match digits {
            Some((high, low)) => {
                let text = [high, low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&text).unwrap(), 16).unwrap());
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
