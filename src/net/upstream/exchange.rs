//! One request and its answer on a connection that nothing else uses meanwhile.
//!
//! It runs inside the task of the caller's request: no task of its own, no channel, and its buffer
//! lives as long as the exchange. The request goes on being written while the answer is read, since an
//! upstream may answer before it has read everything.

use super::dial::Connection;
use super::settings::UpstreamSettings;
use crate::engine::framing::answer::{AnswerHead, Chunks, Ending, Step, head_end, read_head};
use crate::engine::reason::Cause;
use bytes::{Buf, Bytes, BytesMut};
use std::io::IoSlice;
use std::task::{Context, Poll, ready};

/// Read at once while a head is awaited, so that little of a large body comes along.
const HEAD_READ_BYTES: usize = 8 * 1024;

/// The most that is read of a body at once.
const BODY_READ_BYTES: usize = 64 * 1024;

/// How much of an answer's body is still to come.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// The head has not come yet.
    Head,
    Length(u64),
    Chunked(Chunks),
    Close,
    Nothing,
}

/// A connection and what is under way on it.
#[derive(Debug)]
pub(super) struct Exchange {
    connection: Connection,
    head: Vec<u8>,
    body: Bytes,
    /// Bytes of head and body that the connection took.
    sent: usize,
    is_sent: bool,
    /// Bytes that the kernel had taken on this connection before.
    before: u64,
    asked_for_body: bool,
    received: BytesMut,
    /// Bytes of `received` in which no head ends.
    seen: usize,
    /// Bytes that heads may still have.
    head_room: usize,
    headers_max: usize,
    rest: Rest,
    read_bytes: usize,
    keeps_open: bool,
}

impl Exchange {
    /// Nothing is written before the first poll.
    pub(super) fn new(
        mut connection: Connection,
        (head, body): (Vec<u8>, Bytes),
        asked_for_body: bool,
        settings: &UpstreamSettings,
    ) -> Self {
        Exchange {
            received: std::mem::take(&mut connection.buffer),
            before: connection.wire.socket().sent(),
            connection,
            head,
            body,
            sent: 0,
            is_sent: false,
            asked_for_body,
            seen: 0,
            head_room: settings.header_bytes_max,
            headers_max: settings.headers_max,
            rest: Rest::Head,
            read_bytes: HEAD_READ_BYTES,
            keeps_open: true,
        }
    }

    /// Not one byte of the request was written, nor waits to be.
    pub(super) fn is_unwritten(&self) -> bool {
        let socket = self.connection.wire.socket();
        socket.sent() == self.before && socket.waiting() == 0
    }

    /// Sends the request and awaits the head of its answer; heads that only announce another are
    /// passed over.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Cause>> {
        self.send(cx);
        loop {
            if let Some(head) = self.head()? {
                return Poll::Ready(Ok(head));
            }
            ready!(self.poll_more(cx))?;
            if self.connection.wire.socket().sent() == self.before {
                // Whatever it is, it came before the request left.
                return Poll::Ready(Err(Cause::UpstreamReset));
            }
        }
    }

    /// Writes what can be written now. A request that cannot be written to its end may have been
    /// answered all the same; only its connection is of no more use.
    fn send(&mut self, cx: &mut Context<'_>) {
        match self.poll_send(cx) {
            Poll::Ready(Ok(())) => self.is_sent = true,
            Poll::Pending => self.is_sent = false,
            Poll::Ready(Err(_)) => (self.sent, self.keeps_open) = (self.length(), false),
        }
    }

    /// Of head and body.
    fn length(&self) -> usize {
        self.head.len() + self.body.len()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.sent < self.length() {
            let head = self.head.get(self.sent..).unwrap_or_default();
            let body = self.body.get(self.sent.saturating_sub(self.head.len())..).unwrap_or_default();
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let count = ready!(self.connection.wire.poll_write(cx, &parts))?;
            if count == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.connection.wire.poll_flush(cx)
    }

    fn head(&mut self) -> Result<Option<AnswerHead>, Cause> {
        loop {
            let end = head_end(&self.received, self.seen)?;
            self.seen = self.received.len();
            if end.unwrap_or(self.seen) > self.head_room {
                return Err(Cause::UpstreamMalformed);
            }
            let Some(end) = end else { return Ok(None) };
            self.head_room -= end;
            self.seen = 0;
            let head = read_head(
                self.received.get(..end).unwrap_or_default(),
                self.asked_for_body,
                self.headers_max,
            )?;
            self.received.advance(end);
            if head.status >= 200 {
                self.begin_body(&head);
                return Ok(Some(head));
            }
        }
    }

    fn begin_body(&mut self, head: &AnswerHead) {
        self.rest = match head.ending {
            Ending::Length(0) => Rest::Nothing,
            Ending::Length(length) => Rest::Length(length),
            Ending::Chunked => Rest::Chunked(Chunks::default()),
            Ending::Close => Rest::Close,
        };
        self.keeps_open &= head.keeps_open;
    }

    /// The length of the body that is still to come, if the upstream announced it.
    pub(super) fn announced(&self) -> Option<u64> {
        match self.rest {
            Rest::Length(length) => Some(length),
            Rest::Nothing => Some(0),
            Rest::Head | Rest::Chunked(_) | Rest::Close => None,
        }
    }

    /// The next bytes of the body; none at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cause>>> {
        self.send(cx);
        loop {
            match self.content() {
                Err(cause) => return Poll::Ready(Some(Err(cause))),
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) if self.is_over() => return Poll::Ready(None),
                Ok(None) => {}
            }
            if let Err(cause) = ready!(self.poll_more(cx)) {
                return Poll::Ready(Some(Err(cause)));
            }
        }
    }

    /// Takes content out of what has come.
    fn content(&mut self) -> Result<Option<Bytes>, Cause> {
        let count = match &mut self.rest {
            Rest::Head | Rest::Nothing => 0,
            Rest::Close => self.received.len(),
            Rest::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(self.received.len());
                *left -= count as u64;
                if *left == 0 {
                    self.rest = Rest::Nothing;
                }
                count
            }
            Rest::Chunked(chunks) => loop {
                match chunks.step(&self.received)? {
                    Step::Skip(count) => self.received.advance(count),
                    Step::Data(count) => break count,
                    Step::Wait => break 0,
                    Step::Over => {
                        self.rest = Rest::Nothing;
                        break 0;
                    }
                }
            },
        };
        Ok((count > 0).then(|| self.received.split_to(count).freeze()))
    }

    /// Reads more, twice as much each time it fills what it may.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.received.reserve(self.read_bytes);
        let room = self.received.capacity() - self.received.len();
        match ready!(self.connection.wire.poll_read(cx, &mut self.received)) {
            Ok(0) if matches!(self.rest, Rest::Close) => {
                self.rest = Rest::Nothing;
                Poll::Ready(Ok(()))
            }
            Ok(0) | Err(_) => Poll::Ready(Err(Cause::UpstreamReset)),
            Ok(count) => {
                if count == room {
                    self.read_bytes = (2 * self.read_bytes).min(BODY_READ_BYTES);
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Whether the whole answer was read.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// The connection, if the exchange is over and left it as it was.
    pub(super) fn into_connection(mut self) -> Option<Connection> {
        let is_sent = self.is_sent && self.connection.wire.socket().waiting() == 0;
        let sound = self.is_over() && is_sent && self.keeps_open && self.received.is_empty();
        // What a large answer made it grow to is not kept.
        if self.read_bytes == HEAD_READ_BYTES {
            self.connection.buffer = self.received;
        }
        sound.then_some(self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::outbox::{Outbox, Socket};
    use crate::net::upstream::settings::{EjectionSettings, RetrySettings};
    use crate::net::upstream::wire::Wire;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{spawn_local, yield_now};

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    fn settings() -> UpstreamSettings {
        let second = Duration::from_secs(1);
        UpstreamSettings {
            name: "fake".into(),
            endpoints: Vec::new(),
            tls: None,
            credentials: None,
            connect_timeout: second,
            first_byte_timeout: second,
            total_timeout: second,
            idle_max: 1,
            idle_timeout: second,
            headers_max: 100,
            header_bytes_max: 8 * 1024,
            health: None,
            ejection: EjectionSettings { failures: 0, ejected_for: second },
            retries: RetrySettings { max: 0, budget_percent: 0 },
        }
    }

    async fn exchange(outbox: &Rc<Outbox>) -> (Exchange, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        let wire = Wire::Plain(Socket::new(tcp, outbox));
        let connection = Connection { wire, certificate_not_after: None, buffer: BytesMut::new() };
        let request = (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Bytes::new());
        (Exchange::new(connection, request, true, &settings()), peer)
    }

    #[test]
    fn what_comes_before_the_request_has_left_is_no_answer_to_it() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(Default::default()).unwrap();
        runtime.block_on(async {
            let outbox = Rc::new(Outbox::default());
            spawn_local(Outbox::keep(outbox.clone()));
            yield_now().await;
            let (mut early, mut peer) = exchange(&outbox).await;
            peer.write_all(ANSWER).await.unwrap();
            poll_fn(|cx| early.connection.wire.socket().poll_peek(cx)).await.unwrap();
            assert!(early.is_unwritten());
            let answered = poll_fn(|cx| early.poll_head(cx)).await;
            assert_eq!(answered.unwrap_err(), Cause::UpstreamReset);
            assert!(!early.is_unwritten(), "its letter leaves all the same");

            let (mut asked, mut peer) = exchange(&outbox).await;
            let serve = async {
                peer.read_exact(&mut [0; 18]).await.unwrap();
                peer.write_all(ANSWER).await.unwrap();
            };
            let (head, ()) = tokio::join!(poll_fn(|cx| asked.poll_head(cx)), serve);
            assert_eq!(head.unwrap().status, 200);
            assert!(asked.into_connection().is_some());
        });
    }
}
