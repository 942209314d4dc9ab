//! The policies folder as one immutable value, and how it is replaced: whole or not at all.
//!
//! A [`Snapshot`] is policies, catalogue, registry of proofs and upstreams of one reading of the
//! folder, named by the digest over all its files. It is built beside the one in force, its cases are
//! run, and only then it takes over; whatever is wrong leaves the last good one where it is, and
//! [`Status`] says so.

use crate::catalogue::cases::{self, CaseFile};
use crate::catalogue::{Catalogue, Folder, Scheme, UpstreamSpec, load};
use crate::engine::dataset::Dataset;
use crate::engine::decide::cases as judged;
use crate::engine::decide::{EntityKind, Names, Policies, PolicyNote, Source};
use crate::engine::identifier::{Date, civil_date};
use crate::engine::terms::LegalBasis;
use crate::fault::{Fault, Faults};
use crate::identity::registry::{ApiKeyEntry, Registry};
use crate::net::upstream::SharedUpstreams;
use crate::net::upstream::settings::{
    ClientIdentity, EjectionSettings, EndpointSettings, HealthSettings, RetrySettings, UpstreamSettings,
    UpstreamTls,
};
use crate::state::clock::Clock;
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const SCHEMA: &str = "schema.cedarschema";
/// Headers of an upstream's answer, and the bytes of its head.
const UPSTREAM_HEADERS_MAX: usize = 100;
const UPSTREAM_HEAD_BYTES_MAX: usize = 32 * 1024;

/// Everything of one reading of the folder.
pub struct Snapshot {
    /// SHA-256 over all files, in hexadecimal: what entries name.
    pub digest: Arc<str>,
    /// Counts the snapshots of this process, from 1.
    pub revision: u64,
    pub policies: Policies,
    pub catalogue: Arc<Catalogue>,
    pub registry: Registry,
    pub upstreams: Arc<SharedUpstreams>,
    /// Cases that were run before it came into force.
    pub cases: usize,
    /// The day it was built for: permits that had ended by then are not in force.
    pub day: Date,
}

impl Snapshot {
    /// Whether the subject of a use may be told of it; times in seconds since 1970.
    pub fn is_visible(
        &self,
        purpose: Option<&str>,
        legal_basis: Option<LegalBasis>,
        matter_type: Option<&str>,
        at: i64,
        now: i64,
    ) -> bool {
        self.catalogue.is_visible(&crate::catalogue::Use { purpose, legal_basis, matter_type, at }, now)
    }

    /// Builds a snapshot and runs its cases.
    ///
    /// # Errors
    /// Everything that is wrong with any file; a case that does not come to what it wants.
    pub fn build(folder: &Folder, previous: Option<&Snapshot>, day: Date) -> Result<Snapshot, Faults> {
        let catalogue = load(folder)?;
        let policies = policies(folder, &catalogue)?.on_day(day);
        let cases = run_cases(folder, &catalogue, &policies)?;
        let settings = catalogue.upstreams.values().map(|spec| upstream(spec)).collect();
        let upstreams = SharedUpstreams::build(settings, previous.map(|previous| &*previous.upstreams))?;
        Ok(Snapshot {
            digest: folder.digest(),
            revision: previous.map_or(1, |previous| previous.revision + 1),
            registry: registry(&catalogue),
            policies,
            catalogue: Arc::new(catalogue),
            upstreams,
            cases,
            day,
        })
    }

    /// The same on another day: without the permits that have ended by then.
    fn on_day(&self, day: Date) -> Snapshot {
        Snapshot {
            digest: self.digest.clone(),
            revision: self.revision + 1,
            policies: self.policies.clone().on_day(day),
            catalogue: self.catalogue.clone(),
            registry: self.registry.clone(),
            upstreams: self.upstreams.clone(),
            cases: self.cases,
            day,
        }
    }
}

/// Whether the configuration has a key that signs receipts: what the folder may promise hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipts {
    Signed,
    Unsigned,
}

impl Receipts {
    /// # Errors
    /// The snapshot promises what is not there.
    fn allow(self, snapshot: Snapshot) -> Result<Snapshot, Faults> {
        match self {
            Receipts::Signed => Ok(snapshot),
            Receipts::Unsigned => snapshot.catalogue.without_receipts().map(|()| snapshot),
        }
    }
}

fn policies(folder: &Folder, catalogue: &Catalogue) -> Result<Policies, Faults> {
    let schema = folder.text(SCHEMA)?.ok_or_else(|| {
        Fault::new(SCHEMA, "there is no such file").help("every policies folder holds the Cedar schema")
    })?;
    let mut faults = Faults::default();
    let mut files = Vec::new();
    for path in folder.paths_in("", ".cedar") {
        match folder.text(path) {
            Ok(text) => files.extend(text.map(|text| Source { name: path, text })),
            Err(fault) => faults.push(fault),
        }
    }
    let files = faults.or(files)?;
    Policies::build(Source { name: SCHEMA, text: schema }, &files, names(catalogue))
}

/// What the catalogue knows by name, so that a policy about anything else is a fault.
fn names(catalogue: &Catalogue) -> Names {
    let names = Names::default()
        .know(EntityKind::Department, catalogue.departments.keys().cloned())
        .know(EntityKind::Application, catalogue.applications.keys().cloned())
        .know(EntityKind::Dataset, catalogue.datasets.keys().cloned())
        .know(EntityKind::Label, catalogue.labels.keys().cloned());
    catalogue.purposes.values().fold(names, |names, purpose| {
        let parents: Vec<&str> = purpose.parents.iter().map(|parent| &**parent).collect();
        names.purpose(&purpose.id, &parents)
    })
}

fn run_cases(folder: &Folder, catalogue: &Catalogue, policies: &Policies) -> Result<usize, Faults> {
    let mut files = Vec::new();
    for path in folder.paths_in("cases", ".yaml") {
        files.extend(folder.text(path)?.map(|text| CaseFile { name: path, text }));
    }
    let applications: Vec<_> =
        catalogue.applications.values().map(|registered| registered.application.clone()).collect();
    let cases = cases::read(&files, &applications)?;
    let datasets: Vec<Arc<Dataset>> = catalogue.datasets.values().cloned().collect();
    let mut faults = Faults::default();
    for outcome in judged::run(policies, &datasets, &cases) {
        for difference in outcome.differences {
            faults.push(Fault::new("cases", format!("`{}`: {difference}", outcome.case.name)));
        }
    }
    faults.or(cases.len())
}

fn registry(catalogue: &Catalogue) -> Registry {
    let mut registry = Registry::default();
    for (id, registered) in &catalogue.applications {
        let application = &registered.application;
        registry.by_id.insert(id.to_string(), application.clone());
        registry.by_san_uri.extend(registered.san_uris.iter().map(|uri| (uri.clone(), application.clone())));
        registry.by_san_dns.extend(registered.san_dns.iter().map(|name| (name.clone(), application.clone())));
        if !registered.api_key_hashes.is_empty() {
            let hashes = registered.api_key_hashes.clone();
            let entry = ApiKeyEntry { hashes, application: application.clone() };
            registry.api_keys.insert(id.to_string(), entry);
        }
    }
    let revoked = &catalogue.revocations;
    registry.revoked_tokens = revoked.tokens().map(Into::into).collect();
    registry.revoked_officers = revoked.officers().map(Into::into).collect();
    registry.revoked_applications = revoked.applications().map(Into::into).collect();
    registry.revoked_certificates = revoked.certificates().copied().collect();
    registry
}

/// An upstream of the catalogue as the pools want it.
fn upstream(spec: &UpstreamSpec) -> UpstreamSettings {
    let endpoints = spec.endpoints.iter();
    UpstreamSettings {
        name: spec.id.to_string(),
        endpoints: endpoints.map(|at| EndpointSettings { host: at.host.clone(), port: at.port }).collect(),
        tls: spec.tls.as_ref().filter(|_| spec.endpoints.iter().all(|at| at.scheme == Scheme::Https)).map(
            |tls| UpstreamTls {
                ca_file: tls.ca_file.clone(),
                server_name: tls.server_name.clone(),
                identity: tls.client.as_ref().map(|pair| ClientIdentity {
                    certificate_file: pair.certificate_file.clone(),
                    key_file: pair.key_file.clone(),
                }),
            },
        ),
        credentials: spec.credentials.clone(),
        connect_timeout: spec.connect_timeout,
        first_byte_timeout: spec.first_byte_timeout,
        total_timeout: spec.total_timeout,
        idle_max: spec.pool.idle_max,
        idle_timeout: spec.pool.idle_timeout,
        headers_max: UPSTREAM_HEADERS_MAX,
        header_bytes_max: UPSTREAM_HEAD_BYTES_MAX,
        health: spec.health.as_ref().map(|health| HealthSettings {
            path: health.path.clone(),
            interval: health.interval,
            unhealthy_after: health.unhealthy_after,
            healthy_after: health.healthy_after,
        }),
        ejection: EjectionSettings {
            failures: spec.ejection.failures,
            ejected_for: spec.ejection.ejected_for,
        },
        retries: RetrySettings { max: spec.retries.max, budget_percent: spec.retries.budget_percent },
    }
}

/// How the folder as it is now relates to the snapshot in force.
#[derive(Clone, Debug)]
pub struct Status {
    /// The folder as last read is in force.
    pub ok: bool,
    /// Digest of the last reading, if it could be read at all.
    pub read: Option<Arc<str>>,
    /// When the snapshot in force came into force, seconds since 1970.
    pub loaded_at: i64,
    /// All faults of a refused reading, as text.
    pub faults: String,
}

/// One attempt to reload.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub before: Arc<str>,
    /// Absent when the folder could not be read as a whole.
    pub after: Option<Arc<str>>,
    /// Empty when it was accepted.
    pub faults: Faults,
}

/// The snapshot in force.
pub struct Snapshots {
    root: PathBuf,
    receipts: Receipts,
    current: ArcSwap<Snapshot>,
    status: Mutex<Status>,
}

impl Snapshots {
    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// Everything that is wrong: without a valid snapshot nothing is served.
    pub fn start(root: &Path, receipts: Receipts, unix_seconds: i64) -> Result<Snapshots, Faults> {
        let folder = Folder::read(root)?;
        let snapshot = receipts.allow(Snapshot::build(&folder, None, civil_date(unix_seconds))?)?;
        let status =
            Status { ok: true, read: Some(folder.digest()), loaded_at: unix_seconds, faults: String::new() };
        Ok(Snapshots {
            root: root.to_owned(),
            receipts,
            current: ArcSwap::from_pointee(snapshot),
            status: Mutex::new(status),
        })
    }

    /// The snapshot in force; a request takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// How the last reading went.
    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends permits whose last day is over, whatever the folder holds by now: neither a fault in it nor a case
    /// that rests on such a permit keeps one in force. Whether there were any.
    fn end_permits(&self, today: Date) -> bool {
        let current = self.current();
        let ends = |note: &PolicyNote| note.has_ended(today) && !note.has_ended(current.day);
        let is_over = today != current.day && current.policies.notes().any(ends);
        if is_over {
            self.current.store(Arc::new(current.on_day(today)));
        }
        is_over
    }

    /// Looks at the folder and takes it over if it changed and is sound; `forced` reads it in any
    /// case. None: it is as it was at the last look, and no permit has ended since.
    pub fn look(&self, forced: bool, unix_seconds: i64) -> Option<Attempt> {
        let day = civil_date(unix_seconds);
        let is_over = self.end_permits(day);
        let current = self.current();
        let before = current.digest.clone();
        let last = self.status();
        let folder = match Folder::read(&self.root) {
            Ok(folder) => folder,
            Err(faults) => {
                let news = forced || is_over || last.faults != faults.to_string();
                self.refused(None, &faults);
                return news.then_some(Attempt { before, after: None, faults });
            }
        };
        let after = folder.digest();
        if !forced && last.read.as_ref() == Some(&after) {
            return is_over.then(|| Attempt {
                before,
                after: Some(current.digest.clone()),
                faults: Faults::default(),
            });
        }
        let built = Snapshot::build(&folder, Some(&current), day);
        let faults = match built.and_then(|snapshot| self.receipts.allow(snapshot)) {
            Ok(snapshot) => {
                self.current.store(Arc::new(snapshot));
                let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
                *status = Status {
                    ok: true,
                    read: Some(after.clone()),
                    loaded_at: unix_seconds,
                    faults: String::new(),
                };
                Faults::default()
            }
            Err(faults) => {
                self.refused(Some(after.clone()), &faults);
                faults
            }
        };
        Some(Attempt { before, after: Some(after), faults })
    }

    fn refused(&self, read: Option<Arc<str>>, faults: &Faults) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        (status.ok, status.read, status.faults) = (false, read, faults.to_string());
    }
}

/// A day of the catalogue as the calendar has it.
fn dated((year, month, day): (u16, u8, u8)) -> Date {
    (i32::from(year), month, day)
}

/// Days that have passed.
fn overdue(snapshot: &Snapshot, today: Date) -> Result<(), Faults> {
    let mut faults = Faults::default();
    let catalogue = &snapshot.catalogue;
    for (id, day) in catalogue.next_reviews.iter().filter(|(_, day)| dated(**day) < today) {
        let department =
            catalogue.datasets.get(id).and_then(|set| catalogue.departments.get(&set.department));
        let file = department.map_or_else(String::new, |known| format!("catalogue/{}.yaml", known.slug));
        let (year, month, day) = day;
        let message = format!("the review of `{id}` was due on {year}-{month:02}-{day:02}");
        faults
            .push(Fault::new(file, message).help("decide again whether it is shared, and set `next_review`"));
    }
    for note in snapshot.policies.notes().filter(|note| note.has_ended(today)) {
        let message = format!("the permit `{}` has ended: it permits nothing any more", note.id);
        faults.push(Fault::new(&*note.file, message).help("remove it, or set a later `@until`"));
    }
    faults.or(())
}

/// What a check of a folder found, as lines for people.
pub struct Checked(pub Vec<String>);

/// Builds a snapshot of a folder without putting it into force.
///
/// # Errors
/// Everything that is wrong with it, and what is overdue: reviews and permits whose day has passed. A
/// gateway serves on with these; whoever checks a folder is to mend them.
pub fn check(root: &Path, receipts: Receipts) -> Result<Checked, Faults> {
    let folder = Folder::read(root)?;
    let today = civil_date(Clock::start().now().unix_seconds());
    let snapshot = receipts.allow(Snapshot::build(&folder, None, today)?)?;
    overdue(&snapshot, today)?;
    let catalogue = &snapshot.catalogue;
    Ok(Checked(vec![
        format!("policies   {}", snapshot.policies.notes().count()),
        format!("datasets   {}", catalogue.datasets.len()),
        format!("routes     {}", catalogue.routes.routes().len()),
        format!("labels     {}", catalogue.labels.len()),
        format!("cases      {} hold", snapshot.cases),
        format!("digest     {}", snapshot.digest),
    ]))
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
