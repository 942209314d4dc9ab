//! Faults H1-01 to H1-15 at the level of bytes: every stream is cut at every place, and the verdict
//! is the same.

use proptest::prelude::*;
use zhamen::engine::framing::{FramingLimits, Inspector, Verdict};
use zhamen::engine::reason::Cause;

/// What a wrapper would do with a stream that arrives in these pieces.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    passed: Vec<u8>,
    fault: Option<(Cause, bool)>,
    heads: u64,
}

fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: FramingLimits) -> Outcome {
    let mut inspector = Inspector::new(limits);
    let (mut passed, mut held) = (Vec::new(), Vec::new());
    for piece in pieces {
        let inspection = inspector.inspect(piece);
        match inspection.boundary {
            Some(boundary) => {
                passed.append(&mut held);
                passed.extend_from_slice(&piece[..boundary]);
                held.extend_from_slice(&piece[boundary..]);
            }
            None => held.extend_from_slice(piece),
        }
        if let Verdict::Fault { cause, at, in_head } = inspection.verdict {
            assert!(
                at <= piece.len() && inspection.boundary.unwrap_or(0) <= at,
                "a fault lies behind what passed"
            );
            let again = inspector.inspect(b"GET / HTTP/1.1\r\n\r\n");
            assert_eq!(
                again.verdict,
                Verdict::Fault { cause, at: 0, in_head },
                "a broken stream stays broken"
            );
            assert_eq!(again.boundary, None);
            return Outcome { passed, fault: Some((cause, in_head)), heads: inspector.heads() };
        }
    }
    Outcome { passed, fault: None, heads: inspector.heads() }
}

/// Feeds the stream whole, cut in two at every place, and byte by byte.
fn everywhere(stream: &[u8], limits: FramingLimits) -> Outcome {
    let whole = feed([stream].into_iter(), limits);
    let shown = String::from_utf8_lossy(&stream[..stream.len().min(80)]).into_owned();
    let step = stream.len().div_ceil(3000).max(1);
    for cut in (0..=stream.len()).step_by(step) {
        let (a, b) = stream.split_at(cut);
        assert_eq!(feed([a, b].into_iter(), limits), whole, "{shown:?} cut at {cut}");
    }
    assert_eq!(feed(stream.chunks(1), limits), whole, "{shown:?} byte by byte");
    whole
}

fn chunked(body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
}

fn with(field: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").into_bytes()
}

#[test]
fn clean_streams_pass_whole() {
    for (stream, heads) in [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 1),
        (b"GET http://a:80/x?y HTTP/1.0\r\n\r\n".to_vec(), 1),
        (b"get /a%20b HTTP/1.1\r\nX-Empty:\r\nX-Tab:\ta\tb \r\n\r\n".to_vec(), 1),
        (with("Content-Length: 0"), 1),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n".to_vec(), 2),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n\0\r\n\r\n".to_vec(), 1),
        (chunked("0\r\n\r\n"), 1),
        (chunked("3\r\nabc\r\n0\r\n\r\n"), 1),
        (chunked("a;name=\"value\"\r\n0123456789\r\n00\r\nX-Checksum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 2),
        (chunked("0000000000000003\r\nabc\r\n0\r\n\r\n"), 1),
        (b"GET / HTTP/1.1\r\n\r\n".repeat(50), 50),
    ] {
        let outcome = everywhere(&stream, FramingLimits::default());
        assert_eq!(outcome, Outcome { passed: stream, fault: None, heads });
    }
}

#[test]
fn faults_in_heads() {
    use Cause::*;
    let tls_hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for (stream, expect) in [
        (&b"\r\nGET / HTTP/1.1\r\n\r\n"[..], NotHttp),
        (b" GET / HTTP/1.1\r\n\r\n", NotHttp),
        (&tls_hello, NotHttp),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NotHttp),
        (b"\x00", NotHttp),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NotHttp),
        (b"GET / FTP/1.1\r\n\r\n", NotHttp),
        (b"GET  / HTTP/1.1\r\n\r\n", NotHttp),
        (b"GET /  HTTP/1.1\r\n\r\n", NotHttp),
        (b"GET / HTTP/1.1\n\n", NotHttp),
        (b"GET\t/\tHTTP/1.1\r\n\r\n", NotHttp),
        (b"GET /\r\n", BadVersion),
        (b"GET / HTTP/0.9\r\n\r\n", BadVersion),
        (b"GET / HTTP/1.2\r\n\r\n", BadVersion),
        (b"GET / HTTP/2.0\r\n\r\n", BadVersion),
        (b"GET / HTTP/1.1 \r\n\r\n", BadVersion),
        (b"GET / HTTP/1.1\r\r\n\r\n", BadVersion),
        (b"GET / HTTP/11\r\n\r\n", BadVersion),
        (b"GET / http/1.1\r\n\r\n", NotHttp),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", MethodUnknown),
        (b"TRACE / HTTP/1.1\r\n\r\n", MethodUnknown),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n\r\n", MethodUnknown),
        (b"GET /a#b HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET /a\\b HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET /a\x00b HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET /a\xffb HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET /a\rb HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET * HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET a:443 HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET ftp://a/ HTTP/1.1\r\n\r\n", BadTarget),
        (b"GET http://u@a/ HTTP/1.1\r\n\r\n", BadHost),
        (b"GET http:///x HTTP/1.1\r\n\r\n", BadHost),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\n A: b\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\n: b\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA\xff: b\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA: \x80\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", BadHeader),
        (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", AmbiguousFraming),
    ] {
        let outcome = everywhere(stream, FramingLimits::default());
        let expect = Outcome { passed: Vec::new(), fault: Some((expect, true)), heads: 0 };
        assert_eq!(outcome, expect, "{:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn h1_01_to_03_lengths_and_codings() {
    use Cause::{AmbiguousFraming, BadLength};
    for (fields, expect) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", AmbiguousFraming),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", AmbiguousFraming),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", AmbiguousFraming),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", AmbiguousFraming),
        ("Transfer-Encoding: chunked, chunked", AmbiguousFraming),
        ("Transfer-Encoding: ,chunked", AmbiguousFraming),
        ("Transfer-Encoding: gzip, chunked", AmbiguousFraming),
        ("Transfer-Encoding: xchunked", AmbiguousFraming),
        ("Transfer-Encoding: chunked;q=1", AmbiguousFraming),
        ("Transfer-Encoding: identity", AmbiguousFraming),
        ("Transfer-Encoding:", AmbiguousFraming),
        ("Content-Length: 3\r\nContent-Length: 3", BadLength),
        ("Content-Length: 3\r\ncontent-length: 4", BadLength),
        ("Content-Length: 3, 3", BadLength),
        ("Content-Length: +3", BadLength),
        ("Content-Length: -3", BadLength),
        ("Content-Length: 0x3", BadLength),
        ("Content-Length:", BadLength),
        ("Content-Length: 3 3", BadLength),
        ("Content-Length: 03", BadLength),
        ("Content-Length: 18446744073709551616", BadLength),
        ("Content-Length: 9223372036854775808", BadLength),
    ] {
        let outcome = everywhere(&with(fields), FramingLimits::default());
        assert_eq!(outcome.fault, Some((expect, true)), "{fields}");
        assert_eq!(outcome.passed, b"");
    }
}

#[test]
fn h1_04_to_06_chunks_and_trailers() {
    use Cause::*;
    for (body, expect) in [
        ("0x1\r\na\r\n", BadChunk),
        ("+1\r\na\r\n", BadChunk),
        ("-1\r\na\r\n", BadChunk),
        ("1_0\r\n", BadChunk),
        (" 1\r\n", BadChunk),
        ("1 \r\n", BadChunk),
        ("\r\n", BadChunk),
        (";a\r\n", BadChunk),
        ("g\r\n", BadChunk),
        ("00000000000000001\r\n", BadChunk),
        ("ffffffffffffffff\r\n", BadChunk),
        ("1\na\r\n", BadChunk),
        ("1\r\na\n", BadChunk),
        ("1\r\nab\r\n", BadChunk),
        ("1;a\nb\r\n", BadChunk),
        ("1;a\rb\r\n", BadChunk),
        ("0\r\nHost: a\r\n\r\n", TrailerForbidden),
        ("0\r\nX-A: 1\r\nauthorization: a\r\n\r\n", TrailerForbidden),
        ("0\r\nContent-Length: 1\r\n\r\n", TrailerForbidden),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", TrailerForbidden),
        ("0\r\nX_User: root\r\n\r\n", TrailerForbidden),
        ("0\r\nZhamen-Principal: root\r\n\r\n", TrailerForbidden),
        ("0\r\nPurpose: x\r\n\r\n", TrailerForbidden),
        ("0\r\nA : b\r\n\r\n", BadHeader),
        ("0\r\nA: b\n\r\n", BadHeader),
    ] {
        let outcome = everywhere(&chunked(body), FramingLimits::default());
        assert_eq!(outcome.fault, Some((expect, false)), "{body:?}");
        assert_eq!(outcome.heads, 1, "{body:?}");
    }
}

#[test]
fn h1_05_12_and_13_limits() {
    use Cause::*;
    let extension = format!("1;{}\r\na\r\n0\r\n\r\n", "e".repeat(1_000_000));
    let tiny = "1;e\r\na\r\n".repeat(100_000);
    let trailers = format!("0\r\n{}\r\n", "X-A: 1\r\n".repeat(101));
    let fields = "A: b\r\n".repeat(101);
    let wide = format!("{}\r\n", "A: bcdefghijklmnop\r\n".repeat(99).replace("bcd", &"v".repeat(400)));
    for (stream, expect, in_head) in [
        (chunked(&extension), ChunkOverhead, false),
        (chunked(&tiny), ChunkOverhead, false),
        (chunked(&trailers), HeaderSize, false),
        (format!("GET / HTTP/1.1\r\n{fields}\r\n").into_bytes(), HeaderSize, true),
        (format!("GET / HTTP/1.1\r\n{wide}").into_bytes(), HeaderSize, true),
        (format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "v".repeat(8 * 1024 + 2)).into_bytes(), HeaderSize, true),
        (format!("GET / HTTP/1.1\r\nA: {}", "v".repeat(40_000)).into_bytes(), HeaderSize, true),
        (format!("GET / HTTP/1.1\r\n{}", "n".repeat(40_000)).into_bytes(), HeaderSize, true),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8 * 1024)).into_bytes(), TargetSize, true),
        (format!("GET /{}", "a".repeat(20_000)).into_bytes(), TargetSize, true),
        (vec![b'A'; 1_000_000], MethodUnknown, true),
    ] {
        let limits = FramingLimits::default();
        let whole = feed([&stream[..]].into_iter(), limits);
        assert_eq!(whole.fault, Some((expect, in_head)));
        for size in [1, 7, 1000, 16 * 1024] {
            assert_eq!(feed(stream.chunks(size), limits), whole, "pieces of {size}");
        }
    }
}

#[test]
fn h1_16_a_fault_leaves_what_came_before() {
    let good = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
    let stream = [&good[..], b"GET / HTTP/1.1\nHost: a\r\n\r\n"].concat();
    let outcome = everywhere(&stream, FramingLimits::default());
    assert_eq!(outcome, Outcome { passed: good.to_vec(), fault: Some((Cause::NotHttp, true)), heads: 1 });
}

#[test]
fn an_unfinished_head_is_held_back() {
    let mut inspector = Inspector::new(FramingLimits::default());
    assert!(inspector.is_between_requests() && !inspector.in_head());
    assert_eq!(inspector.inspect(b"GET / HT").boundary, Some(0));
    assert!(inspector.in_head() && !inspector.is_between_requests());
    assert_eq!(inspector.inspect(b"TP/1.1\r\nHost: a\r\n").boundary, None);
    assert_eq!(inspector.inspect(b"\r\n").boundary, Some(2));
    assert!(inspector.is_between_requests());
    assert_eq!(inspector.inspect(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").boundary, Some(41));
    assert!(!inspector.in_head() && !inspector.is_between_requests());
    assert_eq!(inspector.inspect(b"def").boundary, Some(3));
    assert_eq!(inspector.inspect(b"ghiG").boundary, Some(3));
    assert_eq!(inspector.heads(), 2);
}

proptest! {
    /// No bytes panic, and every way to cut them gives the same outcome.
    #[test]
    fn any_bytes_at_any_cut(
        stream in proptest::collection::vec(prop_oneof![
            Just(b"GET / HTTP/1.1\r\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"A: b\r\n".to_vec()),
            Just(b"Content-Length: 4\r\n".to_vec()), Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
            Just(b"4\r\nabcd\r\n".to_vec()), Just(b"0\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..3),
        ], 0..10).prop_map(|parts| parts.concat()),
        cuts in proptest::collection::vec(1_usize..9, 1..40),
    ) {
        let limits = FramingLimits::default();
        let whole = feed([&stream[..]].into_iter(), limits);
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        prop_assert_eq!(feed(pieces.into_iter(), limits), whole);
    }
}
