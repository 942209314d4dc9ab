use super::position::{Place, PositionFile};
use super::*;
use crate::config::settings::{SinkAddress, SinkTarget};
use crate::engine::evidence::{Entry, encode};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A log that can be written to, with sinks.
struct Ground {
    dir: tempfile::TempDir,
    audit: Option<Arc<Audit>>,
    target: SinkTarget,
}

impl Ground {
    fn new(target: impl FnOnce(&Path) -> SinkTarget) -> Ground {
        let dir = tempfile::tempdir().unwrap();
        let target = target(dir.path());
        let mut ground = Ground { dir, audit: None, target };
        ground.audit = Some(Arc::new(Audit::create(&ground.settings()).unwrap()));
        ground
    }

    fn settings(&self) -> AuditSettings {
        AuditSettings {
            queue_max: 10_000,
            // Several segments, so that sinks cross from one to the next.
            segment_bytes_max: 20_000,
            disk_low_bytes: 0,
            sinks: vec![SinkSettings { name: "copy".into(), target: self.target.clone() }],
            ..AuditSettings::new(self.dir.path().join("audit"))
        }
    }

    fn audit(&self) -> &Arc<Audit> {
        self.audit.as_ref().unwrap()
    }

    fn start(&self) -> Sinks {
        Sinks::start(&self.settings(), self.audit()).unwrap()
    }

    fn write(&self, count: usize) {
        let body = |bytes| encode(&Entry::TornTail { ts: 1_795_397_400_500, bytes });
        let pending: Vec<_> = (0..count).map(|at| self.audit().note(body(at as u64))).collect();
        for pending in pending {
            pending.receipt_blocking().unwrap();
        }
    }

    fn last(&self) -> u64 {
        self.audit().health().last_seq
    }

    fn position(&self) -> PositionFile {
        PositionFile::new(&positions_of(&self.settings().dir), "copy")
    }
}

fn eventually(holds: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn seq(line: &str) -> u64 {
    let entry: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    entry["seq"].as_u64().unwrap()
}

fn file_target(dir: &Path) -> SinkTarget {
    SinkTarget::File { path: dir.join("copy.jsonl"), bytes_max: 1 << 30, keep: 1 }
}

fn copied(ground: &Ground) -> String {
    std::fs::read_to_string(ground.dir.path().join("copy.jsonl")).unwrap_or_default()
}

#[test]
fn a_file_has_every_line_once_over_orderly_restarts() {
    let ground = Ground::new(file_target);
    for round in 1..=3 {
        let sinks = ground.start();
        ground.write(300);
        assert!(eventually(|| sinks.health()[0].delivered_seq == ground.last()), "{:?}", sinks.health());
        drop(sinks);
        let seen: Vec<u64> = copied(&ground).lines().map(seq).collect();
        assert_eq!(seen, (1..=300 * round).collect::<Vec<u64>>());
    }
    // The copy is the log, byte for byte.
    let files = crate::state::follow::segments(&[ground.settings().dir]).unwrap();
    assert!(files.len() > 3, "it crossed segments");
    let log: String = files.iter().map(|file| std::fs::read_to_string(&file.path).unwrap()).collect();
    assert_eq!(copied(&ground), log);
}

/// The process died after the delivery and before the place was remembered.
#[test]
fn only_what_was_not_remembered_comes_twice() {
    let ground = Ground::new(file_target);
    ground.write(100);
    let sinks = ground.start();
    assert!(eventually(|| sinks.health()[0].delivered_seq == 100));
    drop(sinks);
    let hash = copied(&ground).lines().nth(59).map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        crate::engine::evidence::chain::hash_of_hex(entry["hash"].as_str().unwrap().as_bytes()).unwrap()
    });
    ground.position().write(Place { seq: 60, hash: hash.unwrap() }).unwrap();
    ground.write(10);
    let sinks = ground.start();
    assert!(eventually(|| sinks.health()[0].delivered_seq == 110));
    let seen: Vec<u64> = copied(&ground).lines().map(seq).collect();
    assert_eq!(seen, (1..=100).chain(61..=110).collect::<Vec<u64>>());
}

#[test]
fn another_log_is_sent_from_its_beginning_and_a_broken_place_stops_the_sink() {
    let ground = Ground::new(file_target);
    ground.write(20);
    std::fs::create_dir_all(positions_of(&ground.settings().dir)).unwrap();
    for place in [Place { seq: 7, hash: [9; 32] }, Place { seq: 1000, hash: [9; 32] }] {
        let _ = std::fs::remove_file(ground.dir.path().join("copy.jsonl"));
        ground.position().write(place).unwrap();
        let sinks = ground.start();
        assert!(eventually(|| sinks.health()[0].delivered_seq == 20), "{place:?}");
        assert_eq!(copied(&ground).lines().map(seq).collect::<Vec<_>>(), (1..=20).collect::<Vec<u64>>());
    }
    std::fs::write(positions_of(&ground.settings().dir).join("copy.position"), "garbage").unwrap();
    let _ = std::fs::remove_file(ground.dir.path().join("copy.jsonl"));
    let sinks = ground.start();
    assert!(eventually(|| !sinks.health()[0].ok));
    assert!(sinks.health()[0].fault.contains("not a position") && copied(&ground).is_empty());
}

/// What a receiver of syslog does with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reads to the end and closes.
    Good,
    /// Reads a little and breaks off.
    Rude,
}

/// A receiver of syslog that hands on the messages it read, framing taken off.
fn receiver(listener: TcpListener, manners: Vec<Manner>) -> mpsc::Receiver<String> {
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let manner = manners.get(at).copied().unwrap_or(Manner::Good);
            let mut bytes = Vec::new();
            if manner == Manner::Rude {
                let mut some = [0; 700];
                let _ = stream.read(&mut some);
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                continue;
            }
            if stream.read_to_end(&mut bytes).is_err() {
                continue;
            }
            let mut rest = bytes.as_slice();
            while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
                let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
                let message = String::from_utf8(rest[space + 1..space + 1 + length].to_vec()).unwrap();
                rest = &rest[space + 1 + length..];
                if heard.send(message).is_err() {
                    return;
                }
            }
        }
    });
    hear
}

fn local(port: u16) -> SinkAddress {
    SinkAddress { host: "127.0.0.1".into(), port, ca_file: None }
}

/// A port that nobody listens on yet, kept from others.
fn reserved() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

#[test]
fn syslog_that_is_down_and_then_rude_loses_nothing() {
    let (socket, port) = reserved();
    let ground = Ground::new(|_| SinkTarget::Syslog(local(port)));
    ground.write(700);
    let sinks = ground.start();
    assert!(eventually(|| sinks.health()[0].failures >= 2), "nobody listens");
    assert!(!sinks.health()[0].ok && sinks.health()[0].delivered_seq == 0);
    // The log goes on meanwhile.
    ground.write(100);
    socket.listen(16).unwrap();
    let heard = receiver(socket.into(), vec![Manner::Rude, Manner::Good, Manner::Rude]);
    assert!(eventually(|| sinks.health()[0].delivered_seq == 800), "{:?}", sinks.health());
    drop(sinks);
    let messages: Vec<String> = heard.try_iter().collect();
    let seen: Vec<u64> = messages.iter().map(|message| seq(&message[message.find('{').unwrap()..])).collect();
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, (1..=800).collect::<Vec<u64>>(), "every entry, in order");
    assert!(messages[0].starts_with("<107>1 2026-11-23T01:30:00.500Z "), "{}", messages[0]);
}

/// One request of HTTP/1.1, answered as the table says; hands on bodies that were acknowledged.
fn collector(listener: TcpListener, answers: Vec<(u16, &'static str)>) -> mpsc::Receiver<serde_json::Value> {
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let (code, said) = answers.get(at).copied().unwrap_or((200, "{}"));
            let mut bytes = Vec::new();
            let mut some = [0; 65536];
            let (head, length) = loop {
                let Ok(count) = stream.read(&mut some) else { break (0, 0) };
                bytes.extend_from_slice(&some[..count]);
                let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
                if let Some(end) = text.find("\r\n\r\n") {
                    let length = text.split("content-length: ").nth(1).unwrap();
                    break (end + 4, length.lines().next().unwrap().parse().unwrap());
                }
            };
            while bytes.len() < head + length {
                let Ok(count) = stream.read(&mut some) else { break };
                bytes.extend_from_slice(&some[..count]);
            }
            let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
            assert!(text.starts_with("POST /v1/logs HTTP/1.1"), "{text}");
            assert!(text.to_ascii_lowercase().contains("authorization: bearer t0ken"), "{text}");
            let answer = format!(
                "HTTP/1.1 {code} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
                said.len()
            );
            let _ = stream.write_all(answer.as_bytes());
            if code == 200 && heard.send(serde_json::from_slice(&bytes[head..]).unwrap()).is_err() {
                return;
            }
        }
    });
    hear
}

#[test]
fn a_collector_gets_everything_it_acknowledges() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ground = Ground::new(|dir| {
        let token = dir.join("token");
        std::fs::write(&token, "t0ken\n").unwrap();
        SinkTarget::Otlp { address: local(port), path: "/v1/logs".into(), token_file: Some(token) }
    });
    let rejected = r#"{"partialSuccess":{"rejectedLogRecords":"3"}}"#;
    let heard = collector(listener, vec![(503, ""), (400, "bad"), (200, rejected)]);
    ground.write(600);
    let sinks = ground.start();
    assert!(eventually(|| sinks.health()[0].delivered_seq == 600), "{:?}", sinks.health());
    let health = sinks.health().remove(0);
    assert_eq!((health.failures, health.rejected, health.delivered, health.ok), (2, 3, 600, true));
    drop(sinks);
    let mut seen = Vec::new();
    for document in heard.try_iter() {
        for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap() {
            assert_eq!(record["timeUnixNano"], "1795397400500000000");
            assert_eq!((&record["severityNumber"], &record["severityText"]), (&17.into(), &"ERROR".into()));
            let said = seq(record["body"]["stringValue"].as_str().unwrap());
            assert_eq!(record["attributes"][0]["value"]["intValue"], said.to_string());
            seen.push(said);
        }
    }
    assert_eq!(seen, (1..=600).collect::<Vec<u64>>());
}

/// Somebody takes the connection and then says nothing: only the sink waits.
#[test]
fn a_silent_receiver_holds_up_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ground = Ground::new(|_| SinkTarget::Syslog(local(port)));
    ground.write(10);
    let sinks = ground.start();
    let (_held, _) = listener.accept().unwrap();
    let begun = Instant::now();
    ground.write(500);
    assert!(begun.elapsed() < Duration::from_secs(10), "the log does not wait");
    assert_eq!(sinks.health()[0].delivered_seq, 0);
    assert_eq!(ground.last(), 510);
    drop(listener);
}
