//! Receipts, from the caller's request to a check without the gateway.

use crate::support::client::Reply;
use crate::support::upstream::{Play, answer};
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually};
use std::io::Read as _;
use std::process::Command;
use zhamen::config::Settings;
use zhamen::config::settings::Quota;
use zhamen::engine::evidence::note::SigningKey;
use zhamen::engine::evidence::receipt::{Claims, Expected, Mismatch, Signer, verify};

const SEED: [u8; 32] = [7; 32];

/// Changes the key of the demo for one that is known; gives its public part.
fn started(change: impl FnOnce(&mut Settings)) -> (Stage, [u8; 32]) {
    let ground = Ground::lay();
    std::fs::write(ground.path("certs/audit.key"), SEED).unwrap();
    (ground.start(change), Signer::from_seed(&SEED).unwrap().public_key())
}

fn ask(stage: &Stage, (application, pass): (Option<&str>, &str), line: &str, more: &str) -> Reply {
    stage.ask(application, &crate::refusals::request(&stage.token(pass), line, more))
}

fn receipted(stage: &Stage, who: (Option<&str>, &str), path: &str) -> (Reply, String) {
    let reply = ask(stage, who, &format!("GET {path}"), "Prefer: respond-async, receipt\r\n");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let receipt = reply.header("zhamen-receipt").unwrap_or_else(|| panic!("{}", reply.head)).to_owned();
    (reply, receipt)
}

#[test]
fn a_short_answer_carries_its_receipt() {
    let (stage, public) = started(|_| ());
    let (reply, receipt) = receipted(&stage, CIVIL, HOUSEHOLD);
    assert_eq!(reply.header("preference-applied"), Some("receipt"));
    let claims = verify(&receipt, &public).unwrap();
    let id = reply.request_id();
    let all = Expected {
        request_id: Some(&id),
        caller: Some("civil-affairs-window|mz-0417"),
        body: Some(&reply.body),
    };
    assert_eq!(all.check(&claims), Ok(()));
    let entry = stage.entry(&id);
    assert_eq!(
        (entry["seq"].as_u64(), entry["hash"].as_str()),
        (Some(claims.entry.seq), Some(&*claims.entry.hash))
    );
    assert_eq!(entry["policy_digest"], claims.policy_digest.as_str());
    assert_eq!(
        (claims.decision.as_str(), entry["decision"].as_str()),
        ("ALLOW_PARTIAL", Some("ALLOW_PARTIAL"))
    );
    assert_eq!((claims.status, claims.subjects, claims.dataset.as_str()), (200, Some(1), "household"));
    let modes: Vec<_> = claims.labels.iter().map(|label| (&*label.label, &*label.mode)).collect();
    let entered = entry["modes"].as_array().unwrap().iter();
    let entered: Vec<_> =
        entered.map(|mode| (mode["label"].as_str().unwrap(), mode["mode"].as_str().unwrap())).collect();
    assert_eq!(modes, entered);
    assert!(eventually(|| !stage.entries_of("outcome", &id).is_empty()));
    let outcome = stage.entries_of("outcome", &id).remove(0);
    assert_eq!(outcome["sha256"], claims.body.sha256.as_str());
    assert_eq!(outcome["records"].as_u64(), claims.records);
}

#[test]
fn nobody_gets_one_unasked_and_a_route_can_always_ask() {
    let (stage, public) = started(|settings| settings.audit.best_effort_l1 = true);
    let without = stage.get(MARKET, ENTERPRISE);
    assert_eq!((without.status, without.header("zhamen-receipt")), (200, None));
    // Best effort would not have waited for an entry; a receipt needs one.
    let (reply, receipt) = receipted(&stage, MARKET, ENTERPRISE);
    let claims = verify(&receipt, &public).unwrap();
    assert_eq!(stage.entry(&reply.request_id())["hash"], claims.entry.hash.as_str());
    stage.ground.edit("policies/catalogue/market-regulation.yaml", |text| {
        text.replace("    interface: QUERY\n", "    interface: QUERY\n    receipt: always\n")
    });
    assert!(eventually(|| stage.get(MARKET, ENTERPRISE).header("zhamen-receipt").is_some()));
    let always = stage.get(MARKET, ENTERPRISE);
    assert_eq!(always.header("preference-applied"), None, "nobody asked");
    assert!(verify(always.header("zhamen-receipt").unwrap(), &public).is_ok());
    let head = ask(&stage, MARKET, &format!("HEAD {ENTERPRISE}"), "Connection: close\r\n");
    let claims = verify(head.header("zhamen-receipt").unwrap(), &public).unwrap();
    assert_eq!(claims.body.bytes, 0);
}

#[test]
fn without_a_key_there_are_no_receipts_and_the_answer_is_the_same() {
    let stage = Ground::lay().start(|settings| settings.audit.signing_key_file = None);
    let reply = ask(&stage, MARKET, &format!("GET {ENTERPRISE}"), "Prefer: receipt\r\n");
    assert_eq!((reply.status, reply.header("zhamen-receipt")), (200, None));
    assert_eq!(reply.header("preference-applied"), None);
}

#[test]
fn the_receipt_of_one_answer_fits_no_other() {
    let (stage, public) = started(|_| ());
    let answers = [
        receipted(&stage, CIVIL, HOUSEHOLD),
        receipted(&stage, CIVIL, HOUSEHOLD),
        receipted(&stage, MARKET, ENTERPRISE),
    ];
    let claims: Vec<Claims> = answers.iter().map(|(_, receipt)| verify(receipt, &public).unwrap()).collect();
    for (at, (reply, _)) in answers.iter().enumerate() {
        let id = reply.request_id();
        for (of, claims) in claims.iter().enumerate() {
            let expected = Expected { request_id: Some(&id), body: Some(&reply.body), ..Expected::default() };
            let wanted = if at == of { Ok(()) } else { Err(Mismatch::Request) };
            assert_eq!(expected.check(claims), wanted, "answer {at}, receipt {of}");
        }
    }
    let other = Expected { body: Some(&answers[2].0.body), ..Expected::default() };
    assert_eq!(other.check(&claims[0]), Err(Mismatch::Body));
    assert!(claims[0].entry != claims[1].entry, "the same question twice is two entries");
}

/// An answer too long to be whole before its head.
fn long_answer(stage: &Stage) {
    answer_of(stage, 200);
}

fn answer_of(stage: &Stage, records: usize) {
    let record = format!("{{\"name\":\"{}\"}}", "x".repeat(2000));
    let body = format!("{{\"data\":[{}]}}", vec![record; records].join(","));
    stage.upstream().always(Play::Answer(answer(200, &[("Content-Type", "application/json")], &body)));
}

const LONG: &str = "/market-regulation/v1/enterprises?size=100";

/// Head, body and trailers of an answer in chunks.
fn raw(stage: &Stage, more: &str) -> (String, Vec<u8>, String) {
    let token = stage.token(MARKET.1);
    let more = format!("{more}Connection: close, te\r\n");
    let mut connection = stage.connect(MARKET.0);
    connection.send(&crate::refusals::request(&token, &format!("GET {LONG}"), &more)).unwrap();
    let mut bytes = Vec::new();
    let _ = connection.stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (mut rest, mut body) = (&bytes[end + 4..], Vec::new());
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        if size == 0 {
            return (head, body, String::from_utf8_lossy(rest).into_owned());
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

#[test]
fn a_long_answer_carries_its_receipt_behind_it() {
    let (stage, public) = started(|_| ());
    long_answer(&stage);
    let (head, body, trailers) = raw(&stage, "Prefer: receipt\r\nTE: trailers\r\n");
    assert!(head.to_ascii_lowercase().contains("trailer: zhamen-receipt"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("\nzhamen-receipt:"), "{head}");
    let receipt = trailers.trim().strip_prefix("zhamen-receipt: ").unwrap_or_else(|| panic!("{trailers}"));
    let claims = verify(receipt, &public).unwrap();
    assert!(body.len() > 64 * 1024);
    assert_eq!(claims.records, Some(100), "as many as the route gives");
    assert_eq!(Expected { body: Some(&body), ..Expected::default() }.check(&claims), Ok(()));
    assert_eq!(claims.subjects, Some(0), "none of the fields that name one is in it");
    assert!(eventually(|| !stage.entries_of("outcome", &claims.jti).is_empty()));
    let outcome = stage.entries_of("outcome", &claims.jti).remove(0);
    assert_eq!(
        (outcome["sha256"].as_str(), &outcome["delivered"]),
        (Some(&*claims.body.sha256), &true.into())
    );

    let (head, body, trailers) = raw(&stage, "Prefer: receipt\r\n");
    assert!(head.to_ascii_lowercase().contains("zhamen-warning: receipt-needs-trailers"), "{head}");
    assert_eq!((trailers.trim(), body.is_empty()), ("", false));
}

/// A receipt is over the bytes that the caller gets, so it is checked before they are unpacked.
#[test]
fn a_compressed_answer_carries_the_receipt_of_what_leaves() {
    let (stage, public) = started(|_| ());
    answer_of(&stage, 10);
    let packed = "Prefer: receipt\r\nAccept-Encoding: gzip\r\n";
    let reply = ask(&stage, MARKET, &format!("GET {LONG}"), packed);
    assert_eq!(reply.header("content-encoding"), Some("gzip"), "{}", reply.head);
    let claims = verify(reply.header("zhamen-receipt").unwrap(), &public).unwrap();
    fits_as_it_came(&claims, &reply.body, 10);

    long_answer(&stage);
    let (head, body, trailers) = raw(&stage, &format!("{packed}TE: trailers\r\n"));
    assert!(head.to_ascii_lowercase().contains("content-encoding: gzip"), "{head}");
    let receipt = trailers.trim().strip_prefix("zhamen-receipt: ").unwrap_or_else(|| panic!("{trailers}"));
    fits_as_it_came(&verify(receipt, &public).unwrap(), &body, 100);
}

fn fits_as_it_came(claims: &Claims, body: &[u8], records: u64) {
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut unpacked).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&unpacked).is_ok());
    let fits = |body| Expected { body: Some(body), ..Expected::default() }.check(claims);
    assert_eq!((fits(body), fits(&unpacked)), (Ok(()), Err(Mismatch::Body)));
    assert_eq!((claims.records, claims.body.bytes), (Some(records), body.len() as u64));
}

/// HTTP/2 carries trailers in frames of their own, so nobody has to announce that he reads them.
#[test]
fn a_long_answer_over_http_2_has_its_trailer() {
    let (stage, public) = started(|_| ());
    long_answer(&stage);
    let (config, token) = (stage.tls(MARKET.0, "h2"), stage.token(MARKET.1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (body, receipt) = runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(stage.data).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let tls = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(tls);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("https://localhost{LONG}"))
            .header("authorization", format!("Bearer {token}"))
            .header("prefer", "receipt")
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let collected = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
        let receipt = collected.trailers().unwrap()["zhamen-receipt"].to_str().unwrap().to_owned();
        (collected.to_bytes(), receipt)
    });
    let claims = verify(&receipt, &public).unwrap();
    assert_eq!(Expected { body: Some(&body), ..Expected::default() }.check(&claims), Ok(()));
}

fn command(stage: &Stage, receipt: &str, more: &[&str]) -> (i32, String) {
    let vkey = SigningKey::of_seed("zhamen.local/audit", &SEED).unwrap().verifier().to_string();
    std::fs::write(stage.ground.path("receipt"), receipt).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_zhamen"))
        .current_dir(stage.ground.dir.path())
        .args(["audit", "receipt", "receipt", "--key", &vkey])
        .args(more)
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

#[test]
fn the_command_checks_receipts_without_the_gateway() {
    let (mut stage, _) = started(|_| ());
    let (reply, receipt) = receipted(&stage, CIVIL, HOUSEHOLD);
    let (other, _) = receipted(&stage, MARKET, ENTERPRISE);
    stage.stop();
    std::fs::write(stage.ground.path("body"), &reply.body).unwrap();
    std::fs::write(stage.ground.path("other"), &other.body).unwrap();
    let id = reply.request_id();
    let changed = receipt.replacen("eyJ", "eyK", 1);
    let table: [(&str, &[&str], i32, &str); 8] = [
        (&receipt, &[], 0, "\"ALLOW_PARTIAL\""),
        (&receipt, &["--body", "body", "--request-id", &id, "--log", "audit"], 0, &id),
        (&receipt, &["--body", "other"], 1, "another answer"),
        (&receipt, &["--request-id", "r-1"], 1, "another request"),
        (&receipt, &["--caller", "market-window"], 1, "another caller"),
        (&receipt, &["--log", "policies"], 2, "no audit log"),
        (&changed, &[], 1, "not a receipt"),
        (&receipt, &["--body", "nowhere"], 2, "nowhere"),
    ];
    for (receipt, more, code, says) in table {
        let (exit, said) = command(&stage, receipt, more);
        assert!(exit == code && said.contains(says), "{more:?}: {exit} {said}");
    }
}

/// What is refused, why, and how often the upstream hears of it is `refusals`' matter; here each has a
/// receipt that says the same as the document and the log, and is nobody else's.
#[test]
fn every_refusal_of_a_proved_caller_has_its_own_receipt() {
    let (stage, public) = started(|_| ());
    stage.upstream().always(Play::Answer(answer(500, &[("Content-Type", "application/json")], "{}")));
    let get = |path: &str| format!("GET {path}");
    let invalid = ENTERPRISE.strip_suffix('8').unwrap();
    let table: [(String, (u16, &str), &str, &str); 6] = [
        (get(HOUSEHOLD), (403, "E-PURPOSE-MISMATCH"), "DENY", "household"),
        (get(invalid), (422, "E-INVALID-ID"), "REFUSED", "enterprise"),
        (get("/market-regulation/v1/nothing"), (404, "E-NOT-FOUND"), "REFUSED", ""),
        (format!("DELETE {ENTERPRISE}"), (405, "E-METHOD"), "REFUSED", ""),
        (get(&format!("{ENTERPRISE}?x=1")), (400, "E-REQUEST"), "REFUSED", "enterprise"),
        (get(ENTERPRISE), (502, "E-UPSTREAM"), "REFUSED", "enterprise"),
    ];
    let mut given: Vec<(Reply, Claims)> = Vec::new();
    for (line, (status, code), decision, dataset) in table {
        let reply = ask(&stage, MARKET, &line, "Prefer: receipt\r\n");
        let claims = verify(receipt_on(&reply), &public).unwrap();
        let told = (reply.status, reply.code(), claims.reasons[0].as_str());
        assert_eq!(told, (status, code.to_owned(), code), "{line}: {}", reply.text());
        let stated = (claims.status, claims.decision.as_str(), claims.dataset.as_str());
        assert_eq!(stated, (status, decision, dataset), "{line}");
        assert_eq!(reply.header("preference-applied"), Some("receipt"));
        stands_in_the_log(&stage, &reply, &claims);
        given.push((reply, claims));
    }
    for (at, (reply, _)) in given.iter().enumerate() {
        let id = reply.request_id();
        for (of, (_, claims)) in given.iter().enumerate() {
            let caller = Some("market-window|sj-0302");
            let expected = Expected { request_id: Some(&id), caller, body: Some(&reply.body) };
            let wanted = if at == of { Ok(()) } else { Err(Mismatch::Request) };
            assert_eq!(expected.check(claims), wanted, "refusal {at}, receipt {of}");
            let body = Expected { body: Some(&reply.body), ..Expected::default() };
            assert_eq!(body.check(claims).is_ok(), at == of, "document {at}, receipt {of}");
        }
    }
}

/// To HEAD there is no document; the receipt is of the same refusal all the same.
#[test]
fn a_refusal_to_head_has_a_receipt_of_no_bytes() {
    let (stage, public) = started(|_| ());
    let token = stage.token(MARKET.1);
    let mut connection = stage.connect(MARKET.0);
    let more = "Prefer: receipt\r\nConnection: close\r\n";
    connection.send(&crate::refusals::request(&token, &format!("HEAD {HOUSEHOLD}"), more)).unwrap();
    let mut said = String::new();
    let _ = connection.stream.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 403"), "{said}");
    let receipt = said.lines().find_map(|line| line.strip_prefix("zhamen-receipt: ")).unwrap();
    let claims = verify(receipt, &public).unwrap();
    assert_eq!((claims.decision.as_str(), claims.body.bytes), ("DENY", 0));
}

fn receipt_on(reply: &Reply) -> &str {
    reply.header("zhamen-receipt").unwrap_or_else(|| panic!("{}\n{}", reply.head, reply.text()))
}

/// The receipt's place is the entry that says of this request what the receipt says.
fn stands_in_the_log(stage: &Stage, reply: &Reply, claims: &Claims) {
    let id = reply.request_id();
    let is_it = |entry: &serde_json::Value| entry["seq"].as_u64() == Some(claims.entry.seq);
    // No waiting: it was durable before the answer left.
    let entry = stage.entries().into_iter().find(is_it).expect("the entry is there with the receipt");
    assert_eq!(
        (entry["hash"].as_str(), entry["request_id"].as_str()),
        (Some(&*claims.entry.hash), Some(&*id))
    );
    assert_eq!(entry["status"], claims.status, "{entry}");
    if entry["kind"] == "request" {
        assert_eq!(entry["policy_digest"], claims.policy_digest.as_str());
        assert_eq!(
            (&entry["decision"], &entry["reason"]),
            (&claims.decision.as_str().into(), &claims.reasons[0].as_str().into())
        );
    } else {
        // It was allowed first, and could not be answered then.
        assert_eq!((&entry["kind"], &entry["delivered"]), (&"outcome".into(), &false.into()), "{entry}");
    }
}

#[test]
fn refusals_over_quota_have_receipts_and_those_of_nobody_have_none() {
    let one = Quota { per_second: 1, burst: 16 };
    let (stage, public) = started(|settings| settings.quotas.caller = one);
    let wanted = "Prefer: receipt\r\n";
    for token in ["abc", &stage.ground.mint(MARKET.1, |claims| claims["iss"] = "https://idp.example".into())]
    {
        let request = crate::refusals::request(token, &format!("GET {ENTERPRISE}"), wanted);
        let reply = stage.ask(MARKET.0, &request);
        assert_eq!((reply.status, reply.header("zhamen-receipt")), (401, None), "{}", reply.head);
    }
    let unasked = stage.get(MARKET, HOUSEHOLD);
    assert_eq!((unasked.status, unasked.header("zhamen-receipt")), (403, None));
    let mut replies = (0..60).map(|_| ask(&stage, MARKET, &format!("GET {ENTERPRISE}"), wanted));
    let reply = replies.find(|reply| reply.status == 429).expect("the quota runs out");
    let claims = verify(receipt_on(&reply), &public).unwrap();
    assert_eq!((claims.decision.as_str(), claims.reasons.join(",").as_str()), ("REFUSED", "E-EXCESSIVE"));
    assert!(claims.labels.is_empty() && claims.records.is_none());
    stands_in_the_log(&stage, &reply, &claims);
}

/// A hidden route's refusals are those of a route that is not there, receipts too.
#[test]
fn receipts_do_not_show_hidden_routes() {
    let plenty = Quota { per_second: 10_000, burst: 10_000 };
    let (stage, public) = started(|settings| settings.quotas.caller = plenty);
    let always = |hidden: &'static str| {
        move |text: String| {
            let route = "path: /public-security/v1/households/{id}\n";
            let (before, after) = text.split_once(route).unwrap();
            let after = after.replace("    hidden: true\n", "").replacen("    receipt: always\n", "", 1);
            format!("{before}{route}    receipt: always\n{hidden}{after}")
        }
    };
    let file = "policies/catalogue/public-security.yaml";
    stage.ground.edit(file, always(""));
    let denied = || stage.get(MARKET, HOUSEHOLD);
    assert!(eventually(|| denied().header("zhamen-receipt").is_some()), "the route gives one unasked");
    let reply = denied();
    let claims = verify(receipt_on(&reply), &public).unwrap();
    assert_eq!((reply.status, claims.decision.as_str(), claims.dataset.as_str()), (403, "DENY", "household"));
    assert_eq!(reply.header("preference-applied"), None, "nobody asked");

    stage.ground.edit(file, always("    hidden: true\n"));
    assert!(eventually(|| denied().status == 404));
    assert_eq!(denied().header("zhamen-receipt"), None);
    let shape = |path: &str| {
        let reply = ask(&stage, MARKET, &format!("GET {path}"), "Prefer: receipt\r\n");
        assert_eq!(reply.status, 404);
        let claims = verify(receipt_on(&reply), &public).unwrap();
        let mut said = serde_json::to_value(&claims).unwrap();
        for own in ["iat", "jti", "entry", "body"] {
            said[own] = serde_json::Value::Null;
        }
        (said, reply.header("preference-applied").map(str::to_owned))
    };
    assert_eq!(shape(HOUSEHOLD), shape("/public-security/v1/nothing"));
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
}

#[test]
fn the_command_tells_the_receipts_of_refusals_apart() {
    let (mut stage, _) = started(|_| ());
    let refused = |path: &str| ask(&stage, MARKET, &format!("GET {path}"), "Prefer: receipt\r\n");
    let (reply, other) = (refused(HOUSEHOLD), refused(HOUSEHOLD));
    stage.stop();
    let receipt = receipt_on(&reply);
    std::fs::write(stage.ground.path("body"), &reply.body).unwrap();
    std::fs::write(stage.ground.path("other"), &other.body).unwrap();
    let softened = reply.text().replace("403", "404");
    std::fs::write(stage.ground.path("softened"), softened).unwrap();
    let (id, other_id) = (reply.request_id(), other.request_id());
    let table: [(&str, &[&str], i32, &str); 7] = [
        (receipt, &["--body", "body", "--request-id", &id, "--log", "audit"], 0, "\"DENY\""),
        (receipt, &["--caller", "market-window|sj-0302"], 0, "\"reasons\""),
        (receipt, &["--body", "other"], 1, "another answer"),
        (receipt, &["--body", "softened"], 1, "another answer"),
        (receipt, &["--request-id", &other_id], 1, "another request"),
        (receipt_on(&other), &["--body", "body"], 1, "another answer"),
        (receipt_on(&other), &["--request-id", &id], 1, "another request"),
    ];
    for (receipt, more, code, says) in table {
        let (exit, said) = command(&stage, receipt, more);
        assert!(exit == code && said.contains(says), "{more:?}: {exit} {said}");
    }
}

/// `receipt: always` is a promise that needs a key: without one nothing starts, and a folder that makes
/// it is not taken over.
#[test]
fn a_route_cannot_promise_receipts_without_a_key() {
    let ground = Ground::lay();
    let file = "policies/catalogue/public-security.yaml";
    let route = "    path: /public-security/v1/households/{id}\n";
    let promise = |text: String| text.replace(route, &format!("{route}    receipt: always\n"));
    ground.edit(file, promise);
    let line = 1 + std::fs::read_to_string(ground.path(file))
        .unwrap()
        .lines()
        .position(|line| line.contains("receipt: always"))
        .unwrap();
    let zhamen = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zhamen"));
        let output = command.current_dir(ground.dir.path()).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(zhamen(&["check", "--config", "zhamen.yaml"]), (0, String::new()));
    ground.edit("zhamen.yaml", |text| {
        let keyless = |line: &&str| {
            !["signing_key_file:", "witness_file:"].iter().any(|key| line.trim_start().starts_with(key))
        };
        text.lines().filter(keyless).map(|line| format!("{line}\n")).collect()
    });
    for (arguments, code) in
        [(["check", "--config", "zhamen.yaml"], 1), (["run", "--config", "zhamen.yaml"], 78)]
    {
        let (exit, said) = zhamen(&arguments);
        let place =
            format!("catalogue/public-security.yaml:{line}:14: there is no key to sign receipts with");
        assert!(exit == code && said.contains(&place), "{exit} {said}");
        assert!(
            said.contains("receipt: always\n") && said.contains("set `signing_key_file` under `audit`"),
            "{said}"
        );
    }
    // The folder alone does not say whether there is a key.
    assert_eq!(zhamen(&["check", "--policies", "policies"]).0, 0);

    ground.edit(file, |text| text.replace("    receipt: always\n", ""));
    let stage = ground.start(|settings| settings.audit.signing_key_file = None);
    stage.ground.edit(file, promise);
    assert!(eventually(|| stage.metric("zhamen_policy_reload_ok", &[]) == 0.0));
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
}
