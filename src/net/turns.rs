//! Requests begin in turns, so that what is under way is finished before more is begun.
//!
//! When more requests come than a worker can serve, taking them all up at once makes each of them
//! dearer: its memory is touched, put aside, and cold when it is touched again, and each holds a connection
//! to its upstream meanwhile. So beyond a few under way, one begins when another ends, in the order of
//! their arrival. Nothing is refused and nothing bounded by this: where requests wait for slow upstreams,
//! more begin all the same, at a pace above what a worker can serve.
//!
//! ```
//! use std::rc::Rc;
//! use zhamen::net::turns::Turns;
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build_local(Default::default()).unwrap();
//! # runtime.block_on(async {
//! let turns = Rc::new(Turns::default());
//! let mut begun = Vec::new();
//! for _ in 0..1_000 {
//!     begun.push(turns.begin().await); // none of them ends, and yet all begin
//! }
//! # });
//! ```

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// So many requests of a worker begin at once: their memory fits a core's second-level cache.
const AT_ONCE: usize = 32;

/// So many under way, mostly, wait for the engine more than for an upstream that answers at once. What is
/// under way in a slow upstream counts, too: nothing tells the one from the other beforehand.
const CROWD: usize = 8;

/// So often so many more begin, though none ends: sixteen thousand a second, on an engine that serves
/// fewer. Not each time round the event loop, which turns fastest when the worker is starved by others.
const EVERY: Duration = Duration::from_millis(1);
const MORE: usize = 16;

/// One worker's turns.
#[derive(Default)]
pub struct Turns {
    under_way: Cell<usize>,
    waiting: RefCell<VecDeque<oneshot::Sender<Turn>>>,
    /// Whether a task calls those that wait.
    is_pacing: Cell<bool>,
}

/// A request's turn, from its beginning until this is dropped.
pub struct Turn(Rc<Turns>);

impl Turns {
    /// Whether one that came now would wait.
    pub fn are_taken(&self) -> bool {
        self.under_way.get() >= AT_ONCE || !self.waiting.borrow().is_empty()
    }

    /// Whether a crowd is under way.
    pub fn are_crowded(&self) -> bool {
        self.under_way.get() >= CROWD
    }

    /// Waits for a turn.
    pub async fn begin(self: &Rc<Self>) -> Turn {
        if !self.are_taken() {
            return self.enter();
        }
        let (call, called) = oneshot::channel();
        self.waiting.borrow_mut().push_back(call);
        if !self.is_pacing.replace(true) {
            spawn_local(pace(self.clone()));
        }
        // Who waits is called in the end: nothing else takes it out of the queue.
        called.await.unwrap_or_else(|_| self.enter())
    }

    fn enter(self: &Rc<Self>) -> Turn {
        self.under_way.set(self.under_way.get() + 1);
        Turn(self.clone())
    }

    /// Calls the next that still waits.
    fn call(self: &Rc<Self>) {
        let next = || self.waiting.borrow_mut().pop_front();
        if let Some(call) = std::iter::from_fn(next).find(|call| !call.is_closed()) {
            // It fails only where nobody waits, and then gives the turn back.
            let _ = call.send(self.enter());
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Turn(turns) = self;
        turns.under_way.set(turns.under_way.get().saturating_sub(1));
        if turns.under_way.get() < AT_ONCE {
            turns.call();
        }
    }
}

async fn pace(turns: Rc<Turns>) {
    while !turns.waiting.borrow().is_empty() {
        sleep(EVERY).await;
        (0..MORE).for_each(|_| turns.call());
    }
    turns.is_pacing.set(false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build_local(Default::default()).unwrap().block_on(test);
    }

    /// Begins that many, in tasks that note their number and keep their turn until told.
    fn begin(
        turns: &Rc<Turns>,
        count: usize,
        begun: &Rc<RefCell<Vec<usize>>>,
        ends: &Rc<tokio::sync::Notify>,
    ) {
        for number in 0..count {
            let (turns, begun, ends) = (turns.clone(), begun.clone(), ends.clone());
            spawn_local(async move {
                let turn = turns.begin().await;
                begun.borrow_mut().push(number);
                ends.notified().await;
                drop(turn);
            });
        }
    }

    #[test]
    fn eight_are_a_crowd() {
        run(async {
            let turns = Rc::new(Turns::default());
            let mut begun = Vec::new();
            for number in 1..=CROWD {
                begun.push(turns.begin().await);
                assert_eq!(turns.are_crowded(), number == CROWD, "{number}");
            }
            begun.pop();
            assert!(!turns.are_crowded());
        });
    }

    #[test]
    fn all_begin_in_their_order_though_none_ends() {
        run(async {
            let (turns, begun, ends) = (Rc::default(), Rc::default(), Rc::default());
            begin(&turns, 500, &begun, &ends);
            yield_now().await;
            assert_eq!(begun.borrow().len(), AT_ONCE);
            let all = async {
                while begun.borrow().len() < 500 {
                    sleep(EVERY).await;
                }
            };
            timeout(Duration::from_secs(10), all).await.unwrap();
            assert_eq!(*begun.borrow(), (0..500).collect::<Vec<_>>());
            assert_eq!(turns.under_way.get(), 500);
        });
    }

    #[test]
    fn one_that_ends_makes_way_for_the_next() {
        run(async {
            let (turns, begun, ends) = (Rc::<Turns>::default(), Rc::default(), Rc::default());
            turns.is_pacing.set(true); // so that no other task calls
            begin(&turns, AT_ONCE + 2, &begun, &ends);
            yield_now().await;
            for more in 0..3 {
                assert_eq!(begun.borrow().len(), AT_ONCE + more.min(2));
                ends.notify_one();
                yield_now().await;
                yield_now().await;
            }
            assert_eq!(turns.under_way.get(), AT_ONCE - 1);
        });
    }

    /// A connection that closes takes its waiting request with it.
    #[test]
    fn one_that_goes_away_is_passed_over() {
        run(async {
            let turns = Rc::<Turns>::default();
            turns.is_pacing.set(true);
            let mut held: Vec<Turn> = Vec::new();
            for _ in 0..AT_ONCE {
                held.push(turns.begin().await);
            }
            let soon = Duration::from_millis(1);
            for _ in 0..3 {
                assert!(timeout(soon, turns.begin()).await.is_err());
            }
            let (last, ()) = tokio::join!(timeout(1000 * soon, turns.begin()), async { drop(held.pop()) });
            assert!(last.is_ok());
            assert_eq!(turns.under_way.get(), AT_ONCE);
        });
    }
}
