//! What an upstream answered: its head and its body.

use super::Upstream;
use super::exchange::Exchange;
use super::health::InFlight;
use crate::engine::framing::answer::Fields;
use crate::engine::reason::Cause;
use bytes::Bytes;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// Taken off what an upstream promises to keep a connection, for the time a request travels.
const KEEP_ALIVE_MARGIN: Duration = Duration::from_millis(500);

/// An upstream's answer.
#[derive(Debug)]
pub struct Answer {
    /// 200 to 999.
    pub status: u16,
    pub fields: Fields,
    pub body: AnswerBody,
    /// From the call to the answer's head, retries included, in microseconds.
    pub first_byte_us: u64,
    /// By then the exchange must be over: `total_timeout` from the call.
    pub deadline: Instant,
}

/// How long the connection may idle after this answer.
pub(super) fn keep_for(fields: &Fields, idle_timeout: Duration) -> Duration {
    let value = fields.all("keep-alive").next();
    let promised = value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| {
        let timeout = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
        timeout.trim().parse::<u32>().ok()
    });
    promised.map_or(idle_timeout, |seconds| {
        idle_timeout.min(Duration::from_secs(seconds.into()).saturating_sub(KEEP_ALIVE_MARGIN))
    })
}

/// A connection lent to one exchange.
pub(super) struct Lease {
    pub(super) upstream: Rc<Upstream>,
    pub(super) endpoint: usize,
    pub(super) exchange: Exchange,
    pub(super) keep_for: Duration,
    pub(super) in_flight: InFlight,
}

/// The body of an answer. Read to its end, its connection goes back to the pool; dropped before, the
/// connection is closed, so that the upstream stops.
pub struct AnswerBody {
    /// None once the body is over.
    lease: Option<Box<Lease>>,
}

impl AnswerBody {
    pub(super) fn new(lease: Box<Lease>) -> Self {
        AnswerBody { lease: Some(lease) }
    }

    /// The length that is still to come, if the upstream announced it.
    pub fn announced(&self) -> Option<u64> {
        self.lease.as_ref().map_or(Some(0), |lease| lease.exchange.announced())
    }

    /// The next bytes; trailers are dropped.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cause>>> {
        let Some(lease) = &mut self.lease else { return Poll::Ready(None) };
        let polled = ready!(lease.exchange.poll_body(cx));
        match polled {
            None => self.give_back(),
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                if let Some(lease) = self.lease.take() {
                    lease.in_flight.failed();
                }
            }
        }
        Poll::Ready(polled)
    }

    /// The next bytes, awaited; `None` at the end.
    ///
    /// # Errors
    /// [`Cause::UpstreamReset`] or [`Cause::UpstreamMalformed`].
    pub async fn next(&mut self) -> Option<Result<Bytes, Cause>> {
        std::future::poll_fn(|cx| self.poll_bytes(cx)).await
    }

    fn give_back(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let Lease { upstream, endpoint, exchange, keep_for, in_flight } = *lease;
        drop(in_flight);
        if let Some(connection) = exchange.into_connection() {
            upstream.keep(endpoint, connection, keep_for);
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        // An answer without a body needs no reading.
        if self.lease.as_ref().is_some_and(|lease| lease.exchange.is_over()) {
            self.give_back();
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerBody({:?} bytes announced)", self.announced())
    }
}
