//! A caller: TLS with an application's certificate, a bearer token, one request a connection.

use super::scenarios::Step;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const ANSWER_BYTES_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{path}: {message}")]
    File { path: PathBuf, message: String },
    #[error("cannot use the credentials of {application}: {source}")]
    Credentials { application: &'static str, source: rustls::Error },
    #[error("cannot reach the gateway at {address}: {source}")]
    Connect { address: SocketAddr, source: std::io::Error },
    #[error("the request was not answered: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the answer could not be read: {0}")]
    Body(String),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    pub status: u16,
    /// In order; values that are not text are shown with replacements.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Exchange {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All callers of the demo, with the credentials of one folder.
#[derive(Debug)]
pub struct Callers<'a> {
    dir: &'a Path,
    address: SocketAddr,
    roots: Arc<rustls::RootCertStore>,
    tls: HashMap<&'static str, Arc<rustls::ClientConfig>>,
}

impl<'a> Callers<'a> {
    /// Callers of the gateway at this address.
    ///
    /// # Errors
    /// When the authority's certificate cannot be read.
    pub fn new(dir: &'a Path, address: SocketAddr) -> Result<Self, CallError> {
        let path = dir.join("certs/ca.pem");
        let authority = CertificateDer::from_pem_file(&path).map_err(file(&path))?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority).map_err(file(&path))?;
        Ok(Callers { dir, address, roots: Arc::new(roots), tls: HashMap::new() })
    }

    /// Sends the step's request.
    ///
    /// # Errors
    /// When no whole answer came: refusals of the gateway are answers.
    pub async fn ask(&mut self, step: &Step) -> Result<Exchange, CallError> {
        let config = self.config(step.application)?;
        let request = self.request(step)?;
        tokio::time::timeout(PATIENCE, exchange(self.address, config, request))
            .await
            .map_err(|_| CallError::Slow)?
    }

    fn config(&mut self, application: &'static str) -> Result<Arc<rustls::ClientConfig>, CallError> {
        if let Some(config) = self.tls.get(application) {
            return Ok(config.clone());
        }
        let failed = |source| CallError::Credentials { application, source };
        let path = self.dir.join(format!("certs/{application}.pem"));
        let certificate = CertificateDer::from_pem_file(&path).map_err(file(&path))?;
        let path = self.dir.join(format!("certs/{application}.key"));
        let key = PrivateKeyDer::from_pem_file(&path).map_err(file(&path))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(vec![certificate], key)
            .map_err(failed)?;
        let config = Arc::new(config);
        self.tls.insert(application, config.clone());
        Ok(config)
    }

    fn request(&self, step: &Step) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder()
            .method(step.method)
            .uri(step.path)
            .header(header::HOST, format!("localhost:{}", self.address.port()))
            .header(header::ACCEPT, "application/json");
        if let Some(token) = step.token {
            let path = self.dir.join(format!("tokens/{token}.jwt"));
            let token = std::fs::read_to_string(&path).map_err(file(&path))?;
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        if step.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(Bytes::from_static(step.body.unwrap_or_default().as_bytes())))?)
    }
}

async fn exchange(
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
    request: Request<Full<Bytes>>,
) -> Result<Exchange, CallError> {
    let unreachable = |source| CallError::Connect { address, source };
    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
    let name = ServerName::IpAddress(address.ip().into());
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.map_err(unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| CallError::Body(error.to_string()))?.to_bytes().to_vec();
    connection.abort();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Exchange { status: head.status.as_u16(), headers: headers.collect(), body })
}

fn file<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> CallError {
    let path = path.to_owned();
    move |error| CallError::File { path, message: error.to_string() }
}
