//! The socket of an upstream connection, with TLS or without.

use crate::net::outbox::Socket;
use bytes::BytesMut;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::client::TlsStream;

/// A connected socket.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(Socket),
    /// Boxed, because its session is large and most connections have none.
    Tls(Box<TlsStream<Socket>>),
}

impl Wire {
    /// What lies below TLS.
    pub(super) fn socket(&self) -> &Socket {
        match self {
            Wire::Plain(socket) => socket,
            Wire::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Appends what has come, within the room that `into` has; 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Wire::Plain(socket) => pin!(socket.read_buf(into)).poll(cx),
            Wire::Tls(tls) => pin!(tls.read_buf(into)).poll(cx),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Wire::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, parts),
            Wire::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, parts),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Wire::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Wire::Tls(tls) => pin!(tls.flush()).poll(cx),
        }
    }

    /// Whether nothing waits to be read: no end, and no bytes that nobody asked for, which would be
    /// taken for the answer to the next request. Asks the kernel, not only what the reactor has
    /// reported, for one system call.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self.socket().peek() {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            // Of TLS it may be a record that is nobody's answer, such as a session ticket.
            Ok(count) => {
                count > 0
                    && matches!(self, Wire::Tls(_))
                    && self.poll_quiet(&mut Context::from_waker(Waker::noop()))
            }
        }
    }

    /// The same of what the reactor has reported; if so, the task is woken when that changes.
    pub(super) fn poll_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Wire::Plain(socket) => socket.poll_peek(cx).is_pending(),
            Wire::Tls(tls) => pin!(tls.read(&mut [0])).poll(cx).is_pending(),
        }
    }
}
