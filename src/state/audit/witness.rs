//! Witnesses: other parties that keep the newest checkpoint and cosign it (C2SP tlog-witness), so that
//! cutting off or rewriting the log shows elsewhere.
//!
//! One thread asks them in turn. Nothing waits for it, and a witness that is away is only reported.

use super::publish::replace;
use super::tiles::TileStore;
use super::{COSIGNED, WitnessHealth};
use crate::config::settings::{AuditSettings, Witness};
use crate::engine::evidence::checkpoint::{Checkpoint, Continues};
use crate::engine::evidence::note::Note;
use crate::engine::evidence::tree::consistency;
use crate::identity::fetch::{Endpoint, post};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// The newest checkpoint, and how the witnesses stand to it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    inside: Mutex<Inside>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    latest: Option<(Checkpoint, String)>,
    closing: bool,
    health: Vec<WitnessHealth>,
}

impl Outbox {
    pub fn put(&self, checkpoint: Checkpoint, note: String) {
        self.lock().latest = Some((checkpoint, note));
        self.arrived.notify_one();
    }

    pub fn latest(&self) -> Option<(Checkpoint, String)> {
        self.lock().latest.clone()
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    pub fn health(&self) -> Vec<WitnessHealth> {
        self.lock().health.clone()
    }

    /// Waits until `until`, or for the end.
    fn pause(&self, until: Instant) {
        let mut inside = self.lock();
        while !inside.closing {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            inside = self.arrived.wait_timeout(inside, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next checkpoint beyond so many entries; none at the end.
    fn next(&self, beyond: u64) -> Option<(Checkpoint, String)> {
        let mut inside = self.lock();
        loop {
            let fresh = inside.latest.as_ref().filter(|(checkpoint, _)| checkpoint.size > beyond);
            if fresh.is_some() || inside.closing {
                return fresh.cloned();
            }
            inside = self.arrived.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn closing(&self) -> bool {
        self.lock().closing
    }

    fn note(&self, place: usize, change: impl FnOnce(&mut WitnessHealth)) {
        if let Some(health) = self.lock().health.get_mut(place) {
            change(health);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it cannot be asked: {0}")]
    Away(String),
    #[error("it answered {0}")]
    Status(u16),
    #[error("it knows {known} entries, the log has {size}: the log was cut or set back")]
    KnowsMore { known: u64, size: u64 },
    #[error("the tiles for its proof are missing")]
    Tiles,
    #[error("its cosignature does not hold")]
    Signature,
}

struct Asked {
    witness: Witness,
    endpoint: Endpoint,
    /// What it cosigned last, as far as is known.
    known: u64,
}

/// Starts the thread that asks; none where there is no witness.
///
/// # Errors
/// A URL or authority file cannot be used, or the thread not be started.
pub(super) fn start(settings: &AuditSettings, outbox: Arc<Outbox>) -> io::Result<Option<JoinHandle<()>>> {
    let mut asked = Vec::new();
    for witness in &settings.witnesses {
        let url = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
        let endpoint = Endpoint::new(&url, witness.ca_file.as_deref())
            .map_err(|fault| io::Error::other(format!("witness {}: {fault}", witness.url)))?;
        asked.push(Asked { witness: witness.clone(), endpoint, known: 0 });
    }
    if asked.is_empty() {
        return Ok(None);
    }
    outbox.lock().health = asked.iter().map(|asked| WitnessHealth::of(&asked.witness.key.name)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (dir, every) = (settings.dir.clone(), settings.witness_every);
    let run = move || {
        let mut seen = 0;
        while let Some((checkpoint, note)) = outbox.next(seen) {
            let again = Instant::now() + every;
            let round = Round { store: TileStore::new(&dir), checkpoint, note };
            if runtime.block_on(round.ask_all(&mut asked, &outbox)) {
                seen = round.checkpoint.size;
            }
            if outbox.closing() {
                break;
            }
            outbox.pause(again);
        }
        // A name look-up that hangs must not hold up the end.
        runtime.shutdown_background();
    };
    Builder::new().name("audit-witness".into()).spawn(run).map(Some)
}

/// One checkpoint, taken to every witness.
struct Round {
    store: TileStore,
    checkpoint: Checkpoint,
    note: String,
}

impl Round {
    /// Whether all cosigned.
    async fn ask_all(&self, asked: &mut [Asked], outbox: &Outbox) -> bool {
        let mut cosigned = self.note.clone();
        let mut all = true;
        for (place, asked) in asked.iter_mut().enumerate() {
            match self.ask(asked).await {
                Ok(line) => {
                    cosigned.push_str(&line);
                    asked.known = self.checkpoint.size;
                    outbox.note(place, |health| (health.size, health.failing) = (asked.known, None));
                }
                Err(refusal) => {
                    all = false;
                    tracing::warn!(witness = asked.witness.key.name, %refusal, "no cosignature");
                    outbox.note(place, |health| health.failing = Some(refusal.to_string()));
                }
            }
        }
        if cosigned.len() > self.note.len()
            && let Err(error) = replace(self.store.dir(), COSIGNED, cosigned.as_bytes())
        {
            tracing::warn!(%error, "the cosigned checkpoint could not be kept");
        }
        all
    }

    /// Asks one witness; a second time where it says that it knows another size than we think.
    async fn ask(&self, asked: &mut Asked) -> Result<String, Refusal> {
        let mut corrected = false;
        loop {
            let (status, body) = self.send(asked).await?;
            match (status, body.trim_end().parse()) {
                (200, _) => return self.cosignature(asked, &body),
                (409, Ok(known)) if known > self.checkpoint.size => {
                    return Err(Refusal::KnowsMore { known, size: self.checkpoint.size });
                }
                (409, Ok(known)) if !corrected => {
                    asked.known = known;
                    corrected = true;
                }
                _ => return Err(Refusal::Status(status)),
            }
        }
    }

    async fn send(&self, asked: &Asked) -> Result<(u16, String), Refusal> {
        let size = self.checkpoint.size;
        let proof = consistency(asked.known, size, &mut self.store.lookup(size)).ok_or(Refusal::Tiles)?;
        let body = Continues { old: asked.known, hashes: proof, checkpoint: self.note.clone() };
        let (status, body) =
            post(&asked.endpoint, body.text()).await.map_err(|fault| Refusal::Away(fault.to_string()))?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn cosignature(&self, asked: &Asked, body: &str) -> Result<String, Refusal> {
        let text = self.checkpoint.text();
        let note = format!("{text}\n{body}");
        let signed = Note::parse(&note).and_then(|note| asked.witness.key.verify(&note));
        signed.map(|signed| signed.line).ok_or(Refusal::Signature)
    }
}
