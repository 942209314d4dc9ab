//! An HTTP/1.1 load: so many keep-alive connections, each asking as fast as it is answered, or at a pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is asked, and how.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    /// The whole request, bytes on the wire.
    pub request: Arc<Vec<u8>>,
    /// TLS with a client certificate, where asked for.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    pub connections: usize,
    /// Requests a second of all connections together; none: as many as are answered.
    pub pace: Option<u32>,
    pub warm_up: Duration,
    pub measured: Duration,
}

impl Load {
    /// How often each connection asks.
    fn every(&self) -> Option<Duration> {
        self.pace.map(|pace| Duration::from_secs(1) * self.connections as u32 / pace)
    }
}

/// What came of it.
#[derive(Default, Debug)]
pub struct Outcome {
    pub answers: u64,
    pub failures: u64,
    pub first_failure: Option<String>,
    latencies_us: Vec<u32>,
}

impl Outcome {
    /// Latency in microseconds below which this share of the answers came.
    pub fn quantile_us(&mut self, share: f64) -> u32 {
        self.latencies_us.sort_unstable();
        let last = self.latencies_us.len().saturating_sub(1);
        self.latencies_us.get((last as f64 * share) as usize).copied().unwrap_or(0)
    }
}

/// Runs the load; `at_start` is called when the warm-up is over and `at_end` when measuring ends.
pub fn run(load: Load, at_start: impl FnOnce(), at_end: impl FnOnce()) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let start = Instant::now() + load.warm_up;
        let end = start + load.measured;
        let tasks: Vec<_> = (0..load.connections)
            .map(|number| tokio::task::spawn_local(connection(load.clone(), number, start, end)))
            .collect();
        tokio::time::sleep_until(start.into()).await;
        at_start();
        tokio::time::sleep_until(end.into()).await;
        at_end();
        let mut total = Outcome::default();
        for task in tasks {
            let part = task.await.expect("a load task does not panic");
            total.answers += part.answers;
            total.failures += part.failures;
            total.first_failure = total.first_failure.or(part.first_failure);
            total.latencies_us.extend(part.latencies_us);
        }
        total
    })
}

async fn connection(load: Load, number: usize, start: Instant, end: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(every) = load.every() {
        // So that not all of them ask in the same moment.
        tokio::time::sleep(every * number as u32 / load.connections as u32).await;
    }
    while Instant::now() < end {
        if let Err(error) = connected(&load, start, end, &mut outcome).await {
            outcome.failures += 1;
            outcome.first_failure.get_or_insert(error.to_string());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    outcome
}

async fn connected(load: &Load, start: Instant, end: Instant, outcome: &mut Outcome) -> std::io::Result<()> {
    let stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    match &load.tls {
        None => ask(stream, load, start, end, outcome).await,
        Some(config) => {
            let name = rustls_pki_types::ServerName::try_from("localhost").expect("a name");
            let stream = tokio_rustls::TlsConnector::from(config.clone()).connect(name, stream).await?;
            ask(stream, load, start, end, outcome).await
        }
    }
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    load: &Load,
    start: Instant,
    end: Instant,
    outcome: &mut Outcome,
) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(128 * 1024);
    let mut pace = load.every().map(tokio::time::interval);
    while Instant::now() < end {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let asked = Instant::now();
        stream.write_all(&load.request).await?;
        stream.flush().await?;
        answer(&mut stream, &mut buffer).await?;
        let answered = Instant::now();
        if asked >= start && answered < end {
            outcome.answers += 1;
            outcome.latencies_us.push((answered - asked).as_micros() as u32);
        }
    }
    Ok(())
}

/// Reads one whole answer with status 200; leaves the buffer empty.
async fn answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> std::io::Result<()> {
    buffer.clear();
    let head = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") {
        return Err(std::io::Error::other(text.lines().next().unwrap_or_default().to_owned()));
    }
    let length = text
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
    match length {
        Some(length) => {
            while buffer.len() < head + length {
                more(stream, buffer).await?;
            }
        }
        None => {
            while !buffer.ends_with(b"\r\n0\r\n\r\n") {
                more(stream, buffer).await?;
            }
        }
    }
    Ok(())
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> std::io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
