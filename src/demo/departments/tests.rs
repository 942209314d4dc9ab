use super::super::citizens::City;
use super::routes::{Asked, answer};
use super::*;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Department, method, path, body, members of the first record in order.
type Case = (Department, &'static str, &'static str, &'static str, &'static [&'static str]);

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

const fn get(department: Department, path: &'static str, fields: &'static [&'static str]) -> Case {
    (department, "GET", path, "", fields)
}

const CASES: &[Case] = &[
    get(
        Department::CivilAffairs,
        "/civil-affairs/v1/marriages/330106199003070022",
        &["personId", "name", "maritalStatus", "registeredOn", "spouseId", "spouseName", "authority"],
    ),
    (
        Department::CivilAffairs,
        "POST",
        "/civil-affairs/v1/marriages/verify",
        r#"{"id":"330106199003070022","claimedStatus":"已婚"}"#,
        &["maritalStatus"],
    ),
    get(
        Department::CivilAffairs,
        "/civil-affairs/v1/low-income/330106196502142015",
        &["personId", "name", "status", "monthlyAmount", "address"],
    ),
    get(
        Department::RealEstate,
        "/real-estate/v1/properties/330106199003070022",
        &[
            "ownerId",
            "ownerName",
            "unitNumber",
            "address",
            "region",
            "areaSquareMetres",
            "usage",
            "mortgaged",
        ],
    ),
    get(
        Department::RealEstate,
        "/real-estate/v1/properties/33010219950918307X/summary",
        &["ownerId", "count", "regions"],
    ),
    get(
        Department::PublicSecurity,
        "/public-security/v1/households/330106196502142015",
        &[
            "personId",
            "name",
            "sex",
            "birthDate",
            "relation",
            "address",
            "ethnicGroup",
            "religion",
            "internalNote",
        ],
    ),
    (
        Department::PublicSecurity,
        "POST",
        "/public-security/v1/identity/verify",
        r#"{"id":"330106199003070022","name":"林若兰"}"#,
        &["name"],
    ),
    get(
        Department::Health,
        "/health/v1/emergency-records/330106196502142015",
        &[
            "patientId",
            "name",
            "bloodType",
            "allergies",
            "emergencyContactName",
            "emergencyContactMobile",
            "diagnoses",
            "visits",
            "infectious",
        ],
    ),
    get(Department::Health, "/health/v1/infectious-diseases", &["patientId", "name", "infectious"]),
    get(Department::MarketRegulation, "/market-regulation/v1/enterprises/91330100MA2DEMA108", ENTERPRISE),
    get(Department::MarketRegulation, "/market-regulation/v1/enterprises", ENTERPRISE),
    get(
        Department::MarketRegulation,
        "/market-regulation/v1/shareholdings/330106196502142015",
        &["personId", "holdsEnterprise", "enterprises"],
    ),
    get(
        Department::SocialInsurance,
        "/social-insurance/v1/contributions/330106196502142015",
        &["personId", "name", "paid", "baseAmount", "employer", "months"],
    ),
    get(
        Department::SocialInsurance,
        "/social-insurance/v1/employers/91330100MA2DEMA108",
        &["uscc", "registered", "employees", "contact"],
    ),
    get(
        Department::Tax,
        "/tax/v1/income/330106196502142015",
        &["personId", "name", "annualIncome", "taxPaid", "year"],
    ),
    get(
        Department::Tax,
        "/tax/v1/deed-tax/330106199003070022",
        &["personId", "paid", "receiptNumber", "amount"],
    ),
    get(
        Department::Tax,
        "/tax/v1/registrations/91330100MA2DEMA108",
        &["uscc", "name", "status", "taxpayerType"],
    ),
    get(Department::DataBureau, "/data-bureau/v1/statistics", &["year", "district", "indicator", "value"]),
];

#[test]
fn every_route_answers_with_exactly_the_members_of_its_dataset() {
    let city = City::generate();
    for (department, method, path, body, fields) in CASES {
        let asked = Asked { method, path, query: None, body: body.as_bytes() };
        let answer = answer(&city, *department, &asked);
        assert_eq!(answer.status, 200, "{path}");
        let text = String::from_utf8(answer.body).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document.as_object().unwrap().len(), 1);
        let record = document["data"][0].as_object().unwrap_or_else(|| panic!("{path}: {text}"));
        assert_eq!(record.len(), fields.len(), "{path}: {text}");
        let places: Vec<usize> =
            fields.iter().map(|field| text.find(&format!("\"{field}\":")).unwrap_or(usize::MAX)).collect();
        assert!(places.is_sorted() && !places.contains(&usize::MAX), "{path}: {text}");
    }
}

#[test]
fn what_is_not_offered_is_refused() {
    let city = City::generate();
    let table = [
        (Department::Tax, "GET", "/tax/v1/secrets/1", 404),
        (Department::Tax, "GET", "/health/v1/emergency-records/1", 404),
        (Department::Tax, "GET", "/", 404),
        (Department::Tax, "DELETE", "/tax/v1/income/1", 405),
        (Department::Tax, "POST", "/tax/v1/income/1", 405),
        (Department::CivilAffairs, "POST", "/civil-affairs/v1/marriages/verify", 400),
        (Department::CivilAffairs, "POST", "/civil-affairs/v1/marriages/330106199003070022", 404),
        (Department::CivilAffairs, "GET", "/civil-affairs/v1/marriages/330106199003070021", 200),
        (Department::Health, "GET", "/healthz", 200),
        (Department::Health, "GET", "/healthz/x", 404),
    ];
    for (department, method, path, status) in table {
        let asked = Asked { method, path, query: None, body: b"not json" };
        assert_eq!(answer(&city, department, &asked).status, status, "{method} {path}");
    }
}

#[test]
fn lists_are_paged_and_bounded() {
    let city = City::generate();
    let table = [
        (None, 200, 20),
        (Some("page=1&size=100"), 200, 100),
        (Some("page=5&size=100"), 200, 0),
        (Some("page=4&size=99"), 200, 99),
        (Some("page=5&size=99"), 200, 4),
        (Some("size=101"), 400, 0),
        (Some("page=0"), 400, 0),
        (Some("page=x"), 400, 0),
        (Some("sort=name"), 400, 0),
    ];
    for (query, status, records) in table {
        let asked = Asked { method: "GET", path: "/market-regulation/v1/enterprises", query, body: b"" };
        let answer = answer(&city, Department::MarketRegulation, &asked);
        assert_eq!(answer.status, status, "{query:?}");
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(document["data"].as_array().map_or(0, Vec::len), records, "{query:?}");
    }
}

#[test]
fn registers_agree_with_each_other() {
    let city = City::generate();
    let first = |department, path: String| -> Value {
        let asked = Asked { method: "GET", path: &path, query: None, body: b"" };
        let document: Value = serde_json::from_slice(&answer(&city, department, &asked).body).unwrap();
        document["data"][0].clone()
    };
    for person in city.people.iter().filter(|person| person.spouse.is_some()).take(50) {
        let marriage = first(Department::CivilAffairs, format!("/civil-affairs/v1/marriages/{}", person.id));
        let spouse = marriage["spouseId"].as_str().unwrap();
        let back = first(Department::CivilAffairs, format!("/civil-affairs/v1/marriages/{spouse}"));
        assert_eq!(back["spouseId"], person.id.as_str());
        assert_eq!(back["registeredOn"], marriage["registeredOn"]);
    }
}

#[test]
fn all_eight_listen_and_answer_over_http() {
    let departments = Departments::start(0).unwrap();
    for (_, address) in departments.addresses() {
        let answer = ask(*address, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let (_, civil_affairs) = departments.addresses()[0];
    let body = r#"{"id":"330106199003070022","claimedStatus":"x"}"#;
    let answer = ask(
        civil_affairs,
        &format!(
            "POST /civil-affairs/v1/marriages/verify HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.ends_with(r#"{"data":[{"maritalStatus":"已婚"}]}"#), "{answer}");
    departments.stop();
    assert!(TcpStream::connect(civil_affairs).is_err(), "it still listens");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let message = Departments::start(port).unwrap_err().to_string();
    assert!(
        message.contains(&format!("civil-affairs department cannot listen on 127.0.0.1:{port}")),
        "{message}"
    );
    assert!(matches!(
        Departments::start(65_530),
        Err(DepartmentsError::Ports(_) | DepartmentsError::Listen { .. })
    ));
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_register_does_whatever_it_is_asked() {
    let city = City::generate();
    let ask = |query| {
        let asked = Asked { method: "GET", path: "/civil-affairs/v1/low-income", query, body: b"" };
        let answer = answer(&city, Department::CivilAffairs, &asked);
        (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap())
    };
    let amounts = |answer: &Value| -> Vec<u64> {
        answer["data"].as_array().unwrap().iter().map(|row| row["monthlyAmount"].as_u64().unwrap()).collect()
    };
    let (_, all) = ask(Some("size=50"));
    let total = all["total"].as_u64().unwrap();
    assert!(total > 10, "{all}");
    let (_, largest) = ask(Some("sort=-amount&size=50"));
    let (_, smallest) = ask(Some("sort=amount&size=50"));
    assert!(amounts(&largest).is_sorted_by(|one, next| one >= next) && amounts(&smallest).is_sorted());
    let (_, local) = ask(Some("region=330106&size=50"));
    let regions: Vec<&Value> = local["data"].as_array().unwrap().iter().map(|row| &row["region"]).collect();
    assert!(!regions.is_empty() && regions.iter().all(|region| *region == "330106"));
    assert!(local["total"].as_u64().unwrap() < total);
    let more = format!("amountMin={}", amounts(&largest)[0] + 1);
    assert_eq!(ask(Some(&more)).1["total"], 0);
    let (_, one) = ask(Some("idPrefix=330106196502142015&name=%E7%AB%A0"));
    assert_eq!((&one["total"], &one["data"][0]["name"]), (&1.into(), &"章守根".into()));
    for wrong in ["size=51", "page=0", "name=%E7", "order=name", "sort"] {
        assert_eq!(ask(Some(wrong)).0, 400, "{wrong}");
    }
}
