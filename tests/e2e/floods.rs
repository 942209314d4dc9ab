//! HTTP/2 used as a weapon: the connection that does it ends, the others do not notice, and whatever
//! became a request has its one entry. Faults H2-01 to H2-05 of the register of faults.

use crate::support::h2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, get,
};
use crate::support::upstream::Play;
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// ENHANCE_YOUR_CALM and PROTOCOL_ERROR of RFC 9113, section 7.
const CALM: u32 = 0xb;
const PROTOCOL: u32 = 0x1;

/// Resident bytes of the gateway's process.
fn resident(stage: &Stage) -> f64 {
    stage.metric("process_resident_memory_bytes", &[])
}

/// Somebody else is answered, and soon.
fn others_are_served(stage: &Stage) {
    let begun = Instant::now();
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// Sends as often as it may; how often that was, and the GOAWAY that came of it, if any.
fn flood(h2: &mut H2, times: usize, mut bytes: impl FnMut(usize) -> Vec<u8>) -> (usize, Option<u32>) {
    h2.patience(Duration::from_secs(3));
    let sent = (0..times).take_while(|number| h2.send(&bytes(*number)).is_ok()).count();
    (sent, h2.until(GOAWAY).map(|frame| frame.error()))
}

/// Each request has one entry, never two.
fn one_entry_each(stage: &Stage) -> usize {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for entry in stage.entries().iter().filter(|entry| entry["kind"] == "request") {
        *seen.entry(entry["request_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    seen.len()
}

#[test]
fn a_plain_request_is_answered() {
    let stage = Ground::lay().start(|_| ());
    let mut h2 = H2::open(&stage, MARKET.0);
    h2.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &get(ENTERPRISE, &stage.token(MARKET.1)))).unwrap();
    assert_eq!(h2.until(HEADERS).unwrap().status(), 200);
    assert!(h2.until(DATA).is_some());
}

/// CVE-2023-44487: streams opened and reset at once, without end.
#[test]
fn rapid_reset() {
    let mut stage = Ground::lay().spawn();
    stage.upstream().always(Play::Pieces(vec![(Vec::new(), Duration::from_secs(2))]));
    let block = get(HOUSEHOLD, &stage.token(CIVIL.1));
    let mut h2 = H2::open(&stage, CIVIL.0);
    let (_, goaway) = flood(&mut h2, 20_000, |number| {
        let stream = 2 * number as u32 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        bytes
    });
    assert!(matches!(goaway, Some(CALM) | None), "{goaway:?}");
    // It ended: what came after it was not read.
    assert!(h2.send(&frame(PING, 0, 0, &[0; 8])).is_err() || h2.until(PING).is_none());
    let asked = stage.upstream().heard().len();
    assert!(asked < 2_000, "{asked} requests reached the upstream");
    stage.upstream().as_usual();
    others_are_served(&stage);
    assert!(eventually(|| stage.metric("zhamen_connections_open", &[]) == 0.0), "nothing is left open");
    assert!(one_entry_each(&stage) > asked, "what reached the upstream was recorded");
    stage.signal("TERM");
    assert_eq!(stage.exit(), Some(0));
    stage.stop();
}

/// CVE-2024-27316: a header block without end.
#[test]
fn continuation_flood() {
    let stage = Ground::lay().spawn();
    others_are_served(&stage);
    let before = resident(&stage);
    let mut h2 = H2::open(&stage, None);
    h2.send(&frame(HEADERS, 0, 1, &get(ENTERPRISE, ""))).unwrap();
    let mut block = Vec::new();
    field(&mut block, "x-flood", &"x".repeat(1000));
    let block = block.repeat(16);
    // 320 MB, if they were all taken.
    let (sent, goaway) = flood(&mut h2, 20_000, |_| frame(CONTINUATION, 0, 1, &block));
    assert!(sent < 2_000 && matches!(goaway, Some(CALM | PROTOCOL) | None), "{sent} {goaway:?}");
    others_are_served(&stage);
    assert!(resident(&stage) - before < 32e6, "{before} {}", resident(&stage));
}

/// CVE-2019-9512 and CVE-2019-9515: frames that must be answered, by somebody who reads no answer.
#[test]
fn pings_and_settings_that_are_never_read() {
    let stage = Ground::lay().spawn();
    others_are_served(&stage);
    let before = resident(&stage);
    for (kind, payload) in [(PING, &[7_u8; 8][..]), (SETTINGS, &[0, 3, 0, 0, 0, 100][..])] {
        let mut h2 = H2::open(&stage, None);
        h2.patience(Duration::from_secs(1));
        let batch = frame(kind, 0, 0, payload).repeat(1000);
        let sent = (0..3_000).take_while(|_| h2.send(&batch).is_ok()).count();
        others_are_served(&stage);
        let grown = resident(&stage) - before;
        assert!(grown < 48e6, "{grown} bytes after {sent} batches of frames of type {kind}");
    }
}

/// CVE-2019-9518: frames that cost work and say nothing.
#[test]
fn empty_frames() {
    let stage = Ground::lay().spawn();
    others_are_served(&stage);
    for kind in [DATA, WINDOW_UPDATE, CONTINUATION] {
        let mut h2 = H2::open(&stage, MARKET.0);
        let mut block = get(ENTERPRISE, &stage.token(MARKET.1));
        // A body may come: then the empty frames belong to it.
        block[0] = 0x83;
        let flags = if kind == CONTINUATION { 0 } else { END_HEADERS };
        h2.send(&frame(HEADERS, flags, 1, &block)).unwrap();
        let payload: &[u8] = if kind == WINDOW_UPDATE { &[0, 0, 0, 0] } else { &[] };
        let batch = frame(kind, 0, 1, payload).repeat(1000);
        h2.patience(Duration::from_secs(1));
        let begun = Instant::now();
        let sent = (0..1_000).take_while(|_| h2.send(&batch).is_ok()).count();
        others_are_served(&stage);
        let ended = sent < 1_000 || h2.until(GOAWAY).is_some() || h2.until(RST_STREAM).is_some();
        // Those of a body are refused with it, at the latest when its time is up.
        assert!(ended || kind == DATA, "{sent} batches of empty frames of type {kind}");
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
    assert!(one_entry_each(&stage) >= 3);
}

/// CVE-2019-9511 and CVE-2019-9517: answers are asked for and never let through.
#[test]
fn streams_without_a_window_are_given_up() {
    let stage = Ground::lay().start(|settings| {
        settings.limits.write_stall_timeout = Duration::from_millis(500);
    });
    let mut h2 = H2::open(&stage, MARKET.0);
    // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
    h2.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).unwrap();
    let block = get(ENTERPRISE, &stage.token(MARKET.1));
    for stream in [1, 3, 5] {
        h2.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)).unwrap();
    }
    h2.patience(Duration::from_secs(5));
    let mut reset = Vec::new();
    while reset.len() < 3 {
        let frame = h2.next().expect("streams that are not read are reset");
        if frame.kind == RST_STREAM {
            reset.push(frame.stream);
        }
    }
    reset.sort_unstable();
    assert_eq!(reset, [1, 3, 5]);
    // The connection itself is still good.
    h2.send(&frame(PING, 0, 0, &[1; 8])).unwrap();
    assert!(h2.until(PING).is_some_and(|frame| frame.flags & ACK != 0));
    assert_eq!(stage.metric("zhamen_connections_total", &["\"stalled\""]), 3.0);
    let outcomes = || stage.entries().iter().filter(|entry| entry["kind"] == "outcome").count();
    assert!(eventually(|| outcomes() == 3));
    assert_eq!(one_entry_each(&stage), 3);
}

/// More header bytes than are taken: refused with an entry up to twice the limit.
#[test]
fn a_long_header_list_is_refused_and_recorded() {
    let stage = Ground::lay().start(|_| ());
    let mut h2 = H2::open(&stage, MARKET.0);
    let mut block = get(ENTERPRISE, &stage.token(MARKET.1));
    for number in 0..5 {
        field(&mut block, &format!("x-long-{number}"), &"x".repeat(4_000));
    }
    let (first, rest) = block.split_at(16_000);
    h2.send(&frame(HEADERS, END_STREAM, 1, first)).unwrap();
    h2.send(&frame(CONTINUATION, END_HEADERS, 1, rest)).unwrap();
    assert!(h2.until(HEADERS).is_some());
    let refused = |entry: &serde_json::Value| entry["cause"] == "header_size" && entry["status"] == 431;
    assert!(eventually(|| stage.entries().iter().any(refused)), "{:?}", stage.entries());
}
