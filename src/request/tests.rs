//! What only a fault of ours can show: a request that panics.

use crate::config;
use crate::demo::workspace::{Addresses, lay_out};
use crate::gateway::{AuditStart, Gateway};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

/// The seam of these tests: a request that carries this field panics in the walk. It is compiled into
/// the unit tests alone.
const PANIC: &str = "x-test-panic";

pub(super) fn panic_if_asked(headers: &hyper::HeaderMap) {
    assert!(!headers.contains_key(PANIC), "asked for by a test");
}

fn ask(address: SocketAddr, path: &str, more: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{more}Connection: close\r\n\r\n",
        address.port()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn entries(dir: &std::path::Path, what: &str) -> Vec<String> {
    let files = std::fs::read_dir(dir).unwrap().flatten().map(|file| file.path());
    let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    let lines: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    lines.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

#[test]
fn a_panic_is_one_refusal_one_entry_and_one_count() {
    let dir = tempfile::tempdir().unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    lay_out(dir.path(), Addresses { data: any, admin: any, departments: 9701 }, SystemTime::now()).unwrap();
    let mut settings = config::load(&dir.path().join("zhamen.yaml")).unwrap();
    (settings.data.tls, settings.workers, settings.audit.disk_low_bytes) = (None, 1, 0);
    let gateway = Gateway::start(settings, AuditStart::MayCreate).unwrap();
    let (data, admin) = (gateway.data_address(), gateway.admin_address());

    let answer = ask(data, "/anything", &format!("{PANIC}: 1\r\n"));
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("\"E-FAULT\""), "{answer}");
    assert!(!answer.contains("asked for by a test"), "{answer}");
    // The worker goes on.
    let next = ask(data, "/anything", "");
    assert!(next.starts_with("HTTP/1.1 401 "), "{next}");

    let audit = dir.path().join("audit");
    let begun = Instant::now();
    while entries(&audit, r#""kind":"request""#).len() < 2 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(entries(&audit, r#""kind":"request""#).len(), 2);
    let [entry] = &entries(&audit, r#""cause":"panic""#)[..] else { panic!("not one entry") };
    assert!(entry.contains(r#""decision":"REFUSED""#) && entry.contains(r#""status":500"#), "{entry}");
    assert!(ask(admin, "/metrics", "").contains("\nzhamen_panics_total 1\n"));
    gateway.stop().unwrap();
}
