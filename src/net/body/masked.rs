//! The response body that an upstream's answer becomes.

use super::BodyError;
use super::coding::{CODED_BYTES_MIN, Coding, Decoding, Encoding, Wanted};
use super::flow::{AnswerLimits, Flow, Masking, Step, Unmaskable};
use crate::engine::evidence::receipt::{Answered, Running};
use crate::engine::mask::{MaskFault, Masked, Tally};
use crate::engine::reason::Cause;
use crate::net::upstream::AnswerBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::HeaderMap;
use std::fmt;
use std::task::{Context, Poll};

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
    /// What the masker saw: of an answer that was cut, up to there. Absent where nothing was looked at.
    pub tally: Option<Box<Tally>>,
    /// Where the masker failed, if it did.
    pub fault: Option<MaskFault>,
    /// What left, where a receipt was made of it.
    pub answered: Option<Box<Answered>>,
}

/// Makes the trailers of an answer out of what left.
pub type Trailers = Box<dyn FnOnce(&Answered) -> HeaderMap>;

/// Told the outcome, once.
pub type OnDone = Box<dyn FnOnce(Outcome)>;

/// An answer whose beginning, or all of it, is masked and waits for its head to be released.
pub struct Prepared {
    first: Masked,
    /// Boxed, because it is large and handed on from hand to hand.
    tally: Option<Box<Tally>>,
    flow: Option<Box<Flow>>,
    recoded: Recoded,
}

/// How the answer leaves.
enum Recoded {
    /// As it is.
    No,
    /// The whole answer, coded already.
    Whole(Vec<u8>),
    /// As it streams.
    Streaming(Box<Encoding>),
}

/// Reads and masks until the document ends or `limits.prepare_bytes` are gathered. `decoding` undoes
/// the upstream's codings; none if it used none.
///
/// # Errors
/// Nothing was sent yet, so the caller can still be given a clean refusal.
pub async fn prepare(
    body: AnswerBody,
    decoding: Option<Decoding>,
    masking: Masking,
    limits: AnswerLimits,
) -> Result<Prepared, Unmaskable> {
    let mut flow = Flow::new(body, decoding, masking, limits);
    let mut first = Masked::nothing();
    loop {
        match std::future::poll_fn(|cx| flow.poll_step(cx)).await? {
            Step::End(last, tally) => {
                join(&mut first, last);
                return Ok(Prepared { first, tally: Some(tally), flow: None, recoded: Recoded::No });
            }
            Step::More(more) => join(&mut first, more),
        }
        if first.len() >= flow.limits().prepare_bytes {
            let flow = Some(Box::new(flow));
            return Ok(Prepared { first, tally: None, flow, recoded: Recoded::No });
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
        self.tally.as_deref()
    }

    /// The exact length of what leaves, if the whole document is here.
    pub fn content_length(&self) -> Option<u64> {
        match (&self.recoded, &self.tally) {
            (Recoded::Whole(coded), _) => Some(coded.len() as u64),
            (Recoded::No, Some(_)) => Some(self.first.len() as u64),
            (Recoded::Streaming(_) | Recoded::No, _) => None,
        }
    }

    /// Codes the answer as the caller wants it, and says how; none where it leaves as it is, because
    /// it is short or would not become shorter.
    pub fn encode(&mut self, wanted: Wanted) -> Option<Coding> {
        let coding = wanted.0?;
        let whole = self.tally.is_some();
        if whole && self.first.len() < CODED_BYTES_MIN {
            return None;
        }
        let mut encoding = Encoding::new(coding)?;
        if !whole {
            self.recoded = Recoded::Streaming(Box::new(encoding));
            return Some(coding);
        }
        let mut coded = Vec::with_capacity(self.first.len() / 4);
        encoding.push(self.first.as_bytes(), &mut coded).ok()?;
        encoding.finish(&mut coded).ok()?;
        if coded.len() >= self.first.len() {
            return None;
        }
        self.recoded = Recoded::Whole(coded);
        Some(coding)
    }

    /// The digest of what leaves, and what was counted in it; none where more of it is to come.
    pub fn answered(&self) -> Option<Answered> {
        let tally = self.tally.as_ref()?;
        let mut running = Running::default();
        match &self.recoded {
            Recoded::No => running.update(self.first.as_bytes()),
            Recoded::Whole(coded) => running.update(coded),
            Recoded::Streaming(_) => return None,
        }
        Some(running.finish(Some(tally.records), tally.subjects))
    }

    /// The body; `on_done` is told what became of it.
    pub fn into_body(self, on_done: OnDone) -> super::Body {
        self.into_body_with(None, on_done)
    }

    /// The same; `trailers` are made of what left and follow the last byte.
    pub fn into_body_with(self, trailers: Option<Trailers>, on_done: OnDone) -> super::Body {
        let (mut first, coder) = match self.recoded {
            Recoded::No => (self.first.into_bytes(), None),
            Recoded::Whole(coded) => (coded, None),
            Recoded::Streaming(coder) => (self.first.into_bytes(), Some(coder)),
        };
        let mut body = MaskedBody {
            trailers: trailers.map(|make| Box::new((Running::default(), make))),
            answered: None,
            first: Vec::new(),
            tally: self.tally,
            flow: self.flow,
            coder,
            bytes_delivered: 0,
            on_done: Some(on_done),
        };
        body.take(&mut first);
        super::Body::Masked(body)
    }
}

/// A masked answer on its way.
pub struct MaskedBody {
    /// Waits to be handed over, coded if it has to be.
    first: Vec<u8>,
    tally: Option<Box<Tally>>,
    flow: Option<Box<Flow>>,
    /// None where the answer leaves as it is, and after its end.
    coder: Option<Box<Encoding>>,
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
            if !self.first.is_empty() {
                let bytes = Bytes::from(std::mem::take(&mut self.first));
                self.bytes_delivered = self.bytes_delivered.saturating_add(bytes.len() as u64);
                if let Some(trailers) = &mut self.trailers {
                    trailers.0.update(&bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(flow) = &mut self.flow else { return Poll::Ready(self.last_frame().map(Ok)) };
            match flow.poll_step(cx) {
                // While the upstream pauses, the caller gets what is there.
                Poll::Pending if self.coder.as_ref().is_some_and(|coder| coder.is_open()) => self.flush(),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Step::More(more))) => self.take(&mut more.into_bytes()),
                Poll::Ready(Ok(Step::End(last, tally))) => {
                    (self.tally, self.flow) = (Some(tally), None);
                    self.take(&mut last.into_bytes());
                    self.end_coding();
                }
                Poll::Ready(Err(failed)) => {
                    // Dropping the flow closes the upstream connection.
                    self.tally = self.flow.take().and_then(|flow| flow.tally());
                    self.coder = None;
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
        let tally = self.tally.as_ref();
        let subjects = tally.and_then(|tally| tally.subjects);
        let answered = running.finish(tally.map(|tally| tally.records), subjects);
        let trailers = make(&answered);
        self.answered = Some(Box::new(answered));
        Some(Frame::trailers(trailers))
    }

    /// Takes masked bytes to be handed over. A coder writes to memory, which does not fail.
    fn take(&mut self, bytes: &mut Vec<u8>) {
        match &mut self.coder {
            None if self.first.is_empty() => self.first = std::mem::take(bytes),
            None => self.first.append(bytes),
            Some(coder) => {
                let _ = coder.push(bytes, &mut self.first);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(coder) = &mut self.coder {
            let _ = coder.flush(&mut self.first);
        }
    }

    fn end_coding(&mut self) {
        if let Some(coder) = self.coder.take() {
            let _ = coder.finish(&mut self.first);
        }
    }

    /// Whether every byte was handed over.
    pub(super) fn is_complete(&self) -> bool {
        self.flow.is_none() && self.trailers.is_none() && self.first.is_empty()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let waiting = self.first.len() as u64;
        let mut hint = SizeHint::with_exact(waiting);
        if self.flow.is_some() || self.trailers.is_some() {
            hint = SizeHint::new();
            hint.set_lower(waiting);
        }
        hint
    }

    fn tell(&mut self, end: End, fault: Option<MaskFault>) {
        if let Some(on_done) = self.on_done.take() {
            let tally = self.tally.take().or_else(|| self.flow.as_ref()?.tally());
            let answered = self.answered.take();
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
