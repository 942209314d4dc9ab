//! Real clients at the door: curl over both protocol versions, with and without certificates, wrong
//! and revoked ones; h2load on open data.

mod support;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams,
    SanType, SerialNumber, date_time_ymd,
};
use std::fs;
use std::process::Command;
use support::{APPLICANT, Gateway, Site, bearer, curl, part, until};
use x509_parser::prelude::{FromDer, X509Certificate};

const OFFICER: &str = "civil-affairs-window";

/// Open data (L1): an enterprise of the demo.
const ENTERPRISE: &str = "/market-regulation/v1/enterprises/91330100MA2DEMA108";

#[test]
fn curl_over_both_versions_with_and_without_certificates() {
    let gateway = Site::lay_out().start();
    let household = format!("/public-security/v1/households/{APPLICANT}");
    let unbound = bearer(&gateway.unbound_token("open-data-portal", "11330100MB0000086H"));
    let (trust, certificate) = (gateway.trust(), gateway.certificate(OFFICER));
    let token = gateway.token("s1-officer");
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let none: &[String] = &[];
        for (path, certificate, token, status) in [
            (household.as_str(), certificate.as_slice(), token.as_slice(), 200),
            // Data about people need purpose and matter, which the token states.
            (household.as_str(), &certificate, none, 400),
            // The token is bound to the certificate.
            (household.as_str(), none, &token, 401),
            (household.as_str(), none, none, 401),
            // An application without an officer, and a token that is bound to nothing.
            (ENTERPRISE, &certificate, none, 200),
            (ENTERPRISE, none, &unbound, 200),
            (ENTERPRISE, none, none, 401),
        ] {
            let reply = curl(&gateway.url(path), &[&trust, certificate, token, &[flag.to_owned()]].concat());
            let case = format!("{flag} {path} {status}");
            assert_eq!(
                (reply.status, reply.version.as_str(), reply.exit),
                (status, version, 0),
                "{case}: {reply:?}"
            );
            assert_eq!(reply.header("zhamen-request-id").len(), 32, "{case}");
            if status == 200 {
                assert_eq!(reply.header("content-type"), "application/json", "{case}");
                assert!(!reply.header("disclosure").is_empty(), "{case}");
            } else {
                reply.problem(status);
            }
            for secret in [APPLICANT, "佛教"] {
                reply.is_without(secret);
            }
        }
    }
    methods_and_languages(&gateway);
    gateway.keeps_to_itself(APPLICANT);
}

fn methods_and_languages(gateway: &Gateway) {
    let ask = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let proofs = [gateway.trust(), gateway.certificate(OFFICER), arguments];
        curl(&gateway.url(ENTERPRISE), &proofs.concat())
    };
    for version in ["--http1.1", "--http2"] {
        let head = ask(&["--head", version]);
        assert_eq!((head.status, head.exit), (200, 0), "{version}: {head:?}");
        // A refusal, too, ends with its head.
        let refused = ask(&["--head", version, "-H", "Accept: text/csv"]);
        assert_eq!((refused.status, refused.exit), (406, 0), "{version}: {refused:?}");
        assert_ne!(refused.header("content-length"), "0", "{version}: {refused:?}");
    }
    let refused = ask(&["-X", "DELETE", "-H", "Accept-Language: en"]);
    assert_eq!(refused.problem(405), "E-METHOD");
    assert_eq!((refused.header("content-language"), refused.header("allow")), ("en", "GET, HEAD"));
    // What was asked with GET is judged, and asked, as GET; nothing may say otherwise.
    assert_eq!(ask(&["-H", "X-HTTP-Method-Override: DELETE"]).problem(400), "E-REQUEST");
    // One of two readings of who asks would be wrong.
    assert_eq!(ask(&["-H", "X_Forwarded_For: 10.0.0.1", "-H", "X_User: root"]).status, 400);
    assert_eq!(
        ask(&["--path-as-is", "-X", "GET", "--request-target", "/market-regulation/../tax"]).status,
        400
    );
    assert_eq!(ask(&["-H", "Host: elsewhere.example"]).problem(421), "E-MISDIRECTED");
    // Chinese unless asked otherwise.
    assert_eq!(ask(&["-X", "DELETE"]).header("content-language"), "zh-CN");
}

#[test]
fn certificates_that_prove_nothing_end_in_the_handshake() {
    let gateway = Site::lay_out().start();
    let trust = gateway.trust();
    let url = gateway.url(ENTERPRISE);
    // The caller does not trust the gateway: 60 is curl's "peer certificate cannot be authenticated".
    let reply = curl(&url, &gateway.certificate(OFFICER));
    assert_eq!((reply.status, reply.exit), (0, 60), "{reply:?}");

    // Right names, another authority.
    let stranger = tempfile::tempdir().unwrap();
    zhamen::demo::certs::complete(stranger.path(), &[], std::time::SystemTime::now()).unwrap();
    let file = |ending: &str| stranger.path().join(format!("{OFFICER}.{ending}")).display().to_string();
    let foreign = ["--cert".to_owned(), file("pem"), "--key".to_owned(), file("key")];
    for flag in ["--http1.1", "--http2"] {
        let reply = curl(&url, &[trust.as_slice(), &foreign, &[flag.to_owned()]].concat());
        assert_eq!(reply.status, 0, "{reply:?}");
        assert_ne!(reply.exit, 0, "{reply:?}");
    }
    // Right authority, a name nobody registered: a sound handshake, and no identity.
    unknown_name(&gateway);
    let reply = curl(&url, &[trust.as_slice(), &stranger_pair(&gateway)].concat());
    assert_eq!(reply.problem(401), "E-IDENTITY");
    // TLS 1.1 and plain text are no way in.
    let old = ["--tls-max".to_owned(), "1.1".to_owned()];
    assert_eq!(curl(&url, &[trust.as_slice(), &old].concat()).status, 0);
    assert_eq!(curl(&url.replace("https:", "http:"), &[]).status, 0);
}

fn stranger_pair(gateway: &Gateway) -> [String; 4] {
    ["--cert".to_owned(), gateway.file("stranger.pem"), "--key".to_owned(), gateway.file("stranger.key")]
}

fn authority(gateway: &Gateway) -> Issuer<'static, KeyPair> {
    let read = |name: &str| fs::read_to_string(gateway.site.path(name)).unwrap();
    Issuer::from_ca_cert_pem(&read("certs/ca.pem"), KeyPair::from_pem(&read("certs/ca.key")).unwrap())
        .unwrap()
}

fn unknown_name(gateway: &Gateway) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI("spiffe://zhamen.demo/app/nobody".try_into().unwrap())];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority(gateway)).unwrap();
    gateway.site.write("stranger.pem", &certificate.pem());
    gateway.site.write("stranger.key", &key.serialize_pem());
}

/// A revocation list of the demo's authority that names one application's certificate.
fn revoke(gateway: &Gateway, application: &str) {
    let pem = fs::read(gateway.site.path(&format!("certs/{application}.pem"))).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let (_, certificate) = X509Certificate::from_der(&pem.contents).unwrap();
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from_slice(certificate.raw_serial()),
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(2099, 1, 1),
        crl_number: SerialNumber::from(2_000_000_000_u64),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&authority(gateway)).unwrap().pem().unwrap();
    // As an operator would: beside it, then over it.
    gateway.site.write("certs/ca.crl.new", &list);
    fs::rename(gateway.site.path("certs/ca.crl.new"), gateway.site.path("certs/ca.crl")).unwrap();
}

#[test]
fn a_revoked_certificate_is_refused_while_others_go_on() {
    let gateway = Site::lay_out().start();
    let ask = |application: &str| {
        let proofs = [gateway.trust(), gateway.certificate(application)];
        curl(&gateway.url(ENTERPRISE), &proofs.concat())
    };
    assert_eq!((ask(OFFICER).status, ask("tax-desk").status), (200, 200));
    revoke(&gateway, OFFICER);
    // The gateway notices the new list by itself.
    let reply = until("the revocation to count", || {
        let reply = ask(OFFICER);
        (reply.status != 200).then_some(reply)
    });
    assert_eq!(reply.status, 0, "{reply:?}");
    assert_eq!(ask("tax-desk").status, 200);
    until("the failed handshake to be counted", || {
        let page = gateway.admin("/metrics", &[]).body;
        page.lines().any(|line| line.contains("revoked") && !line.ends_with(" 0")).then_some(())
    });
}

#[test]
fn h2load_gets_every_answer() {
    let site = Site::lay_out();
    // The load is one caller's: more than any person asks.
    let quotas = "\nquotas:\n  caller: {per_second: 10000, burst: 20000}\n  application: {per_second: 10000, burst: 20000}\n";
    let settings = fs::read_to_string(site.path("zhamen.yaml")).unwrap();
    site.write("zhamen.yaml", &format!("{settings}{quotas}"));
    let gateway = site.start();
    let token = gateway.unbound_token("open-data-portal", "11330100MB0000086H");
    let output = Command::new(part("h2load"))
        .args(["--requests=2000", "--clients=8", "--max-concurrent-streams=10"])
        .arg(format!("--header=authorization: Bearer {token}"))
        .arg(gateway.url(ENTERPRISE))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Application protocol: h2",
        "2000 succeeded, 0 failed, 0 errored, 0 timeout",
        "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx",
    ] {
        assert!(said.contains(line), "{line} not in\n{said}");
    }
    let page = gateway.admin("/metrics", &[]).body;
    let counted =
        page.lines().find(|line| line.starts_with("zhamen_requests_total") && line.contains("enterprise"));
    assert!(counted.is_some_and(|line| line.ends_with(" 2000")), "{counted:?}");
}
