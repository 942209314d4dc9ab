//! Noticing that files changed, however they were changed.
//!
//! One thread waits for file events, for a signal, and for a clock: events make a change fast,
//! the periodic look makes it certain (a lost watch, a network file system, a queue overflow).
//! What changed is not asked here: each [`Watched`] compares digests itself and does nothing when
//! its files are as they were, so looking too often is harmless.
//!
//! A burst of changes (an editor's save, a symlink swap, a `git pull`) is acted on once, after
//! things have been quiet for a moment.

use notify::{RecursiveMode, Watcher};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Quiet this long before a change is acted on: long enough for an editor's rename dance.
const QUIET: Duration = Duration::from_millis(200);
/// A burst that never quietens is acted on after this all the same.
const BURST_MAX: Duration = Duration::from_secs(2);
/// Without any event, everything is looked at this often (faults.md PO-09 asks for ten seconds).
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Something that is rebuilt from files.
pub struct Watched {
    /// Folders whose events wake the thread.
    pub folders: Vec<PathBuf>,
    /// Whether events below these folders count, too. Not where only files of the folder itself are read:
    /// an audit log that grows below it would wake the thread with every write.
    pub is_deep: bool,
    /// Looks at its files and acts if they changed; `forced` asks to act in any case.
    pub look: Box<dyn FnMut(bool) + Send>,
}

/// What wakes the reloader.
enum Wake {
    Changed,
    Forced,
    Stop,
}

/// A running reloader. Dropping it stops the thread.
pub struct Reloader {
    wake: Sender<Wake>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Reloader {
    /// Starts the thread. A panic in it ends the process: a gateway that no longer sees policy
    /// changes must not go on as if it did.
    pub fn start(watched: Vec<Watched>) -> std::io::Result<Self> {
        let (wake, woken) = channel();
        let events = wake.clone();
        let run = move || {
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(watched, events, woken)));
            if ran.is_err() {
                tracing::error!("the reloader panicked; the process ends");
                std::process::abort();
            }
        };
        let thread = std::thread::Builder::new().name("reloader".into()).spawn(run)?;
        Ok(Reloader { wake, thread: Some(thread) })
    }

    /// Rebuilds everything now, whether or not it changed (SIGHUP).
    pub fn force(&self) {
        // A send fails only when the thread ended, and then the process is ending.
        let _ = self.wake.send(Wake::Forced);
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        let _ = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut watched: Vec<Watched>, events: Sender<Wake>, woken: Receiver<Wake>) {
    let _watcher = watch(&watched, events);
    loop {
        let forced = match woken.recv_timeout(LOOK_EVERY) {
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Wake::Forced) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Ok(Wake::Changed) => match settle(&woken) {
                Some(forced) => forced,
                None => return,
            },
        };
        for watched in &mut watched {
            (watched.look)(forced);
        }
    }
}

/// Waits until the burst is over; tells whether a forced reload came with it, nothing to stop.
fn settle(woken: &Receiver<Wake>) -> Option<bool> {
    let begun = Instant::now();
    let mut forced = false;
    while begun.elapsed() < BURST_MAX {
        match woken.recv_timeout(QUIET) {
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            Ok(Wake::Forced) => forced = true,
            Ok(Wake::Changed) => {}
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    Some(forced)
}

/// Watches folders, not files: a file replaced by rename is still seen. Where watching fails the
/// periodic look still finds changes, so it is a warning and no more.
fn watch(watched: &[Watched], events: Sender<Wake>) -> Option<notify::RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_err() || event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = events.send(Wake::Changed);
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "file events are not available; changes are found by looking every few seconds");
            return None;
        }
    };
    // Deep ones last: of two watches of one folder the later one stands.
    let (deep, flat): (Vec<_>, Vec<_>) = watched.iter().partition(|watched| watched.is_deep);
    for watched in flat.into_iter().chain(deep) {
        let mode = if watched.is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        for folder in &watched.folders {
            if let Err(error) = watcher.watch(folder, mode) {
                tracing::warn!(folder = %folder.display(), %error, "not watched; changes are found by looking every few seconds");
            }
        }
    }
    Some(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counted(folder: &std::path::Path, is_deep: bool) -> (Reloader, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (looks, forced) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (looks_in, forced_in) = (looks.clone(), forced.clone());
        let look = Box::new(move |force: bool| {
            looks_in.fetch_add(1, Ordering::SeqCst);
            forced_in.fetch_add(usize::from(force), Ordering::SeqCst);
        });
        let reloader =
            Reloader::start(vec![Watched { folders: vec![folder.to_owned()], is_deep, look }]).unwrap();
        (reloader, looks, forced)
    }

    fn eventually(holds: impl Fn() -> bool) -> bool {
        (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            holds()
        })
    }

    #[test]
    fn a_burst_of_changes_is_one_look() {
        let folder = tempfile::tempdir().unwrap();
        let (reloader, looks, _) = counted(folder.path(), true);
        std::thread::sleep(Duration::from_millis(100));
        for round in 0..20 {
            std::fs::write(folder.path().join("a.cedar"), format!("// {round}")).unwrap();
        }
        assert!(eventually(|| looks.load(Ordering::SeqCst) == 1));
        drop(reloader);
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }

    /// Certificates stand beside folders that the gateway itself writes, such as its audit log.
    #[test]
    fn what_grows_below_a_folder_of_files_wakes_nobody() {
        for (is_deep, expected) in [(false, 0), (true, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let below = folder.path().join("audit");
            std::fs::create_dir(&below).unwrap();
            let (reloader, looks, _) = counted(folder.path(), is_deep);
            std::thread::sleep(Duration::from_millis(100));
            std::fs::write(below.join("1.log"), "{}").unwrap();
            std::thread::sleep(Duration::from_secs(1));
            drop(reloader);
            assert_eq!(looks.load(Ordering::SeqCst), expected, "deep: {is_deep}");
        }
    }

    #[test]
    fn a_forced_reload_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (reloader, _, forced) = counted(folder.path(), true);
        reloader.force();
        assert!(eventually(|| forced.load(Ordering::SeqCst) == 1));
    }
}
