//! Listeners on real sockets: framing, limits, drain (faults.md C1, C2, C13).

mod net_support;

use net_support::*;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zhamen::config::settings::Limits;
use zhamen::net::body::read_request_body;
use zhamen::net::connections::{Cut, Refused};

/// Answers with the request's body, and refuses as `request.rs` does: by the peer's framing fault or
/// by the body's.
fn echo(limits: Limits) -> Gateway {
    let (body_max, timeout) = (limits.body_bytes_max, limits.body_timeout);
    gateway(limits, None, move |peer, request| async move {
        if let Some(cause) = peer.framing_fault.get() {
            return text(cause.status(), cause.code());
        }
        let path = request.uri().path().to_owned();
        match read_request_body(request.into_body(), body_max, timeout).await {
            Ok(body) => text(200, [path.as_bytes(), b"=", &body].concat()),
            Err(cause) => text(cause.status(), cause.code()),
        }
    })
}

const GET: &str = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";
const LAST: &str = "GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

const CHUNKED: &str = "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";

#[test]
fn only_exact_framing_reaches_the_service() {
    let big = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(5_000));
    let table: Vec<(String, Vec<u16>, &str)> = vec![
        (LAST.into(), vec![200], "/last="),
        (format!("{GET}{GET}{LAST}"), vec![200, 200, 200], "/last="),
        // H1-01: the request before the faulty one is served, nothing behind it is.
        (
            format!("{GET}POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n{GET}"),
            vec![200, 400],
            "ambiguous_framing",
        ),
        ("GET / HTTP/1.1\nhost: x\n\n".into(), vec![400], "not_http"),
        ("GET / HTTP/1.1\r\nx: \0\r\n\r\n".into(), vec![400], "bad_header"),
        ("\x16\x03\x01\x02\x00 hello\r\n\r\n".into(), vec![400], ""),
        (big, vec![431], "header_size"),
        (long, vec![414], "target_size"),
        (
            format!("POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc{LAST}"),
            vec![200, 200],
            "/b=abc",
        ),
        // H1-06: a harmless trailer is dropped, another is refused.
        (format!("{CHUNKED}x-sum: 1\r\n\r\n{LAST}"), vec![200, 200], "/c=abc"),
        (format!("{CHUNKED}host: evil\r\n\r\n{LAST}"), vec![400], "trailer_forbidden"),
        (
            "POST /d HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n".into(),
            vec![400],
            "bad_chunk",
        ),
        // A peer that writes the stand-in's host itself is nobody special.
        ("GET /e HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n".into(), vec![200], "/e="),
    ];
    worker(async {
        let gateway = echo(limits());
        for (input, expect, holds) in table {
            let answer = raw(gateway.address, input.as_bytes()).await;
            assert_eq!(statuses(&answer), expect, "{input:.60}\n{answer}");
            assert!(answer.contains(holds), "{input:.60}\n{answer}");
        }
    });
}

#[test]
fn the_result_does_not_depend_on_how_the_bytes_arrive() {
    let input = format!(
        "POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc{GET}GET / HTTP/1.1\r\nhost: x\n\r\n{GET}"
    );
    worker(async {
        let gateway = echo(limits());
        for size in [1, 2, 3, 7, 31, 64] {
            let mut stream = TcpStream::connect(gateway.address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in input.as_bytes().chunks(size) {
                if stream.write_all(piece).await.is_err() {
                    break; // the gateway has refused and closed
                }
                tokio::task::yield_now().await;
            }
            let answer = read_to_end(&mut stream).await;
            assert_eq!(statuses(&answer), [200, 200, 400], "in pieces of {size}: {answer}");
            assert!(answer.ends_with("bad_header"), "refused by the service, not by hyper: {answer}");
        }
    });
}

#[test]
fn slow_peers_are_refused_in_time() {
    worker(async {
        let slow =
            Limits { header_timeout: ms(200), body_timeout: ms(200), idle_timeout: ms(400), ..limits() };
        let gateway = echo(slow);
        for (input, expect, holds) in [
            ("GET / HTTP/1.1\r\nhos", vec![408], "slow_client"),
            ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", vec![408], "slow_body"),
            (
                "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
                vec![100, 408],
                "slow_body",
            ),
            ("", vec![], ""),
            (GET, vec![200], "/a="), // then idle
        ] {
            let begun = Instant::now();
            let answer = raw(gateway.address, input.as_bytes()).await;
            assert_eq!(statuses(&answer), expect, "{input:?}: {answer}");
            assert!(answer.contains(holds), "{input:?}: {answer}");
            assert!(
                begun.elapsed() > ms(150) && begun.elapsed() < ms(3000),
                "{input:?}: {:?}",
                begun.elapsed()
            );
        }
    });
}

#[test]
fn bodies_beyond_the_limit_are_refused_announced_or_not() {
    let body = "y".repeat(2000);
    let chunked = format!("transfer-encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n");
    worker(async {
        let gateway = echo(Limits { body_bytes_max: 1000, ..limits() });
        // The last has a peer that still sends when it is refused: it must be able to read why.
        let long = format!("content-length: 200000\r\n\r\n{}", "y".repeat(200_000));
        for framing in [format!("content-length: 2000\r\n\r\n{body}"), chunked, long] {
            let input = format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}");
            let answer = raw(gateway.address, input.as_bytes()).await;
            assert_eq!(statuses(&answer), [413], "{answer}");
        }
    });
}

#[test]
fn a_refused_peer_that_still_sends_is_not_reset_at_once() {
    worker(async {
        let gateway = echo(Limits { body_bytes_max: 1000, ..limits() });
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3000\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"body_size") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        for _ in 0..3 {
            tokio::time::sleep(ms(30)).await;
            stream.write_all(&[b'y'; 1000]).await.expect("read and thrown away");
        }
    });
}

#[test]
fn connections_are_capped_for_each_peer_and_in_all() {
    worker(async {
        for (connections_max, connections_per_peer_max, refused) in
            [(10, 2, Refused::PeerFull), (2, 10, Refused::Full)]
        {
            let gateway = echo(Limits { connections_max, connections_per_peer_max, ..limits() });
            let first = TcpStream::connect(gateway.address).await.unwrap();
            let _second = TcpStream::connect(gateway.address).await.unwrap();
            assert_eq!(raw(gateway.address, b"").await, "", "closed at once");
            assert_eq!(gateway.connections.stats().refused(refused), 1);
            drop(first);
            while gateway.connections.open() > 1 {
                tokio::time::sleep(ms(5)).await;
            }
            assert_eq!(statuses(&raw(gateway.address, LAST.as_bytes()).await), [200]);
        }
    });
}

#[test]
fn a_peer_that_stops_reading_is_cut() {
    worker(async {
        let stall = Limits { write_stall_timeout: ms(300), ..limits() };
        let gateway = gateway(stall, None, |_, _| async { text(200, vec![b'y'; 64 * 1024 * 1024]) });
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(GET.as_bytes()).await.unwrap();
        while gateway.connections.stats().cut(Cut::Stalled) == 0 {
            tokio::time::sleep(ms(20)).await;
        }
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(received.len() < 64 * 1024 * 1024, "not the whole answer");
    });
}

#[test]
fn a_drain_finishes_what_is_open_and_accepts_nothing_new() {
    worker(async {
        let gateway = gateway(limits(), None, |_, request| async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(ms(300)).await;
            }
            text(200, "done")
        });
        let address = gateway.address;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(GET.as_bytes()).await.unwrap();
        assert!(idle.read(&mut [0; 1000]).await.unwrap() > 0);
        let slow =
            tokio::task::spawn_local(
                async move { raw(address, b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await },
            );
        tokio::time::sleep(ms(50)).await;
        gateway.stop.start(ms(5000));
        assert_eq!(idle.read(&mut [0; 1000]).await.unwrap(), 0, "an idle connection is closed at once");
        drop(idle);
        let answer = slow.await.unwrap();
        assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
        gateway.ended.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
        assert_eq!(gateway.connections.open(), 0);
    });
}

#[test]
fn a_drain_cuts_at_its_deadline() {
    worker(async {
        let gateway = gateway(limits(), None, |_, _| std::future::pending());
        let mut stuck = TcpStream::connect(gateway.address).await.unwrap();
        stuck.write_all(GET.as_bytes()).await.unwrap();
        tokio::time::sleep(ms(50)).await;
        let begun = Instant::now();
        gateway.stop.start(ms(200));
        gateway.stop.start(ms(60_000));
        gateway.ended.await.unwrap().unwrap();
        assert!(begun.elapsed() < ms(2000));
        assert_eq!((stuck.read(&mut [0; 10]).await.unwrap_or(0), gateway.connections.open()), (0, 0));
    });
}
