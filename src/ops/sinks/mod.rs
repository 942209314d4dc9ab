//! Copies of the audit log for others: a file, syslog, OpenTelemetry. At least once, and never in the
//! way of a request.
//!
//! Each sink is a thread of its own that follows the log on the disk ([`crate::state::follow`]), so a
//! sink that is slow or down costs nothing but its own lag: nothing is queued in memory, nothing waits
//! for it. What was acknowledged is remembered in a file beside the log, replaced whole, and only after
//! the acknowledgement; so after a crash the last batch may come twice, and nothing is left out. A
//! sink never passes over what it could not deliver: it tries again, less and less often, and says so
//! in its metrics. The copies carry the entries as they are, chain and all, so a copy can be verified
//! like the log.
//!
//! ```
//! use zhamen::ops::sinks::line::Line;
//! let text = br#"{"v":1,"seq":7,"prev":"","kind":"admin","ts":"2026-11-23T01:30:00.500Z","status":200,"hash":"ab"}"#;
//! let line = Line::read(7, text);
//! assert_eq!((line.kind.as_str(), line.unix_ms, line.severity.syslog()), ("admin", 1_795_397_400_500, 6));
//! ```

mod dial;
mod file;
pub mod line;
mod otlp;
mod position;
mod pump;
mod syslog;
#[cfg(test)]
mod tests;

use crate::config::settings::{AuditSettings, SinkSettings};
use crate::state::audit::Audit;
use pump::Pump;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How one sink stands.
#[derive(Debug, Default)]
pub struct Status {
    /// Last entry that was acknowledged.
    delivered_seq: AtomicU64,
    delivered: AtomicU64,
    failures: AtomicU64,
    /// Records that the other side took and then threw away, as it said.
    rejected: AtomicU64,
    is_failing: AtomicBool,
    fault: Mutex<String>,
}

/// The same at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkHealth {
    pub name: String,
    pub ok: bool,
    pub delivered_seq: u64,
    /// Entries acknowledged, attempts failed, records rejected since the start.
    pub delivered: u64,
    pub failures: u64,
    pub rejected: u64,
    /// Why the last attempt failed; empty where it did not.
    pub fault: String,
}

impl Status {
    fn acknowledged(&self, seq: u64, entries: u64) {
        self.delivered_seq.store(seq, Ordering::Relaxed);
        self.delivered.fetch_add(entries, Ordering::Relaxed);
        self.is_failing.store(false, Ordering::Relaxed);
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn failed(&self, fault: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.is_failing.store(true, Ordering::Relaxed);
        fault.clone_into(&mut self.fault.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn health(&self, name: &str) -> SinkHealth {
        SinkHealth {
            name: name.to_owned(),
            ok: !self.is_failing.load(Ordering::Relaxed),
            delivered_seq: self.delivered_seq.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            fault: self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// All sinks of this process. Dropping them ends their threads, each after one more attempt.
#[derive(Debug, Default)]
pub struct Sinks {
    statuses: Vec<(String, Arc<Status>)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    ends: Arc<AtomicBool>,
}

impl Sinks {
    /// Starts a thread for each configured sink.
    ///
    /// # Errors
    /// A thread, or the folder of positions, cannot be made; a CA file cannot be read.
    pub fn start(settings: &AuditSettings, audit: &Arc<Audit>) -> io::Result<Sinks> {
        let mut sinks = Sinks::default();
        let folder = positions_of(&settings.dir);
        for sink in &settings.sinks {
            std::fs::create_dir_all(&folder)?;
            sinks.start_one(settings, sink, &folder, audit)?;
        }
        Ok(sinks)
    }

    fn start_one(
        &mut self,
        settings: &AuditSettings,
        sink: &SinkSettings,
        folder: &Path,
        audit: &Arc<Audit>,
    ) -> io::Result<()> {
        let status = Arc::new(Status::default());
        let mut pump =
            Pump::new(&settings.dir, sink, folder, audit.clone(), status.clone(), self.ends.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || runtime.block_on(pump.run());
        let thread = std::thread::Builder::new().name(format!("sink {}", sink.name)).spawn(run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        self.statuses.push((sink.name.clone(), status));
        Ok(())
    }

    /// How each sink stands, in configured order.
    pub fn health(&self) -> Vec<SinkHealth> {
        self.statuses.iter().map(|(name, status)| status.health(name)).collect()
    }

    /// Ends the threads, each after one more attempt to deliver what is there.
    pub fn stop(&self) {
        self.ends.store(true, Ordering::Release);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic over there was reported by its own hook; the log itself is whole.
            let _ = thread.join();
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where positions are kept: beside the log, whose folder holds nothing but the log.
pub fn positions_of(log: &Path) -> PathBuf {
    let mut name = log.file_name().unwrap_or_default().to_owned();
    name.push("-sinks");
    log.with_file_name(name)
}
