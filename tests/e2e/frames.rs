//! Broken HTTP/2, frame by frame (RFC 9113; the cases of h2spec that end a connection or a stream):
//! the right error, nothing reaches the upstream, and what was opened is recorded.

use crate::support::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, get,
};
use crate::support::{ENTERPRISE, Ground, MARKET, eventually};

const PROTOCOL: u32 = 1;

const WHOLE: u8 = END_HEADERS | END_STREAM;

/// What is sent after the prefaces. h2 ends some with PROTOCOL_ERROR for which the RFC has a code of its
/// own; that they end is what matters.
fn connection_errors(block: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let headers = |flags, stream| frame(HEADERS, flags, stream, block);
    let size = [0, 4, 0x80, 0, 0, 0];
    vec![
        ("DATA on stream 0", frame(DATA, 0, 0, b"x")),
        ("DATA on an idle stream", frame(DATA, 0, 1, b"x")),
        ("HEADERS on stream 0", headers(WHOLE, 0)),
        ("HEADERS on an even stream", headers(WHOLE, 2)),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[])),
        ("SETTINGS of five bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("SETTINGS acknowledged with a payload", frame(SETTINGS, 1, 0, &[0; 6])),
        ("a window beyond 2^31", frame(SETTINGS, 0, 0, &size)),
        ("PING of seven bytes", frame(PING, 0, 0, &[0; 7])),
        ("PING on a stream", frame(PING, 0, 1, &[0; 8])),
        ("RST_STREAM of an idle stream", frame(RST_STREAM, 0, 1, &[0; 4])),
        ("RST_STREAM of three bytes", frame(RST_STREAM, 0, 1, &[0; 3])),
        ("WINDOW_UPDATE of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("WINDOW_UPDATE of three bytes", frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255])),
        ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, block)),
        ("a block that is interrupted", [headers(0, 1), frame(PING, 0, 0, &[0; 8])].concat()),
        ("a block that changes its stream", [headers(0, 1), frame(CONTINUATION, 4, 3, &[])].concat()),
        ("a frame that is too long", frame(DATA, 0, 0, &[0; 16_385])),
        ("padding longer than the frame", frame(HEADERS, WHOLE | 8, 1, &[200, 0x82])),
        ("an index beyond the table", frame(HEADERS, WHOLE, 1, &[0xff, 0xff, 0x7f])),
        ("a stream number that goes back", [headers(WHOLE, 5), headers(WHOLE, 3)].concat()),
    ]
}

#[test]
fn broken_connections_end() {
    let stage = Ground::lay().start(|_| ());
    // Without a token, so that nothing of it could be answered.
    let mut block = get(ENTERPRISE, "");
    block.truncate(block.len() - 9);
    for (name, bytes) in connection_errors(&block) {
        let mut h2 = H2::open(&stage, MARKET.0);
        h2.send(&bytes).unwrap();
        let error = h2.until(GOAWAY).map(|frame| frame.error());
        assert!(error.is_some_and(|error| error > 0), "{name}: {error:?}");
    }
    let mut prefaceless = H2::open(&stage, None);
    prefaceless.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(prefaceless.until(GOAWAY).is_some());
    assert!(stage.upstream().heard().is_empty());
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
}

/// Header blocks that h2 takes for malformed, and what it sends: nobody ever sees them.
fn malformed(token: &str) -> Vec<(&'static str, Vec<u8>, u8)> {
    let with = |name: &str, value: &str| {
        let mut block = get(ENTERPRISE, token);
        field(&mut block, name, value);
        block
    };
    let sound = get(ENTERPRISE, token);
    vec![
        ("a name in capitals", with("X-Capital", "1"), GOAWAY),
        ("a pseudo field behind the others", with(":method", "GET"), RST_STREAM),
        ("a pseudo field that there is not", with(":other", "1"), GOAWAY),
        ("a pseudo field of answers", [&[0x88], &sound[..]].concat(), RST_STREAM),
        ("two methods", [&[0x82], &sound[..]].concat(), RST_STREAM),
        ("no method", sound[1..].to_vec(), RST_STREAM),
        ("a field of connections", with("connection", "close"), RST_STREAM),
        ("a transfer coding", with("transfer-encoding", "chunked"), RST_STREAM),
        ("TE that is not trailers", with("te", "gzip"), RST_STREAM),
    ]
}

#[test]
fn malformed_requests_are_counted_and_recorded() {
    let mut stage = Ground::lay().start(|_| ());
    let token = stage.token(MARKET.1);
    let cases = malformed(&token);
    let mut served = 0;
    for (name, block, how) in &cases {
        let mut h2 = H2::open(&stage, MARKET.0);
        h2.send(&frame(HEADERS, WHOLE, 1, block)).unwrap();
        let ended = h2.until(*how).map(|frame| frame.error());
        assert_eq!(ended, Some(PROTOCOL), "{name}");
        if *how == GOAWAY {
            continue;
        }
        served += 1;
        // The connection goes on, and what is whole is served.
        h2.send(&frame(HEADERS, WHOLE, 3, &get(ENTERPRISE, &token))).unwrap();
        assert_eq!(h2.until(HEADERS).expect(name).status(), 200, "{name}");
    }
    assert_eq!(stage.upstream().heard().len(), served);
    // Far too long: h2 answers by itself.
    let mut h2 = H2::open(&stage, MARKET.0);
    let mut block = get(ENTERPRISE, &token);
    (0..9).for_each(|number| field(&mut block, &format!("x-long-{number}"), &"x".repeat(8_000)));
    let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
    h2.send(&frame(HEADERS, END_STREAM, 1, pieces[0])).unwrap();
    for (place, piece) in pieces.iter().enumerate().skip(1) {
        let flags = if place + 1 == pieces.len() { END_HEADERS } else { 0 };
        h2.send(&frame(CONTINUATION, flags, 1, piece)).unwrap();
    }
    assert!(h2.until(HEADERS).is_some());
    drop(h2);
    let refused = || {
        let entries = stage.entries();
        let counts = entries.iter().filter(|entry| entry["cause"] == "stream_refused");
        counts.map(|entry| entry["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert!(eventually(|| refused() == cases.len() as u64 + 1), "{}", refused());
    let counted = stage.metric("zhamen_connections_total", &["\"stream_refused\""]);
    assert_eq!(counted, cases.len() as f64 + 1.0);
    let requests = stage.entries().iter().filter(|entry| entry["kind"] == "request").count();
    assert_eq!(requests, served, "one each of those that were served");
    stage.stop();
}
