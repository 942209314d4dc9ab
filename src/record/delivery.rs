//! The end of an answer: what it leaves, and where that waits to be entered.
//!
//! What defence and quotas must know of an answer is told them when it ends. Its entry is made a moment
//! later, together with those of the answers that ended beside it: the code that makes entries is long,
//! and run again while it is at hand it costs less. A request keeps its place in the audit queue until
//! then, so there is room for the entry.

use super::{Books, Ending, Entered, Record};
use crate::engine::evidence::Handover;
use crate::engine::evidence::receipt::Answered;
use crate::engine::mask::Tally;
use crate::engine::reason::Cause;
use crate::net::body::{End, Outcome};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use tokio::sync::Notify;

/// A record whose answer is on its way; it ends with the body.
pub struct Delivery {
    /// Taken when the end is told.
    record: Option<Box<Record>>,
    status: u16,
}

/// An answer that ended.
struct Ended {
    record: Box<Record>,
    status: u16,
    fault: Option<Cause>,
    bytes: u64,
    tally: Option<Box<Tally>>,
    answered: Option<Box<Answered>>,
    at: i64,
}

impl Delivery {
    pub(super) fn new(record: Box<Record>, status: u16) -> Self {
        Delivery { record: Some(record), status }
    }

    /// The body ended, somehow.
    pub fn ended(mut self, outcome: Outcome) {
        let Outcome { end, bytes_delivered, tally, answered, fault: _ } = outcome;
        let fault = match end {
            End::Finished => None,
            End::Aborted(cause) => Some(cause),
            End::Cancelled => Some(Cause::Cancelled),
        };
        if let (Some(record), Some(tally)) = (&self.record, &tally) {
            record.seen(tally);
        }
        self.tell(fault, bytes_delivered, tally, answered);
    }

    /// The answer has no body.
    pub fn without_body(mut self) {
        self.tell(None, 0, None, None);
    }

    fn tell(
        &mut self,
        fault: Option<Cause>,
        bytes: u64,
        tally: Option<Box<Tally>>,
        answered: Option<Box<Answered>>,
    ) {
        let Some(record) = self.record.take() else { return };
        record.observe(None, tally.as_deref());
        record.charge_volume(tally.as_deref());
        if fault.is_none() && record.entered == Entered::Answer {
            return;
        }
        let (books, at) = (record.books.clone(), record.books.clock.unix_ms());
        books.daybook.note(Ended { record, status: self.status, fault, bytes, tally, answered, at });
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.tell(Some(Cause::Cancelled), 0, None, None);
    }
}

impl Ended {
    fn enter(mut self) {
        let ending = Ending {
            status: self.status,
            fault: self.fault,
            bytes: self.bytes,
            handover: if self.fault.is_none() { Handover::Whole } else { Handover::Short },
            tally: self.tally.as_deref(),
            answered: self.answered.as_deref(),
            at: self.at,
        };
        let body = self.record.ended(&ending);
        self.record.slot.leave(body);
    }
}

/// The answers of one worker that ended since it last made entries, in order.
#[derive(Default)]
pub struct Daybook {
    ended: RefCell<VecDeque<Ended>>,
    noted: Notify,
    /// Somebody makes the entries of what is noted; otherwise each is made at once.
    is_kept: Cell<bool>,
}

/// Keeps the daybook for as long as it lives, and leaves nothing in it.
struct Keeper(Rc<Books>);

impl Daybook {
    /// Makes the entries of what is noted, for ever: to be run by the worker whose book it is, beside its
    /// requests. Its turn comes when those that can go on have gone on, and what they write has left.
    pub async fn keep(books: Rc<Books>) {
        let keeper = Keeper(books);
        let daybook = &keeper.0.daybook;
        daybook.is_kept.set(true);
        loop {
            daybook.noted.notified().await;
            after_the_others().await;
            daybook.enter();
        }
    }

    fn note(&self, ended: Ended) {
        if !self.is_kept.get() {
            return ended.enter();
        }
        self.ended.borrow_mut().push_back(ended);
        self.noted.notify_one();
    }

    fn enter(&self) {
        let next = || self.ended.borrow_mut().pop_front();
        std::iter::from_fn(next).for_each(Ended::enter);
    }
}

/// Lets everything that is awake by now have its turn.
async fn after_the_others() {
    let mut have_had = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut have_had, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let daybook = &self.0.daybook;
        daybook.is_kept.set(false);
        daybook.enter();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{spawn_local, yield_now};

    #[test]
    fn entries_come_after_all_that_is_awake() {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        let done = Rc::new(RefCell::new(Vec::new()));
        let tasks = ["a", "b", "c"].map(|name| {
            let done = done.clone();
            async move {
                done.borrow_mut().push(format!("{name} went on"));
                after_the_others().await;
                done.borrow_mut().push(format!("{name} is entered"));
            }
        });
        runtime.block_on(async {
            let tasks = tasks.map(spawn_local);
            yield_now().await;
            for task in tasks {
                task.await.unwrap();
            }
        });
        let expect = ["a went on", "b went on", "c went on", "a is entered", "b is entered", "c is entered"];
        assert_eq!(*done.borrow(), expect);
    }
}
