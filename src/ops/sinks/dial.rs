//! Connections of sinks: TCP, and TLS where the address asks for it.

use crate::config::settings::SinkAddress;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What delivery needs of a connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a sink is, ready to be connected to.
#[derive(Clone)]
pub(super) struct Dial {
    pub host: String,
    pub port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dial {
    /// Reads the CA file where there is one.
    pub fn new(address: &SinkAddress) -> io::Result<Dial> {
        let tls = match &address.ca_file {
            None => None,
            Some(file) => {
                let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
                Some((connector(file)?, name))
            }
        };
        Ok(Dial { host: address.host.clone(), port: address.port, tls })
    }

    pub async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((connector, name)) => Ok(Box::new(connector.connect(name.clone(), stream).await?)),
        }
    }
}

fn connector(ca_file: &Path) -> io::Result<TlsConnector> {
    let odd = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", ca_file.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).map_err(|error| odd(&error))? {
        roots.add(certificate.map_err(|error| odd(&error))?).map_err(|error| odd(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| odd(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
