//! Writes are put off until what else can go on has gone on, so that those of one turn of the event loop
//! leave one after another.
//!
//! A write to a socket wakes whoever waits at its other end; where that shares the machine, it takes the
//! processor at once, does its little, and sleeps again, and both find their caches cold. Written one after
//! another, the same bytes find the other end awake: it is woken once, and takes them together. Whoever
//! has nobody beside it is asked again at once.
//!
//! ```
//! use std::task::{Context, Poll, Waker};
//! use zhamen::net::put_off::PutOff;
//! let (mut put_off, mut cx) = (PutOff::default(), Context::from_waker(Waker::noop()));
//! assert_eq!(put_off.poll(&mut cx), Poll::Pending);
//! assert_eq!(put_off.poll(&mut cx), Poll::Ready(()));
//! ```

use std::task::{Context, Poll};

/// Whether a write was put off.
#[derive(Debug, Default)]
pub struct PutOff(bool);

impl PutOff {
    /// Ready each second time. At the first the task is woken, and so asks again when those that are
    /// awake by now have had their turn.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0 = !self.0;
        if !self.0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
