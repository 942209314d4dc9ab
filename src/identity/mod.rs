//! Credentials → [`Principal`]: certificate, token and API key proved, and made to agree.
//!
//! Duty: prove who asks and read what the proof says. May not decide what the caller may see, and
//! never waits: key sets are fetched by their own thread. Every check that can change while a
//! connection lives (time, key set, revocation) is made on every request, also for remembered proofs.
//!
//! ```
//! use std::sync::Arc;
//! use zhamen::config::settings::{IdentitySettings, SanType};
//! use zhamen::engine::{canonical::Presented, clock::Moment, principal::{Application, Certificate}};
//! use zhamen::identity::{Identities, memo::TokenMemo, registry::Registry};
//! let settings = IdentitySettings {
//!     issuers: vec![], certificate_san: SanType::Uri, api_key_hash_key_file: None,
//!     step_up_fresh: std::time::Duration::from_secs(300), token_memo_max: 100,
//! };
//! let identities = Identities::load(&settings).unwrap();
//! let mut registry = Registry::default();
//! let uri = "spiffe://zhamen.demo/app/tax-desk".to_owned();
//! registry.by_san_uri.insert(uri.clone(), Arc::new(Application::new("tax-desk", "11330100MB0000078N")));
//! let certificate = Certificate {
//!     fingerprint: [1; 32], uris: vec![uri], dns: vec![], not_after: 2_000_000_000, ambiguous: false,
//! };
//! let now = Moment { unix_ms: 1_795_397_400_000, monotonic_us: 1 };
//! let presented = Presented::default();
//! let mut memo = TokenMemo::new(100);
//! let caller = identities.identify(&mut memo, &presented, Some(&certificate), &registry, now).unwrap();
//! assert_eq!(caller.caller(), "tax-desk");
//! ```

pub mod api_key;
mod citizen;
mod claims;
mod compact;
pub mod fetch;
pub mod issue;
pub mod keys;
pub mod keystore;
pub mod memo;
mod proof;
pub mod registry;
mod stated;

use crate::config::settings::{IdentitySettings, Issuer, KeySource, SanType};
use crate::engine::canonical::Presented;
use crate::engine::clock::Moment;
use crate::engine::principal::{Application, Certificate, Officer, Principal, Statement};
use crate::engine::reason::Cause;
use crate::engine::terms::AuthMethod;
use crate::fault::{Fault, Faults};
use crate::secret;
use api_key::HashKey;
use fetch::{Endpoint, Job, Refresher};
use keystore::{KeyStatus, KeyStore};
use memo::TokenMemo;
use registry::Registry;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// An issuer with its keys.
struct Trusted {
    issuer: Issuer,
    keys: Arc<KeyStore>,
    /// Where the keys are fetched from, if they are.
    endpoint: Option<Endpoint>,
}

/// Everything that proves callers. Shared by all workers.
pub struct Identities {
    trusted: Vec<Trusted>,
    san: SanType,
    hash_key: Option<HashKey>,
}

impl Identities {
    /// Reads key files and checks key URLs, without fetching any.
    ///
    /// # Errors
    /// All faults at once: key sets and keys that cannot be read, URLs that may not be fetched.
    pub fn load(settings: &IdentitySettings) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut trusted: Vec<Trusted> = Vec::new();
        for issuer in &settings.issuers {
            if trusted.iter().any(|known| known.issuer.issuer == issuer.issuer) {
                faults.push(Fault::new(&issuer.issuer, "this issuer is configured twice"));
            }
            trusted.extend(faults.absorb(trust(issuer).map_err(Faults::from)));
        }
        let hash_key = match &settings.api_key_hash_key_file {
            None => None,
            Some(path) => {
                faults.absorb(secret::key(path).map_err(Faults::from)).map(|key| HashKey::new(&key))
            }
        };
        faults.or(Identities { trusted, san: settings.certificate_san, hash_key })
    }

    /// Reads the key files again. A set that cannot be taken leaves the one before it.
    pub fn reload(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for trusted in &self.trusted {
            if let KeySource::File(path) = &trusted.issuer.keys {
                faults.absorb(load_file(&trusted.keys, path).map_err(Faults::from));
            }
        }
        faults.or(())
    }

    /// Starts the thread that keeps fetched key sets fresh; it ends when the value is dropped.
    /// `epoch` is the moment from which [`Moment::monotonic_us`] counts.
    pub fn refresh_keys(&self, epoch: Instant) -> std::io::Result<Refresher> {
        let job = |trusted: &Trusted| match (&trusted.issuer.keys, &trusted.endpoint) {
            (KeySource::Url { refresh, .. }, Some(endpoint)) => {
                Some(Job { endpoint: endpoint.clone(), store: trusted.keys.clone(), refresh: *refresh })
            }
            (KeySource::Url { .. } | KeySource::File(_), _) => None,
        };
        Refresher::spawn(self.trusted.iter().filter_map(job).collect(), epoch)
    }

    /// The state of every issuer's keys, for metrics and readiness.
    pub fn key_status(&self, now: Moment) -> Vec<KeyStatus> {
        self.trusted.iter().map(|trusted| trusted.keys.status(&trusted.issuer.issuer, now)).collect()
    }

    /// Proves who asks.
    ///
    /// # Errors
    /// The exact fault; all are refusals of the whole request (faults.md, C4).
    pub fn identify(
        &self,
        memo: &mut TokenMemo,
        presented: &Presented,
        certificate: Option<&Certificate>,
        registry: &Registry,
        now: Moment,
    ) -> Result<Arc<Principal>, Cause> {
        let certified =
            certificate.map(|certificate| self.certified(certificate, registry, now)).transpose()?;
        match (&presented.bearer, &presented.api_key) {
            (Some(_), Some(_)) => Err(Cause::CredentialAmbiguous),
            (Some(token), None) => {
                let channel = certificate.zip(certified);
                self.by_token(memo, token, presented, channel, registry, now)
            }
            (None, Some(key)) => {
                let hash_key = self.hash_key.as_ref().ok_or(Cause::ApiKeyInvalid)?;
                let named = &hash_key.prove(registry, key)?.application;
                if certified.is_some_and(|certified| certified.id != named.id) {
                    return Err(Cause::IdentityMismatch);
                }
                let method = certified.map_or(AuthMethod::ApiKey, |_| AuthMethod::Certificate);
                Proved::application(certified.unwrap_or(named), method).complete(presented, registry)
            }
            (None, None) => {
                let application = certified.ok_or(Cause::NoCredential)?;
                Proved::application(application, AuthMethod::Certificate).complete(presented, registry)
            }
        }
    }

    /// The application that a certificate names, by exactly one SAN of the configured type. The common
    /// name is never read. Fault TLS-05.
    fn certified<'r>(
        &self,
        certificate: &Certificate,
        registry: &'r Registry,
        now: Moment,
    ) -> Result<&'r Arc<Application>, Cause> {
        if certificate.ambiguous || now.unix_seconds() > certificate.not_after {
            return Err(Cause::TlsIdentity);
        }
        if registry.revoked_certificates.contains(&certificate.fingerprint) {
            return Err(Cause::TlsRevoked);
        }
        let names = match self.san {
            SanType::Uri => &certificate.uris,
            SanType::Dns => &certificate.dns,
        };
        let [name] = names.as_slice() else { return Err(Cause::TlsIdentity) };
        let found = match self.san {
            SanType::Uri => registry.by_san_uri.get(name),
            SanType::Dns if name.contains('*') => return Err(Cause::TlsIdentity),
            SanType::Dns => registry.by_san_dns.get(&name.to_ascii_lowercase()),
        };
        found.ok_or(Cause::ApplicationUnknown)
    }
}

/// What the credentials prove, before headers add anything.
struct Proved<'a> {
    application: &'a Arc<Application>,
    officer: Option<Arc<Officer>>,
    statement: Statement,
    method: AuthMethod,
    bound: bool,
}

impl<'a> Proved<'a> {
    /// An application by itself.
    fn application(application: &'a Arc<Application>, method: AuthMethod) -> Self {
        Proved { application, officer: None, statement: Statement::default(), method, bound: false }
    }

    /// Adds what headers may add, and asks for revocation: a header may have named the officer.
    fn complete(self, presented: &Presented, registry: &Registry) -> Result<Arc<Principal>, Cause> {
        let Proved { application, officer, statement, method, bound } = self;
        let (officer, statement) = stated::complete(presented, application, officer, statement)?;
        not_revoked(application, officer.as_deref(), registry)?;
        let application = application.clone();
        Ok(Arc::new(match officer {
            Some(officer) => Principal::officer(application, officer, statement, method, bound),
            None => {
                let mut principal = Principal::application(application, method);
                (principal.statement, principal.bound) = (statement, bound);
                principal
            }
        }))
    }
}

fn not_revoked(
    application: &Application,
    officer: Option<&Officer>,
    registry: &Registry,
) -> Result<(), Cause> {
    let revoked = registry.revoked_applications.contains(&*application.id)
        || officer.is_some_and(|officer| registry.revoked_officers.contains(&*officer.id));
    if revoked { Err(Cause::Revoked) } else { Ok(()) }
}

fn trust(issuer: &Issuer) -> Result<Trusted, Fault> {
    let (keys, endpoint) = match &issuer.keys {
        KeySource::File(path) => {
            let keys = KeyStore::new(None);
            load_file(&keys, path)?;
            (keys, None)
        }
        KeySource::Url { url, ca_file, age_max, refresh: _ } => {
            let endpoint = Endpoint::new(url, ca_file.as_deref());
            let endpoint = endpoint.map_err(|message| Fault::new(url, message))?;
            (KeyStore::new(Some(*age_max)), Some(endpoint))
        }
    };
    Ok(Trusted { issuer: issuer.clone(), keys: Arc::new(keys), endpoint })
}

fn load_file(keys: &KeyStore, path: &Path) -> Result<(), Fault> {
    keys.load(path).map_err(|fault| {
        Fault::new(path.display().to_string(), format!("the key set was not taken: {fault}"))
            .help("a JWK set (RFC 7517) of public RSA, P-256 or Ed25519 keys, each with its own `kid`")
    })
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({} issuers)", self.trusted.len())
    }
}
