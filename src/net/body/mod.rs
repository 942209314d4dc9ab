//! Bodies: what becomes of an answer on its way down, and how a request's body is read.
//!
//! A response body is nothing, a document of our own, or bytes that went through a masker; there is
//! no fourth kind, so nothing an upstream wrote can be passed on by mistake. A fault in the middle of
//! an answer ends it visibly (a reset stream, or a connection closed before the last chunk): a
//! caller can never take part of an answer for the whole.
//!
//! ```
//! use hyper::body::Body as _;
//! use zhamen::net::body::Body;
//! assert!(Body::Empty.is_end_stream());
//! assert_eq!(Body::Full("{}".into()).size_hint().exact(), Some(2));
//! ```

pub mod coding;
mod flow;
mod masked;

pub use flow::{AnswerLimits, Masking, Unmaskable};
pub use masked::{End, MaskedBody, OnDone, Outcome, Prepared, Trailers, prepare};

use super::guard::framing_fault;
use crate::engine::reason::Cause;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Why an answer was broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyError(pub Cause);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer was broken off: {}", self.0)
    }
}

impl std::error::Error for BodyError {}

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    Empty,
    /// A document of our own: a refusal, a page of the admin plane. Never upstream bytes.
    Full(Bytes),
    Masked(MaskedBody),
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Body::Masked(masked) => masked.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Masked(masked) => masked.is_complete(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Masked(masked) => masked.size_hint(),
        }
    }
}

/// Reads a request's body whole; its trailers are dropped (RFC 9110 section 6.5.1 allows it, and
/// merging them into the headers would let a caller add what was already judged).
///
/// # Errors
/// [`Cause::BodySize`] beyond `bytes_max`, announced or counted; [`Cause::SlowBody`] after `timeout`;
/// a framing fault's own cause; [`Cause::EarlyClose`] when the peer broke off.
pub async fn read_request_body(
    mut body: Incoming,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Cause> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Cause::BodySize);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(timeout, collect(&mut body, bytes_max)).await.unwrap_or(Err(Cause::SlowBody))
}

async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Bytes, Cause> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| framing_fault(&error).unwrap_or(Cause::EarlyClose))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if first.len() + rest.len() + bytes.len() > bytes_max {
            return Err(Cause::BodySize);
        }
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = bytes,
            (false, true) => {
                rest.reserve(first.len() + bytes.len());
                rest.extend_from_slice(&std::mem::take(&mut first));
                rest.extend_from_slice(&bytes);
            }
            (_, false) => rest.extend_from_slice(&bytes),
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
