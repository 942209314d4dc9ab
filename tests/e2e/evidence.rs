//! Every kind of entry is really written, and nothing that anybody wrote is in any of them.

use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually};
use serde_json::{Value, json};

fn of_kind(stage: &Stage, kind: &str) -> Vec<Value> {
    stage.entries().into_iter().filter(|entry| entry["kind"] == kind).collect()
}

fn written(stage: &Stage, kind: &str, count: usize) -> Vec<Value> {
    assert!(eventually(|| of_kind(stage, kind).len() >= count), "{kind}: {:?}", stage.entries());
    of_kind(stage, kind)
}

#[test]
fn a_start_says_what_is_in_force_and_a_stop_ends_the_log() {
    let mut stage = Ground::lay().start(|settings| settings.quotas.caller.per_second = 77);
    let start = written(&stage, "start", 1).remove(0);
    assert_eq!((start["seq"].as_u64(), start["v"].as_u64()), (Some(1), Some(1)));
    let quotas = written(&stage, "quotas", 1).remove(0);
    assert_eq!(quotas["cause"], "start");
    assert_eq!(quotas["scopes"][0], json!({"scope": "caller", "per_second": 77, "burst": 100}));
    assert_eq!(quotas["costs"].as_array().map(Vec::len), Some(6));
    stage.stop();
    let last = stage.entries().pop().unwrap();
    assert_eq!(
        (last["kind"].as_str(), last["policy_digest"].as_str()),
        (Some("stop"), start["policy_digest"].as_str())
    );
}

/// AU-13: Words of a policy may stand in a fault's message; they do not stand in the log.
#[test]
fn every_attempt_to_reload_is_entered_without_the_words_of_the_file() {
    const WORD: &str = "zugvogel5521";
    let mut stage = Ground::lay().spawn();
    let before = written(&stage, "start", 1).remove(0)["policy_digest"].clone();
    let break_it = |text: String| {
        format!(
            "{text}\npermit (principal, action, resource == Gov::Dataset::\"{WORD}\");\n@id(\"x\") forbid ({WORD}"
        )
    };
    stage.ground.edit("policies/sharing.cedar", break_it);
    let refused = written(&stage, "reload", 1).remove(0);
    assert_eq!((&refused["accepted"], &refused["what"]), (&false.into(), &"policies".into()));
    assert_eq!((&refused["digest_before"], &refused["fault_file"]), (&before, &"sharing.cedar".into()));
    assert!(refused["faults"].as_u64() >= Some(1) && refused["fault_line"].as_u64() > Some(1), "{refused}");
    assert!(
        refused["digest_after"].as_str().is_some_and(|digest| Some(digest) != before.as_str()),
        "{refused}"
    );
    stage.ground.edit("policies/sharing.cedar", |text| {
        text[..text.find("\npermit (principal, action, resource == Gov::Dataset::\"zug").unwrap()].to_owned()
    });
    let accepted =
        |entry: &Value| entry["what"] == "policies" && entry["accepted"] == true && entry["faults"] == 0;
    assert!(eventually(|| of_kind(&stage, "reload").iter().any(accepted)), "{:?}", of_kind(&stage, "reload"));
    // A hang-up reads certificates and key sets, too; a broken one is an entry as well.
    stage.ground.edit("certs/jwks.json", |_| format!("{{\"keys\": [{WORD}"));
    stage.signal("HUP");
    let credentials =
        |accepted: bool| move |entry: &Value| entry["what"] == "credentials" && entry["accepted"] == accepted;
    assert!(
        eventually(|| of_kind(&stage, "reload").iter().any(credentials(false))),
        "{:?}",
        of_kind(&stage, "reload")
    );
    stage.signal("TERM");
    stage.exit();
    stage.stop();
    assert!(!stage.entries().iter().any(|entry| entry.to_string().contains(WORD)));
}

#[test]
fn readings_of_the_admin_plane_are_entries_and_scrapes_are_not() {
    let stage = Ground::lay().start(|_| ());
    for path in
        ["/healthz", "/readyz", "/metrics", "/admin/v1/state", "/admin/v1/callers", "/x/330106196502142015"]
    {
        stage.page(path);
    }
    let readings = written(&stage, "admin", 3);
    let said: Vec<_> = readings
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(said, [("read_state", 200), ("read_callers", 200), ("unknown_page", 404)]);
    assert!(readings.iter().all(|entry| entry["actor"] == "loopback" && entry["from"] == "127.0.0.0/24"));
}

#[test]
fn a_reading_without_the_credential_is_an_entry() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::lay();
    let file = ground.path("certs/admin.credential");
    std::fs::write(&file, "a-credential-of-some-length\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let stage = ground.start(|settings| settings.admin.credential_file = Some(file));
    assert_eq!(stage.page("/admin/v1/callers").status, 401);
    let reading = written(&stage, "admin", 1).remove(0);
    assert_eq!((&reading["actor"], &reading["status"]), (&"unproven".into(), &401.into()));
}

/// AU-13: break-glass, and every change of a tier.
#[test]
fn break_glass_and_tier_changes_are_entered() {
    let stage = Ground::lay().start(|_| ());
    let token =
        stage.ground.mint("s4-doctor", |claims| claims["break_glass"] = json!("车祸 13812345678 患者昏迷"));
    let path = "/health/v1/emergency-records/330106196502142015";
    let reply = stage.ask(Some("hospital-emergency"), &crate::support::get(path, &token));
    let entry = stage.entry(&reply.request_id());
    assert_eq!(
        (&entry["break_glass"], &entry["justification"]),
        (&true.into(), &"车祸 [number] 患者昏迷".into())
    );
    // Guessing identifiers raises the tier.
    let guess = "/public-security/v1/households/330106196502142016";
    assert!(eventually(|| {
        stage.get(CIVIL, guess);
        !of_kind(&stage, "tier").is_empty()
    }));
    let tier = of_kind(&stage, "tier").remove(0);
    assert_eq!((&tier["caller"], &tier["old"]), (&"civil-affairs-window|mz-0417".into(), &"T0".into()));
    // The next request says what its risk is made of; the first one had none.
    let requests = of_kind(&stage, "request");
    assert_eq!((&requests[0]["risk"], &requests[0]["features"]), (&0.into(), &Value::Null));
    let next = stage.entry(&stage.get(CIVIL, HOUSEHOLD).request_id());
    assert_eq!(next["features"][0]["feature"], "invalid_identifiers", "{next}");
    let shares = next["features"].as_array().unwrap().iter();
    assert_eq!(shares.map(|one| one["share"].as_u64().unwrap()).sum::<u64>(), next["risk"].as_u64().unwrap());
}

/// What the gateway knows beyond who, what and why: under which approval, whether the matter explains it,
/// and from when on the subject may be told.
#[test]
fn an_entry_says_under_which_approval_whether_explained_and_until_when_it_is_held_back() {
    let ground = Ground::lay();
    ground.edit("policies/social-assistance.cedar", |text| {
        text.replace(
            "@id(\"social-assistance.access\")",
            "@id(\"social-assistance.access\")\n@grant(\"GX-2026-0117\")",
        )
    });
    ground.edit("policies/purposes.yaml", |text| {
        format!("{text}  - {{purpose: social-assistance, visible_after: 36h, cite: 个人信息保护法#35}}\n")
    });
    let stage = ground.start(|_| ());
    let cousin = "/public-security/v1/households/33010619581111331X";
    let with = |change: fn(&mut Value)| stage.ground.mint(CIVIL.1, change);
    type Row = (&'static str, fn(&mut Value), &'static str, u16, bool, Option<bool>);
    let table: [Row; 6] = [
        ("theirs", |_| (), HOUSEHOLD, 200, true, Some(true)),
        ("another's", |_| (), cousin, 403, false, Some(false)),
        ("closed", |claims| claims["matter"]["open"] = false.into(), HOUSEHOLD, 403, false, Some(false)),
        (
            "not assigned",
            |claims| claims["matter"]["officers"] = json!(["mz-0001"]),
            HOUSEHOLD,
            403,
            false,
            Some(false),
        ),
        ("unsaid", |claims| claims["matter"]["subjects"] = json!([]), HOUSEHOLD, 403, false, None),
        (
            "none",
            |claims| drop(claims.as_object_mut().unwrap().remove("matter")),
            HOUSEHOLD,
            403,
            false,
            None,
        ),
    ];
    for (what, change, path, status, is_granted, explained) in table {
        let reply = stage.ask(CIVIL.0, &crate::support::get(path, &with(change)));
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        let entry = stage.entry(&reply.request_id());
        let grants = if is_granted { json!(["GX-2026-0117"]) } else { Value::Null };
        assert_eq!((&entry["grants"], &entry["explained"]), (&grants, &json!(explained)), "{what}: {entry}");
        let time = |name: &str| zhamen::engine::evidence::read_time(entry[name].as_str().unwrap()).unwrap();
        let held = time("visible_to_subject_from") - time("ts_in") / 1000 * 1000;
        assert_eq!(held, 36 * 3600 * 1000, "{what}");
    }
    // Nobody is named in it, and nothing waits.
    let open = stage.get(MARKET, ENTERPRISE);
    let entry = stage.entry(&open.request_id());
    assert_eq!(
        (&entry["grants"], &entry["visible_to_subject_from"]),
        (&Value::Null, &Value::Null),
        "{entry}"
    );
    let export = |format: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zhamen"));
        command.args(["audit", "export", "--kind", "request", "--format", format, "--dir"]);
        let output = command.arg(stage.ground.path("audit")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let csv = export("csv");
    assert!(csv.lines().next().unwrap().contains(",grants,explained,break_glass,"), "{csv}");
    assert_eq!(csv.matches("\"[\"\"GX-2026-0117\"\"]\",true,").count(), 1, "{csv}");
    let first: Value = serde_json::from_str(export("ocsf").lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["unmapped"]["explained"], &first["unmapped"]["grants"][0]),
        (&true.into(), &"GX-2026-0117".into())
    );
}

const CANARY: &str = "rotkehlchen8817";
const NUMBER: &str = "330106199003070022";

/// Requests that carry the canary or the number in one place each.
fn planted(stage: &Stage) -> Vec<(Option<&'static str>, Vec<u8>)> {
    let token = stage.token(CIVIL.1);
    let request = |line: &str, more: &str| crate::refusals::request(&token, line, more);
    let mut asks = Vec::new();
    for path in [
        format!("/{CANARY}"),
        format!("/public-security/v1/households/{CANARY}"),
        format!("/public-security/v1/households/{NUMBER}"),
        format!("/public-security/v1/households/%33{}", &NUMBER[1..]),
        format!("{HOUSEHOLD}?{CANARY}={NUMBER}"),
        format!("{ENTERPRISE}?q={CANARY}"),
        format!("/a/../{CANARY}/{NUMBER}"),
        format!("/{CANARY}%0d%0a{NUMBER}"),
    ] {
        asks.push((CIVIL.0, request(&format!("GET {path}"), "")));
    }
    for field in [
        "User-Agent",
        "Referer",
        "Cookie",
        "X-Request-Id",
        "X-Forwarded-For",
        "From",
        "Origin",
        "Accept-Language",
        "X-Road-Id",
        "Purpose",
        "Matter-Id",
        "X-Road-UserId",
        "X-Road-Issue",
        "X-Road-Represented-Party",
        "Legal-Basis",
        "X-Api-Key",
        "Prefer",
        "Range",
        "If-None-Match",
        "Baggage",
        "Tracestate",
    ] {
        asks.push((CIVIL.0, request(&format!("GET {HOUSEHOLD}"), &format!("{field}: {CANARY}\r\n"))));
        asks.push((CIVIL.0, request(&format!("GET {HOUSEHOLD}"), &format!("{field}: {NUMBER}\r\n"))));
    }
    // 32 digits of a trace id hold an identity number.
    let trace = format!("traceparent: 00-{NUMBER}{}-b7ad6b7169203331-01\r\n", "0".repeat(14));
    asks.push((CIVIL.0, request(&format!("GET {HOUSEHOLD}"), &trace)));
    for body in [
        format!("{{\"id\":\"{NUMBER}\",\"claimedStatus\":\"{CANARY}\"}}"),
        CANARY.to_owned(),
        format!("{{\"{CANARY}\":{NUMBER}}}"),
    ] {
        let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let mut bytes = crate::refusals::request(
            &stage.token("s2-officer"),
            "POST /civil-affairs/v1/marriages/verify",
            &more,
        );
        bytes.extend_from_slice(body.as_bytes());
        asks.push((Some("real-estate-window"), bytes));
    }
    asks.extend(claimed(stage));
    asks
}

/// Tokens with the canary in claims that nobody reads, and the number in those that are read.
fn claimed(stage: &Stage) -> Vec<(Option<&'static str>, Vec<u8>)> {
    let get = |token: &str| crate::support::get(HOUSEHOLD, token);
    let mut asks = Vec::new();
    for claim in ["name", "email", "phone_number", "nonce", "sid", "address", "scope", "jti"] {
        let token = stage.ground.mint(CIVIL.1, |claims| claims[claim] = json!(format!("{CANARY}{claim}")));
        asks.push((CIVIL.0, get(&token)));
    }
    for claim in ["sub", "post", "purpose", "represented", "consent", "region", "break_glass"] {
        let token = stage.ground.mint(CIVIL.1, |claims| claims[claim] = json!(NUMBER));
        asks.push((CIVIL.0, get(&token)));
        let token =
            stage.ground.mint(CIVIL.1, |claims| claims[claim] = json!(format!("nr {NUMBER}, urgent")));
        asks.push((CIVIL.0, get(&token)));
    }
    for member in ["id", "type"] {
        let token = stage.ground.mint(CIVIL.1, |claims| claims["matter"][member] = json!(NUMBER));
        asks.push((CIVIL.0, get(&token)));
    }
    asks
}

/// AU-09: planted in path, query, headers and body.
#[test]
fn no_identifier_path_or_header_value_is_in_the_log() {
    let mut stage = Ground::lay().start(|settings| {
        settings.quotas.caller.burst = 100_000;
        settings.quotas.application.burst = 100_000;
    });
    let asks = planted(&stage);
    for (application, bytes) in &asks {
        // Some are cut off without an answer, and those are entered, too.
        let _ = stage.connect(*application).ask(bytes);
    }
    stage.get(MARKET, ENTERPRISE);
    stage.page(&format!("/{CANARY}/{NUMBER}?{CANARY}"));
    assert!(
        eventually(|| of_kind(&stage, "request").len() > asks.len()),
        "{} of {}",
        of_kind(&stage, "request").len(),
        asks.len()
    );
    stage.stop();
    let mut bytes = 0;
    let entries = std::fs::read_dir(stage.ground.path("audit")).unwrap().flatten();
    // Folders hold tiles: hashes only.
    for file in entries.filter(|entry| entry.path().is_file()) {
        let text = String::from_utf8(std::fs::read(file.path()).unwrap()).unwrap();
        bytes += text.len();
        for secret in [CANARY, NUMBER, &NUMBER[..14], &HOUSEHOLD[HOUSEHOLD.len() - 18..]] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} in {}", line.unwrap());
        }
    }
    assert!(bytes > 10_000);
}
