//! Faults ID-01 to ID-06, ID-11 and ID-12: what is a token, and what a good one says.

mod identity_support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_support::{CIVIL, ISSUER, NOW, at, claims, now, with, world};
use serde_json::json;
use zhamen::engine::reason::Cause;
use zhamen::engine::terms::{AuthMethod, LegalBasis};

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn every_algorithm_of_ours_verifies() {
    let mut world = world();
    let tokens = [&world.ec, &world.ed, &world.rsa, &world.pss]
        .map(|key| key.sign(&key.header("at+jwt"), &claims().to_string()).unwrap());
    for token in tokens {
        let principal = world.ask(&token).unwrap();
        assert_eq!(principal.caller(), "civil-affairs-window|staff-17");
        assert_eq!(principal.method, AuthMethod::Token);
        assert!(!principal.bound);
    }
}

#[test]
fn id_01_signatures() {
    let mut world = world();
    let good = world.sign(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut flipped = raw.clone();
    flipped[10] ^= 1;
    let other = identity_support::world().sign(&claims());
    let other = other.rsplit_once('.').unwrap().1;
    let changed = encode(with(json!({"sub": "staff-18"})).to_string());
    let header = good.split('.').next().unwrap();
    let der = [&[0x30, 0x44, 2, 0x20][..], &raw[..32], &[2, 0x20], &raw[32..]].concat();
    for (name, token) in [
        ("flipped", format!("{signed}.{}", encode(&flipped))),
        ("empty", format!("{signed}.")),
        ("zero", format!("{signed}.{}", encode([0; 64]))),
        ("short", format!("{signed}.{}", encode(&raw[..63]))),
        ("long", format!("{signed}.{}", encode([&raw[..], &[0]].concat()))),
        ("DER instead of fixed", format!("{signed}.{}", encode(der))),
        ("another key's", format!("{signed}.{other}")),
        ("claims exchanged", format!("{header}.{changed}.{signature}")),
    ] {
        assert_eq!(world.ask(&token).unwrap_err(), Cause::TokenInvalid, "{name}");
    }
    assert!(world.ask(&good).is_ok());
}

#[test]
fn id_02_algorithms() {
    let mut world = world();
    let body = claims().to_string();
    for header in [
        r#"{"alg":"none","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"None","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"NONE","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"ES384","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"es256","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"RS256","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"rsa"}"#,
        r#"{"alg":"PS256","typ":"at+jwt","kid":"rsa"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"ec"}"#,
        r#"{"alg":1,"typ":"at+jwt","kid":"ec"}"#,
        r#"{"typ":"at+jwt","kid":"ec"}"#,
    ] {
        let signed = world.ec.sign(header, &body).unwrap();
        let unsigned = format!("{}.{}.", encode(header), encode(&body));
        for token in [signed, unsigned] {
            assert_eq!(world.ask(&token).unwrap_err(), Cause::TokenAlgorithm, "{header}");
        }
    }
    // HS256 with the public key set as the secret: the classic confusion.
    let header = r#"{"alg":"HS256","typ":"at+jwt","kid":"rsa"}"#;
    let signed = format!("{}.{}", encode(header), encode(&body));
    let secret = std::fs::read(&world.jwks).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
    let token = format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())));
    assert_eq!(world.ask(&token).unwrap_err(), Cause::TokenAlgorithm);
}

#[test]
fn id_03_headers() {
    let mut world = world();
    let long = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, "k".repeat(200));
    let huge = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, "k".repeat(1_000_000));
    for (header, expect) in [
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"../../x"}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"https://evil/jwks"}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"' OR 1=1 --"}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":""}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":7}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt"}"#, Cause::TokenHeader),
        (&long, Cause::TokenHeader),
        (&huge, Cause::TokenSize),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","jku":"https://evil/"}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","x5u":"https://evil/"}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","jwk":{}}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","x5c":[]}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","crit":["exp"]}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"ec","b64":false}"#, Cause::TokenHeader),
        (r#"{"alg":"ES256","typ":"at+jwt","kid":"unknown"}"#, Cause::TokenInvalid),
        (r#"{"alg":"ES256","kid":"ec"}"#, Cause::TokenAudience),
        (r#"{"alg":"ES256","typ":"JWT","kid":"ec"}"#, Cause::TokenAudience),
        (r#"{"alg":"ES256","typ":"id+jwt","kid":"ec"}"#, Cause::TokenAudience),
    ] {
        let token = world.ec.sign(header, &claims().to_string()).unwrap();
        assert_eq!(world.ask(&token).unwrap_err(), expect, "{}", &header[..header.len().min(80)]);
    }
    let token = world.ec.sign(r#"{"alg":"ES256","typ":"AT+JWT","kid":"ec"}"#, &claims().to_string()).unwrap();
    assert!(world.ask(&token).is_ok(), "typ is compared without case");
}

#[test]
fn id_04_times() {
    let mut world = world();
    for (name, patch, expect) in [
        ("exp as text", json!({"exp": "1795398000"}), Cause::TokenClaims),
        ("exp as fraction", json!({"exp": 1795398000.5}), Cause::TokenClaims),
        ("exp negative", json!({"exp": -1}), Cause::TokenClaims),
        ("exp huge", json!({"exp": 1e300}), Cause::TokenClaims),
        ("exp beyond 9999", json!({"exp": 253_402_300_800_i64}), Cause::TokenClaims),
        ("exp beyond 63 bits", json!({"exp": u64::MAX}), Cause::TokenClaims),
        ("exp missing", json!({"exp": null}), Cause::TokenClaims),
        ("exp as list", json!({"exp": [NOW]}), Cause::TokenClaims),
        ("exp before iat", json!({"exp": NOW - 61}), Cause::TokenClaims),
        ("exp passed", json!({"iat": NOW - 600, "exp": NOW - 60}), Cause::TokenExpired),
        ("lives too long", json!({"exp": NOW + 3600}), Cause::TokenClaims),
        ("iat missing", json!({"iat": null}), Cause::TokenClaims),
        ("iat as text", json!({"iat": "1"}), Cause::TokenClaims),
        ("iat in future", json!({"iat": NOW + 61, "exp": NOW + 700}), Cause::TokenClaims),
        ("nbf as text", json!({"nbf": "1"}), Cause::TokenClaims),
        ("nbf in future", json!({"nbf": NOW + 61}), Cause::TokenClaims),
        ("auth_time in future", json!({"auth_time": NOW + 61}), Cause::TokenClaims),
    ] {
        let token = world.sign(&with(patch));
        assert_eq!(world.ask(&token).unwrap_err(), expect, "{name}");
    }
    for (name, patch) in [
        ("just not passed", json!({"iat": NOW - 600, "exp": NOW - 59})),
        ("issuer 60 s ahead", json!({"iat": NOW + 60, "nbf": NOW + 60})),
        ("longest life", json!({"iat": NOW, "exp": NOW + 3600})),
    ] {
        let token = world.sign(&with(patch));
        assert!(world.ask(&token).is_ok(), "CL-02: {name}");
    }
}

#[test]
fn id_05_forms() {
    let mut world = world();
    let good = world.sign(&claims());
    let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let doubled = claims().to_string().replacen('{', "{\"sub\":\"root\",", 1);
    let nested = claims().to_string().replacen('{', "{\"x\":{\"a\":1,\"a\":2},", 1);
    let plain = world.ec.header("at+jwt");
    let doubled_header = plain.replacen('{', "{\"kid\":\"ec\",", 1);
    let escaped_header = plain.replacen('{', "{\"\\u006bid\":\"ec\",", 1);
    let json_form = json!({"protected": header, "payload": body, "signature": signature}).to_string();
    for (name, token) in [
        ("duplicate claim", world.ec.sign(&plain, &doubled).unwrap()),
        ("duplicate deep inside", world.ec.sign(&plain, &nested).unwrap()),
        ("duplicate header member", world.ec.sign(&doubled_header, &claims().to_string()).unwrap()),
        ("duplicate by escape", world.ec.sign(&escaped_header, &claims().to_string()).unwrap()),
        ("space in the token", format!("{header} .{body}.{signature}")),
        ("line end", format!("{good}\n")),
        ("padding", format!("{header}.{body}.{signature}==")),
        ("standard alphabet", good.replace(['-', '_'], "+") + "+"),
        ("JSON serialisation", json_form),
        ("encrypted", format!("{header}.{body}.{signature}.{body}.{signature}")),
        ("encrypted header", world.ec.sign(r#"{"alg":"ES256","enc":"A256GCM","kid":"ec"}"#, "{}").unwrap()),
        ("two parts", format!("{header}.{body}")),
        ("one part", "x".into()),
        ("empty", String::new()),
        ("no JSON", world.ec.sign(&plain, "not json").unwrap()),
        ("a list", world.ec.sign(&plain, "[]").unwrap()),
    ] {
        assert_eq!(world.ask(&token).unwrap_err(), Cause::TokenFormat, "{name}");
    }
}

#[test]
fn id_06_audience_issuer_and_meaning() {
    let mut world = world();
    for (name, patch, expect) in [
        ("other audience", json!({"aud": "other"}), Cause::TokenAudience),
        ("audience by prefix", json!({"aud": "zhamen2"}), Cause::TokenAudience),
        ("no audience", json!({"aud": null}), Cause::TokenAudience),
        ("not in list", json!({"aud": ["a", "b"]}), Cause::TokenAudience),
        ("mixed list", json!({"aud": ["zhamen", 1]}), Cause::TokenClaims),
        ("audience as number", json!({"aud": 1}), Cause::TokenClaims),
        ("other issuer", json!({"iss": "https://evil"}), Cause::TokenAudience),
        ("issuer with slash", json!({"iss": format!("{ISSUER}/")}), Cause::TokenAudience),
        ("no issuer", json!({"iss": null}), Cause::TokenClaims),
        ("no client", json!({"client_id": null}), Cause::TokenClaims),
        ("no subject", json!({"sub": null}), Cause::TokenClaims),
        ("empty subject", json!({"sub": " "}), Cause::TokenClaims),
        ("caller key confused", json!({"sub": "a|b"}), Cause::TokenClaims),
        ("control character", json!({"sub": "a\u{0}b"}), Cause::TokenClaims),
        ("no post", json!({"post": null}), Cause::TokenClaims),
        ("no department", json!({"department": null}), Cause::TokenClaims),
        ("department no code", json!({"department": "civil-affairs"}), Cause::TokenClaims),
        ("purpose a list", json!({"purpose": ["a"]}), Cause::TokenClaims),
        ("unknown basis", json!({"legal_basis": "BECAUSE"}), Cause::TokenClaims),
        ("matter a text", json!({"matter": "m"}), Cause::TokenClaims),
        ("matter not said open", json!({"matter": {"id": "m", "type": "t"}}), Cause::TokenClaims),
        ("open as text", json!({"matter": {"id": "m", "type": "t", "open": "true"}}), Cause::TokenClaims),
        ("proof key of another kind", json!({"cnf": {"jkt": "x"}}), Cause::TokenClaims),
        ("short thumbprint", json!({"cnf": {"x5t#S256": "AAAA"}}), Cause::TokenClaims),
        ("client unknown", json!({"client_id": "nobody"}), Cause::ApplicationUnknown),
        (
            "a bad number",
            json!({"matter": {"id": "m", "type": "t", "open": true, "subjects":
            [{"type": "NATURAL", "id": "110105194912310021", "relation": "applicant"}]}}),
            Cause::TokenClaims,
        ),
    ] {
        let token = world.sign(&with(patch));
        assert_eq!(world.ask(&token).unwrap_err(), expect, "{name}");
    }
    let token = world.sign(&with(json!({"aud": ["other", "zhamen"]})));
    assert!(world.ask(&token).is_ok());
}

#[test]
fn what_a_token_says() {
    let mut world = world();
    let token = world.sign(&with(json!({
        "purpose": "social-assistance", "legal_basis": "STATUTORY_DUTY", "region": "330106",
        "represented": "x", "consent": "TY-2026-0042", "break_glass": "急救：患者昏迷",
        "auth_time": NOW - 30, "amr": ["pwd", "mfa"],
        "matter": {"id": "2026-001", "type": "social-assistance-review", "open": true,
            "subjects": [
                {"type": "NATURAL", "id": "３30106 196502142015", "relation": "applicant"},
                {"type": "LEGAL", "id": "91330100ma2dema108", "relation": "employer"}],
            "officers": ["staff-17"]},
    })));
    let principal = world.ask(&token).unwrap();
    let officer = principal.officer.as_ref().unwrap();
    assert_eq!((&*officer.id, &*officer.department, &*officer.post), ("staff-17", CIVIL, "reviewer"));
    assert_eq!(officer.region.as_deref(), Some("330106"));
    let statement = &principal.statement;
    assert_eq!(statement.purpose.as_deref(), Some("social-assistance"));
    assert_eq!(statement.legal_basis, Some(LegalBasis::StatutoryDuty));
    assert_eq!(statement.represented.as_deref(), Some("x"));
    assert_eq!(statement.consent.as_deref(), Some("TY-2026-0042"));
    assert_eq!(statement.break_glass.as_deref(), Some("急救：患者昏迷"));
    assert_eq!(statement.stepped_up_at, Some(NOW - 30));
    let matter = statement.matter.as_ref().unwrap();
    assert!(
        matter.open && matter.has_subject("330106196502142015") && matter.has_subject("91330100MA2DEMA108")
    );
    assert_eq!(matter.officers, ["staff-17".into()]);

    let one_factor = world.sign(&with(json!({"auth_time": NOW - 30, "amr": ["pwd"]})));
    assert_eq!(world.ask(&one_factor).unwrap().statement.stepped_up_at, None);
    let own = with(json!({"sub": "civil-affairs-window", "post": null, "department": null}));
    let own = world.sign(&own);
    assert!(world.ask(&own).unwrap().officer.is_none(), "the application's own token");
    let odd = world.sign(&with(json!({"sub": "civil-affairs-window"})));
    assert_eq!(world.ask(&odd).unwrap_err(), Cause::TokenClaims);
}

#[test]
fn id_11_revocation_reaches_remembered_proofs() {
    let mut world = world();
    let token = world.sign(&claims());
    let first = world.ask(&token).unwrap();
    assert_eq!(world.memo.count(), 1);
    let again = world.ask(&token).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again), "a remembered proof costs nothing new");
    type Revoke = fn(&mut zhamen::identity::registry::Registry);
    let steps: [(&str, Revoke); 3] = [
        ("token", |registry| {
            registry.revoked_tokens.insert("t-1".into());
        }),
        ("officer", |registry| {
            registry.revoked_officers.insert("staff-17".into());
        }),
        ("application", |registry| {
            registry.revoked_applications.insert("civil-affairs-window".into());
        }),
    ];
    for (name, revoke) in steps {
        let mut revoked = identity_support::registry();
        revoke(&mut revoked);
        world.registry = revoked;
        assert_eq!(world.ask(&token).unwrap_err(), Cause::Revoked, "{name}");
    }
    world.registry = identity_support::registry();
    assert!(world.ask(&token).is_ok());
    assert_eq!(world.ask_at(&token, None, at(600 + 60)).unwrap_err(), Cause::TokenExpired);
    assert_eq!(
        world.ask_at(&token, None, at(-600)).unwrap_err(),
        Cause::TokenClaims,
        "the clock stepped back"
    );
}

#[test]
fn a_proof_ends_with_its_key() {
    let mut world = world();
    let token = world.sign(&claims());
    assert!(world.ask(&token).is_ok());
    std::fs::write(&world.jwks, world.ed.to_jwks()).unwrap();
    world.identities.reload().unwrap();
    assert_eq!(world.ask(&token).unwrap_err(), Cause::TokenInvalid);
    std::fs::write(&world.jwks, "half a fi").unwrap();
    let faults = world.identities.reload().unwrap_err();
    assert!(faults.to_string().contains("jwks.json"), "{faults}");
    let other = world.ed.sign(&world.ed.header("at+jwt"), &claims().to_string()).unwrap();
    assert!(world.ask(&other).is_ok(), "the last good set stays");
    let status = world.identities.key_status(now());
    assert_eq!((status[0].keys, status[0].generation, status[0].failures), (1, 2, 1));
}

#[test]
fn id_12_sizes() {
    let mut world = world();
    let roles: Vec<String> = (0..10_000).map(|n| format!("r{n}")).collect();
    let some: Vec<String> = roles.iter().take(300).cloned().collect();
    let subject = json!({"type": "NATURAL", "id": "330106196502142015", "relation": "child"});
    let subjects = |count: usize| vec![subject.clone(); count];
    let matter =
        |count| json!({"matter": {"id": "m", "type": "t", "open": true, "subjects": subjects(count)}});
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    let wide: serde_json::Map<_, _> = (0..100).map(|n| (format!("c{n}"), json!(n))).collect();
    for (name, patch, expect) in [
        ("10,000 roles", json!({"roles": roles}), Err(Cause::TokenSize)),
        ("300 roles", json!({"roles": some}), Err(Cause::TokenSize)),
        ("64 KiB claims", json!({"x": "y".repeat(64 * 1024)}), Err(Cause::TokenSize)),
        ("65 subjects", matter(65), Err(Cause::TokenSize)),
        ("64 subjects", matter(64), Ok(())),
        (
            "65 officers",
            json!({"matter": {"id": "m", "type": "t", "open": true, "officers": vec!["a"; 65]}}),
            Err(Cause::TokenSize),
        ),
        ("20 deep", json!({"x": deep}), Err(Cause::TokenSize)),
        ("100 claims", serde_json::Value::Object(wide), Err(Cause::TokenSize)),
        ("long id", json!({"sub": "s".repeat(300)}), Err(Cause::TokenClaims)),
    ] {
        let token = world.sign(&with(patch));
        assert_eq!(world.ask(&token).map(drop), expect, "{name}");
    }
}

#[test]
fn the_memo_is_bounded() {
    let mut world = world();
    world.memo = zhamen::identity::memo::TokenMemo::new(10);
    for n in 0..50 {
        let token = world.sign(&with(json!({"jti": format!("t-{n}")})));
        assert!(world.ask(&token).is_ok());
        assert!(world.memo.count() <= 10);
    }
    world.memo = zhamen::identity::memo::TokenMemo::new(0);
    let token = world.sign(&claims());
    assert!(world.ask(&token).is_ok());
    assert_eq!(world.memo.count(), 0);
}
