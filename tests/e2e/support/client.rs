//! A caller that says exactly what a test writes.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    /// As sent, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The problem's code; empty for anything else.
    pub fn code(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn request_id(&self) -> String {
        self.header("zhamen-request-id").unwrap_or_else(|| panic!("no request id: {}", self.head)).to_owned()
    }
}

/// What callers of an application trust and show; `None` shows no certificate.
pub fn config(certs: &Path, application: Option<&str>, alpn: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs.join("ca.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(zhamen::net::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match application {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let certificate = CertificateDer::from_pem_file(certs.join(format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(certs.join(format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

/// One connection, and what was read ahead on it.
pub struct Connection {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
    held: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Connection> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Connection { stream: StreamOwned::new(tls, tcp), held: Vec::new() })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends and reads one answer.
    pub fn ask(&mut self, bytes: &[u8]) -> io::Result<Reply> {
        // A refusal may come, and the connection close, before all is sent.
        let sent = self.send(bytes);
        self.reply().map_err(|error| sent.err().unwrap_or(error))
    }

    /// Reads one whole answer.
    pub fn reply(&mut self) -> io::Result<Reply> {
        read_reply(&mut self.stream, &mut self.held)
    }

    /// Closes without a word, as a process does that is killed.
    pub fn cut(self) {
        let _ = socket2::SockRef::from(&self.stream.sock).set_linger(Some(Duration::ZERO));
    }
}

/// Reads one answer; `held` keeps what came after it.
pub fn read_reply(stream: &mut impl Read, held: &mut Vec<u8>) -> io::Result<Reply> {
    let end = loop {
        if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, held)?;
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    held.drain(..end + 4);
    let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let mut reply = Reply { status, head, body: Vec::new() };
    if reply.header("transfer-encoding").is_some() {
        reply.body = chunks(stream, held)?;
    } else {
        let length = reply.header("content-length").map_or(0, |text| text.parse().unwrap());
        reply.body = exactly(stream, held, length)?;
    }
    Ok(reply)
}

fn more(stream: &mut impl Read, held: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 8192];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            held.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    }
}

fn exactly(stream: &mut impl Read, held: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while held.len() < length {
        more(stream, held)?;
    }
    Ok(held.drain(..length).collect())
}

fn chunks(stream: &mut impl Read, held: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = held.windows(2).position(|window| window == b"\r\n") {
                break end;
            }
            more(stream, held)?;
        };
        let line = String::from_utf8_lossy(&exactly(stream, held, end + 2)?).into_owned();
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let chunk = exactly(stream, held, size + 2)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
