//! Proofs and witnesses, against a witness written independently: it keeps roots, verifies consistency
//! proofs by the recursive definition of RFC 6962 section 2.1.4, and signs with its own code.

mod audit_support;

use audit_support::{eventually, lines, record};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zhamen::config::settings::{AuditSettings, Witness};
use zhamen::state::audit::{Audit, Wanted, prove, prove_consistency, verifier_key};

type Hash = Vec<u8>;

fn hash(parts: &[&[u8]]) -> Hash {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

/// The roots of the old and the new tree that a consistency proof implies, by the definition: the proof
/// is taken apart from its end, as SUBPROOF(m, D[n], b) puts it together.
fn implied(m: u64, n: u64, whole: bool, old: &Hash, proof: &mut Vec<Hash>) -> Option<(Hash, Hash)> {
    if m == n {
        let root = if whole { old.clone() } else { proof.pop()? };
        return Some((root.clone(), root));
    }
    let k = n.next_power_of_two() / 2;
    let other = proof.pop()?;
    if m <= k {
        let (old_root, left) = implied(m, k, whole, old, proof)?;
        Some((old_root, hash(&[&[1], &left, &other])))
    } else {
        let (old_right, right) = implied(m - k, n - k, false, old, proof)?;
        Some((hash(&[&[1], &other, &old_right]), hash(&[&[1], &other, &right])))
    }
}

/// What the witness knows, and how often it answered what.
struct Knowledge {
    size: u64,
    root: Hash,
    answers: Vec<u16>,
}

struct Server {
    address: String,
    key: String,
    knowledge: Arc<Mutex<Knowledge>>,
}

/// The key id and the vkey of a name by signed-note.
fn vkey(name: &str, kind: u8, public: &[u8]) -> (Vec<u8>, String) {
    let id = hash(&[name.as_bytes(), b"\n", &[kind], public])[..4].to_vec();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    (id, format!("{name}+{hex}+{}", STANDARD.encode([&[kind], public].concat())))
}

impl Server {
    /// A witness that trusts this log key.
    fn start(log_key: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let (id, key) = vkey("witness.example/w", 4, pair.public_key().as_ref());
        let knowledge = Arc::new(Mutex::new(Knowledge { size: 0, root: hash(&[]), answers: Vec::new() }));
        let (known, log_key) = (knowledge.clone(), log_key.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let body = request_body(&mut stream);
                let mut known = known.lock().unwrap();
                let (status, answer) = judge(&mut known, &log_key, &pair, &id, &body);
                known.answers.push(status);
                let head = "Content-Type: text/plain\r\nConnection: close\r\n";
                let length = answer.len();
                write!(stream, "HTTP/1.1 {status} X\r\n{head}Content-Length: {length}\r\n\r\n{answer}")
                    .unwrap();
            }
        });
        Server { address, key, knowledge }
    }

    fn witness(&self) -> Witness {
        Witness { url: format!("http://{}/", self.address), key: self.key.parse().unwrap(), ca_file: None }
    }

    fn knows(&self) -> (u64, Vec<u16>) {
        let known = self.knowledge.lock().unwrap();
        (known.size, known.answers.clone())
    }
}

fn request_body(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "POST /add-checkpoint HTTP/1.1\r\n");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// The rules of tlog-witness, in their order.
fn judge(
    known: &mut Knowledge,
    log_key: &str,
    pair: &Ed25519KeyPair,
    id: &[u8],
    body: &str,
) -> (u16, String) {
    let (proof, note) = body.split_once("\n\n").unwrap();
    let mut proof = proof.lines();
    let old: u64 = proof.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let mut proof: Vec<Hash> = proof.map(|line| STANDARD.decode(line).unwrap()).collect();
    let (text, signatures) = note.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let parts: Vec<&str> = text.lines().collect();
    let (size, root): (u64, Hash) = (parts[1].parse().unwrap(), STANDARD.decode(parts[2]).unwrap());
    let (name, public) = (log_key.split('+').next().unwrap(), log_key.splitn(3, '+').nth(2).unwrap());
    if parts[0] != name {
        return (404, String::new());
    }
    let public = STANDARD.decode(public).unwrap();
    let (log_id, _) = vkey(name, 1, &public[1..]);
    let signature = STANDARD.decode(signatures.trim_end().rsplit(' ').next().unwrap()).unwrap();
    let key = UnparsedPublicKey::new(&ED25519, &public[1..]);
    if signature[..4] != log_id || key.verify(text.as_bytes(), &signature[4..]).is_err() {
        return (403, String::new());
    }
    if old > size {
        return (400, String::new());
    }
    if old != known.size || (old == size && known.root != root) {
        return (409, format!("{}\n", known.size));
    }
    if old > 0 && old < size {
        let found = implied(old, size, true, &known.root, &mut proof);
        if found != Some((known.root.clone(), root.clone())) {
            return (422, String::new());
        }
    }
    if !proof.is_empty() {
        return (422, String::new());
    }
    (known.size, known.root) = (size, root);
    let time = 1_700_000_000_u64;
    let signed = pair.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
    let line = STANDARD.encode([id, &time.to_be_bytes(), signed.as_ref()].concat());
    (200, format!("\u{2014} stranger.example AAAAAAAA\n\u{2014} witness.example/w {line}\n"))
}

fn settings(root: &Path) -> AuditSettings {
    fs::write(root.join("key"), "0b".repeat(32)).unwrap();
    fs::set_permissions(root.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    AuditSettings {
        signing_key_file: Some(root.join("key")),
        checkpoint_every: Duration::from_millis(20),
        witness_every: Duration::from_millis(30),
        ..audit_support::settings(&root.join("log"))
    }
}

fn fill(audit: &Audit, name: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        record(audit, &format!("{name}{number}")).unwrap();
    }
}

fn log_key(settings: &AuditSettings) -> String {
    verifier_key(settings).unwrap().unwrap().to_string()
}

#[test]
fn a_witness_verifies_every_step_and_cosigns() {
    let folder = tempfile::tempdir().unwrap();
    let plain = settings(folder.path());
    let server = Server::start(&log_key(&plain));
    let settings = AuditSettings { witnesses: vec![server.witness()], ..plain };
    let audit = Audit::create(&settings).unwrap();
    // Sizes beyond a tile, in steps that a proof has to bridge.
    for (entries, total) in [(1, 1), (6, 7), (250, 257), (300, 557)] {
        fill(&audit, "r", 0..entries);
        eventually("the witness knows them", || (server.knows().0 == total).then_some(()));
    }
    eventually("and its cosignature is kept", || {
        let witness = &audit.health().witnesses[0];
        (witness.size == 557 && witness.failing.is_none()).then_some(())
    });
    let cosigned = audit.cosigned().unwrap();
    assert!(cosigned.contains("\u{2014} witness.example/w ") && !cosigned.contains("stranger"), "{cosigned}");
    audit.close();
    // The next process knows nothing of the witness: it is told its size and bridges the rest.
    let audit = Audit::open(&settings).unwrap();
    record(&audit, "again").unwrap();
    eventually("the witness follows", || (server.knows().0 == 558).then_some(()));
    audit.close();
    let answers = server.knows().1;
    assert!(answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
    assert!(answers.contains(&409));
}

/// A log that was set back behind the witness's back: it refuses, and the gateway says so.
#[test]
fn a_witness_shows_that_a_log_was_set_back_or_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let plain = settings(folder.path());
    let server = Server::start(&log_key(&plain));
    let settings = AuditSettings { witnesses: vec![server.witness()], ..plain };
    let audit = Audit::create(&settings).unwrap();
    fill(&audit, "r", 0..20);
    eventually("the witness knows them", || (server.knows().0 == 20).then_some(()));
    audit.close();
    // All of it is gone, checkpoint and tiles too, and somebody begins a new one under the same name.
    for (entries, expect) in [(5, "it knows 20 entries, the log has 5"), (40, "it answered 422")] {
        fs::remove_dir_all(&settings.dir).unwrap();
        let audit = Audit::create(&settings).unwrap();
        fill(&audit, "new", 0..entries);
        eventually(expect, || {
            let failing = audit.health().witnesses[0].failing.clone()?;
            failing.contains(expect).then_some(())
        });
        record(&audit, "requests are answered all the same").unwrap();
        audit.close();
    }
    assert_eq!(server.knows().0, 20);
}

#[test]
fn a_witness_that_is_away_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plain = settings(folder.path());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let key = Server::start(&log_key(&plain)).witness().key;
    let witness = Witness { url: format!("http://{closed}"), key, ca_file: None };
    let settings =
        AuditSettings { witnesses: vec![witness], witness_every: Duration::from_secs(3600), ..plain };
    let audit = Audit::create(&settings).unwrap();
    record(&audit, "one").unwrap();
    eventually("it is said", || audit.health().witnesses[0].failing.clone());
    record(&audit, "two").unwrap();
    let began = std::time::Instant::now();
    audit.close();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(lines(&settings.dir).len(), 2);
}

fn zhamen(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zhamen")).args(arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The command line: verify, prove, check, with the exit codes that its help names.
#[test]
fn proofs_verify_without_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (dir, key) = (settings.dir.to_str().unwrap().to_owned(), log_key(&settings));
    let audit = Audit::create(&settings).unwrap();
    fill(&audit, "r", 0..300);
    let old = folder.path().join("old");
    let early = eventually("a checkpoint", || audit.checkpoint());
    fs::write(&old, &early).unwrap();
    fill(&audit, "r", 300..400);
    audit.close();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = at("");
    assert!(printed(&zhamen(&["audit", "verify", &dir, "--key", &key])).starts_with("whole: 400 entries"));
    let files = printed(&zhamen(&["audit", "prove", &dir, "--request-id", "r123", "--out", &out]));
    assert_eq!(files.lines().count(), 2, "{files}");
    printed(&zhamen(&["audit", "prove", &dir, "--seq", "7", "--out", &out]));
    let entry: serde_json::Value = serde_json::from_slice(&fs::read(at("entry-124.json")).unwrap()).unwrap();
    assert_eq!((&entry["seq"], &entry["request_id"]), (&124.into(), &"r123".into()));
    let check = |proof: &str, entry: &str, key: &str| {
        let output = zhamen(&["audit", "check", &at(proof), "--entry", &at(entry), "--key", key]);
        output.status.code().unwrap()
    };
    let stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    for (proof, entry, key, expect) in [
        ("entry-124.tlog-proof", "entry-124.json", key.as_str(), 0),
        ("entry-7.tlog-proof", "entry-7.json", &key, 0),
        ("entry-124.tlog-proof", "entry-7.json", &key, 1),
        ("entry-124.tlog-proof", "entry-124.json", stranger, 1),
        ("entry-124.json", "entry-124.json", &key, 1),
        ("absent", "entry-124.json", &key, 4),
    ] {
        assert_eq!(check(proof, entry, key), expect, "{proof} {entry}");
    }
    let size = early.lines().nth(1).unwrap();
    printed(&zhamen(&["audit", "prove", &dir, "--from", size, "--out", &out]));
    let continues = at(&format!("continues-{size}.txt"));
    printed(&zhamen(&["audit", "check", &continues, "--old", old.to_str().unwrap(), "--key", &key]));
    for (arguments, expect) in [
        (vec!["audit", "prove", &dir, "--seq", "401"], 1),
        (vec!["audit", "prove", &dir, "--from", "401"], 1),
        (vec!["audit", "prove", &out, "--seq", "1"], 4),
        (vec!["audit", "verify", &out], 4),
        (vec!["audit", "verify", &dir, "--key", stranger], 3),
        (vec!["audit", "verify", &dir, "--key", "nonsense"], 2),
    ] {
        assert_eq!(zhamen(&arguments).status.code(), Some(expect), "{arguments:?}");
    }
    assert!(
        prove(&settings.dir, None, &Wanted::Seq(1)).is_ok() && prove_consistency(&settings.dir, 0).is_ok()
    );
}
