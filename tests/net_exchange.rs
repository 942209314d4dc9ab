//! What happens on one upstream connection beyond question and answer: both at once, ends at odd
//! times, and what a connection does while it waits.

mod net_support;

use net_support::*;
use std::net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zhamen::engine::reason::Cause;
use zhamen::net::upstream::Outbound;
use zhamen::net::upstream::settings::{RetrySettings, UpstreamSettings};

/// More than the kernel takes at once.
const LARGE: usize = 16 << 20;

fn large() -> Outbound {
    Outbound::new("POST", "/v1/things").unwrap().with_body(vec![b'x'; LARGE].into())
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

#[test]
fn a_request_goes_on_while_its_answer_is_read() {
    worker(async {
        let fake = fake(|_, mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{\"").await.unwrap();
            let mut body = vec![0; LARGE];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(b"\":").await.unwrap();
            read_request(&mut stream).await.unwrap();
            stream.write_all(sized("{}").as_bytes()).await.unwrap();
        })
        .await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        assert_eq!(exchange(&upstream, large()).await.unwrap(), "{\"\":");
        assert_eq!(fetch(&upstream).await.unwrap(), "{}");
        assert_eq!(fake.accepted.get(), 1, "the connection is as good as before");
    });
}

#[test]
fn an_answer_before_the_request_was_read_counts_and_its_connection_does_not() {
    worker(async {
        let fake = fake(|_, mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            tokio::time::sleep(ms(200)).await;
        })
        .await;
        let upstream = upstream(upstream_settings(&[fake.address]));
        let mut answer = upstream.forward(&large()).await.unwrap();
        assert_eq!(answer.status, 413);
        assert_eq!(answer.body.next().await.unwrap().unwrap(), "no");
        assert!(answer.body.next().await.is_none());
        assert_eq!(upstream.idle(), 0);
    });
}

#[test]
fn an_upstream_that_stops_reading_is_not_waited_for() {
    worker(async {
        let fake = fake(|_, mut stream| async move {
            read_head(&mut stream).await;
            std::future::pending::<()>().await;
        })
        .await;
        let settings = UpstreamSettings { first_byte_timeout: ms(150), ..upstream_settings(&[fake.address]) };
        assert_eq!(exchange(&upstream(settings), large()).await, Err(Cause::UpstreamSlow));
    });
}

#[test]
fn an_end_that_is_none_is_a_fault_and_a_real_one_is_not() {
    worker(async {
        for (answer, expect) in [
            ("HTTP/1.1 200 OK\r\n\r\nall of it", Ok("all of it")),
            ("HTTP/1.0 200 OK\r\n\r\n", Ok("")),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall of i", Err(Cause::UpstreamReset)),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nall\r\n", Err(Cause::UpstreamReset)),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n",
                Err(Cause::UpstreamReset),
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nalloha",
                Err(Cause::UpstreamMalformed),
            ),
            ("HTTP/1.1 200 OK\r\ncontent-type", Err(Cause::UpstreamReset)),
        ] {
            let fake = fake(move |_, mut stream| async move {
                read_request(&mut stream).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                socket2::SockRef::from(&stream).shutdown(Shutdown::Write).unwrap();
                read_request(&mut stream).await;
            })
            .await;
            let retries = RetrySettings { max: 0, budget_percent: 0 };
            let upstream = upstream(UpstreamSettings { retries, ..upstream_settings(&[fake.address]) });
            assert_eq!(fetch(&upstream).await, expect.map(str::to_owned), "{answer}");
            assert_eq!(upstream.idle(), 0, "{answer}");
        }
    });
}

/// A descriptor that serves nobody is free at once, not when somebody wants the connection.
#[test]
fn a_connection_that_ends_or_speaks_while_it_waits_is_closed_at_once() {
    worker(async {
        for parting in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
            let fake = fake(move |_, mut stream| async move {
                read_request(&mut stream).await.unwrap();
                stream.write_all(sized("{}").as_bytes()).await.unwrap();
                tokio::time::sleep(ms(20)).await;
                stream.write_all(parting.as_bytes()).await.unwrap();
                if !parting.is_empty() {
                    read_request(&mut stream).await;
                }
            })
            .await;
            let upstream = upstream(upstream_settings(&[fake.address]));
            for round in 1..=3 {
                let mut calls = tokio::task::JoinSet::new();
                for _ in 0..4 {
                    let upstream = upstream.clone();
                    calls.spawn_local(async move { fetch(&upstream).await.unwrap() });
                }
                calls.join_all().await;
                assert_eq!(upstream.idle(), 4);
                tokio::time::sleep(ms(60)).await;
                assert_eq!((upstream.idle(), fake.accepted.get()), (0, 4 * round), "{parting:?}");
            }
        }
    });
}
