//! Whether an endpoint may be used: what checks and real requests say of it, shared by all workers.

use super::settings::EjectionSettings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// One endpoint's standing. Written by the requests and checks of all workers, read by them and by
/// the metrics.
#[derive(Debug)]
pub struct EndpointHealth {
    epoch: Instant,
    ejection: EjectionSettings,
    in_flight: AtomicU32,
    failures: AtomicU32,
    /// Milliseconds since `epoch`; 0 when not ejected.
    ejected_until_ms: AtomicU64,
    probing: AtomicBool,
    /// What the active checks say; true where there are none.
    healthy: AtomicBool,
    /// End of the certificate it last showed, seconds since 1970; 0 when none.
    certificate_not_after: AtomicI64,
    ejections: AtomicU64,
}

impl EndpointHealth {
    pub(super) fn new(ejection: EjectionSettings) -> Self {
        EndpointHealth {
            epoch: Instant::now(),
            ejection,
            in_flight: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            ejected_until_ms: AtomicU64::new(0),
            probing: AtomicBool::new(false),
            healthy: AtomicBool::new(true),
            certificate_not_after: AtomicI64::new(0),
            ejections: AtomicU64::new(0),
        }
    }

    /// Requests under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// What the active checks say.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Relaxed)
    }

    /// Whether failing requests took it out, and none has succeeded since.
    pub fn is_ejected(&self) -> bool {
        self.ejected_until_ms.load(Relaxed) != 0
    }

    /// How often it was taken out.
    pub fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// End of the certificate it last showed, seconds since 1970.
    pub fn certificate_not_after(&self) -> Option<i64> {
        Some(self.certificate_not_after.load(Relaxed)).filter(|end| *end != 0)
    }

    pub(super) fn saw_certificate(&self, not_after: i64) {
        self.certificate_not_after.store(not_after, Relaxed);
    }

    pub(super) fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes the endpoint for one request, if it may be used: when it was ejected and its time is
    /// over, only one request at a time may try it.
    pub(super) fn take(self: &Arc<Self>) -> Option<InFlight> {
        if !self.is_healthy() {
            return None;
        }
        let until = self.ejected_until_ms.load(Relaxed);
        let probe = until != 0;
        if probe && (self.now_ms() < until || self.probing.swap(true, Relaxed)) {
            return None;
        }
        self.in_flight.fetch_add(1, Relaxed);
        Some(InFlight { health: self.clone(), probe })
    }

    fn eject(&self) {
        let held = u64::try_from(self.ejection.ejected_for.as_millis()).unwrap_or(u64::MAX);
        self.ejected_until_ms.store(self.now_ms().saturating_add(held).max(1), Relaxed);
        self.ejections.fetch_add(1, Relaxed);
    }
}

/// One request's use of an endpoint.
#[derive(Debug)]
pub(super) struct InFlight {
    health: Arc<EndpointHealth>,
    probe: bool,
}

impl InFlight {
    pub(super) fn health(&self) -> &EndpointHealth {
        &self.health
    }

    /// It answered.
    pub(super) fn succeeded(&self) {
        // The common case writes nothing that other workers read.
        if self.health.failures.load(Relaxed) != 0 {
            self.health.failures.store(0, Relaxed);
        }
        if self.probe {
            self.health.ejected_until_ms.store(0, Relaxed);
        }
    }

    /// It did not, and that was its fault.
    pub(super) fn failed(&self) {
        let failures = self.health.failures.fetch_add(1, Relaxed).saturating_add(1);
        let limit = self.health.ejection.failures;
        if limit != 0 && (self.probe || (failures >= limit && !self.health.is_ejected())) {
            self.health.eject();
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.health.in_flight.fetch_sub(1, Relaxed);
        if self.probe {
            self.health.probing.store(false, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn endpoint(failures: u32, ejected_for: Duration) -> Arc<EndpointHealth> {
        Arc::new(EndpointHealth::new(EjectionSettings { failures, ejected_for }))
    }

    #[test]
    fn failures_in_a_row_eject_and_a_success_between_them_forgives() {
        let health = endpoint(2, Duration::from_secs(3600));
        for failed in [true, false, true] {
            let taken = health.take().unwrap();
            if failed { taken.failed() } else { taken.succeeded() }
        }
        assert!(!health.is_ejected());
        health.take().unwrap().failed();
        assert!(health.is_ejected() && health.take().is_none());
        assert_eq!((health.in_flight(), health.ejections()), (0, 1));
    }

    #[test]
    fn after_its_time_one_request_at_a_time_tries_it() {
        let health = endpoint(1, Duration::ZERO);
        health.take().unwrap().failed();
        std::thread::sleep(Duration::from_millis(3));
        let probe = health.take().expect("half open");
        assert!(health.take().is_none(), "one at a time");
        drop(probe);
        let probe = health.take().expect("a cancelled probe frees the place");
        probe.succeeded();
        drop(probe);
        assert!(!health.is_ejected());
        assert_eq!((health.take().is_some(), health.take().is_some()), (true, true));
    }

    #[test]
    fn zero_failures_never_eject() {
        let health = endpoint(0, Duration::from_secs(3600));
        for _ in 0..10 {
            health.take().unwrap().failed();
        }
        assert!(health.take().is_some());
    }
}
