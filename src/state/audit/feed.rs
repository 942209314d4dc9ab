//! From the writer to the publisher: hashes of durable entries, and closed segments.
//!
//! The writer only ever pushes. Where the publisher cannot follow, hashes are dropped beyond a bound and
//! the publisher reads the entries back from the log, so the writer never waits and memory is bounded.

use super::segment::SegmentName;
use super::walk::Cursor;
use crate::engine::evidence::tree::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hashes kept at most: 32 MiB.
const LEAVES_MAX: usize = 1 << 20;
/// So many are worth waking the publisher for.
const LEAVES_MANY: usize = 1 << 14;

/// A segment that is not written any more.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub name: SegmentName,
    pub last: Cursor,
    pub bytes: u64,
    pub whole: bool,
}

/// What came since the publisher last looked.
#[derive(Debug)]
pub(super) struct News {
    /// Leaves of the tree, up to `upto`.
    pub leaves: Vec<Hash>,
    pub ended: Vec<Ended>,
    /// The last durable entry.
    pub upto: Cursor,
    /// Leaves were dropped: those up to `upto` are to be read from the log.
    pub dropped: bool,
    pub closing: bool,
}

#[derive(Debug)]
pub(super) struct Feed {
    news: Mutex<News>,
    arrived: Condvar,
}

impl Feed {
    pub fn new(upto: Cursor) -> Feed {
        let news = News { leaves: Vec::new(), ended: Vec::new(), upto, dropped: false, closing: false };
        Feed { news: Mutex::new(news), arrived: Condvar::new() }
    }

    /// Entries that are durable now.
    pub fn durable(&self, leaves: impl ExactSizeIterator<Item = Hash>, upto: Cursor) {
        let mut news = self.lock();
        news.upto = upto;
        let known = news.leaves.len();
        if news.dropped || known + leaves.len() > LEAVES_MAX {
            news.dropped = true;
            news.leaves = Vec::new();
            return;
        }
        news.leaves.extend(leaves);
        let wake = known < LEAVES_MANY && news.leaves.len() >= LEAVES_MANY;
        drop(news);
        if wake {
            self.arrived.notify_one();
        }
    }

    pub fn ended(&self, ended: Ended) {
        self.lock().ended.push(ended);
        self.arrived.notify_one();
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    /// Takes what came, waiting so long for company.
    pub fn take(&self, patience: Duration) -> News {
        let until = Instant::now() + patience;
        let mut news = self.lock();
        loop {
            let now = Instant::now();
            let due = news.closing || !news.ended.is_empty() || news.leaves.len() >= LEAVES_MANY;
            if due || now >= until {
                break;
            }
            news = self.arrived.wait_timeout(news, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        let fresh = News {
            leaves: Vec::new(),
            ended: Vec::new(),
            upto: news.upto,
            dropped: false,
            closing: news.closing,
        };
        std::mem::replace(&mut news, fresh)
    }

    /// The last durable entry now.
    pub fn upto(&self) -> Cursor {
        self.lock().upto
    }

    /// A panic of the writer leaves it whole: every step is one assignment or push.
    fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
