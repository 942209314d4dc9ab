//! Answers from an upstream through the masker to a caller, on real sockets (faults.md C8, H2-12,
//! H2-13): whole or visibly broken, and each outcome told once.

mod net_support;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use net_support::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zhamen::config::settings::Limits;
use zhamen::engine::dataset::Dataset;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
use zhamen::engine::mask::{Format, LabelRule, MaskLimits, Masker, OpaqueGrant, Plan};
use zhamen::engine::reason::Cause;
use zhamen::engine::terms::{DisclosureMode, Level, NationalGrade, SharingType, Text};
use zhamen::net::body::coding::{Coding, DecodeLimits, Decoding, Wanted, codings_of};
use zhamen::net::body::{AnswerLimits, Body, End, Masking, Outcome, prepare};
use zhamen::net::connections::Cut;
use zhamen::net::tls::TlsStore;
use zhamen::net::upstream::Upstream;

type Outcomes = Rc<RefCell<Vec<Outcome>>>;

/// A dataset without anything to mask.
fn open_data() -> Dataset {
    Dataset {
        id: "open".into(),
        code: "1/1".into(),
        title: Text { zh: String::new(), en: String::new() },
        department: "11330100MB0000086H".into(),
        sharing: SharingType::Unconditional,
        condition: None,
        basis: None,
        level: Level::L1,
        grade: NationalGrade::General,
        personal: false,
        labels: Vec::new(),
        fields: FieldMap::compile(&[]).unwrap().into(),
        watch: [].into(),
    }
}

/// Shows `a`, `b` and `data`, and nothing else.
fn masker() -> Masker {
    let paths = ["$.a", "$.b", "$.data"].map(|path| (path.to_owned(), 0));
    let keep = LabelRule { mode: DisclosureMode::Clear, action: LabelAction::Keep, kind: None };
    let plan = Plan {
        actions: [keep].into(),
        token_key: TokenKey::derive(&[0; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Default::default(),
    };
    let limits = MaskLimits { depth_max: 8, token_bytes_max: 1 << 20 };
    Masker::new(&Format::Json, FieldMap::compile(&paths).unwrap().into(), plan.into(), limits)
}

/// What `request.rs` does with an answer, in short. `/opaque` passes what nobody reads.
async fn relay(upstream: Rc<Upstream>, outcomes: Outcomes, path: String) -> Response<Body> {
    let answer = match upstream.forward(&outbound("GET", "")).await {
        Ok(answer) => answer,
        Err(cause) => return text(cause.status(), cause.code()),
    };
    let masking = match path.as_str() {
        "/opaque" => Masking::Opaque(OpaqueGrant::for_dataset(&open_data()).expect("nothing is classified")),
        _ => Masking::Format(Box::new(masker())),
    };
    let limits =
        AnswerLimits { deadline: answer.deadline, idle: ms(200), bytes_max: 200_000, prepare_bytes: 1024 };
    let decoding = match codings_of(answer.fields.all("content-encoding")) {
        Ok(codings) if codings.is_empty() => None,
        Ok(codings) => Some(Decoding::new(&codings, DecodeLimits { ratio_max: 50 }).unwrap()),
        Err(cause) => return text(cause.status(), cause.code()),
    };
    match prepare(answer.body, decoding, masking, limits).await {
        Ok(mut prepared) => {
            if path == "/coded" {
                prepared.encode(Wanted(Some(Coding::Gzip)));
            }
            Response::new(prepared.into_body(Box::new(move |done| outcomes.borrow_mut().push(done))))
        }
        Err(failed) => text(failed.cause.status(), failed.cause.code()),
    }
}

fn relaying(limits: Limits, tls: Option<std::sync::Arc<TlsStore>>, fake: &Fake) -> (Gateway, Outcomes) {
    let outcomes = Outcomes::default();
    let (upstream, told) = (upstream(upstream_settings(&[fake.address])), outcomes.clone());
    let gateway = gateway(limits, tls, move |_, request: Request<Incoming>| {
        relay(upstream.clone(), told.clone(), request.uri().path().to_owned())
    });
    (gateway, outcomes)
}

/// An upstream that answers each piece after a pause, then holds or closes.
async fn pieces(head: &'static str, pieces: Vec<String>, hold: bool) -> Fake {
    let pieces = Rc::new(pieces);
    fake(move |_, mut stream| {
        let pieces = pieces.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let mut out = head.to_owned();
            for piece in pieces.iter() {
                out.push_str(piece);
                if stream.write_all(std::mem::take(&mut out).as_bytes()).await.is_err() {
                    return;
                }
                tokio::time::sleep(ms(5)).await;
            }
            if hold {
                std::future::pending::<()>().await;
            }
        }
    })
    .await
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The beginning of a document longer than what is prepared.
fn big() -> String {
    chunk(&format!("{{\"data\":[\"{}\"", "y".repeat(4000)))
}

/// So many more pieces of it.
fn endless(more: usize) -> Vec<String> {
    let piece = chunk(&format!(",\"{}\"", "y".repeat(4000)));
    std::iter::once(big()).chain(std::iter::repeat_n(piece, more)).collect()
}

const END: &str = "0\r\n\r\n";

/// What the upstream sends, whether it then holds the connection open, and what the caller sees.
struct Case {
    pieces: Vec<String>,
    hold: bool,
    path: &'static str,
    status: u16,
    holds: &'static str,
    whole: bool,
    end: Option<End>,
}

#[test]
fn answers_are_whole_or_clean_refusals_or_visibly_broken() {
    let case = |pieces: &[String], hold, status, holds, whole, end| Case {
        pieces: pieces.to_vec(),
        hold,
        path: "/",
        status,
        holds,
        whole,
        end,
    };
    let (small, end) = (chunk("{\"a\":1}"), END.to_owned());
    let finished = Some(End::Finished);
    let table = [
        case(&[small.clone(), end.clone()], false, 200, "content-length: 7", true, finished),
        case(
            &[big(), chunk("]}"), end.clone()],
            false,
            200,
            "transfer-encoding: chunked",
            true,
            Some(End::Finished),
        ),
        // Nothing was sent yet: a clean 502 or 504.
        case(&[chunk("<html>"), end.clone()], false, 502, "mask_failed", true, None),
        case(&[chunk("{\"a\":"), end.clone()], false, 502, "mask_failed", true, None),
        case(std::slice::from_ref(&small), false, 502, "upstream_reset", true, None),
        case(&[small.clone(), "zz\r\n".into()], false, 502, "upstream_malformed", true, None),
        case(std::slice::from_ref(&small), true, 504, "upstream_timeout", true, None),
        // Part was sent: the stream is broken off.
        case(&[big()], false, 200, "chunked", false, Some(End::Aborted(Cause::UpstreamReset))),
        case(&[big()], true, 200, "chunked", false, Some(End::Aborted(Cause::UpstreamSlow))),
        case(&[big(), chunk("<")], true, 200, "chunked", false, Some(End::Aborted(Cause::MaskFailed))),
        case(&[big(), end.clone()], true, 200, "chunked", false, Some(End::Aborted(Cause::MaskFailed))),
        case(&endless(60), true, 200, "chunked", false, Some(End::Aborted(Cause::BodyLimit))),
        Case {
            path: "/opaque",
            ..case(&[chunk("<text>"), end.clone()], false, 200, "content-length: 6", true, finished)
        },
        // What no path names does not pass.
        case(&[chunk("{\"a\":1,\"secret\":2}"), end], false, 200, "content-length: 7", true, finished),
    ];
    worker(async move {
        for (number, case) in table.into_iter().enumerate() {
            let fake = pieces(CHUNKED, case.pieces, case.hold).await;
            let (gateway, outcomes) = relaying(limits(), None, &fake);
            let request = format!("GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", case.path);
            let answer = raw(gateway.address, request.as_bytes()).await;
            assert_eq!(statuses(&answer), [case.status], "case {number}: {answer:.300}");
            assert!(
                answer.contains(case.holds) && !answer.contains("secret"),
                "case {number}: {answer:.300}"
            );
            let whole = !answer.contains("transfer-encoding") || answer.ends_with(END);
            assert_eq!(whole, case.whole, "case {number}");
            let ends: Vec<End> = outcomes.borrow().iter().map(|outcome| outcome.end).collect();
            assert_eq!(ends, case.end.into_iter().collect::<Vec<_>>(), "case {number}");
            for outcome in outcomes.borrow().iter().filter(|outcome| outcome.end == End::Finished) {
                assert!(outcome.tally.is_some(), "case {number}");
            }
        }
    });
}

#[test]
fn a_caller_that_leaves_stops_the_upstream_and_is_told_of() {
    worker(async {
        let stopped = Rc::new(Cell::new(false));
        let seen = stopped.clone();
        let fake = fake(move |_, mut stream| {
            let seen = seen.clone();
            async move {
                read_request(&mut stream).await.unwrap();
                stream.write_all(CHUNKED.as_bytes()).await.unwrap();
                for piece in endless(2000) {
                    if stream.write_all(piece.as_bytes()).await.is_err() {
                        return seen.set(true);
                    }
                    tokio::time::sleep(ms(5)).await;
                }
            }
        })
        .await;
        let (gateway, outcomes) = relaying(limits(), None, &fake);
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 2000]).await.unwrap() > 0);
        drop(stream);
        while outcomes.borrow().is_empty() || !stopped.get() {
            tokio::time::sleep(ms(5)).await;
        }
        let outcome = outcomes.borrow()[0].clone();
        assert_eq!(outcome.end, End::Cancelled);
        assert!(outcome.tally.is_some_and(|tally| tally.records > 0), "what was masked until then is known");
        assert!(outcome.bytes_delivered > 0);
    });
}

async fn http2_client(
    address: std::net::SocketAddr,
    config: &std::sync::Arc<rustls::ClientConfig>,
    window: u32,
) -> http2::SendRequest<Full<Bytes>> {
    let stream = tls(address, config).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::task::spawn_local(connection);
    sender
}

fn request() -> Request<Full<Bytes>> {
    Request::get("https://gateway.test/").body(Full::default()).unwrap()
}

#[test]
fn http2_streams_are_reset_when_the_upstream_breaks_or_the_caller_stalls() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path(), "ca");
    let server = ca.server("server", 1, "gateway.test");
    worker(async move {
        let store = TlsStore::load(listener_tls(&ca, &server)).unwrap();
        let config = client_config(&ca, None, &["h2"]);

        let broken = pieces(CHUNKED, vec![big()], false).await;
        let (gateway, outcomes) = relaying(limits(), Some(store.clone()), &broken);
        let mut sender = http2_client(gateway.address, &config, 65_535).await;
        let answer = sender.send_request(request()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.into_body().collect().await.is_err(), "the caller sees that it is not whole");
        assert_eq!(outcomes.borrow()[0].end, End::Aborted(Cause::UpstreamReset));
        assert!(sender.ready().await.is_ok(), "the connection and its other streams live");

        // H2-13: the caller does not read; its window is smaller than one piece.
        let endless = pieces(CHUNKED, endless(2000), true).await;
        let stall = Limits { write_stall_timeout: ms(200), ..limits() };
        let (gateway, outcomes) = relaying(stall, Some(store), &endless);
        let mut sender = http2_client(gateway.address, &config, 1000).await;
        let begun = Instant::now();
        let answer = sender.send_request(request()).await.unwrap();
        while outcomes.borrow().is_empty() {
            tokio::time::sleep(ms(5)).await;
        }
        assert!(begun.elapsed() > ms(150) && begun.elapsed() < ms(2000), "{:?}", begun.elapsed());
        assert_eq!(outcomes.borrow()[0].end, End::Cancelled);
        assert_eq!(gateway.connections.stats().cut(Cut::Stalled), 1);
        assert!(answer.into_body().collect().await.is_err());
    });
}

/// H2-02: requests that are reset as soon as they are sent (CVE-2023-44487).
#[test]
fn a_storm_of_resets_ends_the_connection_and_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path(), "ca");
    let server = ca.server("server", 1, "gateway.test");
    worker(async move {
        let silent =
            fake(|_, mut stream| async move { while read_request(&mut stream).await.is_some() {} }).await;
        let store = TlsStore::load(listener_tls(&ca, &server)).unwrap();
        let upstream = upstream(upstream_settings(&[silent.address]));
        let watched = upstream.clone();
        let gateway = gateway(limits(), Some(store), move |_, _| {
            relay(upstream.clone(), Outcomes::default(), "/".to_owned())
        });
        let mut stream = tls(gateway.address, &client_config(&ca, None, &["h2"])).await.unwrap();
        let mut burst = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        for number in (1..4000_u32).step_by(2) {
            // HEADERS (GET https gateway.test /, all of it in one frame), then RST_STREAM (CANCEL).
            burst.extend_from_slice(b"\0\0\x11\x01\x05");
            burst.extend_from_slice(&number.to_be_bytes());
            burst.extend_from_slice(b"\x82\x87\x84\x01\x0cgateway.test");
            burst.extend_from_slice(b"\0\0\x04\x03\0");
            burst.extend_from_slice(&number.to_be_bytes());
            burst.extend_from_slice(&8_u32.to_be_bytes());
        }
        // The gateway may close before it has read everything.
        let _ = stream.write_all(&burst).await;
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        let goaway = received.windows(4).any(|window| window == b"\x07\0\0\0");
        assert!(goaway, "{received:02x?}");
        assert_eq!(gateway.connections.stats().cut(Cut::Broken), 1);
        while watched.shared().endpoints()[0].in_flight() > 0 || gateway.connections.open() > 0 {
            tokio::time::sleep(ms(5)).await;
        }
    });
}

#[test]
fn answers_pass_unchanged_over_both_protocols_and_reuse_the_upstream() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path(), "ca");
    let server = ca.server("server", 1, "gateway.test");
    worker(async move {
        let body = format!("{{\"data\":\"{}\"}}", "数".repeat(50_000));
        let answer = sized(&body);
        let fake = fake(move |_, mut stream| {
            let answer = answer.clone();
            async move {
                while read_request(&mut stream).await.is_some() {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        })
        .await;
        let store = TlsStore::load(listener_tls(&ca, &server)).unwrap();
        let (gateway, outcomes) = relaying(limits(), Some(store), &fake);
        for alpn in ["h2", "http/1.1"] {
            let config = client_config(&ca, None, &[alpn]);
            let mut client = client(tls(gateway.address, &config).await.unwrap()).await;
            for _ in 0..5 {
                let (status, answer) = client.get("/").await.unwrap();
                assert_eq!((status, answer.len()), (200, body.len()), "{answer:.200}");
                assert!(answer == body);
            }
        }
        assert_eq!(fake.accepted.get(), 1);
        let outcomes = outcomes.borrow();
        assert!(outcomes.iter().all(|outcome| outcome.end == End::Finished), "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| outcome.bytes_delivered == body.len() as u64));
        assert_eq!(outcomes.len(), 10);
    });
}
