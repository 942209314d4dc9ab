//! zhamen beside nginx, HAProxy and Envoy: the same upstream, the same load, one run.
//!
//! `cargo bench --bench peers` prints, for each body size, transport and number of connections, the
//! CPU time per request, the rate, the latencies and the memory of every peer, and the ratios that
//! the budget is stated in. Times depend on the machine; the ratios of one run are what counts.
//!
//! `benches/peers/install` puts the peers in place. Arguments after `--`: `quick` measures each three times
//! instead of five; `paced` asks all of them equally often instead of as often as each answers; `evidence`
//! compares durable with best-effort entries instead; any other word keeps only the cases and peers whose
//! name contains it.

mod configs;
mod evidence;
mod load;
mod process;
mod site;

use load::Load;
use process::Process;
use site::Bench;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Peer {
    Nginx,
    HaProxy,
    EnvoyBare,
    EnvoyJob,
    /// Identity, Cedar, quota, metrics and audit on L1 data that needs no masking.
    ZhamenOpen,
    /// The same, answered once its entry is durable.
    ZhamenDurable,
    /// The whole job with three masked fields of eight.
    ZhamenJob,
}

impl Peer {
    /// Those of the table.
    const ALL: [Peer; 6] =
        [Peer::Nginx, Peer::HaProxy, Peer::EnvoyBare, Peer::EnvoyJob, Peer::ZhamenOpen, Peer::ZhamenJob];

    fn name(self) -> &'static str {
        match self {
            Peer::Nginx => "nginx",
            Peer::HaProxy => "haproxy",
            Peer::EnvoyBare => "envoy-bare",
            Peer::EnvoyJob => "envoy-job",
            Peer::ZhamenOpen => "zhamen-open",
            Peer::ZhamenDurable => "zhamen-durable",
            Peer::ZhamenJob => "zhamen-job",
        }
    }
}

/// One setting all peers are measured in.
#[derive(Clone, Copy)]
struct Case {
    body: &'static str,
    tls: bool,
    connections: usize,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        for tls in [false, true] {
            for body in ["small", "large"] {
                for connections in [64, 1024] {
                    cases.push(Case { body, tls, connections });
                }
            }
        }
        // The memory budget is stated for this many TLS connections.
        cases.push(Case { body: "small", tls: true, connections: 512 });
        cases
    }

    fn name(&self) -> String {
        let transport = if self.tls { "mtls" } else { "tcp" };
        let body = if self.body == "small" { "1KiB" } else { "64KiB" };
        format!("{transport}-{body}-{}", self.connections)
    }
}

/// zhamen's threads beside the request path: the writer of the audit log, its publisher, the index of uses.
const EVIDENCE: [&str; 3] = ["audit", "audit-tree", "usage"];

/// What one peer did in one case.
struct Row {
    cpu_us: f64,
    /// Of it, what the threads took that write, publish and index the evidence.
    evidence_us: f64,
    rate: f64,
    p50_us: u32,
    p99_us: u32,
    rss_kib: u64,
    failures: u64,
    first_failure: Option<String>,
}

/// One setting measures every peer so many times, one after the other, and again: what else the machine
/// carries changes within minutes, and the middle one of each is taken.
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 3;
const MEASURED: Duration = Duration::from_secs(2);

/// Requests a second where all are asked equally often: what every peer but Envoy answers at a part of
/// what the machine has.
const PACE: u32 = 4_000;

/// How cases are measured.
#[derive(Clone, Copy)]
struct Manner {
    rounds: usize,
    pace: Option<u32>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_said = |wanted: &str| words.iter().any(|word| word == wanted);
    let manner = Manner {
        rounds: if is_said("quick") { QUICK_ROUNDS } else { ROUNDS },
        pace: is_said("paced").then_some(PACE),
    };
    let bench = Bench::set_up().unwrap_or_else(|error| fail(&error));
    if is_said("evidence") {
        return evidence::compare(&bench).unwrap_or_else(|error| fail(&error));
    }
    let filters: Vec<&String> =
        words.iter().filter(|word| !["quick", "paced"].contains(&word.as_str())).collect();
    let _upstream = bench.start_upstream().unwrap_or_else(|error| fail(&error));
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    let (cases, peers) = (Case::all().iter().map(Case::name).collect::<Vec<_>>(), Peer::ALL.map(named));
    for case in Case::all().into_iter().filter(|case| kept(&filters, &case.name(), &cases)) {
        println!(
            "\n{}\n{:<12} {:>9} {:>9} {:>10} {:>8} {:>8} {:>9}",
            case.name(),
            "peer",
            "cpu µs/rq",
            "evidence",
            "requests/s",
            "p50 µs",
            "p99 µs",
            "RSS KiB"
        );
        let among: Vec<Peer> =
            Peer::ALL.into_iter().filter(|peer| kept(&filters, peer.name(), &peers)).collect();
        let rounds = measured(&bench, &among, case, manner);
        for (peer, rows) in &rounds {
            print_row(*peer, middle(rows, |row| row.cpu_us));
        }
        ratios(&rounds, &mut worst);
    }
    println!(
        "\nworst ratio of all cases (budget: job/envoy-job 0.40, open/nginx 1.60; RSS at mtls-1KiB-512 65536 KiB)"
    );
    for (name, ratio) in worst {
        println!("  {name:<20} {ratio:.2}");
    }
}

fn named(peer: Peer) -> String {
    peer.name().to_owned()
}

/// Each peer's rounds, in order: one of each, and again.
fn measured(bench: &Bench, peers: &[Peer], case: Case, manner: Manner) -> BTreeMap<Peer, Vec<Row>> {
    let mut measured: BTreeMap<Peer, Vec<Row>> = BTreeMap::new();
    for peer in peers.iter().cycle().take(peers.len() * manner.rounds) {
        match measure(bench, *peer, case, manner.pace) {
            Ok(row) => measured.entry(*peer).or_default().push(row),
            Err(error) => println!("{:<12} not measured: {error}", peer.name()),
        }
    }
    measured
}

/// The one in the middle.
fn middle<T>(all: &[T], by: impl Fn(&T) -> f64) -> &T {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by(|one, other| by(one).total_cmp(&by(other)));
    sorted[sorted.len() / 2]
}

fn fail(error: &str) -> ! {
    eprintln!("{error}\nrun `benches/peers/install` first");
    std::process::exit(1);
}

/// A name is kept if no filter is about its kind, or one of them matches it.
fn kept(filters: &[&String], name: &str, kind: &[String]) -> bool {
    let about: Vec<_> =
        filters.iter().filter(|filter| kind.iter().any(|name| name.contains(filter.as_str()))).collect();
    about.is_empty() || about.iter().any(|filter| name.contains(filter.as_str()))
}

fn measure(bench: &Bench, peer: Peer, case: Case, pace: Option<u32>) -> Result<Row, String> {
    let process = bench.start(peer, case.tls)?;
    let load = Load {
        address: bench.address(),
        request: bench.request(peer, case.body).into(),
        tls: case.tls.then(|| bench.client_tls()),
        connections: case.connections,
        pace,
        warm_up: Duration::from_millis(1500),
        measured: MEASURED,
    };
    Ok(run(&process, load))
}

fn run(process: &Process, load: Load) -> Row {
    let (mut before, mut after, mut rss_kib) = ([0; 2], [0; 2], 0);
    let cpu_us = || [process.cpu_us(), process.cpu_us_of(&EVIDENCE)];
    let seconds = load.measured.as_secs_f64();
    let mut outcome = load::run(
        load,
        || before = cpu_us(),
        || {
            after = cpu_us();
            rss_kib = process.rss_kib();
        },
    );
    let [cpu_us, evidence_us] =
        [0, 1].map(|at| (after[at] - before[at]) as f64 / outcome.answers.max(1) as f64);
    Row {
        cpu_us,
        evidence_us,
        rate: outcome.answers as f64 / seconds,
        p50_us: outcome.quantile_us(0.5),
        p99_us: outcome.quantile_us(0.99),
        rss_kib,
        failures: outcome.failures,
        first_failure: outcome.first_failure.take(),
    }
}

fn print_row(peer: Peer, row: &Row) {
    let failures = match (row.failures, &row.first_failure) {
        (0, _) => String::new(),
        (count, first) => format!("  {count} failures, first: {}", first.as_deref().unwrap_or("unknown")),
    };
    println!(
        "{:<12} {:>9.1} {:>9.1} {:>10.0} {:>8} {:>8} {:>9}{failures}",
        peer.name(),
        row.cpu_us,
        row.evidence_us,
        row.rate,
        row.p50_us,
        row.p99_us,
        row.rss_kib
    );
}

/// The ratios of the budget, and the worst of them so far: each is taken within a round, whose peers had the
/// machine in the same state, and the one in the middle counts.
fn ratios(rounds: &BTreeMap<Peer, Vec<Row>>, worst: &mut BTreeMap<&'static str, f64>) {
    let all: fn(&Row) -> f64 = |row| row.cpu_us;
    for (name, ours, theirs, taken) in [
        ("job/envoy-job", Peer::ZhamenJob, Peer::EnvoyJob, all),
        ("job/nginx", Peer::ZhamenJob, Peer::Nginx, all),
        ("open/nginx", Peer::ZhamenOpen, Peer::Nginx, |row| row.cpu_us - row.evidence_us),
        ("open+evidence/nginx", Peer::ZhamenOpen, Peer::Nginx, all),
        ("open/haproxy", Peer::ZhamenOpen, Peer::HaProxy, all),
    ] {
        if let (Some(ours), Some(theirs)) = (rounds.get(&ours), rounds.get(&theirs)) {
            let pairs = ours.iter().zip(theirs);
            let each: Vec<f64> = pairs.map(|(ours, theirs)| taken(ours) / theirs.cpu_us.max(0.1)).collect();
            let ratio = *middle(&each, |ratio| *ratio);
            println!("  {name:<20} {ratio:.2}");
            let worst = worst.entry(name).or_insert(0.0);
            *worst = worst.max(ratio);
        }
    }
}
