//! An upstream body on its way through a masker, within its times and sizes.

use super::coding::Decoding;
use crate::engine::mask::{FaultKind, MaskFault, Masked, Masker, OpaqueGrant, Tally};
use crate::engine::reason::Cause;
use crate::net::upstream::AnswerBody;
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What is done to an answer's body.
pub enum Masking {
    /// It is read in its declared format, value by value.
    Format(Box<Masker>),
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
    /// The most bytes read from the upstream, and the most after decoding.
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
    #[cold]
    fn from(cause: Cause) -> Self {
        Unmaskable { cause, fault: None }
    }
}

impl From<MaskFault> for Unmaskable {
    fn from(fault: MaskFault) -> Self {
        let reported = fault.kind == FaultKind::Exception;
        let cause = if reported { Cause::UpstreamException } else { Cause::MaskFailed };
        Unmaskable { cause, fault: Some(fault) }
    }
}

/// One step of the flow.
pub(super) enum Step {
    More(Masked),
    /// The last bytes, and what was seen in all.
    End(Masked, Box<Tally>),
}

/// Decoded bytes that are masked at once.
const DECODED_BYTES: usize = 64 << 10;

/// An upstream body and its masker.
pub(super) struct Flow {
    body: AnswerBody,
    /// None where the body is not coded.
    decoding: Option<Decoding>,
    decoded: Vec<u8>,
    masking: Option<Masking>,
    limits: AnswerLimits,
    bytes_in: u64,
    bytes_decoded: u64,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Flow {
    pub(super) fn new(
        body: AnswerBody,
        decoding: Option<Decoding>,
        masking: Masking,
        limits: AnswerLimits,
    ) -> Self {
        Flow {
            body,
            decoded: vec![0; if decoding.is_some() { DECODED_BYTES } else { 0 }],
            decoding,
            masking: Some(masking),
            limits,
            bytes_in: 0,
            bytes_decoded: 0,
            timer: None,
            waiting: false,
        }
    }

    pub(super) fn limits(&self) -> &AnswerLimits {
        &self.limits
    }

    /// What was seen so far, of an answer that is cut here.
    pub(super) fn tally(&self) -> Option<Box<Tally>> {
        match &self.masking {
            Some(Masking::Format(masker)) => Some(Box::new(masker.tally())),
            Some(Masking::Opaque(_)) | None => None,
        }
    }

    /// The next masked bytes. Must not be polled after `End` or an error.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Unmaskable>> {
        // What was read before may decode to more than was asked for.
        if let Some(step) = self.decode().transpose() {
            return Poll::Ready(step);
        }
        match self.body.poll_bytes(cx) {
            Poll::Pending => {
                ready!(self.poll_timer(cx));
                Poll::Ready(Err(Cause::UpstreamSlow.into()))
            }
            Poll::Ready(Some(Ok(bytes))) => {
                self.waiting = false;
                Poll::Ready(self.push(bytes))
            }
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Err(cause.into())),
            Poll::Ready(None) => Poll::Ready(self.end()),
        }
    }

    fn push(&mut self, bytes: Bytes) -> Result<Step, Unmaskable> {
        let is_first = self.bytes_in == 0;
        self.bytes_in = self.bytes_in.saturating_add(bytes.len() as u64);
        if self.bytes_in > self.limits.bytes_max {
            return Err(Cause::BodyLimit.into());
        }
        // The first bytes come with the head or soon after it, which came in time.
        if !is_first {
            self.in_time()?;
        }
        match &mut self.decoding {
            None => self.mask(&bytes),
            Some(decoding) => {
                decoding.feed(bytes);
                Ok(self.decode()?.unwrap_or(Step::More(Masked::nothing())))
            }
        }
    }

    /// A body that trickles without ever pausing never lets the timer be polled.
    fn in_time(&self) -> Result<(), Cause> {
        if Instant::now() >= self.limits.deadline { Err(Cause::UpstreamSlow) } else { Ok(()) }
    }

    /// Masks what the bytes read so far decode to, a part at a time; none if there is no more.
    fn decode(&mut self) -> Result<Option<Step>, Unmaskable> {
        let Some(decoding) = &mut self.decoding else { return Ok(None) };
        let length = decoding.fill(&mut self.decoded)?;
        if length == 0 {
            return Ok(None);
        }
        self.bytes_decoded = self.bytes_decoded.saturating_add(length as u64);
        if self.bytes_decoded > self.limits.bytes_max {
            return Err(Cause::BodyLimit.into());
        }
        self.in_time()?;
        let decoded = std::mem::take(&mut self.decoded);
        let step = self.mask(decoded.get(..length).unwrap_or_default());
        self.decoded = decoded;
        step.map(Some)
    }

    fn mask(&mut self, bytes: &[u8]) -> Result<Step, Unmaskable> {
        match &mut self.masking {
            Some(Masking::Format(masker)) => Ok(Step::More(masker.mask(bytes)?)),
            Some(Masking::Opaque(grant)) => Ok(Step::More(Masked::opaque(bytes.to_vec(), grant))),
            None => Ok(Step::More(Masked::nothing())),
        }
    }

    fn end(&mut self) -> Result<Step, Unmaskable> {
        if let Some(decoding) = &self.decoding {
            decoding.finish()?;
        }
        match self.masking.take() {
            Some(Masking::Format(masker)) => {
                let (last, tally) = masker.mask_end()?;
                Ok(Step::End(last, Box::new(tally)))
            }
            Some(Masking::Opaque(_)) | None => {
                let tally = Tally { bytes_in: self.bytes_in, ..Tally::default() };
                Ok(Step::End(Masked::nothing(), Box::new(tally)))
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
