//! Upstreams: pools of HTTP/1 connections to the departments' endpoints, one set a worker.
//!
//! What must be known of all workers (whether an endpoint is well, how much it carries) is shared by
//! atomics in [`SharedUpstreams`]; connections and retry budgets belong to one worker's
//! [`Upstreams`]. The pool knows whether anything of a request was written, so a request is repeated
//! only when that cannot do it twice. An exchange runs inside the task that asks (`exchange`), and
//! reads answers by the rules of `engine::framing::answer`. It never falls back to plain text, never reuses a connection on
//! which something went wrong, and never takes bytes that came unasked for an answer.
//!
//! ```
//! use std::time::Duration;
//! use zhamen::net::upstream::settings::*;
//! use zhamen::net::upstream::{SharedUpstreams, Upstreams};
//! let second = Duration::from_secs(1);
//! let settings = UpstreamSettings {
//!     name: "civil-affairs".into(),
//!     endpoints: vec![EndpointSettings { host: "127.0.0.1".into(), port: 9701 }],
//!     tls: None,
//!     credentials: None,
//!     connect_timeout: second,
//!     first_byte_timeout: 5 * second,
//!     total_timeout: 30 * second,
//!     idle_max: 32,
//!     idle_timeout: 60 * second,
//!     headers_max: 100,
//!     header_bytes_max: 32 * 1024,
//!     health: None,
//!     ejection: EjectionSettings { failures: 5, ejected_for: 10 * second },
//!     retries: RetrySettings { max: 1, budget_percent: 10 },
//! };
//! let worker = Upstreams::new(SharedUpstreams::build(vec![settings], None)?, Default::default());
//! assert!(worker.get("civil-affairs").is_some());
//! # Ok::<(), zhamen::fault::Faults>(())
//! ```

mod answer;
mod check;
mod dial;
mod exchange;
mod forward;
pub mod health;
mod outbound;
mod pool;
pub mod settings;
mod wire;

pub use answer::{Answer, AnswerBody};
pub use check::HealthChecks;
pub use outbound::Outbound;
pub use pool::Upstream;

use self::dial::Target;
use self::health::EndpointHealth;
use self::settings::UpstreamSettings;
use crate::fault::{Fault, Faults};
use crate::net::outbox::Outbox;
use aws_lc_rs::digest;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// One upstream, as all workers see it.
#[derive(Debug)]
pub struct SharedUpstream {
    settings: UpstreamSettings,
    targets: Vec<Target>,
    /// By index of the endpoint.
    health: Vec<Arc<EndpointHealth>>,
    read: Fingerprint,
}

impl SharedUpstream {
    /// Reads all files. Endpoints that `kept` has, too, keep their standing.
    fn build(
        settings: UpstreamSettings,
        read: Fingerprint,
        kept: Option<&SharedUpstream>,
    ) -> Result<Arc<Self>, Faults> {
        let targets = dial::targets(&settings)?;
        let same = |kept: &&SharedUpstream| {
            kept.settings.endpoints == settings.endpoints && kept.settings.ejection == settings.ejection
        };
        let health = match kept.filter(same) {
            Some(kept) => kept.health.clone(),
            None => {
                settings.endpoints.iter().map(|_| Arc::new(EndpointHealth::new(settings.ejection))).collect()
            }
        };
        Ok(Arc::new(SharedUpstream { settings, targets, health, read }))
    }

    pub fn settings(&self) -> &UpstreamSettings {
        &self.settings
    }

    /// The standing of each endpoint, in the order of the settings.
    pub fn endpoints(&self) -> &[Arc<EndpointHealth>] {
        &self.health
    }
}

/// All upstreams of one catalogue, as all workers see them.
#[derive(Debug, Default)]
pub struct SharedUpstreams {
    by_name: HashMap<String, Arc<SharedUpstream>>,
}

impl SharedUpstreams {
    /// Builds all upstreams. What is the same as in `previous`, the content of its files included, is
    /// taken over with its standing and, in the workers, its connections.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn build(
        settings: Vec<UpstreamSettings>,
        previous: Option<&SharedUpstreams>,
    ) -> Result<Arc<Self>, Faults> {
        let mut faults = Faults::default();
        let mut by_name = HashMap::with_capacity(settings.len());
        for settings in settings {
            let name = settings.name.clone();
            let kept = previous.and_then(|previous| previous.by_name.get(&name));
            // Taken before the files are read: what changes in between is found the next time.
            let read = Fingerprint::of(&settings);
            let upstream = match kept.filter(|kept| kept.settings == settings && kept.read == read) {
                Some(kept) => Some(kept.clone()),
                None => faults.absorb(SharedUpstream::build(settings, read, kept.map(Arc::as_ref))),
            };
            let Some(upstream) = upstream else { continue };
            if by_name.insert(name.clone(), upstream).is_some() {
                faults.push(Fault::new(format!("upstream {name}"), "is defined twice"));
            }
        }
        faults.or(Arc::new(SharedUpstreams { by_name }))
    }

    /// Whether the files that were read still hold the same.
    pub fn is_as_read(&self) -> bool {
        self.iter().all(|upstream| Fingerprint::of(&upstream.settings) == upstream.read)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SharedUpstream>> {
        self.by_name.values()
    }
}

/// SHA-256 over the content of all files that settings name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// A file that cannot be read counts as its name alone; building then says so.
    fn of(settings: &UpstreamSettings) -> Self {
        let mut sum = digest::Context::new(&digest::SHA256);
        for file in settings.files() {
            let content = std::fs::read(file).unwrap_or_default();
            sum.update(&(content.len() as u64).to_be_bytes());
            sum.update(&content);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(sum.finish().as_ref());
        Fingerprint(fingerprint)
    }
}

/// Not printed: it could be that of a guessable secret.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

/// One worker's pools. Asked for each request by names that are the catalogue's own.
type Pools = foldhash::HashMap<String, Rc<Upstream>>;

/// One worker's upstreams.
pub struct Upstreams {
    shared: RefCell<Arc<SharedUpstreams>>,
    outbox: Rc<Outbox>,
    by_name: RefCell<Pools>,
}

impl Upstreams {
    /// With empty pools, whose connections write through the worker's outbox.
    pub fn new(shared: Arc<SharedUpstreams>, outbox: Rc<Outbox>) -> Self {
        let by_name = pools(&shared, &outbox, &Pools::default());
        Upstreams { shared: RefCell::new(shared), outbox, by_name: RefCell::new(by_name) }
    }

    /// Takes over another set; cheap when it is the same. Upstreams that did not change keep their
    /// connections; requests under way keep theirs in any case.
    pub fn renew(&self, shared: &Arc<SharedUpstreams>) {
        if Arc::ptr_eq(&self.shared.borrow(), shared) {
            return;
        }
        let by_name = pools(shared, &self.outbox, &self.by_name.borrow());
        *self.by_name.borrow_mut() = by_name;
        *self.shared.borrow_mut() = shared.clone();
    }

    /// The upstream of this name.
    pub fn get(&self, name: &str) -> Option<Rc<Upstream>> {
        self.by_name.borrow().get(name).cloned()
    }
}

fn pools(shared: &SharedUpstreams, outbox: &Rc<Outbox>, kept: &Pools) -> Pools {
    let pool = |(name, shared): (&String, &Arc<SharedUpstream>)| {
        let kept = kept.get(name).filter(|kept| Arc::ptr_eq(kept.shared(), shared));
        (name.clone(), kept.cloned().unwrap_or_else(|| Upstream::new(shared.clone(), outbox.clone())))
    };
    shared.by_name.iter().map(pool).collect()
}
