//! What the inspector lets pass, hyper reads the same way: as many requests, the same bodies, and no
//! refusal of its own.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use std::cell::RefCell;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zhamen::engine::framing::{FramingLimits, Inspector, Verdict};

/// Method, target and body of each request that hyper sees, and whether it ended in peace.
fn hyper_reads(stream: &[u8]) -> (Vec<(String, String, Bytes)>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = RefCell::new(Vec::new());
    let service = service_fn(async |request: Request<Incoming>| {
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let body = request.into_body().collect().await.map(|body| body.to_bytes());
        seen.borrow_mut().push((method, target, body.unwrap_or_else(|_| Bytes::from_static(b"(broken)"))));
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    let ended = runtime.block_on(async {
        let (mut near, far) = tokio::io::duplex(1 << 20);
        near.write_all(stream).await.unwrap();
        near.shutdown().await.unwrap();
        let connection = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(far), service);
        let (ended, _) = tokio::join!(connection, async {
            let mut answers = Vec::new();
            let _ = near.read_to_end(&mut answers).await;
            answers
        });
        ended.is_ok()
    });
    (seen.into_inner(), ended)
}

fn inspect(stream: &[u8]) -> (u64, bool, bool) {
    inspect_within(FramingLimits::default(), stream)
}

fn inspect_within(limits: FramingLimits, stream: &[u8]) -> (u64, bool, bool) {
    let mut inspector = Inspector::new(limits);
    let clean = inspector.inspect(stream).verdict == Verdict::Clean;
    (inspector.heads(), clean, inspector.is_between_requests())
}

#[test]
fn clean_requests_are_read_the_same() {
    for (stream, expect) in [
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b?c=d HTTP/1.1\r\nHost: a\r\n\r\n",
            &[("POST", "/a", "abc"), ("GET", "/b?c=d", "")][..],
        ),
        (
            "POST http://a:80/x HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n\
             3;x=\"y\"\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            &[("POST", "http://a:80/x", "abc0123456789"), ("HEAD", "/", "")],
        ),
        ("get //a HTTP/1.1\r\nHost:\r\nX:\t a\tb \r\n\r\n", &[("get", "//a", "")]),
        ("GET https://[::1]:8443?x HTTP/1.1\r\nHost: a\r\n\r\n", &[("GET", "https://[::1]:8443/?x", "")]),
        ("GET /a!$&'()*+,;=:@%zz~[] HTTP/1.1\r\n\r\n", &[("GET", "/a!$&'()*+,;=:@%zz~[]", "")]),
    ] {
        let (requests, ended) = hyper_reads(stream.as_bytes());
        let seen: Vec<_> = requests.iter().map(|(m, t, b)| (m.as_str(), t.as_str(), &b[..])).collect();
        let expect: Vec<_> = expect.iter().map(|(m, t, b)| (*m, *t, b.as_bytes())).collect();
        assert_eq!(seen, expect, "{stream}");
        assert!(ended, "{stream}");
        assert_eq!(inspect(stream.as_bytes()), (expect.len() as u64, true, true), "{stream}");
    }
}

/// However wide the limits are, hyper's own are not reached: it would answer by itself, without a record.
#[test]
fn what_hyper_cannot_hold_the_inspector_refuses() {
    let mib = 1024 * 1024;
    let wide = FramingLimits { header_bytes_max: mib, target_bytes_max: mib, ..FramingLimits::default() };
    let head = |target: usize, name: usize, value: usize| {
        let (target, name, value) = ("t".repeat(target), "n".repeat(name), "v".repeat(value));
        format!("GET /{target} HTTP/1.1\r\nHost: a\r\nX{name}: {value}\r\n\r\n")
    };
    for (stream, passes) in [
        (head(65_533, 1, 1), true),
        (head(65_534, 1, 1), false),
        (head(1, 8_191, 1), true),
        (head(1, 8_192, 1), false),
        (head(1, 65_535, 1), false),
        (head(1, 1, 8_191), true),
        (head(1, 1, 8_192), false),
    ] {
        let (heads, clean, whole) = inspect_within(wide, stream.as_bytes());
        assert_eq!(clean && whole, passes, "{} bytes", stream.len());
        if passes {
            let (requests, ended) = hyper_reads(stream.as_bytes());
            assert!(ended && requests.len() as u64 == heads, "{} bytes", stream.len());
        }
    }
}

fn part() -> impl Strategy<Value = String> {
    let target =
        "(/[a-z0-9%~!$&'()*+,;=:@?/.\\[\\]-]{0,12}|https?://[a-z0-9.-]{1,9}(:[0-9]{1,5})?(/[a-z]{0,3})?)";
    let field = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}:[ \t]?[ -~]{0,12}\r\n";
    let body = prop_oneof![
        Just(("".to_owned(), "".to_owned())),
        "[ -~]{0,9}".prop_map(|body| (format!("Content-Length: {}\r\n", body.len()), body)),
        proptest::collection::vec("[ -~]{1,9}", 0..4).prop_map(|chunks| {
            let body: String = chunks.iter().map(|c| format!("{:x};e\r\n{c}\r\n", c.len())).collect();
            ("Transfer-Encoding: chunked\r\n".to_owned(), format!("{body}0\r\n\r\n"))
        }),
    ];
    ("(GET|POST|get|X-Y)", target, proptest::collection::vec(field, 0..4), body).prop_map(
        |(method, target, fields, (framing, body))| {
            format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{}{framing}\r\n{body}", fields.concat())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever passes as clean and whole, hyper takes for as many requests with unbroken bodies.
    #[test]
    fn hyper_agrees(parts in proptest::collection::vec(part(), 1..4)) {
        let stream = parts.concat();
        let (heads, clean, whole) = inspect(stream.as_bytes());
        // A field may by chance close the connection or wait for the body; hyper then stops early.
        let lower = stream.to_ascii_lowercase();
        if clean && whole && !lower.contains("connection:") && !lower.contains("expect:") {
            let (requests, ended) = hyper_reads(stream.as_bytes());
            prop_assert_eq!(requests.len() as u64, heads, "{:?}", stream);
            prop_assert!(ended && requests.iter().all(|(_, _, body)| &body[..] != b"(broken)"), "{:?}", stream);
        }
    }
    /// The same of heads in which some bytes are others: most are refused, and what passes, hyper takes.
    #[test]
    fn hyper_agrees_on_damaged_heads(
        parts in proptest::collection::vec(part(), 1..3),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), damage()), 1..4),
    ) {
        let mut stream = parts.concat().into_bytes();
        for (place, byte) in damage {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        let (heads, clean, whole) = inspect(&stream);
        let lower = String::from_utf8_lossy(&stream).to_ascii_lowercase();
        if clean && whole && !lower.contains("connection:") && !lower.contains("expect:") {
            let (requests, ended) = hyper_reads(&stream);
            prop_assert_eq!(requests.len() as u64, heads, "{:?}", lower);
            prop_assert!(ended && requests.iter().all(|(_, _, body)| &body[..] != b"(broken)"), "{:?}", lower);
        }
    }
}

/// Bytes that mean something to a parser, and any other.
fn damage() -> impl Strategy<Value = u8> {
    prop_oneof![
        proptest::sample::select(b"\r\n\t \0:;,/?#%@[]\\\"'<>{}|^`~!*+-._09azAZ\x7f\x80\xff".to_vec()),
        any::<u8>(),
    ]
}
