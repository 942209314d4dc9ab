//! The state of the defence as Prometheus sees it.
//!
//! Labels come from closed sets only: the vocabularies, and the names in the catalogue. Never a
//! path, a principal or a value. A worker keeps the counters it has used ([`WorkerMetrics`]), so a
//! request touches no lock and builds no label.
//!
//! ```
//! let metrics = zhamen::ops::metrics::Metrics::new().unwrap();
//! metrics.panics.inc();
//! assert!(metrics.render(false).contains("zhamen_panics_total 1"));
//! assert!(metrics.render(true).ends_with("# EOF\n"));
//! ```

use crate::engine::evidence::Decision;
use crate::engine::identifier::Kind;
use crate::engine::reason::Reason;
use crate::engine::terms::{DisclosureMode, RiskTier};
use foldhash::HashMap;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::cell::RefCell;
use std::sync::Arc;

/// Latency buckets in seconds: from a memo hit to a slow upstream.
const SECONDS: &[f64] = &[
    0.000_005, 0.000_02, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// Declares the families: a member of [`Metrics`] each, with name, help and labels.
macro_rules! families {
    ($($(#[$doc:meta])* $member:ident: $kind:ident = $make:ident($($argument:expr),+);)+) => {
        /// All families of this process.
        pub struct Metrics {
            registry: Registry,
            $($(#[$doc])* pub $member: $kind,)+
        }

        impl Metrics {
            /// Registers every family.
            ///
            /// # Errors
            /// Only when two families share a name, which is a defect of this file.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                let metrics = Metrics { $($member: $make(&registry, $($argument),+)?,)+ registry };
                metrics.describe_build()?;
                Ok(metrics)
            }
        }
    };
}

families! {
    requests: IntCounterVec = counters(
        "zhamen_requests_total",
        "Requests answered, by providing department, dataset, decision and reason.",
        &["department", "dataset", "decision", "reason"]);
    disclosures: IntCounterVec = counters(
        "zhamen_disclosures_total", "Labels answered for, by label and the mode they were shown in.", &["label", "mode"]);
    /// The upstream has drifted from the catalogue.
    dropped: IntCounterVec = counters(
        "zhamen_dropped_fields_total", "Fields without a label that were left out of answers.", &["dataset"]);
    lookalikes: IntCounterVec = counters(
        "zhamen_lookalike_fields_total", "Those among them whose name looks like one in the catalogue: another case, width or spelling, characters that are not seen.", &["dataset"]);
    drift_templates: IntGaugeVec = gauges(
        "zhamen_drift_templates", "Places of fields without a label seen under the snapshot in force; /admin/v1/drift names them.", &["dataset"]);
    drift_beyond: IntGaugeVec = gauges(
        "zhamen_drift_unlisted", "Sightings of such fields for which the listing had no room.", &["dataset"]);
    detector_values: IntCounterVec = counters(
        "zhamen_detector_values_total", "Values that leave as they are and were looked at for identifiers; zhamen_identifiers_found_total are those found.", &["dataset"]);
    identifiers_found: IntCounterVec = counters(
        "zhamen_identifiers_found_total", "Identifiers found in values that leave as they are and whose label says nothing of them.", &["dataset", "label", "kind"]);
    records: IntCounterVec = counters("zhamen_records_total", "Records given.", &["dataset"]);
    subjects: IntCounterVec = counters(
        "zhamen_subjects_total", "Different persons and bodies told of, summed by answer.", &["dataset"]);
    decision_seconds: Histogram = histogram("zhamen_decision_duration_seconds", "Time that identity and policy took.");
    upstream_seconds: Histogram = histogram("zhamen_upstream_duration_seconds", "Time until the upstream's first byte.");
    added_seconds: Histogram = histogram(
        "zhamen_added_duration_seconds", "Time until the head of the answer, less the upstream's: what the gateway added.");
    quota_refusals: IntCounterVec = counters("zhamen_quota_refusals_total", "Requests over quota, by scope.", &["scope"]);
    quota_keys: IntGaugeVec = gauges("zhamen_quota_keys", "Quota keys remembered, by scope.", &["scope"]);
    tier_callers: IntGaugeVec = gauges("zhamen_tier_callers", "Callers in each risk tier.", &["tier"]);
    tier_changes: IntCounterVec = counters("zhamen_tier_changes_total", "Changes of tier, by the tier entered.", &["tier"]);
    policy_info: IntGaugeVec = gauges("zhamen_policy_info", "The snapshot in force, by its digest.", &["digest"]);
    policy_revision: IntGauge = gauge("zhamen_policy_revision", "Snapshots that came into force since the start.");
    policy_reload_ok: IntGauge = gauge("zhamen_policy_reload_ok", "1 if the policies folder as it is now is in force.");
    policy_reloads: IntCounterVec = counters("zhamen_policy_reloads_total", "Reloads by result.", &["result"]);
    policy_loaded_at: Gauge = seconds("zhamen_policy_loaded_timestamp_seconds", "When the snapshot came into force.");
    policy_errors: IntCounterVec = counters(
        "zhamen_policy_errors_total", "Requests denied because a policy could not be evaluated, by policy.", &["policy"]);
    tls_reload_ok: IntGauge = gauge("zhamen_tls_reload_ok", "1 if the certificate files as they are now are in use.");
    tls_expires_at: Gauge = seconds("zhamen_tls_expiry_timestamp_seconds", "When the server certificate expires.");
    crl_stale: IntGauge = gauge("zhamen_crl_stale", "1 if a revocation list is past its next update.");
    keys_fetched_at: GaugeVec = gauge_vec(
        "zhamen_jwks_loaded_timestamp_seconds", "When each issuer's key set was last loaded.", &["issuer"]);
    audit_ok: IntGauge = gauge("zhamen_audit_ok", "1 if the audit log can be written.");
    audit_queue: IntGauge = gauge("zhamen_audit_queue_entries", "Places of the audit queue that are taken.");
    audit_entries: IntGauge = gauge("zhamen_audit_last_seq", "Sequence number of the newest durable entry.");
    audit_fsync_seconds: Gauge = seconds("zhamen_audit_fsync_seconds", "What the last sync of the audit log took.");
    audit_lag_seconds: Gauge = seconds("zhamen_audit_lag_seconds", "Age of the oldest entry that is not durable.");
    audit_disk_low: IntGauge = gauge("zhamen_audit_disk_low", "1 if the audit log's disk is nearly full.");
    audit_tree_ok: IntGauge = gauge("zhamen_audit_tree_ok", "1 if tiles and checkpoint of the audit log can be written.");
    audit_checkpoint: IntGauge = gauge("zhamen_audit_checkpoint_entries", "Entries that the newest checkpoint covers.");
    audit_checkpoint_lag: IntGauge = gauge(
        "zhamen_audit_checkpoint_lag_entries", "Durable entries that the newest checkpoint does not cover yet.");
    witness_ok: IntGaugeVec = gauges(
        "zhamen_audit_witness_ok", "1 if the witness has taken what it was last given; `file` is the witness file.", &["witness"]);
    witness_lag: IntGaugeVec = gauges(
        "zhamen_audit_witness_lag_entries", "Entries of the newest checkpoint that the witness has not seen.", &["witness"]);
    usage_index_ok: IntGauge = gauge("zhamen_usage_index_ok", "1 if the index of uses follows the audit log.");
    usage_index_lag: IntGauge = gauge(
        "zhamen_usage_index_lag_entries", "Durable entries that the index of uses does not cover yet.");
    usage_index_bytes: IntGauge = gauge("zhamen_usage_index_bytes", "What the index of uses takes on the disk.");
    usage_index_rebuilds: IntGauge = gauge(
        "zhamen_usage_index_rebuilds", "How often the index of uses was built anew since the start.");
    sink_ok: IntGaugeVec = gauges("zhamen_audit_sink_ok", "1 if the last attempt of the sink was acknowledged.", &["sink"]);
    sink_lag: IntGaugeVec = gauges(
        "zhamen_audit_sink_lag_entries", "Durable entries that the sink has not acknowledged.", &["sink"]);
    sink_delivered: IntGaugeVec = gauges(
        "zhamen_audit_sink_delivered_entries", "Entries that the sink acknowledged since the start.", &["sink"]);
    sink_failures: IntGaugeVec = gauges(
        "zhamen_audit_sink_failed_attempts", "Attempts that failed since the start.", &["sink"]);
    sink_rejected: IntGaugeVec = gauges(
        "zhamen_audit_sink_rejected_entries", "Entries that the receiver took and threw away, as it said.", &["sink"]);
    connections_open: IntGauge = gauge("zhamen_connections_open", "Downstream connections open.");
    requests_deferred: IntCounter = counter(
        "zhamen_requests_deferred_total", "Requests that waited for others to end before they were begun.");
    connections: IntCounterVec = counters(
        "zhamen_connections_total", "Downstream connections, by what became of them.", &["event"]);
    upstream_up: IntGaugeVec = gauges(
        "zhamen_upstream_endpoint_up", "1 if the endpoint is healthy and not ejected.", &["upstream", "endpoint"]);
    panics: IntCounter = counter("zhamen_panics_total", "Requests whose handling panicked.");
}

impl Metrics {
    fn describe_build(&self) -> Result<(), prometheus::Error> {
        let build = gauges(&self.registry, "zhamen_build_info", "The version that runs.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(process))?;
        for tier in RiskTier::ALL {
            self.tier_callers.with_label_values(&[tier.code()]).set(0);
        }
        Ok(())
    }

    /// The page that a scrape reads: Prometheus text 0.0.4, or OpenMetrics 1.0.
    pub fn render(&self, open_metrics: bool) -> String {
        let mut page = String::new();
        if TextEncoder::new().encode_utf8(&self.registry.gather(), &mut page).is_err() {
            return String::new();
        }
        if open_metrics { to_open_metrics(&page) } else { page }
    }
}

/// The two formats differ here in this only: a counter's family is named without `_total`.
fn to_open_metrics(page: &str) -> String {
    let mut out = String::with_capacity(page.len() + 8);
    for line in page.lines() {
        let is_counter = line.starts_with("# TYPE ") && line.ends_with("_total counter");
        let is_help = line.starts_with("# HELP ")
            && line.split(' ').nth(2).is_some_and(|name| name.ends_with("_total"));
        if is_counter || is_help {
            out.push_str(&line.replacen("_total ", " ", 1));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out.push_str("# EOF\n");
    out
}

fn counter(r: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let family = IntCounter::new(name, help)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn counters(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let family = IntCounterVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn gauges(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let family = IntGaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn gauge_vec(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let family = GaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn gauge(r: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let family = IntGauge::new(name, help)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn seconds(r: &Registry, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
    let family = Gauge::new(name, help)?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

fn histogram(r: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let family = Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()))?;
    r.register(Box::new(family.clone()))?;
    Ok(family)
}

/// One finished request, as far as it is counted.
pub struct RequestSummary<'a> {
    /// Providing department and dataset; empty where the request named none.
    pub department: &'a str,
    pub dataset: &'a str,
    pub decision: Decision,
    /// None for an answer that was given whole.
    pub reason: Option<Reason>,
    pub decision_us: Option<u64>,
    pub upstream_us: Option<u64>,
    pub added_us: Option<u64>,
    /// Label and mode of each label that was answered for.
    pub modes: &'a mut dyn Iterator<Item = (&'a str, DisclosureMode)>,
}

/// The counters one worker has used.
pub struct WorkerMetrics {
    metrics: Arc<Metrics>,
    cells: RefCell<Cells>,
}

/// Counters of one dataset by decision and reason.
type ByOutcome = HashMap<(Decision, Option<Reason>), IntCounter>;

/// Remembered children, found by name: names live in the catalogue, so there are few.
#[derive(Default)]
struct Cells {
    requests: HashMap<Box<str>, ByOutcome>,
    disclosures: HashMap<Box<str>, [Option<IntCounter>; DisclosureMode::ALL.len()]>,
    /// Records and subjects, by dataset.
    given: HashMap<Box<str>, [IntCounter; 2]>,
}

impl WorkerMetrics {
    /// Counters of one worker over the shared families.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        WorkerMetrics { metrics, cells: RefCell::default() }
    }

    /// The shared families.
    pub fn shared(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts one finished request.
    pub fn request(&self, summary: RequestSummary<'_>) {
        let cells = &mut *self.cells.borrow_mut();
        self.count(cells, &summary);
        for (label, mode) in summary.modes {
            self.disclosed(cells, label, mode);
        }
        observe(&self.metrics.decision_seconds, summary.decision_us);
        observe(&self.metrics.upstream_seconds, summary.upstream_us);
        observe(&self.metrics.added_seconds, summary.added_us);
    }

    /// Counts fields that no label covers, and those among them that look like one that a label does.
    pub fn dropped(&self, dataset: &str, fields: u64, lookalikes: u64) {
        for (family, count) in [(&self.metrics.dropped, fields), (&self.metrics.lookalikes, lookalikes)] {
            if count > 0 {
                family.with_label_values(&[dataset]).inc_by(count);
            }
        }
    }

    /// Counts values that were looked at before they left.
    pub fn looked_at(&self, dataset: &str, values: u64) {
        if values > 0 {
            self.metrics.detector_values.with_label_values(&[dataset]).inc_by(values);
        }
    }

    /// Counts what one answer gave.
    pub fn answered(&self, dataset: &str, records: u64, subjects: Option<u64>) {
        let cells = &mut *self.cells.borrow_mut();
        if !cells.given.contains_key(dataset) {
            let families = [&self.metrics.records, &self.metrics.subjects];
            cells.given.insert(dataset.into(), families.map(|family| family.with_label_values(&[dataset])));
        }
        if let Some([given, told_of]) = cells.given.get(dataset) {
            given.inc_by(records);
            told_of.inc_by(subjects.unwrap_or(0));
        }
    }

    /// Counts identifiers found where none belong; whether they are the first of their place and kind.
    pub fn found(&self, dataset: &str, label: &str, kind: Kind, values: u64) -> bool {
        let counter = self.metrics.identifiers_found.with_label_values(&[dataset, label, kind.code()]);
        let first = counter.get() == 0;
        counter.inc_by(values);
        first
    }

    fn count(&self, cells: &mut Cells, summary: &RequestSummary<'_>) {
        let outcome = (summary.decision, summary.reason);
        if let Some(cell) = cells.requests.get(summary.dataset).and_then(|by| by.get(&outcome)) {
            return cell.inc();
        }
        let reason = summary.reason.map_or("", Reason::code);
        let labels = [summary.department, summary.dataset, summary.decision.code(), reason];
        let cell = self.metrics.requests.with_label_values(&labels);
        cell.inc();
        cells.requests.entry(summary.dataset.into()).or_default().insert(outcome, cell);
    }

    fn disclosed(&self, cells: &mut Cells, label: &str, mode: DisclosureMode) {
        let place = mode as usize;
        if let Some(Some(cell)) = cells.disclosures.get(label).map(|by| &by[place]) {
            return cell.inc();
        }
        let cell = self.metrics.disclosures.with_label_values(&[label, mode.code()]);
        cell.inc();
        cells.disclosures.entry(label.into()).or_default()[place] = Some(cell);
    }
}

fn observe(histogram: &Histogram, micros: Option<u64>) {
    if let Some(micros) = micros {
        histogram.observe(micros as f64 / 1e6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(worker: &WorkerMetrics) {
        let mut modes = [("name", DisclosureMode::Partial)].iter().copied();
        worker.request(RequestSummary {
            department: "d",
            dataset: "marriage",
            decision: Decision::AllowPartial,
            reason: None,
            decision_us: Some(3),
            upstream_us: None,
            added_us: Some(20),
            modes: &mut modes,
        });
    }

    #[test]
    fn a_request_counts_once_in_each_family() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let worker = WorkerMetrics::new(metrics.clone());
        for _ in 0..2 {
            count(&worker);
        }
        let page = metrics.render(false);
        for line in [
            "zhamen_requests_total{dataset=\"marriage\",decision=\"ALLOW_PARTIAL\",department=\"d\",reason=\"\"} 2",
            "zhamen_disclosures_total{label=\"name\",mode=\"PARTIAL\"} 2",
            "zhamen_decision_duration_seconds_count 2",
            "zhamen_upstream_duration_seconds_count 0",
        ] {
            assert!(page.contains(line), "{line} not in\n{page}");
        }
    }

    #[test]
    fn open_metrics_names_counter_families_without_their_suffix() {
        let page =
            to_open_metrics("# HELP a_total x\n# TYPE a_total counter\na_total 1\n# TYPE b gauge\nb 2\n");
        assert_eq!(page, "# HELP a x\n# TYPE a counter\na_total 1\n# TYPE b gauge\nb 2\n# EOF\n");
    }
}
