//! What must not be seen is planted everywhere, and then looked for in everything that comes out.

use crate::support::upstream::{Play, answer};
use crate::support::{CIVIL, Ground, HOUSEHOLD, Stage, eventually, logged};

/// Stands in fields, headers and bodies of the upstream that no caller may see.
const CANARY: &str = "kanarienvogel7391";
/// Stands in headers of the caller.
const CALLERS: &str = "wellensittich4482";
/// The subject, whose number stands in the path.
const SUBJECT: &str = "330106196502142015";

fn planted(status: u16, content_type: &str, body: &str) -> Play {
    let headers = [
        ("Content-Type", content_type),
        ("Set-Cookie", CANARY),
        ("Location", CANARY),
        ("ETag", CANARY),
        ("Server", CANARY),
        ("X-Internal", CANARY),
        ("Disclosure", CANARY),
    ];
    Play::Answer(answer(status, &headers, body))
}

/// Everything that the gateway says to anybody but the caller.
pub fn outputs(stage: &Stage) -> Vec<(String, String)> {
    let mut outputs = vec![("log lines".to_owned(), logged())];
    for page in [
        "/metrics",
        "/readyz?verbose",
        "/admin/v1/state",
        "/admin/v1/callers",
        "/admin/v1/drift",
        "/admin/v1/openapi.json",
    ] {
        let reply = stage.page(page);
        outputs.push((page.to_owned(), format!("{}\r\n{}", reply.head, reply.text())));
    }
    let entries = std::fs::read_dir(stage.ground.path("audit")).unwrap().flatten();
    // Folders hold tiles: hashes only.
    for file in entries.filter(|entry| entry.path().is_file()) {
        outputs.push((file.path().display().to_string(), std::fs::read_to_string(file.path()).unwrap()));
    }
    outputs
}

fn plays() -> Vec<(Play, u16)> {
    let json = "application/json";
    let fields = format!(
        r#"{{"data":[{{"personId":"{SUBJECT}","name":"x","ethnicGroup":"{CANARY}","religion":"{CANARY}",
            "unknown":"{CANARY}","{CANARY}":1,"nested":{{"deep":["{CANARY}"]}}}}],"note":"{CANARY}"}}"#
    );
    vec![
        (planted(200, json, &fields), 200),
        (planted(200, json, &format!("{fields}{CANARY}")), 502),
        (planted(200, json, &format!("{{\"data\":[{{\"name\":{CANARY}}}]}}")), 502),
        (planted(200, "text/html", CANARY), 502),
        (planted(302, json, &fields), 502),
        (planted(404, json, &fields), 404),
        (planted(500, json, &format!("{{\"error\":\"{CANARY}\"}}")), 502),
        (Play::Close(format!("{CANARY}\r\n\r\n").into_bytes()), 502),
    ]
}

#[test]
fn what_is_withheld_appears_nowhere() {
    let mut stage = Ground::lay().start(|_| ());
    let token = stage.token(CIVIL.1);
    let (_, signature) = token.rsplit_once('.').unwrap();
    let mut replies = Vec::new();
    let more =
        format!("Cookie: c={CALLERS}\r\nX-Tag: {CALLERS}\r\nRange: bytes=0-9\r\nUser-Agent: {CALLERS}\r\n");
    let ask = crate::refusals::request(&token, &format!("GET {HOUSEHOLD}"), &more);
    for (play, status) in plays() {
        stage.upstream().always(play.clone());
        let reply = stage.ask(CIVIL.0, &ask);
        assert_eq!(reply.status, status, "{play:?}: {}", reply.text());
        replies.push(reply);
    }
    for path in [
        format!("/nothing/{CALLERS}/{SUBJECT}"),
        format!("/public-security/v1/households/{SUBJECT}?{CALLERS}={CALLERS}"),
        format!("/public-security/v1/households/{CALLERS}"),
        format!("/health/v1/emergency-records/{SUBJECT}"),
    ] {
        replies.push(stage.get(CIVIL, &path));
    }
    for reply in &replies {
        let said = format!("{}\r\n{}", reply.head, reply.text());
        for secret in [CANARY, CALLERS, signature, SUBJECT] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
    assert!(eventually(|| stage.entries().iter().filter(|entry| entry["kind"] == "request").count() == 12));
    let outputs = outputs(&stage);
    stage.stop();
    for (name, text) in outputs {
        for secret in [CANARY, CALLERS, signature, SUBJECT] {
            assert!(!text.contains(secret), "{secret} in {name}");
        }
    }
}

#[test]
fn the_upstream_hears_who_asks_and_none_of_the_credentials() {
    let stage = Ground::lay().start(|_| ());
    let token = stage.token(CIVIL.1);
    let more = format!(
        "Cookie: c={CALLERS}\r\nRange: bytes=0-9\r\nAccept-Encoding: gzip\r\nX-Request-Id: {CALLERS}\r\n"
    );
    let reply = stage.ask(CIVIL.0, &crate::refusals::request(&token, &format!("GET {HOUSEHOLD}"), &more));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let heard = stage.upstream().heard().remove(0);
    for name in ["authorization", "cookie", "range", "x-request-id", "x-api-key", "proxy-authorization", "te"]
    {
        assert_eq!(heard.header(name), None, "{}", heard.head);
    }
    assert!(!heard.head.contains(CALLERS), "{}", heard.head);
    for (name, value) in [
        ("zhamen-principal", "civil-affairs-window|mz-0417"),
        ("zhamen-purpose", "social-assistance"),
        ("zhamen-matter", "MZ-2026-1104-0001"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("zhamen-request-id", &reply.request_id()),
    ] {
        assert_eq!(heard.header(name), Some(value), "{name}: {}", heard.head);
    }
    assert!(heard.header("traceparent").is_some() && heard.header("forwarded").is_some());
}

#[test]
fn a_verification_gives_no_value() {
    let stage = Ground::lay().start(|_| ());
    stage.upstream().always(planted(
        200,
        "application/json",
        &format!("{{\"data\":[{{\"maritalStatus\":\"{CANARY}\"}}]}}"),
    ));
    let body = format!("{{\"id\":\"{SUBJECT}\",\"claimedStatus\":\"married\"}}");
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let mut ask = crate::refusals::request(
        &stage.token("s2-officer"),
        "POST /civil-affairs/v1/marriages/verify",
        &more,
    );
    ask.extend_from_slice(body.replace(SUBJECT, "330106199003070022").as_bytes());
    let reply = stage.ask(Some("real-estate-window"), &ask);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains(CANARY) && reply.text().contains("false"), "{}", reply.text());
}
