//! The admin plane's listener, and the views it shows of the running parts.

use super::{GatewayError, Parts};
use crate::engine::evidence::tile::TileName;
use crate::engine::evidence::{self, Entry, encode};
use crate::net::body::Body;
use crate::net::connections::Connections;
use crate::net::drain::Drain;
use crate::net::listener::Listener;
use crate::net::peer::Peer;
use crate::net::tls::TlsStore;
use crate::ops::admin::{Act, Admin, Answer, Asked, CallerView, Check, DriftView, host_is_local, problem};
use crate::ops::sinks::Sinks;
use crate::ops::usage::is_usage;
use crate::secret;
use crate::state::audit::{Audit, AuditHealth};
use crate::state::usage::IndexStatus;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Connections of the admin plane: its own, so that a loaded data plane cannot shut operators out.
const CONNECTIONS_MAX: usize = 64;

/// Pages carry their style and nothing else that a browser could act on.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Starts the admin plane on its own thread.
pub(super) fn start(
    parts: &Arc<Parts>,
    sockets: Vec<TcpListener>,
    drain: Drain,
) -> Result<JoinHandle<()>, GatewayError> {
    let tls = parts.settings.admin.tls.clone().map(TlsStore::load).transpose()?;
    let credential = parts.settings.admin.credential_file.as_deref().map(secret::credential).transpose();
    let admin = Arc::new(admin(parts, credential.map_err(crate::fault::Faults::from)?));
    let runtime =
        super::upkeep::runtime().map_err(|error| GatewayError::Start { what: "the admin plane", error })?;
    let limits = Arc::new(parts.settings.limits.clone());
    let parts = parts.clone();
    let run = move || {
        let local = tokio::task::LocalSet::new();
        for socket in sockets {
            let connections = Connections::new(CONNECTIONS_MAX, CONNECTIONS_MAX);
            let listener = Listener::new(socket, tls.clone(), limits.clone(), connections);
            let (admin, parts) = (admin.clone(), parts.clone());
            let serve = move |peer: Rc<Peer>, request: Request<hyper::body::Incoming>| {
                let (admin, parts) = (admin.clone(), parts.clone());
                async move {
                    // Persons prove themselves; the operators' credential is not theirs.
                    if is_usage(request.uri().path()) && (!admin.loopback || host_is_local(host(&request))) {
                        return super::usage::respond(&parts, peer.address.ip(), request).await;
                    }
                    respond(&parts, &admin, &peer, &request).await
                }
            };
            if let Err(error) = local.block_on(&runtime, listener.run(drain.clone(), serve)) {
                tracing::error!(%error, "the admin plane could not use its socket");
            }
        }
    };
    let spawned = std::thread::Builder::new().name("admin".into()).spawn(run);
    spawned.map_err(|error| GatewayError::Start { what: "the admin plane", error })
}

/// The name that a request is addressed to.
fn host(request: &Request<hyper::body::Incoming>) -> &str {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let line = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    authority.or(line).unwrap_or_default()
}

async fn respond(
    parts: &Parts,
    admin: &Admin,
    peer: &Peer,
    request: &Request<hyper::body::Incoming>,
) -> Response<Body> {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        host: host(request),
        accept: text(header::ACCEPT).unwrap_or_default(),
        accept_language: text(header::ACCEPT_LANGUAGE).unwrap_or_default(),
        authorization: text(header::AUTHORIZATION),
    };
    let answer = recorded(parts, admin, peer, &asked, admin.answer(&asked)).await;
    // To HEAD without a body: nothing below us leaves it out over HTTP/2, where it is an error.
    response(answer, request.method() == hyper::Method::HEAD)
}

/// An answer with the headers that keep browsers from doing anything with it but show it.
pub(super) fn response(answer: Answer, is_head: bool) -> Response<Body> {
    let Answer { status, content_type, body } = answer;
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(if is_head { Body::Empty } else { Body::Full(body) });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let is_page = content_type.starts_with("text/html");
    let policy = if is_page { PAGE_POLICY } else { "default-src 'none'" };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if status == 503 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Leaves an entry of what is to be accounted for, and withholds what may only be shown against one.
async fn recorded(parts: &Parts, admin: &Admin, peer: &Peer, asked: &Asked<'_>, answer: Answer) -> Answer {
    let Some(act) = Act::of(asked.path, answer.status) else { return answer };
    let (ts, actor) = (parts.clock.unix_ms(), admin.actor(asked.authorization));
    let from = Some(peer.address.ip());
    let entry = Entry::Admin(evidence::Admin { ts, actor, action: act.code(), status: answer.status, from });
    let pending = parts.audit.note(encode(&entry));
    if answer.status == 200 && act.awaits_entry() && pending.receipt().await.is_err() {
        return problem(503, "no answer without a record: the audit log is unavailable");
    }
    answer
}

fn admin(parts: &Arc<Parts>, credential: Option<Vec<u8>>) -> Admin {
    let (refresh, checks, callers, state) = (parts.clone(), parts.clone(), parts.clone(), parts.clone());
    let registers = parts.clone();
    let drifts = parts.drifts.clone();
    let audit = parts.audit.clone();
    Admin {
        metrics: parts.metrics.clone(),
        refresh: Box::new(move || super::upkeep::refresh(&refresh)),
        checks: Box::new(move || self::checks(&checks)),
        callers: Box::new(move |limit| self::callers(&callers, limit)),
        drift: Box::new(move || drifts.list().into_iter().map(drift_view).collect()),
        state: Box::new(move || self::state(&state)),
        registers: Box::new(move |asked| {
            registers.pages.answer(&registers.shared.snapshots.current(), asked)
        }),
        log_file: Box::new(move |path| log_file(&audit, path)),
        credential,
        loopback: parts.settings.admin.address.ip().is_loopback(),
    }
}

/// A file of the transparency log by its name below `/audit/v1/`, if it is there.
pub(super) fn log_file(audit: &Audit, path: &str) -> Option<Vec<u8>> {
    match path {
        "checkpoint" => audit.checkpoint().map(String::into_bytes),
        "cosigned" => audit.cosigned().map(String::into_bytes),
        tile => audit.tile(TileName::parse(tile)?),
    }
}

fn checks(parts: &Parts) -> Vec<Check> {
    let status = parts.shared.snapshots.status();
    let audit = parts.audit.health();
    let keys = parts.shared.identities.key_status(parts.clock.now());
    let snapshot = parts.shared.snapshots.current();
    let mut checks = vec![
        // A refused reload leaves the last good snapshot in force: served, but said.
        Check {
            name: "policies",
            ok: true,
            detail: match status.ok {
                true => format!("snapshot {}", snapshot.digest),
                false => {
                    format!("snapshot {} stays; the folder was refused:\n{}", snapshot.digest, status.faults)
                }
            },
        },
        Check {
            name: "audit",
            ok: audit.ok,
            detail: audit
                .failing
                .map_or_else(|| format!("entry {}", audit.last_seq), |cause| cause.to_string()),
        },
    ];
    checks.extend(parts.sinks.get().into_iter().flat_map(Sinks::health).map(|sink| Check {
        // Copies lag without harm to anybody's request: served, but said.
        name: "sink",
        ok: true,
        detail: match sink.ok {
            true => format!("{} at entry {}", sink.name, sink.delivered_seq),
            false => format!("{} FAILING at entry {}: {}", sink.name, sink.delivered_seq, sink.fault),
        },
    }));
    checks.extend(evidence_checks(&audit));
    checks.push(usage_check(&parts.usage.index()));
    checks.extend(keys.into_iter().map(|keys| Check {
        name: "keys",
        ok: keys.state == crate::identity::keystore::KeyState::Fresh,
        detail: format!("{} {}", keys.issuer, keys.state),
    }));
    checks
}

/// The tree and its witnesses: said, but no reason not to serve, because entries are durable without.
fn evidence_checks(audit: &AuditHealth) -> Vec<Check> {
    let said = |what: &str, size: u64, failing: &Option<String>| match failing {
        None => format!("{what}: {size} entries"),
        Some(reason) => format!("{what}: {size} entries, FAILING: {reason}"),
    };
    let tree = said("checkpoint", audit.tree.size, &audit.tree.failing);
    let file = said("witness file", audit.tree.witness_file_size, &audit.tree.witness_file_failing);
    let witnesses = audit.witnesses.iter().map(|witness| said(&witness.name, witness.size, &witness.failing));
    let check = |detail| Check { name: "evidence", ok: true, detail };
    [tree, file].into_iter().chain(witnesses).map(check).collect()
}

/// The index of uses: persons are told to come back while it is built; nobody else waits for it.
fn usage_check(index: &IndexStatus) -> Check {
    let detail = match &index.failing {
        None => format!("entry {}, {} behind", index.upto, index.behind),
        Some(reason) => format!("entry {}, {} behind, FAILING: {reason}", index.upto, index.behind),
    };
    Check { name: "usage", ok: true, detail }
}

fn callers(parts: &Parts, limit: usize) -> Vec<CallerView> {
    let states = parts.shared.profiles.list(limit, parts.clock.now());
    let view = |state: crate::state::profile::CallerState| CallerView {
        caller: state.caller.to_string(),
        tier: state.weight.tier.code(),
        score: state.weight.score,
        features: state.features.iter().map(|(feature, share)| (feature.code(), *share)).collect(),
        held_s: state.held_s,
        requests: state.requests,
        denied: state.denied,
        invalid_identifiers: state.invalid_identifiers,
    };
    states.into_iter().map(view).collect()
}

fn drift_view(drift: crate::state::drift::Drift) -> DriftView {
    DriftView {
        dataset: drift.dataset,
        template: drift.template,
        first_seen: drift.first_seen,
        last_seen: drift.last_seen,
        answers: drift.answers,
        policy_digest: drift.digest,
    }
}

fn state(parts: &Parts) -> serde_json::Value {
    let snapshot = parts.shared.snapshots.current();
    let status = parts.shared.snapshots.status();
    let audit = parts.audit.health();
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "policies": {
            "digest": &*snapshot.digest,
            "revision": snapshot.revision,
            "loaded_at": status.loaded_at,
            "folder_ok": status.ok,
            "cases": snapshot.cases,
        },
        "audit": {
            "ok": audit.ok,
            "last_seq": audit.last_seq,
            "head": audit.head,
            "queue": audit.places,
            "gaps": audit.gaps,
            "checkpoint": audit.tree.size,
            "verifier_key": parts.audit.verifier().map(ToString::to_string),
            "disk_low": audit.disk_low,
        },
        "connections": { "open": parts.connections.open() },
        "callers": parts.shared.profiles.callers(),
    })
}
