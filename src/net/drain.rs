//! The signal to stop: accept nothing new, finish what is open, cut the rest at a deadline.
//!
//! ```
//! use std::time::Duration;
//! let (stop, drain) = zhamen::net::drain::drain();
//! assert!(!drain.is_draining());
//! stop.start(Duration::from_secs(5));
//! assert!(drain.is_draining());
//! ```

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Starts the drain.
#[derive(Debug)]
pub struct Stop(watch::Sender<Option<Instant>>);

/// Sees the drain; clone one for each listener.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<Option<Instant>>);

/// Both ends of a new signal.
pub fn drain() -> (Stop, Drain) {
    let (sender, receiver) = watch::channel(None);
    (Stop(sender), Drain(receiver))
}

impl Stop {
    /// Begins to drain; what is still open after `within` is cut. A second call changes nothing, so
    /// that a second signal cannot lengthen the first one's promise.
    pub fn start(&self, within: Duration) {
        self.0.send_if_modified(|deadline| match deadline {
            Some(_) => false,
            None => {
                *deadline = Some(Instant::now() + within);
                true
            }
        });
    }
}

impl Drain {
    /// Whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until the drain begins and tells its deadline. Pends for ever when [`Stop`] was dropped
    /// without starting it.
    pub async fn started(&mut self) -> Instant {
        loop {
            if let Some(deadline) = *self.0.borrow_and_update() {
                return deadline;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
