//! One worker: a thread with its own runtime, socket, upstream pools, memos and counters.

use super::{GatewayError, Parts};
use crate::engine::decide::Memo;
use crate::engine::mask::scalar::TokenKey;
use crate::identity::memo::TokenMemo;
use crate::net::drain::Drain;
use crate::net::listener::Listener;
use crate::net::upstream::Upstreams;
use crate::ops::metrics::WorkerMetrics;
use crate::record::Books;
use crate::request::{Worker, serve};
use crate::state::secret;
use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts a worker on its socket.
pub(super) fn start(
    parts: &Arc<Parts>,
    socket: TcpListener,
    drain: Drain,
) -> Result<JoinHandle<()>, GatewayError> {
    let parts = parts.clone();
    let runtime =
        super::upkeep::runtime().map_err(|error| GatewayError::Start { what: "a worker", error })?;
    let run = move || {
        let limits = Arc::new(parts.settings.limits.clone());
        let listener = Listener::new(socket, parts.tls.clone(), limits, parts.connections.clone());
        let worker = Rc::new(worker(&parts));
        let local = tokio::task::LocalSet::new();
        let served = local.block_on(
            &runtime,
            listener.run(drain, move |peer, request| serve(worker.clone(), peer, request)),
        );
        if let Err(error) = served {
            tracing::error!(%error, "a worker could not use its socket");
            std::process::abort();
        }
    };
    let spawned = std::thread::Builder::new().name("worker".into()).spawn(run);
    spawned.map_err(|error| GatewayError::Start { what: "a worker", error })
}

fn worker(parts: &Parts) -> Worker {
    let snapshot = parts.shared.snapshots.current();
    Worker {
        shared: parts.shared.clone(),
        books: Rc::new(Books {
            audit: parts.audit.clone(),
            profiles: parts.shared.profiles.clone(),
            metrics: WorkerMetrics::new(parts.metrics.clone()),
            quotas: parts.shared.quotas.clone(),
            drifts: parts.drifts.clone(),
            subject_key: parts.subject_key.clone(),
            clock: parts.clock,
            best_effort_l1: parts.settings.audit.best_effort_l1,
        }),
        upstreams: Upstreams::new(snapshot.upstreams.clone()),
        memo: RefCell::new(Memo::default()),
        tokens: RefCell::new(TokenMemo::new(parts.settings.identity.token_memo_max)),
        disclosures: RefCell::default(),
        idle_token_key: TokenKey::derive(&parts.shared.pseudonym_key, "", ""),
        id_seed: secret::random(),
        id_count: Cell::new(0),
    }
}
