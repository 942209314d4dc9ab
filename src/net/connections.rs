//! How many connections there are, in all and from one peer, and what became of the others.
//!
//! One value for all workers. It refuses by returning the refusal; the listener closes the socket.
//!
//! ```
//! use zhamen::net::connections::{Connections, Refused};
//! let connections = Connections::new(10, 1);
//! let peer = "192.0.2.7".parse().unwrap();
//! let permit = connections.admit(peer).unwrap();
//! assert_eq!(connections.admit(peer).err(), Some(Refused::PeerFull));
//! drop(permit);
//! assert!(connections.admit(peer).is_ok());
//! ```

use crate::closed_enum;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

closed_enum! {
    /// Why a connection was closed before any byte of it was read.
    pub enum Refused {
        Full = "connections_max",
        PeerFull = "connections_per_peer_max",
        CrlStale = "crl_stale",
    }
}

closed_enum! {
    /// Why a TLS handshake did not end in a connection.
    pub enum HandshakeFailure {
        Timeout = "handshake_timeout",
        NoCertificate = "tls_no_cert",
        BadCertificate = "tls_bad_cert",
        Revoked = "tls_revoked",
        Protocol = "tls_protocol",
        Io = "tls_io",
    }
}

closed_enum! {
    /// What ended an established connection early.
    pub enum Cut {
        /// A write made no progress, or a stream was not read, for too long.
        Stalled = "stalled",
        /// It did not finish within the drain or after its idle time.
        Deadline = "deadline",
        /// HTTP/1 that passed the guard and that hyper still could not parse; hyper answered 400, and
        /// the request was recorded as `not_http`.
        Unparsed = "unparsed",
        /// The peer went away or broke HTTP/2 rules.
        Broken = "broken",
        /// Its certificate is no longer trusted after a reload.
        Distrusted = "distrusted",
    }
}

/// Counters of all workers' connections. Written by listeners, read by the metrics.
#[derive(Debug, Default)]
pub struct ConnectionStats {
    accepted: AtomicU64,
    accept_errors: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
    handshakes: AtomicU64,
    handshakes_resumed: AtomicU64,
    handshakes_failed: [AtomicU64; HandshakeFailure::ALL.len()],
    cut: [AtomicU64; Cut::ALL.len()],
    unserved: AtomicU64,
    deferred: AtomicU64,
}

impl ConnectionStats {
    /// Connections the kernel handed over.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Failed calls of `accept`, for example for want of file descriptors.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Relaxed)
    }

    pub fn refused(&self, cause: Refused) -> u64 {
        self.refused[cause as usize].load(Relaxed)
    }

    /// Completed TLS handshakes.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Relaxed)
    }

    /// Completed TLS handshakes that resumed a session.
    pub fn handshakes_resumed(&self) -> u64 {
        self.handshakes_resumed.load(Relaxed)
    }

    pub fn handshakes_failed(&self, cause: HandshakeFailure) -> u64 {
        self.handshakes_failed[cause as usize].load(Relaxed)
    }

    pub fn cut(&self, cause: Cut) -> u64 {
        self.cut[cause as usize].load(Relaxed)
    }

    /// Streams of HTTP/2 that peers opened and that h2 refused before anybody saw them: malformed, far
    /// too long, reset at once, or too many. Counted when their connection ends.
    pub fn unserved(&self) -> u64 {
        self.unserved.load(Relaxed)
    }

    /// Requests that waited for their turn.
    pub fn deferred(&self) -> u64 {
        self.deferred.load(Relaxed)
    }

    pub(super) fn count_deferred(&self) {
        self.deferred.fetch_add(1, Relaxed);
    }

    pub(super) fn count_unserved(&self, streams: u64) {
        self.unserved.fetch_add(streams, Relaxed);
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }

    pub(super) fn count_refused(&self, cause: Refused) {
        self.refused[cause as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_handshake(&self, resumed: bool) {
        self.handshakes.fetch_add(1, Relaxed);
        self.handshakes_resumed.fetch_add(resumed.into(), Relaxed);
    }

    pub(super) fn count_handshake_failed(&self, cause: HandshakeFailure) {
        self.handshakes_failed[cause as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_cut(&self, cause: Cut) {
        self.cut[cause as usize].fetch_add(1, Relaxed);
    }
}

/// The caps, and who holds how many. The map has one entry a connected peer, so it is bounded by
/// `connections_max`.
#[derive(Debug)]
pub struct Connections {
    connections_max: usize,
    per_peer_max: usize,
    open: AtomicUsize,
    peers: Mutex<HashMap<IpAddr, usize>>,
    stats: ConnectionStats,
}

impl Connections {
    /// Caps in connections: of all peers, and of one peer (an IPv4 address or an IPv6 /64, because
    /// one host commands all of the latter).
    pub fn new(connections_max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Connections {
            connections_max,
            per_peer_max,
            open: AtomicUsize::new(0),
            peers: Mutex::default(),
            stats: ConnectionStats::default(),
        })
    }

    /// Open connections now.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    pub fn stats(&self) -> &ConnectionStats {
        &self.stats
    }

    /// A place for one connection of this peer, until the permit is dropped. The narrower cap is
    /// tested first, so that one peer cannot spend the others' share.
    ///
    /// # Errors
    /// The cap that was reached.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Permit, Refused> {
        let peer = one_host(peer);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let held = peers.get(&peer).copied().unwrap_or(0);
        if held >= self.per_peer_max {
            return Err(Refused::PeerFull);
        }
        // Only changed under the lock, so the comparison is exact.
        if self.open.load(Relaxed) >= self.connections_max {
            return Err(Refused::Full);
        }
        self.open.fetch_add(1, Relaxed);
        peers.insert(peer, held + 1);
        Ok(Permit { connections: self.clone(), peer })
    }

    fn release(&self, peer: IpAddr) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut held) = peers.entry(peer) {
            match *held.get() {
                0 | 1 => drop(held.remove()),
                many => *held.get_mut() = many - 1,
            }
        }
        self.open.fetch_sub(1, Relaxed);
    }
}

/// The right to one open connection.
#[derive(Debug)]
pub struct Permit {
    connections: Arc<Connections>,
    peer: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.connections.release(self.peer);
    }
}

fn one_host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_count_hosts_and_give_back() {
        let connections = Connections::new(3, 2);
        let admit = |text: &str| connections.admit(text.parse().unwrap());
        let first = admit("2001:db8::1").unwrap();
        let second = admit("2001:db8::2").unwrap();
        assert_eq!(admit("2001:db8::3").err(), Some(Refused::PeerFull), "one /64 is one host");
        let third = admit("192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").err(), Some(Refused::Full));
        assert_eq!(admit("::ffff:192.0.2.1").err(), Some(Refused::Full));
        assert_eq!(connections.open(), 3);
        drop(second);
        assert_eq!(connections.open(), 2);
        let mapped = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(connections.peers.lock().unwrap().len(), 2, "a mapped address is the same host");
        drop((first, third, mapped));
        assert_eq!(connections.peers.lock().unwrap().len(), 0, "nothing is remembered of who has left");
    }
}
