//! Builds everything, and owns the order of starting and stopping. No behaviour of its own.
//!
//! Start: configuration faults first, then files, the audit log, sockets, and only then threads.
//! Stop: no new connections, open requests finish or are cut at the deadline, the audit log is
//! flushed, then the process may end.

mod admin;
mod public;
mod upkeep;
mod usage;
mod worker;

use crate::config::settings::{Quota, Settings};
use crate::engine::canonical::CanonicalLimits;
use crate::engine::evidence::receipt::Signer;
use crate::engine::evidence::{self, Entry, Lifecycle, SubjectKey, SubjectKeys, encode};
use crate::engine::mask::MaskLimits;
use crate::fault::{Fault, Faults};
use crate::identity::Identities;
use crate::identity::fetch::Refresher;
use crate::net::connections::Connections;
use crate::net::drain::{Stop, drain};
use crate::net::listener::bind_workers;
use crate::net::tls::TlsStore;
use crate::ops::metrics::Metrics;
use crate::ops::registers::Pages;
use crate::ops::sinks::Sinks;
use crate::ops::usage::UsageView;
use crate::request::Shared;
use crate::secret;
use crate::state::audit::{Audit, OpenError};
use crate::state::clock::Clock;
use crate::state::drift::Drifts;
use crate::state::profile::Profiles;
use crate::state::quota::Quotas;
use crate::state::reload::Reloader;
use crate::state::snapshot::{self, Checked, Receipts, Snapshots};
use crate::state::usage::Usage;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Why the gateway did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("{0}")]
    Configuration(Faults),
    #[error("{0}")]
    Audit(OpenError),
    #[error("{what} {address}: {error}")]
    Listen { what: &'static str, address: SocketAddr, error: std::io::Error },
    #[error("cannot start {what}: {error}")]
    Start { what: &'static str, error: std::io::Error },
}

impl GatewayError {
    /// Something people wrote is wrong: exit code 78.
    pub fn is_configuration(&self) -> bool {
        match self {
            GatewayError::Configuration(_) => true,
            GatewayError::Audit(_) | GatewayError::Listen { .. } | GatewayError::Start { .. } => false,
        }
    }
}

impl From<Faults> for GatewayError {
    fn from(faults: Faults) -> Self {
        GatewayError::Configuration(faults)
    }
}

/// Whether a new audit log may be begun. A log that vanished is never silently replaced: that is how
/// histories fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditStart {
    Continue,
    /// Begin one where the folder is missing or empty.
    MayCreate,
}

/// What all threads share.
pub(crate) struct Parts {
    pub settings: Settings,
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub audit: Arc<Audit>,
    pub metrics: Arc<Metrics>,
    pub connections: Arc<Connections>,
    pub tls: Option<Arc<TlsStore>>,
    pub drifts: Arc<Drifts>,
    pub subject_keys: SubjectKeys,
    pub usage: Arc<UsageView>,
    pub pages: Pages,
    pub public: public::Public,
    /// Set once everything else has started.
    pub sinks: OnceLock<Sinks>,
}

/// A running gateway.
pub struct Gateway {
    parts: Arc<Parts>,
    data_address: SocketAddr,
    admin_address: SocketAddr,
    stop: Stop,
    reloader: Option<Reloader>,
    workers: Vec<JoinHandle<()>>,
    upkeep: Option<upkeep::Upkeep>,
    _refresher: Refresher,
}

/// Runs the gateway until a signal asks it to end.
///
/// # Errors
/// It could not be started, or not be ended in order.
pub fn run(settings: Settings, audit: AuditStart) -> Result<(), GatewayError> {
    let gateway = Gateway::start(settings, audit)?;
    tracing::info!(data = %gateway.data_address, admin = %gateway.admin_address, "serving");
    gateway.wait()
}

/// Reads everything that a start would read, and starts nothing: certificates, revocation lists, key
/// sets, secrets, the policies folder with its cases.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn check(settings: &Settings) -> Result<Checked, Faults> {
    let mut faults = Faults::default();
    for tls in [&settings.data.tls, &settings.admin.tls].into_iter().flatten() {
        faults.absorb(TlsStore::load(tls.clone()));
    }
    faults.absorb(Identities::load(&settings.identity));
    faults.absorb(subject_keys(settings));
    if let Some(file) = &settings.admin.credential_file {
        faults.absorb(secret::credential(file).map_err(Faults::from));
    }
    faults.absorb(receipt_signer(settings));
    let checked = faults.absorb(snapshot::check(&settings.policies_dir, receipts(settings)));
    faults.or(checked.unwrap_or(Checked(Vec::new())))
}

impl Gateway {
    /// Starts everything; it serves when this returns.
    ///
    /// # Errors
    /// Whatever keeps it from serving safely.
    pub fn start(settings: Settings, audit: AuditStart) -> Result<Gateway, GatewayError> {
        let clock = Clock::start();
        let (parts, refresher) = parts(settings, audit, clock)?;
        let parts = Arc::new(parts);
        let (data, data_address) = sockets(parts.settings.data.address, parts.settings.workers)?;
        let (admin, admin_address) = sockets(parts.settings.admin.address, 1)?;
        note_start(&parts);
        let (stop, drained) = drain();
        let mut workers = Vec::new();
        for socket in data {
            workers.push(worker::start(&parts, socket, drained.clone())?);
        }
        workers.push(admin::start(&parts, admin, drained)?);
        let start = |what| move |error| GatewayError::Start { what, error };
        let upkeep = upkeep::start(&parts).map_err(start("upkeep"))?;
        let reloader = Reloader::start(upkeep::watched(&parts)).map_err(start("the reloader"))?;
        start_sinks(&parts).map_err(start("a sink of the audit log"))?;
        Ok(Gateway {
            parts,
            data_address,
            admin_address,
            stop,
            reloader: Some(reloader),
            workers,
            upkeep: Some(upkeep),
            _refresher: refresher,
        })
    }

    /// Where callers ask.
    pub fn data_address(&self) -> SocketAddr {
        self.data_address
    }

    /// Where operators look.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Waits for SIGTERM or SIGINT, reloading at SIGHUP, then stops.
    ///
    /// # Errors
    /// Signals cannot be received.
    pub fn wait(self) -> Result<(), GatewayError> {
        let waited = upkeep::signals(|| {
            if let Some(reloader) = &self.reloader {
                reloader.force();
            }
        });
        waited.map_err(|error| GatewayError::Start { what: "the signal handler", error })?;
        self.stop()
    }

    /// Stops in order: drain, flush, end.
    ///
    /// # Errors
    /// None at present; the signature leaves room for a flush that fails.
    pub fn stop(mut self) -> Result<(), GatewayError> {
        tracing::info!(open = self.parts.connections.open(), "draining");
        self.stop.start(self.parts.settings.drain);
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
                std::process::abort();
            }
        }
        self.reloader = None;
        self.upkeep = None;
        note_stop(&self.parts);
        self.parts.audit.close();
        // The copies get the last entry, too, where their receivers are there.
        if let Some(sinks) = self.parts.sinks.get() {
            sinks.stop();
        }
        tracing::info!("stopped");
        Ok(())
    }
}

fn parts(settings: Settings, start: AuditStart, clock: Clock) -> Result<(Parts, Refresher), GatewayError> {
    let mut faults = Faults::default();
    let now = clock.now();
    let snapshots =
        faults.absorb(Snapshots::start(&settings.policies_dir, receipts(&settings), now.unix_seconds()));
    let tls = settings.data.tls.clone().and_then(|tls| faults.absorb(TlsStore::load(tls)));
    let identities = faults.absorb(Identities::load(&settings.identity));
    let keys = faults.absorb(subject_keys(&settings));
    let metrics =
        faults.absorb(Metrics::new().map_err(|error| Fault::new("metrics", error.to_string()).into()));
    let signer = faults.absorb(receipt_signer(&settings));
    let (Some(snapshots), Some(identities), Some((key, subject_keys)), Some(metrics)) =
        (snapshots, identities, keys, metrics)
    else {
        return Err(faults.into());
    };
    faults.or(())?;
    let refresher = identities
        .refresh_keys(clock.started())
        .map_err(|error| GatewayError::Start { what: "key refresh", error })?;
    metrics.tls_reload_ok.set(1);
    let audit = Arc::new(open_audit(&settings, start)?);
    let profiles = Arc::new(Profiles::new(&settings.defence));
    let snapshots = Arc::new(snapshots);
    let usage = usage_view(&settings, &audit, &snapshots, &subject_keys, &key)?;
    let mut shared = shared(&settings, snapshots, identities, profiles, key);
    shared.receipts = signer.flatten().map(Arc::new);
    let limits = &settings.limits;
    let parts = Parts {
        connections: Connections::new(limits.connections_max, limits.connections_per_peer_max),
        shared: Arc::new(shared),
        audit,
        metrics: Arc::new(metrics),
        tls,
        drifts: Arc::default(),
        subject_keys,
        usage,
        pages: Pages::new(settings.catalogue.clone()),
        public: public::Public::default(),
        sinks: OnceLock::new(),
        clock,
        settings,
    };
    Ok((parts, refresher))
}

fn shared(
    settings: &Settings,
    snapshots: Arc<Snapshots>,
    identities: Identities,
    profiles: Arc<Profiles>,
    pseudonym_key: [u8; 32],
) -> Shared {
    let limits = &settings.limits;
    Shared {
        snapshots,
        identities,
        quotas: Arc::new(Quotas::new(&settings.quotas)),
        profiles,
        canonical_limits: CanonicalLimits {
            headers_max: limits.headers_max,
            header_bytes_max: limits.header_bytes_max,
            target_bytes_max: limits.target_bytes_max,
            query_parameters_max: limits.query_parameters_max,
            host_names: settings.data.host_names.clone(),
        },
        mask_limits: MaskLimits {
            depth_max: limits.answer_depth_max,
            token_bytes_max: limits.answer_token_bytes_max,
        },
        answer_bytes_max: limits.answer_bytes_max,
        answer_ratio_max: limits.answer_ratio_max,
        body_bytes_max: limits.body_bytes_max,
        body_timeout: limits.body_timeout,
        step_up_fresh: settings.identity.step_up_fresh,
        pseudonym_key,
        receipts: None,
    }
}

/// Whether a key of receipts is configured; whether it can be used is a fault of its own.
fn receipts(settings: &Settings) -> Receipts {
    if settings.audit.signing_key_file.is_some() { Receipts::Signed } else { Receipts::Unsigned }
}

/// The key of receipts, where one is configured: that of checkpoints.
fn receipt_signer(settings: &Settings) -> Result<Option<Signer>, Faults> {
    let Some(file) = &settings.audit.signing_key_file else { return Ok(None) };
    let signer = Signer::from_seed(&secret::key(file)?);
    // Routes may promise receipts as soon as a key is configured, so one of no use must not go unnoticed.
    let unusable = || Fault::new(file.display().to_string(), "no signing key can be made of this");
    signer.map(Some).ok_or_else(|| unusable().into())
}

/// The pseudonym key, and all live keys of subject tokens.
fn subject_keys(settings: &Settings) -> Result<([u8; 32], SubjectKeys), Faults> {
    let mut faults = Faults::default();
    let pseudonym = faults.absorb(secret::key(&settings.pseudonym_key_file).map_err(Faults::from));
    let mut keys = Vec::new();
    for (id, file) in &settings.subject_keys {
        let key = faults.absorb(secret::key(file).map_err(Faults::from));
        keys.extend(key.map(|key| SubjectKey::named(id, &key)));
    }
    // It found its tokens before there were others, and still does.
    keys.extend(pseudonym.as_ref().map(SubjectKey::new));
    let mut keys = keys.into_iter();
    match (keys.next(), pseudonym) {
        (Some(newest), Some(pseudonym)) => faults.or((pseudonym, SubjectKeys::new(newest, keys.collect()))),
        _ => Err(faults),
    }
}

/// The index over the log, and who answers from it.
fn usage_view(
    settings: &Settings,
    audit: &Arc<Audit>,
    snapshots: &Arc<Snapshots>,
    keys: &SubjectKeys,
    pseudonym_key: &[u8; 32],
) -> Result<Arc<UsageView>, GatewayError> {
    let folders = std::iter::once(settings.audit.dir.clone()).chain(settings.retention.archive_dir.clone());
    let log = audit.clone();
    let usage = Usage::start(&settings.usage.dir, folders.collect(), Box::new(move || log.health().last_seq))
        .map_err(|error| GatewayError::Start { what: "the usage index", error })?;
    let (audit, snapshots, keys) = (audit.clone(), snapshots.clone(), keys.clone());
    Ok(Arc::new(UsageView::new(Arc::new(usage), snapshots, audit, keys, pseudonym_key, settings.usage.quota)))
}

fn open_audit(settings: &Settings, start: AuditStart) -> Result<Audit, GatewayError> {
    match (Audit::open(&settings.audit), start) {
        (Err(OpenError::NoLog(_)), AuditStart::MayCreate) => {
            Audit::create(&settings.audit).map_err(GatewayError::Audit)
        }
        (opened, _) => opened.map_err(GatewayError::Audit),
    }
}

/// One listening socket for each worker on one address; port 0 becomes one free port.
fn sockets(address: SocketAddr, count: usize) -> Result<(Vec<TcpListener>, SocketAddr), GatewayError> {
    let failed = |error| GatewayError::Listen { what: "cannot listen on", address, error };
    let sockets = bind_workers(address, count).map_err(failed)?;
    let settled = sockets.first().map_or(Ok(address), TcpListener::local_addr).map_err(failed)?;
    Ok((sockets, settled))
}

/// Records that serving begins.
fn note_start(parts: &Parts) {
    if let Some(key) = parts.audit.verifier() {
        tracing::info!(%key, "checkpoints of the audit log are signed; this key verifies them");
    }
    let detail = format!("{} workers", parts.settings.workers);
    let snapshot = parts.shared.snapshots.current();
    drop(parts.audit.note(encode(&Entry::Start(lifecycle(parts, &snapshot.digest, &detail)))));
    note_quotas(parts, "start");
}

/// Starts the copies of the log. Each is a standing reading of it, so each is recorded.
fn start_sinks(parts: &Parts) -> std::io::Result<()> {
    let sinks = Sinks::start(&parts.settings.audit, &parts.audit)?;
    for sink in sinks.health() {
        let (ts, actor) = (parts.clock.unix_ms(), format!("sink {}", sink.name));
        let reading = evidence::Admin { ts, actor: &actor, action: "read log", status: 200, from: None };
        drop(parts.audit.note(encode(&Entry::Admin(reading))));
    }
    // Set here only.
    let _ = parts.sinks.set(sinks);
    Ok(())
}

/// Records the quotas in force, so that a change of them shows whenever it came.
fn note_quotas(parts: &Parts, cause: &'static str) {
    let quotas = &parts.settings.quotas;
    let scope = |name, quota: &Quota| (name, quota.per_second, quota.burst);
    let scopes = [
        scope("caller", &quotas.caller),
        scope("application", &quotas.application),
        scope("department", &quotas.department),
        scope("total", &quotas.total),
    ];
    let ts = parts.clock.unix_ms();
    let entry = Entry::Quotas(evidence::Quotas { ts, cause, scopes: &scopes, costs: &quotas.cost });
    drop(parts.audit.note(encode(&entry)));
}

/// Records that serving ended in order.
fn note_stop(parts: &Parts) {
    let detail = format!("cut {} connections", parts.connections.open());
    let snapshot = parts.shared.snapshots.current();
    drop(parts.audit.note(encode(&Entry::Stop(lifecycle(parts, &snapshot.digest, &detail)))));
}

fn lifecycle<'a>(parts: &Parts, policy_digest: &'a str, detail: &'a str) -> Lifecycle<'a> {
    let ts = parts.clock.unix_ms();
    Lifecycle { ts, version: env!("CARGO_PKG_VERSION"), policy_digest: Some(policy_digest), detail }
}
