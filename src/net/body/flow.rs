//! An upstream body on its way through a masker, within its times and sizes.

use crate::engine::mask::json::{JsonMasker, MaskFault, Tally};
use crate::engine::mask::sieve::SievedMasker;
use crate::engine::mask::{Masked, OpaqueGrant};
use crate::engine::reason::Cause;
use crate::net::upstream::AnswerBody;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What is done to an answer's body.
pub enum Masking {
    /// It is JSON, walked field by field.
    Json(Box<JsonMasker>),
    /// It is JSON, and some of its records or counts may be left out.
    Sieved(Box<SievedMasker>),
    /// Nothing of it is classified: it passes unread.
    Opaque(OpaqueGrant),
}

/// Times and sizes of one answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// By then the last byte must have come from the upstream.
    pub deadline: Instant,
    /// The longest silence of the upstream.
    pub idle: Duration,
    /// The most bytes read from the upstream.
    pub bytes_max: u64,
    /// So many masked bytes are gathered before the head is released: an answer that ends or fails
    /// within them has an exact length or becomes a clean refusal.
    pub prepare_bytes: usize,
}

/// Why an answer was not released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmaskable {
    pub cause: Cause,
    /// Where and how, if the masker refused it. Never a value.
    pub fault: Option<MaskFault>,
}

impl From<Cause> for Unmaskable {
    fn from(cause: Cause) -> Self {
        Unmaskable { cause, fault: None }
    }
}

impl From<MaskFault> for Unmaskable {
    fn from(fault: MaskFault) -> Self {
        Unmaskable { cause: Cause::MaskFailed, fault: Some(fault) }
    }
}

/// One step of the flow.
pub(super) enum Step {
    More(Masked),
    /// The last bytes, and what was seen in all.
    End(Masked, Tally),
}

/// An upstream body and its masker.
pub(super) struct Flow {
    body: AnswerBody,
    masking: Option<Masking>,
    limits: AnswerLimits,
    bytes_in: u64,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Flow {
    pub(super) fn new(body: AnswerBody, masking: Masking, limits: AnswerLimits) -> Self {
        Flow { body, masking: Some(masking), limits, bytes_in: 0, timer: None, waiting: false }
    }

    pub(super) fn limits(&self) -> &AnswerLimits {
        &self.limits
    }

    /// The next masked bytes. Must not be polled after `End` or an error.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Unmaskable>> {
        match self.body.poll_bytes(cx) {
            Poll::Pending => {
                ready!(self.poll_timer(cx));
                Poll::Ready(Err(Cause::UpstreamSlow.into()))
            }
            Poll::Ready(Some(Ok(bytes))) => {
                self.waiting = false;
                Poll::Ready(self.push(&bytes))
            }
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Err(cause.into())),
            Poll::Ready(None) => Poll::Ready(self.end()),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<Step, Unmaskable> {
        self.bytes_in = self.bytes_in.saturating_add(bytes.len() as u64);
        if self.bytes_in > self.limits.bytes_max {
            return Err(Cause::BodyLimit.into());
        }
        // A body that trickles without ever pausing never lets the timer be polled.
        if Instant::now() >= self.limits.deadline {
            return Err(Cause::UpstreamSlow.into());
        }
        match &mut self.masking {
            Some(Masking::Json(masker)) => Ok(Step::More(masker.mask(bytes)?)),
            Some(Masking::Sieved(masker)) => Ok(Step::More(masker.mask(bytes)?)),
            Some(Masking::Opaque(grant)) => Ok(Step::More(Masked::opaque(bytes.to_vec(), grant))),
            None => Ok(Step::More(Masked::nothing())),
        }
    }

    fn end(&mut self) -> Result<Step, Unmaskable> {
        match self.masking.take() {
            Some(Masking::Json(masker)) => {
                let (last, tally) = masker.mask_end()?;
                Ok(Step::End(last, tally))
            }
            Some(Masking::Sieved(masker)) => {
                let (last, tally) = masker.mask_end()?;
                Ok(Step::End(last, tally))
            }
            Some(Masking::Opaque(_)) | None => {
                let tally = Tally { bytes_in: self.bytes_in, ..Tally::default() };
                Ok(Step::End(Masked::nothing(), tally))
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = match &mut self.timer {
            Some(timer) if self.waiting => timer,
            timer => {
                self.waiting = true;
                let until = self.limits.deadline.min(Instant::now() + self.limits.idle);
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                timer.as_mut().reset(until);
                timer
            }
        };
        timer.as_mut().poll(cx)
    }
}
