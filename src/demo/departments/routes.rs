//! Which department answers what: method and path to a body, without sockets.
//!
//! Whoever is not on record gets an empty list, in the same form as somebody who is.
//!
//! ```
//! use zhamen::demo::citizens::City;
//! use zhamen::demo::departments::{Department, routes::{self, Asked}};
//! let city = City::generate();
//! let asked = Asked { method: "GET", path: "/health/v1/emergency-records/nobody", query: None, body: b"" };
//! assert_eq!(routes::answer(&city, Department::Health, &asked).body, br#"{"data":[]}"#);
//! ```

use super::super::citizens::City;
use super::super::model::{Enterprise, Person};
use super::{Department, register, tables, views};
use serde::Serialize;

/// Records on one page of a list.
const PAGE_SIZE_MAX: usize = 100;

/// A request as a department reads it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub body: &'a [u8],
}

/// Status, type and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub media: &'static str,
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON document.
    pub(super) fn json(status: u16, body: Vec<u8>) -> Answer {
        Answer { status, media: "application/json; charset=utf-8", body }
    }
}

/// What the department answers.
pub fn answer(city: &City, department: Department, asked: &Asked<'_>) -> Answer {
    let mut segments = asked.path.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    if (asked.method, first) == ("GET", "healthz") && segments.clone().next().is_none() {
        return Answer::json(200, br#"{"status":"ok"}"#.to_vec());
    }
    if (first, segments.next()) != (department.code(), Some("v1")) {
        return failure(404, "no such path");
    }
    let rest: Vec<&str> = segments.collect();
    // HEAD is GET without the body, which the server leaves out.
    let (get, post) = (matches!(asked.method, "GET" | "HEAD"), asked.method == "POST");
    let known = match department {
        Department::CivilAffairs if get => civil_affairs(city, &rest, asked.query),
        Department::CivilAffairs if post => verify_marriage(city, &rest, asked.body),
        Department::RealEstate if get => real_estate(city, &rest),
        Department::PublicSecurity if get => public_security(city, &rest),
        Department::PublicSecurity if post => verify_identity(city, &rest, asked.body),
        Department::Health if get => health(city, &rest),
        Department::MarketRegulation if get => market_regulation(city, &rest, asked.query),
        Department::SocialInsurance if get => social_insurance(city, &rest),
        Department::Tax if get => tax(city, &rest),
        Department::DataBureau if get => data_bureau(city, &rest),
        _ => return failure(405, "method not offered"),
    };
    known.unwrap_or_else(|| failure(404, "no such path"))
}

fn civil_affairs(city: &City, rest: &[&str], query: Option<&str>) -> Option<Answer> {
    match rest {
        ["low-income"] => Some(register::answer(city, query)),
        ["low-income.ndjson"] => Some(register::lines(city, query)),
        ["marriages", id] => Some(person(city, id, |person| views::Marriage::of(city, person))),
        ["low-income", id] => Some(person(city, id, |person| views::LowIncome::of(city, person))),
        _ => None,
    }
}

fn verify_marriage(city: &City, rest: &[&str], body: &[u8]) -> Option<Answer> {
    let ["marriages", "verify"] = rest else { return None };
    Some(verify(city, body, |person| views::MaritalStatus { marital_status: person.marital_status() }))
}

fn real_estate(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["properties", id] => Some(person(city, id, views::Property::of)),
        ["properties", id, "summary"] => {
            Some(person(city, id, |person| Some(views::PropertySummary::of(person))))
        }
        _ => None,
    }
}

fn public_security(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["households", id] => {
            let members = city.person(id).map(|person| views::HouseholdMember::all(city, person));
            Some(list(members.unwrap_or_default()))
        }
        ["vehicles", id] => Some(person(city, id, views::Vehicle::of)),
        _ => None,
    }
}

fn verify_identity(city: &City, rest: &[&str], body: &[u8]) -> Option<Answer> {
    let ["identity", "verify"] = rest else { return None };
    Some(verify(city, body, |person| views::Name { name: &person.name }))
}

fn health(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["emergency-records", id] => {
            Some(person(city, id, |person| views::EmergencyRecord::of(city, person)))
        }
        ["infectious-diseases"] => {
            Some(list(city.people.iter().filter_map(views::InfectiousDisease::of).collect()))
        }
        _ => None,
    }
}

fn market_regulation(city: &City, rest: &[&str], query: Option<&str>) -> Option<Answer> {
    match rest {
        ["enterprises"] => Some(enterprises(city, query, list)),
        ["enterprises.csv"] => Some(enterprises(city, query, |page| tables::csv(ENTERPRISE, &page))),
        ["enterprises", uscc] => Some(enterprise(city, uscc, |firm| views::EnterpriseRecord::of(city, firm))),
        ["shareholdings", id] => Some(person(city, id, |person| Some(views::Shareholding::of(city, person)))),
        _ => None,
    }
}

fn social_insurance(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["contributions", id] => Some(person(city, id, |person| views::Contribution::of(city, person))),
        ["employers", uscc] => Some(enterprise(city, uscc, |firm| views::EmployerAccount::of(city, firm))),
        _ => None,
    }
}

fn tax(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["income", id] => Some(person(city, id, views::IncomeTax::of)),
        ["deed-tax", id] => Some(person(city, id, views::DeedTax::of)),
        ["registrations", uscc] => Some(enterprise(city, uscc, views::TaxRegistration::of)),
        _ => None,
    }
}

fn data_bureau(city: &City, rest: &[&str]) -> Option<Answer> {
    match rest {
        ["statistics"] => Some(list(views::Statistic::all(city))),
        _ => None,
    }
}

/// The columns of the table of enterprises.
const ENTERPRISE: &[&str] = &[
    "uscc",
    "name",
    "legalRepresentative",
    "registeredCapital",
    "address",
    "status",
    "industry",
    "establishedOn",
];

fn enterprises<'a>(
    city: &'a City,
    query: Option<&str>,
    write: impl Fn(Vec<views::EnterpriseRecord<'a>>) -> Answer,
) -> Answer {
    let (mut page, mut size) = (1, 20);
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').map(|(name, value)| (name, value.parse::<usize>())) {
            Some(("page", Ok(number @ 1..=1_000_000))) => page = number,
            Some(("size", Ok(number @ 1..=PAGE_SIZE_MAX))) => size = number,
            _ => return failure(400, "page from 1, size from 1 to 100"),
        }
    }
    let firms = city.enterprises.iter().skip((page - 1) * size).take(size);
    write(firms.map(|firm| views::EnterpriseRecord::of(city, firm)).collect())
}

/// At most one record about a person.
fn person<'a, T: Serialize>(city: &'a City, id: &str, view: impl Fn(&'a Person) -> Option<T>) -> Answer {
    list(city.person(id).and_then(view).into_iter().collect())
}

/// At most one record about an enterprise.
fn enterprise<'a, T: Serialize>(city: &'a City, uscc: &str, view: impl Fn(&'a Enterprise) -> T) -> Answer {
    list(city.enterprise(uscc).map(view).into_iter().collect())
}

/// What is on record about the person in the body's `id`; comparing it with the claim is not the
/// register's task here.
fn verify<'a, T: Serialize>(city: &'a City, body: &[u8], view: impl Fn(&'a Person) -> T) -> Answer {
    #[derive(serde::Deserialize)]
    struct Claim {
        id: String,
    }
    match serde_json::from_slice::<Claim>(body) {
        Ok(claim) => list(city.person(&claim.id).map(view).into_iter().collect()),
        Err(_) => failure(400, "a JSON object with an id is needed"),
    }
}

fn list<T: Serialize>(data: Vec<T>) -> Answer {
    #[derive(Serialize)]
    struct Data<T> {
        data: Vec<T>,
    }
    match serde_json::to_vec(&Data { data }) {
        Ok(body) => Answer::json(200, body),
        Err(_) => failure(500, "not serialisable"),
    }
}

pub(super) fn failure(status: u16, message: &str) -> Answer {
    Answer::json(status, format!(r#"{{"error":"{message}"}}"#).into_bytes())
}
