//! A real ClickHouse as the warehouse of a department: asked by stored queries, through mutual TLS,
//! by curl.

mod support;

use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use support::{APPLICANT, Gateway, PATIENCE, Process, Reply, Site, curl, free_port, part, root, until};
use tempfile::TempDir;

/// In columns that nobody may see whole. What ClickHouse says of itself must not get out either.
const CANARIES: &[&str] =
    &["金丝雀", "13805718848", "KANARIE", "spatzenkoenig", "DB::Exception", "ClickHouse", "system.numbers"];

struct ClickHouse {
    process: Process,
    address: SocketAddr,
    _dir: TempDir,
}

impl ClickHouse {
    fn start() -> ClickHouse {
        let dir = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let here = dir.path().display().to_string();
        for name in ["config.xml", "users.xml"] {
            let text = fs::read_to_string(root().join("tests/real/clickhouse").join(name)).unwrap();
            let text = text.replace("{dir}", &here).replace("{port}", &address.port().to_string());
            fs::write(dir.path().join(name), text).unwrap();
        }
        let mut command = Command::new(part("clickhouse-server"));
        command.arg(format!("--config-file={here}/config.xml"));
        let process = Process::start(&mut command, &dir.path().join("output"));
        let clickhouse = ClickHouse { process, address, _dir: dir };
        until("ClickHouse", || {
            clickhouse.process.check();
            (curl(&format!("http://{address}/ping"), &[]).body == "Ok.\n").then_some(())
        });
        clickhouse.fill();
        clickhouse
    }

    fn fill(&self) {
        self.tell(
            "CREATE TABLE visits (person_id String, name String, day Date, visits UInt64, district String,
             mobile String, note String) ENGINE = MergeTree() PARTITION BY tuple() ORDER BY (person_id, day)",
        );
        self.tell(&format!(
            "INSERT INTO visits VALUES
             ('{APPLICANT}', '章金丝雀', '2025-12-31', 1, '330106', '13805718848', 'KANARIE'),
             ('{APPLICANT}', '章金丝雀', '2026-03-02', 2, '330106', '13805718848', 'KANARIE'),
             ('{APPLICANT}', '章金丝雀', '2026-07-19', 5, '330105', '13805718848', 'KANARIE'),
             ('330106199003070022', '李金丝雀', '2026-07-20', 7, '330205', '13805718848', 'KANARIE')",
        ));
    }

    fn tell(&self, sql: &str) {
        let reply = curl(&format!("http://{}/", self.address), &["--data-binary".to_owned(), sql.to_owned()]);
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

fn gateway(clickhouse: &ClickHouse) -> Gateway {
    let site = Site::lay_out();
    let read = |name: &str| fs::read_to_string(root().join("tests/real").join(name)).unwrap();
    let catalogue = read("warehouse.yaml").replace("{clickhouse}", &clickhouse.address.to_string());
    site.write("policies/catalogue/data-centre.yaml", &format!("{catalogue}{}", formats()));
    site.write("policies/warehouse.cedar", &read("warehouse.cedar"));
    site.write("certs/warehouse.secret", "spatzenkoenig\n");
    let secret = site.path("certs/warehouse.secret");
    fs::set_permissions(secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    site.start()
}

/// The formats, by the last part of their paths.
const FORMATS: &[(&str, &str, &str)] = &[
    ("json", "clickhouse-json", "JSON"),
    ("compact", "clickhouse-json-compact", "JSONCompact"),
    ("each-row", "clickhouse-json-each-row", "JSONEachRow"),
    ("tsv", "clickhouse-tsv-with-names", "TabSeparatedWithNames"),
    ("tsv-types", "clickhouse-tsv-with-names-and-types", "TabSeparatedWithNamesAndTypes"),
    ("csv", "clickhouse-csv-with-names", "CSVWithNames"),
];

/// A route for each format, and one for each that fails half-way.
fn formats() -> String {
    let mut routes = String::new();
    for (name, answer, format) in FORMATS {
        routes.push_str(&format!(
            "  - method: GET
    path: /warehouse/v1/rows/{name}/{{id}}
    dataset: counter-visits
    interface: QUERY
    upstream: warehouse
    subject: {{path: id, kind: resident-id}}
    records_max: 100
    answer: {answer}
    query:
      sql: >-
        SELECT person_id, name, toUInt32(visits) AS visits, note, mobile, concat('tab\\t', district) AS unnamed
        FROM visits WHERE person_id = {{id:resident-id}} ORDER BY day LIMIT 2 FORMAT {format}
  - method: GET
    path: /warehouse/v1/fails/{name}
    dataset: district-visits
    interface: BATCH
    upstream: warehouse
    records_max: 1000000
    answer: {answer}
    query:
      sql: >-
        SELECT toString(number) AS district, toUInt32(number) AS visits, throwIf(number = 300000) AS checked
        FROM system.numbers LIMIT 400000 FORMAT {format}
"
        ));
    }
    routes
}

/// The same rows in every format that ClickHouse writes them in; coded on their way to the gateway.
fn every_format(gateway: &Gateway) {
    for (name, _, _) in FORMATS {
        let reply = ask(gateway, &format!("/warehouse/v1/rows/{name}/{APPLICANT}"));
        assert_eq!((reply.status, reply.exit), (200, 0), "{name}: {reply:?}");
        let types = json!([
            {"name": "person_id", "type": "Nullable(String)"},
            {"name": "name", "type": "Nullable(String)"},
            {"name": "visits", "type": "UInt32"},
        ]);
        let id = "3***************15";
        let rows = [(id, "章**雀", 1), (id, "章**雀", 2)];
        match *name {
            "json" => {
                let answer = reply.json();
                let row = |(id, name, visits): (&str, &str, u32)| json!({"person_id": id, "name": name, "visits": visits});
                assert_eq!((&answer["meta"], &answer["rows"]), (&types, &json!(2)), "{answer}");
                assert_eq!(answer["data"], json!(rows.map(row)));
            }
            "compact" => {
                let answer = reply.json();
                assert_eq!((&answer["meta"], &answer["rows"]), (&types, &json!(2)), "{answer}");
                assert_eq!(answer["data"], json!(rows));
            }
            "each-row" => {
                let row = |(id, name, visits): (&str, &str, u32)| {
                    format!("{{\"person_id\":\"{id}\",\"name\":\"{name}\",\"visits\":{visits}}}\n")
                };
                assert_eq!(reply.body, rows.map(row).concat());
                assert_eq!(reply.header("content-type"), "application/x-ndjson");
            }
            "tsv" | "tsv-types" => {
                let row = |(id, name, visits): (&str, &str, u32)| format!("{id}\t{name}\t{visits}\n");
                let types = if *name == "tsv" { "" } else { "Nullable(String)\tNullable(String)\tUInt32\n" };
                assert_eq!(reply.body, format!("person_id\tname\tvisits\n{types}{}", rows.map(row).concat()));
            }
            "csv" => {
                let row = |(id, name, visits): (&str, &str, u32)| format!("\"{id}\",\"{name}\",{visits}\n");
                let head = "\"person_id\",\"name\",\"visits\"\n";
                assert_eq!(reply.body, format!("{head}{}", rows.map(row).concat()));
                assert_eq!(reply.header("content-type"), "text/csv");
            }
            other => panic!("{other}"),
        }
        // It says 200, and later that it failed: then the answer must not look whole.
        let failed = ask(gateway, &format!("/warehouse/v1/fails/{name}"));
        let broken = failed.status == 200 && failed.exit != 0;
        assert!(broken || failed.status == 502, "{name}: {} {}", failed.status, failed.exit);
    }
}

/// Asks as a street officer with an open matter; whatever comes back is free of canaries.
fn ask(gateway: &Gateway, path: &str) -> Reply {
    let reply = gateway.ask("civil-affairs-window", "s1-officer", path);
    for canary in CANARIES {
        reply.is_without(canary);
    }
    reply
}

#[test]
fn rows_come_back_masked_and_only_as_asked() {
    let clickhouse = ClickHouse::start();
    let gateway = gateway(&clickhouse);

    let reply = ask(&gateway, &format!("/warehouse/v1/visits/{APPLICANT}?since=2026-01-01"));
    assert_eq!((reply.status, reply.version.as_str()), (200, "2"), "{reply:?}");
    let answer = reply.json();
    let row = |visits: u32| json!({"person_id": "3***************15", "name": "章**雀", "day": "2026", "visits": visits});
    assert_eq!(answer["data"], json!([row(2), row(5)]));
    assert_eq!(answer["rows"], 2);
    assert_eq!(answer["meta"][0], json!({"name": "person_id", "type": "String"}));

    let reply = ask(&gateway, "/warehouse/v1/districts?size=1&district=33");
    assert_eq!(reply.json(), json!({"data": [{"district": "330105", "visits": 5}]}));
    let reply = ask(&gateway, "/warehouse/v1/districts?size=1000&district=3301");
    let districts = json!([{"district": "330105", "visits": 5}, {"district": "330106", "visits": 3}]);
    assert_eq!(reply.json(), json!({"data": districts}));

    // A stored query is a POST to ClickHouse, whatever the caller's method.
    let path = gateway.url("/warehouse/v1/districts?size=9&district=33");
    for flag in ["--http1.1", "--http2"] {
        let proofs =
            [gateway.trust(), gateway.certificate("tax-desk"), ["--head", flag].map(str::to_owned).to_vec()];
        let reply = curl(&path, &proofs.concat());
        assert_eq!((reply.status, reply.exit), (200, 0), "{flag}: {reply:?}");
    }

    every_format(&gateway);
    own_district(&gateway);
    refusals(&gateway);
    failures(&gateway);
    for canary in CANARIES.iter().chain([&APPLICANT]) {
        gateway.keeps_to_itself(canary);
    }
    goes_away(&gateway, clickhouse);
}

/// Rows of the officer's own district: asked for in the query, and looked at again here.
fn own_district(gateway: &Gateway) {
    let row =
        |visits: u32| json!({"person_id": "3***************15", "district": "330106", "visits": visits});
    let rows = json!([row(1), row(2)]);
    let local = ask(gateway, "/warehouse/v1/local");
    // ClickHouse counted two rows itself: it was told the district.
    assert_eq!(local.json(), json!({"data": rows, "rows": 2}), "{local:?}");
    // Where it was not, its count tells of other districts and is withheld; the rows are the same.
    let forgetful = ask(gateway, "/warehouse/v1/forgetful");
    assert_eq!(forgetful.json(), json!({"data": rows, "rows": null}), "{forgetful:?}");
}

/// What a caller may not do to a stored query.
fn refusals(gateway: &Gateway) {
    let visits = format!("/warehouse/v1/visits/{APPLICANT}");
    for (path, status, code) in [
        // Values are of their type.
        (format!("{visits}?since=2026-01-01'%20OR%201=1"), 400, "E-REQUEST"),
        (format!("{visits}?since=today()"), 400, "E-REQUEST"),
        (format!("{visits}?since=2026-02-30"), 400, "E-REQUEST"),
        ("/warehouse/v1/districts?size=0&district=33".to_owned(), 400, "E-REQUEST"),
        ("/warehouse/v1/districts?size=1%20OFFSET%201&district=33".to_owned(), 400, "E-REQUEST"),
        ("/warehouse/v1/districts?size=1001&district=33".to_owned(), 400, "E-REQUEST"),
        // All of them, and no others: neither SQL nor what ClickHouse reads from a query.
        (visits.clone(), 400, "E-REQUEST"),
        (format!("{visits}?since=2026-01-01&query=SELECT%201"), 400, "E-REQUEST"),
        (format!("{visits}?since=2026-01-01&database=system"), 400, "E-REQUEST"),
        (format!("{visits}?since=2026-01-01&since=2020-01-01"), 400, "E-REQUEST"),
        // The subject is a number that verifies, and belongs to the matter.
        ("/warehouse/v1/visits/330106196502142016?since=2026-01-01".to_owned(), 422, "E-INVALID-ID"),
        ("/warehouse/v1/visits/1%27%20OR%201=1?since=2026-01-01".to_owned(), 422, "E-INVALID-ID"),
        (
            "/warehouse/v1/visits/330106199003070022?since=2026-01-01".to_owned(),
            403,
            "E-SUBJECT-NOT-IN-MATTER",
        ),
        ("/?query=SELECT%201".to_owned(), 404, "E-NOT-FOUND"),
    ] {
        assert_eq!(ask(gateway, &path).problem(status), code, "{path}");
    }
    // Text is text, whatever it looks like.
    for text in ["33%27%20OR%20%271%27=%271", "%5C%27)%20OR%201=1%20FORMAT%20TSV%20--%20", "{rows:UInt32}"] {
        let reply = ask(gateway, &format!("/warehouse/v1/districts?size=9&district={text}"));
        assert_eq!((reply.status, reply.json()), (200, json!({"data": []})), "{text}");
    }
}

/// ClickHouse fails: nothing of what it says comes out.
fn failures(gateway: &Gateway) {
    // It answers 404 where a table is missing, which says nothing about a person.
    let missing = ask(gateway, "/warehouse/v1/missing");
    assert_eq!(missing.problem(502), "E-UPSTREAM");
    // It answers 200, and 20 MB later that it failed. Then the answer must not look whole.
    let broken = ask(gateway, "/warehouse/v1/broken");
    assert_eq!((broken.status, broken.exit != 0), (200, true), "{} {}", broken.status, broken.exit);
    assert!(serde_json::from_str::<serde_json::Value>(&broken.body).is_err());
}

fn goes_away(gateway: &Gateway, clickhouse: ClickHouse) {
    let address = clickhouse.address;
    drop(clickhouse);
    let start = std::time::Instant::now();
    let reply = ask(gateway, "/warehouse/v1/districts?size=9&district=33");
    assert!(start.elapsed() < PATIENCE / 2);
    assert!(matches!(reply.status, 502 | 503), "{reply:?}");
    assert!(reply.problem(reply.status).starts_with("E-U"), "{reply:?}");
    reply.is_without(&address.to_string());
    reply.is_without(&address.port().to_string());
}
