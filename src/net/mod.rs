//! Sockets: listeners, TLS, upstreams and bodies. This room carries bytes and decides nothing.
//!
//! It owns every limit of a connection: how many there are, how long a handshake, a head, a body or
//! a stalled write may take, how much one may pin. It may not read policies, judge a caller or write
//! evidence: a fault becomes a [`Cause`](crate::engine::reason::Cause) that the caller of this room
//! records. Each worker thread has its own runtime, listening socket and pools, so futures here are
//! not `Send`; what workers share are atomics and snapshots.
//!
//! ```
//! use zhamen::net::listener::bind;
//! let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
//! let second = bind(socket.local_addr().unwrap()).unwrap(); // another worker, the same port
//! assert_eq!(socket.local_addr().unwrap(), second.local_addr().unwrap());
//! ```

pub mod body;
mod connection;
pub mod connections;
pub mod drain;
pub mod guard;
pub mod head;
pub mod listener;
mod opened;
pub mod outbox;
pub mod peer;
mod seldom;
mod stream;
pub mod tls;
pub mod turns;
pub mod upstream;
