//! One exchange with an upstream, retries included.

use super::answer::{Answer, AnswerBody, Lease, keep_for};
use super::dial::Connection;
use super::exchange::Exchange;
use super::health::InFlight;
use super::outbound::Outbound;
use super::pool::Upstream;
use crate::engine::framing::answer::AnswerHead;
use crate::engine::reason::Cause;
use std::future::poll_fn;
use std::rc::Rc;
use tokio::time::{Instant, timeout_at};

/// Why an attempt failed, and whether another may follow.
struct Failed {
    cause: Cause,
    endpoint: usize,
    /// Not one byte of the request was written.
    unwritten: bool,
}

impl Failed {
    /// A broken connection before the answer is worth a second try, if that cannot do a thing twice.
    fn is_repeatable(&self, request: &Outbound) -> bool {
        let broken = matches!(self.cause, Cause::UpstreamReset | Cause::UpstreamConnect);
        broken && (self.unwritten || request.is_repeatable())
    }
}

impl Upstream {
    /// Sends the request and awaits the answer's head.
    ///
    /// # Errors
    /// [`Cause::UpstreamUnhealthy`], [`Cause::UpstreamConnect`], [`Cause::UpstreamTls`],
    /// [`Cause::UpstreamReset`], [`Cause::UpstreamMalformed`] or [`Cause::UpstreamSlow`]. Dropping the
    /// future closes the connection, so that the upstream stops.
    pub async fn forward(self: &Rc<Self>, request: &Outbound) -> Result<Answer, Cause> {
        let begun = Instant::now();
        let deadline = begun + self.settings().total_timeout;
        let (head, lease) = self.exchange(request, begun, deadline).await?;
        Ok(Answer {
            status: head.status,
            fields: head.fields,
            body: AnswerBody::new(lease),
            first_byte_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            deadline,
        })
    }

    async fn exchange(
        self: &Rc<Self>,
        request: &Outbound,
        mut now: Instant,
        deadline: Instant,
    ) -> Result<(AnswerHead, Box<Lease>), Cause> {
        self.earn();
        let (mut left, mut avoid) = (self.settings().retries.max, None);
        loop {
            let (endpoint, in_flight) = self.choose(avoid)?;
            let failed = match self.attempt(endpoint, in_flight, request, (now, deadline)).await {
                Ok(exchanged) => return Ok(exchanged),
                Err(failed) => failed,
            };
            // Dialling the only endpoint twice in a row finds the same.
            let elsewhere = failed.cause != Cause::UpstreamConnect || self.shared().endpoints().len() > 1;
            let repeat = left > 0 && elsewhere && failed.is_repeatable(request) && self.spend();
            now = Instant::now();
            if !repeat || now >= deadline {
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
        request: &Outbound,
        (now, deadline): (Instant, Instant),
    ) -> Result<(AnswerHead, Box<Lease>), Failed> {
        let (connection, now) = match self.take_idle(endpoint, now) {
            Some(connection) => (connection, now),
            // Boxed, because dialling is rare and large, and would be carried by every request.
            None => match Box::pin(self.open(endpoint, deadline)).await {
                Ok(connection) => (connection, Instant::now()),
                Err(cause) => {
                    in_flight.failed();
                    return Err(Failed { cause, endpoint, unwritten: true });
                }
            },
        };
        if let Some(not_after) = connection.certificate_not_after {
            in_flight.health().saw_certificate(not_after);
        }
        let mut lease = self.lease(endpoint, in_flight, connection, request);
        match self.ask(&mut lease.exchange, now, deadline).await {
            Ok(head) => {
                lease.in_flight.succeeded();
                lease.keep_for = keep_for(&head.fields, lease.keep_for);
                Ok((head, lease))
            }
            Err(cause) => {
                let unwritten = lease.exchange.is_unwritten();
                // A kept connection that was closed meanwhile says nothing about the endpoint.
                if !unwritten {
                    lease.in_flight.failed();
                }
                Err(Failed { cause, endpoint, unwritten })
            }
        }
    }

    /// Boxed, because it outlives the attempt and is handed on with the answer's body.
    fn lease(
        self: &Rc<Self>,
        endpoint: usize,
        in_flight: InFlight,
        connection: Connection,
        request: &Outbound,
    ) -> Box<Lease> {
        let written = request.written(&self.target(endpoint).lines);
        let exchange = Exchange::new(connection, written, !request.is_head(), self.settings());
        let keep_for = self.settings().idle_timeout;
        Box::new(Lease { upstream: self.clone(), endpoint, exchange, keep_for, in_flight })
    }

    async fn ask(
        &self,
        exchange: &mut Exchange,
        now: Instant,
        deadline: Instant,
    ) -> Result<AnswerHead, Cause> {
        let until = deadline.min(now + self.settings().first_byte_timeout);
        timeout_at(until, poll_fn(|cx| exchange.poll_head(cx))).await.unwrap_or(Err(Cause::UpstreamSlow))
    }
}
