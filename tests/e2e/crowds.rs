//! Too many at once, or too slow: who behaves is served all the while, and nothing is left behind.

use crate::support::client::Connection;
use crate::support::upstream::{Play, json, usual};
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually, get, within};
use std::cell::Cell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};
use zhamen::config::Settings;
use zhamen::config::settings::Quota;

/// Somebody else is answered, and soon.
fn others_are_served(stage: &Stage) {
    let begun = Instant::now();
    assert_eq!(stage.get(MARKET, ENTERPRISE).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// Quotas are not what is looked at here.
fn plenty(settings: &mut Settings) {
    let plenty = Quota { per_second: 10_000, burst: 10_000 };
    let quotas = &mut settings.quotas;
    (quotas.caller, quotas.application, quotas.department, quotas.total) = (plenty, plenty, plenty, plenty);
}

fn open_connections(stage: &Stage) -> f64 {
    stage.metric("zhamen_connections_open", &[])
}

/// Slowloris: hundreds of heads, a byte at a time.
#[test]
fn slow_heads_are_refused_in_time() {
    const SLOW: usize = 300;
    let stage = Ground::lay().start(|settings| {
        plenty(settings);
        settings.limits.header_timeout = Duration::from_secs(2);
    });
    let mut slow: Vec<Connection> = (0..SLOW).map(|_| stage.connect(None)).collect();
    let head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: 1";
    let begun = Instant::now();
    let mut at = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        for connection in &mut slow {
            let _ = connection.send(&head[at % head.len()..=at % head.len()]);
        }
        at += 1;
        others_are_served(&stage);
        thread::sleep(Duration::from_millis(100));
    }
    // However steadily the bytes came.
    for connection in &mut slow {
        let reply = connection.reply().expect("a refusal");
        assert_eq!((reply.status, reply.code().as_str()), (408, "E-SLOW"));
    }
    let refused = |entry: &serde_json::Value| entry["cause"] == "slow_client";
    assert!(eventually(|| stage.entries().iter().filter(|entry| refused(entry)).count() == SLOW));
    drop(slow);
    assert!(eventually(|| open_connections(&stage) == 0.0));
}

/// A body a byte at a time, and answers that nobody reads.
#[test]
fn slow_bodies_and_slow_readers_are_given_up() {
    let stage = Ground::lay().start(|settings| {
        plenty(settings);
        settings.limits.body_timeout = Duration::from_secs(1);
        settings.limits.write_stall_timeout = Duration::from_secs(1);
    });
    let token = stage.token("s2-officer");
    let more = "Content-Type: application/json\r\nContent-Length: 1000\r\n";
    let head = crate::refusals::request(&token, "POST /civil-affairs/v1/marriages/verify", more);
    let mut slow: Vec<Connection> = (0..50).map(|_| stage.connect(Some("real-estate-window"))).collect();
    for connection in &mut slow {
        connection.send(&head).unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        for connection in &mut slow {
            let _ = connection.send(b" ");
        }
        others_are_served(&stage);
        thread::sleep(Duration::from_millis(50));
    }
    for connection in &mut slow {
        let reply = connection.reply().expect("a refusal");
        assert_eq!(reply.code(), "E-SLOW", "{}\n{}", reply.head, reply.text());
    }
    drop(slow);

    // More than the buffers between hold, so that writing stops.
    let record = format!(r#"{{"name":"{}"}}"#, "x".repeat(400_000));
    let body = format!(r#"{{"data":[{}]}}"#, vec![record; 40].join(","));
    stage.upstream().always(Play::Answer(json(&body)));
    let ask = get("/market-regulation/v1/enterprises?page=1&size=40", &stage.token(MARKET.1)).repeat(2);
    let mut deaf: Vec<Connection> = (0..5).map(|_| stage.connect(MARKET.0)).collect();
    for connection in &mut deaf {
        socket2::SockRef::from(&connection.stream.sock).set_recv_buffer_size(4096).unwrap();
        connection.send(&ask).unwrap();
    }
    let stalled = || stage.metric("zhamen_connections_total", &["\"stalled\""]);
    assert!(within(Duration::from_secs(8), || stalled() >= 5.0), "{}", stalled());
    stage.upstream().as_usual();
    let cut = |entry: &serde_json::Value| entry["kind"] == "outcome" && entry["delivered"] == false;
    assert!(eventually(|| stage.entries().iter().filter(|entry| cut(entry)).count() >= 5));
    assert!(eventually(|| open_connections(&stage) == 0.0));
    others_are_served(&stage);
}

/// A gateway with a crowd under way that its upstream leaves waiting; whoever comes after them is answered.
fn crowded() -> (Stage, Vec<Connection>) {
    const WAITING: usize = 120;
    let ground = Ground::lay();
    ground.edit("policies/catalogue/public-security.yaml", |text| {
        text.replace("first_byte_timeout: 1s", "first_byte_timeout: 60s")
            .replace("total_timeout: 3s", "total_timeout: 61s")
    });
    let stage = ground.start(plenty);
    let mut begun = 0;
    stage.upstream().plays(move |heard| {
        begun += 1;
        let silence = vec![(Vec::new(), Duration::from_secs(60))];
        if begun <= WAITING { Play::Pieces(silence) } else { usual(heard) }
    });
    let ask = get(HOUSEHOLD, &stage.token(CIVIL.1));
    let mut waiting: Vec<Connection> = (0..WAITING).map(|_| stage.connect(CIVIL.0)).collect();
    for connection in &mut waiting {
        connection.send(&ask).unwrap();
    }
    let heard = Cell::new(0);
    assert!(eventually(|| {
        heard.set(heard.get() + stage.upstream().heard().len());
        heard.get() == WAITING
    }));
    (stage, waiting)
}

/// Beside many that are under way, a request that is answered soon leaves one entry.
#[test]
fn in_a_crowd_decision_and_answer_are_one_entry() {
    let (mut stage, waiting) = crowded();
    assert!(eventually(|| {
        let reply = stage.get(CIVIL, HOUSEHOLD);
        let id = reply.request_id();
        let entry = stage.entry(&id);
        assert_eq!(reply.status, 200);
        let is_whole = entry["bytes"] == reply.body.len() && entry["ts_out"].is_string();
        entry["released"] == true && is_whole && stage.entries_of("outcome", &id).is_empty()
    }));
    waiting.into_iter().for_each(Connection::cut);
    stage.stop();
}

/// The log fails under an entry that says already how its request ends. Nothing is released; and when the
/// log goes on, the entry is there, and an outcome that says so.
#[test]
fn an_entry_ahead_of_an_answer_that_the_log_then_refused_is_corrected() {
    let (mut stage, waiting) = crowded();
    let (dir, away) = (stage.ground.path("audit"), stage.ground.path("away"));
    let is_corrected = || {
        assert!(eventually(|| stage.get(CIVIL, HOUSEHOLD).status == 200));
        fs::rename(&dir, &away).unwrap();
        let reply = stage.get(CIVIL, HOUSEHOLD);
        fs::rename(&away, &dir).unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (503, "E-AUDIT"));
        assert!(eventually(|| stage.get(CIVIL, HOUSEHOLD).status == 200));
        let id = reply.request_id();
        let ahead = stage.entries_of("request", &id).iter().any(|entry| entry["released"] == true);
        let outcomes = stage.entries_of("outcome", &id);
        if ahead {
            let [outcome] = outcomes.as_slice() else { panic!("{outcomes:?}") };
            assert_eq!(
                (&outcome["status"], &outcome["delivered"]),
                (&503.into(), &false.into()),
                "{outcome}"
            );
            assert!(outcome["subject_token"].is_string(), "found without its entry: {outcome}");
        }
        ahead
    };
    assert!((0..40).any(|_| is_corrected()));
    waiting.into_iter().for_each(Connection::cut);
    stage.stop();
}

/// Whatever a request of a crowd left, it is whole: one entry, and an outcome exactly where that one does
/// not say how the answer ends.
#[test]
fn a_crowd_leaves_one_whole_record_each() {
    const CROWD: usize = 200;
    let mut stage = Ground::lay().start(plenty);
    let ask = get(HOUSEHOLD, &stage.token(CIVIL.1));
    let mut crowd: Vec<Connection> = (0..CROWD).map(|_| stage.connect(CIVIL.0)).collect();
    for connection in &mut crowd {
        connection.send(&ask).unwrap();
    }
    // Every fourth does not wait.
    let (mut answered, mut gone) = (Vec::new(), 0);
    for (place, mut connection) in crowd.into_iter().enumerate() {
        if place % 4 == 0 {
            connection.cut();
            gone += 1;
        } else {
            let reply = connection.reply().expect("an answer");
            assert_eq!(reply.status, 200, "{}", reply.text());
            answered.push((reply.request_id(), reply.body.len()));
        }
    }
    stage.stop();
    let entries = stage.entries();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let (requests, outcomes) = (of_kind("request"), of_kind("outcome"));
    assert!(requests.len() <= CROWD && requests.len() >= CROWD - gone);
    let outcomes_of = |id: &str| outcomes.iter().filter(|entry| entry["request_id"] == id).count();
    for entry in &requests {
        let id = entry["request_id"].as_str().unwrap();
        assert_eq!(requests.iter().filter(|other| other["request_id"] == id).count(), 1, "{entry}");
        let is_decision = entry["decision"] == "ALLOW_PARTIAL" || entry["decision"] == "ALLOW";
        match (entry["released"] == true, answered.iter().find(|(answered, _)| answered == id)) {
            (true, Some((_, bytes))) => assert_eq!((outcomes_of(id), &entry["bytes"]), (0, &(*bytes).into())),
            (true, None) => assert!(outcomes_of(id) <= 1, "{entry}"),
            (false, _) => assert_eq!(outcomes_of(id), usize::from(is_decision), "{entry}"),
        }
    }
    let corrects = |entry: &&&serde_json::Value| entry["subject_token"].is_string();
    assert!(outcomes.iter().filter(corrects).all(|entry| entry["delivered"] == false));
}

/// No file descriptors left: nothing breaks, and when there are some again, everything goes on.
#[test]
fn without_descriptors_it_waits_for_better_times() {
    let stage = Ground::lay().spawn_within("ulimit -n 120");
    others_are_served(&stage);
    let crowd: Vec<TcpStream> = (0..400).filter_map(|_| TcpStream::connect(stage.data).ok()).collect();
    assert!(crowd.len() > 300, "the kernel takes them for us");
    thread::sleep(Duration::from_secs(2));
    drop(crowd);
    assert!(within(Duration::from_secs(10), || {
        let asked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stage.get(MARKET, ENTERPRISE).status));
        asked.is_ok_and(|status| status == 200)
    }));
    others_are_served(&stage);
    assert!(stage.metric("zhamen_connections_total", &["\"accept_error\""]) >= 1.0);
    let mut stage = stage;
    stage.signal("TERM");
    assert_eq!(stage.exit(), Some(0));
    stage.stop();
}

/// A shell's usual soft limit would end far below what the machine allows.
#[test]
fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let stage = Ground::lay().spawn_within("ulimit -Sn 120 && ulimit -Hn 512");
    assert_eq!(stage.metric("process_max_fds", &[]), 512.0);
    others_are_served(&stage);
    let mut stage = stage;
    stage.stop();
}

/// Thousands of connections that do nothing, over TLS, cost what the budget says or less, and the
/// one beyond the cap is refused.
#[test]
fn thousands_of_idle_connections_fit_into_the_budget() {
    const IDLE: usize = 5_000;
    let ground = Ground::lay();
    ground.edit("zhamen.yaml", |text| {
        let limits = "limits:\n  memory_budget_bytes: 2GiB\n  connections_max: 5001\n  \
                      connections_per_peer_max: 5001\n  idle_timeout: 5m\n  handshake_timeout: 60s\n";
        format!("{text}\n{limits}")
    });
    let stage = ground.spawn();
    others_are_served(&stage);
    let resident = || stage.metric("process_resident_memory_bytes", &[]);
    let before = resident();
    let config = stage.tls(None, "http/1.1");
    let open = |count: usize| -> Vec<Connection> {
        let shake = |_| {
            let mut connection = Connection::open(stage.data, config.clone()).unwrap();
            connection.stream.conn.complete_io(&mut connection.stream.sock).unwrap();
            connection
        };
        (0..count).map(shake).collect()
    };
    let idle: Vec<Connection> = thread::scope(|scope| {
        let parts: Vec<_> = (0..4).map(|_| scope.spawn(|| open(IDLE / 4))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(eventually(|| open_connections(&stage) == IDLE as f64));
    let each = (resident() - before) / IDLE as f64;
    println!("{each:.0} bytes an idle TLS connection");
    assert!(each < 40_960.0, "{each} bytes an idle TLS connection");
    others_are_served(&stage);
    // The last place is taken; nobody else gets in, and nobody is thrown out.
    assert!(eventually(|| open_connections(&stage) == IDLE as f64));
    let mut last = TcpStream::connect(stage.data).unwrap();
    assert!(eventually(|| open_connections(&stage) == IDLE as f64 + 1.0));
    let mut beyond = TcpStream::connect(stage.data).unwrap();
    beyond.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(beyond.read(&mut [0]), Ok(0) | Err(_)));
    assert!(stage.metric("zhamen_connections_total", &["\"connections_per_peer_max\""]) >= 1.0);
    last.write_all(b"x").unwrap();
    drop((idle, last));
    assert!(eventually(|| open_connections(&stage) == 0.0));
    others_are_served(&stage);
}
