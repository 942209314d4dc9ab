//! A streamed answer costs the same memory however long it is, and leaves while it comes.

mod net_support;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use net_support::*;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{LabelAction, Partial, TokenKey};
use zhamen::engine::mask::{Format, LabelRule, MaskLimits, Masked, Masker, Plan};
use zhamen::engine::terms::DisclosureMode;
use zhamen::net::body::{AnswerLimits, Masking, prepare};

/// What the memory of the process may grow by while an answer streams through it.
const GROWTH_MAX: usize = 8 << 20;
const ANSWER_BYTES: usize = 256 << 20;
/// Through sockets within the process; both ends of each are measured too.
const SOCKET_BYTES: usize = 64 << 20;

/// One at a time: they measure the same process.
static ALONE: Mutex<()> = Mutex::new(());

fn masker() -> Masker {
    let masked = LabelAction::Partial(Partial::Keep { first: 1, last: 2 });
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let paths = [("$.data[*].id".to_owned(), 0), ("$.data[*].text".to_owned(), 1)];
    let plan = Plan {
        actions: [rule(DisclosureMode::Partial, masked), rule(DisclosureMode::Clear, LabelAction::Keep)]
            .into(),
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

/// Resident memory in bytes: the second number of statm, in pages.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    statm.split(' ').nth(1).expect("statm has seven numbers").parse::<usize>().expect("a number") * 4096
}

/// Some records, each with a comma behind it.
fn records(bytes: usize) -> Vec<u8> {
    let text = "办理结果".repeat(60);
    let record = format!(r#"{{"id":"330106196502142015","text":"{text}","unknown":[1,{{"a":"b"}}]}},"#);
    record.repeat(bytes / record.len()).into_bytes()
}

#[test]
fn a_long_answer_needs_no_more_memory_than_a_short_one() {
    let _alone = ALONE.lock();
    let piece = records(64 << 10);
    let (mut masker, mut out) = (masker(), Masked::nothing());
    masker.push(br#"{"data":["#, &mut out).unwrap();
    let (mut read, mut written, mut before) = (0, 0, 0);
    while read < ANSWER_BYTES {
        let left = masker.mask(&piece).unwrap();
        assert!(left.len() > piece.len() / 2, "what comes leaves at once");
        (read, written) = (read + piece.len(), written + left.len());
        if before == 0 && read > 4 << 20 {
            before = resident();
        }
    }
    let growth = resident().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "grown by {growth} bytes over {read}");
    masker.push(b"null]}", &mut out).unwrap();
    let tally = masker.finish(&mut out).unwrap();
    assert_eq!(tally.bytes_out as usize, written + out.len());
    assert_eq!(tally.records, tally.labels[0] + 1);
}

/// The upstream sends its last byte only after the caller has seen the first of the answer.
#[test]
fn the_first_byte_leaves_before_the_last_comes_and_memory_stays() {
    let _alone = ALONE.lock();
    let seen = Rc::new(Notify::new());
    let told = seen.clone();
    worker(async move {
        let fake = fake(move |_, stream| send(stream, seen.clone())).await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        let gateway = gateway(limits(), None, move |_, _: Request<Incoming>| {
            let upstream = upstream.clone();
            async move {
                let answer = upstream.forward(&outbound("GET", "")).await.expect("it answers");
                let deadline = tokio::time::Instant::now() + ms(30_000);
                let limits =
                    AnswerLimits { deadline, idle: ms(5000), bytes_max: 1 << 30, prepare_bytes: 64 << 10 };
                let masking = Masking::Format(Box::new(masker()));
                let prepared = prepare(answer.body, None, masking, limits).await.expect("it is JSON");
                assert_eq!(prepared.content_length(), None);
                hyper::Response::new(prepared.into_body(Box::new(|_| {})))
            }
        });
        receive(TcpStream::connect(gateway.address).await.unwrap(), &told).await;
    });
}

async fn send(mut stream: TcpStream, seen: Rc<Notify>) {
    read_request(&mut stream).await.unwrap();
    let piece = records(64 << 10);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for sent in 0..SOCKET_BYTES / piece.len() {
        // More than is gathered before a head leaves.
        if sent == 16 {
            seen.notified().await;
        }
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        stream.write_all(&piece).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"6\r\nnull]}\r\n0\r\n\r\n").await.unwrap();
}

async fn receive(stream: TcpStream, told: &Notify) {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::task::spawn_local(connection);
    let request = Request::get("/").header("host", "x").body(String::new()).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let (mut received, mut before, start) = (0, 0, Instant::now());
    while let Some(frame) = body.frame().await {
        received += frame.expect("the answer is whole").into_data().map_or(0, |data| data.len());
        told.notify_one();
        if before == 0 && received > 4 << 20 {
            before = resident();
        }
    }
    assert!(received > SOCKET_BYTES / 2, "{received} bytes in {:?}", start.elapsed());
    let growth = resident().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "grown by {growth} bytes");
}
