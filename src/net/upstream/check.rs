//! Active health checks, run by one worker for all.

use super::dial::dial;
use super::{SharedUpstream, SharedUpstreams};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONNECTION, HOST, HeaderValue};
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
    let Ok(Ok(mut connection)) = timeout(settings.connect_timeout, dial(target)).await else { return false };
    let request = Request::get(path)
        .header(HOST, &target.authority)
        .header(CONNECTION, HeaderValue::from_static("close"))
        .body(Full::new(Bytes::new()));
    let Ok(mut request) = request else { return false };
    upstream.authorize(request.headers_mut());
    match timeout(settings.first_byte_timeout, connection.sender.send_request(request)).await {
        Ok(Ok(answer)) => answer.status().is_success(),
        Ok(Err(_)) | Err(_) => false,
    }
}
