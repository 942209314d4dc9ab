//! One worker's idle connections, its choice among endpoints and its budget of retries.

use super::SharedUpstream;
use super::dial::{Connection, Target, dial};
use super::health::InFlight;
use super::settings::UpstreamSettings;
use crate::engine::reason::Cause;
use crate::net::outbox::Outbox;
use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

/// A retry costs so much; each request earns its percentage of it.
const RETRY_COST: u32 = 100;

/// Retries that may be saved up, so that a short outage after a quiet time can be bridged.
const RETRIES_SAVED_MAX: u32 = 10;

/// The least pause between two sweeps.
const SWEEP_MIN: Duration = Duration::from_millis(100);

/// A connection that waits.
#[derive(Debug)]
struct Idle {
    connection: Connection,
    until: Instant,
}

/// One worker's connections to one upstream.
pub struct Upstream {
    shared: Arc<SharedUpstream>,
    outbox: Rc<Outbox>,
    /// By index of the endpoint, the latest used last.
    idle: Vec<RefCell<Vec<Idle>>>,
    budget: Cell<u32>,
    random: Cell<u64>,
    /// The task that closes connections which expired or ended, while any waits.
    sweeper: RefCell<Option<Waker>>,
}

impl Upstream {
    pub(super) fn new(shared: Arc<SharedUpstream>, outbox: Rc<Outbox>) -> Rc<Self> {
        let idle = shared.targets.iter().map(|_| RefCell::default()).collect();
        // Each hasher has its own random keys, which is all that a seed needs; never 0 (xorshift).
        let seed = RandomState::new().hash_one(0) | 1;
        let budget = Cell::new(RETRIES_SAVED_MAX * RETRY_COST);
        let (random, sweeper) = (Cell::new(seed), RefCell::default());
        Rc::new(Upstream { shared, outbox, idle, budget, random, sweeper })
    }

    /// What all workers share of this upstream.
    pub fn shared(&self) -> &Arc<SharedUpstream> {
        &self.shared
    }

    pub(super) fn settings(&self) -> &UpstreamSettings {
        &self.shared.settings
    }

    pub(super) fn target(&self, endpoint: usize) -> &Target {
        // The index comes from `choose`, which draws it from the same list.
        &self.shared.targets[endpoint]
    }

    /// Chooses an endpoint: of two drawn at random the one with fewer requests under way, any other
    /// when neither may be used. `avoid` is taken only when nothing else is left.
    ///
    /// # Errors
    /// [`Cause::UpstreamUnhealthy`]: none may be used now.
    pub(super) fn choose(&self, avoid: Option<usize>) -> Result<(usize, InFlight), Cause> {
        let health = &self.shared.health;
        let count = health.len();
        let load = |index: &usize| health.get(*index).map_or(u32::MAX, |health| health.in_flight());
        let first = self.draw(count);
        let mut pair = [first, (first + 1 + self.draw(count.saturating_sub(1))) % count.max(1)];
        pair.sort_by_key(|index| (Some(*index) == avoid, load(index)));
        let others = (0..count).filter(|index| Some(*index) != avoid && !pair.contains(index));
        let preferred = pair.into_iter().filter(|index| Some(*index) != avoid);
        preferred
            .chain(others)
            .chain(avoid)
            .find_map(|index| Some((index, health.get(index)?.take()?)))
            .ok_or(Cause::UpstreamUnhealthy)
    }

    /// A number below `count`, or 0.
    fn draw(&self, count: usize) -> usize {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        (random % (count.max(1) as u64)) as usize
    }

    /// An idle connection that can still be used; the others found on the way are closed.
    pub(super) fn take_idle(&self, endpoint: usize, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.get(endpoint)?.borrow_mut();
        while let Some(Idle { mut connection, until }) = idle.pop() {
            if until > now && connection.wire.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`Cause::UpstreamConnect`], also when it took too long, or [`Cause::UpstreamTls`].
    pub(super) async fn open(&self, endpoint: usize, deadline: Instant) -> Result<Connection, Cause> {
        let until = deadline.min(Instant::now() + self.settings().connect_timeout);
        let dialled = timeout_at(until, dial(self.target(endpoint), &self.outbox)).await;
        dialled.unwrap_or(Err(Cause::UpstreamConnect))
    }

    /// Keeps a connection whose exchange is over, within the limits of the pool. One that ends while
    /// it waits is closed at once, so that its descriptor is free.
    pub(super) fn keep(self: &Rc<Self>, endpoint: usize, connection: Connection, keep_for: Duration) {
        let Some(idle) = self.idle.get(endpoint) else { return };
        let mut idle = idle.borrow_mut();
        if keep_for.is_zero() || idle.len() >= self.settings().idle_max {
            return;
        }
        let mut waiting = Idle { connection, until: Instant::now() + keep_for };
        let mut sweeper = self.sweeper.borrow_mut();
        if sweeper.is_none() {
            // Its first turn, before the reactor's next, looks at what waits.
            tokio::task::spawn_local(Sweeper::new(self));
        }
        let waker = sweeper.get_or_insert_with(|| Waker::noop().clone());
        if waiting.connection.wire.poll_quiet(&mut Context::from_waker(waker)) {
            idle.push(waiting);
        }
    }

    /// Closes what has waited too long or is of no more use; false when nothing waits any more.
    fn sweep(&self, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        for idle in &self.idle {
            idle.borrow_mut()
                .retain_mut(|waiting| waiting.until > now && waiting.connection.wire.poll_quiet(cx));
        }
        let waits = self.idle() > 0;
        *self.sweeper.borrow_mut() = waits.then(|| cx.waker().clone());
        waits
    }

    fn pause(&self) -> Duration {
        (self.settings().idle_timeout / 2).max(SWEEP_MIN)
    }

    /// Idle connections kept now, of all endpoints.
    pub fn idle(&self) -> usize {
        self.idle.iter().map(|idle| idle.borrow().len()).sum()
    }

    /// A request earns its part of a retry.
    pub(super) fn earn(&self) {
        let earned = self.budget.get().saturating_add(self.settings().retries.budget_percent);
        self.budget.set(earned.min(RETRIES_SAVED_MAX * RETRY_COST));
    }

    /// Pays for a retry; false when the budget is spent.
    pub(super) fn spend(&self) -> bool {
        match self.budget.get().checked_sub(RETRY_COST) {
            Some(left) => {
                self.budget.set(left);
                true
            }
            None => false,
        }
    }
}

/// Sweeps a pool from time to time, and whenever something happens to a connection that waits there;
/// it ends when nothing waits any more.
struct Sweeper {
    upstream: Weak<Upstream>,
    pause: Pin<Box<Sleep>>,
}

impl Sweeper {
    fn new(upstream: &Rc<Upstream>) -> Self {
        Sweeper { upstream: Rc::downgrade(upstream), pause: Box::pin(sleep(upstream.pause())) }
    }
}

impl Future for Sweeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = self.upstream.upgrade() else { return Poll::Ready(()) };
        if !upstream.sweep(cx) {
            return Poll::Ready(());
        }
        while self.pause.as_mut().poll(cx).is_ready() {
            self.pause.as_mut().reset(Instant::now() + upstream.pause());
        }
        Poll::Pending
    }
}
