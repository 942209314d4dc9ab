//! The socket under an upstream connection, with a view for the pool: what was written, what came
//! unasked.

use bytes::BufMut;
use socket2::SockRef;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Read at once while a head is awaited, so that little of the body comes along.
pub(super) const HEAD_READ_BYTES: usize = 16 * 1024;

/// A socket and its counters.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    written: Cell<u64>,
    /// Bytes that may still be read; without limit while a body is read.
    room: Cell<u64>,
}

/// An answer's head, or what came before it, was too long: a flood of 1xx, an endless header.
#[derive(Debug, thiserror::Error)]
#[error("too many bytes before the end of the answer's head")]
pub(super) struct HeadTooLong;

impl Wire {
    pub(super) fn new(tcp: TcpStream) -> Rc<Self> {
        Rc::new(Wire { tcp, written: Cell::new(0), room: Cell::new(u64::MAX) })
    }

    /// Bytes the kernel took from us in all.
    pub(super) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Bounds what may be read until [`lift`](Self::lift).
    pub(super) fn bound(&self, bytes: u64) {
        self.room.set(bytes);
    }

    pub(super) fn lift(&self) {
        self.room.set(u64::MAX);
    }

    /// A short read emptied the socket, so the next read waits for the reactor instead of asking the
    /// kernel in vain: the reactor reports edges, and more bytes are a new one.
    fn await_more(&self) {
        let none = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.tcp.try_io(Interest::READABLE, none);
    }

    /// Whether nothing waits to be read: no end and no bytes that nobody asked for, which would be
    /// taken for the answer to the next request. hyper looks too, but only at what the reactor has
    /// reported; this asks the kernel, for one system call.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        matches!(SockRef::from(&self.tcp).peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// The wire as tokio reads and writes it.
#[derive(Debug)]
pub(super) struct Tcp(pub(super) Rc<Wire>);

impl AsyncRead for Tcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = &self.0;
        loop {
            ready!(wire.tcp.poll_read_ready(cx))?;
            let room = wire.room.get();
            let asked =
                if room == u64::MAX { into.remaining() } else { HEAD_READ_BYTES.min(into.remaining()) };
            let read = match room {
                u64::MAX => wire.tcp.try_read_buf(into),
                0 => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, HeadTooLong))),
                _ => wire.tcp.try_read_buf(&mut BufMut::limit(&mut *into, HEAD_READ_BYTES)),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    if room != u64::MAX {
                        wire.room.set(room.saturating_sub(count as u64));
                    }
                    if (1..asked).contains(&count) {
                        wire.await_more();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |tcp| tcp.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |tcp| tcp.try_write_vectored(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.0.tcp).shutdown(Shutdown::Write))
    }
}

impl Tcp {
    fn write(
        &self,
        cx: &mut Context<'_>,
        attempt: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let wire = &self.0;
        loop {
            ready!(wire.tcp.poll_write_ready(cx))?;
            match attempt(&wire.tcp) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    wire.written.set(wire.written.get().saturating_add(count as u64));
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }
}
