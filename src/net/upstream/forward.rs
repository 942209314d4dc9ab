//! One exchange with an upstream, retries included.

use super::answer::{Answer, AnswerBody, Lease, cause_of, examine, keep_for};
use super::dial::Connection;
use super::health::InFlight;
use super::pool::Upstream;
use super::wire::HEAD_READ_BYTES;
use crate::engine::reason::Cause;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, Uri};
use std::rc::Rc;
use tokio::time::{Instant, timeout_at};

/// A request as the upstream is to receive it. Its `Host` is the endpoint's unless the headers name
/// another; its length is set from the body.
#[derive(Clone, Debug)]
pub struct Outbound {
    pub method: Method,
    pub path_and_query: PathAndQuery,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why an attempt failed, and whether another may follow.
struct Failed {
    cause: Cause,
    endpoint: usize,
    /// Not one byte of the request was written.
    unwritten: bool,
}

impl Failed {
    /// A broken connection before the answer is worth a second try, if that cannot do a thing twice.
    fn is_repeatable(&self, method: &Method) -> bool {
        let broken = matches!(self.cause, Cause::UpstreamReset | Cause::UpstreamConnect);
        broken && (self.unwritten || matches!(*method, Method::GET | Method::HEAD))
    }
}

impl Upstream {
    /// Sends the request and awaits the answer's head. `ask` makes the request, anew for each attempt:
    /// most need only one, which should not pay for a copy.
    ///
    /// # Errors
    /// [`Cause::UpstreamUnhealthy`], [`Cause::UpstreamConnect`], [`Cause::UpstreamTls`],
    /// [`Cause::UpstreamReset`], [`Cause::UpstreamMalformed`] or [`Cause::UpstreamSlow`]. Dropping the
    /// future closes the connection, so that the upstream stops.
    pub async fn forward(
        self: &Rc<Self>,
        ask: &dyn Fn() -> Result<Outbound, Cause>,
    ) -> Result<Answer, Cause> {
        let begun = Instant::now();
        let deadline = begun + self.settings().total_timeout;
        let (answer, lease) = self.exchange(ask, deadline).await?;
        let (head, incoming) = answer.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: AnswerBody::new(incoming, lease),
            first_byte_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            deadline,
        })
    }

    async fn exchange(
        self: &Rc<Self>,
        ask: &dyn Fn() -> Result<Outbound, Cause>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Lease), Cause> {
        self.earn();
        let (mut left, mut avoid) = (self.settings().retries.max, None);
        loop {
            let request = ask()?;
            let method = request.method.clone();
            let (endpoint, in_flight) = self.choose(avoid)?;
            let failed = match self.attempt(endpoint, in_flight, request, deadline).await {
                Ok(exchanged) => return Ok(exchanged),
                Err(failed) => failed,
            };
            // Dialling the only endpoint twice in a row finds the same.
            let elsewhere = failed.cause != Cause::UpstreamConnect || self.shared().endpoints().len() > 1;
            let repeat = left > 0 && elsewhere && failed.is_repeatable(&method) && self.spend();
            if !repeat || Instant::now() >= deadline {
                return Err(failed.cause);
            }
            left = left.saturating_sub(1);
            avoid = Some(failed.endpoint);
        }
    }

    async fn attempt(
        self: &Rc<Self>,
        endpoint: usize,
        in_flight: InFlight,
        request: Outbound,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Lease), Failed> {
        let connection = match self.take_idle(endpoint) {
            Some(connection) => connection,
            // Boxed, because dialling is rare and large, and would be carried by every request.
            None => match Box::pin(self.open(endpoint, deadline)).await {
                Ok(connection) => connection,
                Err(cause) => {
                    in_flight.failed();
                    return Err(Failed { cause, endpoint, unwritten: true });
                }
            },
        };
        if let Some(not_after) = connection.certificate_not_after {
            in_flight.health().saw_certificate(not_after);
        }
        let written = connection.wire.written();
        let request = self.as_http(endpoint, request);
        let (upstream, keep_longest) = (self.clone(), self.settings().idle_timeout);
        let mut lease = Lease { upstream, endpoint, connection, keep_for: keep_longest, in_flight };
        match self.send(&mut lease.connection, request, deadline).await {
            Ok(answer) => {
                lease.in_flight.succeeded();
                lease.keep_for = keep_for(answer.headers(), keep_longest);
                Ok((answer, lease))
            }
            Err(cause) => {
                let unwritten = lease.connection.wire.written() == written;
                // A kept connection that was closed meanwhile says nothing about the endpoint.
                if !unwritten {
                    lease.in_flight.failed();
                }
                Err(Failed { cause, endpoint, unwritten })
            }
        }
    }

    async fn send(
        &self,
        connection: &mut Connection,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Cause> {
        let settings = self.settings();
        // hyper bounds one head, but not the 1xx heads before it, and it reads on into the body, by a
        // few reads, before this task sees the head.
        connection.wire.bound((settings.header_bytes_max + 8 * HEAD_READ_BYTES) as u64);
        let until = deadline.min(Instant::now() + settings.first_byte_timeout);
        let sent = timeout_at(until, connection.sender.send_request(request)).await;
        let answer = sent.map_err(|_| Cause::UpstreamSlow)?.map_err(|error| cause_of(&error))?;
        connection.wire.lift();
        examine(&answer, settings)?;
        Ok(answer)
    }

    fn as_http(&self, endpoint: usize, outbound: Outbound) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outbound.body));
        *request.method_mut() = outbound.method;
        *request.uri_mut() = Uri::from(outbound.path_and_query);
        *request.headers_mut() = outbound.headers;
        self.shared().authorize(request.headers_mut());
        let host = request.headers_mut().entry(HOST);
        host.or_insert_with(|| self.target(endpoint).authority.clone());
        request
    }
}
