//! TLS of the listeners on real sockets (faults.md C3): ALPN, mutual TLS, revocation, reload.

mod net_support;

use net_support::*;
use rustls::AlertDescription;
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use zhamen::config::settings::{Limits, ListenerTls};
use zhamen::net::connections::{Cut, HandshakeFailure, Refused};
use zhamen::net::peer::Peer;
use zhamen::net::tls::TlsStore;

struct World {
    dir: TempDir,
    ca: Ca,
    server: Pair,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path(), "ca");
    let server = ca.server("server", 1, "gateway.test");
    World { dir, ca, server }
}

/// A gateway that answers with what the connection proved.
fn mirror(limits: Limits, store: Arc<TlsStore>) -> Gateway {
    gateway(limits, Some(store), |peer, _| async move { text(200, proved(&peer)) })
}

fn proved(peer: &Peer) -> String {
    let names = peer.certificate.as_ref().map_or("nobody".to_owned(), |it| it.uris.join(","));
    let name = peer.tls_name.as_deref().unwrap_or("-");
    format!("{} {} {name} {names} resumed={}", peer.secure, peer.protocol, peer.resumed)
}

async fn ask(gateway: &Gateway, config: &Arc<rustls::ClientConfig>) -> String {
    let Ok(stream) = tls(gateway.address, config).await else { return "no connection".to_owned() };
    client(stream).await.get("/").await.map_or("no connection".to_owned(), |(_, body)| body)
}

#[test]
fn alpn_settles_the_protocol_and_the_certificate_names_the_application() {
    let world = world();
    let app = world.ca.client("window", 7);
    worker(async {
        let store = TlsStore::load(listener_tls(&world.ca, &world.server)).unwrap();
        let gateway = mirror(limits(), store);
        let name = "spiffe://zhamen.demo/app/window";
        for (alpn, identity, expect) in [
            (&["h2", "http/1.1"][..], None, "true h2 gateway.test nobody resumed=false".to_owned()),
            (&["http/1.1"], None, "true http/1.1 gateway.test nobody resumed=false".into()),
            (&[], None, "true http/1.1 gateway.test nobody resumed=false".into()),
            (&["h2"], Some(&app), format!("true h2 gateway.test {name} resumed=false")),
            (&["http/1.1"], Some(&app), format!("true http/1.1 gateway.test {name} resumed=false")),
            (&["spdy/3"], None, "no connection".into()),
        ] {
            assert_eq!(ask(&gateway, &client_config(&world.ca, identity, alpn)).await, expect);
        }
    });
}

#[test]
fn certificates_are_refused_for_the_right_reason() {
    let world = world();
    let other = Ca::new(world.dir.path(), "other");
    let (good, revoked) = (world.ca.client("good", 7), world.ca.client("revoked", 8));
    let (stranger, server_only) = (other.client("stranger", 9), world.ca.server("srv", 10, "app.test"));
    let crl = world.ca.crl(&[&revoked], 2099);
    worker(async {
        for required in [false, true] {
            let settings = ListenerTls {
                crl_files: vec![crl.clone()],
                client_certificate_required: required,
                ..listener_tls(&world.ca, &world.server)
            };
            let gateway = mirror(limits(), TlsStore::load(settings).unwrap());
            for (identity, failure) in [
                (Some(&good), None),
                (Some(&revoked), Some(HandshakeFailure::Revoked)),
                (Some(&stranger), Some(HandshakeFailure::BadCertificate)),
                (Some(&server_only), Some(HandshakeFailure::BadCertificate)),
                (None, required.then_some(HandshakeFailure::NoCertificate)),
            ] {
                let before = failure.map(|failure| gateway.connections.stats().handshakes_failed(failure));
                let answer = ask(&gateway, &client_config(&world.ca, identity, &["h2"])).await;
                let after = failure.map(|failure| gateway.connections.stats().handshakes_failed(failure));
                assert_eq!(after, before.map(|count| count + 1), "{failure:?}, required: {required}");
                assert_eq!(answer == "no connection", failure.is_some(), "{answer}");
            }
        }
    });
}

/// The alert is the last thing that is written before the socket is dropped.
#[test]
fn whoever_is_refused_is_told_why() {
    let world = world();
    let app = world.ca.client("window", 7);
    let other = Ca::new(world.dir.path(), "other");
    let stranger = other.client("stranger", 9);
    worker(async {
        let gateway = mirror(limits(), TlsStore::load(listener_tls(&world.ca, &world.server)).unwrap());
        for (identity, alpn, expect) in [
            (&app, "spdy/3", AlertDescription::NoApplicationProtocol),
            (&stranger, "http/1.1", AlertDescription::UnknownCA),
        ] {
            let config = client_config(&world.ca, Some(identity), &[alpn]);
            let refused = async {
                // The client's side of TLS 1.3 is through before the gateway has seen its certificate.
                tls(gateway.address, &config).await?.read(&mut [0]).await
            };
            let error = refused.await.unwrap_err();
            let told = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
            assert_eq!(told, Some(&rustls::Error::AlertReceived(expect)), "{error}");
        }
    });
}

#[test]
fn what_is_wrong_with_the_files_is_said_at_once_and_refused() {
    let world = world();
    let spare = world.ca.server("spare", 2, "gateway.test");
    let write = |name: &str, text: &str| {
        let file = world.dir.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let open_key = write("open.key", &fs::read_to_string(&world.server.key).unwrap());
    fs::set_permissions(&open_key, fs::Permissions::from_mode(0o640)).unwrap();
    let good = || listener_tls(&world.ca, &world.server);
    let half = fs::read_to_string(world.ca.crl(&[], 2099)).unwrap();
    let half_crl = write("half.crl", &half[..half.len() / 2]);
    let table: Vec<(ListenerTls, &[&str])> = vec![
        (ListenerTls { key_file: open_key.clone(), ..good() }, &["can be read by others (mode 640)"]),
        (ListenerTls { key_file: spare.key.clone(), ..good() }, &["the key does not serve"]),
        (ListenerTls { crl_files: vec![half_crl], ..good() }, &["half.crl"]),
        (ListenerTls { crl_files: vec![write("x.crl", "garbage")], ..good() }, &["holds no revocation list"]),
        (
            ListenerTls { client_ca_file: None, client_certificate_required: true, ..good() },
            &["no CA is named"],
        ),
        (
            ListenerTls {
                certificate_file: world.dir.path().join("absent.pem"),
                key_file: open_key,
                client_ca_file: Some(write("ca.txt", "no PEM")),
                ..good()
            },
            &["absent.pem: cannot be opened", "can be read by others", "holds no certificate"],
        ),
    ];
    assert!(TlsStore::load(good()).is_ok());
    for (settings, messages) in table {
        let Err(faults) = TlsStore::load(settings) else { panic!("accepted: {messages:?}") };
        for message in messages {
            assert!(faults.to_string().contains(message), "{message} not in\n{faults}");
        }
    }
}

#[test]
fn a_stale_revocation_list_lets_nobody_in() {
    let world = world();
    worker(async {
        for (grace, refused) in [(Duration::from_secs(60), 1), (Duration::from_secs(200 * 365 * 86_400), 0)] {
            let crl_files = vec![world.ca.crl(&[], 2025)];
            let settings =
                ListenerTls { crl_files, crl_grace: grace, ..listener_tls(&world.ca, &world.server) };
            let store = TlsStore::load(settings).unwrap();
            assert_eq!(store.current().crl_next_update(), Some(1_735_689_600));
            let gateway = mirror(limits(), store);
            let answer = ask(&gateway, &client_config(&world.ca, None, &["h2"])).await;
            assert_eq!(gateway.connections.stats().refused(Refused::CrlStale), refused);
            assert_eq!(answer == "no connection", refused == 1);
        }
    });
}

#[test]
fn a_silent_client_is_cut_at_the_handshake_timeout() {
    let world = world();
    worker(async {
        let store = TlsStore::load(listener_tls(&world.ca, &world.server)).unwrap();
        let gateway = mirror(Limits { handshake_timeout: ms(100), ..limits() }, store);
        let mut silent = TcpStream::connect(gateway.address).await.unwrap();
        assert_eq!(silent.read(&mut [0; 10]).await.unwrap_or(0), 0);
        assert_eq!(gateway.connections.stats().handshakes_failed(HandshakeFailure::Timeout), 1);
        let answer = ask(&gateway, &client_config(&world.ca, None, &["h2"])).await;
        assert!(answer.starts_with("true h2"), "the accept loop lives");
    });
}

#[test]
fn reloads_under_load_drop_nobody() {
    let world = world();
    worker(async {
        let store = TlsStore::load(listener_tls(&world.ca, &world.server)).unwrap();
        let gateway = Rc::new(mirror(limits(), store.clone()));
        let (served, stop) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let mut callers = Vec::new();
        for alpn in [&["h2"], &["http/1.1"], &["h2"], &["http/1.1"]] {
            let config = client_config(&world.ca, Some(&world.ca.client("good", 7)), alpn);
            let (gateway, served, stop) = (gateway.clone(), served.clone(), stop.clone());
            callers.push(tokio::task::spawn_local(async move {
                while !stop.get() {
                    let mut client = client(tls(gateway.address, &config).await.unwrap()).await;
                    for _ in 0..20 {
                        assert_eq!(client.get("/").await.unwrap().0, 200);
                        served.set(served.get() + 1);
                    }
                }
            }));
        }
        let spare = world.ca.server("spare", 2, "gateway.test");
        for round in 0..10 {
            tokio::time::sleep(ms(20)).await;
            let server = if round % 2 == 0 { &spare } else { &world.server };
            store.reload_with(listener_tls(&world.ca, server)).unwrap();
            let broken =
                ListenerTls { key_file: spare.certificate.clone(), ..listener_tls(&world.ca, server) };
            assert!(store.reload_with(broken).is_err(), "and the old pair serves on");
        }
        stop.set(true);
        for caller in callers {
            caller.await.unwrap();
        }
        assert!(served.get() > 100, "{}", served.get());
    });
}

#[test]
fn a_revocation_ends_live_connections_and_tickets_but_only_of_the_revoked() {
    let world = world();
    let (good, bad) = (world.ca.client("good", 7), world.ca.client("bad", 8));
    worker(async {
        let crl_files = vec![world.ca.crl(&[], 2099)];
        let settings = ListenerTls { crl_files, ..listener_tls(&world.ca, &world.server) };
        let store = TlsStore::load(settings).unwrap();
        let gateway = mirror(limits(), store.clone());
        let (good, bad_one) =
            (client_config(&world.ca, Some(&good), &["h2"]), client_config(&world.ca, Some(&bad), &["h2"]));
        let mut kept = client(tls(gateway.address, &good).await.unwrap()).await;
        let mut cut = client(tls(gateway.address, &bad_one).await.unwrap()).await;
        assert!(kept.get("/").await.is_ok() && cut.get("/").await.is_ok());
        assert!(ask(&gateway, &bad_one).await.ends_with("resumed=true"), "tickets work before the reload");

        world.ca.crl(&[&bad], 2099);
        store.reload().unwrap();
        tokio::time::sleep(ms(50)).await;
        assert!(cut.get("/").await.is_err(), "asked to go away");
        assert!(kept.get("/").await.is_ok(), "not concerned");
        assert_eq!(ask(&gateway, &bad_one).await, "no connection", "the ticket is of the old configuration");
        assert!(ask(&gateway, &good).await.ends_with("resumed=false"));
        assert_eq!(gateway.connections.stats().cut(Cut::Distrusted), 0, "it went when asked");
    });
}
