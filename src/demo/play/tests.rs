use super::super::certs::APPLICATIONS;
use super::super::departments::{BASE_PORT, Department, routes};
use super::super::workspace::{Addresses, lay_out};
use super::super::{citizens::City, passes::PASSES};
use super::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

/// Application of the certificate, and the token that came with it.
type Calls = Arc<Mutex<BTreeSet<(Vec<u8>, String)>>>;

/// A gateway that asks for certificates and passes everything on unmasked: the opposite of ours.
async fn leaky_gateway(listener: tokio::net::TcpListener, tls: Arc<rustls::ServerConfig>, calls: Calls) {
    let city = Arc::new(City::generate());
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else { continue };
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let (city, calls) = (city.clone(), calls.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let (city, calls, certificate) = (city.clone(), calls.clone(), certificate.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let token = head.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
                    calls.lock().unwrap().insert((certificate, token.to_owned()));
                    let slug = head.uri.path().split('/').nth(1).unwrap();
                    let asked = routes::Asked {
                        method: head.method.as_str(),
                        path: head.uri.path(),
                        query: head.uri.query(),
                        body: &body.collect().await.unwrap().to_bytes(),
                    };
                    let answer = routes::answer(&city, Department::parse(slug).unwrap(), &asked);
                    let response = Response::builder()
                        .status(answer.status)
                        .header("zhamen-request-id", "1")
                        .body(Full::new(Bytes::from(answer.body)));
                    Ok::<_, std::convert::Infallible>(response.unwrap())
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn server_config(certs: &Path) -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs.join("ca.pem")).unwrap()).unwrap();
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certs.join("server.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(certs.join("server.key")).unwrap(),
        );
    Arc::new(config.unwrap())
}

#[test]
fn a_gateway_that_leaks_fails_the_play_and_is_shown_why() {
    let dir = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let addresses = Addresses { data: any, admin: any, departments: BASE_PORT };
    lay_out(dir.path(), addresses, SystemTime::now()).unwrap();
    let calls = Calls::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let tls = server_config(&dir.path().join("certs"));
    let heard = calls.clone();
    std::thread::spawn(move || runtime.block_on(leaky_gateway(listener, tls, heard)));

    let mut out = Vec::new();
    let score = play(dir.path(), address, &mut Screen::new(&mut out, false, None)).unwrap();
    let text = String::from_utf8(out).unwrap();
    let steps: usize = SCENARIOS.iter().map(|scenario| scenario.steps.len()).sum();
    // Only an empty list, of which no label is expected, may come back right.
    let empty = SCENARIOS.iter().flat_map(|scenario| scenario.steps).filter(|step| step.records == Some(0));
    assert_eq!(score, Score { steps, wrong: steps - empty.count() }, "{text}");
    for line in [
        "`330106196502142015`: expected nowhere, got in the body",
        "status: expected 403, got 200",
        "code: expected E-GUARDIAN, got none",
        "label religion: expected NONE E-SENSITIVE-NO-NECESSITY, got not in the Disclosure header",
        "`internalNote`: expected nowhere, got in the body",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    every_step_used_its_own_credentials(dir.path(), &calls.lock().unwrap());
}

fn every_step_used_its_own_credentials(dir: &Path, calls: &BTreeSet<(Vec<u8>, String)>) {
    let certificate = |application: &str| {
        CertificateDer::from_pem_file(dir.join(format!("certs/{application}.pem"))).unwrap().to_vec()
    };
    for step in SCENARIOS.iter().flat_map(|scenario| scenario.steps) {
        let token = step.token.map_or(String::new(), |token| {
            format!("Bearer {}", std::fs::read_to_string(dir.join(format!("tokens/{token}.jwt"))).unwrap())
        });
        assert!(calls.contains(&(certificate(step.application), token)), "{}", step.what);
    }
    let played: BTreeSet<_> =
        SCENARIOS.iter().flat_map(|scenario| scenario.steps).filter_map(|step| step.token).collect();
    assert_eq!(played.len(), PASSES.len(), "a pass that nobody plays");
    assert!(APPLICATIONS.len() >= 6);
}

#[test]
fn a_gateway_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    lay_out(dir.path(), Addresses { data: any, admin: any, departments: BASE_PORT }, SystemTime::now())
        .unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut out = Vec::new();
    let error = play(dir.path(), free, &mut Screen::new(&mut out, false, None)).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot reach the gateway at {free}")), "{error}");
}

#[test]
fn received_values_are_shown_once_each() {
    let records: Vec<Value> =
        serde_json::from_str(r#"[{"a":"x"},{"a":"x"},{"a":1},{"b":2},{"a":null}]"#).unwrap();
    assert_eq!(received(&records, "a"), "x / 1 / — / null");
    assert_eq!(received(&[], "a"), "");
}
