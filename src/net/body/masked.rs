//! The response body that an upstream's answer becomes.

use super::BodyError;
use super::flow::{AnswerLimits, Flow, Masking, Step, Unmaskable};
use crate::engine::evidence::receipt::{Answered, Running};
use crate::engine::mask::Masked;
use crate::engine::mask::json::{MaskFault, Tally};
use crate::engine::reason::Cause;
use crate::net::upstream::AnswerBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::HeaderMap;
use std::fmt;
use std::task::{Context, Poll, ready};

/// How the delivery of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every byte was handed to the connection.
    Finished,
    /// The upstream or the masker failed after the head was released; the stream was broken off.
    Aborted(Cause),
    /// The caller went away, or was cut for not reading.
    Cancelled,
}

/// What became of an answer. Made exactly once for each body, when it ends or is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub end: End,
    /// Bytes handed to the connection; the caller may have received fewer.
    pub bytes_delivered: u64,
    /// What the masker saw; absent unless it came to the end of the document.
    pub tally: Option<Tally>,
    /// Where the masker failed, if it did.
    pub fault: Option<MaskFault>,
    /// What left, where a receipt was made of it.
    pub answered: Option<Answered>,
}

/// Makes the trailers of an answer out of what left.
pub type Trailers = Box<dyn FnOnce(&Answered) -> HeaderMap>;

/// Told the outcome, once.
pub type OnDone = Box<dyn FnOnce(Outcome)>;

/// An answer whose beginning, or all of it, is masked and waits for its head to be released.
pub struct Prepared {
    first: Masked,
    tally: Option<Tally>,
    flow: Option<Box<Flow>>,
}

/// Reads and masks until the document ends or `limits.prepare_bytes` are gathered.
///
/// # Errors
/// Nothing was sent yet, so the caller can still be given a clean refusal.
pub async fn prepare(
    body: AnswerBody,
    masking: Masking,
    limits: AnswerLimits,
) -> Result<Prepared, Unmaskable> {
    let mut flow = Flow::new(body, masking, limits);
    let mut first = Masked::nothing();
    loop {
        match std::future::poll_fn(|cx| flow.poll_step(cx)).await? {
            Step::End(last, tally) => {
                join(&mut first, last);
                return Ok(Prepared { first, tally: Some(tally), flow: None });
            }
            Step::More(more) => join(&mut first, more),
        }
        if first.len() >= flow.limits().prepare_bytes {
            return Ok(Prepared { first, tally: None, flow: Some(Box::new(flow)) });
        }
    }
}

fn join(first: &mut Masked, more: Masked) {
    if first.is_empty() {
        *first = more;
    } else {
        first.append(more);
    }
}

impl Prepared {
    /// What the masker saw, if the whole document is here.
    pub fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    /// The exact length, if the whole document is here.
    pub fn content_length(&self) -> Option<u64> {
        self.tally.is_some().then_some(self.first.len() as u64)
    }

    /// The whole answer's digest and records; none where more of it is to come.
    pub fn answered(&self) -> Option<Answered> {
        let tally = self.tally.as_ref()?;
        let mut running = Running::default();
        running.update(self.first.as_bytes());
        Some(running.finish(Some(tally.records)))
    }

    /// The body; `on_done` is told what became of it.
    pub fn into_body(self, on_done: OnDone) -> super::Body {
        self.into_body_with(None, on_done)
    }

    /// The same; `trailers` are made of what left and follow the last byte.
    pub fn into_body_with(self, trailers: Option<Trailers>, on_done: OnDone) -> super::Body {
        super::Body::Masked(MaskedBody {
            trailers: trailers.map(|make| Box::new((Running::default(), make))),
            answered: None,
            first: Some(self.first),
            tally: self.tally,
            flow: self.flow,
            bytes_delivered: 0,
            on_done: Some(on_done),
        })
    }
}

/// A masked answer on its way.
pub struct MaskedBody {
    first: Option<Masked>,
    tally: Option<Tally>,
    flow: Option<Box<Flow>>,
    bytes_delivered: u64,
    /// Boxed, because few answers have any.
    trailers: Option<Box<(Running, Trailers)>>,
    answered: Option<Box<Answered>>,
    on_done: Option<OnDone>,
}

impl MaskedBody {
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(masked) = self.first.take().filter(|masked| !masked.is_empty()) {
                let bytes = Bytes::from(masked.into_bytes());
                self.bytes_delivered = self.bytes_delivered.saturating_add(bytes.len() as u64);
                if let Some(trailers) = &mut self.trailers {
                    trailers.0.update(&bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(flow) = &mut self.flow else { return Poll::Ready(self.last_frame().map(Ok)) };
            match ready!(flow.poll_step(cx)) {
                Ok(Step::More(more)) => self.first = Some(more),
                Ok(Step::End(last, tally)) => {
                    (self.first, self.tally, self.flow) = (Some(last), Some(tally), None);
                }
                Err(failed) => {
                    // Dropping the flow closes the upstream connection.
                    self.flow = None;
                    self.trailers = None;
                    self.tell(End::Aborted(failed.cause), failed.fault);
                    return Poll::Ready(Some(Err(BodyError(failed.cause))));
                }
            }
        }
    }

    /// The trailers, once, after the last byte.
    fn last_frame(&mut self) -> Option<Frame<Bytes>> {
        let (running, make) = *self.trailers.take()?;
        let answered = running.finish(self.tally.as_ref().map(|tally| tally.records));
        let trailers = make(&answered);
        self.answered = Some(Box::new(answered));
        Some(Frame::trailers(trailers))
    }

    /// Whether every byte was handed over.
    pub(super) fn is_complete(&self) -> bool {
        self.flow.is_none() && self.trailers.is_none() && self.first.as_ref().is_none_or(Masked::is_empty)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let waiting = self.first.as_ref().map_or(0, Masked::len) as u64;
        let mut hint = SizeHint::with_exact(waiting);
        if self.flow.is_some() || self.trailers.is_some() {
            hint = SizeHint::new();
            hint.set_lower(waiting);
        }
        hint
    }

    fn tell(&mut self, end: End, fault: Option<MaskFault>) {
        if let Some(on_done) = self.on_done.take() {
            let (tally, answered) = (self.tally.take(), self.answered.take().map(|answered| *answered));
            on_done(Outcome { end, bytes_delivered: self.bytes_delivered, tally, fault, answered });
        }
    }
}

impl Drop for MaskedBody {
    fn drop(&mut self) {
        let end = if self.is_complete() { End::Finished } else { End::Cancelled };
        self.tell(end, None);
    }
}

impl fmt::Debug for MaskedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaskedBody({} bytes delivered)", self.bytes_delivered)
    }
}
