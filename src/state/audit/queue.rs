//! Between requests and the writer: a bounded queue that the request path only ever holds for a push.

use super::desk::{Tell, Tray};
use super::{AuditHealth, Pending, Receipt};
use crate::engine::evidence::{EntryBody, GapCause, chain};
use crate::engine::reason::Cause;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long an entry that nobody waits for may wait for company.
const LINGER: Duration = Duration::from_millis(20);

/// Entries of the gateway itself that fit beside a full queue.
const NOTES_MAX: usize = 1024;

/// One entry and who waits for it.
#[derive(Debug)]
pub(super) struct Queued {
    pub body: EntryBody,
    /// Taken when it was told that the entry is not confirmed.
    pub waiter: Option<Tell>,
    /// Where the waiter's worker looks, which is then to be woken.
    pub tray: Option<Arc<Tray>>,
    /// Whether it counts among the places until it is durable; the writer's own do not.
    pub holds_place: bool,
}

impl Queued {
    /// An entry of the writer's own.
    pub fn own(body: EntryBody) -> Self {
        Queued { body, waiter: None, tray: None, holds_place: false }
    }

    /// Tells the waiter, once; one with a tray hears of it when that is rung. A waiter that is gone is
    /// no fault.
    pub fn release(&mut self, result: Result<Receipt, Cause>) {
        match (self.waiter.take(), &self.tray) {
            (Some(waiter), Some(tray)) => tray.lay(waiter, result),
            (Some(waiter), None) => drop(waiter.send(result)),
            (None, _) => {}
        }
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// Open slots and entries not yet durable. Bounded at `reserve`.
    places: AtomicUsize,
    places_max: usize,
    /// Set and cleared by the writer alone.
    failed: AtomicBool,
    refused_full: AtomicU64,
    refused_failed: AtomicU64,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<Queued>,
    /// When the oldest of `entries` came.
    since: Option<Instant>,
    /// Somebody waits for one of them.
    urgent: bool,
    closing: bool,
    /// The writer has ended; nothing is taken any more.
    ended: bool,
    writer_sleeps: bool,
}

/// What the writer reports, once a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub failing: Option<GapCause>,
    pub entries: u64,
    pub batches: u64,
    pub sync_us_total: u64,
    pub sync_us_last: u64,
    pub last_seq: u64,
    pub head: [u8; 32],
    pub gaps: u64,
    pub disk_free_bytes: Option<u64>,
    pub disk_low: bool,
    /// When the oldest entry in the writer's hands came.
    pub since: Option<Instant>,
}

/// What woke the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be entries, or the time is over.
    Work,
    /// No entries are left and none will come.
    Closed,
}

impl Queue {
    pub fn new(places_max: usize) -> Self {
        Queue {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            places: AtomicUsize::new(0),
            places_max: places_max.max(1),
            failed: AtomicBool::new(false),
            refused_full: AtomicU64::new(0),
            refused_failed: AtomicU64::new(0),
            progress: Mutex::default(),
        }
    }

    pub fn take_place(&self) -> Result<(), Cause> {
        if self.failed.load(Ordering::Acquire) {
            self.refused_failed.fetch_add(1, Ordering::Relaxed);
            return Err(Cause::AuditFailed);
        }
        if self.places.fetch_add(1, Ordering::AcqRel) >= self.places_max {
            self.return_places(1);
            self.refused_full.fetch_add(1, Ordering::Relaxed);
            return Err(Cause::AuditQueue);
        }
        Ok(())
    }

    /// Places taken now.
    pub fn places(&self) -> usize {
        self.places.load(Ordering::Relaxed)
    }

    pub fn return_places(&self, places: usize) {
        self.places.fetch_sub(places, Ordering::AcqRel);
    }

    /// Like `push`, for entries that no slot stands for; beyond the reserve for them they are refused.
    pub fn push_note(&self, body: EntryBody) -> Pending {
        if self.places() >= self.places_max + NOTES_MAX {
            self.refused_full.fetch_add(1, Ordering::Relaxed);
            return Pending(oneshot::channel().1);
        }
        self.push(body, None)
    }

    /// An entry that somebody waits for.
    pub fn push(&self, body: EntryBody, tray: Option<Arc<Tray>>) -> Pending {
        let (waiter, pending) = oneshot::channel();
        self.enqueue(Queued { body, waiter: Some(waiter), tray, holds_place: true });
        Pending(pending)
    }

    /// An entry that nobody waits for.
    pub fn push_alone(&self, body: EntryBody) {
        self.enqueue(Queued { body, waiter: None, tray: None, holds_place: true });
    }

    fn enqueue(&self, queued: Queued) {
        let urgent = queued.waiter.is_some();
        let mut waiting = self.lock();
        if waiting.ended {
            // Dropping the waiter tells `AuditFailed`.
            return;
        }
        self.places.fetch_add(1, Ordering::AcqRel);
        waiting.entries.push(queued);
        let first = waiting.since.is_none();
        if first {
            waiting.since = Some(Instant::now());
        }
        let wake = waiting.writer_sleeps && (first || (urgent && !waiting.urgent));
        waiting.urgent |= urgent;
        drop(waiting);
        if wake {
            self.arrived.notify_one();
        }
    }

    /// Appends what is due to `into`, waiting until `deadline` for something to be due. What somebody
    /// waits for is due at `earliest`, or at once when that is over.
    pub fn take(&self, into: &mut Vec<Queued>, earliest: Instant, deadline: Instant) -> Woken {
        let mut waiting = self.lock();
        loop {
            let now = Instant::now();
            let due = match waiting.since {
                Some(since) if waiting.closing => since,
                Some(since) if waiting.urgent => since.max(earliest),
                Some(since) => since + LINGER,
                None if waiting.closing => {
                    waiting.ended = true;
                    return Woken::Closed;
                }
                None => deadline,
            };
            if now >= due || now >= deadline {
                break;
            }
            let patience = due.min(deadline) - now;
            waiting.writer_sleeps = true;
            waiting = self.arrived.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner).0;
            waiting.writer_sleeps = false;
        }
        into.append(&mut waiting.entries);
        waiting.urgent = false;
        if let Some(since) = waiting.since.take() {
            self.progress().since.get_or_insert(since);
        }
        Woken::Work
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    pub fn set_failed(&self, failed: bool) {
        self.failed.store(failed, Ordering::Release);
    }

    /// Requests refused since the start: for want of a place, because the log failed.
    pub fn refused(&self) -> (u64, u64) {
        (self.refused_full.load(Ordering::Relaxed), self.refused_failed.load(Ordering::Relaxed))
    }

    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn health(&self) -> AuditHealth {
        let queued_since = self.lock().since;
        let progress = self.progress().clone();
        let (refused_full, refused_failed) = self.refused();
        let lag = progress.since.or(queued_since).map_or(Duration::ZERO, |since| since.elapsed());
        AuditHealth {
            ok: progress.failing.is_none(),
            failing: progress.failing,
            places: self.places(),
            places_max: self.places_max,
            entries: progress.entries,
            batches: progress.batches,
            sync_us_total: progress.sync_us_total,
            sync_us_last: progress.sync_us_last,
            last_seq: progress.last_seq,
            head: chain::hex_of_hash(&progress.head),
            lag_ms: lag.as_millis().try_into().unwrap_or(u64::MAX),
            gaps: progress.gaps,
            refused_full,
            refused_failed,
            disk_free_bytes: progress.disk_free_bytes,
            disk_low: progress.disk_low,
            tree: super::TreeHealth::default(),
            witnesses: Vec::new(),
        }
    }

    /// A panic of a pushing thread leaves the queue whole: every step is one assignment or push.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::evidence::{Entry, encode};

    /// What is waited for gathers until the given moment, not longer, and not at all when the log closes.
    #[test]
    fn what_is_waited_for_is_due_at_the_earliest_moment() {
        let queue = Queue::new(8);
        let body = || encode(&Entry::TornTail { ts: 0, bytes: 0 });
        let (mut batch, pause) = (Vec::new(), Duration::from_millis(50));
        for (closes, waits) in [(false, true), (true, false)] {
            let pending = queue.push(body(), None);
            if closes {
                queue.close();
            }
            let now = Instant::now();
            assert_eq!(queue.take(&mut batch, now + pause, now + 20 * pause), Woken::Work);
            assert_eq!(now.elapsed() >= pause, waits, "closes: {closes}");
            assert_eq!(batch.drain(..).count(), 1);
            drop(pending);
        }
    }
}
