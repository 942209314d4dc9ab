//! Fetching key sets over HTTP, on one thread beside the workers.
//!
//! Only configured URLs are ever fetched, never one that a token names. Redirects are not followed,
//! the answer is bounded in size and time, and plain `http` is for loopback addresses only.
//!
//! ```
//! use zhamen::identity::fetch::Endpoint;
//! assert!(Endpoint::new("http://127.0.0.1:9700/jwks.json", None).is_ok());
//! assert!(Endpoint::new("http://idp.example/jwks.json", None).is_err());
//! ```

use super::keys::KeyFault;
use super::keystore::{KeyStore, SET_BYTES_MAX};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

/// One fetch, from the name look-up to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The shortest pause that an answer's `Cache-Control` can ask for, unless `refresh` is shorter still.
const REFRESH_MIN: Duration = Duration::from_secs(60);

/// The first pause after a failed fetch; it doubles, up to the refresh interval.
const RETRY_FIRST: Duration = Duration::from_secs(5);

/// Where the operating system keeps its certificate authorities, by distribution.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A URL that key sets come from, checked.
#[derive(Clone)]
pub struct Endpoint {
    host: String,
    port: u16,
    authority: String,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Endpoint {
    /// Checks a URL and loads the authorities it is trusted by.
    ///
    /// # Errors
    /// Says in words what is wrong with the URL or the file.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "this is not a URL".to_owned())?;
        let authority = uri.authority().ok_or("the URL names no host")?.as_str().to_owned();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if authority.contains('@') || host.is_empty() {
            return Err("the URL must name a host and no user".to_owned());
        }
        let (default_port, tls) = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| "the host is not a name")?;
                (443, Some((connector(ca_file)?, name)))
            }
            Some("http") if is_loopback(&host) => (80, None),
            Some("http") => return Err("plain http is for loopback addresses only".to_owned()),
            _ => return Err("the scheme must be https".to_owned()),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Endpoint { port: uri.port_u16().unwrap_or(default_port), host, authority, path, tls })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let system = || SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists());
    let path = ca_file.or_else(system).ok_or("no ca_file is given and the system has no authorities")?;
    let mut roots = rustls::RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("{}: {error}", path.display()))?;
        // System bundles may hold authorities that webpki does not read; those trust nobody.
        let added = roots.add(certificate);
        if ca_file.is_some() {
            added.map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    if roots.is_empty() {
        return Err(format!("{}: no certificate in it", path.display()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Fetches one document, waiting for it: for commands, which have no runtime.
///
/// # Errors
/// In words, without the URL.
pub fn once(endpoint: &Endpoint, accept: &'static str, bytes_max: usize) -> Result<Bytes, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let fetched = runtime.map_err(|error| error.to_string())?.block_on(fetch(endpoint, accept, bytes_max));
    let fetched = fetched.map(|fetched| fetched.bytes);
    fetched.map_err(|fault| format!("it could not be fetched: {fault}"))
}

/// What key sets are asked for as.
const KEY_SETS: &str = "application/jwk-set+json, application/json";

/// A fetched document, and for how long it says that it is fresh, if it does.
#[derive(Debug)]
struct Fetched {
    bytes: Bytes,
    fresh: Option<Duration>,
}

/// What `Cache-Control` and `Age` leave of an answer's freshness (RFC 9111, sections 4.2.1 and 5.2.2); zero where
/// it may not be kept, or says so in a way that cannot be read.
fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().map(|value| value.to_str().unwrap_or("no-store"));
    let directive = |text: &str| -> Option<u64> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(0),
            "max-age" => Some(value.trim().trim_matches('"').parse().unwrap_or(0)),
            _ => None,
        }
    };
    let seconds = values.flat_map(|value| value.split(',')).filter_map(directive).min()?;
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
    Some(Duration::from_secs(seconds.saturating_sub(age)))
}

/// How long a good set rests: `refresh`, or shorter where the set itself says so.
fn rest(refresh: Duration, fresh: Option<Duration>) -> Duration {
    fresh.map_or(refresh, |fresh| fresh.clamp(REFRESH_MIN.min(refresh), refresh))
}

/// Fetches one document.
async fn fetch(endpoint: &Endpoint, accept: &'static str, bytes_max: usize) -> Result<Fetched, KeyFault> {
    let request = Request::get(endpoint.path.as_str())
        .header(HOST, endpoint.authority.as_str())
        .header(ACCEPT, accept)
        .body(Full::default())
        .map_err(|_| KeyFault::Unreadable)?;
    let (status, fetched) = exchange(endpoint, request, bytes_max).await?;
    if status == StatusCode::OK { Ok(fetched) } else { Err(KeyFault::Status) }
}

/// Posts a text, and gives the status and the body of the answer, bounded as key sets are.
///
/// # Errors
/// The other side cannot be reached in time, or does not answer in HTTP.
pub(crate) async fn post(endpoint: &Endpoint, body: String) -> Result<(u16, Bytes), KeyFault> {
    let request = Request::post(endpoint.path.as_str())
        .header(HOST, endpoint.authority.as_str())
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::from(body))
        .map_err(|_| KeyFault::Unreadable)?;
    let (status, answer) = exchange(endpoint, request, SET_BYTES_MAX).await?;
    Ok((status.as_u16(), answer.bytes))
}

async fn exchange(
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
    bytes_max: usize,
) -> Result<(StatusCode, Fetched), KeyFault> {
    let whole = async {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
        let stream = stream.map_err(|_| KeyFault::Unreadable)?;
        match &endpoint.tls {
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(|_| KeyFault::Tls)?;
                ask(request, stream, bytes_max).await
            }
            // `localhost` is only a name: what it led to counts.
            None if stream.peer_addr().as_ref().map(SocketAddr::ip).is_ok_and(|ip| ip.is_loopback()) => {
                ask(request, stream, bytes_max).await
            }
            None => Err(KeyFault::Tls),
        }
    };
    tokio::time::timeout(FETCH_TIMEOUT, whole).await.unwrap_or(Err(KeyFault::Timeout))
}

async fn ask(
    request: Request<Full<Bytes>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    bytes_max: usize,
) -> Result<(StatusCode, Fetched), KeyFault> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| KeyFault::Unreadable)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|_| KeyFault::Unreadable)?;
        let (status, fresh) = (answer.status(), freshness(answer.headers()));
        let body = Limited::new(answer.into_body(), bytes_max).collect().await;
        body.map(|body| (status, Fetched { bytes: body.to_bytes(), fresh })).map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                KeyFault::TooLarge
            } else {
                KeyFault::Unreadable
            }
        })
    };
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answered = &mut answer => answered,
        // The connection may end before the last bytes of the answer are taken.
        _ = &mut connection => answer.await,
    }
}

async fn keep_fresh(endpoint: Endpoint, store: Arc<KeyStore>, refresh: Duration, epoch: Instant) {
    let mut retry = RETRY_FIRST;
    loop {
        let now = || u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        let fetched = match fetch(&endpoint, KEY_SETS, SET_BYTES_MAX).await {
            Ok(Fetched { bytes, fresh }) => store.accept(&bytes, now()).map(|()| fresh),
            Err(fault) => {
                store.note(fault);
                Err(fault)
            }
        };
        let pause = match fetched {
            Ok(fresh) => {
                retry = RETRY_FIRST;
                rest(refresh, fresh)
            }
            Err(_) => {
                let pause = retry.min(refresh);
                retry = pause.saturating_mul(2);
                pause
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = store.wanted.notified() => {}
        }
    }
}

/// One key set to keep fresh.
pub(super) struct Job {
    pub endpoint: Endpoint,
    pub store: Arc<KeyStore>,
    pub refresh: Duration,
}

/// The thread that fetches. It ends when this is dropped.
#[derive(Debug)]
pub struct Refresher {
    stop: Arc<Notify>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Refresher {
    pub(super) fn spawn(jobs: Vec<Job>, epoch: Instant) -> std::io::Result<Self> {
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let thread = std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            for job in jobs {
                runtime.spawn(keep_fresh(job.endpoint, job.store, job.refresh, epoch));
            }
            runtime.block_on(stopped.notified());
            // A name look-up that hangs must not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Refresher { stop, thread: Some(thread) })
    }

    /// Whether the thread still runs; it ends by itself only by a panic.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic over there was already reported by its own hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn an_answer_says_how_long_it_is_fresh() {
        for (lines, expect) in [
            (&[][..], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "public, max-age=600")], Some(600)),
            (&[("cache-control", "Max-Age=\"600\", must-revalidate")], Some(600)),
            (&[("cache-control", "max-age=600"), ("age", "100")], Some(500)),
            (&[("cache-control", "max-age=600"), ("age", "700")], Some(0)),
            (&[("cache-control", "max-age=600"), ("age", "old")], Some(600)),
            (&[("cache-control", "max-age=600"), ("cache-control", "max-age=60")], Some(60)),
            (&[("cache-control", "max-age=600, no-cache")], Some(0)),
            (&[("cache-control", "no-store")], Some(0)),
            (&[("cache-control", "max-age=-1")], Some(0)),
            (&[("cache-control", "max-age")], Some(0)),
            (&[("cache-control", "s-maxage=5")], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            assert_eq!(freshness(&headers), expect.map(Duration::from_secs), "{lines:?}");
        }
    }

    #[test]
    fn it_shortens_the_rest_within_bounds() {
        for (refresh, fresh, expect) in [
            (300, None, 300),
            (300, Some(120), 120),
            (300, Some(86_400), 300),
            (300, Some(0), 60),
            (30, Some(0), 30),
            (30, Some(3600), 30),
        ] {
            let seconds = Duration::from_secs;
            assert_eq!(rest(seconds(refresh), fresh.map(seconds)), seconds(expect), "{refresh} {fresh:?}");
        }
    }

    #[test]
    fn a_fetch_brings_both() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=90\r\nContent-Length: 2\r\n\r\n{}")
                .unwrap();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fetched =
            runtime.block_on(fetch(&Endpoint::new(&url, None).unwrap(), KEY_SETS, SET_BYTES_MAX)).unwrap();
        assert_eq!((&fetched.bytes[..], fetched.fresh), (&b"{}"[..], Some(Duration::from_secs(90))));
        server.join().unwrap();
    }
}
