//! Faults ID-07, ID-08 and TLS-05: certificate, token, API key and headers must agree.

mod identity_support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_support::{CIVIL, ESTATE, at, certificate, claims, now, settings, with, world};
use serde_json::json;
use zhamen::config::settings::{IdentitySettings, KeySource, SanType};
use zhamen::engine::canonical::{Presented, XRoad, XRoadClient};
use zhamen::engine::principal::Certificate;
use zhamen::engine::reason::Cause;
use zhamen::engine::terms::{AuthMethod, LegalBasis};
use zhamen::identity::Identities;
use zhamen::identity::api_key::HashKey;
use zhamen::identity::registry::ApiKeyEntry;

fn bearer(token: &str) -> Presented {
    Presented { bearer: Some(token.to_owned()), ..Presented::default() }
}

#[test]
fn tls_05_a_certificate_names_one_application() {
    let mut world = world();
    let good = certificate("hub");
    let uris = |uris: &[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
    let hub = "spiffe://zhamen.demo/app/hub";
    for (name, certificate, expect) in [
        ("good", good.clone(), Ok("hub")),
        ("other DNS names do not count", Certificate { dns: uris(&["a", "b"]), ..good.clone() }, Ok("hub")),
        (
            "two URIs",
            Certificate { uris: uris(&[hub, "spiffe://x"]), ..good.clone() },
            Err(Cause::TlsIdentity),
        ),
        ("the same twice", Certificate { uris: uris(&[hub, hub]), ..good.clone() }, Err(Cause::TlsIdentity)),
        ("none", Certificate { uris: vec![], ..good.clone() }, Err(Cause::TlsIdentity)),
        ("ambiguous", Certificate { ambiguous: true, ..good.clone() }, Err(Cause::TlsIdentity)),
        (
            "expired since the handshake",
            Certificate { not_after: 1, ..good.clone() },
            Err(Cause::TlsIdentity),
        ),
        (
            "unknown",
            Certificate { uris: uris(&["spiffe://x"]), ..good.clone() },
            Err(Cause::ApplicationUnknown),
        ),
        (
            "other case",
            Certificate { uris: uris(&["SPIFFE://zhamen.demo/app/hub"]), ..good.clone() },
            Err(Cause::ApplicationUnknown),
        ),
    ] {
        let seen = world.present(&Presented::default(), Some(&certificate), now());
        let expect = expect.map(str::to_owned);
        assert_eq!(seen.map(|principal| principal.caller().to_owned()), expect, "{name}");
    }
    assert_eq!(world.present(&Presented::default(), None, now()).unwrap_err(), Cause::NoCredential);
    world.registry.revoked_certificates.insert(good.fingerprint);
    assert_eq!(world.present(&Presented::default(), Some(&good), now()).unwrap_err(), Cause::TlsRevoked);
    world.registry = identity_support::registry();
    world.registry.revoked_applications.insert("hub".into());
    assert_eq!(world.present(&Presented::default(), Some(&good), now()).unwrap_err(), Cause::Revoked);
}

#[test]
fn dns_names_where_configured() {
    let settings = IdentitySettings {
        certificate_san: SanType::Dns,
        issuers: vec![],
        ..settings(KeySource::File("unused".into()))
    };
    let mut world = world();
    world.identities = Identities::load(&settings).unwrap();
    for (name, expect) in [
        ("HUB.zhamen.demo", Ok(())),
        ("*.zhamen.demo", Err(Cause::TlsIdentity)),
        ("other.zhamen.demo", Err(Cause::ApplicationUnknown)),
    ] {
        let certificate = Certificate { dns: vec![name.into()], ..certificate("hub") };
        assert_eq!(
            world.present(&Presented::default(), Some(&certificate), now()).map(drop),
            expect,
            "{name}"
        );
    }
}

#[test]
fn id_08_certificate_and_token() {
    let mut world = world();
    let (civil, estate) = (certificate("civil-affairs-window"), certificate("real-estate-window"));
    let bound_to =
        |certificate: &Certificate| json!({"x5t#S256": URL_SAFE_NO_PAD.encode(certificate.fingerprint)});
    for (name, patch, certificate, expect) in [
        ("alone", json!({}), None, Ok((AuthMethod::Token, false))),
        ("same application", json!({}), Some(&civil), Ok((AuthMethod::Certificate, false))),
        ("bound", json!({"cnf": bound_to(&civil)}), Some(&civil), Ok((AuthMethod::Certificate, true))),
        ("other application", json!({}), Some(&estate), Err(Cause::IdentityMismatch)),
        ("bound to another", json!({"cnf": bound_to(&estate)}), Some(&civil), Err(Cause::IdentityMismatch)),
        ("bound, no certificate", json!({"cnf": bound_to(&civil)}), None, Err(Cause::IdentityMismatch)),
        (
            "bound, other client, other department",
            json!({"cnf": bound_to(&estate)}),
            Some(&estate),
            Err(Cause::IdentityMismatch),
        ),
        (
            "bound, other client, own department",
            json!({"cnf": bound_to(&estate), "department": ESTATE}),
            Some(&estate),
            Ok((AuthMethod::Certificate, true)),
        ),
        (
            "officer of another department",
            json!({"department": ESTATE}),
            Some(&civil),
            Err(Cause::IdentityMismatch),
        ),
        (
            "through a hub",
            json!({"department": ESTATE, "client_id": "hub"}),
            None,
            Ok((AuthMethod::Token, false)),
        ),
    ] {
        let token = world.sign(&with(patch));
        let seen = world.present(&bearer(&token), certificate, now());
        assert_eq!(seen.map(|principal| (principal.method, principal.bound)), expect, "{name}");
        // Remembered, the proof must agree with the channel all the same.
        let again = world.present(&bearer(&token), certificate, now());
        assert_eq!(again.map(|principal| (principal.method, principal.bound)), expect, "{name}, again");
    }
}

#[test]
fn a_remembered_token_is_judged_by_each_channel() {
    let mut world = world();
    let token = world.sign(&claims());
    let civil = certificate("civil-affairs-window");
    let estate = certificate("real-estate-window");
    assert_eq!(world.present(&bearer(&token), Some(&civil), now()).unwrap().method, AuthMethod::Certificate);
    assert_eq!(world.present(&bearer(&token), Some(&estate), now()).unwrap_err(), Cause::IdentityMismatch);
    assert_eq!(world.present(&bearer(&token), None, now()).unwrap().method, AuthMethod::Token);
    let stated = Presented { purpose: Some("x".into()), ..bearer(&token) };
    assert_eq!(world.present(&stated, None, now()).unwrap_err(), Cause::SpeaksForDenied);
}

#[test]
fn api_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hash.key");
    std::fs::write(&path, "07".repeat(32) + "\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let settings = IdentitySettings {
        api_key_hash_key_file: Some(path),
        issuers: vec![],
        ..settings(KeySource::File("unused".into()))
    };
    let mut world = world();
    let token = world.sign(&claims());
    world.identities = Identities::load(&settings).unwrap();
    let secret = URL_SAFE_NO_PAD.encode([0xfb; 32]);
    assert!(secret.contains('_') || secret.contains('-'), "the alphabet's two symbols are part of the test");
    let key = format!("zk_legacy-1_{secret}");
    let hex = HashKey::new(&[7; 32]).hash_hex(&key).unwrap();
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).unwrap();
    }
    let application = world.registry.by_id["civil-affairs-window"].clone();
    world.registry.api_keys.insert("legacy-1".into(), ApiKeyEntry { hashes: vec![hash], application });
    let other = URL_SAFE_NO_PAD.encode([0xfa; 32]);
    for (text, expect) in [
        (key.clone(), Ok(())),
        (format!("zk_legacy-1_{other}"), Err(Cause::ApiKeyInvalid)),
        (format!("zk_legacy-2_{secret}"), Err(Cause::ApiKeyInvalid)),
        (format!("zk_legacy-1_{secret}A"), Err(Cause::ApiKeyInvalid)),
        (format!("zk__{secret}"), Err(Cause::ApiKeyInvalid)),
        (key.to_uppercase(), Err(Cause::ApiKeyInvalid)),
        (String::new(), Err(Cause::ApiKeyInvalid)),
    ] {
        let presented = Presented { api_key: Some(text), ..Presented::default() };
        let seen = world.present(&presented, None, now());
        assert_eq!(seen.map(|principal| assert!(principal.is_weak())), expect);
    }
    let presented = Presented { api_key: Some(key.clone()), ..Presented::default() };
    let civil = world.present(&presented, Some(&certificate("civil-affairs-window")), now());
    assert!(!civil.unwrap().is_weak(), "with its certificate");
    let estate = world.present(&presented, Some(&certificate("real-estate-window")), now());
    assert_eq!(estate.unwrap_err(), Cause::IdentityMismatch);
    let both = Presented { api_key: Some(key), ..bearer(&token) };
    assert_eq!(world.present(&both, None, now()).unwrap_err(), Cause::CredentialAmbiguous, "ID-07");
    world.identities =
        Identities::load(&IdentitySettings { api_key_hash_key_file: None, ..settings }).unwrap();
    assert_eq!(world.present(&presented, None, now()).unwrap_err(), Cause::ApiKeyInvalid, "none configured");
}

#[test]
fn only_some_applications_speak_for_others() {
    let road = |member: &str, user: Option<&str>| XRoad {
        client: Some(XRoadClient {
            instance: "CN".into(),
            class: "GOV".into(),
            member: member.into(),
            subsystem: None,
        }),
        user_id: user.map(str::to_owned),
        ..XRoad::default()
    };
    let some = |text: &str| Some(text.to_owned());
    let silent = Presented::default;
    for (name, presented) in [
        ("purpose", Presented { purpose: some("a"), ..silent() }),
        ("matter", Presented { matter_id: some("a"), ..silent() }),
        ("basis", Presented { legal_basis: some("CONSENT"), ..silent() }),
        ("member", Presented { x_road: road(CIVIL, None), ..silent() }),
        ("user", Presented { x_road: XRoad { user_id: some("a"), ..XRoad::default() }, ..silent() }),
        ("issue", Presented { x_road: XRoad { issue: some("a"), ..XRoad::default() }, ..silent() }),
        ("party", Presented { x_road: XRoad { represented: some("a"), ..XRoad::default() }, ..silent() }),
    ] {
        let mut world = world();
        let seen = world.present(&presented, Some(&certificate("civil-affairs-window")), now());
        assert_eq!(seen.unwrap_err(), Cause::SpeaksForDenied, "{name}");
        assert!(world.present(&presented, Some(&certificate("hub")), now()).is_ok(), "{name} by a hub");
    }
    let mut world = world();
    let only_id = Presented { x_road: XRoad { id: some("0f8fad5b-d9cb"), ..XRoad::default() }, ..silent() };
    let seen = world.present(&only_id, Some(&certificate("civil-affairs-window")), now());
    assert!(seen.is_ok(), "a request id states nothing");
}

#[test]
fn headers_complete_what_the_token_leaves_open() {
    let mut world = world();
    let hub = certificate("hub");
    let presented = Presented {
        purpose: Some("social-assistance".into()),
        matter_id: Some("m-1".into()),
        legal_basis: Some("STATUTORY_DUTY".into()),
        x_road: XRoad {
            client: Some(XRoadClient {
                instance: "CN".into(),
                class: "GOV".into(),
                member: ESTATE.into(),
                subsystem: None,
            }),
            user_id: Some("staff-9".into()),
            issue: Some("m-1".into()),
            ..XRoad::default()
        },
        ..Presented::default()
    };
    let principal = world.present(&presented, Some(&hub), now()).unwrap();
    assert_eq!(principal.caller(), "hub|staff-9");
    assert_eq!(&**principal.department(), ESTATE);
    assert_eq!(principal.statement.purpose.as_deref(), Some("social-assistance"));
    assert_eq!(principal.statement.legal_basis, Some(LegalBasis::StatutoryDuty));
    let matter = principal.statement.matter.clone().unwrap();
    assert!(matter.open && matter.subjects.is_empty() && matter.officers.is_empty());
    world.registry.revoked_officers.insert("staff-9".into());
    assert_eq!(world.present(&presented, Some(&hub), now()).unwrap_err(), Cause::Revoked);

    let token = world.sign(&with(json!({"client_id": "hub", "purpose": "open-data"})));
    for (name, change, expect) in [
        ("the same again", Presented { purpose: Some("open-data".into()), ..bearer(&token) }, Ok(())),
        ("a basis more", Presented { legal_basis: Some("CONSENT".into()), ..bearer(&token) }, Ok(())),
        (
            "another purpose",
            Presented { purpose: Some("x".into()), ..bearer(&token) },
            Err(Cause::SpeaksForDenied),
        ),
        (
            "another officer",
            Presented { x_road: XRoad { user_id: Some("x".into()), ..XRoad::default() }, ..bearer(&token) },
            Err(Cause::SpeaksForDenied),
        ),
        (
            "no such basis",
            Presented { legal_basis: Some("X".into()), ..bearer(&token) },
            Err(Cause::IdentityHeader),
        ),
        (
            "two matters",
            Presented {
                matter_id: Some("a".into()),
                x_road: XRoad { issue: Some("b".into()), ..XRoad::default() },
                ..bearer(&token)
            },
            Err(Cause::IdentityHeader),
        ),
    ] {
        assert_eq!(world.present(&change, Some(&hub), at(1)).map(drop), expect, "{name}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let token = "eyJsecret.eyJsecret.secret";
    let presented = Presented {
        api_key: Some("zk_secret".into()),
        purpose: Some("secret".into()),
        x_road: XRoad { user_id: Some("secret".into()), ..XRoad::default() },
        ..bearer(token)
    };
    assert!(!format!("{presented:?}").contains("secret"));
    assert_eq!(format!("{:?}", HashKey::new(&[115; 32])), "HashKey");
}
