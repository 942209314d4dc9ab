//! Connections of sinks: TCP, and TLS where the address asks for it.
//!
//! Certificates and keys are read for each connection, so a renewed one is used without a restart, and
//! one that is bad stops the sink with its reason until it is mended.

use crate::config::settings::{ClientPair, SinkAddress, SinkTls};
use crate::secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What delivery needs of a connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a receiver, whose name was checked if it is TLS.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// The same for code that does not ask which it is.
    pub fn into_stream(self) -> Box<dyn Stream> {
        match self {
            Connection::Plain(stream) => Box::new(stream),
            Connection::Tls(stream) => stream,
        }
    }
}

/// Where a sink is.
#[derive(Clone)]
pub(super) struct Dial {
    address: SinkAddress,
}

impl Dial {
    /// Reads the certificates and the key once, so that a faulty one shows at the start.
    ///
    /// # Errors
    /// A file cannot be read, holds something else, or a key is readable by others than its owner.
    pub fn new(address: &SinkAddress) -> io::Result<Dial> {
        if let Some(tls) = &address.tls {
            ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
            connector(tls)?;
        }
        Ok(Dial { address: address.clone() })
    }

    /// Host and port, as in `Host`.
    pub fn authority(&self) -> String {
        let SinkAddress { host, port, .. } = &self.address;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Connects, and proves the receiver's name where it is TLS.
    pub async fn connect(&self) -> io::Result<Connection> {
        let Some(tls) = &self.address.tls else { return Ok(Connection::Plain(self.connect_tcp().await?)) };
        let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
        let (connector, stream) = (connector(tls)?, self.connect_tcp().await?);
        let stream = connector.connect(name, stream).await.map_err(|error| self.told(error))?;
        Ok(Connection::Tls(Box::new(stream)))
    }

    /// Connects and proves nothing.
    pub async fn connect_tcp(&self) -> io::Result<TcpStream> {
        let SinkAddress { host, port, .. } = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| self.told(error))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn told(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.authority()))
    }
}

fn odd(file: &Path, error: impl Display) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}

fn connector(tls: &SinkTls) -> io::Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&tls.ca_file)? {
        roots.add(certificate).map_err(|error| odd(&tls.ca_file, error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some(ClientPair { certificate_file, key_file }) => builder
            .with_client_auth_cert(certificates(certificate_file)?, private_key(key_file)?)
            .map_err(|error| odd(certificate_file, error))?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a PEM file; at least one.
fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| odd(file, error))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| odd(file, error))?;
    if all.is_empty() { Err(odd(file, "holds no certificate in PEM")) } else { Ok(all) }
}

/// The key of a PEM file that only its owner may read.
fn private_key(file: &Path) -> io::Result<PrivateKeyDer<'static>> {
    let metadata = std::fs::metadata(file).map_err(|error| odd(file, error))?;
    if let Some(mode) = secret::open_to_others(&metadata) {
        return Err(odd(file, format!("the private key can be read by others (mode {mode:03o})")));
    }
    // The error of a key file may quote it, so it is not shown.
    PrivateKeyDer::from_pem_file(file).map_err(|_| odd(file, "holds no private key in PEM"))
}
