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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use tokio::task::spawn_local;

    #[test]
    fn what_is_written_comes_after_all_that_is_ready() {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        let done = Rc::new(RefCell::new(Vec::new()));
        let tasks = ["a", "b", "c"].map(|name| {
            let done = done.clone();
            move || {
                spawn_local(async move {
                    done.borrow_mut().push(format!("{name} made"));
                    let mut put_off = PutOff::default();
                    poll_fn(|cx| put_off.poll(cx)).await;
                    done.borrow_mut().push(format!("{name} written"));
                })
            }
        });
        runtime.block_on(async {
            for task in tasks.map(|spawn| spawn()) {
                task.await.unwrap();
            }
        });
        let expect = ["a made", "b made", "c made", "a written", "b written", "c written"];
        assert_eq!(*done.borrow(), expect);
    }
}
