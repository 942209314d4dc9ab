//! What the socket tests share: a runtime, certificates made on the spot, raw clients.
#![allow(dead_code, reason = "each test program uses a part")]

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zhamen::config::settings::{Limits, ListenerTls};
use zhamen::engine::reason::Cause;
use zhamen::net::body::Body;
use zhamen::net::connections::Connections;
use zhamen::net::drain::{Stop, drain};
use zhamen::net::listener::{Listener, bind};
use zhamen::net::outbox::Outbox;
use zhamen::net::peer::Peer;
use zhamen::net::tls::{TlsStore, provider};
use zhamen::net::upstream::settings::{EjectionSettings, EndpointSettings, RetrySettings, UpstreamSettings};
use zhamen::net::upstream::{Outbound, SharedUpstreams, Upstream, Upstreams};

/// Runs a test as a worker runs: one thread, tasks that need not be `Send`. Never for ever.
pub fn worker(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(30), test).await.expect("the test hangs");
    });
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Limits with which nothing goes wrong by itself.
pub fn limits() -> Limits {
    Limits {
        memory_budget_bytes: 64 * 1024 * 1024,
        connections_max: 1000,
        connections_per_peer_max: 1000,
        handshake_timeout: Duration::from_secs(5),
        header_timeout: Duration::from_secs(5),
        headers_max: 100,
        header_bytes_max: 16 * 1024,
        target_bytes_max: 4 * 1024,
        query_parameters_max: 100,
        streams_max: 100,
        body_bytes_max: 64 * 1024,
        body_timeout: Duration::from_secs(5),
        write_stall_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(20),
        answer_bytes_max: 16 * 1024 * 1024,
        answer_token_bytes_max: 64 * 1024,
        answer_ratio_max: 200,
        answer_depth_max: 64,
    }
}

/// A running listener.
pub struct Gateway {
    pub address: SocketAddr,
    pub stop: Stop,
    pub connections: Arc<Connections>,
    pub ended: JoinHandle<std::io::Result<()>>,
}

/// Starts a listener on a free port of this machine.
pub fn gateway<S, F>(limits: Limits, tls: Option<Arc<TlsStore>>, serve: S) -> Gateway
where
    S: Fn(Rc<Peer>, Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Body>> + 'static,
{
    let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let connections = Connections::new(limits.connections_max, limits.connections_per_peer_max);
    let (stop, drain) = drain();
    let listener = Listener::new(socket, tls, Arc::new(limits), connections.clone());
    tokio::task::spawn_local(Outbox::keep(listener.outbox()));
    let ended = tokio::task::spawn_local(listener.run(drain, serve));
    Gateway { address, stop, connections, ended }
}

/// A response of our own.
pub fn text(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    Response::builder().status(status).body(Body::Full(body.into())).unwrap()
}

/// Sends bytes and reads until the gateway closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_end(&mut stream).await
}

pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of the answers in a raw HTTP/1 stream.
pub fn statuses(stream: &str) -> Vec<u16> {
    stream.match_indices("HTTP/1.1 ").map(|(at, _)| stream[at + 9..at + 12].parse().unwrap()).collect()
}

/// A certificate and its key, in files.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub serial: u8,
}

/// A certificate authority whose files lie in a directory of the test.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
    pub file: PathBuf,
}

impl Ca {
    pub fn new(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = dir.join(format!("{name}.pem"));
        fs::write(&file, issuer.pem()).unwrap();
        Ca { issuer, dir: dir.to_owned(), file }
    }

    fn leaf(&self, name: &str, serial: u8, sans: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "not an identity");
        params.subject_alt_names = sans;
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: self.dir.join(format!("{name}.crt")),
            key: self.dir.join(format!("{name}.key")),
            serial,
        };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o600)).unwrap();
        pair
    }

    pub fn server(&self, name: &str, serial: u8, dns: &str) -> Pair {
        let sans = vec![SanType::DnsName(dns.try_into().unwrap())];
        self.leaf(name, serial, sans, ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn client(&self, name: &str, serial: u8) -> Pair {
        let uri = format!("spiffe://zhamen.demo/app/{name}");
        let sans = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        self.leaf(name, serial, sans, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A revocation list, due again at the start of `next_year`.
    pub fn crl(&self, revoked: &[&Pair], next_year: i32) -> PathBuf {
        let entry = |pair: &&Pair| RevokedCertParams {
            serial_number: SerialNumber::from(vec![pair.serial]),
            revocation_time: date_time_ymd(2024, 1, 2),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(next_year, 1, 1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let file = self.dir.join("ca.crl");
        fs::write(&file, list.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        file
    }
}

/// TLS of a listener that asks for client certificates of this authority.
pub fn listener_tls(ca: &Ca, server: &Pair) -> ListenerTls {
    ListenerTls {
        certificate_file: server.certificate.clone(),
        key_file: server.key.clone(),
        client_ca_file: Some(ca.file.clone()),
        crl_files: Vec::new(),
        client_certificate_required: false,
        crl_grace: Duration::from_secs(60),
    }
}

/// What a TLS client trusts, shows and speaks.
pub fn client_config(ca: &Ca, identity: Option<&Pair>, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&ca.file).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(pair) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(&pair.certificate).unwrap()],
                PrivateKeyDer::from_pem_file(&pair.key).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A TLS connection to the gateway under the name `gateway.test`.
pub async fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("gateway.test").unwrap();
    TlsConnector::from(config.clone()).connect(name, tcp).await
}

/// A client of either protocol.
pub enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Speaks what the handshake settled.
pub async fn client(stream: TlsStream<TcpStream>) -> Client {
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::task::spawn_local(connection);
        Client::Http2(sender)
    } else {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::task::spawn_local(connection);
        Client::Http1(sender)
    }
}

impl Client {
    pub async fn send(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(format!("https://gateway.test{path}"));
        match self {
            Client::Http1(sender) => {
                sender.ready().await?;
                let request = request.uri(path).header("host", "gateway.test");
                sender.send_request(request.body(Full::default()).unwrap()).await
            }
            Client::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request.body(Full::default()).unwrap()).await
            }
        }
    }

    /// Status and body of a `GET`.
    pub async fn get(&mut self, path: &str) -> hyper::Result<(u16, String)> {
        let answer = self.send(path).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// A scripted upstream: runs `serve` with the number of each connection, from 0.
pub struct Fake {
    pub address: SocketAddr,
    pub accepted: Rc<std::cell::Cell<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn fake<F>(serve: impl Fn(usize, TcpStream) -> F + 'static) -> Fake
where
    F: Future<Output = ()> + 'static,
{
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let accepted = Rc::new(std::cell::Cell::new(0));
    let count = accepted.clone();
    let task = tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let number = count.replace(count.get() + 1);
            tokio::task::spawn_local(serve(number, stream));
        }
    });
    Fake { address, accepted, task }
}

/// A port on which nobody listens.
pub fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Reads one request, body included; `None` at the end of the stream.
pub async fn read_request<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut request = Vec::new();
    let (mut head, mut length) = (usize::MAX, 0);
    while request.len() < head.saturating_add(length) {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            head = end + 4;
            let announced = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            length = announced.map_or(0, |digits| digits.parse().unwrap());
        }
    }
    Some(String::from_utf8(request).unwrap())
}

/// An answer with a length.
pub fn sized(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Closes with a reset.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Settings of an upstream with these endpoints, with which nothing goes wrong by itself.
pub fn upstream_settings(endpoints: &[SocketAddr]) -> UpstreamSettings {
    let endpoint =
        |address: &SocketAddr| EndpointSettings { host: address.ip().to_string(), port: address.port() };
    UpstreamSettings {
        name: "fake".to_owned(),
        endpoints: endpoints.iter().map(endpoint).collect(),
        tls: None,
        credentials: None,
        connect_timeout: ms(2000),
        first_byte_timeout: ms(2000),
        total_timeout: ms(10_000),
        idle_max: 8,
        idle_timeout: ms(10_000),
        headers_max: 50,
        header_bytes_max: 8 * 1024,
        health: None,
        ejection: EjectionSettings { failures: 0, ejected_for: ms(0) },
        retries: RetrySettings { max: 2, budget_percent: 10 },
    }
}

/// One worker's view of it.
pub fn upstream(settings: UpstreamSettings) -> Rc<Upstream> {
    let name = settings.name.clone();
    Upstreams::new(SharedUpstreams::build(vec![settings], None).unwrap(), Default::default())
        .get(&name)
        .unwrap()
}

pub fn outbound(method: &'static str, body: &'static str) -> Outbound {
    Outbound::new(method, "/v1/things?id=1").unwrap().with_body(body.into())
}

/// Forwards a `GET` and reads the answer whole.
pub async fn fetch(upstream: &Rc<Upstream>) -> Result<String, Cause> {
    exchange(upstream, outbound("GET", "")).await
}

pub async fn exchange(upstream: &Rc<Upstream>, request: Outbound) -> Result<String, Cause> {
    let mut answer = upstream.forward(&request).await?;
    let mut body = Vec::new();
    while let Some(bytes) = answer.body.next().await {
        body.extend_from_slice(&bytes?);
    }
    Ok(String::from_utf8(body).unwrap())
}
