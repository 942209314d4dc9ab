//! Counts the streams that a peer opens on HTTP/2, below the library that may refuse them unseen.
//!
//! h2 resets a stream whose header block is malformed, answers one whose block is far too long, and
//! never shows either to anybody. What was opened and never served is known here, and only here; it
//! changes no byte and judges none.

use super::stream::Stream;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `PRI * HTTP/2.0` and what belongs to it (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;
/// RFC 9113, section 4.1.
const FRAME_HEAD_BYTES: usize = 9;
const HEADERS: u8 = 1;

/// Follows frames from head to head.
#[derive(Debug)]
struct Scan {
    /// Bytes until the next frame's head.
    skip: usize,
    head: [u8; FRAME_HEAD_BYTES],
    filled: usize,
    /// The highest stream that was opened.
    last: u32,
}

impl Scan {
    fn new() -> Self {
        Scan { skip: PREFACE_BYTES, head: [0; FRAME_HEAD_BYTES], filled: 0, last: 0 }
    }

    /// How many streams these bytes open.
    fn push(&mut self, mut bytes: &[u8]) -> u64 {
        let mut opened = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            for (slot, byte) in self.head.iter_mut().skip(self.filled).zip(bytes) {
                *slot = *byte;
            }
            let taken = bytes.len().min(FRAME_HEAD_BYTES - self.filled);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.filled += taken;
            if self.filled == FRAME_HEAD_BYTES {
                opened += u64::from(self.frame());
            }
        }
        opened
    }

    /// Whether the frame whose head is complete opens a stream: the first `HEADERS` of an odd number
    /// above all before it (RFC 9113, section 5.1.1). Trailers do not.
    fn frame(&mut self) -> bool {
        let [a, b, c, kind, _, d, e, f, g] = self.head;
        self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
        self.filled = 0;
        let stream = u32::from_be_bytes([d & 0x7f, e, f, g]);
        let opens = kind == HEADERS && stream % 2 == 1 && stream > self.last;
        if opens {
            self.last = stream;
        }
        opens
    }
}

/// A stream of HTTP/2 and the count of what is opened on it.
pub(super) struct Counted {
    stream: Stream,
    scan: Scan,
    opened: Rc<Cell<u64>>,
}

impl Counted {
    pub(super) fn new(stream: Stream) -> (Self, Rc<Cell<u64>>) {
        let opened = Rc::new(Cell::new(0));
        (Counted { stream, scan: Scan::new(), opened: opened.clone() }, opened)
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        let opened = this.scan.push(into.filled().get(before..).unwrap_or_default());
        this.opened.set(this.opened.get().saturating_add(opened));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: usize) -> Vec<u8> {
        let mut bytes = (payload as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, 0]);
        bytes.extend(stream.to_be_bytes());
        // What looks like a head of HEADERS, over and over.
        bytes.extend([0, 0, 0, HEADERS, 0, 0, 0, 0, 99].into_iter().cycle().take(payload));
        bytes
    }

    #[test]
    fn streams_are_counted_wherever_reads_end() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        for (kind, stream, payload) in [
            (4, 0, 0),
            (HEADERS, 1, 40),
            (0, 1, 100),
            (HEADERS, 1, 9),
            (9, 1, 20),
            (HEADERS, 2, 5),
            (HEADERS, 7, 0),
            (HEADERS, 5, 0),
            (3, 7, 4),
            (HEADERS, 0x8000_0009, 1),
        ] {
            bytes.extend(frame(kind, stream, payload));
        }
        for size in 1..=bytes.len() {
            let mut scan = Scan::new();
            assert_eq!(bytes.chunks(size).map(|piece| scan.push(piece)).sum::<u64>(), 3, "pieces of {size}");
        }
    }
}
