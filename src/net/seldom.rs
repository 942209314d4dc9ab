//! A future that is polled when it was woken itself, not each time its task is.
//!
//! A connection's task is woken several times a request. What it also waits for, the end of its idle time or a
//! drain, hardly ever comes, and asking each time costs as much as a stage of the request.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Rung by what the future waits for.
struct Bell {
    is_rung: AtomicBool,
    /// To be woken then.
    task: Mutex<Option<Waker>>,
}

impl Bell {
    /// Whether it was rung since the last time; then the task is noted.
    fn answer(&self, cx: &Context<'_>) -> bool {
        let is_rung = self.is_rung.load(Ordering::Relaxed) && self.is_rung.swap(false, Ordering::AcqRel);
        if is_rung {
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        }
        is_rung
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.is_rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.into_iter().for_each(Waker::wake);
    }
}

/// Awaits a future beside others that are polled more often. Must stay in the task that polls it first.
pub(super) async fn seldom<T>(mut future: Pin<&mut impl Future<Output = T>>) -> T {
    let bell = Arc::new(Bell { is_rung: AtomicBool::new(true), task: Mutex::default() });
    let waker = Waker::from(bell.clone());
    poll_fn(|cx| match bell.answer(cx) {
        true => future.as_mut().poll(&mut Context::from_waker(&waker)),
        false => Poll::Pending,
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::pin::pin;
    use tokio::sync::Notify;
    use tokio::task::yield_now;

    #[test]
    fn it_is_polled_when_it_was_woken() {
        let (polls, notify) = (Cell::new(0), Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let waits = async {
                let mut notified = pin!(notify.notified());
                poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    notified.as_mut().poll(cx)
                })
                .await;
            };
            let others = async {
                for _ in 0..100 {
                    yield_now().await;
                }
                assert_eq!(polls.get(), 1, "others had their turns");
                notify.notify_one();
            };
            let waits = pin!(waits);
            tokio::join!(seldom(waits), others);
        });
        assert_eq!(polls.get(), 2);
    }

    #[test]
    fn it_is_woken_from_another_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for _ in 0..100 {
            let notify = Arc::new(Notify::new());
            let other = notify.clone();
            let thread = std::thread::spawn(move || other.notify_one());
            let within = std::time::Duration::from_secs(10);
            let waits = async {
                let notified = pin!(notify.notified());
                tokio::time::timeout(within, seldom(notified)).await
            };
            runtime.block_on(waits).unwrap();
            thread.join().unwrap();
        }
    }
}
