//! An issuer, applications and a registry for the identity tests. Keys are made anew in every run.
#![allow(dead_code, reason = "each test file uses its own part")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zhamen::config::settings::{IdentitySettings, Issuer, KeySource, SanType};
use zhamen::engine::canonical::Presented;
use zhamen::engine::clock::Moment;
use zhamen::engine::principal::{Application, Certificate, Principal};
use zhamen::engine::reason::Cause;
use zhamen::identity::Identities;
use zhamen::identity::issue::SigningKey;
use zhamen::identity::keys::Algorithm;
use zhamen::identity::memo::TokenMemo;
use zhamen::identity::registry::Registry;

pub const NOW: i64 = 1_795_397_400;
pub const ISSUER: &str = "https://idp.zhamen.demo";
pub const CIVIL: &str = "11330100MB0000019K";
pub const ESTATE: &str = "11330100MB0000027E";

pub fn now() -> Moment {
    at(0)
}

/// So many seconds after [`NOW`].
pub fn at(seconds: i64) -> Moment {
    Moment { unix_ms: (NOW + seconds) * 1000, monotonic_us: (1_000_000 + seconds * 1_000_000).max(0) as u64 }
}

/// One issuer with three keys, and a gateway that trusts it.
pub struct World {
    pub ec: SigningKey,
    pub ed: SigningKey,
    pub rsa: SigningKey,
    pub pss: SigningKey,
    pub jwks: PathBuf,
    pub identities: Identities,
    pub registry: Registry,
    pub memo: TokenMemo,
    _dir: tempfile::TempDir,
}

pub fn rsa_pkcs8() -> Vec<u8> {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap().as_ref().to_vec()
}

pub fn settings(keys: KeySource) -> IdentitySettings {
    IdentitySettings {
        issuers: vec![Issuer {
            issuer: ISSUER.into(),
            audience: "zhamen".into(),
            token_type: "at+jwt".into(),
            keys,
            leeway: Duration::from_secs(60),
            lifetime_max: Duration::from_secs(3600),
        }],
        certificate_san: SanType::Uri,
        api_key_hash_key_file: None,
        step_up_fresh: Duration::from_secs(300),
        token_memo_max: 100,
    }
}

pub fn application(id: &str, department: &str, speaks_for_others: bool) -> Arc<Application> {
    Arc::new(Application { speaks_for_others, ..Application::new(id, department) })
}

pub fn registry() -> Registry {
    let mut registry = Registry::default();
    for (id, department, speaks) in
        [("civil-affairs-window", CIVIL, false), ("real-estate-window", ESTATE, false), ("hub", CIVIL, true)]
    {
        let application = application(id, department, speaks);
        registry.by_san_uri.insert(format!("spiffe://zhamen.demo/app/{id}"), application.clone());
        registry.by_san_dns.insert(format!("{id}.zhamen.demo"), application.clone());
        registry.by_id.insert(id.into(), application);
    }
    registry
}

pub fn certificate(id: &str) -> Certificate {
    let mut fingerprint = [7; 32];
    fingerprint[0] = id.len() as u8;
    Certificate {
        fingerprint,
        uris: vec![format!("spiffe://zhamen.demo/app/{id}")],
        dns: vec![format!("{id}.zhamen.demo")],
        not_after: NOW + 86_400,
        ambiguous: false,
    }
}

pub fn world() -> World {
    let (ec, ed) = (SigningKey::generate_es256("ec").unwrap(), SigningKey::generate_eddsa("ed").unwrap());
    let rsa = SigningKey::rsa_from_pkcs8("rsa", &rsa_pkcs8(), Algorithm::Rs256).unwrap();
    let pss = SigningKey::rsa_from_pkcs8("pss", &rsa_pkcs8(), Algorithm::Ps256).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let jwks = dir.path().join("jwks.json");
    let keys = [&ec, &ed, &rsa, &pss].map(SigningKey::to_jwk).join(",");
    std::fs::write(&jwks, format!("{{\"keys\":[{keys}]}}")).unwrap();
    let identities = Identities::load(&settings(KeySource::File(jwks.clone()))).unwrap();
    World { ec, ed, rsa, pss, jwks, identities, registry: registry(), memo: TokenMemo::new(100), _dir: dir }
}

/// Good claims of an officer of the civil affairs department.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "zhamen", "iat": NOW - 60, "exp": NOW + 600, "sub": "staff-17", "jti": "t-1",
        "client_id": "civil-affairs-window", "department": CIVIL, "post": "reviewer",
    })
}

/// The claims with members replaced; `null` takes one out.
pub fn with(patch: Value) -> Value {
    let mut claims = claims();
    for (name, value) in patch.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

impl World {
    pub fn sign(&self, claims: &Value) -> String {
        self.ec.sign(&self.ec.header("at+jwt"), &claims.to_string()).unwrap()
    }

    pub fn ask(&mut self, token: &str) -> Result<Arc<Principal>, Cause> {
        self.ask_at(token, None, now())
    }

    pub fn ask_at(
        &mut self,
        token: &str,
        certificate: Option<&Certificate>,
        now: Moment,
    ) -> Result<Arc<Principal>, Cause> {
        let presented = Presented { bearer: Some(token.to_owned()), ..Presented::default() };
        self.present(&presented, certificate, now)
    }

    pub fn present(
        &mut self,
        presented: &Presented,
        certificate: Option<&Certificate>,
        now: Moment,
    ) -> Result<Arc<Principal>, Cause> {
        self.identities.identify(&mut self.memo, presented, certificate, &self.registry, now)
    }
}
