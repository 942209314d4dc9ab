//! The loop of one sink: read on, deliver, remember, and again.

use super::Status;
use super::dial::Dial;
use super::file::Copy;
use super::line::Line;
use super::otlp::{Otlp, bearer};
use super::position::{Place, PositionFile};
use super::syslog::Syslog;
use crate::config::settings::{SinkSettings, SinkTarget};
use crate::secret::Source;
use crate::state::audit::Audit;
use crate::state::follow::{FollowError, Follower};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Entries and bytes of one batch: what a sink holds in memory at most.
const BATCH_ENTRIES: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// How often an idle sink looks for more.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// One attempt may take so long.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
/// First and longest pause after a failed attempt.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The last attempt, when the gateway ends.
const FAREWELL: Duration = Duration::from_secs(2);

enum Target {
    File(Copy),
    Syslog(Syslog),
    Otlp(Otlp),
}

pub(super) struct Pump {
    name: String,
    log: PathBuf,
    audit: Arc<Audit>,
    target: Target,
    position: PositionFile,
    status: Arc<Status>,
    ends: Arc<AtomicBool>,
}

/// A batch, and the place it ends at.
#[derive(Default)]
struct Batch {
    lines: Vec<Line>,
    end: Place,
}

impl Pump {
    pub fn new(
        log: &Path,
        sink: &SinkSettings,
        folder: &Path,
        audit: Arc<Audit>,
        status: Arc<Status>,
        ends: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let target = match &sink.target {
            SinkTarget::File { path, format, bytes_max, keep } => {
                Target::File(Copy { path: path.clone(), format: *format, bytes_max: *bytes_max, keep: *keep })
            }
            SinkTarget::Syslog(address) => Target::Syslog(Syslog::new(Dial::new(address)?)),
            SinkTarget::Otlp { address, path, token_file } => Target::Otlp(Otlp {
                dial: Dial::new(address)?,
                path: path.clone(),
                token: token_file.clone().map(Source::File),
            }),
        };
        if let Target::Otlp(Otlp { token: Some(token), .. }) = &target {
            bearer(token)?;
        }
        let position = PositionFile::new(folder, &sink.name);
        Ok(Pump { name: sink.name.clone(), log: log.to_owned(), audit, target, position, status, ends })
    }

    /// Runs until the gateway ends.
    pub async fn run(&mut self) {
        let mut pause = PAUSE_MIN;
        let mut follower = None;
        loop {
            let ends = self.ends.load(Ordering::Acquire);
            match self.round(&mut follower, if ends { FAREWELL } else { ATTEMPT_MAX }).await {
                Ok(0) if ends => return,
                Ok(0) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(_) => pause = PAUSE_MIN,
                Err(fault) => {
                    tracing::warn!(sink = %self.name, %fault, "a sink of the audit log cannot be served");
                    self.status.failed(&fault.to_string());
                    // What was read was not acknowledged: read it again from the remembered place.
                    follower = None;
                    if ends {
                        return;
                    }
                    self.wait(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Sleeps, but not past the end of the gateway.
    async fn wait(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.ends.load(Ordering::Acquire) {
            tokio::time::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Delivers one batch and remembers it; the number of its entries.
    async fn round(&self, follower: &mut Option<Follower>, patience: Duration) -> io::Result<usize> {
        let durable = self.audit.health().last_seq;
        let follower = match follower {
            Some(follower) => follower,
            None => follower.insert(self.resume(durable)?),
        };
        let batch = collect(follower, durable).map_err(io::Error::other)?;
        if batch.lines.is_empty() {
            self.status.acknowledged(follower.position(), 0);
            return Ok(0);
        }
        let delivered = tokio::time::timeout(patience, self.deliver(&batch.lines)).await;
        delivered.unwrap_or_else(|_| Err(io::Error::other("no acknowledgement in time")))?;
        self.position.write(batch.end)?;
        self.status.acknowledged(batch.end.seq, batch.lines.len() as u64);
        Ok(batch.lines.len())
    }

    /// Goes on where the last acknowledgement was, if that was of this log; else from its beginning.
    fn resume(&self, durable: u64) -> io::Result<Follower> {
        let Some(place) = self.position.read()? else { return Ok(Follower::after(&self.log, 0)) };
        let is_ours = place.seq <= durable && self.holds(place);
        if !is_ours {
            let sink = &self.name;
            tracing::error!(%sink, seq = place.seq, "the audit log is another one than this sink has seen: it is sent from its beginning");
            return Ok(Follower::after(&self.log, 0));
        }
        Ok(Follower::after(&self.log, place.seq))
    }

    /// Whether the log has this entry. One that retention took can no longer be asked for, and is
    /// believed.
    fn holds(&self, place: Place) -> bool {
        let mut follower = Follower::after(&self.log, place.seq.saturating_sub(1));
        match follower.next(u64::MAX) {
            Ok(Some(line)) => line.seq != place.seq || line.hash == place.hash,
            Ok(None) | Err(_) => false,
        }
    }

    async fn deliver(&self, lines: &[Line]) -> io::Result<()> {
        match &self.target {
            Target::File(copy) => copy.deliver(lines),
            Target::Syslog(syslog) => syslog.deliver(lines).await,
            Target::Otlp(otlp) => otlp.deliver(lines, &self.status).await,
        }
    }
}

fn collect(follower: &mut Follower, durable: u64) -> Result<Batch, FollowError> {
    let mut batch = Batch::default();
    let mut bytes = 0;
    while batch.lines.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
        let Some(line) = follower.next(durable)? else { break };
        bytes += line.bytes.len();
        batch.end = Place { seq: line.seq, hash: line.hash };
        batch.lines.push(Line::read(line.seq, line.bytes));
    }
    Ok(batch)
}
