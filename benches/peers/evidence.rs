//! What waiting for the durable entry costs: the same requests with and without, one after the other.
//!
//! `cargo bench --bench peers -- evidence`. Both sides answer the same open data and write the same
//! entries; `best effort` answers before its entry is on the disk. The rounds alternate, so that a slow
//! phase of the machine meets both; the medians of the rounds are compared.

use crate::load::Load;
use crate::site::Bench;
use crate::{MEASURED, Peer, Row, run};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Odd, so that a median is one of them.
const ROUNDS: usize = 5;
/// Longer than a sync of any disk that this is run on.
const SLOW: Duration = Duration::from_millis(30);
const SIDES: [Peer; 2] = [Peer::ZhamenOpen, Peer::ZhamenDurable];

/// The rounds of one side.
#[derive(Default)]
struct Rounds {
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
    p50_us: Vec<f64>,
    sync_us: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, row: &Row, sync_us: f64) {
        self.cpu_us.push(row.cpu_us);
        self.rate.push(row.rate);
        self.p50_us.push(f64::from(row.p50_us));
        self.sync_us.push(sync_us);
    }
}

/// Prints the table and the ratios of the budget.
pub fn compare(bench: &Bench) -> Result<(), String> {
    {
        let _upstream = bench.start_upstream()?;
        let [best_effort, durable] = measure(bench, 1024)?;
        let ratio = |of: fn(&Rounds) -> &Vec<f64>| median(of(&durable)) / median(of(&best_effort)).max(0.1);
        println!("  CPU a request         {:.2} (budget 1.15)", ratio(|rounds| &rounds.cpu_us));
        println!("  requests a second     {:.2} (budget 0.85)", ratio(|rounds| &rounds.rate));
        added(&measure(bench, 8)?, "two syncs", 2.0);
    }
    slow_upstream(bench.upstream())?;
    println!("\nan upstream of {} ms", SLOW.as_millis());
    added(&measure(bench, 8)?, "none", 0.0);
    Ok(())
}

fn added([best_effort, durable]: &[Rounds; 2], budget: &str, syncs: f64) {
    let added = median(&durable.p50_us) - median(&best_effort.p50_us);
    let sync = median(&durable.sync_us);
    println!(
        "  p50 added             {added:.0} µs, a sync takes {sync:.0} µs (budget {budget}: {:.0} µs)",
        syncs * sync
    );
}

fn measure(bench: &Bench, connections: usize) -> Result<[Rounds; 2], String> {
    println!(
        "\n{connections} connections\n{:<16} {:>9} {:>10} {:>8} {:>8}",
        "side", "cpu µs/rq", "requests/s", "p50 µs", "sync µs"
    );
    let mut sides = [Rounds::default(), Rounds::default()];
    for _ in 0..ROUNDS {
        for (peer, rounds) in SIDES.into_iter().zip(&mut sides) {
            let process = bench.start(peer, false)?;
            let warm_up = Duration::from_millis(1500);
            let request = bench.request(peer, "small").into();
            let load = Load {
                address: bench.address(),
                request,
                tls: None,
                connections,
                pace: None,
                warm_up,
                measured: MEASURED,
            };
            let row = run(&process, load);
            if row.failures > 0 {
                return Err(format!("{}: {}", peer.name(), row.first_failure.unwrap_or_default()));
            }
            rounds.add(&row, sync_us(bench.admin())?);
        }
    }
    for (peer, rounds) in SIDES.into_iter().zip(&sides) {
        let [cpu, rate, p50, sync] =
            [&rounds.cpu_us, &rounds.rate, &rounds.p50_us, &rounds.sync_us].map(|values| median(values));
        println!("{:<16} {cpu:>9.1} {rate:>10.0} {p50:>8.0} {sync:>8.0}", peer.name());
    }
    Ok(sides)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// What the last sync of the log took, as the metrics say.
fn sync_us(admin: SocketAddr) -> Result<f64, String> {
    let mut text = String::new();
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(admin)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|error| format!("{admin}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("zhamen_audit_fsync_seconds "));
    let seconds: Option<f64> = line.and_then(|value| value.trim().parse().ok());
    seconds.map(|seconds| seconds * 1e6).ok_or_else(|| "no zhamen_audit_fsync_seconds".into())
}

/// Answers everything after a while, until the process ends. Threads will do for so few connections.
fn slow_upstream(address: SocketAddr) -> Result<(), String> {
    // The upstream before it, which was told to end, may hold the port for a moment.
    let began = Instant::now();
    let listener = loop {
        match TcpListener::bind(address) {
            Ok(listener) => break listener,
            Err(error) if began.elapsed() > Duration::from_secs(5) => {
                return Err(format!("{address}: {error}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_slowly(stream));
        }
    });
    Ok(())
}

fn answer_slowly(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        asked.extend_from_slice(&buffer[..count]);
        if count == 0 {
            return Ok(());
        }
        if asked.ends_with(b"\r\n\r\n") {
            asked.clear();
            std::thread::sleep(SLOW);
            stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            )?;
        }
    }
}
