//! Somebody else's data API, ROAPI over a CSV file, asked by Python's requests with a client
//! certificate and a token. Its answers are arrays without an envelope.

mod support;

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use support::{Gateway, Process, Site, curl, free_port, root, until, venv};

const CANARIES: &[&str] = &["金丝", "13805718848", "KANARIE", "1500.50", "99999.99"];

const SUBSIDIES: &str = "/survey/v1/subsidies";

fn roapi(output: &std::path::Path) -> (Process, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new(venv("roapi"));
    let table = format!("subsidies={}", root().join("tests/real/subsidies.csv").display());
    command.arg("--table").arg(table).arg("--addr-http").arg(address.to_string());
    // It always opens these too.
    command.args(["--addr-postgres", "127.0.0.1:0", "--addr-flight-sql", "127.0.0.1:0"]);
    let process = Process::start(&mut command, output);
    until("roapi", || {
        process.check();
        (curl(&format!("http://{address}/health"), &[]).status == 200).then_some(())
    });
    (process, address)
}

fn gateway(roapi: SocketAddr) -> Gateway {
    let site = Site::lay_out();
    let read = |name: &str| fs::read_to_string(root().join("tests/real").join(name)).unwrap();
    site.write("policies/catalogue/survey.yaml", &read("survey.yaml").replace("{roapi}", &roapi.to_string()));
    site.write("policies/survey.cedar", &read("survey.cedar"));
    site.start()
}

/// One question of a Python program.
struct Ask<'a> {
    path: &'a str,
    application: Option<&'a str>,
    token: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    error: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn python(gateway: &Gateway, asks: &[Ask]) -> Vec<Answer> {
    let asks: Vec<Value> = asks
        .iter()
        .map(|ask| {
            let file = |application: &str, ending: &str| gateway.file(&format!("certs/{application}.{ending}"));
            let cert = ask.application.map(|application| [file(application, "pem"), file(application, "key")]);
            let bearer = |name: &str| {
                let token = fs::read_to_string(gateway.site.path(&format!("tokens/{name}.jwt"))).unwrap();
                json!({"Authorization": format!("Bearer {token}")})
            };
            json!({"url": gateway.url(ask.path), "cert": cert, "headers": ask.token.map_or(json!({}), bearer)})
        })
        .collect();
    let work = json!({"ca": gateway.file("certs/ca.pem"), "asks": asks}).to_string();
    let mut child = Command::new(venv("python"))
        .arg(root().join("tests/real/ask.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(work.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ask.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn requests_sees_a_third_party_api_masked() {
    let dir = tempfile::tempdir().unwrap();
    let (upstream, address) = roapi(&dir.path().join("output"));
    let gateway = gateway(address);
    let officer =
        Ask { path: SUBSIDIES, application: Some("civil-affairs-window"), token: Some("s1-officer") };
    let answers = python(
        &gateway,
        &[
            Ask { ..officer },
            Ask { path: "/survey/v1/subsidies?limit=1", ..officer },
            Ask { application: Some("tax-desk"), token: None, ..officer },
            // ROAPI would choose columns, sort and filter by these.
            Ask { path: "/survey/v1/subsidies?columns=note", ..officer },
            Ask { path: "/survey/v1/subsidies?filter[name]='x'", ..officer },
            // A token that is bound to a certificate, without it and with another.
            Ask { application: None, ..officer },
            Ask { application: Some("tax-desk"), ..officer },
            Ask { application: None, token: None, ..officer },
        ],
    );
    for (answer, canary) in
        answers.iter().flat_map(|answer| CANARIES.iter().map(move |canary| (answer, canary)))
    {
        assert!(!format!("{answer:?}").contains(canary), "{canary} stands in {answer:?}");
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 200, 400, 400, 401, 401, 401], "{answers:?}");
    assert_eq!(answers[0].headers["content-type"], "application/json");

    // Three records of five: the route gives no more.
    let records = json!([
        {"person_id": "3***************1X", "name": "金*雀", "district": "HZ06", "amount": 1000},
        {"person_id": "3***************22", "name": "李**\"", "district": "HZ06", "amount": 0},
        {"person_id": "1***************21", "district": "HZ05", "amount": 50000},
    ]);
    assert_eq!(answers[0].json(), records);
    assert_eq!(answers[1].json(), json!([records[0]]));
    // Another department sees what is public, and that something is withheld.
    assert_eq!(answers[2].json(), json!([{"district": "HZ06"}, {"district": "HZ06"}, {"district": "HZ05"}]));
    assert!(answers[2].headers["disclosure"].contains("id-number"), "{:?}", answers[2].headers);
    for answer in &answers[3..] {
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{answer:?}");
        assert_eq!(answer.json()["status"], answer.status);
    }
    for canary in CANARIES {
        gateway.keeps_to_itself(canary);
    }

    drop(upstream);
    let answer = &python(&gateway, &[officer])[0];
    assert!(matches!(answer.status, 502 | 503), "{answer:?}");
    assert!(!answer.body.contains(&address.port().to_string()), "{answer:?}");
    assert!(answer.error.is_empty());
}
