//! The one thread that writes: number, link, write, sync, then release.

use super::Receipt;
use super::feed::{Ended, Feed};
use super::queue::{Queue, Queued, Woken};
use super::segment::Segment;
use super::walk::Cursor;
use crate::config::settings::AuditSettings;
use crate::engine::evidence::{self, ClockStep, Entry, Gap, GapCause, Refused, chain};
use crate::engine::reason::Cause;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// How often the file, the disk and the clock are looked at when nothing is to be written.
const TICK: Duration = Duration::from_secs(1);
/// First and longest pause between attempts to recover.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// A wall clock that moves so much against the monotonic one within a tick has stepped; slewing
/// (at most 500 parts per million) stays far below.
const STEP_MS_MIN: u64 = 500;
/// Memory that the line buffer may keep between batches.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

/// A batch of so many entries is worth gathering for; the longest that is gathered.
const COMPANY: usize = 8;
const PAUSE_MAX: Duration = Duration::from_millis(4);
/// So many places taken (open requests, and entries that are not durable) are a crowd.
const CROWD: usize = 64;

/// Starts the thread. Ends when the queue is closed and empty.
pub(super) fn start(
    settings: &AuditSettings,
    began: Began,
    queue: Arc<Queue>,
    feed: Arc<Feed>,
) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer::new(settings, began, queue, feed);
    Builder::new().name("audit".into()).spawn(move || {
        // Nobody may be answered without the log, so a defect here ends the process; the supervisor
        // starts it again, and opening the log shows what is there.
        if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
            eprintln!("zhamen: the audit writer panicked; the process ends");
            std::process::abort();
        }
    })
}

/// Where the writer begins.
pub(super) struct Began {
    pub lock: File,
    pub segment: Segment,
    pub cursor: Cursor,
    pub torn_bytes: u64,
}

struct Writer {
    settings: AuditSettings,
    queue: Arc<Queue>,
    /// Durable entries go on to the tree.
    feed: Arc<Feed>,
    /// Keeps other writers out for as long as this one lives.
    _lock: File,
    /// What is being written; `None` while no file is trusted.
    segment: Option<Segment>,
    /// The last durable entry.
    cursor: Cursor,
    /// The next sequence number: beyond `cursor.seq + 1` once numbers were used in an untrusted file.
    next_seq: u64,
    /// Not durable yet, in order.
    batch: Vec<Queued>,
    /// Lines of one batch; kept to be filled again.
    lines: Vec<u8>,
    /// What the waiters of the batch get once it is durable.
    receipts: Vec<Receipt>,
    trouble: Option<Trouble>,
    /// The next batch gathers until then.
    earliest: Instant,
    ticked: Instant,
    clock: ClockWatch,
    /// Refusals already recorded: for want of a place, because the log failed.
    recorded: (u64, u64),
}

/// How long the next batch gathers, after one of so many entries that took so long to sync, when so many
/// places are taken. Under load, half a sync makes a third fewer of them, each of which costs far more than
/// an entry, and still keeps the usual wait below two syncs; where few come, nobody is kept waiting for
/// company. A crowd waits for the engine rather than for the disk, and is served sooner the less of the
/// engine syncs take: it gathers for four.
fn pause(entries: usize, places: usize, took: Duration) -> Duration {
    let gathered = match (entries, places) {
        (..COMPANY, _) => Duration::ZERO,
        (_, ..CROWD) => took / 2,
        (_, CROWD..) => 4 * took,
    };
    gathered.min(PAUSE_MAX)
}

/// Why no file is trusted, and when to try again.
struct Trouble {
    cause: GapCause,
    retry_at: Instant,
    pause: Duration,
}

impl Writer {
    fn new(settings: &AuditSettings, began: Began, queue: Arc<Queue>, feed: Arc<Feed>) -> Self {
        let Began { lock, segment, cursor, torn_bytes } = began;
        let clock = ClockWatch::new();
        let mut batch = Vec::new();
        if torn_bytes > 0 {
            batch.push(Queued::own(evidence::encode(&Entry::TornTail {
                ts: clock.now_ms(),
                bytes: torn_bytes,
            })));
        }
        let mut progress = queue.progress();
        (progress.last_seq, progress.head) = (cursor.seq, cursor.hash);
        drop(progress);
        Writer {
            settings: settings.clone(),
            queue,
            feed,
            _lock: lock,
            segment: Some(segment),
            cursor,
            next_seq: cursor.seq + 1,
            batch,
            lines: Vec::new(),
            receipts: Vec::new(),
            trouble: None,
            earliest: Instant::now(),
            ticked: Instant::now(),
            clock,
            recorded: (0, 0),
        }
    }

    fn run(&mut self) {
        self.watch_disk();
        self.settle();
        loop {
            let tick_at = self.ticked + TICK;
            let deadline = self.trouble.as_ref().map_or(tick_at, |trouble| trouble.retry_at.min(tick_at));
            let woken = self.queue.take(&mut self.batch, self.earliest, deadline);
            if self.ticked.elapsed() >= TICK || woken == Woken::Closed {
                self.tick();
            }
            if let (Woken::Closed, Some(trouble)) = (woken, &mut self.trouble) {
                trouble.retry_at = Instant::now();
            }
            self.settle();
            if woken == Woken::Closed {
                return;
            }
        }
    }

    /// Once a second: what nobody asks for but must be noticed.
    fn tick(&mut self) {
        self.ticked = Instant::now();
        self.watch_disk();
        if let Some(step) = self.clock.step() {
            tracing::warn!(step_ms = step.step_ms, "the wall clock stepped");
            self.batch.push(Queued::own(evidence::encode(&Entry::ClockStep(step))));
        }
        let full = self.queue.refused().0;
        if full > self.recorded.0 && self.trouble.is_none() {
            let count = full - self.recorded.0;
            self.recorded.0 = full;
            let refused = Refused { ts: self.clock.now_ms(), cause: Cause::AuditQueue, count };
            self.batch.push(Queued::own(evidence::encode(&Entry::Refused(refused))));
        }
        match self.segment.as_ref().map(Segment::intact) {
            Some(Err((cause, error))) => self.distrust(cause, &error),
            // By age, also when nothing is written.
            Some(Ok(())) => self.roll(),
            None => {}
        }
    }

    /// Makes the batch durable, in this file or, when that is not trusted, in a new one.
    fn settle(&mut self) {
        if self.trouble.is_none() && !self.batch.is_empty() {
            self.write_batch();
        }
        match &self.trouble {
            Some(trouble) if Instant::now() >= trouble.retry_at => self.recover(),
            Some(_) => self.refuse_waiters(),
            None => {}
        }
        self.queue.progress().since = None;
    }

    fn write_batch(&mut self) {
        let head = self.link_batch(self.cursor.hash, self.next_seq);
        let Some(segment) = &mut self.segment else { return };
        match segment.append(&self.lines) {
            Ok(took) => {
                self.confirm(head, took);
                self.roll();
            }
            Err((cause, error)) => {
                // Their numbers may stand in that file, so they are not used again.
                self.next_seq = head.seq + 1;
                self.distrust(cause, &error);
            }
        }
    }

    /// Fills `lines` with the batch, numbered from `seq`; gives the last entry's place.
    fn link_batch(&mut self, prev: [u8; 32], seq: u64) -> Cursor {
        self.lines.clear();
        self.receipts.clear();
        let mut head = Cursor { seq: seq.saturating_sub(1), hash: prev, size: self.cursor.size };
        for queued in &self.batch {
            let seq = head.seq + 1;
            let hash = chain::frame(seq, &head.hash, &queued.body, &mut self.lines);
            self.receipts.push(Receipt { seq, hash, index: head.size });
            head = head.then(seq, hash);
        }
        head
    }

    /// The batch is durable: remember, report, release.
    fn confirm(&mut self, head: Cursor, took: Duration) {
        self.cursor = head;
        self.next_seq = head.seq + 1;
        self.feed.durable(self.receipts.iter().map(|receipt| receipt.hash), head);
        let mut progress = self.queue.progress();
        let sync_us = took.as_micros().try_into().unwrap_or(u64::MAX);
        progress.entries += self.batch.len() as u64;
        progress.batches += 1;
        progress.sync_us_last = sync_us;
        progress.sync_us_total = progress.sync_us_total.saturating_add(sync_us);
        (progress.last_seq, progress.head) = (head.seq, head.hash);
        progress.since = None;
        drop(progress);
        // As many as there were while the batch was on its way.
        let places = self.queue.places();
        self.queue.return_places(self.batch.iter().filter(|queued| queued.holds_place).count());
        for (queued, receipt) in self.batch.iter_mut().zip(&self.receipts) {
            queued.release(Ok(*receipt));
        }
        self.ring();
        self.earliest = Instant::now() + pause(self.batch.len(), places, took);
        self.batch.clear();
        self.lines.clear();
        self.lines.shrink_to(BUFFER_BYTES_KEPT);
    }

    /// Wakes the workers whose trays were filled, once all of the batch lies there.
    fn ring(&self) {
        self.batch.iter().filter_map(|queued| queued.tray.as_ref()).for_each(|tray| tray.ring());
    }

    /// Begins a new segment once this one is long or old enough. When that fails the old one, which is still
    /// trusted, grows on, and the next batch tries again.
    fn roll(&mut self) {
        let Some(segment) = &mut self.segment else { return };
        let age = segment.began.elapsed().unwrap_or_default();
        let due = segment.len >= self.settings.segment_bytes_max || age >= self.settings.segment_age_max;
        if segment.len == 0 || !due {
            return;
        }
        match Segment::create(&self.settings.dir, self.next_seq) {
            Ok(next) => {
                let old = std::mem::replace(segment, next);
                self.record_closed(&old, true);
            }
            Err(error) => tracing::warn!(%error, "the audit log could not begin its next segment"),
        }
    }

    /// The publisher records it once the tree covers it.
    fn record_closed(&self, old: &Segment, whole: bool) {
        let (name, bytes) = (old.name.clone(), old.len);
        self.feed.ended(Ended { name, last: self.cursor, bytes, whole });
    }

    /// Gives up the present file for good.
    fn distrust(&mut self, cause: GapCause, error: &io::Error) {
        tracing::error!(cause = cause.code(), %error, "the audit file is no longer trusted");
        if let Some(old) = self.segment.take() {
            self.record_closed(&old, false);
        }
        self.trouble = Some(Trouble { cause, retry_at: Instant::now(), pause: RETRY_MIN });
    }

    /// Tries to go on in a new segment: the gap first, then everything that is not durable yet.
    fn recover(&mut self) {
        let Some(trouble) = &self.trouble else { return };
        let refused = self.queue.refused().1;
        let gap = Gap {
            ts: self.clock.now_ms(),
            first: self.cursor.seq + 1,
            last: self.next_seq - 1,
            cause: trouble.cause,
            refused: refused - self.recorded.1,
        };
        match self.write_gap(&gap) {
            Ok((head, took)) => {
                self.trouble = None;
                self.recorded.1 = refused;
                let mut progress = self.queue.progress();
                progress.gaps += 1;
                progress.failing = None;
                drop(progress);
                self.confirm(head, took);
                self.queue.set_failed(false);
                tracing::info!(cause = gap.cause.code(), "the audit log goes on in a new segment");
            }
            Err(error) => self.retry_later(&error),
        }
    }

    fn write_gap(&mut self, gap: &Gap) -> io::Result<(Cursor, Duration)> {
        let mut segment = match Segment::create(&self.settings.dir, self.next_seq) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Not ours and not to be touched: the next attempt takes the next name.
                self.next_seq += 1;
                return Err(error);
            }
            segment => segment?,
        };
        self.batch.insert(0, Queued::own(evidence::encode(&Entry::Gap(*gap))));
        let head = self.link_batch(self.cursor.hash, self.next_seq);
        match segment.append(&self.lines) {
            Ok(took) => {
                self.segment = Some(segment);
                Ok((head, took))
            }
            Err((_, error)) => {
                self.batch.remove(0);
                if !segment.discard() {
                    self.next_seq = head.seq + 1;
                }
                Err(error)
            }
        }
    }

    fn retry_later(&mut self, error: &io::Error) {
        self.queue.set_failed(true);
        if let Some(trouble) = &mut self.trouble {
            tracing::warn!(%error, "the audit log cannot be written; requests are refused");
            self.queue.progress().failing = Some(trouble.cause);
            trouble.retry_at = Instant::now() + trouble.pause;
            trouble.pause = (trouble.pause * 2).min(RETRY_MAX);
        }
        self.refuse_waiters();
    }

    /// Nobody is to wait for a disk that may never come back. The entries stay in the batch.
    fn refuse_waiters(&mut self) {
        for queued in &mut self.batch {
            queued.release(Err(Cause::AuditFailed));
        }
        self.ring();
    }

    fn watch_disk(&self) {
        let free = rustix::fs::statvfs(&self.settings.dir)
            .ok()
            .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let low = free.is_some_and(|free| free < self.settings.disk_low_bytes);
        let mut progress = self.queue.progress();
        let was_low = std::mem::replace(&mut progress.disk_low, low);
        progress.disk_free_bytes = free;
        drop(progress);
        if low && !was_low {
            tracing::warn!(free_bytes = free, "the disk of the audit log is nearly full");
        }
    }
}

/// The wall clock beside the monotonic one.
struct ClockWatch {
    wall_ms: i64,
    monotonic: Instant,
}

impl ClockWatch {
    fn new() -> Self {
        let mut clock = ClockWatch { wall_ms: 0, monotonic: Instant::now() };
        clock.wall_ms = clock.now_ms();
        clock
    }

    /// Milliseconds since 1970 by the wall clock.
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_millis().try_into().unwrap_or(i64::MAX)
    }

    /// The step since the last look, if there was one.
    fn step(&mut self) -> Option<ClockStep> {
        let (wall_ms, monotonic) = (self.now_ms(), Instant::now());
        let step = step_between(wall_ms - self.wall_ms, monotonic - self.monotonic);
        (self.wall_ms, self.monotonic) = (wall_ms, monotonic);
        step.map(|step_ms| ClockStep { ts: wall_ms, step_ms })
    }
}

/// Milliseconds by which the wall clock went ahead of the monotonic one, if that is a step.
fn step_between(wall_ms: i64, monotonic: Duration) -> Option<i64> {
    let elapsed_ms = i64::try_from(monotonic.as_millis()).unwrap_or(i64::MAX);
    let step_ms = wall_ms.saturating_sub(elapsed_ms);
    (step_ms.unsigned_abs() >= STEP_MS_MIN).then_some(step_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crowd_waits_for_company() {
        let ms = Duration::from_millis;
        for (entries, places, took, expect) in [
            (0, 8, 8, 0),
            (7, 63, 8, 0),
            (7, 500, 8, 0),
            (8, 10, 8, 4),
            (8, 63, 2, 1),
            (60, 63, 1000, 4),
            (8, 64, 1, 4),
            (500, 1000, 1000, 4),
        ] {
            let pause = pause(entries, places, ms(took));
            assert_eq!(pause, ms(expect), "{entries} entries, {places} places, {took} ms");
        }
    }

    #[test]
    fn steps_are_told_from_slewing_and_slow_ticks() {
        for (wall_ms, monotonic_ms, expect) in [
            (1000, 1000, None),
            (1499, 1000, None),
            (10_000, 10_000, None),
            (3_601_000, 1000, Some(3_600_000)),
            (-3_599_000, 1000, Some(-3_600_000)),
            (1500, 1000, Some(500)),
        ] {
            assert_eq!(step_between(wall_ms, Duration::from_millis(monotonic_ms)), expect);
        }
    }
}
