//! One worker's idle connections, its choice among endpoints and its budget of retries.

use super::SharedUpstream;
use super::dial::{Connection, Target, dial};
use super::health::InFlight;
use super::settings::UpstreamSettings;
use crate::engine::reason::Cause;
use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A retry costs so much; each request earns its percentage of it.
const RETRY_COST: u32 = 100;

/// Retries that may be saved up, so that a short outage after a quiet time can be bridged.
const RETRIES_SAVED_MAX: u32 = 10;

struct Idle {
    connection: Connection,
    until: Instant,
}

/// One worker's connections to one upstream.
pub struct Upstream {
    shared: Arc<SharedUpstream>,
    /// By index of the endpoint, the latest used last.
    idle: Vec<RefCell<Vec<Idle>>>,
    budget: Cell<u32>,
    random: Cell<u64>,
}

impl Upstream {
    pub(super) fn new(shared: Arc<SharedUpstream>) -> Rc<Self> {
        let idle = shared.targets.iter().map(|_| RefCell::default()).collect();
        // Each hasher has its own random keys, which is all that a seed needs; never 0 (xorshift).
        let seed = RandomState::new().hash_one(0) | 1;
        let budget = Cell::new(RETRIES_SAVED_MAX * RETRY_COST);
        Rc::new(Upstream { shared, idle, budget, random: Cell::new(seed) })
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
    pub(super) fn take_idle(&self, endpoint: usize) -> Option<Connection> {
        let mut idle = self.idle.get(endpoint)?.borrow_mut();
        let now = Instant::now();
        while let Some(Idle { connection, until }) = idle.pop() {
            if until > now && connection.sender.is_ready() && connection.wire.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`Cause::UpstreamConnect`], also when it took too long, or [`Cause::UpstreamTls`].
    pub(super) async fn open(&self, endpoint: usize) -> Result<Connection, Cause> {
        let dialled = timeout(self.settings().connect_timeout, dial(self.target(endpoint))).await;
        dialled.unwrap_or(Err(Cause::UpstreamConnect))
    }

    /// Keeps a connection whose exchange is over, within the limits of the pool.
    pub(super) fn keep(&self, endpoint: usize, connection: Connection, keep_for: Duration) {
        let Some(idle) = self.idle.get(endpoint) else { return };
        if connection.sender.is_closed() || keep_for.is_zero() {
            return;
        }
        let (mut idle, now) = (idle.borrow_mut(), Instant::now());
        // The oldest lie in front: expired ones are closed as others come back.
        let expired = idle.iter().take_while(|idle| idle.until <= now || idle.connection.sender.is_closed());
        let expired = expired.count();
        drop(idle.drain(..expired));
        if idle.len() < self.settings().idle_max {
            idle.push(Idle { connection, until: now + keep_for });
        }
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
