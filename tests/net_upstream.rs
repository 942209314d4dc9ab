//! Upstreams on real sockets (faults.md C8): pool, retries, malformed answers, health, TLS.

mod net_support;

use net_support::*;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use zhamen::engine::reason::Cause;
use zhamen::net::tls::provider;
use zhamen::net::upstream::settings::*;
use zhamen::net::upstream::{HealthChecks, SharedUpstreams, Upstreams};

/// Answers each request of each connection with these bytes.
async fn always(answer: String) -> Fake {
    let answer: Rc<str> = answer.into();
    fake(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

async fn settle() {
    tokio::time::sleep(ms(30)).await;
}

#[test]
fn connections_are_kept_as_long_as_the_upstream_says() {
    worker(async {
        let ok = |extra: &str| format!("HTTP/1.1 200 OK\r\n{extra}content-length: 2\r\n\r\n{{}}");
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        for (answer, connections) in [
            (ok(""), 1),
            (chunked.to_owned(), 1),
            (ok("keep-alive: timeout=5, max=100\r\n"), 1),
            (ok("keep-alive: timeout=0\r\n"), 5),
            (ok("connection: close\r\n"), 5),
            ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), 1),
        ] {
            let fake = always(answer.clone()).await;
            let upstream = upstream(upstream_settings(&[fake.address]));
            for _ in 0..5 {
                fetch(&upstream).await.unwrap();
            }
            assert_eq!(fake.accepted.get(), connections, "{answer}");
        }
    });
}

#[test]
fn idle_connections_are_bounded_and_swept() {
    worker(async {
        let fake = always(sized("{}")).await;
        let settings = upstream_settings(&[fake.address]);
        let upstream = upstream(UpstreamSettings { idle_max: 3, idle_timeout: ms(200), ..settings });
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let upstream = upstream.clone();
            calls.spawn_local(async move { fetch(&upstream).await.unwrap() });
        }
        calls.join_all().await;
        assert_eq!(upstream.idle(), 3);
        tokio::time::sleep(ms(500)).await;
        assert_eq!(upstream.idle(), 0);
    });
}

#[test]
fn what_the_upstream_receives() {
    worker(async {
        let seen = Rc::new(RefCell::new(String::new()));
        let record = seen.clone();
        let fake = fake(move |_, mut stream| {
            let record = record.clone();
            async move {
                *record.borrow_mut() = read_request(&mut stream).await.unwrap();
                stream.write_all(sized("{}").as_bytes()).await.unwrap();
            }
        })
        .await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        let mut request = outbound("POST", "{\"id\":1}");
        request.field("zhamen-purpose", &["statistics"]);
        exchange(&upstream, request).await.unwrap();
        let expect = format!(
            "POST /v1/things?id=1 HTTP/1.1\r\nzhamen-purpose: statistics\r\nhost: {}\r\ncontent-length: 8\r\n\r\n{{\"id\":1}}",
            fake.address
        );
        assert_eq!(*seen.borrow(), expect);
    });
}

#[test]
fn malformed_answers_are_refused_and_their_connections_dropped() {
    let many: String = (0..200).map(|number| format!("x{number}: y\r\n")).collect();
    let head = |extra: &str| format!("HTTP/1.1 200 OK\r\n{extra}\r\n{{}}");
    let table = [
        (head("content-length: 2\r\ncontent-length: 2\r\n"), Cause::UpstreamMalformed),
        (head("content-length: 2\r\ncontent-length: 3\r\n"), Cause::UpstreamMalformed),
        (head("content-length: 2, 2\r\n"), Cause::UpstreamMalformed),
        (head("content-length: +2\r\n"), Cause::UpstreamMalformed),
        (head("content-length: 2\r\ntransfer-encoding: chunked\r\n"), Cause::UpstreamMalformed),
        (head("transfer-encoding: gzip, chunked\r\n"), Cause::UpstreamMalformed),
        (head("transfer-encoding: chunked\r\n"), Cause::UpstreamMalformed),
        (head(&format!("content-length: 2\r\n{many}")), Cause::UpstreamMalformed),
        (head(&format!("content-length: 2\r\nx: {}\r\n", "y".repeat(9000))), Cause::UpstreamMalformed),
        (head(&format!("x: {}\r\n", "y".repeat(10_000_000))), Cause::UpstreamMalformed),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n".into(),
            Cause::UpstreamMalformed,
        ),
        ("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(50_000), Cause::UpstreamMalformed),
        ("SSH-2.0-OpenSSH_9.2\r\n".into(), Cause::UpstreamMalformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}".into(), Cause::UpstreamReset),
        (String::new(), Cause::UpstreamReset),
    ];
    worker(async move {
        for (answer, expect) in table {
            let shown = format!("{answer:.70}");
            let fake = fake(move |_, mut stream| {
                let answer = answer.clone();
                async move {
                    read_request(&mut stream).await.unwrap();
                    let _ = stream.write_all(answer.as_bytes()).await;
                    stream.shutdown().await.ok();
                    read_request(&mut stream).await;
                }
            })
            .await;
            let settings = UpstreamSettings {
                retries: RetrySettings { max: 0, budget_percent: 0 },
                ..upstream_settings(&[fake.address])
            };
            let upstream = upstream(settings);
            assert_eq!(fetch(&upstream).await, Err(expect), "{shown}");
            assert_eq!(upstream.idle(), 0, "{shown}");
        }
    });
}

#[test]
fn informational_answers_are_skipped_and_a_second_answer_is_never_used() {
    worker(async {
        let early = format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{}", sized("{}"));
        let fake_early = always(early).await;
        assert_eq!(fetch(&upstream(upstream_settings(&[fake_early.address]))).await.unwrap(), "{}");
        // UP-05: the second answer must not become the next caller's, whether it comes with the first,
        // while the connection idles, or just before the next request, unseen by the reactor.
        for (pause, seen) in [(0, true), (5, true), (5, false)] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let upstream = upstream(upstream_settings(&[listener.local_addr().unwrap()]));
            let poisoner = std::thread::spawn(move || {
                for (number, stream) in listener.incoming().take(4).enumerate() {
                    poison(number, stream.unwrap(), pause);
                }
            });
            for number in 0..4 {
                assert_eq!(fetch(&upstream).await.unwrap(), number.to_string());
                // Holding up the thread holds up the reactor.
                if seen { settle().await } else { std::thread::sleep(ms(30)) }
            }
            drop(upstream);
            settle().await;
            poisoner.join().unwrap();
        }
    });
}

/// Answers one request twice, then waits for the end.
fn poison(number: usize, mut stream: std::net::TcpStream, pause_ms: u64) {
    use std::io::{Read, Write};
    stream.set_nodelay(true).unwrap();
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    stream.write_all(sized(&number.to_string()).as_bytes()).unwrap();
    std::thread::sleep(ms(pause_ms));
    stream.write_all(sized("poison").as_bytes()).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_connection_that_died_idle_is_not_used_even_for_a_post() {
    worker(async {
        let fake = fake(|_, mut stream| async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(sized("{}").as_bytes()).await.unwrap();
        })
        .await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        for _ in 0..3 {
            exchange(&upstream, outbound("POST", "{}")).await.unwrap();
            settle().await;
        }
        assert_eq!(fake.accepted.get(), 3);
    });
}

#[test]
fn only_what_cannot_happen_twice_is_repeated() {
    worker(async {
        let requests = Rc::new(Cell::new(0));
        for (method, body, max, expect, sent) in [
            ("GET", "", 2, Ok("{}".to_owned()), 2),
            ("HEAD", "", 2, Ok(String::new()), 2),
            ("GET", "", 0, Err(Cause::UpstreamReset), 1),
            ("POST", "{}", 2, Err(Cause::UpstreamReset), 1),
            ("DELETE", "", 2, Err(Cause::UpstreamReset), 1),
        ] {
            requests.set(0);
            let count = requests.clone();
            let fake = fake(move |number, mut stream| {
                let count = count.clone();
                async move {
                    let request = read_request(&mut stream).await.unwrap();
                    count.set(count.get() + 1);
                    if number == 0 {
                        return reset(stream);
                    }
                    let answer = sized("{}");
                    let end = if request.starts_with("HEAD") { answer.len() - 2 } else { answer.len() };
                    stream.write_all(&answer.as_bytes()[..end]).await.unwrap();
                }
            })
            .await;
            let settings = upstream_settings(&[fake.address]);
            let upstream =
                upstream(UpstreamSettings { retries: RetrySettings { max, budget_percent: 10 }, ..settings });
            assert_eq!(exchange(&upstream, outbound(method, body)).await, expect, "{method}");
            assert_eq!(requests.get(), sent, "{method}");
        }
    });
}

#[test]
fn retries_keep_within_their_budget() {
    worker(async {
        let fake = fake(|_, mut stream| async move {
            read_request(&mut stream).await;
            reset(stream);
        })
        .await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        for _ in 0..200 {
            assert_eq!(fetch(&upstream).await, Err(Cause::UpstreamReset));
        }
        // Ten saved up, then one in ten.
        assert!((220..=231).contains(&fake.accepted.get()), "{}", fake.accepted.get());
    });
}

#[test]
fn times_are_kept() {
    worker(async {
        let silent = fake(|_, mut stream| async move {
            read_request(&mut stream).await;
            std::future::pending::<()>().await;
        })
        .await;
        let base = upstream_settings(&[silent.address]);
        for settings in [
            UpstreamSettings { first_byte_timeout: ms(150), ..base.clone() },
            UpstreamSettings { total_timeout: ms(150), ..base },
        ] {
            let (upstream, begun) = (upstream(settings), Instant::now());
            assert_eq!(fetch(&upstream).await, Err(Cause::UpstreamSlow));
            assert!(begun.elapsed() < ms(1000));
            assert_eq!(upstream.shared().endpoints()[0].in_flight(), 0);
        }
        assert_eq!(silent.accepted.get(), 2, "a slow answer is not asked for again");
    });
}

#[test]
fn a_dead_endpoint_is_avoided_ejected_and_tried_again() {
    worker(async {
        let fake = always(sized("{}")).await;
        let dead = nobody();
        let ejection = EjectionSettings { failures: 2, ejected_for: ms(300) };
        let upstream = upstream(UpstreamSettings { ejection, ..upstream_settings(&[dead, fake.address]) });
        for _ in 0..50 {
            exchange(&upstream, outbound("POST", "{}")).await.expect("nothing was written to the dead one");
        }
        let health = &upstream.shared().endpoints()[0];
        assert!(health.is_ejected() && health.ejections() == 1);

        let alive = tokio::net::TcpListener::bind(dead).await.unwrap();
        let revived = tokio::task::spawn_local(async move {
            let (mut stream, _) = alive.accept().await.unwrap();
            while read_request(&mut stream).await.is_some() {
                stream.write_all(sized("{}").as_bytes()).await.unwrap();
            }
        });
        tokio::time::sleep(ms(350)).await;
        for _ in 0..50 {
            fetch(&upstream).await.unwrap();
        }
        assert!(!upstream.shared().endpoints()[0].is_ejected(), "half open, then well again");
        revived.abort();
    });
}

#[test]
fn when_none_is_left_the_answer_is_no_at_once() {
    worker(async {
        let ejection = EjectionSettings { failures: 1, ejected_for: ms(60_000) };
        let upstream = upstream(UpstreamSettings { ejection, ..upstream_settings(&[nobody()]) });
        assert_eq!(fetch(&upstream).await, Err(Cause::UpstreamConnect));
        assert_eq!(fetch(&upstream).await, Err(Cause::UpstreamUnhealthy));
    });
}

#[test]
fn checks_take_an_endpoint_out_and_bring_it_back() {
    worker(async {
        let well = Rc::new(Cell::new(true));
        let state = well.clone();
        let fake = fake(move |_, mut stream| {
            let well = state.clone();
            async move {
                while let Some(request) = read_request(&mut stream).await {
                    let sick = request.starts_with("GET /healthz ") && !well.get();
                    let answer = if sick {
                        "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_owned()
                    } else {
                        sized("{}")
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        })
        .await;
        let health = HealthSettings {
            path: "/healthz".into(),
            interval: ms(20),
            unhealthy_after: 2,
            healthy_after: 2,
        };
        let settings = UpstreamSettings { health: Some(health), ..upstream_settings(&[fake.address]) };
        let shared = SharedUpstreams::build(vec![settings], None).unwrap();
        let checks = HealthChecks::start(&shared);
        let upstream = Upstreams::new(shared, Default::default()).get("fake").unwrap();
        for (now, expect) in
            [(true, Ok("{}".to_owned())), (false, Err(Cause::UpstreamUnhealthy)), (true, Ok("{}".to_owned()))]
        {
            well.set(now);
            tokio::time::sleep(ms(300)).await;
            assert_eq!(fetch(&upstream).await, expect);
        }
        drop(checks);
        settle().await;
        let before = fake.accepted.get();
        tokio::time::sleep(ms(100)).await;
        assert_eq!(fake.accepted.get(), before, "no more checks");
    });
}

#[test]
fn a_new_catalogue_keeps_the_connections_of_what_did_not_change() {
    worker(async {
        let fake = always(sized("{}")).await;
        let settings = upstream_settings(&[fake.address]);
        let first = SharedUpstreams::build(vec![settings.clone()], None).unwrap();
        let worker = Upstreams::new(first.clone(), Default::default());
        fetch(&worker.get("fake").unwrap()).await.unwrap();
        for (settings, idle) in [(settings.clone(), 1), (UpstreamSettings { idle_max: 9, ..settings }, 0)] {
            worker.renew(&SharedUpstreams::build(vec![settings], Some(&first)).unwrap());
            assert_eq!(worker.get("fake").unwrap().idle(), idle);
        }
        assert!(worker.get("other").is_none());
        let twice = vec![upstream_settings(&[fake.address]), upstream_settings(&[fake.address])];
        assert!(SharedUpstreams::build(twice, None).unwrap_err().to_string().contains("defined twice"));
        assert!(SharedUpstreams::build(vec![upstream_settings(&[])], None).is_err());
    });
}

fn tls_server(ca: &Ca, pair: &Pair, ask: bool) -> TlsAcceptor {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = if ask {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&ca.file).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_file(&pair.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

async fn serve_tls(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    while read_request(&mut stream).await.is_some() {
        stream.write_all(sized("{}").as_bytes()).await.unwrap();
    }
}

#[test]
fn tls_is_proved_both_ways_or_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, other) = (Ca::new(dir.path(), "ca"), Ca::new(dir.path(), "other"));
    let server = ca.server("server", 1, "civil-affairs.test");
    let client = ca.client("gateway", 2);
    let identity = ClientIdentity { certificate_file: client.certificate, key_file: client.key };
    worker(async move {
        for (ca_file, name, identity, ask, expect) in [
            (&ca.file, "civil-affairs.test", None, false, Ok("{}".to_owned())),
            (&ca.file, "civil-affairs.test", Some(identity), true, Ok("{}".to_owned())),
            // TLS-11: never in the clear instead.
            (&ca.file, "health.test", None, false, Err(Cause::UpstreamTls)),
            (&other.file, "civil-affairs.test", None, false, Err(Cause::UpstreamTls)),
        ] {
            let acceptor = tls_server(&ca, &server, ask);
            let fake = fake(move |_, stream| serve_tls(acceptor.clone(), stream)).await;
            let tls = UpstreamTls { ca_file: ca_file.clone(), server_name: Some(name.to_owned()), identity };
            let upstream =
                upstream(UpstreamSettings { tls: Some(tls), ..upstream_settings(&[fake.address]) });
            for _ in 0..3 {
                assert_eq!(fetch(&upstream).await, expect, "{name}");
            }
            if expect.is_ok() {
                assert_eq!(fake.accepted.get(), 1, "kept");
                assert!(upstream.shared().endpoints()[0].certificate_not_after().is_some());
            }
        }
    });
}
