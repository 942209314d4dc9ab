//! What a worker's sockets send leaves at the end of a turn of the event loop, one after another.
//!
//! A write wakes whoever waits at its other end; where that shares the machine, it takes the processor at
//! once, does its little, and sleeps again, and both find their caches cold. Written one after another, the
//! same bytes find the other end awake: it is woken once, and takes them together. So a [`Socket`] lays short
//! writes into its worker's [`Outbox`] and goes on; whoever keeps the outbox sends them when the tasks that
//! are awake have gone as far as they can.
//!
//! What waits here counts as written and flushed. If the kernel does not take it, the socket keeps the rest
//! and whoever wrote is woken: the next write or flush goes on with it, or says what is wrong. Bytes of a
//! socket that is dropped meanwhile leave all the same, as they would have from the kernel's buffer.
//!
//! ```
//! use std::rc::Rc;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//! use zhamen::net::outbox::{Outbox, Socket};
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
//! # runtime.block_on(async {
//! let outbox = Rc::new(Outbox::default());
//! tokio::task::spawn_local(Outbox::keep(outbox.clone()));
//! let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
//! let mut socket = Socket::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), &outbox);
//! let (mut peer, _) = listener.accept().await.unwrap();
//! socket.write_all(b"word").await.unwrap();
//! let mut read = [0; 4];
//! peer.read_exact(&mut read).await.unwrap();
//! assert_eq!(&read, b"word");
//! # });
//! ```

use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// So many bytes of one socket wait at most. Longer writes are not worth a copy: they wake the other end
/// for more than a little.
const WAITING_MAX: usize = 4 * 1024;

/// So many bytes of all sockets wait at most; then they leave before the turn ends. What a turn usually
/// writes is a quarter of it.
const POST_MAX: usize = 256 * 1024;

/// One worker's outbox.
#[derive(Default)]
pub struct Outbox {
    post: RefCell<Post>,
    posted: Notify,
    /// Somebody sends what is posted; otherwise sockets write for themselves.
    is_kept: Cell<bool>,
}

/// Letters and their bytes, in order.
#[derive(Default)]
struct Post {
    bytes: Vec<u8>,
    letters: Vec<Letter>,
}

/// Bytes of one socket, from where the letter before ends.
struct Letter {
    line: Rc<Line>,
    end: usize,
}

/// Keeps the outbox for as long as it lives, and leaves nothing in it.
struct Keeper(Rc<Outbox>);

impl Outbox {
    /// Sends what is posted, for ever: to be run by the worker whose outbox it is, beside its requests. Its
    /// turn comes when those that were awake at the first letter have gone on.
    pub async fn keep(outbox: Rc<Outbox>) {
        let keeper = Keeper(outbox);
        let outbox = &keeper.0;
        outbox.is_kept.set(true);
        loop {
            outbox.posted.notified().await;
            outbox.empty();
        }
    }

    fn post(&self, line: &Rc<Line>, parts: &[IoSlice<'_>]) {
        if self.post.borrow().bytes.len() > POST_MAX - WAITING_MAX {
            self.empty();
        }
        let post = &mut *self.post.borrow_mut();
        for part in parts {
            post.bytes.extend_from_slice(part);
        }
        if post.letters.is_empty() {
            self.posted.notify_one();
        }
        post.letters.push(Letter { line: line.clone(), end: post.bytes.len() });
    }

    fn empty(&self) {
        let Post { bytes, letters } = &mut *self.post.borrow_mut();
        let mut begin = 0;
        for Letter { line, end } in letters.drain(..) {
            line.send(bytes.get(begin..end).unwrap_or_default());
            begin = end;
        }
        bytes.clear();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.is_kept.set(false);
        self.0.empty();
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} letters)", self.post.borrow().letters.len())
    }
}

/// What a socket and its letters share.
struct Line {
    tcp: RefCell<TcpStream>,
    /// Bytes in the outbox.
    waiting: Cell<usize>,
    stuck: RefCell<Option<Stuck>>,
    /// Who wrote what is waiting.
    writer: Cell<Option<Waker>>,
    /// Bytes that the kernel took since the connection was made.
    sent: Cell<u64>,
}

/// Why the writer of a letter has to see to it.
enum Stuck {
    /// The kernel did not take these.
    Left(Vec<u8>),
    Broken(io::Error),
}

impl Line {
    /// Sends a letter. Where that gets stuck, whoever wrote it is woken.
    fn send(&self, bytes: &[u8]) {
        self.waiting.set(self.waiting.get().saturating_sub(bytes.len()));
        let mut stuck = self.stuck.borrow_mut();
        match &mut *stuck {
            None => *stuck = self.try_send(bytes),
            Some(Stuck::Left(left)) => left.extend_from_slice(bytes),
            Some(Stuck::Broken(_)) => {}
        }
        if stuck.is_some() {
            self.writer.take().into_iter().for_each(Waker::wake);
        } else if self.waiting.get() == 0 {
            // A connection that is kept does not keep the task that used it.
            self.writer.set(None);
        }
    }

    fn try_send(&self, bytes: &[u8]) -> Option<Stuck> {
        let count = match self.tcp.borrow().try_write(bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Some(Stuck::Broken(error)),
        };
        self.count(count);
        let left = bytes.get(count..).filter(|left| !left.is_empty())?;
        Some(Stuck::Left(left.to_vec()))
    }

    fn count(&self, sent: usize) {
        self.sent.set(self.sent.get().saturating_add(sent as u64));
    }

    /// Goes on with what is left; ready when nothing is. What is wrong is told once.
    fn poll_left(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stuck = self.stuck.borrow_mut();
        let mut left = match stuck.take() {
            None => return Poll::Ready(Ok(())),
            Some(Stuck::Broken(error)) => return Poll::Ready(Err(error)),
            Some(Stuck::Left(left)) => left,
        };
        while !left.is_empty() {
            match Pin::new(&mut *self.tcp.borrow_mut()).poll_write(cx, &left) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    self.count(count);
                    left.drain(..count);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    *stuck = Some(Stuck::Left(left));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A TCP stream that writes through an outbox.
pub struct Socket {
    line: Rc<Line>,
    outbox: Rc<Outbox>,
}

impl Socket {
    /// A connected stream, on the worker whose outbox this is.
    pub fn new(tcp: TcpStream, outbox: &Rc<Outbox>) -> Self {
        let line = Line {
            tcp: RefCell::new(tcp),
            waiting: Cell::new(0),
            stuck: RefCell::default(),
            writer: Cell::new(None),
            sent: Cell::new(0),
        };
        Socket { line: Rc::new(line), outbox: outbox.clone() }
    }

    /// Bytes that the kernel took since the connection was made.
    pub fn sent(&self) -> u64 {
        self.line.sent.get()
    }

    /// Bytes that wait in the outbox.
    pub fn waiting(&self) -> usize {
        self.line.waiting.get()
    }

    /// Asks the kernel what waits to be read, without taking it or waiting for it.
    ///
    /// # Errors
    /// Those of recv(2).
    pub fn peek(&self) -> io::Result<usize> {
        SockRef::from(&*self.line.tcp.borrow()).peek(&mut [MaybeUninit::uninit()])
    }

    /// Asks the reactor whether something waits to be read; if nothing does, the task is woken when that
    /// changes.
    pub fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.line.tcp.borrow().poll_peek(cx, &mut ReadBuf::new(&mut [0]))
    }

    /// Sends what waits in the outbox now, so that nothing overtakes it.
    fn send_waiting(&self) {
        if self.waiting() > 0 {
            self.outbox.empty();
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({} bytes waiting)", self.waiting())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line.tcp.borrow_mut()).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        if self.waiting().saturating_add(length) > WAITING_MAX {
            self.send_waiting();
        }
        let line = &self.line;
        ready!(line.poll_left(cx))?;
        if length > WAITING_MAX || !self.outbox.is_kept.get() {
            let count = ready!(Pin::new(&mut *line.tcp.borrow_mut()).poll_write_vectored(cx, parts))?;
            line.count(count);
            return Poll::Ready(Ok(count));
        }
        line.waiting.set(line.waiting.get().saturating_add(length));
        line.writer.set(Some(cx.waker().clone()));
        self.outbox.post(line, parts);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.poll_left(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send_waiting();
        ready!(self.line.poll_left(cx))?;
        Pin::new(&mut *self.line.tcp.borrow_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::{spawn_local, yield_now};

    /// Runs a test on a worker whose outbox is kept.
    fn run<F: Future<Output = ()>>(test: impl FnOnce(Rc<Outbox>) -> F) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(Default::default()).unwrap();
        runtime.block_on(async {
            let outbox = Rc::new(Outbox::default());
            spawn_local(Outbox::keep(outbox.clone()));
            yield_now().await;
            let within = std::time::Duration::from_secs(30);
            tokio::time::timeout(within, test(outbox)).await.unwrap();
        });
    }

    async fn pair(outbox: &Rc<Outbox>) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(tcp, outbox), listener.accept().await.unwrap().0)
    }

    async fn read_all(mut peer: TcpStream) -> Vec<u8> {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        all
    }

    #[test]
    fn letters_leave_after_all_that_is_awake() {
        run(async |outbox| {
            let (mut first, _peer) = pair(&outbox).await;
            let (mut second, _other) = pair(&outbox).await;
            let line = first.line.clone();
            let both = [
                spawn_local(async move {
                    first.write_all(b"one").await.unwrap();
                    assert_eq!((first.waiting(), first.sent()), (3, 0));
                    yield_now().await;
                    assert_eq!((first.waiting(), first.sent()), (0, 3));
                }),
                spawn_local(async move {
                    assert_eq!(line.sent.get(), 0, "the first waits for the second");
                    second.write_all(b"two").await.unwrap();
                    assert_eq!(second.sent(), 0);
                }),
            ];
            for task in both {
                task.await.unwrap();
            }
        });
    }

    #[test]
    fn more_than_it_holds_leaves_before_the_turn_ends() {
        run(async |outbox| {
            let mut pairs = Vec::new();
            for _ in 0..=POST_MAX / WAITING_MAX {
                pairs.push(pair(&outbox).await);
            }
            for (socket, _) in &mut pairs {
                socket.write_all(&[7; WAITING_MAX]).await.unwrap();
            }
            let sent = |socket: &Socket| socket.sent() > 0;
            let left = pairs.iter().filter(|(socket, _)| sent(socket)).count();
            assert_eq!(left, POST_MAX / WAITING_MAX, "all but the last");
            yield_now().await;
            assert!(pairs.iter().all(|(socket, _)| sent(socket)));
        });
    }

    /// Short and long writes to a peer that is slow to read: what is stuck goes on, in order.
    #[test]
    fn nothing_is_lost_or_overtaken() {
        run(async |outbox| {
            let (mut socket, mut peer) = pair(&outbox).await;
            let lengths = [1, 700, WAITING_MAX, WAITING_MAX + 1, 3, 200_000, 90, 4_000, 4_000];
            let chunks = lengths.iter().cycle().take(400).enumerate();
            let chunks: Vec<Vec<u8>> = chunks.map(|(number, length)| vec![number as u8; *length]).collect();
            let all = chunks.concat();
            let writing = spawn_local(async move {
                for (number, chunk) in chunks.iter().enumerate() {
                    socket.write_all(chunk).await.unwrap();
                    if number % 7 == 0 {
                        socket.flush().await.unwrap();
                    }
                }
                socket.shutdown().await.unwrap();
                socket.sent()
            });
            let mut read = vec![0; 1_000];
            peer.read_exact(&mut read).await.unwrap();
            for _ in 0..100 {
                yield_now().await;
            }
            assert!(!writing.is_finished(), "the peer held it up");
            read.extend(read_all(peer).await);
            assert!(read == all);
            assert_eq!(writing.await.unwrap(), all.len() as u64);
        });
    }

    #[test]
    fn what_a_dropped_socket_wrote_leaves() {
        run(async |outbox| {
            let (mut socket, peer) = pair(&outbox).await;
            socket.write_all(b"last words").await.unwrap();
            drop(socket);
            assert_eq!(read_all(peer).await, b"last words");
        });
    }

    #[test]
    fn an_end_does_not_overtake_what_waits() {
        run(async |outbox| {
            let (mut socket, peer) = pair(&outbox).await;
            socket.write_all(b"word").await.unwrap();
            socket.shutdown().await.unwrap();
            assert_eq!(read_all(peer).await, b"word");
        });
    }

    #[test]
    fn whoever_wrote_hears_that_it_did_not_leave() {
        run(async |outbox| {
            let (mut socket, peer) = pair(&outbox).await;
            SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            drop(peer);
            let told = async {
                while socket.write_all(b"word").await.is_ok() {
                    yield_now().await;
                }
            };
            told.await;
            assert_eq!(socket.sent(), 0);
        });
    }

    #[test]
    fn without_a_keeper_sockets_write_for_themselves() {
        run(async |_| {
            let outbox = Rc::new(Outbox::default());
            let (mut socket, _peer) = pair(&outbox).await;
            socket.write_all(b"at once").await.unwrap();
            assert_eq!((socket.waiting(), socket.sent()), (0, 7));
            let keeper = spawn_local(Outbox::keep(outbox.clone()));
            yield_now().await;
            socket.write_all(b"waits").await.unwrap();
            assert_eq!((socket.waiting(), socket.sent()), (5, 7));
            keeper.abort();
            assert!(keeper.await.is_err());
            assert_eq!((socket.waiting(), socket.sent()), (0, 12), "nothing is left behind");
            socket.write_all(b"at once").await.unwrap();
            assert_eq!(socket.sent(), 19);
        });
    }
}
