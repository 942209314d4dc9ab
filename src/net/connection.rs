//! One downstream connection, from the first byte to its end.

use super::body::{Body, BodyError};
use super::connections::{Connections, Cut};
use super::drain::Drain;
use super::guard::{Guard, SYNTHETIC, SYNTHETIC_HOST, Scratch, Watch};
use super::opened::Counted;
use super::outbox::Outbox;
use super::peer::{Peer, Protocol};
use super::seldom::seldom;
use super::stream::Stream;
use super::tls::Session;
use super::turns::Turns;
use crate::config::settings::Limits;
use crate::engine::reason::Cause;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::HOST;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// HTTP/2 pings find peers that vanished without a word.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams reset by the peer before we took them up, and resets of ours that the peer provoked
/// (Rapid Reset, CVE-2023-44487, and MadeYouReset, CVE-2025-8671): beyond it, GOAWAY.
const RESETS_MAX: usize = 32;

/// RFC 9113 section 6.9.2: no connection window is smaller.
const WINDOW_MIN: u32 = 65_535;

/// The least that RFC 9113 section 4.2 allows: a frame is buffered whole.
const FRAME_BYTES_MAX: u32 = 16 * 1024;

/// What all connections of one listener share.
pub(super) struct Shared<S> {
    pub(super) serve: S,
    pub(super) limits: Arc<Limits>,
    pub(super) connections: Arc<Connections>,
    pub(super) scratch: Scratch,
    pub(super) turns: Rc<Turns>,
    pub(super) outbox: Rc<Outbox>,
}

/// What is open on a connection, and since when nothing is.
struct Activity {
    open: Cell<u32>,
    since: Cell<Instant>,
}

/// One open request; closes when its response body is dropped.
struct Open(Rc<Activity>);

impl Open {
    fn new(activity: &Rc<Activity>) -> Self {
        activity.open.set(activity.open.get().saturating_add(1));
        Open(activity.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.since.set(Instant::now());
    }
}

/// Whom a response body waits for: the moment since when the peer has not asked for more.
#[derive(Default)]
struct Progress(Cell<Option<Instant>>);

/// A response body that tells what becomes of it.
struct Tracked {
    body: Body,
    progress: Option<Rc<Progress>>,
    _open: Open,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(progress) = &this.progress {
            progress.0.set(polled.is_ready().then(Instant::now));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs a connection to its end.
pub(super) async fn run<S, F>(
    shared: Rc<Shared<S>>,
    stream: Stream,
    peer: Peer,
    session: Option<Session>,
    drain: Drain,
) where
    S: Fn(Rc<Peer>, Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Body>> + 'static,
{
    let activity = Rc::new(Activity { open: Cell::new(0), since: Cell::new(Instant::now()) });
    let (limits, peer) = (&*shared.limits, Rc::new(peer));
    let conduct = |watch| Conduct { limits, activity: &activity, watch, session, drain };
    let ended = match peer.protocol {
        Protocol::Http1 => {
            let (guard, watch) = Guard::new(stream, limits, shared.scratch.clone());
            let service = service_fn(|request| {
                peer.framing_fault.set(fault_of(&watch, &request));
                answer(&shared, &peer, &activity, request, None)
            });
            let mut connection = pin!(http1_builder(limits).serve_connection(guard, &service));
            let ended = drive(connection.as_mut(), conduct(Some(&watch))).await;
            if ended == Some(Cut::Unparsed) {
                Box::pin(record_unparsed(&watch, &service)).await;
            }
            ended
        }
        Protocol::Http2 => {
            let (stall, connections) = (limits.write_stall_timeout, shared.connections.clone());
            let streams = Streams { next: Rc::default(), stall, connections };
            let next = streams.next.clone();
            let (stream, opened) = Counted::new(stream);
            let served = Cell::new(0_u64);
            let service = service_fn(|request| {
                served.set(served.get() + 1);
                let progress = Rc::new(Progress::default());
                *next.borrow_mut() = Some(progress.clone());
                answer(&shared, &peer, &activity, request, Some(progress))
            });
            let connection = http2_builder(limits, streams).serve_connection(TokioIo::new(stream), service);
            let ended = drive(pin!(connection), conduct(None)).await;
            shared.connections.stats().count_unserved(opened.get().saturating_sub(served.get()));
            ended
        }
    };
    if let Some(cut) = ended {
        shared.connections.stats().count_cut(cut);
    }
}

/// Serves one request; it counts as open until its response body is dropped.
fn answer<S, F>(
    shared: &Shared<S>,
    peer: &Rc<Peer>,
    activity: &Rc<Activity>,
    request: Request<Incoming>,
    progress: Option<Rc<Progress>>,
) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + use<S, F>
where
    S: Fn(Rc<Peer>, Request<Incoming>) -> F,
    F: Future<Output = Response<Body>>,
{
    let open = Open::new(activity);
    let response = (shared.serve)(peer.clone(), request);
    let turns = shared.turns.clone();
    if turns.are_taken() {
        shared.connections.stats().count_deferred();
    }
    async move {
        let turn = turns.begin().await;
        let response = response.await;
        drop(turn);
        Ok(response.map(|body| Tracked { body, progress, _open: open }))
    }
}

/// hyper refused a head that the guard had let through, and answered it by itself. It leaves its record
/// all the same: the guard's stand-in is served in its place, and what it is answered goes nowhere.
async fn record_unparsed<S>(watch: &Watch, service: &S)
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Tracked>, Error = Infallible>,
{
    watch.head_fault.set(Some(Cause::NotHttp));
    let nowhere = TokioIo::new(tokio::io::join(SYNTHETIC, tokio::io::sink()));
    // Nobody waits for the answer, so nobody has to hear that it could not be given.
    let _ = http1::Builder::new().half_close(true).serve_connection(nowhere, service).await;
}

/// The guard has judged each head by the limits, so hyper's own are never the narrower ones.
fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Head and idle times are the guard's and ours: hyper's single timer would count both as one.
    builder.half_close(false).header_read_timeout(None).timer(TokioTimer::new());
    builder.max_buf_size(limits.header_bytes_max.saturating_mul(2).max(64 * 1024));
    if limits.headers_max > 100 {
        builder.max_headers(limits.headers_max);
    }
    builder
}

/// The fault of the head that this request stands for, if it is the guard's stand-in.
fn fault_of(watch: &Watch, request: &Request<Incoming>) -> Option<Cause> {
    let fault = watch.head_fault.get()?;
    // A peer that writes this host itself only gets its own request refused.
    let host = request.headers().get(HOST)?;
    (host.as_bytes() == SYNTHETIC_HOST.as_bytes()).then_some(fault)
}

/// Windows and buffers come from the memory that one connection may pin.
fn http2_builder(limits: &Limits, streams: Streams) -> http2::Builder<Streams> {
    let share = limits.memory_budget_bytes / limits.connections_max.max(1);
    let window = u32::try_from(share).unwrap_or(u32::MAX).clamp(WINDOW_MIN, 1024 * 1024);
    // Twice what the canonical reading allows: h2 answers a longer list by itself, without a record.
    let header_bytes = u32::try_from(limits.header_bytes_max.saturating_mul(2)).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(header_bytes)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .initial_stream_window_size(window)
        .initial_connection_window_size(window)
        .adaptive_window(false)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buf_size(share.clamp(16 * 1024, 64 * 1024))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Spawns the streams of one HTTP/2 connection, each with an eye on a peer that stops reading: an
/// unread stream is not seen by the socket, because flow control holds the bytes back before it.
#[derive(Clone)]
struct Streams {
    /// The progress of the stream that hyper spawns next: it calls the service, then spawns.
    next: Rc<RefCell<Option<Rc<Progress>>>>,
    stall: Duration,
    connections: Arc<Connections>,
}

impl<F: Future + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let progress = self.next.borrow_mut().take().unwrap_or_default();
        let (stall, connections) = (self.stall, self.connections.clone());
        tokio::task::spawn_local(async move {
            if !finish_unless_stalled(stream, &progress, stall).await {
                connections.stats().count_cut(Cut::Stalled);
            }
        });
    }
}

/// False when the stream was given up; dropping it resets it.
async fn finish_unless_stalled<F: Future>(stream: F, progress: &Progress, stall: Duration) -> bool {
    let mut stream = pin!(stream);
    let mut timer = pin!(sleep_until(Instant::now() + stall));
    std::future::poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        let Some(since) = progress.0.get() else { return Poll::Pending };
        if timer.deadline() != since + stall {
            timer.as_mut().reset(since + stall);
        }
        timer.as_mut().poll(cx).map(|()| false)
    })
    .await
}

/// What a running connection obeys.
struct Conduct<'a> {
    limits: &'a Limits,
    activity: &'a Activity,
    watch: Option<&'a Watch>,
    session: Option<Session>,
    drain: Drain,
}

impl Conduct<'_> {
    /// When the connection counts as idle for too long, if nothing more happens on it.
    fn idle_at(&self) -> Instant {
        let begun = self.watch.and_then(|watch| watch.head_begun.get());
        let since = begun.map_or(self.activity.since.get(), |begun| begun.max(self.activity.since.get()));
        since + self.limits.idle_timeout
    }

    /// Waits for a reason to finish: a drain, the idle time, or that its certificate is no longer trusted.
    /// Says by when, and what it is cut for otherwise.
    async fn finishes(mut self) -> (Instant, Cut) {
        let (mut drain, mut session) = (self.drain.clone(), self.session.take());
        let mut draining = pin!(drain.started());
        let mut distrusted = pin!(async {
            match &mut session {
                Some(session) => session.distrusted().await,
                None => std::future::pending().await,
            }
        });
        let mut idle = pin!(sleep_until(self.idle_at()));
        loop {
            tokio::select! {
                biased;
                until = &mut draining => return (until, Cut::Deadline),
                () = &mut distrusted => {
                    return (Instant::now() + self.limits.write_stall_timeout, Cut::Distrusted);
                }
                () = &mut idle => {
                    let at = self.idle_at();
                    if self.activity.open.get() > 0 {
                        idle.as_mut().reset(Instant::now() + self.limits.idle_timeout);
                    } else if at > Instant::now() {
                        idle.as_mut().reset(at);
                    } else {
                        return (Instant::now() + self.limits.write_stall_timeout, Cut::Deadline);
                    }
                }
            }
        }
    }
}

/// Both of hyper's connections can be asked to finish.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<S, B, E> Graceful for http1::Connection<Guard, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B, Error = E>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Graceful for http2::Connection<TokioIo<Counted>, S, Streams>
where
    S: hyper::service::HttpService<Incoming, ResBody = Tracked, Error = Infallible>,
    S::Future: 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Polls the connection until it ends; asks it to finish when there is a reason, and cuts it when it does not.
async fn drive<C: Graceful>(mut connection: Pin<&mut C>, conduct: Conduct<'_>) -> Option<Cut> {
    let finishes = pin!(conduct.finishes());
    let (deadline, cut) = tokio::select! {
        biased;
        ended = connection.as_mut() => return why(ended),
        finishes = seldom(finishes) => finishes,
    };
    connection.as_mut().finish();
    match tokio::time::timeout_at(deadline, connection).await {
        Ok(ended) => why(ended),
        Err(_) => Some(cut),
    }
}

fn why(ended: hyper::Result<()>) -> Option<Cut> {
    match ended {
        Ok(()) => None,
        Err(error) if error.is_parse() => Some(Cut::Unparsed),
        Err(_) => Some(Cut::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::framing::{FramingLimits, Inspector, Verdict};

    /// Whatever hyper may come to refuse that the inspector lets through, it leaves a record.
    #[test]
    fn a_head_that_hyper_alone_refuses_is_served_as_a_refusal() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let activity = Rc::new(Activity { open: Cell::new(0), since: Cell::new(Instant::now()) });
        let seen = RefCell::new(Vec::new());
        let watch = Watch { head_fault: Cell::new(None), head_begun: Cell::new(None) };
        let service = service_fn(|request: Request<Incoming>| {
            seen.borrow_mut().push((request.method().to_string(), fault_of(&watch, &request)));
            let open = Open::new(&activity);
            async { Ok(Response::new(Tracked { body: Body::Empty, progress: None, _open: open })) }
        });
        runtime.block_on(record_unparsed(&watch, &service));
        assert_eq!(*seen.borrow(), [("GET".to_owned(), Some(Cause::NotHttp))]);
        assert_eq!(activity.open.get(), 0);
    }

    /// The stand-in is a request that the guard itself would let through.
    #[test]
    fn the_stand_in_is_whole() {
        let mut inspector = Inspector::new(FramingLimits::default());
        assert_eq!(inspector.inspect(SYNTHETIC).verdict, Verdict::Clean);
        assert!(inspector.is_between_requests());
    }
}
