//! One worker: a thread with its own runtime, socket, upstream pools, memos and counters.

use super::{GatewayError, Parts};
use crate::engine::decide::Memo;
use crate::engine::mask::scalar::TokenKey;
use crate::identity::memo::TokenMemo;
use crate::net::body::Body;
use crate::net::drain::Drain;
use crate::net::listener::Listener;
use crate::net::outbox::Outbox;
use crate::net::turns::Turns;
use crate::net::upstream::Upstreams;
use crate::ops::metrics::WorkerMetrics;
use crate::record::{Books, Daybook};
use crate::request::{Worker, serve};
use crate::secret;
use hyper::Response;
use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

/// One request on its way to its answer.
type Serving = Pin<Box<dyn Future<Output = Response<Body>>>>;

/// Starts a worker on its socket.
pub(super) fn start(
    parts: &Arc<Parts>,
    socket: TcpListener,
    drain: Drain,
) -> Result<JoinHandle<()>, GatewayError> {
    let parts = parts.clone();
    let (tell, started) = std::sync::mpsc::sync_channel(1);
    let run = move || {
        // A runtime of this kind belongs to the thread that makes it.
        let made = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
        let runtime = match made {
            Ok(runtime) => runtime,
            Err(error) => return drop(tell.send(Err(error))),
        };
        let _ = tell.send(Ok(()));
        let limits = Arc::new(parts.settings.limits.clone());
        let listener = Listener::new(socket, parts.tls.clone(), limits, parts.connections.clone());
        let worker = Rc::new(worker(&parts, listener.turns(), listener.outbox()));
        // They end with the runtime.
        runtime.spawn_local(Outbox::keep(listener.outbox()));
        runtime.spawn_local(worker.books.desk.deliver());
        runtime.spawn_local(Daybook::keep(worker.books.clone()));
        let served = runtime.block_on(listener.run(drain, move |peer, request| {
            // Boxed once, because it is large: a connection that waits keeps no room for it.
            let serving: Serving = if super::usage::is_for_us(&parts, &request) {
                let parts = parts.clone();
                Box::pin(async move { super::usage::respond(&parts, peer.address.ip(), request).await })
            } else if super::public::is_for_us(&parts, &request) {
                let parts = parts.clone();
                Box::pin(async move { super::public::respond(&parts, request).await })
            } else {
                // Made where it stays: all of it would be copied there otherwise.
                let made = Box::write(Box::new_uninit(), serve(worker.clone(), peer, request));
                Box::into_pin(made)
            };
            serving
        }));
        if let Err(error) = served {
            tracing::error!(%error, "a worker could not use its socket");
            std::process::abort();
        }
    };
    let spawned = std::thread::Builder::new().name("worker".into()).spawn(run);
    let failed = |error| GatewayError::Start { what: "a worker", error };
    let thread = spawned.map_err(failed)?;
    let ended = || Err(std::io::Error::other("its thread ended"));
    started.recv().unwrap_or_else(|_| ended()).map_err(failed)?;
    Ok(thread)
}

fn worker(parts: &Parts, turns: Rc<Turns>, outbox: Rc<Outbox>) -> Worker {
    let snapshot = parts.shared.snapshots.current();
    Worker {
        shared: parts.shared.clone(),
        books: Rc::new(Books {
            audit: parts.audit.clone(),
            desk: parts.audit.desk(),
            profiles: parts.shared.profiles.clone(),
            metrics: WorkerMetrics::new(parts.metrics.clone()),
            quotas: parts.shared.quotas.clone(),
            drifts: parts.drifts.clone(),
            subject_key: parts.subject_keys.newest().clone(),
            clock: parts.clock,
            best_effort_l1: parts.settings.audit.best_effort_l1,
            daybook: Daybook::default(),
        }),
        upstreams: Upstreams::new(snapshot.upstreams.clone(), outbox),
        turns,
        memo: RefCell::new(Memo::default()),
        tokens: RefCell::new(TokenMemo::new(parts.settings.identity.token_memo_max)),
        disclosures: RefCell::default(),
        policy_headers: RefCell::default(),
        idle_token_key: TokenKey::derive(&parts.shared.pseudonym_key, "", "").into(),
        id_seed: secret::random(),
        id_count: Cell::new(0),
    }
}
