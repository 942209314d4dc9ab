//! Where no receipt can be given: the answer says so, or is the refusal that it has to be, and nobody waits.

use crate::support::client::Reply;
use crate::support::upstream::Play;
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::Duration;
use zhamen::engine::evidence::receipt::{Signer, verify};

const SEED: [u8; 32] = [7; 32];

fn laid() -> (Ground, [u8; 32]) {
    let ground = Ground::lay();
    fs::write(ground.path("certs/audit.key"), SEED).unwrap();
    (ground, Signer::from_seed(&SEED).unwrap().public_key())
}

fn ask(stage: &Stage, (application, pass): (Option<&str>, &str), path: &str) -> Reply {
    let line = format!("GET {path}");
    stage.ask(application, &crate::refusals::request(&stage.token(pass), &line, "Prefer: receipt\r\n"))
}

fn zhamen(ground: &Ground, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhamen"));
    let output = command.current_dir(ground.dir.path()).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The key is read once, at the start: what becomes of its file meanwhile changes no receipt, and keeps the
/// next process from starting with a key that the log does not know.
#[test]
fn a_key_that_is_lost_at_run_time_is_missed_at_the_next_start() {
    let (ground, public) = laid();
    let stage = ground.start(|_| ());
    let key = stage.ground.path("certs/audit.key");
    let good = fs::metadata(&key).unwrap().permissions();
    type Loss = (&'static str, fn(&std::path::Path));
    let losses: [Loss; 4] = [
        ("replaced", |key| fs::write(key, [9; 32]).unwrap()),
        ("cut short", |key| fs::write(key, [7; 31]).unwrap()),
        ("readable by all", |key| fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap()),
        ("deleted", |key| fs::remove_file(key).unwrap()),
    ];
    for (what, lose) in losses {
        lose(&key);
        for (who, path, status) in [(CIVIL, HOUSEHOLD, 200), (MARKET, HOUSEHOLD, 403)] {
            let reply = ask(&stage, who, path);
            assert_eq!(reply.status, status, "{what}");
            assert!(verify(reply.header("zhamen-receipt").unwrap(), &public).is_ok(), "{what}");
        }
        if what != "replaced" {
            let (code, said) = zhamen(&stage.ground, &["check", "--config", "zhamen.yaml"]);
            assert!(
                code == 1 && said.matches("audit.key: ").count() == 1,
                "{what}, said once: {code} {said}"
            );
            let (code, said) = zhamen(&stage.ground, &["run", "--config", "zhamen.yaml"]);
            assert!(code == 78 && said.contains("audit.key"), "{what}: {code} {said}");
            fs::write(&key, SEED).unwrap();
            fs::set_permissions(&key, good.clone()).unwrap();
        }
    }
}

/// The log is lost under requests that were taken up: those of them that were to be refused are refused
/// as before, without receipt and told so; those that were to be answered are not.
#[test]
fn without_an_entry_a_refusal_stands_and_says_that_its_receipt_is_missing() {
    let (ground, public) = laid();
    let stage = ground.start(|_| ());
    let (dir, away) = (stage.ground.path("audit"), stage.ground.path("away"));
    let is_whole = |reply: &Reply| verify(reply.header("zhamen-receipt").unwrap(), &public).is_ok();
    let mut told = [false; 2];
    for _ in 0..40 {
        for (at, (who, own)) in [(MARKET, 403), (CIVIL, 200)].into_iter().enumerate() {
            assert!(eventually(|| stage.get(CIVIL, HOUSEHOLD).status == 200));
            fs::rename(&dir, &away).unwrap();
            let reply = ask(&stage, who, HOUSEHOLD);
            fs::rename(&away, &dir).unwrap();
            assert_eq!(reply.header("zhamen-receipt"), None, "{}", reply.head);
            assert_eq!(reply.header("preference-applied"), None);
            // As its places were refused already, or as it was entered.
            let is_refused = (reply.status, reply.code()) == (503, "E-AUDIT".to_owned());
            let says = reply.header("zhamen-warning") == Some("receipt-unavailable");
            let is_own = reply.status == own && own != 200 && says;
            assert!(is_refused || is_own, "{}\n{}", reply.head, reply.text());
            told[at] |= says;
        }
        if told == [true; 2] {
            break;
        }
    }
    assert_eq!(told, [true; 2], "a refusal, and an answer that could not be given");
    assert!(eventually(|| stage.get(CIVIL, HOUSEHOLD).status == 200));
    for (who, status) in [(MARKET, 403), (CIVIL, 200)] {
        let reply = ask(&stage, who, HOUSEHOLD);
        assert!(reply.status == status && is_whole(&reply), "{}", reply.head);
    }
}

/// With no place left in the queue nobody is proved any more, so there is a refusal and no word of receipts.
#[test]
fn without_a_place_in_the_queue_there_is_no_receipt_until_there_is_one_again() {
    let (ground, public) = laid();
    ground.edit("policies/catalogue/market-regulation.yaml", |text| {
        text.replace("first_byte_timeout: 1s", "first_byte_timeout: 8s")
            .replace("total_timeout: 3s", "total_timeout: 9s")
    });
    let stage = ground.start(|settings| settings.audit.queue_max = 2);
    let receipt = |reply: &Reply| reply.header("zhamen-receipt").map(|text| verify(text, &public).is_ok());
    stage.upstream().always(Play::Pieces(vec![(Vec::new(), Duration::from_secs(2))]));
    // Entries of the start hold places, too, until they are written.
    let taken_up = || loop {
        let reply = ask(&stage, MARKET, ENTERPRISE);
        if reply.status != 503 {
            return reply;
        }
        thread::sleep(Duration::from_millis(20));
    };
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..2).map(|_| scope.spawn(taken_up)).collect();
        // Each asking gives what was heard since the last.
        let heard = std::cell::Cell::new(0);
        assert!(eventually(|| heard.replace(heard.get() + stage.upstream().heard().len()) >= 2));
        let reply = ask(&stage, MARKET, ENTERPRISE);
        assert_eq!((reply.status, reply.code(), receipt(&reply)), (503, "E-AUDIT".into(), None));
        for one in waiting {
            let reply = one.join().unwrap();
            // Theirs had a place: the failure of the upstream is receipted.
            assert_eq!((reply.status, receipt(&reply)), (502, Some(true)), "{}", reply.head);
        }
    });
    let reply = ask(&stage, MARKET, HOUSEHOLD);
    assert_eq!((reply.status, receipt(&reply)), (403, Some(true)));
}
