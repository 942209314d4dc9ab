//! Stands between an HTTP/1 socket and hyper, and lets only exact framing through.
//!
//! hyper accepts what two parsers could read in two ways (a bare LF, `chunked, chunked`, a missing
//! `Host`), and it reads ahead: the head of the next request may lie in its buffer while this one is
//! served. So a head, a chunk line or a trailer section is held back here until it is complete and the
//! [inspector](crate::engine::framing) found it clean. A fault in a head is not answered here either:
//! hyper is fed [`SYNTHETIC`] instead of the head, so that the refusal takes the one way all requests
//! take (one record, one problem document), and the connection closes after it. A fault in a body is
//! an error of that body, from which [`framing_fault`] reads the cause back.
//!
//! ```
//! use zhamen::engine::reason::Cause;
//! use zhamen::net::guard::{FramingFault, framing_fault};
//! let error = std::io::Error::other(FramingFault(Cause::BadChunk));
//! assert_eq!(framing_fault(&error), Some(Cause::BadChunk));
//! ```

use super::stream::Stream;
use crate::config::settings::Limits;
use crate::engine::framing::{FramingLimits, Inspection, Inspector, Verdict};
use crate::engine::reason::Cause;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What hyper reads in place of a faulty head. The host is no name that could be served.
pub const SYNTHETIC: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// The host of [`SYNTHETIC`].
pub const SYNTHETIC_HOST: &str = "refused";

/// Bytes read and thrown away after a refusal, so that closing the socket does not reset it before
/// the peer has read the answer (RFC 9112 section 9.6).
const DISCARD_MAX: usize = 256 * 1024;

/// How long a close lingers for the same reason.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes asked of a socket at once.
const SCRATCH_BYTES: usize = 16 * 1024;

/// A worker's one read buffer: heads and bodies are copied out of it at once.
pub(super) type Scratch = Rc<RefCell<Box<[u8]>>>;

/// A fresh read buffer for a worker.
pub(super) fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()))
}

/// A fault of framing inside a body, as the source of an I/O error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingFault(pub Cause);

impl fmt::Display for FramingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body's framing is at fault: {}", self.0)
    }
}

impl Error for FramingFault {}

/// The framing fault behind an error, if that is what it was, found here or by hyper.
pub fn framing_fault(error: &(dyn Error + 'static)) -> Option<Cause> {
    let mut error = Some(error);
    while let Some(this) = error {
        // What an `io::Error` holds is not its `source`; only the source of that is.
        if let Some(io) = this.downcast_ref::<io::Error>() {
            let ours = io.get_ref().and_then(|inner| inner.downcast_ref::<FramingFault>());
            let by_hyper = matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
            return ours.map(|fault| fault.0).or_else(|| by_hyper.then_some(Cause::BadChunk));
        }
        error = this.source();
    }
    None
}

/// The limits of a head, as the inspector wants them.
pub fn framing_limits(limits: &Limits) -> FramingLimits {
    FramingLimits {
        headers_max: limits.headers_max,
        header_bytes_max: limits.header_bytes_max,
        target_bytes_max: limits.target_bytes_max,
        ..FramingLimits::default()
    }
}

/// What the guard tells the connection's service: a head was refused, and when bytes last came.
#[derive(Debug)]
pub(super) struct Watch {
    /// Set once, by the guard, before hyper can see [`SYNTHETIC`].
    pub(super) head_fault: Cell<Option<Cause>>,
    /// When the first byte of the latest head came, written by the guard.
    pub(super) head_begun: Cell<Option<Instant>>,
}

/// What became of one read.
enum Filled {
    Given,
    Kept,
    End,
}

enum State {
    Passing,
    /// A head was refused; so many later bytes were thrown away.
    Refused {
        discarded: usize,
    },
    BodyFault(Cause),
}

/// The guarded stream, as hyper's server reads and writes it.
pub(super) struct Guard {
    stream: Stream,
    inspector: Inspector,
    scratch: Scratch,
    /// The incomplete head, chunk line or trailer section.
    held: Vec<u8>,
    /// Inspected bytes that hyper has not taken yet, from `taken` on.
    passed: Vec<u8>,
    taken: usize,
    state: State,
    watch: Rc<Watch>,
    header_timeout: Duration,
    header_timer: Option<Pin<Box<Sleep>>>,
    linger: Option<Pin<Box<Sleep>>>,
}

impl Guard {
    pub(super) fn new(stream: Stream, limits: &Limits, scratch: Scratch) -> (Self, Rc<Watch>) {
        let watch = Rc::new(Watch { head_fault: Cell::new(None), head_begun: Cell::new(None) });
        let guard = Guard {
            stream,
            inspector: Inspector::new(framing_limits(limits)),
            scratch,
            held: Vec::new(),
            passed: Vec::new(),
            taken: 0,
            state: State::Passing,
            watch: watch.clone(),
            header_timeout: limits.header_timeout,
            header_timer: None,
            linger: None,
        };
        (guard, watch)
    }

    /// Hands inspected bytes to hyper; false when there are none.
    fn give(&mut self, cursor: &mut ReadBufCursor<'_>) -> bool {
        let waiting = self.passed.get(self.taken..).unwrap_or_default();
        if waiting.is_empty() {
            return false;
        }
        let count = waiting.len().min(cursor.remaining());
        cursor.put_slice(&waiting[..count]);
        self.taken += count;
        if self.taken == self.passed.len() {
            // An idle connection keeps no memory here.
            self.passed = Vec::new();
            self.taken = 0;
        }
        true
    }

    /// Reads from the socket and inspects. What is clean and whole goes to hyper at once; the rest
    /// waits in `passed` and `held`.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<Filled>> {
        let scratch = self.scratch.clone();
        let mut scratch = scratch.borrow_mut();
        let room = scratch.len().min(cursor.remaining());
        let mut buffer = ReadBuf::new(scratch.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(Filled::End));
        }
        let inspection = self.inspector.inspect(bytes);
        let whole = Inspection { verdict: Verdict::Clean, boundary: Some(bytes.len()) };
        if self.held.is_empty() && inspection == whole {
            cursor.put_slice(bytes);
            return Poll::Ready(Ok(Filled::Given));
        }
        self.sort(bytes, inspection);
        Poll::Ready(Ok(Filled::Kept))
    }

    /// Passes what is whole and clean, holds back what is not whole, and acts on a fault.
    fn sort(&mut self, bytes: &[u8], inspection: Inspection) {
        let open = match inspection.boundary {
            None => bytes,
            Some(end) => {
                let (clean, open) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
                self.passed.append(&mut self.held);
                self.passed.extend_from_slice(clean);
                self.watch.head_begun.set(None);
                open
            }
        };
        match inspection.verdict {
            Verdict::Clean => {
                self.held.extend_from_slice(open);
                if self.inspector.in_head() {
                    self.begin_head();
                }
            }
            Verdict::Fault { cause, in_head: true, .. } => self.refuse(cause),
            Verdict::Fault { cause, in_head: false, .. } => {
                self.held = Vec::new();
                self.state = State::BodyFault(cause);
            }
        }
    }

    fn begin_head(&mut self) {
        if self.watch.head_begun.get().is_none() {
            self.watch.head_begun.set(Some(Instant::now()));
        }
    }

    fn refuse(&mut self, cause: Cause) {
        self.held = Vec::new();
        self.passed.extend_from_slice(SYNTHETIC);
        self.state = State::Refused { discarded: 0 };
        self.watch.head_fault.set(Some(cause));
    }

    /// Refuses the open head when its time is up.
    fn poll_header_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(begun) = self.watch.head_begun.get() else { return Poll::Pending };
        let deadline = begun + self.header_timeout;
        let timer = self.header_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        self.refuse(Cause::SlowPeer);
        Poll::Ready(())
    }

    /// Reads and throws away, up to a limit. It never reports an end: hyper would take that for a
    /// peer that no longer waits, and drop the refusal.
    fn poll_discard(&mut self, cx: &mut Context<'_>, mut discarded: usize) -> Poll<()> {
        while discarded < DISCARD_MAX {
            let scratch = self.scratch.clone();
            let mut scratch = scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch);
            let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            discarded = match (polled, buffer.filled().len()) {
                (Poll::Pending, _) => {
                    self.state = State::Refused { discarded };
                    return Poll::Pending;
                }
                (Poll::Ready(Ok(())), count) if count > 0 => discarded + count,
                (Poll::Ready(_), _) => DISCARD_MAX,
            };
        }
        self.state = State::Refused { discarded };
        Poll::Ready(())
    }
}

impl Read for Guard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.give(&mut cursor) {
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Passing => {}
                State::BodyFault(cause) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, FramingFault(cause))));
                }
                State::Refused { discarded } => {
                    let _ = this.poll_discard(cx, discarded);
                    return Poll::Pending;
                }
            }
            match this.poll_fill(cx, &mut cursor) {
                Poll::Ready(Ok(Filled::Kept)) => {}
                Poll::Ready(Ok(Filled::Given | Filled::End)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => ready!(this.poll_header_timer(cx)),
            }
        }
    }
}

impl Write for Guard {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Closes our half, then lingers until the peer closes its own, within limits.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !matches!(this.state, State::Refused { .. }) {
                this.state = State::Refused { discarded: 0 };
            }
            this.linger = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        let State::Refused { discarded } = this.state else { return Poll::Ready(Ok(())) };
        if this.poll_discard(cx, discarded).is_ready() {
            return Poll::Ready(Ok(()));
        }
        match &mut this.linger {
            Some(linger) => linger.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }
}
