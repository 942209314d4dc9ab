//! A real Prometheus scrapes the admin plane, and its tool finds nothing to improve in the page.

mod support;

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use support::{APPLICANT, Gateway, Process, Site, curl, free_port, part, until};

/// What Prometheus 2.42 sends.
const ACCEPT: &str = "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Three answers, two denials by policy, one invalid number, one caller without proof.
fn ask_around(gateway: &Gateway) {
    let household = format!("/public-security/v1/households/{APPLICANT}");
    for (token, path, status) in [
        ("s1-officer", household.as_str(), 200),
        ("s1-officer", household.as_str(), 200),
        ("s1-officer", household.as_str(), 200),
        ("s1-closed", household.as_str(), 403),
        ("s1-closed", household.as_str(), 403),
        ("s1-officer", "/public-security/v1/households/110105194912310021", 422),
    ] {
        let reply = gateway.ask("civil-affairs-window", token, path);
        assert_eq!(reply.status, status, "{reply:?}");
    }
    assert_eq!(curl(&gateway.url(&household), &gateway.trust()).status, 401);
}

#[test]
fn promtool_has_nothing_to_say_about_the_page() {
    let gateway = Site::lay_out().start();
    ask_around(&gateway);
    let page = gateway.admin("/metrics", &[]);
    assert_eq!(page.status, 200);
    let mut promtool = Command::new(part("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.body.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_format_is_negotiated() {
    let gateway = Site::lay_out().start();
    for (accept, content_type, ends) in [
        (ACCEPT, "application/openmetrics-text; version=1.0.0; charset=utf-8", true),
        ("Accept: text/plain", "text/plain; version=0.0.4; charset=utf-8", false),
        ("Accept: */*", "text/plain; version=0.0.4; charset=utf-8", false),
    ] {
        let page = gateway.admin("/metrics", &["-H", accept]);
        assert_eq!((page.status, page.header("content-type")), (200, content_type), "{accept}");
        assert_eq!(page.body.ends_with("\n# EOF\n"), ends, "{accept}");
    }
}

#[test]
fn prometheus_scrapes_what_happened() {
    let gateway = Site::lay_out().start();
    ask_around(&gateway);
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n- job_name: zhamen\n  static_configs:\n  - targets: [\"{}\"]\n",
        gateway.admin
    );
    fs::write(dir.path().join("prometheus.yml"), config).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(part("prometheus"));
    command
        .arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
        .arg(format!("--web.listen-address={address}"));
    let prometheus = Process::start(&mut command, &dir.path().join("output"));

    let police = "department=\"11330100MB00000359\",dataset=\"household\"";
    for (query, expect) in [
        ("up{job=\"zhamen\"}".to_owned(), "1"),
        (format!("zhamen_requests_total{{{police},decision=\"ALLOW_PARTIAL\",reason=\"\"}}"), "3"),
        (format!("zhamen_requests_total{{{police},decision=\"DENY\",reason=\"E-MATTER-CLOSED\"}}"), "2"),
        ("sum(zhamen_requests_total)".to_owned(), "7"),
        ("sum(zhamen_requests_total{reason=\"E-INVALID-ID\"})".to_owned(), "1"),
        ("sum(zhamen_requests_total{reason=\"E-IDENTITY\"})".to_owned(), "1"),
        ("zhamen_disclosures_total{label=\"religion\",mode=\"NONE\"}".to_owned(), "3"),
        ("zhamen_disclosures_total{label=\"id-number\",mode=\"PARTIAL\"}".to_owned(), "3"),
        ("zhamen_upstream_duration_seconds_count".to_owned(), "3"),
        ("sum(zhamen_tier_callers)".to_owned(), "1"),
        ("zhamen_audit_ok".to_owned(), "1"),
        ("zhamen_policy_reload_ok".to_owned(), "1"),
        ("sum(zhamen_upstream_endpoint_up)".to_owned(), "8"),
        ("zhamen_panics_total".to_owned(), "0"),
    ] {
        until(&format!("Prometheus to find {expect} for {query}"), || {
            prometheus.check();
            (value(&address, &query) == expect).then_some(())
        });
    }
}

/// The value of a query with one result; empty as long as there is none.
fn value(prometheus: &str, query: &str) -> String {
    let arguments = ["--get", "--data-urlencode", &format!("query={query}")].map(str::to_owned);
    let reply = curl(&format!("http://{prometheus}/api/v1/query"), &arguments);
    let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    match answer["data"]["result"].as_array().map(Vec::as_slice) {
        Some([one]) => one["value"][1].as_str().unwrap_or_default().to_owned(),
        Some(other) => format!("{} results", other.len()),
        None => String::new(),
    }
}
