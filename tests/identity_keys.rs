//! Faults ID-09 and ID-10: key sets from files and over HTTP, good, bad, slow and gone.

mod identity_support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_support::{at, claims, now, registry, settings};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zhamen::config::settings::KeySource;
use zhamen::engine::canonical::Presented;
use zhamen::engine::clock::Moment;
use zhamen::engine::reason::Cause;
use zhamen::identity::Identities;
use zhamen::identity::issue::SigningKey;
use zhamen::identity::keys::{KeyFault, KeySet};
use zhamen::identity::keystore::{KeyState, KeyStore};
use zhamen::identity::memo::TokenMemo;

fn rsa(bytes: usize, exponent: &[u8]) -> String {
    let n = URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
    format!(r#"{{"kty":"RSA","kid":"r","n":"{n}","e":"{}"}}"#, URL_SAFE_NO_PAD.encode(exponent))
}

#[test]
fn id_09_key_sets() {
    let good = SigningKey::generate_es256("a").unwrap().to_jwk();
    let good_b = SigningKey::generate_eddsa("b").unwrap().to_jwk();
    let enc = good.replace("\"sig\"", "\"enc\"");
    let no_kid = good.replace(r#""kid":"a","#, "");
    let path_kid = good.replace(r#""kid":"a""#, r#""kid":"../a""#);
    let rs_on_ec = good.replace("ES256", "RS256");
    let off_curve = {
        let at = good.find(r#""y":""#).unwrap() + 5;
        format!("{}{}{}", &good[..at], "A".repeat(43), &good[at + 43..])
    };
    let private = good.replacen('{', r#"{"d":"AA","#, 1);
    let unknown = r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"pq","pub":"AA"}"#;
    let other_curve = r#"{"kty":"EC","crv":"secp256k1","alg":"ES256K","kid":"k","x":"AA","y":"AA"}"#;
    let shared = r#"{"kty":"oct","kid":"o","k":"AAAA"}"#;
    let set = |keys: &[&str]| format!("{{\"keys\":[{}]}}", keys.join(","));
    for (name, text, expect) in [
        ("two", set(&[&good, &good_b]), Ok(2)),
        ("encryption beside", set(&[&good, &enc.replace("\"a\"", "\"e\"")]), Ok(1)),
        ("unknown beside", set(&[&good, unknown, other_curve]), Ok(1)),
        ("empty", set(&[]), Err(KeyFault::Empty)),
        ("only encryption", set(&[&enc]), Err(KeyFault::Empty)),
        ("duplicate kid", set(&[&good, &good]), Err(KeyFault::DuplicateId)),
        ("no kid", set(&[&no_kid]), Err(KeyFault::BadId)),
        ("path as kid", set(&[&path_kid]), Err(KeyFault::BadId)),
        ("symmetric", set(&[&good, shared]), Err(KeyFault::Symmetric)),
        ("private", set(&[&private]), Err(KeyFault::Private)),
        ("512-bit RSA", set(&[&rsa(64, &[1, 0, 1])]), Err(KeyFault::WeakRsa)),
        ("1024-bit RSA", set(&[&good, &rsa(128, &[1, 0, 1])]), Err(KeyFault::WeakRsa)),
        ("16384-bit RSA", set(&[&rsa(2048, &[1, 0, 1])]), Err(KeyFault::WeakRsa)),
        ("exponent 3", set(&[&rsa(256, &[3])]), Err(KeyFault::WeakRsa)),
        ("even exponent", set(&[&rsa(256, &[1, 0, 2])]), Err(KeyFault::WeakRsa)),
        ("algorithm of another type", set(&[&rs_on_ec]), Err(KeyFault::BadKey)),
        ("off the curve", set(&[&off_curve]), Err(KeyFault::BadKey)),
        ("duplicate member", good.replacen('{', r#"{"keys":[],"keys":["#, 1) + "]}", Err(KeyFault::Format)),
        ("a list", format!("[{good}]"), Err(KeyFault::Format)),
        ("half", set(&[&good])[..60].to_owned(), Err(KeyFault::Format)),
        ("nothing", String::new(), Err(KeyFault::Format)),
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()).map(|set| set.count()), expect, "{name}");
    }
}

#[test]
fn the_last_good_set_stays_until_its_age_limit() {
    let store = KeyStore::new(Some(Duration::from_secs(60)));
    let moment = |seconds: u64| Moment { unix_ms: 0, monotonic_us: seconds * 1_000_000 };
    assert_eq!(store.current(moment(0)).unwrap_err(), Cause::KeysStale, "nothing yet");
    let good = SigningKey::generate_es256("a").unwrap().to_jwks();
    store.accept(good.as_bytes(), 10_000_000).unwrap();
    let generation = |seconds| store.current(moment(seconds)).map(|held| held.as_ref().unwrap().generation);
    assert_eq!(generation(10), Ok(1));
    assert_eq!(store.accept(b"{}", 20_000_000), Err(KeyFault::Format));
    assert_eq!(generation(70), Ok(1), "the last moment");
    assert_eq!(generation(71), Err(Cause::KeysStale));
    store.accept(good.as_bytes(), 80_000_000).unwrap();
    assert_eq!(generation(81), Ok(1), "the same set again keeps remembered proofs");
    let status = store.status("i", moment(85));
    assert_eq!((status.state, status.failures, status.fault), (KeyState::Fresh, 1, None));
    assert_eq!(status.age, Some(Duration::from_secs(5)));
}

#[test]
fn id_10_unknown_kids_ask_once_a_minute() {
    let store = KeyStore::new(None);
    for second in 0..120 {
        store.ask_for_refresh(at(second));
    }
    assert_eq!(store.status("i", now()).refresh_limited, 118);
}

#[test]
fn an_issuer_is_configured_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    std::fs::write(&path, SigningKey::generate_es256("a").unwrap().to_jwks()).unwrap();
    let mut twice = settings(KeySource::File(path));
    twice.issuers.push(twice.issuers[0].clone());
    assert!(Identities::load(&twice).unwrap_err().to_string().contains("configured twice"));
    let missing = settings(KeySource::File(dir.path().join("none.json")));
    assert!(Identities::load(&missing).unwrap_err().to_string().contains("none.json"));
}

/// What the fake server answers, by request number.
type Script = fn(usize) -> Vec<u8>;

struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

fn serve(script: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&script(number));
        }
    });
    Server { url, asked }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn from_url(url: &str, refresh: Duration) -> Identities {
    let keys = KeySource::Url { url: url.into(), ca_file: None, refresh, age_max: Duration::from_secs(3600) };
    Identities::load(&settings(keys)).unwrap()
}

/// Polls until the state of the keys is as wanted, for at most ten seconds.
fn wait(identities: &Identities, wanted: impl Fn(&zhamen::identity::keystore::KeyStatus) -> bool) {
    let start = Instant::now();
    while !wanted(&identities.key_status(now())[0]) {
        let status = identities.key_status(now());
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain: {status:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn keys_are_fetched_and_rotate_on_an_unknown_kid() {
    let (old, new) = (SigningKey::generate_es256("old").unwrap(), SigningKey::generate_es256("new").unwrap());
    let bodies = [old.to_jwks(), new.to_jwks()];
    let server = serve(move |number| answer("200 OK", bodies[number.min(1)].as_bytes()));
    let identities = from_url(&server.url, Duration::from_secs(3600));
    let token = |key: &SigningKey| Presented {
        bearer: Some(key.sign(&key.header("at+jwt"), &claims().to_string()).unwrap()),
        ..Presented::default()
    };
    let (registry, mut memo) = (registry(), TokenMemo::new(10));
    let mut ask = |presented: &Presented| {
        identities
            .identify(&mut memo, presented, None, &registry, now())
            .map(|principal| principal.caller().to_owned())
    };
    assert_eq!(ask(&token(&old)), Err(Cause::KeysStale), "503 until the first fetch");
    let refresher = identities.refresh_keys(Instant::now()).unwrap();
    wait(&identities, |status| status.generation == 1);
    assert!(ask(&token(&old)).is_ok());
    assert_eq!(ask(&token(&new)), Err(Cause::TokenInvalid), "never waits for the fetch it asks for");
    wait(&identities, |status| status.generation == 2);
    assert!(ask(&token(&new)).is_ok());
    assert_eq!(ask(&token(&old)), Err(Cause::TokenInvalid), "its key left the set");
    assert!(refresher.is_running());
    drop(refresher);
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "the second unknown kid came within a minute");
}

#[test]
fn id_09_bad_answers_are_counted_and_taken_for_nothing() {
    let scripts: [(&str, Script, KeyFault); 5] = [
        ("moved", |_| answer("302 Found\r\nLocation: /other", b""), KeyFault::Status),
        ("down", |_| answer("503 Service Unavailable", b""), KeyFault::Status),
        ("large", |_| answer("200 OK", &vec![b' '; 1024 * 1024 + 1]), KeyFault::TooLarge),
        ("garbage", |_| answer("200 OK", b"<html>"), KeyFault::Format),
        ("reset", |_| b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec(), KeyFault::Unreadable),
    ];
    for (name, script, fault) in scripts {
        let server = serve(script);
        let identities = from_url(&server.url, Duration::from_millis(50));
        let _refresher = identities.refresh_keys(Instant::now()).unwrap();
        wait(&identities, |status| status.failures >= 2);
        let status = &identities.key_status(now())[0];
        assert_eq!((status.fault, status.state), (Some(fault), KeyState::Missing), "{name}");
    }
}

#[test]
fn a_stalled_server_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let identities =
        from_url(&format!("http://{}/", listener.local_addr().unwrap()), Duration::from_secs(60));
    let refresher = identities.refresh_keys(Instant::now()).unwrap();
    let (_stream, _) = listener.accept().unwrap();
    let start = Instant::now();
    drop(refresher);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn urls_that_may_not_be_fetched() {
    for (url, fine) in [
        ("http://127.0.0.1:1/jwks", true),
        ("http://[::1]:1/jwks", true),
        ("http://localhost/jwks", true),
        ("http://idp.example/jwks", false),
        ("http://10.0.0.1/jwks", false),
        ("ftp://127.0.0.1/jwks", false),
        ("http://user@127.0.0.1/jwks", false),
        ("/jwks", false),
        ("", false),
    ] {
        let keys = KeySource::Url {
            url: url.into(),
            ca_file: None,
            refresh: Duration::from_secs(60),
            age_max: Duration::from_secs(60),
        };
        assert_eq!(Identities::load(&settings(keys)).is_ok(), fine, "{url}");
    }
    let keys = KeySource::Url {
        url: "https://idp.example/jwks".into(),
        ca_file: Some("no/such/ca.pem".into()),
        refresh: Duration::from_secs(60),
        age_max: Duration::from_secs(60),
    };
    assert!(Identities::load(&settings(keys)).unwrap_err().to_string().contains("ca.pem"));
}

/// Answers TLS connections with this certificate, one after the other.
fn serve_tls(certified: &rcgen::CertifiedKey<rcgen::KeyPair>, body: String) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(&answer("200 OK", body.as_bytes()));
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}

#[test]
fn tls_is_verified_against_the_configured_authority() {
    let names = vec!["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names.clone()).unwrap();
    let other = rcgen::generate_simple_self_signed(names).unwrap();
    let port = serve_tls(&certified, SigningKey::generate_es256("a").unwrap().to_jwks());
    let dir = tempfile::tempdir().unwrap();
    for (name, host, authority, expect) in [
        ("its own", "localhost", &certified, (KeyState::Fresh, None)),
        ("another authority", "localhost", &other, (KeyState::Missing, Some(KeyFault::Tls))),
        ("another name", "127.0.0.1", &certified, (KeyState::Missing, Some(KeyFault::Tls))),
    ] {
        let ca_file = dir.path().join(format!("{}.pem", name.replace(' ', "-")));
        std::fs::write(&ca_file, authority.cert.pem()).unwrap();
        let keys = KeySource::Url {
            url: format!("https://{host}:{port}/jwks.json"),
            ca_file: Some(ca_file),
            refresh: Duration::from_secs(3600),
            age_max: Duration::from_secs(3600),
        };
        let identities = Identities::load(&settings(keys)).unwrap();
        let _refresher = identities.refresh_keys(Instant::now()).unwrap();
        wait(&identities, |status| status.failures + status.generation > 0);
        let status = &identities.key_status(now())[0];
        assert_eq!((status.state, status.fault), expect, "{name}");
    }
}
