//! Files that change while requests come: nothing fails, and what is wrong is not taken.

use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually, get};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use zhamen::config::settings::Quota;

/// Runs the change while two callers ask all the time, one always anew and one on one connection.
/// All of them are answered, and some after the change.
fn under_load(stage: &Stage, change: impl FnOnce()) {
    let (ends, asked, token) = (AtomicBool::new(false), AtomicU64::new(0), stage.token(MARKET.1));
    let bytes = get(ENTERPRISE, &token);
    thread::scope(|scope| {
        let kept = scope.spawn(|| {
            let mut connection = stage.connect(MARKET.0);
            while !ends.load(Ordering::SeqCst) {
                assert_eq!(connection.ask(&bytes).expect("the connection stays").status, 200);
                asked.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let anew = scope.spawn(|| {
            while !ends.load(Ordering::SeqCst) {
                assert_eq!(stage.ask(MARKET.0, &bytes).status, 200);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        let before = asked.load(Ordering::SeqCst);
        eventually(|| asked.load(Ordering::SeqCst) > before + 10 || kept.is_finished());
        ends.store(true, Ordering::SeqCst);
        kept.join().unwrap();
        anew.join().unwrap();
        changed.unwrap();
    });
}

fn plenty(settings: &mut zhamen::config::Settings) {
    settings.quotas.caller = Quota { per_second: 10_000, burst: 10_000 };
}

fn digest(stage: &Stage) -> String {
    let entry = stage.entry(&stage.get(MARKET, ENTERPRISE).request_id());
    entry["policy_digest"].as_str().unwrap().to_owned()
}

#[test]
fn policies_change_under_load() {
    let stage = Ground::lay().start(plenty);
    let before = digest(&stage);
    under_load(&stage, || {
        stage.ground.edit("policies/sharing.cedar", |text| format!("{text}\n// edited\n"));
        assert!(eventually(|| digest(&stage) != before), "the new folder is not in force");
    });
    let good = digest(&stage);
    under_load(&stage, || {
        stage.ground.edit("policies/sharing.cedar", |text| format!("{text}\nbroken"));
        assert!(eventually(|| stage.metric("zhamen_policy_reload_ok", &[]) == 0.0));
    });
    assert_eq!(digest(&stage), good);
    let ready = stage.page("/readyz?verbose");
    assert!(ready.status == 200 && ready.text().contains("refused"), "{}", ready.text());
    let refused = |entry: &serde_json::Value| entry["kind"] == "reload" && entry["accepted"] == false;
    assert!(eventually(|| stage.entries().iter().any(refused)));
    stage.ground.edit("policies/sharing.cedar", |text| text.replace("\nbroken", ""));
    assert!(eventually(|| stage.metric("zhamen_policy_reload_ok", &[]) == 1.0));
}

#[test]
fn a_revocation_holds_within_seconds() {
    let stage = Ground::lay().start(plenty);
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
    stage.ground.edit("policies/revocations.yaml", |_| "officers: [mz-0417]\n".to_owned());
    assert!(eventually(|| stage.get(CIVIL, HOUSEHOLD).status == 401));
    let entry = stage.entry(&stage.get(CIVIL, HOUSEHOLD).request_id());
    assert_eq!(entry["cause"], "revoked");
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
}

#[test]
fn a_hang_up_reads_everything_again() {
    let mut stage = Ground::lay().spawn();
    let of = |what: &str| {
        let is_it = |entry: &&serde_json::Value| entry["kind"] == "reload" && entry["what"] == what;
        stage.entries().iter().filter(is_it).count()
    };
    let reloads = || of("policies") + of("credentials");
    assert_eq!((reloads(), stage.get(MARKET, ENTERPRISE).status), (0, 200));
    stage.signal("HUP");
    assert!(eventually(|| (of("policies"), of("credentials")) == (1, 1)));
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
    stage.signal("TERM");
    assert_eq!(stage.exit(), Some(0));
    stage.stop();
}

/// The certificate that the gateway shows to a new connection.
fn shown(stage: &Stage) -> Vec<u8> {
    let mut connection = stage.connect(MARKET.0);
    connection.ask(&get(ENTERPRISE, &stage.token(MARKET.1))).unwrap();
    connection.stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_new_server_certificate_is_shown_without_dropping_a_connection() {
    let stage = Ground::lay().start(plenty);
    let before = shown(&stage);
    under_load(&stage, || {
        std::fs::remove_file(stage.ground.path("certs/server.pem")).unwrap();
        zhamen::demo::certs::complete(&stage.ground.path("certs"), &[], SystemTime::now()).unwrap();
        assert!(eventually(|| shown(&stage) != before), "the new certificate is not in use");
    });
    assert_eq!(stage.metric("zhamen_tls_reload_ok", &[]), 1.0);
}

/// Our own credentials towards an upstream: never shown, and changed without a restart.
#[test]
fn a_secret_of_an_upstream_rotates_and_is_seen_nowhere() {
    let ground = Ground::lay();
    let file = ground.path("certs/registry.secret");
    let keep = |secret: &str| std::fs::write(&file, secret).unwrap();
    keep("zaunkoenig-1");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    ground.edit("policies/catalogue/market-regulation.yaml", |text| {
        let with = "    credentials: {scheme: bearer, secret_file: ../certs/registry.secret}\n    endpoints:";
        text.replacen("    endpoints:", with, 1)
    });
    let stage = ground.start(plenty);
    let sent = || {
        stage.upstream().heard();
        assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
        stage.upstream().heard()[0].header("authorization").map(str::to_owned)
    };
    assert_eq!(sent().as_deref(), Some("Bearer zaunkoenig-1"));
    under_load(&stage, || {
        keep("zaunkoenig-2");
        let new = || {
            let heard = stage.upstream().heard();
            heard.iter().any(|heard| heard.header("authorization") == Some("Bearer zaunkoenig-2"))
        };
        assert!(eventually(new), "the new secret is not in use");
    });
    // What cannot be used is not taken.
    keep("");
    assert!(eventually(|| stage.metric("zhamen_policy_reload_ok", &[]) == 0.0));
    assert_eq!(sent().as_deref(), Some("Bearer zaunkoenig-2"));
    let refused = stage.entries().iter().filter(|entry| entry["accepted"] == false).count();
    keep("zaunkoenig-3");
    assert!(eventually(|| sent().as_deref() == Some("Bearer zaunkoenig-3")));
    assert_eq!(refused, 1, "it is refused once, not at every look");
    for (name, text) in crate::canary::outputs(&stage) {
        assert!(!text.contains("zaunkoenig"), "{name}");
    }
}
