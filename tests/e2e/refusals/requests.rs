//! Requests that cannot be read in exactly one way, or that ask for what is not offered.

use super::{Row, carry_out, request};
use crate::support::{CIVIL, ENTERPRISE, MARKET, Stage};
use std::time::Duration;
use zhamen::config::Settings;
use zhamen::config::settings::Quota;

const VERIFY: &str = "POST /civil-affairs/v1/marriages/verify";
const JSON: &str = "Content-Type: application/json\r\n";

/// Quotas that do not interfere, and little patience with slow callers.
pub fn patient(settings: &mut Settings) {
    let plenty = Quota { per_second: 10_000, burst: 10_000 };
    let quotas = &mut settings.quotas;
    (quotas.caller, quotas.application, quotas.department, quotas.total) = (plenty, plenty, plenty, plenty);
    settings.limits.header_timeout = Duration::from_secs(1);
    settings.limits.body_timeout = Duration::from_secs(1);
    settings.limits.answer_bytes_max = 100_000;
}

pub fn run(stage: &Stage) {
    let token = stage.token(MARKET.1);
    carry_out(stage, targets(&token));
    carry_out(stage, heads(&token));
    carry_out(stage, raw_heads(&token));
    carry_out(stage, bodies(&token));
    carry_out(stage, documents(&stage.token(CIVIL.1)));
    offered(stage, &token);
}

fn targets(token: &str) -> Vec<Row> {
    let list = "/market-regulation/v1/enterprises";
    let long = format!("{list}?q={}", "x".repeat(5000));
    let pairs: Vec<String> = (0..40).map(|number| format!("p{number}=1")).collect();
    let many = format!("{list}?{}", pairs.join("&"));
    let invalid = (400, "E-REQUEST", "parameter_invalid");
    let bad = (400, "E-REQUEST", "bad_target");
    let table: &[(&str, (u16, &'static str, &'static str))] = &[
        ("/market-regulation/v1/../v1/enterprises", bad),
        ("/market-regulation/./v1/enterprises", bad),
        ("/market-regulation/%2e%2e/v1", bad),
        ("/market-regulation/v1%2fenterprises", bad),
        ("/market-regulation/v1%5centerprises", bad),
        ("/market-regulation/v1/%252e%252e", bad),
        ("/market-regulation/v1/enterprises;v=1", bad),
        ("/market-regulation/v1/%00", bad),
        ("/market-regulation/v1/%zz", bad),
        ("/market-regulation//v1", bad),
        ("/market-regulation/v1/enterprises/", bad),
        ("/market-regulation/v1/enterprises#x", bad),
        ("*", bad),
        ("market-regulation", bad),
        (&long, (414, "E-TARGET-SIZE", "target_size")),
        (&many, (414, "E-TARGET-SIZE", "target_size")),
        ("/market-regulation/v1/enterprises?page=1;size=2", invalid),
        ("/market-regulation/v1/enterprises?page=x", invalid),
        ("/market-regulation/v1/enterprises?size=101", invalid),
        ("/market-regulation/v1/enterprises?page=1&Page=2", (400, "E-REQUEST", "parameter_twice")),
        ("/market-regulation/v1/enterprises?size=1&size=1", (400, "E-REQUEST", "parameter_twice")),
        ("/market-regulation/v1/enterprises?rows=1", (400, "E-REQUEST", "parameter_unknown")),
        ("/market-regulation/v1/enterprises?access_token=x", (400, "E-IDENTITY", "credential_ambiguous")),
        ("http://localhost/market-regulation/v1/enterprises", (400, "E-REQUEST", "host_mismatch")),
        ("https://other/market-regulation/v1/enterprises", (400, "E-REQUEST", "host_mismatch")),
        ("/market-regulation/v2/enterprises", (404, "E-NOT-FOUND", "no_route")),
        ("/market-regulation/v1/enterprises/91330100MA2DEMAO08", (422, "E-INVALID-ID", "identifier_invalid")),
    ];
    let row = |(target, expect): &(&str, _)| {
        Row::new(&format!("{target:.60}"), request(token, &format!("GET {target}"), ""), *expect)
    };
    table.iter().map(row).collect()
}

fn heads(token: &str) -> Vec<Row> {
    let header = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let fields = "X-A: b\r\n".repeat(101);
    let large = (431, "E-HEADER-SIZE", "header_size");
    let identity = (400, "E-REQUEST", "identity_header");
    let table: &[(&str, (u16, &'static str, &'static str))] = &[
        ("Host: localhost\r\n", (400, "E-REQUEST", "bad_host")),
        ("X-A: b\r\n folded\r\n", (400, "E-REQUEST", "bad_header")),
        ("X-A : b\r\n", (400, "E-REQUEST", "bad_header")),
        ("X-A: \u{1}\r\n", (400, "E-REQUEST", "bad_header")),
        ("Traceparent: a\r\nTraceparent: b\r\n", (400, "E-REQUEST", "bad_header")),
        ("Connection: authorization\r\n", (400, "E-REQUEST", "bad_header")),
        (&header, large),
        (&fields, large),
        ("Purpose: a\r\nPurpose: b\r\n", identity),
        ("X_User: root\r\n", identity),
        ("X_Forwarded_For: 10.0.0.1\r\n", identity),
        ("X-Road-Id: 1\r\nX-Road-Id: 2\r\n", identity),
        ("X-HTTP-Method-Override: DELETE\r\n", (400, "E-REQUEST", "override_header")),
        ("X-Original-URL: /admin\r\n", (400, "E-REQUEST", "override_header")),
        ("Expect: 200-maybe\r\n", (417, "E-EXPECT", "expect")),
        ("Connection: upgrade\r\nUpgrade: websocket\r\n", (400, "E-REQUEST", "upgrade_refused")),
        ("Content-Length: +5\r\n", (400, "E-REQUEST", "bad_length")),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", (400, "E-REQUEST", "bad_length")),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", (400, "E-REQUEST", "ambiguous_framing")),
        ("Transfer-Encoding: chunked, chunked\r\n", (400, "E-REQUEST", "ambiguous_framing")),
        ("Transfer-Encoding: gzip\r\n", (400, "E-REQUEST", "ambiguous_framing")),
        ("Trailer: Authorization\r\n", (400, "E-REQUEST", "trailer_forbidden")),
        ("Accept: text/html\r\n", (406, "E-NOT-ACCEPTABLE", "accept")),
        ("Content-Length: 2\r\n", (400, "E-REQUEST", "body_unexpected")),
    ];
    let line = format!("GET {ENTERPRISE}");
    let row =
        |(more, expect): &(&str, _)| Row::new(&format!("{more:.40}"), request(token, &line, more), *expect);
    table.iter().map(row).collect()
}

/// Heads that are not the usual one with something added.
fn raw_heads(token: &str) -> Vec<Row> {
    let bearer = format!("Authorization: Bearer {token}");
    let table = [
        (format!("GET {ENTERPRISE} HTTP/1.1\r\n{bearer}\r\n\r\n"), (400, "E-REQUEST", "bad_host")),
        (
            format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: a b\r\n{bearer}\r\n\r\n"),
            (400, "E-REQUEST", "bad_host"),
        ),
        (format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: evil\r\n\r\n"), (421, "E-MISDIRECTED", "misdirected")),
        (
            format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: refused\r\n\r\n"),
            (421, "E-MISDIRECTED", "misdirected"),
        ),
        (format!("GET {ENTERPRISE} HTTP/1.2\r\nHost: localhost\r\n\r\n"), (505, "E-VERSION", "version")),
        (format!("GET {ENTERPRISE}\r\nHost: localhost\r\n\r\n"), (505, "E-VERSION", "version")),
        (format!("GET {ENTERPRISE} HTTP/1.1\nHost: localhost\n\n"), (400, "E-REQUEST", "not_http")),
        ("\u{16}\u{3}\u{1}".to_owned(), (400, "E-REQUEST", "not_http")),
        (format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: loc"), (408, "E-SLOW", "slow_client")),
        (format!("FROB {ENTERPRISE} HTTP/1.1\r\nHost: localhost\r\n\r\n"), (501, "E-METHOD", "method")),
        (format!("TRACE {ENTERPRISE} HTTP/1.1\r\nHost: localhost\r\n\r\n"), (501, "E-METHOD", "method")),
        ("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), (501, "E-METHOD", "method")),
    ];
    let row = |(bytes, expect): (String, _)| {
        Row::new(&format!("{:?}", &bytes[..bytes.len().min(70)]), bytes.into_bytes(), expect)
    };
    table.into_iter().map(row).collect()
}

/// Faults that show while the body is read.
fn bodies(token: &str) -> Vec<Row> {
    let chunked = format!("{JSON}Transfer-Encoding: chunked\r\n");
    let extension = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(300));
    let large = format!("{JSON}Content-Length: 70000\r\n");
    let bytes = "x".repeat(70_000);
    let table: &[(&str, &str, (u16, &'static str, &'static str))] = &[
        (&chunked, "2\r\n{}\r\n0\r\nAuthorization: x\r\n\r\n", (400, "E-REQUEST", "trailer_forbidden")),
        (&chunked, "2\r\n{}\r\n0\r\nContent-Length: 1\r\n\r\n", (400, "E-REQUEST", "trailer_forbidden")),
        (&chunked, "zz\r\n{}\r\n", (400, "E-REQUEST", "bad_chunk")),
        (&chunked, "0x2\r\n{}\r\n0\r\n\r\n", (400, "E-REQUEST", "bad_chunk")),
        (&chunked, "2\r\n{}x\r\n", (400, "E-REQUEST", "bad_chunk")),
        (&chunked, "2\n{}\n0\n\n", (400, "E-REQUEST", "bad_chunk")),
        (&chunked, &extension, (413, "E-TOO-LARGE", "chunk_overhead")),
        (&large, &bytes, (413, "E-TOO-LARGE", "body_size")),
        (&large, "{", (413, "E-TOO-LARGE", "body_size")),
        (&chunked, "2\r\n{", (408, "E-SLOW", "slow_body")),
    ];
    let row = |(more, body, expect): &(&str, &str, _)| {
        let mut send = request(token, VERIFY, more);
        send.extend_from_slice(body.as_bytes());
        Row::new(&format!("body {body:.40}"), send, *expect)
    };
    table.iter().map(row).collect()
}

/// Bodies that are whole and wrong, of the civil affairs window.
fn documents(token: &str) -> Vec<Row> {
    let format = (400, "E-REQUEST", "body_format");
    let missing = (400, "E-REQUEST", "parameter_missing");
    let table: &[(&str, &str, (u16, &'static str, &'static str))] = &[
        (JSON, "{", format),
        (JSON, "[]", format),
        (JSON, r#"{"id":"330106196502142015","id":"33010619581111331X"}"#, format),
        ("Content-Type: text/plain\r\n", "{}", format),
        ("Content-Type: application/json; charset=gbk\r\n", "{}", format),
        ("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "{}", format),
        ("", r#"{"id":"330106196502142015"}"#, format),
        (JSON, "{}", missing),
        (JSON, r#"{"id":["330106196502142015"]}"#, missing),
        (
            JSON,
            r#"{"id":"110105194912310021","claimedStatus":"married"}"#,
            (422, "E-INVALID-ID", "identifier_invalid"),
        ),
    ];
    let row = |(more, body, expect): &(&str, &str, _)| {
        let mut send = request(token, VERIFY, &format!("{more}Content-Length: {}\r\n", body.len()));
        send.extend_from_slice(body.as_bytes());
        Row { application: CIVIL.0, ..Row::new(&format!("document {more:.30}{body}"), send, *expect) }
    };
    table.iter().map(row).collect()
}

/// A method that is not offered is refused with those that are.
fn offered(stage: &Stage, token: &str) {
    let row = |method: &str| {
        let send = request(token, &format!("{method} {ENTERPRISE}"), "");
        Row::new(method, send, (405, "E-METHOD", "method_not_offered"))
    };
    carry_out(stage, ["PUT", "DELETE", "PATCH", "POST"].map(row).into());
    let reply = stage.ask(MARKET.0, &request(token, &format!("PUT {ENTERPRISE}"), ""));
    assert_eq!(reply.header("allow"), Some("GET, HEAD"), "{}", reply.head);
}

#[test]
fn unknown_headers_change_nothing_and_go_nowhere() {
    let stage = crate::support::Ground::lay().start(|_| ());
    let more = "X-Forwarded-For: 10.0.0.1\r\n\
                Range: bytes=0-1\r\nIf-None-Match: \"a\"\r\nCookie: a=b\r\nX-Unknown: 1\r\n";
    let reply = stage.ask(MARKET.0, &request(&stage.token(MARKET.1), &format!("GET {ENTERPRISE}"), more));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let heard = stage.upstream().heard();
    assert_eq!((heard.len(), heard[0].method.as_str(), heard[0].target.as_str()), (1, "GET", ENTERPRISE));
    for line in more.lines() {
        let name = line.split(':').next().unwrap();
        assert_eq!(heard[0].header(name), None, "{}", heard[0].head);
    }
}
