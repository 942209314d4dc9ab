//! One entry a request, whatever becomes of it; and no answer without one. What a gateway that is killed owes
//! is in `tests/audit_kills.rs`.

use crate::support::upstream::{Play, answer};
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually, get, within};
use serde_json::Value;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use zhamen::engine::evidence::checkpoint::Checkpoint;
use zhamen::engine::evidence::note::VerifierKey;
use zhamen::engine::evidence::tree::node_hash;

fn requests(stage: &Stage) -> Vec<Value> {
    stage.entries().into_iter().filter(|entry| entry["kind"] == "request").collect()
}

#[test]
fn each_request_has_one_entry_and_each_allowed_one_an_outcome() {
    let mut stage = Ground::lay().start(|_| ());
    let cousin = "/public-security/v1/households/33010619581111331X";
    let table = [
        (MARKET, ENTERPRISE, 200, "ALLOW", 1),
        (CIVIL, HOUSEHOLD, 200, "ALLOW_PARTIAL", 1),
        (CIVIL, cousin, 403, "DENY", 0),
        (MARKET, "/nothing", 404, "REFUSED", 0),
    ];
    for (who, path, status, decision, outcomes) in table {
        let reply = stage.get(who, path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        let id = reply.request_id();
        assert_eq!(stage.entry(&id)["decision"], decision, "{path}");
        assert!(eventually(|| stage.entries_of("outcome", &id).len() == outcomes), "{path}");
        if outcomes == 1 {
            let outcome = stage.entries_of("outcome", &id).remove(0);
            assert_eq!((&outcome["delivered"], &outcome["bytes"]), (&true.into(), &reply.body.len().into()));
        }
    }
    stage.stop();
    assert_eq!(requests(&stage).len(), table.len());
}

/// AU-13: The caller goes away while the upstream is silent, or in the middle of its own body.
#[test]
fn a_caller_that_goes_away_leaves_one_entry() {
    let stage = Ground::lay().start(|_| ());
    stage.upstream().always(Play::Pieces(vec![(Vec::new(), Duration::from_secs(3))]));
    let mut waiting = stage.connect(MARKET.0);
    waiting.send(&get(ENTERPRISE, &stage.token(MARKET.1))).unwrap();
    assert!(eventually(|| !stage.upstream().heard().is_empty()));
    waiting.cut();
    let outcomes =
        || stage.entries().into_iter().filter(|entry| entry["kind"] == "outcome").collect::<Vec<_>>();
    // Well before the upstream's own time is up.
    assert!(within(Duration::from_millis(800), || outcomes().len() == 1), "{:?}", stage.entries());
    assert_eq!((requests(&stage).len(), &outcomes()[0]["fault"]), (1, &"cancelled".into()));
    assert_eq!(outcomes()[0]["delivered"], false);

    let mut half = stage.connect(MARKET.0);
    let line = "POST /civil-affairs/v1/marriages/verify";
    let more = "Content-Type: application/json\r\nContent-Length: 100\r\n";
    let mut bytes = crate::refusals::request(&stage.token(MARKET.1), line, more);
    bytes.extend_from_slice(b"{\"id\":");
    half.send(&bytes).unwrap();
    thread::sleep(Duration::from_millis(100));
    half.cut();
    assert!(eventually(|| requests(&stage).len() == 2), "{:?}", stage.entries());
    let cause = requests(&stage).remove(1)["cause"].clone();
    assert_eq!(cause, "early_close");
}

#[test]
fn a_reset_stream_leaves_one_entry() {
    let stage = Ground::lay().start(|_| ());
    stage.upstream().always(Play::Pieces(vec![(Vec::new(), Duration::from_secs(3))]));
    let config = stage.tls(MARKET.0, "h2");
    let token = stage.token(MARKET.1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(stage.data).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let tls = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(tls);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("https://localhost{ENTERPRISE}"))
            .header("authorization", format!("Bearer {token}"))
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        // Dropping the request resets its stream; the connection stays.
        let answer = tokio::time::timeout(Duration::from_millis(300), sender.send_request(request)).await;
        assert!(answer.is_err(), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    });
    let faults = || {
        let outcomes = stage.entries().into_iter().filter(|entry| entry["kind"] == "outcome");
        outcomes.map(|entry| entry["fault"].clone()).collect::<Vec<_>>()
    };
    assert!(eventually(|| faults() == ["cancelled"]), "{:?}", stage.entries());
    assert_eq!(requests(&stage).len(), 1);
}

/// The admin plane serves the transparency log: the checkpoint is signed by the key that the state names,
/// and the tiles lead to its root.
#[test]
fn checkpoint_and_tiles_are_served() {
    let stage = Ground::lay().start(|settings| settings.audit.checkpoint_every = Duration::from_millis(20));
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
    let state: Value = serde_json::from_slice(&stage.page("/admin/v1/state").body).unwrap();
    let key: VerifierKey = state["audit"]["verifier_key"].as_str().unwrap().parse().unwrap();
    assert!(eventually(|| stage.page("/audit/v1/checkpoint").text().contains("\n5\n")));
    let checkpoint = Checkpoint::verified(&stage.page("/audit/v1/checkpoint").text(), &key).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("zhamen.demo/audit", 5));
    let tile = stage.page("/audit/v1/tile/0/000.p/5");
    assert_eq!((tile.status, tile.body.len()), (200, 160));
    let leaves: Vec<[u8; 32]> = tile.body.chunks(32).map(|hash| hash.try_into().unwrap()).collect();
    let four = node_hash(&node_hash(&leaves[0], &leaves[1]), &node_hash(&leaves[2], &leaves[3]));
    let root = node_hash(&four, &leaves[4]);
    assert_eq!(root, checkpoint.root);
    for path in
        ["tile/0/000", "tile/0/001.p/1", "tile/entries/000.p/3", "tile/0/../../lock", "lock", "cosigned"]
    {
        assert_eq!(stage.page(&format!("/audit/v1/{path}")).status, 404, "{path}");
    }
    let metrics = stage.page("/metrics").text();
    assert!(
        metrics.contains("zhamen_audit_tree_ok 1") && metrics.contains("zhamen_audit_checkpoint_entries 5")
    );
    assert!(metrics.contains("zhamen_audit_witness_ok{witness=\"file\"} 1"), "{metrics}");
}

/// AU-02: refused at once with 503, and served again without a human.
#[test]
fn without_a_log_there_are_no_answers_and_with_it_again_there_are() {
    let stage = Ground::lay().start(|_| ());
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
    let (dir, away) = (stage.ground.path("audit"), stage.ground.path("away"));
    fs::rename(&dir, &away).unwrap();
    let refused =
        |reply: &crate::support::client::Reply| (reply.status, reply.code()) == (503, "E-AUDIT".into());
    assert!(eventually(|| refused(&stage.get(MARKET, ENTERPRISE))));
    assert_eq!(stage.page("/readyz").status, 503);
    // Names of people neither; but what is wrong can be seen.
    assert_eq!(stage.page("/admin/v1/callers").status, 503);
    assert_eq!(stage.page("/admin/v1/state").json()["audit"]["ok"], false);
    fs::rename(&away, &dir).unwrap();
    assert!(
        eventually(|| stage.get(MARKET, ENTERPRISE).status == 200),
        "{:?}",
        stage.page("/readyz?verbose").text()
    );
    assert!(eventually(|| stage.page("/readyz").status == 200));
    whole(stage);
}

fn whole(mut stage: Stage) {
    stage.stop();
    assert!(requests(&stage).len() >= 2);
}

/// A large answer is not held back until its end, but its entry is there before its first byte.
#[test]
fn the_entry_is_there_before_the_first_byte() {
    let stage = Ground::lay().start(|_| ());
    let body = format!("{{\"data\":[{{\"name\":\"{}\"}}]}}", "x".repeat(300_000));
    let whole = answer(200, &[("Content-Type", "application/json")], &body);
    let (first, rest) = whole.split_at(200_000);
    let pieces = vec![(first.to_vec(), Duration::from_millis(700)), (rest.to_vec(), Duration::ZERO)];
    stage.upstream().always(Play::Pieces(pieces));
    let (token, done) = (stage.token(CIVIL.1), AtomicBool::new(false));
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let reply = stage.ask(CIVIL.0, &get(HOUSEHOLD, &token));
            done.store(true, Ordering::SeqCst);
            reply
        });
        assert!(eventually(|| requests(&stage).len() == 1));
        assert!(!done.load(Ordering::SeqCst), "the entry came after the answer");
        assert_eq!(asking.join().unwrap().status, 200);
    });
}

/// Who reads what the gateway knows of callers leaves an entry; who looks whether it is well does not.
#[test]
fn readings_of_the_admin_plane_are_entries() {
    let stage = Ground::lay().start(|_| ());
    for path in ["/healthz", "/readyz", "/metrics", "/admin/v1/openapi.json", "/nothing"] {
        stage.page(path);
    }
    assert_eq!(stage.page("/admin/v1/callers").status, 200);
    assert_eq!(stage.page("/admin/v1/state").status, 200);
    let acts =
        || -> Vec<Value> { stage.entries().into_iter().filter(|entry| entry["kind"] == "admin").collect() };
    assert!(eventually(|| acts().len() >= 3));
    let said: Vec<_> =
        acts().iter().map(|act| format!("{} {} {}", act["actor"], act["action"], act["status"])).collect();
    let expect = [("unknown_page", 404), ("read_callers", 200), ("read_state", 200)];
    assert_eq!(said, expect.map(|(action, status)| format!(r#""loopback" "{action}" {status}"#)));
}
