//! Accepts connections, proves their TLS and serves them, within limits.
//!
//! Each worker runs one listener on its own socket; the kernel spreads connections over them
//! (`SO_REUSEPORT`). A listener never ends by itself: a failing `accept` (no file descriptors left)
//! pauses it, a bad handshake ends only that connection.
//!
//! ```
//! use zhamen::net::listener::bind_workers;
//! let sockets = bind_workers("127.0.0.1:0".parse().unwrap(), 2).unwrap();
//! let address = sockets[0].local_addr().unwrap();
//! assert_eq!(sockets[1].local_addr().unwrap(), address);
//! assert!(bind_workers(address, 2).is_err(), "another instance is noticed");
//! ```

use super::body::Body;
use super::connection::{self, Shared};
use super::connections::{Connections, HandshakeFailure, Refused};
use super::drain::Drain;
use super::guard::scratch;
use super::outbox::{Outbox, Socket};
use super::peer::{Peer, Protocol};
use super::stream::{Stalling, Stream};
use super::tls::{self, Session, TlsStore, Trust};
use super::turns::Turns;
use crate::config::settings::Limits;
use hyper::body::Incoming;
use hyper::{Request, Response};
use socket2::{Domain, Protocol as Transport, Type};
use std::cell::{Cell, OnceCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

/// Connections the kernel holds before we accept them.
const BACKLOG: i32 = 4096;

/// Pause after a failed `accept`, doubled up to the greatest while it goes on failing.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Opens a listening socket that other workers may open too.
///
/// # Errors
/// The address is not ours, or taken by another user's program. One of the same user that also shares
/// the port is not noticed: [`bind_workers`] notices.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = open(address)?;
    socket.set_reuse_port(true)?;
    listen(&socket, address)?;
    Ok(socket.into())
}

/// Opens one socket for each worker on the same address; port 0 becomes one free port.
///
/// # Errors
/// The address is not ours, or anyone listens there already, be it another instance of this gateway.
pub fn bind_workers(address: SocketAddr, workers: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let alone = open(address)?;
    listen(&alone, address)?;
    let address = std::net::TcpListener::from(alone).local_addr()?;
    (0..workers).map(|_| bind(address)).collect()
}

fn open(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Transport::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listen(socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)
}

/// One worker's listener.
pub struct Listener {
    socket: std::net::TcpListener,
    tls: Option<Arc<TlsStore>>,
    limits: Arc<Limits>,
    connections: Arc<Connections>,
    turns: Rc<Turns>,
    outbox: Rc<Outbox>,
}

impl Listener {
    /// A listener on a socket of [`bind`]; `connections` is shared by all workers.
    pub fn new(
        socket: std::net::TcpListener,
        tls: Option<Arc<TlsStore>>,
        limits: Arc<Limits>,
        connections: Arc<Connections>,
    ) -> Self {
        Listener { socket, tls, limits, connections, turns: Rc::default(), outbox: Rc::default() }
    }

    /// The turns in which its requests begin.
    pub fn turns(&self) -> Rc<Turns> {
        self.turns.clone()
    }

    /// Where its connections lay what they write, if anybody keeps it.
    pub fn outbox(&self) -> Rc<Outbox> {
        self.outbox.clone()
    }

    /// Serves until the drain has ended: then no connection of this listener is open any more. Must
    /// run on a thread of its own: inside a `LocalRuntime` or a `LocalSet`, with I/O and time.
    ///
    /// # Errors
    /// The socket cannot be registered with the runtime; nothing was accepted then.
    pub async fn run<S, F>(self, mut drain: Drain, serve: S) -> io::Result<()>
    where
        S: Fn(Rc<Peer>, Request<Incoming>) -> F + 'static,
        F: Future<Output = Response<Body>> + 'static,
    {
        let socket = tokio::net::TcpListener::from_std(self.socket)?;
        let Listener { socket: _, tls, limits, connections, turns, outbox } = self;
        let shared = Rc::new(Shared { serve, limits, connections, scratch: scratch(), turns, outbox });
        let mut tasks = JoinSet::new();
        let mut pause = PAUSE;
        let deadline = loop {
            let accepted = tokio::select! {
                biased;
                deadline = drain.started() => break deadline,
                accepted = socket.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            match accepted {
                Ok((tcp, address)) => {
                    pause = PAUSE;
                    start(&shared, &tls, tcp, address, &drain, &mut tasks);
                }
                Err(error) => {
                    shared.connections.stats().count_accept_error();
                    if !concerns_one_connection(&error) {
                        let _ = timeout(pause, drain.started()).await;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                }
            }
        };
        drop(socket);
        finish(tasks, deadline).await;
        Ok(())
    }
}

/// A peer that gave up before it was accepted is no reason to pause.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Waits for the open connections, which drain by themselves, and cuts the rest.
async fn finish(mut tasks: JoinSet<()>, deadline: Instant) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout_at(deadline, all).await.is_err() {
        tasks.shutdown().await;
    }
    // Streams of HTTP/2 see the end of their connection when they are polled next.
    sleep(Duration::ZERO).await;
}

fn start<S, F>(
    shared: &Rc<Shared<S>>,
    tls: &Option<Arc<TlsStore>>,
    tcp: TcpStream,
    address: SocketAddr,
    drain: &Drain,
    tasks: &mut JoinSet<()>,
) where
    S: Fn(Rc<Peer>, Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Body>> + 'static,
{
    let stats = shared.connections.stats();
    stats.count_accepted();
    let permit = match shared.connections.admit(address.ip()) {
        Ok(permit) => permit,
        Err(refused) => return stats.count_refused(refused),
    };
    // A failure means that the peer is gone, which the first read tells.
    let _ = tcp.set_nodelay(true);
    let socket = Socket::new(tcp, &shared.outbox);
    let stream = Stalling::new(socket, shared.limits.write_stall_timeout, shared.connections.clone());
    let (shared, drain) = (shared.clone(), drain.clone());
    match tls {
        None => {
            let peer = Peer::plain(address);
            tasks.spawn_local(async move {
                let _permit = permit;
                connection::run(shared, Stream::Plain(stream), peer, None, drain).await;
            });
        }
        Some(store) => {
            let trust = store.current();
            if trust.crl_is_stale(tls::unix_now()) {
                return stats.count_refused(Refused::CrlStale);
            }
            let session = store.clone();
            tasks.spawn_local(async move {
                let _permit = permit;
                // Boxed, so that the connection does not carry the handshake's room to its end.
                let accepted = Box::pin(accept_tls(&shared, &trust, stream, address)).await;
                let Some((stream, peer)) = accepted else { return };
                let session = Session::new(session, &trust, &stream);
                connection::run(shared, Stream::Tls(stream), peer, Some(session), drain).await;
            });
        }
    }
}

type TlsStream = Box<tokio_rustls::server::TlsStream<Stalling>>;

async fn accept_tls<S>(
    shared: &Shared<S>,
    trust: &Trust,
    stream: Stalling,
    address: SocketAddr,
) -> Option<(TlsStream, Peer)> {
    let stats = shared.connections.stats();
    let acceptor = TlsAcceptor::from(trust.config());
    let failure = match timeout(shared.limits.handshake_timeout, acceptor.accept(stream)).await {
        Err(_) => HandshakeFailure::Timeout,
        Ok(Err(error)) => tls::classify(&error),
        Ok(Ok(stream)) => match peer_of(&stream, address) {
            Some(peer) => {
                stats.count_handshake(peer.resumed);
                return Some((Box::new(stream), peer));
            }
            None => HandshakeFailure::BadCertificate,
        },
    };
    stats.count_handshake_failed(failure);
    None
}

/// What the handshake proved; `None` for a certificate that verifies and yet cannot be read.
fn peer_of(stream: &tokio_rustls::server::TlsStream<Stalling>, address: SocketAddr) -> Option<Peer> {
    let (_, connection) = stream.get_ref();
    let certificate = match connection.peer_certificates().and_then(<[_]>::first) {
        None => None,
        Some(der) => Some(Arc::new(tls::certificate::read(der)?)),
    };
    let http2 = connection.alpn_protocol() == Some(b"h2");
    Some(Peer {
        address,
        secure: true,
        protocol: if http2 { Protocol::Http2 } else { Protocol::Http1 },
        tls_name: connection.server_name().map(str::to_ascii_lowercase),
        certificate,
        resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        framing_fault: Cell::new(None),
        extension: OnceCell::new(),
    })
}
