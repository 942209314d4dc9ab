//! What an upstream answered: its head, examined, and its body.

use super::Upstream;
use super::dial::Connection;
use super::health::InFlight;
use super::settings::UpstreamSettings;
use super::wire::HeadTooLong;
use crate::engine::reason::Cause;
use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Taken off what an upstream promises to keep a connection, for the time a request travels.
const KEEP_ALIVE_MARGIN: Duration = Duration::from_millis(500);

/// An upstream's answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// As received, hop-by-hop headers included: the caller passes on only what it knows.
    pub headers: HeaderMap,
    pub body: AnswerBody,
    /// From the call to the answer's head, retries included, in microseconds.
    pub first_byte_us: u64,
    /// By then the exchange must be over: `total_timeout` from the call.
    pub deadline: Instant,
}

/// Examines a head that hyper could parse.
///
/// # Errors
/// [`Cause::UpstreamMalformed`]: an upgrade nobody asked for; a length that two readers could take
/// differently (RFC 9112 section 6.3); a coding other than `chunked`; too many bytes.
pub(super) fn examine(answer: &Response<Incoming>, settings: &UpstreamSettings) -> Result<(), Cause> {
    let headers = answer.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let sound = match (lengths.next(), codings.next()) {
        (None, None) => true,
        (Some(length), None) => length.as_bytes().iter().all(u8::is_ascii_digit),
        (None, Some(coding)) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    let once = lengths.next().is_none() && codings.next().is_none();
    let small = headers.len() <= settings.headers_max && bytes <= settings.header_bytes_max;
    let final_answer = !answer.status().is_informational();
    if sound && once && small && final_answer { Ok(()) } else { Err(Cause::UpstreamMalformed) }
}

/// How long the connection may idle after this answer.
pub(super) fn keep_for(headers: &HeaderMap, idle_timeout: Duration) -> Duration {
    let promised = headers.get(&KEEP_ALIVE).and_then(|value| value.to_str().ok()).and_then(|value| {
        let timeout = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
        timeout.trim().parse::<u32>().ok()
    });
    promised.map_or(idle_timeout, |seconds| {
        idle_timeout.min(Duration::from_secs(seconds.into()).saturating_sub(KEEP_ALIVE_MARGIN))
    })
}

/// What a failure of hyper's client means.
pub(super) fn cause_of(error: &hyper::Error) -> Cause {
    if error.is_parse() {
        return Cause::UpstreamMalformed;
    }
    let mut source = error.source();
    while let Some(this) = source {
        if let Some(io) = this.downcast_ref::<io::Error>() {
            let long = io.get_ref().is_some_and(|inner| inner.is::<HeadTooLong>());
            // hyper's chunk decoder tells bad chunks by these kinds.
            let odd = matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
            return if long || odd { Cause::UpstreamMalformed } else { Cause::UpstreamReset };
        }
        source = this.source();
    }
    Cause::UpstreamReset
}

/// A connection lent to one exchange.
pub(super) struct Lease {
    pub(super) upstream: Rc<Upstream>,
    pub(super) endpoint: usize,
    pub(super) connection: Connection,
    pub(super) keep_for: Duration,
    pub(super) in_flight: InFlight,
}

/// The body of an answer. Read to its end, its connection goes back to the pool; dropped before, the
/// connection is closed, so that the upstream stops.
pub struct AnswerBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

impl AnswerBody {
    pub(super) fn new(incoming: Incoming, lease: Lease) -> Self {
        AnswerBody { incoming, lease: Some(lease) }
    }

    /// The length, if the upstream announced it.
    pub fn announced(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next bytes; trailers are dropped.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cause>>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                None => {
                    self.give_back();
                    return Poll::Ready(None);
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Some(Err(error)) => {
                    if let Some(lease) = self.lease.take() {
                        lease.in_flight.failed();
                    }
                    return Poll::Ready(Some(Err(cause_of(&error))));
                }
            }
        }
    }

    /// The next bytes, awaited; `None` at the end.
    ///
    /// # Errors
    /// [`Cause::UpstreamReset`] or [`Cause::UpstreamMalformed`].
    pub async fn next(&mut self) -> Option<Result<Bytes, Cause>> {
        std::future::poll_fn(|cx| self.poll_bytes(cx)).await
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            let Lease { upstream, endpoint, connection, keep_for, in_flight } = lease;
            drop(in_flight);
            upstream.keep(endpoint, connection, keep_for);
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        // An answer without a body needs no reading.
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerBody({:?} bytes announced)", self.announced())
    }
}
