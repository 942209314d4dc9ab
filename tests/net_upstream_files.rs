//! What an upstream's settings name by file: certificates and our own credentials.

mod net_support;

use net_support::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use zhamen::engine::reason::Cause;
use zhamen::net::upstream::settings::*;
use zhamen::net::upstream::{HealthChecks, SharedUpstreams, Upstreams};
use zhamen::secret::{Credentials, Source};

/// Settings are built again and again; files count by what they hold.
#[test]
fn files_are_read_again_when_their_content_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, other) = (Ca::new(dir.path(), "ca"), Ca::new(dir.path(), "other"));
    let secret = dir.path().join("secret");
    let write = |text: &str| {
        std::fs::write(&secret, text).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("first-secret");
    let settings = UpstreamSettings {
        tls: Some(UpstreamTls { ca_file: ca.file.clone(), server_name: None, identity: None }),
        credentials: Some(Credentials::Bearer { token: Source::File(secret.clone()) }),
        ejection: EjectionSettings { failures: 1, ejected_for: ms(60_000) },
        ..upstream_settings(&[nobody()])
    };
    let build = |before: Option<&SharedUpstreams>| SharedUpstreams::build(vec![settings.clone()], before);
    let one = |all: &SharedUpstreams| all.iter().next().unwrap().clone();
    let first = build(None).unwrap();
    worker(async {
        let worker = Upstreams::new(first.clone(), Default::default());
        assert_eq!(fetch(&worker.get("fake").unwrap()).await, Err(Cause::UpstreamConnect));
    });
    assert!(one(&first).endpoints()[0].is_ejected());
    assert!(first.is_as_read() && Arc::ptr_eq(&one(&first), &one(&build(Some(&first)).unwrap())));

    write("second-secret");
    assert!(!first.is_as_read());
    let second = build(Some(&first)).unwrap();
    assert!(second.is_as_read() && !Arc::ptr_eq(&one(&first), &one(&second)));
    assert!(one(&second).endpoints()[0].is_ejected(), "the endpoint is the same, and so is its standing");
    assert!(!format!("{second:?}").contains("second-secret"), "{second:?}");

    let authority = std::fs::read(&ca.file).unwrap();
    std::fs::copy(&other.file, &ca.file).unwrap();
    let third = build(Some(&second)).unwrap();
    assert!(!second.is_as_read() && !Arc::ptr_eq(&one(&second), &one(&third)));
    std::fs::write(&ca.file, "no certificate").unwrap();
    assert!(build(Some(&third)).unwrap_err().to_string().contains("holds no certificate"));
    std::fs::write(&ca.file, authority).unwrap();
    std::fs::remove_file(&secret).unwrap();
    assert!(build(Some(&third)).unwrap_err().to_string().contains("No such file"));
}

#[test]
fn credentials_go_with_every_request_and_every_check() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = || Source::File(secret.clone());
    let user = || "zhamen".to_owned();
    worker(async move {
        for (credentials, lines) in [
            (
                Credentials::Basic { user: user(), password: file() },
                &["authorization: Basic emhhbWVuOnMzY3JldA=="][..],
            ),
            (Credentials::Bearer { token: file() }, &["authorization: Bearer s3cret"]),
            (
                Credentials::ClickHouse { user: user(), key: file() },
                &["x-clickhouse-user: zhamen", "x-clickhouse-key: s3cret"],
            ),
        ] {
            let heard = Rc::new(RefCell::new(Vec::new()));
            let hears = heard.clone();
            let fake = fake(move |_, mut stream| {
                let hears = hears.clone();
                async move {
                    while let Some(request) = read_request(&mut stream).await {
                        hears.borrow_mut().push(request);
                        let _ = stream.write_all(sized("{}").as_bytes()).await;
                    }
                }
            })
            .await;
            let settings = UpstreamSettings {
                credentials: Some(credentials),
                health: Some(HealthSettings {
                    path: "/healthz".to_owned(),
                    interval: ms(10_000),
                    unhealthy_after: 1,
                    healthy_after: 1,
                }),
                ..upstream_settings(&[fake.address])
            };
            let shared = SharedUpstreams::build(vec![settings], None).unwrap();
            let upstream = Upstreams::new(shared.clone(), Default::default()).get("fake").unwrap();
            fetch(&upstream).await.unwrap();
            let checks = HealthChecks::start(&shared);
            tokio::time::sleep(ms(50)).await;
            drop(checks);
            let heard = heard.borrow();
            assert_eq!(heard.len(), 2, "{heard:?}");
            for (request, line) in
                heard.iter().flat_map(|request| lines.iter().map(move |line| (request, line)))
            {
                assert!(request.contains(&format!("{line}\r\n")), "{request}");
            }
        }
    });
}
