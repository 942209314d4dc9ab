//! TLS of the listeners: one immutable [`Trust`] at a time, replaced as a whole.
//!
//! A reload reads every file again and builds a new configuration, or keeps the old one and says
//! what was wrong. Tickets and session caches belong to one configuration, so no resumption outlives
//! a reload; and a connection whose client certificate the new configuration does not trust is asked
//! to finish. Revocation is by CRL only: OCSP is not consulted. A list past its `nextUpdate` and
//! grace refuses new connections rather than let anyone through unchecked.
//!
//! ```no_run
//! use std::{path::PathBuf, time::Duration};
//! use zhamen::{config::settings::ListenerTls, net::tls::TlsStore};
//! let store = TlsStore::load(ListenerTls {
//!     certificate_file: "certs/server.pem".into(),
//!     key_file: "certs/server.key".into(),
//!     client_ca_file: Some("certs/ca.pem".into()),
//!     crl_files: vec!["certs/ca.crl".into()],
//!     client_certificate_required: false,
//!     crl_grace: Duration::from_secs(3600),
//! })?;
//! if let Err(faults) = store.reload() {
//!     eprintln!("{faults}"); // and the old configuration still serves
//! }
//! # Ok::<(), zhamen::fault::Faults>(())
//! ```

pub mod certificate;
pub mod files;

use super::connections::HandshakeFailure;
use crate::config::settings::ListenerTls;
use crate::fault::{Fault, Faults};
use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, RootCertStore, ServerConfig};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The one cryptography provider, always named explicitly: with two in the dependency tree an
/// implicit choice panics at run time.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Seconds since 1970 by the wall clock.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// One loaded TLS configuration.
pub struct Trust {
    config: Arc<ServerConfig>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    certificate_not_after: i64,
    /// When the earliest revocation list ends, without grace.
    crl_next_update: Option<i64>,
    crl_grace: Duration,
}

impl Trust {
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// When our own certificate ends, seconds since 1970: the least of the chain's ends.
    pub fn certificate_not_after(&self) -> i64 {
        self.certificate_not_after
    }

    /// The earliest `nextUpdate` of the revocation lists, seconds since 1970.
    pub fn crl_next_update(&self) -> Option<i64> {
        self.crl_next_update
    }

    /// Whether a revocation list is past its `nextUpdate` and grace: new connections are refused.
    pub fn crl_is_stale(&self, unix_seconds: i64) -> bool {
        let grace = i64::try_from(self.crl_grace.as_secs()).unwrap_or(i64::MAX);
        self.crl_next_update.is_some_and(|end| unix_seconds > end.saturating_add(grace))
    }

    fn trusts(&self, chain: &[CertificateDer<'_>]) -> bool {
        match (chain.split_first(), &self.verifier) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((leaf, intermediates)), Some(verifier)) => {
                verifier.verify_client_cert(leaf, intermediates, UnixTime::now()).is_ok()
            }
        }
    }
}

/// The TLS configuration of one listener, shared by all workers.
pub struct TlsStore {
    settings: Mutex<ListenerTls>,
    trust: ArcSwap<Trust>,
    generation: watch::Sender<u64>,
}

impl TlsStore {
    /// Reads all files.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(settings: ListenerTls) -> Result<Arc<Self>, Faults> {
        let trust = build(&settings)?;
        Ok(Arc::new(TlsStore {
            settings: Mutex::new(settings),
            trust: ArcSwap::from_pointee(trust),
            generation: watch::Sender::new(0),
        }))
    }

    /// Reads the same files again.
    ///
    /// # Errors
    /// Everything that is wrong with them; the old configuration stays.
    pub fn reload(&self) -> Result<(), Faults> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.reload_with(settings)
    }

    /// Takes other settings, and reads their files.
    ///
    /// # Errors
    /// Everything that is wrong with them; old settings and configuration stay.
    pub fn reload_with(&self, settings: ListenerTls) -> Result<(), Faults> {
        let trust = build(&settings)?;
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        self.trust.store(Arc::new(trust));
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }

    /// The configuration that new connections get now.
    pub fn current(&self) -> Arc<Trust> {
        self.trust.load_full()
    }
}

/// An established connection's stake in later reloads.
pub(super) struct Session {
    store: Arc<TlsStore>,
    reloads: watch::Receiver<u64>,
    chain: Vec<CertificateDer<'static>>,
}

impl Session {
    /// For a connection whose handshake ran under `trust`.
    pub(super) fn new<T>(
        store: Arc<TlsStore>,
        trust: &Arc<Trust>,
        stream: &tokio_rustls::server::TlsStream<T>,
    ) -> Self {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        let mut reloads = store.generation.subscribe();
        if !Arc::ptr_eq(trust, &store.current()) {
            // The reload came during the handshake.
            reloads.mark_changed();
        }
        Session { store, reloads, chain }
    }

    /// Waits for a reload after which the client's certificate is no longer trusted.
    pub(super) async fn distrusted(&mut self) {
        if self.chain.is_empty() {
            std::future::pending::<()>().await;
        }
        while self.reloads.changed().await.is_ok() {
            if !self.store.current().trusts(&self.chain) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

fn build(settings: &ListenerTls) -> Result<Trust, Faults> {
    let mut faults = Faults::default();
    let key = faults.absorb(certified_key(&settings.certificate_file, &settings.key_file));
    let client = faults.absorb(client_verifier(settings));
    let (Some(key), Some((verifier, crl_next_update))) = (key, client) else { return Err(faults) };
    let file = settings.certificate_file.display().to_string();
    let certificate_not_after = certificate::chain_not_after(&key.cert)
        .ok_or_else(|| Fault::new(&file, "a certificate cannot be read"))?;
    let config =
        server_config(key, verifier.clone()).map_err(|error| Fault::new(&file, error.to_string()))?;
    let (config, crl_grace) = (Arc::new(config), settings.crl_grace);
    Ok(Trust { config, verifier, certificate_not_after, crl_next_update, crl_grace })
}

fn server_config(
    key: CertifiedKey,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A ticketer of this configuration alone: a ticket from before a reload means a full handshake.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    // Early data can be replayed (RFC 8446 section 8), so none is offered.
    config.max_early_data_size = 0;
    Ok(config)
}

/// A certificate chain and the key that fits it.
///
/// # Errors
/// Unreadable files, a key that others may read, a pair that does not match.
pub(super) fn certified_key(certificate: &Path, key: &Path) -> Result<CertifiedKey, Faults> {
    let mut faults = Faults::default();
    let chain = faults.absorb(files::certificates(certificate));
    let private = faults.absorb(files::private_key(key));
    let (Some(chain), Some(private)) = (chain, private) else { return Err(faults) };
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
        let fault = Fault::new(key.display().to_string(), format!("the key does not serve: {error}"));
        fault.help(format!("it must be the key of the first certificate in {}", certificate.display())).into()
    })
}

/// The roots of a CA file.
///
/// # Errors
/// An unreadable file, or one without a usable root.
pub(super) fn roots(file: &Path) -> Result<RootCertStore, Faults> {
    let mut roots = RootCertStore::empty();
    for certificate in files::certificates(file)? {
        roots.add(certificate).map_err(|error| {
            Fault::new(file.display().to_string(), format!("not usable as a root: {error}"))
        })?;
    }
    Ok(roots)
}

type ClientVerifier = (Option<Arc<dyn ClientCertVerifier>>, Option<i64>);

fn client_verifier(settings: &ListenerTls) -> Result<ClientVerifier, Faults> {
    let Some(ca_file) = &settings.client_ca_file else {
        let fault = match (settings.client_certificate_required, settings.crl_files.first()) {
            (true, _) => Fault::new("tls", "client certificates are required, but no CA is named for them"),
            (false, Some(file)) => Fault::new(
                file.display().to_string(),
                "a revocation list without a CA for client certificates",
            ),
            (false, None) => return Ok((None, None)),
        };
        return Err(fault.help("set the file with the CA certificates of callers").into());
    };
    let mut faults = Faults::default();
    let roots = faults.absorb(roots(ca_file));
    let mut lists: Vec<CertificateRevocationListDer<'static>> = Vec::new();
    let mut next_update: Option<i64> = None;
    for file in &settings.crl_files {
        for list in faults.absorb(files::revocation_lists(file)).unwrap_or_default() {
            next_update = Some(next_update.map_or(list.next_update, |least| least.min(list.next_update)));
            lists.push(list.der);
        }
    }
    let Some(roots) = roots.filter(|_| faults.0.is_empty()) else { return Err(faults) };
    // The whole chain is checked, and a certificate whose issuer has no list here is refused: unknown
    // is not allowed. Lists past their end are refused by `crl_is_stale`, which knows the grace.
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).with_crls(lists);
    if !settings.client_certificate_required {
        builder = builder.allow_unauthenticated();
    }
    let verifier =
        builder.build().map_err(|error| Fault::new(ca_file.display().to_string(), error.to_string()))?;
    Ok((Some(verifier), next_update))
}

/// Why a handshake failed.
pub(super) fn classify(error: &io::Error) -> HandshakeFailure {
    match tls_error(error) {
        None => HandshakeFailure::Io,
        Some(rustls::Error::NoCertificatesPresented) => HandshakeFailure::NoCertificate,
        Some(rustls::Error::InvalidCertificate(CertificateError::Revoked)) => HandshakeFailure::Revoked,
        Some(rustls::Error::InvalidCertificate(_)) => HandshakeFailure::BadCertificate,
        Some(_) => HandshakeFailure::Protocol,
    }
}

/// The TLS error inside an I/O error.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}
