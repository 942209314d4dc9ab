//! Opens a connection to an endpoint: resolve, connect, TLS.

use super::settings::{EndpointSettings, UpstreamSettings, UpstreamTls};
use super::wire::Wire;
use crate::engine::reason::Cause;
use crate::fault::{Fault, Faults};
use crate::net::outbox::{Outbox, Socket};
use crate::net::tls;
use bytes::BytesMut;
use hyper::header::HeaderValue;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An endpoint, ready to be dialled.
#[derive(Clone, Debug)]
pub(super) struct Target {
    host: String,
    port: u16,
    address: Option<IpAddr>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The lines of each request's head that are the endpoint's: `Host` and our credentials.
    pub(super) lines: Lines,
}

/// Lines of a head. They hold our credentials, so nothing prints them.
#[derive(Clone)]
pub(super) struct Lines(Vec<u8>);

impl Deref for Lines {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}

/// A connection that has carried nothing yet, or nothing that is still under way.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) wire: Wire,
    /// End of the upstream's certificate, seconds since 1970.
    pub(super) certificate_not_after: Option<i64>,
    /// Room for what is read, empty between exchanges: made once, not for each of them.
    pub(super) buffer: BytesMut,
}

impl Connection {
    fn new(wire: Wire, certificate_not_after: Option<i64>) -> Self {
        Connection { wire, certificate_not_after, buffer: BytesMut::new() }
    }
}

/// Prepares all endpoints of an upstream.
///
/// # Errors
/// Files that cannot be used, names that are none.
pub(super) fn targets(settings: &UpstreamSettings) -> Result<Vec<Target>, Faults> {
    let mut faults = Faults::default();
    let place = format!("upstream {}", settings.name);
    if settings.endpoints.is_empty() {
        faults.push(Fault::new(&place, "has no endpoint"));
    }
    let client = settings.tls.as_ref().map(|tls| faults.absorb(client_config(tls)));
    let credentials = faults.absorb(credentials(settings).map_err(Faults::from)).unwrap_or_default();
    let mut targets = Vec::new();
    for endpoint in &settings.endpoints {
        let name = settings.tls.as_ref().and_then(|tls| tls.server_name.as_ref()).unwrap_or(&endpoint.host);
        let tls = match (&client, ServerName::try_from(name.clone())) {
            (None, _) => None,
            (Some(Some(config)), Ok(name)) => Some((config.clone(), name)),
            (Some(None), Ok(_)) => continue,
            (Some(_), Err(_)) => {
                faults.push(Fault::new(&place, format!("`{name}` is no name a certificate can carry")));
                continue;
            }
        };
        match target(endpoint, tls, &credentials) {
            Some(target) => targets.push(target),
            None => faults.push(Fault::new(&place, format!("`{}` is not a host", endpoint.host))),
        }
    }
    faults.or(targets)
}

fn target(
    endpoint: &EndpointSettings,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    credentials: &str,
) -> Option<Target> {
    let EndpointSettings { host, port } = endpoint.clone();
    let default_port = if tls.is_some() { 443 } else { 80 };
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let authority = if port == default_port { bracketed } else { format!("{bracketed}:{port}") };
    // Only what may stand in a URI's authority may stand in `Host`.
    authority.parse::<hyper::http::uri::Authority>().ok()?;
    let lines = Lines(format!("host: {authority}\r\n{credentials}").into_bytes());
    Some(Target { address: host.parse().ok(), host, port, tls, lines })
}

/// The lines that carry our credentials.
fn credentials(settings: &UpstreamSettings) -> Result<String, Fault> {
    let fields = settings.credentials.as_ref().map(|credentials| credentials.fields()).transpose()?;
    let line = |(name, value): (&'static str, String)| match HeaderValue::from_str(&value) {
        Ok(_) => Ok(format!("{name}: {value}\r\n")),
        Err(_) => {
            let place = format!("upstream {}", settings.name);
            Err(Fault::new(place, "the secret cannot stand in a header field"))
        }
    };
    fields.unwrap_or_default().into_iter().map(line).collect()
}

fn client_config(settings: &UpstreamTls) -> Result<Arc<ClientConfig>, Faults> {
    let mut faults = Faults::default();
    let roots = faults.absorb(tls::roots(&settings.ca_file));
    let identity = settings
        .identity
        .as_ref()
        .map(|identity| faults.absorb(tls::certified_key(&identity.certificate_file, &identity.key_file)));
    let (Some(roots), identity) = (roots, identity) else { return Err(faults) };
    let builder = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Fault::new(settings.ca_file.display().to_string(), error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Some(key)) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
        Some(None) => return Err(faults),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Connects; the caller bounds the time.
///
/// # Errors
/// [`Cause::UpstreamConnect`] and [`Cause::UpstreamTls`]. Nothing of any request was written.
pub(super) async fn dial(target: &Target, outbox: &Rc<Outbox>) -> Result<Connection, Cause> {
    let tcp = connect(target).await.map_err(|_| Cause::UpstreamConnect)?;
    // A failure means that the peer is gone, which the first write tells.
    let _ = tcp.set_nodelay(true);
    let socket = Socket::new(tcp, outbox);
    let Some((config, name)) = &target.tls else {
        return Ok(Connection::new(Wire::Plain(socket), None));
    };
    let connector = TlsConnector::from(config.clone());
    let stream = connector.connect(name.clone(), socket).await.map_err(|_| Cause::UpstreamTls)?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate_not_after = leaf.and_then(|leaf| tls::certificate::not_after(leaf));
    Ok(Connection::new(Wire::Tls(Box::new(stream)), certificate_not_after))
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    match target.address {
        Some(address) => TcpStream::connect((address, target.port)).await,
        // Tried one after the other, in the resolver's order.
        None => TcpStream::connect((target.host.as_str(), target.port)).await,
    }
}
