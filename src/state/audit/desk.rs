//! One worker's desk: where its requests take their places, and where receipts come back to it.
//!
//! Waking a task of another thread costs a system call each time, so the writer lays the receipts of a
//! batch down and wakes each worker once. The worker tells its requests itself, which costs none.

use super::queue::Queue;
use super::{Receipt, Slot};
use crate::engine::reason::Cause;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// How an entry's waiter is told.
pub(super) type Tell = oneshot::Sender<Result<Receipt, Cause>>;

/// Where the writer lays down what a worker's requests wait for.
#[derive(Debug, Default)]
pub(super) struct Tray {
    laid: Mutex<Vec<(Tell, Result<Receipt, Cause>)>>,
    arrived: Notify,
}

impl Tray {
    pub fn lay(&self, tell: Tell, result: Result<Receipt, Cause>) {
        self.lock().push((tell, result));
    }

    /// Costs little where the worker was woken already.
    pub fn ring(&self) {
        self.arrived.notify_one();
    }

    /// A panic leaves it whole: every step is one push or swap.
    fn lock(&self) -> MutexGuard<'_, Vec<(Tell, Result<Receipt, Cause>)>> {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's desk.
#[derive(Debug)]
pub struct Desk {
    queue: Arc<Queue>,
    tray: Arc<Tray>,
}

impl Desk {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Desk { queue, tray: Arc::default() }
    }

    /// Takes a place for one request. Its receipts come by way of [`Desk::deliver`].
    ///
    /// # Errors
    /// As [`super::Audit::reserve`].
    pub fn reserve(&self) -> Result<Slot, Cause> {
        self.queue.take_place()?;
        Ok(Slot { queue: self.queue.clone(), tray: Some(self.tray.clone()) })
    }

    /// Hands receipts to the requests that wait for them, for ever: to be run by the worker whose desk it
    /// is, beside its requests.
    pub fn deliver(&self) -> impl Future<Output = ()> + use<> {
        let tray = self.tray.clone();
        async move {
            let mut taken = Vec::new();
            loop {
                tray.arrived.notified().await;
                std::mem::swap(&mut taken, &mut tray.lock());
                for (tell, result) in taken.drain(..) {
                    // A waiter that is gone is no fault.
                    let _ = tell.send(result);
                }
            }
        }
    }
}
