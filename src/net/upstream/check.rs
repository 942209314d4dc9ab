//! Active health checks, run by one worker for all.

use super::dial::dial;
use super::exchange::Exchange;
use super::outbound::Outbound;
use super::{SharedUpstream, SharedUpstreams};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The running checks of one set of upstreams; they end when this is dropped.
#[derive(Debug)]
pub struct HealthChecks {
    /// Held for its drop, which ends the tasks.
    _tasks: JoinSet<()>,
}

impl HealthChecks {
    /// Starts one task for each endpoint of each upstream that has checks. Must run inside a
    /// `LocalSet`, on one worker only.
    pub fn start(upstreams: &SharedUpstreams) -> Self {
        let mut tasks = JoinSet::new();
        for upstream in upstreams.iter().filter(|upstream| upstream.settings.health.is_some()) {
            for endpoint in 0..upstream.targets.len() {
                tasks.spawn_local(watch(upstream.clone(), endpoint));
            }
        }
        HealthChecks { _tasks: tasks }
    }
}

async fn watch(upstream: Arc<SharedUpstream>, endpoint: usize) {
    let Some(settings) = &upstream.settings.health else { return };
    let Some(health) = upstream.health.get(endpoint) else { return };
    let mut ticks = interval(settings.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        ticks.tick().await;
        if is_well(&upstream, endpoint, &settings.path).await {
            (good, bad) = (good.saturating_add(1), 0);
        } else {
            (good, bad) = (0, bad.saturating_add(1));
        }
        if health.is_healthy() && bad >= settings.unhealthy_after {
            health.set_healthy(false);
        } else if !health.is_healthy() && good >= settings.healthy_after {
            health.set_healthy(true);
        }
    }
}

async fn is_well(upstream: &SharedUpstream, endpoint: usize, path: &str) -> bool {
    let settings = &upstream.settings;
    let Some(target) = upstream.targets.get(endpoint) else { return false };
    let Ok(Ok(connection)) = timeout(settings.connect_timeout, dial(target, &Rc::default())).await else {
        return false;
    };
    let Ok(mut request) = Outbound::new("GET", path) else { return false };
    request.fixed("connection", "close");
    let mut exchange = Exchange::new(connection, request.written(&target.lines), true, settings);
    let head = poll_fn(|cx| exchange.poll_head(cx));
    let answered = timeout(settings.first_byte_timeout, head).await;
    answered.is_ok_and(|answered| answered.is_ok_and(|head| (200..300).contains(&head.status)))
}
