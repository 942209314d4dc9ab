use super::position::{Place, PositionFile};
use super::*;
use crate::config::settings::{FileFormat, SinkAddress, SinkTarget, SinkTls};
use crate::engine::evidence::{Entry, encode};
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::AtomicUsize;
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
    SinkTarget::File { path: dir.join("copy.jsonl"), format: FileFormat::Json, bytes_max: 1 << 30, keep: 1 }
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
#[derive(Clone, Copy)]
enum Manner {
    /// Reads to the end and closes.
    Good,
    /// Reads a little and breaks off.
    Rude,
}

/// A receiver of syslog that hands on the messages it read, framing taken off. The manners are those of
/// the connections on which something is said.
fn receiver(listener: TcpListener, manners: Vec<Manner>) -> mpsc::Receiver<String> {
    let (heard, hear) = mpsc::channel();
    let said = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (heard, said, manners) = (heard.clone(), said.clone(), manners.clone());
            std::thread::spawn(move || {
                let mut bytes = vec![0; 700];
                let count = stream.read(&mut bytes).unwrap_or(0);
                bytes.truncate(count);
                if count == 0 {
                    return;
                }
                match manners.get(said.fetch_add(1, Ordering::Relaxed)).unwrap_or(&Manner::Good) {
                    Manner::Good => drop(hand_on(&mut stream, bytes, &heard)),
                    Manner::Rude => drop(socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))),
                }
            });
        }
    });
    hear
}

/// Reads to the end and hands on the messages.
fn hand_on(stream: &mut impl Read, mut bytes: Vec<u8>, heard: &mpsc::Sender<String>) -> Option<()> {
    stream.read_to_end(&mut bytes).ok()?;
    let mut rest = bytes.as_slice();
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
        let message = String::from_utf8(rest[space + 1..space + 1 + length].to_vec()).unwrap();
        rest = &rest[space + 1 + length..];
        heard.send(message).ok()?;
    }
    Some(())
}

/// How a connection ends, over TLS or not, and whether that is an acknowledgement.
#[test]
fn only_an_orderly_end_is_an_acknowledgement() {
    use End::*;
    for (is_tls, end, words) in [
        (true, Orderly, [].as_slice()),
        (false, Orderly, &[]),
        (true, NoFarewell, &["close_notify"]),
        (true, Unread, &["reset", "broken pipe"]),
        (false, Unread, &["reset", "broken pipe"]),
        (false, Died, &["ended while it was sent to"]),
    ] {
        let ground = Ground::new(|dir| SinkTarget::Syslog(tls_server(dir, is_tls, end)));
        ground.write(200);
        let sinks = ground.start();
        assert!(
            eventually(|| sinks.health()[0].delivered_seq == 200 || sinks.health()[0].failures > 0),
            "{is_tls} {end:?}"
        );
        let health = sinks.health().remove(0);
        assert_eq!(
            health.delivered_seq,
            if words.is_empty() { 200 } else { 0 },
            "{is_tls} {end:?} {health:?}"
        );
        let fault = health.fault.to_lowercase();
        assert!(
            words.is_empty() || words.iter().any(|words| fault.contains(words)),
            "{is_tls} {end:?}: {fault}"
        );
        assert_eq!(ground.position().read().unwrap().is_none(), !words.is_empty());
    }
}

/// How a receiver leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has read all and says so.
    Orderly,
    /// It has read all and closes without the farewell of TLS.
    NoFarewell,
    /// It says farewell with bytes unread, as one does that refuses our certificate.
    Unread,
    /// It was killed when it had read all: the system closes every connection.
    Died,
}

/// A receiver of TLS or TCP on this machine that always ends like this; its address.
fn tls_server(dir: &Path, is_tls: bool, end: End) -> SinkAddress {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let ca_file = dir.join("ca.pem");
    std::fs::write(&ca_file, certified.cert.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut idle = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            if !is_tls && idle.is_empty() {
                idle.push(stream);
                continue;
            }
            let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
            let _ = if is_tls { leave_tls(&stream, &mut tls, end) } else { leave(&stream, end) };
            // Killed, or not: the idle connection ends before the other one does, or after.
            if end != End::Died {
                drop(stream);
                std::thread::sleep(Duration::from_millis(50));
            }
            idle.clear();
        }
    });
    let tls = is_tls.then_some(SinkTls { ca_file, client: None });
    SinkAddress { host: "localhost".into(), port, tls }
}

fn leave(mut stream: &std::net::TcpStream, end: End) -> io::Result<()> {
    match end {
        End::Unread => stream.read_exact(&mut [0; 100]),
        End::Orderly | End::NoFarewell | End::Died => stream.read_to_end(&mut Vec::new()).map(drop),
    }
}

fn leave_tls(
    mut stream: &std::net::TcpStream,
    tls: &mut rustls::ServerConnection,
    end: End,
) -> io::Result<()> {
    tls.complete_io(&mut stream)?;
    if end != End::Unread {
        rustls::Stream::new(tls, &mut stream).read_to_end(&mut Vec::new())?;
    }
    if end != End::NoFarewell {
        tls.send_close_notify();
        tls.write_tls(&mut stream)?;
    }
    Ok(())
}

fn local(port: u16) -> SinkAddress {
    SinkAddress { host: "127.0.0.1".into(), port, tls: None }
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
    assert_eq!(seen, (1..=800).collect::<Vec<u64>>(), "every entry, in order");
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
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
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
