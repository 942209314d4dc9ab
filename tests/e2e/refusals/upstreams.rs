//! Upstreams that fail, and answers that cannot be shown.

use super::{Row, carry_out, request};
use crate::support::upstream::{Play, answer, json};
use crate::support::{CIVIL, ENTERPRISE, MARKET, Stage};
use std::io::Write as _;
use std::time::Duration;

type Expect = (u16, &'static str, &'static str);

const FAILED: (u16, &str) = (502, "E-UPSTREAM");
const UNMASKABLE: (u16, &str) = (502, "E-UNMASKABLE");

pub fn run(stage: &Stage) {
    carry_out(stage, statuses(stage));
    carry_out(stage, answers(stage));
    carry_out(stage, bodies(stage));
    carry_out(stage, coded(stage));
    carry_out(stage, connections(stage));
    carry_out(stage, unreachable(stage));
}

fn row(
    stage: &Stage,
    name: &str,
    play: Play,
    (status, code): (u16, &'static str),
    cause: &'static str,
) -> Row {
    let send = request(&stage.token(MARKET.1), &format!("GET {ENTERPRISE}"), "");
    Row { play: Some(play), heard: 1, ..Row::new(name, send, (status, code, cause)) }
}

const DATA: &str = r#"{"data":[{"name":"x"}]}"#;
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn statuses(stage: &Stage) -> Vec<Row> {
    let table: &[(u16, (u16, &'static str), &'static str)] = &[
        (206, UNMASKABLE, "upstream_range"),
        (205, FAILED, "upstream_status"),
        (300, FAILED, "upstream_status"),
        (301, FAILED, "upstream_status"),
        (304, FAILED, "upstream_status"),
        (302, FAILED, "upstream_status"),
        (400, FAILED, "upstream_status"),
        (401, FAILED, "upstream_status"),
        (404, (404, "E-NOT-FOUND"), "no_record"),
        (410, (404, "E-NOT-FOUND"), "no_record"),
        (429, FAILED, "upstream_status"),
        (500, FAILED, "upstream_status"),
        (503, FAILED, "upstream_status"),
    ];
    let headers = &[JSON, ("Location", "http://10.0.0.1/"), ("Retry-After", "1")];
    let row = |&(status, told, cause): &(u16, (u16, &'static str), &'static str)| {
        row(stage, &format!("status {status}"), Play::Answer(answer(status, headers, DATA)), told, cause)
    };
    table.iter().map(row).collect()
}

fn answers(stage: &Stage) -> Vec<Row> {
    let table: &[(&[(&str, &str)], &'static str)] = &[
        (&[("Content-Type", "text/html")], "upstream_type"),
        (&[("Content-Type", "application/json; charset=gbk")], "upstream_type"),
        (&[JSON, ("Content-Type", "text/plain")], "upstream_type"),
        (&[], "upstream_type"),
        (&[JSON, ("Content-Encoding", "compress")], "upstream_coding"),
        (&[JSON, ("Content-Encoding", "gzip, br, zstd, gzip")], "upstream_coding"),
        (&[JSON, ("Content-Encoding", "gzip")], "decode_label"),
        (&[JSON, ("Content-Encoding", "br")], "decode_garbage"),
        (&[JSON, ("X-ClickHouse-Exception-Code", "395")], "upstream_exception"),
        (&[JSON, ("Content-Range", "bytes 0-9/100")], "upstream_range"),
        (&[("Content-Type", "application/xml")], "upstream_type"),
        (&[("Content-Type", "text/csv")], "upstream_type"),
        (&[("Content-Type", "application/problem+json")], "upstream_type"),
        (&[("Content-Type", "application/vnd.apache.arrow.stream")], "upstream_type"),
        (&[("Content-Type", "application/vnd.apache.parquet")], "upstream_type"),
    ];
    let row = |&(headers, cause): &(&[(&str, &str)], &'static str)| {
        let told = if cause == "upstream_exception" { FAILED } else { UNMASKABLE };
        row(stage, &format!("{headers:?}"), Play::Answer(answer(200, headers, DATA)), told, cause)
    };
    table.iter().map(row).collect()
}

fn bodies(stage: &Stage) -> Vec<Row> {
    let deep = format!("{{\"data\":[{{\"name\":{}", "[".repeat(100));
    let long = format!("{{\"data\":[{{\"name\":\"{}\"}}]}}", "x".repeat(200_000));
    let table: &[(&str, &'static str)] = &[
        ("", "mask_failed"),
        ("not JSON", "mask_failed"),
        (r#"{"data":[{"name":"x""#, "mask_failed"),
        (r#"{"data":[{"name":"x","name":"y"}]}"#, "mask_failed"),
        (r#"{"data":[{"name":"x","n\u0061me":"y"}]}"#, "mask_failed"),
        (r#"{"data":[]} {}"#, "mask_failed"),
        (&deep, "mask_failed"),
        (&long, "body_limit"),
    ];
    let mut rows: Vec<Row> = table
        .iter()
        .map(|(body, cause)| {
            row(stage, &format!("body {body:.40}"), Play::Answer(json(body)), UNMASKABLE, cause)
        })
        .collect();
    rows.push(row(
        stage,
        "not UTF-8",
        Play::Answer(answer(200, &[JSON], b"{\"data\":[{\"name\":\"\xff\"}]}")),
        UNMASKABLE,
        "mask_failed",
    ));
    rows
}

/// Coded answers that are cut off, run over, or too much of a good thing.
fn coded(stage: &Stage) -> Vec<Row> {
    let gzip = |text: &[u8]| {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        coder.write_all(text).unwrap();
        coder.finish().unwrap()
    };
    let whole = gzip(DATA.as_bytes());
    let table: Vec<(&str, Vec<u8>, &'static str)> = vec![
        ("cut off", whole[..whole.len() - 1].to_vec(), "decode_truncated"),
        ("followed", [&whole[..], b"more"].concat(), "decode_trailing"),
        ("coded twice", gzip(&whole), "mask_failed"),
    ];
    let headers = &[JSON, ("Content-Encoding", "gzip")];
    let row = |(name, body, cause): (&str, Vec<u8>, &'static str)| {
        row(stage, name, Play::Answer(answer(200, headers, body)), UNMASKABLE, cause)
    };
    table.into_iter().map(row).collect()
}

fn connections(stage: &Stage) -> Vec<Row> {
    let text = |text: &str| Play::Close(text.as_bytes().to_vec());
    let second = Duration::from_secs(2);
    let slow = (504, "E-UPSTREAM-TIMEOUT");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let cut = format!("{head}Content-Length: 100\r\n\r\n{{\"data\":");
    let twice = format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}");
    let both = format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n");
    vec![
        row(stage, "silent", Play::Pieces(vec![(Vec::new(), second)]), slow, "upstream_timeout"),
        row(
            stage,
            "silent later",
            Play::Pieces(vec![(cut.clone().into_bytes(), second * 2)]),
            slow,
            "upstream_timeout",
        ),
        // A safe request is asked once more where the connection broke before an answer.
        Row { heard: 2, ..row(stage, "reset", Play::Reset, FAILED, "upstream_reset") },
        row(stage, "not HTTP", text("hello\r\n\r\n"), FAILED, "upstream_malformed"),
        row(stage, "two lengths", text(&twice), FAILED, "upstream_malformed"),
        row(stage, "length and chunks", text(&both), FAILED, "upstream_malformed"),
        row(stage, "bad chunk", text(&chunk), FAILED, "upstream_malformed"),
        row(stage, "cut short", text(&cut), FAILED, "upstream_reset"),
    ]
}

/// 税务 is down, and left alone after three times; 社保 does not speak TLS.
fn unreachable(stage: &Stage) -> Vec<Row> {
    let token = stage.token(CIVIL.1);
    let ask = |name: &str, path: &str, expect: Expect| {
        let send = request(&token, &format!("GET {path}"), "");
        Row { application: CIVIL.0, ..Row::new(name, send, expect) }
    };
    let tax = "/tax/v1/income/330106196502142015";
    let down = || ask("down", tax, (502, "E-UPSTREAM", "upstream_connect"));
    let social = "/social-insurance/v1/contributions/330106196502142015";
    vec![
        down(),
        down(),
        down(),
        ask("left alone", tax, (503, "E-UNAVAILABLE", "upstream_unhealthy")),
        ask("no TLS", social, (502, "E-UPSTREAM", "upstream_tls")),
    ]
}
