//! The remote end of one downstream connection, as far as the connection itself proves it.
//!
//! One value a connection, shared by its requests. It says nothing about who is behind the
//! connection: the identity room reads the certificate.
//!
//! ```
//! use zhamen::net::peer::{Peer, Protocol};
//! let peer = Peer::plain("127.0.0.1:5000".parse().unwrap());
//! assert_eq!((peer.protocol, peer.secure), (Protocol::Http1, false));
//! ```

use crate::closed_enum;
use crate::engine::principal::Certificate;
use crate::engine::reason::Cause;
use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

closed_enum! {
    /// What the connection speaks, settled by ALPN.
    pub enum Protocol {
        Http1 = "http/1.1",
        Http2 = "h2",
    }
}

/// One downstream connection.
pub struct Peer {
    pub address: SocketAddr,
    /// TLS was used.
    pub secure: bool,
    pub protocol: Protocol,
    /// The name the TLS client asked for (SNI), lower case.
    pub tls_name: Option<String>,
    /// The verified client certificate.
    pub certificate: Option<Arc<Certificate>>,
    /// The TLS session was resumed from a ticket of the same configuration.
    pub resumed: bool,
    /// The bytes of the request being served were no acceptable HTTP/1: it must be refused with this
    /// cause, and nothing of it may be read. Set by the [guard](super::guard) just before such a
    /// request is served; the connection closes after it.
    pub framing_fault: Cell<Option<Cause>>,
    /// For what the walk of a request wants to remember per connection. Written once, by it.
    pub extension: OnceCell<Rc<dyn Any>>,
}

impl Peer {
    /// A peer without TLS, as tests and plain-text listeners have it.
    pub fn plain(address: SocketAddr) -> Self {
        Peer {
            address,
            secure: false,
            protocol: Protocol::Http1,
            tls_name: None,
            certificate: None,
            resumed: false,
            framing_fault: Cell::new(None),
            extension: OnceCell::new(),
        }
    }
}
