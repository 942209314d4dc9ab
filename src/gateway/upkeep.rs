//! What goes on beside requests: timers, reloads, gauges, signals.

use super::Parts;
use crate::engine::evidence::{self, Entry, EntryBody, Reload, Reloaded, encode, tier_change};
use crate::engine::reason::Cause;
use crate::fault::{Fault, Faults};
use crate::net::connections::{Cut, HandshakeFailure, Refused};
use crate::net::upstream::{HealthChecks, SharedUpstreams};
use crate::ops::admin::show_tiers;
use crate::ops::sinks::Sinks;
use crate::state::readings;
use crate::state::reload::Watched;
use crate::state::snapshot::Attempt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks after tables, tiers and the upstreams' checks.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two sweeps of quota and profile tables.
const SWEEP_TICKS: u64 = 30;

/// A runtime for one thread.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The upkeep thread; it ends when this is dropped.
pub(super) struct Upkeep {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts health checks and sweeps on a thread of their own.
pub(super) fn start(parts: &Arc<Parts>) -> io::Result<Upkeep> {
    let ends = Arc::new(AtomicBool::new(false));
    let (parts, ended, runtime) = (parts.clone(), ends.clone(), runtime()?);
    let run = move || tokio::task::LocalSet::new().block_on(&runtime, ticks(&parts, &ended));
    let thread = std::thread::Builder::new().name("upkeep".into()).spawn(run)?;
    Ok(Upkeep { ends, thread: Some(thread) })
}

async fn ticks(parts: &Parts, ends: &AtomicBool) {
    let mut checked: Option<(Arc<SharedUpstreams>, HealthChecks)> = None;
    let (mut tick, mut unserved) = (0_u64, 0);
    while !ends.load(Ordering::Relaxed) {
        let upstreams = parts.shared.snapshots.current().upstreams.clone();
        if checked.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, &upstreams)) {
            let checks = HealthChecks::start(&upstreams);
            checked = Some((upstreams, checks));
        }
        if tick.is_multiple_of(SWEEP_TICKS) {
            sweep(parts);
        }
        record_readings(parts).await;
        tick += 1;
        note_unserved(parts, &mut unserved);
        tokio::time::sleep(TICK).await;
    }
    // The workers have ended: what their last connections left.
    note_unserved(parts, &mut unserved);
}

/// Records streams that were refused without an entry each, as an exact count.
fn note_unserved(parts: &Parts, noted: &mut u64) {
    let total = parts.connections.stats().unserved();
    let count = total - std::mem::replace(noted, total);
    if count > 0 {
        let ts = parts.clock.unix_ms();
        let refused = evidence::Refused { ts, cause: Cause::StreamRefused, count };
        drop(parts.audit.note(encode(&Entry::Refused(refused))));
    }
}

/// Makes entries of the notes that commands leave before they read the log.
async fn record_readings(parts: &Parts) {
    let dir = &parts.settings.audit.dir;
    for waiting in readings::pending(&parts.audit, dir, parts.clock.unix_ms()) {
        if waiting.entry.receipt().await.is_ok()
            && let Err(error) = std::fs::remove_file(&waiting.path)
        {
            tracing::warn!(%error, "the note of a reading of the audit log could not be removed");
        }
    }
}

fn sweep(parts: &Parts) {
    let now = parts.clock.now();
    parts.shared.quotas.sweep(now);
    parts.usage.sweep(now);
    for swept in parts.shared.profiles.sweep(now) {
        parts.metrics.tier_changes.with_label_values(&[swept.change.new.code()]).inc();
        drop(parts.audit.note(tier_change(now.unix_ms, &swept.caller, &swept.change)));
    }
}

/// What the reloader watches: the policies folder, and certificates with key sets.
pub(super) fn watched(parts: &Arc<Parts>) -> Vec<Watched> {
    let (policies, files, upstreams) = (parts.clone(), parts.clone(), parts.clone());
    let mut seen = stamps(&credential_files(parts));
    let look_at_files = move |forced: bool| {
        let now = stamps(&credential_files(&files));
        if forced || now != seen {
            seen = now;
            reload_credentials(&files);
        }
    };
    let mut tried = None;
    let look_at_upstreams = move |forced: bool| {
        // A forced look at the policies has read these files already.
        if forced || upstreams.shared.snapshots.current().upstreams.is_as_read() {
            tried = None;
            return;
        }
        // What was refused once is not tried again before it changes.
        let now = stamps(&upstream_files(&upstreams));
        if tried.replace(now.clone()) != Some(now) {
            look_at_policies(&upstreams, true);
        }
    };
    vec![
        Watched {
            folders: vec![parts.settings.policies_dir.clone()],
            is_deep: true,
            look: Box::new(move |forced| look_at_policies(&policies, forced)),
        },
        Watched { folders: folders(&credential_files(parts)), is_deep: false, look: Box::new(look_at_files) },
        Watched {
            folders: folders(&upstream_files(parts)),
            is_deep: false,
            look: Box::new(look_at_upstreams),
        },
    ]
}

/// Certificates, keys and secrets of the upstreams in force.
fn upstream_files(parts: &Parts) -> Vec<PathBuf> {
    let snapshot = parts.shared.snapshots.current();
    let files = snapshot.upstreams.iter().flat_map(|upstream| upstream.settings().files());
    files.map(std::path::Path::to_owned).collect()
}

fn look_at_policies(parts: &Parts, forced: bool) {
    let now = parts.clock.now();
    let Some(attempt) = parts.shared.snapshots.look(forced, now.unix_seconds()) else { return };
    let Attempt { before, after, faults } = attempt;
    let accepted = faults.0.is_empty();
    if accepted {
        tracing::info!(digest = after.as_deref(), "the policies folder is in force");
    } else {
        tracing::error!("the policies folder was refused, the last good snapshot stays:\n{faults}");
    }
    let result = if accepted { "accepted" } else { "refused" };
    parts.metrics.policy_reloads.with_label_values(&[result]).inc();
    let digests = (&*before, after.as_deref());
    drop(parts.audit.note(reload_entry(now.unix_ms, Reloaded::Policies, digests, &faults)));
}

/// The entry of one attempt: digests, how many faults, and where the first one stands; none of their
/// words, which may quote the file.
fn reload_entry(
    ts: i64,
    what: Reloaded,
    (digest_before, digest_after): (&str, Option<&str>),
    faults: &Faults,
) -> EntryBody {
    let first = faults.0.first();
    let line = |fault: &Fault| fault.place.as_ref().map_or(0, |place| place.line as u64);
    encode(&Entry::Reload(Reload {
        ts,
        accepted: faults.0.is_empty(),
        digest_before,
        digest_after,
        what,
        faults: faults.0.len() as u64,
        first_fault: first.map(|fault| (fault.file.as_str(), line(fault))),
    }))
}

fn reload_credentials(parts: &Parts) {
    let mut all = Faults::default();
    if let Err(faults) = parts.shared.identities.reload() {
        tracing::error!("a key set was refused, the last good one stays:\n{faults}");
        all.0.extend(faults.0);
    }
    match parts.tls.as_ref().map(|tls| tls.reload()) {
        None => {}
        Some(Ok(())) => {
            parts.metrics.tls_reload_ok.set(1);
            tracing::info!("certificates are read again");
        }
        Some(Err(faults)) => {
            parts.metrics.tls_reload_ok.set(0);
            tracing::error!("the certificates were refused, the last good ones stay:\n{faults}");
            all.0.extend(faults.0);
        }
    }
    let ts = parts.clock.unix_ms();
    drop(parts.audit.note(reload_entry(ts, Reloaded::Credentials, ("", None), &all)));
}

/// Certificates, keys, revocation lists and key sets of the configuration.
fn credential_files(parts: &Parts) -> Vec<PathBuf> {
    use crate::config::settings::KeySource;
    let mut files = Vec::new();
    if let Some(tls) = &parts.settings.data.tls {
        files.extend([tls.certificate_file.clone(), tls.key_file.clone()]);
        files.extend(tls.client_ca_file.clone());
        files.extend(tls.crl_files.clone());
    }
    for issuer in &parts.settings.identity.issuers {
        match &issuer.keys {
            KeySource::File(path) => files.push(path.clone()),
            KeySource::Url { .. } => {}
        }
    }
    files
}

fn folders(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        files.iter().filter_map(|file| file.parent()).map(std::path::Path::to_owned).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Length and time of change of each file; what cannot be seen counts as changed when it can.
fn stamps(files: &[PathBuf]) -> Vec<Option<(u64, std::time::SystemTime)>> {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    files.iter().map(stamp).collect()
}

/// Brings the gauges up to date: called before each scrape.
pub(super) fn refresh(parts: &Parts) {
    let metrics = &parts.metrics;
    let status = parts.shared.snapshots.status();
    let snapshot = parts.shared.snapshots.current();
    metrics.policy_info.reset();
    metrics.policy_info.with_label_values(&[&snapshot.digest]).set(1);
    metrics.policy_revision.set(count(snapshot.revision));
    metrics.policy_reload_ok.set(i64::from(status.ok));
    metrics.policy_loaded_at.set(status.loaded_at as f64);
    show_tiers(metrics, parts.shared.profiles.tiers());
    let sizes = parts.shared.quotas.sizes();
    for (scope, keys) in
        [("caller", sizes.caller), ("application", sizes.application), ("department", sizes.department)]
    {
        metrics.quota_keys.with_label_values(&[scope]).set(count(keys as u64));
    }
    refresh_audit(parts);
    refresh_usage(parts);
    refresh_connections(parts);
    refresh_sinks(parts);
    for (dataset, templates, beyond) in parts.drifts.counts(&snapshot.digest) {
        metrics.drift_templates.with_label_values(&[&dataset]).set(count(templates));
        metrics.drift_beyond.with_label_values(&[&dataset]).set(count(beyond));
    }
    metrics.upstream_up.reset();
    for upstream in snapshot.upstreams.iter() {
        for (place, endpoint) in upstream.endpoints().iter().enumerate() {
            let up = endpoint.is_healthy() && !endpoint.is_ejected();
            let labels = [upstream.settings().name.as_str(), &place.to_string()];
            metrics.upstream_up.with_label_values(&labels).set(i64::from(up));
        }
    }
}

fn refresh_audit(parts: &Parts) {
    let (metrics, health) = (&parts.metrics, parts.audit.health());
    metrics.audit_ok.set(i64::from(health.ok));
    metrics.audit_queue.set(count(health.places as u64));
    metrics.audit_entries.set(count(health.last_seq));
    metrics.audit_fsync_seconds.set(health.sync_us_last as f64 / 1e6);
    metrics.audit_lag_seconds.set(health.lag_ms as f64 / 1e3);
    metrics.audit_disk_low.set(i64::from(health.disk_low));
    metrics.audit_tree_ok.set(i64::from(health.tree.failing.is_none()));
    metrics.audit_checkpoint.set(count(health.tree.size));
    metrics.audit_checkpoint_lag.set(count(health.tree.lag));
    let witness = |name: &str, ok: bool, size: u64| {
        metrics.witness_ok.with_label_values(&[name]).set(i64::from(ok));
        metrics.witness_lag.with_label_values(&[name]).set(count(health.tree.size.saturating_sub(size)));
    };
    if parts.settings.audit.witness_file.is_some() {
        witness("file", health.tree.witness_file_failing.is_none(), health.tree.witness_file_size);
    }
    for seen in &health.witnesses {
        witness(&seen.name, seen.failing.is_none(), seen.size);
    }
}

fn refresh_usage(parts: &Parts) {
    let (metrics, index) = (&parts.metrics, parts.usage.index());
    metrics.usage_index_ok.set(i64::from(index.failing.is_none()));
    metrics.usage_index_lag.set(count(index.behind));
    metrics.usage_index_bytes.set(count(index.bytes));
    metrics.usage_index_rebuilds.set(count(index.rebuilt));
}

fn refresh_sinks(parts: &Parts) {
    let (metrics, last) = (&parts.metrics, parts.audit.health().last_seq);
    for sink in parts.sinks.get().into_iter().flat_map(Sinks::health) {
        let name = [sink.name.as_str()];
        metrics.sink_ok.with_label_values(&name).set(i64::from(sink.ok));
        metrics.sink_lag.with_label_values(&name).set(count(last.saturating_sub(sink.delivered_seq)));
        metrics.sink_delivered.with_label_values(&name).set(count(sink.delivered));
        metrics.sink_failures.with_label_values(&name).set(count(sink.failures));
        metrics.sink_rejected.with_label_values(&name).set(count(sink.rejected));
    }
}

fn refresh_connections(parts: &Parts) {
    let (metrics, now) = (&parts.metrics, parts.clock.now());
    metrics.connections_open.set(count(parts.connections.open() as u64));
    let stats = parts.connections.stats();
    metrics.requests_deferred.inc_by(stats.deferred().saturating_sub(metrics.requests_deferred.get()));
    let mut events = vec![("accepted", stats.accepted()), ("accept_error", stats.accept_errors())];
    events.extend(Refused::ALL.iter().map(|cause| (cause.code(), stats.refused(*cause))));
    events.extend(HandshakeFailure::ALL.iter().map(|cause| (cause.code(), stats.handshakes_failed(*cause))));
    events.extend(Cut::ALL.iter().map(|cause| (cause.code(), stats.cut(*cause))));
    events.push(("stream_refused", stats.unserved()));
    for (event, total) in events {
        let counter = metrics.connections.with_label_values(&[event]);
        counter.inc_by(total.saturating_sub(counter.get()));
    }
    if let Some(tls) = &parts.tls {
        let trust = tls.current();
        metrics.tls_expires_at.set(trust.certificate_not_after() as f64);
        metrics.crl_stale.set(i64::from(trust.crl_is_stale(now.unix_seconds())));
    }
    for keys in parts.shared.identities.key_status(now) {
        let age = keys.age.unwrap_or_default().as_secs_f64();
        metrics.keys_fetched_at.with_label_values(&[&keys.issuer]).set(now.unix_seconds() as f64 - age);
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Blocks until SIGTERM or SIGINT; calls `reload` at each SIGHUP.
pub(super) fn signals(reload: impl Fn()) -> io::Result<()> {
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hang_up.recv() => reload(),
            }
        }
    })
}
