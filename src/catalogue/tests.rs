//! What the catalogue's files mean, and what is refused: tables of one change each to a folder that
//! is right.

mod refusals;

use super::*;
use crate::engine::identifier::Kind;
use crate::engine::terms::{Interface, Level, Method, SharingType};

const LABELS: &str = "\
labels:
  id-number:
    title: {zh: 公民身份号码, en: Resident ID number}
    level: L2
    category: NONE
    kind: resident-id
    masks: {partial: {rule: keep, first: 3, last: 2}, token: true, verify: true}
  marital-status:
    title: {zh: 婚姻状况, en: Marital status}
    level: L3
    category: NONE
    masks: {verify: true}
  diagnosis:
    title: {zh: 诊断, en: Diagnosis}
    level: L4
    category: HEALTH
  income:
    title: {zh: 收入, en: Income}
    level: L3
    category: NONE
    kind: amount
    masks: {generalised: {rule: bands, bounds: [30000, 60000]}}
  statistic:
    title: {zh: 统计值, en: Statistic}
    level: L1
    category: NONE
";

const PURPOSES: &str = "\
purposes:
  matter:
    title: {zh: 办事, en: Matter}
    iri: dpv:ServiceProvision
    legal_bases: [STATUTORY_DUTY]
  assistance:
    title: {zh: 救助, en: Assistance}
    iri: dpv:PublicBenefit
    parents: [matter]
    legal_bases: [STATUTORY_DUTY, CONSENT]
";

const DEPARTMENT: &str = "\
department:
  code: 11330100MB0000019K
  title: {zh: 民政局, en: Civil affairs}
applications:
  window:
    san_uris: [\"spiffe://demo/app/window\"]
    san_dns: [Window.gov.cn]
    api_key_hashes: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
    networks: [10.0.0.0/8]
    speaks_for_others: true
upstreams:
  main:
    endpoints: [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]
    health: {path: /healthz}
    retries: {max: 2, budget_percent: 20}
datasets:
  marriage:
    code: 306001/1
    title: {zh: 婚姻, en: Marriages}
    level: L3
    sharing: CONDITIONAL
    condition: 办件
    fields:
      $.data[*].personId: id-number
      $.data[*].status: marital-status
      $.data[*].spouseId: id-number
  numbers:
    code: 306002/1
    title: {zh: 数, en: Numbers}
    level: L1
    sharing: UNCONDITIONAL
    personal: false
    fields: {$.data: statistic}
routes:
  - method: GET
    path: /marriages/{id}
    dataset: marriage
    interface: QUERY
    upstream: main
    subject: {path: id, kind: resident-id}
  - method: POST
    path: /marriages/verify
    dataset: marriage
    interface: VERIFY
    upstream: main
    upstream_path: /v2/verify
    subject: {body: /id, kind: resident-id}
    claim: {body: /claimed, label: marital-status}
    hidden: true
  - method: GET
    path: /numbers/{year}
    dataset: numbers
    interface: BATCH
    upstream: main
    parameters:
      year: {type: int, min: 1949, max: 2100}
      size: {type: int, min: 1, max: 50}
      order: {type: enum, values: [up, down]}
    answer: opaque
    records_max: 50
    records_parameter: size
";

/// A folder out of these files.
fn folder(files: &[(&str, &str)]) -> Folder {
    Folder::from_files(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec()))).unwrap()
}

/// The folder that is right.
fn sound() -> Vec<(&'static str, &'static str)> {
    vec![("labels.yaml", LABELS), ("purposes.yaml", PURPOSES), ("catalogue/civil.yaml", DEPARTMENT)]
}

#[test]
fn a_folder_becomes_values() {
    let catalogue = load(&folder(&sound())).unwrap_or_else(|faults| panic!("{faults}"));
    let department = &catalogue.departments["11330100MB0000019K"];
    assert_eq!((&*department.slug, department.title.en.as_str()), ("civil", "Civil affairs"));

    let window = catalogue.application("window").unwrap();
    assert!(window.speaks_for_others && window.networks[0].contains("10.1.1.1".parse().unwrap()));
    let registered = &catalogue.applications["window"];
    assert_eq!(registered.application, *window);
    assert_eq!(registered.san_uris, ["spiffe://demo/app/window"]);
    assert_eq!(registered.san_dns, ["window.gov.cn"], "names are compared in lower case");
    assert_eq!(registered.api_key_hashes, [[0xaa; 32]]);

    let main = &catalogue.upstreams["main"];
    let authorities: Vec<String> = main.endpoints.iter().map(Endpoint::authority).collect();
    assert_eq!(authorities, ["127.0.0.1:1", "127.0.0.1:2"]);
    assert_eq!((main.retries.max, main.retries.budget_percent), (2, 20));
    assert_eq!(main.health.as_ref().map(|health| health.unhealthy_after), Some(3));

    let marriage = &catalogue.datasets["marriage"];
    let labels: Vec<&str> = marriage.labels.iter().map(|label| &*label.id).collect();
    assert_eq!(labels, ["id-number", "marital-status"]);
    assert_eq!((marriage.level, marriage.sharing), (Level::L3, SharingType::Conditional));
    assert!(marriage.personal && marriage.is_classified());

    assert_eq!(catalogue.purposes["assistance"].parents, ["matter".into()]);
    assert!(catalogue.revocations.is_empty());
}

#[test]
fn routes_become_values() {
    let catalogue = load(&folder(&sound())).unwrap();
    let find = |method, path: &[&str]| match catalogue.routes.find(method, path) {
        Found::Route(route, _) => route.clone(),
        Found::MethodNotOffered(_) | Found::None => panic!("{path:?}"),
    };
    let query = find(Method::Get, &["marriages", "330106199003070022"]);
    let subject = SubjectPlace { place: Place::Path("id".into()), kind: Kind::ResidentId };
    assert_eq!(query.subject, Some(subject));
    assert_eq!((query.records_max, query.answer, query.hidden), (1, AnswerFormat::Json, false));
    let verify = find(Method::Post, &["marriages", "verify"]);
    assert_eq!(verify.interface, Interface::Verify);
    assert_eq!(verify.claim, Some(Claim { place: Place::Body("/claimed".into()), label: 1 }));
    assert!(verify.hidden);
    assert!(matches!(&verify.target, Target::Path(path) if &**path.text() == "/v2/verify"));
    let numbers = find(Method::Get, &["numbers", "2025"]);
    assert_eq!(numbers.answer, AnswerFormat::Opaque);
    let year = numbers.parameter("year").unwrap();
    assert_eq!((&year.place, year.required), (&Place::Path("year".into()), true));
    assert!(!numbers.parameter("size").unwrap().required);
    assert_eq!(
        [None, Some(7), Some(500), Some(-1)].map(|size| numbers.records_requested(size)),
        [50, 7, 50, 50]
    );
    // A hidden route is no reason for 405.
    assert!(
        matches!(catalogue.routes.find(Method::Put, &["marriages", "verify"]), Found::MethodNotOffered(methods) if methods == [Method::Get])
    );
}

#[test]
fn revocations_become_values() {
    let fingerprint = "AB:".repeat(31) + "AB";
    let text =
        format!("tokens: [j1]\nofficers: [o1]\napplications: [window]\ncertificates: ['{fingerprint}']\n");
    let mut files = sound();
    files.push(("revocations.yaml", &text));
    let revocations = load(&folder(&files)).unwrap().revocations;
    assert_eq!(revocations.tokens().collect::<Vec<_>>(), ["j1"]);
    assert_eq!(revocations.officers().collect::<Vec<_>>(), ["o1"]);
    assert_eq!(revocations.applications().collect::<Vec<_>>(), ["window"]);
    assert_eq!(revocations.certificates().collect::<Vec<_>>(), [&[0xab; 32]]);
    assert_eq!(revocations.len(), 4);
}

#[test]
fn fields_come_out_of_an_openapi_document() {
    let openapi = "\
openapi: 3.0.3
components:
  schemas:
    Answer:
      type: object
      properties:
        data: {type: array, items: {$ref: '#/components/schemas/Person'}}
    Person:
      allOf:
        - properties:
            personId: {type: string, x-data-classification: id-number}
            note: {type: string}
        - properties:
            tags: {additionalProperties: {type: string, x-data-classification: statistic}}
            odd name: {type: string, x-data-classification: marital-status}
            income: {type: number, x-data-classification: income}
";
    let json = r##"{"components": {"schemas": {"Person": {"properties": {"personId": {"x-data-classification": "id-number"}}}}}}"##;
    for (import, overridden, expect) in [
        (
            "{file: openapi/people.yaml, schema: Answer}",
            "",
            vec!["id-number", "statistic", "marital-status", "income"],
        ),
        (
            "{file: openapi/people.yaml, schema: Person, at: '$.list[*]'}",
            "\n      $.list[*].personId: statistic",
            vec!["statistic", "marital-status", "income"],
        ),
        ("{file: openapi/people.json, schema: Person}", "", vec!["id-number"]),
    ] {
        let fields = if overridden.is_empty() { "{}" } else { overridden };
        let department = DEPARTMENT
            .replace("    fields:\n      $.data[*].personId: id-number\n      $.data[*].status: marital-status\n      $.data[*].spouseId: id-number\n",
                &format!("    fields: {fields}\n    fields_from_openapi: {import}\n"));
        let department = department.split_once("routes:").unwrap().0;
        let mut files = sound();
        files[2].1 = department;
        files.push(("openapi/people.yaml", openapi));
        files.push(("openapi/people.json", json));
        let catalogue = load(&folder(&files)).unwrap_or_else(|faults| panic!("{faults}"));
        let labels: Vec<&str> =
            catalogue.datasets["marriage"].labels.iter().map(|label| &*label.id).collect();
        assert_eq!(labels, expect, "{import}");
    }
}

#[test]
fn stored_queries_take_their_values_from_the_routes_inputs() {
    let warehouse = include_str!("../../tests/fixtures/catalogue/clickhouse.yaml");
    let labels = LABELS.to_owned()
        + "  name: {title: {zh: 名, en: N}, level: L2, category: NONE}\n\
           \x20 date-of-event: {title: {zh: 日, en: D}, level: L2, category: NONE}\n\
           \x20 count: {title: {zh: 数, en: C}, level: L2, category: NONE}\n\
           \x20 region-code: {title: {zh: 区, en: R}, level: L1, category: NONE}\n";
    let files =
        [("labels.yaml", &*labels), ("purposes.yaml", PURPOSES), ("catalogue/warehouse.yaml", warehouse)];
    let catalogue = load(&folder(&files)).unwrap_or_else(|faults| panic!("{faults}"));
    let render = |path: &[&str], inputs: &[(&str, &'static str)]| {
        let Found::Route(route, _) = catalogue.routes.find(Method::Get, path) else { panic!("{path:?}") };
        let Target::Query { path, query } = &route.target else { panic!("{path:?}") };
        assert_eq!(&**path.text(), "/");
        query.render(|name| inputs.iter().find(|(input, _)| *input == name).map(|(_, value)| *value))
    };
    assert_eq!(
        render(&["warehouse", "v1", "visits", "x"], &[("id", "330106199003070022"), ("since", "2026-01-01")])
            .unwrap(),
        "SELECT person_id, name, day, toUInt32(visits) AS visits FROM visits WHERE person_id = \
         '330106199003070022' AND day >= toDate('2026-01-01') ORDER BY day LIMIT 100 FORMAT JSON"
    );
    assert_eq!(
        render(&["warehouse", "v1", "districts"], &[("size", "5"), ("district", "33' --")]).unwrap(),
        "SELECT district, toUInt32(count()) AS visits FROM visits WHERE startsWith(district, '33\\' --') \
         GROUP BY district ORDER BY visits DESC LIMIT 5 FORMAT JSON"
    );
    let missing = render(&["warehouse", "v1", "districts"], &[("size", "5")]);
    assert_eq!(missing, Err(QueryError::Missing("district".into())));
}

#[test]
fn the_shipped_catalogue_is_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let folder = Folder::read(&root).unwrap_or_else(|faults| panic!("{faults}"));
    let catalogue = load(&folder).unwrap_or_else(|faults| panic!("{faults}"));
    let departments: Vec<(&str, &str)> =
        catalogue.departments.values().map(|department| (&*department.slug, &*department.code)).collect();
    assert_eq!(
        departments,
        [
            ("civil-affairs", "11330100MB0000019K"),
            ("real-estate", "11330100MB0000027E"),
            ("public-security", "11330100MB00000359"),
            ("health", "11330100MB00000434"),
            ("market-regulation", "11330100MB0000051Y"),
            ("social-insurance", "11330100MB000006XN"),
            ("tax", "11330100MB0000078N"),
            ("data-bureau", "11330100MB0000086H"),
        ]
    );
    assert_eq!(catalogue.datasets.len(), 18);
    assert_eq!(catalogue.routes.routes().len(), 22);
    for id in [
        "civil-affairs-window",
        "real-estate-window",
        "market-window",
        "hospital-emergency",
        "public-security-desk",
        "social-insurance-batch",
        "open-data-portal",
        "tax-desk",
    ] {
        let uri = format!("spiffe://zhamen.demo/app/{id}");
        assert_eq!(catalogue.applications[id].san_uris, [uri], "{id}");
    }
    let list = &catalogue.datasets["infectious-disease-list"];
    assert_eq!((list.sharing, list.basis.as_deref()), (SharingType::NotShared, Some("传染病防治法第十二条")));
    assert_eq!(catalogue.next_reviews["infectious-disease-list"], (2027, 6, 30));
}

#[test]
fn answers_become_formats() {
    #[cfg(feature = "columnar")]
    use crate::engine::mask::Container;
    use crate::engine::mask::{Columns, Dialect, Format, Formulas, Quoting};
    let subject = "    subject: {path: id, kind: resident-id}\n";
    let bare = Dialect {
        delimiter: b';',
        quoting: Quoting::Never,
        columns: Columns::Declared(["personId".into(), "status".into()].into()),
        formulas: Formulas::Refuse,
        ..Dialect::csv()
    };
    for (more, format) in [
        ("answer: ndjson", Format::JsonLines),
        ("answer: json-seq", Format::JsonSequence),
        ("answer: csv", Format::Table(Dialect::csv())),
        ("answer: tsv", Format::Table(Dialect::tsv())),
        (
            "answer: csv\n    table: {delimiter: ;, quote: '', columns: [personId, status], formulas: refuse}",
            Format::Table(bare),
        ),
        ("answer: clickhouse-json", Format::ClickHouseJson),
        ("answer: clickhouse-json-each-row", Format::JsonLines),
        ("answer: clickhouse-json-compact", Format::ClickHouseCompact),
        (
            "answer: clickhouse-json-compact-each-row-with-names",
            Format::ClickHouseCompactLines(Columns::Header),
        ),
        ("answer: clickhouse-tsv-with-names-and-types", Format::Table(Dialect::clickhouse_tsv(true))),
        ("answer: clickhouse-csv-with-names", Format::Table(Dialect::clickhouse_csv())),
        #[cfg(feature = "columnar")]
        ("answer: arrow-stream", Format::Columnar(Container::Stream)),
        #[cfg(feature = "columnar")]
        ("answer: parquet", Format::Columnar(Container::Parquet)),
    ] {
        let department = DEPARTMENT.replacen(subject, &format!("{subject}    {more}\n    links: true\n"), 1);
        let mut files = sound();
        files[2].1 = &department;
        let catalogue = load(&folder(&files)).unwrap_or_else(|faults| panic!("{faults}"));
        let route = &catalogue.routes.routes()[0];
        assert_eq!(route.shape.format.as_ref(), Some(&format), "{more}");
        assert!(route.shape.links && !route.shape.compress && route.shape.headers.is_empty());
    }
}
