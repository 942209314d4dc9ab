//! Callers that are not who they say, or that policy does not let through.

use super::{Row, carry_out, request};
use crate::support::{CIVIL, ENTERPRISE, HOUSEHOLD, MARKET, Stage, eventually};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use zhamen::identity::issue::SigningKey;

type Expect = (u16, &'static str, &'static str);

pub fn run(stage: &Stage) {
    carry_out(stage, tokens(stage));
    carry_out(stage, claims(stage));
    carry_out(stage, credentials(stage));
    carry_out(stage, policies(stage));
    carry_out(stage, certificates(stage));
    revoked(stage);
}

const fn no(cause: &'static str) -> Expect {
    (401, "E-IDENTITY", cause)
}

fn asks(name: &str, token: &str, expect: Expect) -> Row {
    Row::new(name, request(token, &format!("GET {ENTERPRISE}"), ""), expect)
}

/// Tokens that are wrong as tokens.
fn tokens(stage: &Stage) -> Vec<Row> {
    let good = stage.token(MARKET.1);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (key, id) = stage.ground.issuer();
    let claims = stage.ground.claims(MARKET.1).to_string();
    let with_header = |header: Value| key.sign(&header.to_string(), &claims).unwrap();
    let stranger = SigningKey::generate_es256(&id).unwrap();
    let unknown = SigningKey::generate_es256("unknown").unwrap();
    let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "at+jwt", "kid": id}).to_string());
    let (first, rest) = signature.split_at(1);
    let swapped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    vec![
        asks("another signature", &format!("{signed}.{swapped}"), no("token_invalid")),
        asks(
            "a stranger's signature",
            &stranger.sign(&stranger.header("at+jwt"), &claims).unwrap(),
            no("token_invalid"),
        ),
        asks(
            "an unknown key",
            &unknown.sign(&unknown.header("at+jwt"), &claims).unwrap(),
            no("token_invalid"),
        ),
        asks("no signature", &format!("{unsigned}.{}.", URL_SAFE_NO_PAD.encode(&claims)), no("token_alg")),
        asks("HS256", &with_header(json!({"alg": "HS256", "typ": "at+jwt", "kid": id})), no("token_alg")),
        asks(
            "crit",
            &with_header(json!({"alg": "ES256", "typ": "at+jwt", "kid": id, "crit": ["exp"]})),
            no("token_header"),
        ),
        asks(
            "jku",
            &with_header(json!({"alg": "ES256", "typ": "at+jwt", "kid": id, "jku": "https://x"})),
            no("token_header"),
        ),
        asks("no kid", &with_header(json!({"alg": "ES256", "typ": "at+jwt"})), no("token_header")),
        asks(
            "another type",
            &with_header(json!({"alg": "ES256", "typ": "id+jwt", "kid": id})),
            no("token_audience"),
        ),
        asks("not three parts", "abc", no("token_format")),
        asks("not base64url", "a+.b.c", no("token_format")),
    ]
}

/// Tokens that say something wrong.
fn claims(stage: &Stage) -> Vec<Row> {
    let says = |name: &str, change: &dyn Fn(&mut Value), cause| {
        asks(name, &stage.ground.mint(MARKET.1, change), no(cause))
    };
    vec![
        says("foreign issuer", &|claims| claims["iss"] = "https://idp.example".into(), "token_audience"),
        says("another audience", &|claims| claims["aud"] = "other".into(), "token_audience"),
        says(
            "expired",
            &|claims| {
                let now = claims["iat"].as_i64().unwrap();
                (claims["iat"], claims["exp"]) = ((now - 900).into(), (now - 300).into());
            },
            "token_expired",
        ),
        says(
            "not yet",
            &|claims| claims["nbf"] = (claims["iat"].as_i64().unwrap() + 300).into(),
            "token_claims",
        ),
        says(
            "for ever",
            &|claims| claims["exp"] = (claims["iat"].as_i64().unwrap() + 1_000_000).into(),
            "token_claims",
        ),
        says("a long subject", &|claims| claims["sub"] = "x".repeat(300).into(), "token_claims"),
        says(
            "too many officers",
            &|claims| claims["matter"]["officers"] = vec!["sj-0302"; 65].into(),
            "token_size",
        ),
        says("without a subject", &|claims| claims["sub"] = Value::Null, "token_claims"),
        says("expiry as text", &|claims| claims["exp"] = "tomorrow".into(), "token_claims"),
        says(
            "an unknown application",
            &|claims| claims["client_id"] = "nobody".into(),
            "application_unknown",
        ),
        says(
            "another certificate",
            &|claims| claims["cnf"]["x5t#S256"] = "A".repeat(43).into(),
            "identity_mismatch",
        ),
        says(
            "another department",
            &|claims| claims["department"] = "11330100MB0000019K".into(),
            "identity_mismatch",
        ),
    ]
}

/// Credentials in the wrong place, of the wrong sort, or two of them.
fn credentials(stage: &Stage) -> Vec<Row> {
    let token = stage.token(MARKET.1);
    let line = format!("GET {ENTERPRISE}");
    let ambiguous = (400, "E-IDENTITY", "credential_ambiguous");
    let with = |name: &str, more: &str, expect| Row::new(name, request(&token, &line, more), expect);
    let alone = |name: &str, more: &str, expect| {
        let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
        Row { application: None, ..Row::new(name, head.into_bytes(), expect) }
    };
    let mut rows = vec![
        with("two tokens", "Authorization: Bearer x\r\n", ambiguous),
        with("token and key", "X-Api-Key: x\r\n", ambiguous),
        with("token and cookie", "Cookie: access_token=x\r\n", ambiguous),
        with("token and proxy credentials", "Proxy-Authorization: Basic eDp5\r\n", ambiguous),
        with(
            "a header that speaks for others",
            "Purpose: social-assistance\r\n",
            (403, "E-IDENTITY", "speaks_for_denied"),
        ),
        alone("nothing", "", no("no_credential")),
        alone("a cookie", "Cookie: a=b\r\n", no("no_credential")),
        alone("an API key", "X-Api-Key: abc\r\n", no("api_key_invalid")),
        alone(
            "a token that is bound",
            &format!("Authorization: Bearer {token}\r\n"),
            no("identity_mismatch"),
        ),
    ];
    let other = request(&token, &line, "");
    rows.push(Row {
        application: CIVIL.0,
        ..Row::new("another's certificate", other, no("identity_mismatch"))
    });
    rows
}

/// What policy refuses: no cause, but reasons.
fn policies(stage: &Stage) -> Vec<Row> {
    let table = [
        ("s1-closed", HOUSEHOLD, "E-MATTER-CLOSED"),
        ("s1-no-matter", HOUSEHOLD, "E-MATTER-MISSING"),
        ("s1-colleague", HOUSEHOLD, "E-MATTER-NOT-ASSIGNED"),
        ("s1-officer", "/public-security/v1/households/33010619581111331X", "E-SUBJECT-NOT-IN-MATTER"),
        ("s1-officer", "/health/v1/emergency-records/330106196502142015", "E-PURPOSE-MISMATCH"),
        ("s1-officer", "/health/v1/infectious-diseases", "E-SECTOR-HEALTH"),
    ];
    let row = |(pass, path, code): (&str, &str, &'static str)| {
        let send = request(&stage.token(pass), &format!("GET {path}"), "");
        Row { application: CIVIL.0, ..Row::new(&format!("{pass} {path}"), send, (403, code, "")) }
    };
    table.into_iter().map(row).collect()
}

/// Certificates of our authority that name nobody, or two.
fn certificates(stage: &Stage) -> Vec<Row> {
    certificate(stage, "unknown", &["spiffe://zhamen.demo/app/unknown"]);
    certificate(
        stage,
        "two",
        &["spiffe://zhamen.demo/app/market-window", "spiffe://zhamen.demo/app/tax-desk"],
    );
    certificate(stage, "nameless", &[]);
    let head = format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    let row = |(name, cause)| Row { application: Some(name), ..Row::new(name, head.clone(), no(cause)) };
    [("unknown", "application_unknown"), ("two", "tls_identity"), ("nameless", "tls_identity")]
        .map(row)
        .into()
}

/// Issues a client certificate by the demo's authority, beside the others.
fn certificate(stage: &Stage, name: &str, uris: &[&str]) {
    let certs = stage.ground.path("certs");
    let authority_key = KeyPair::from_pem(&std::fs::read_to_string(certs.join("ca.key")).unwrap()).unwrap();
    let authority = CertificateDer::from_pem_file(certs.join("ca.pem")).unwrap();
    let authority = Issuer::from_ca_cert_der(&authority, authority_key).unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    std::fs::write(certs.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(certs.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// Revoked by staff id, by token, by application and by certificate.
fn revoked(stage: &Stage) {
    let der = CertificateDer::from_pem_file(stage.ground.path("certs/tax-desk.pem")).unwrap();
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let fingerprint: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "officers: [sj-0303]\ntokens: [stolen]\napplications: [open-data-portal]\ncertificates: [{fingerprint}]\n"
    );
    stage.ground.edit("policies/revocations.yaml", |_| text);
    assert!(eventually(|| stage.entries().iter().any(|entry| entry["kind"] == "reload")));
    let officer = stage.ground.mint(MARKET.1, |claims| claims["sub"] = "sj-0303".into());
    let token = stage.ground.mint(MARKET.1, |claims| claims["jti"] = "stolen".into());
    let head = format!("GET {ENTERPRISE} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    let channel = |name, cause| Row { application: Some(name), ..Row::new(name, head.clone(), no(cause)) };
    carry_out(
        stage,
        vec![
            asks("a revoked officer", &officer, no("revoked")),
            asks("a revoked token", &token, no("revoked")),
            channel("open-data-portal", "revoked"),
            channel("tax-desk", "tls_revoked"),
        ],
    );
}
