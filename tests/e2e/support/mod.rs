//! A whole gateway for one test: its folder, its upstream, its callers.

pub mod client;
pub mod h2;
pub mod upstream;

use client::{Connection, Reply};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use upstream::Upstream;
use zhamen::config::{self, Settings};
use zhamen::demo::passes::PASSES;
use zhamen::demo::tokens::{AUDIENCE, ISSUER, TokenIssuer};
use zhamen::demo::workspace::{Addresses, lay_out};
use zhamen::gateway::{AuditStart, Gateway};
use zhamen::identity::issue::SigningKey;
use zhamen::state::audit::verify_dir;

/// A query for public data, by the market window.
pub const ENTERPRISE: &str = "/market-regulation/v1/enterprises/91330100MA2DEMA108";
/// A query for personal data, by the civil affairs window.
pub const HOUSEHOLD: &str = "/public-security/v1/households/330106196502142015";
/// The window that asks for enterprises, and its token.
pub const MARKET: (Option<&str>, &str) = (Some("market-window"), "s3-officer");
/// The window that asks for households, and its token.
pub const CIVIL: (Option<&str>, &str) = (Some("civil-affairs-window"), "s1-officer");

/// What was logged in this process, of all its gateways.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All lines logged so far in this process.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOGGED.lock().unwrap()).into_owned()
}

fn capture_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Logged);
        let _ = subscriber.try_init();
    });
}

/// A laid-out folder with an upstream, before the gateway starts.
pub struct Ground {
    pub dir: TempDir,
    pub upstream: Upstream,
    /// A port that refuses connections.
    _down: socket2::Socket,
}

impl Ground {
    /// Lays out the demo, all departments being one upstream but 税务, which is down, and 社保, which
    /// is asked over TLS and does not speak it.
    pub fn lay() -> Ground {
        capture_logs();
        let dir = tempfile::tempdir().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let addresses = Addresses { data: any, admin: any, departments: 9701 };
        lay_out(dir.path(), addresses, SystemTime::now()).unwrap();
        let down = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        down.bind(&any.into()).unwrap();
        let refusing = down.local_addr().unwrap().as_socket().unwrap();
        let ground = Ground { dir, upstream: Upstream::start(), _down: down };
        ground.point_departments(refusing);
        ground
    }

    fn point_departments(&self, refusing: SocketAddr) {
        let timeouts = "    connect_timeout: 1s\n    first_byte_timeout: 1s\n    total_timeout: 3s\n";
        for file in std::fs::read_dir(self.path("policies/catalogue")).unwrap().flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let mut written = String::new();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("health: {path")) {
                if !line.trim_start().starts_with("endpoints:") {
                    written.push_str(&format!("{line}\n"));
                    continue;
                }
                let (scheme, address, ejection) = match line {
                    line if line.contains(":9707") => ("http", refusing, 3),
                    line if line.contains(":9706") => ("https", self.upstream.address, 1000),
                    _ => ("http", self.upstream.address, 1000),
                };
                written.push_str(&format!("    endpoints: [\"{scheme}://{address}\"]\n{timeouts}"));
                written.push_str(&format!("    ejection: {{failures: {ejection}, ejected_for: 1h}}\n"));
                if scheme == "https" {
                    written.push_str("    tls: {ca_file: ../certs/ca.pem}\n");
                }
            }
            std::fs::write(file.path(), written).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Changes a file in place.
    pub fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let beside = self.path(&format!("{name}.new"));
        std::fs::write(&beside, change(text)).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }

    /// The demo's key and its id.
    pub fn issuer(&self) -> (SigningKey, String) {
        let pem = std::fs::read_to_string(self.path("certs/issuer.key")).unwrap();
        let id = TokenIssuer::from_pem(&pem).unwrap().kid().to_owned();
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        (SigningKey::es256_from_pkcs8(&id, der.secret_pkcs8_der()).unwrap(), id)
    }

    /// The claims of a pass of the demo.
    pub fn claims(&self, pass: &str) -> Value {
        let pass = PASSES.iter().find(|known| known.file == pass).unwrap();
        let certificate = self.path(&format!("certs/{}.pem", pass.application));
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let mut claims = serde_json::to_value(pass.claims(&certificate, now)).unwrap();
        let more =
            json!({"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, "jti": format!("j{now}")});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    /// A token of a pass of the demo, its claims changed.
    pub fn mint(&self, pass: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims(pass);
        change(&mut claims);
        let (key, _) = self.issuer();
        key.sign(&key.header("at+jwt"), &claims.to_string()).unwrap()
    }

    /// The settings that the folder holds.
    pub fn settings(&self) -> Settings {
        let mut settings =
            config::load(&self.path("zhamen.yaml")).unwrap_or_else(|faults| panic!("{faults}"));
        settings.workers = 1;
        settings.audit.disk_low_bytes = 0;
        settings
    }

    /// Starts the gateway in this process.
    pub fn start(self, change: impl FnOnce(&mut Settings)) -> Stage {
        let mut settings = self.settings();
        change(&mut settings);
        let gateway =
            Gateway::start(settings, AuditStart::MayCreate).unwrap_or_else(|error| panic!("{error}"));
        let (data, admin) = (gateway.data_address(), gateway.admin_address());
        Stage { ground: self, data, admin, running: Running::Here(Some(gateway)), tls: Mutex::default() }
    }

    /// Starts the gateway as a process of its own.
    pub fn spawn(self) -> Stage {
        self.spawn_within("true")
    }

    /// The same after a command of the shell that narrows what it may use.
    pub fn spawn_within(self, limit: &str) -> Stage {
        let (child, data, admin) = self.launch(limit);
        Stage { ground: self, data, admin, running: Running::There(child), tls: Mutex::default() }
    }

    fn launch(&self, limit: &str) -> (Child, SocketAddr, SocketAddr) {
        let run = format!("{limit} && exec \"$0\" run --create-audit-log --config \"$1\"");
        let mut child = Command::new("sh")
            .args(["-c", &run, env!("CARGO_BIN_EXE_zhamen")])
            .arg(self.path("zhamen.yaml"))
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let line = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it did not start:\n{said}")).unwrap();
            if line.contains("serving") {
                break line;
            }
            said.push_str(&format!("{line}\n"));
        };
        let address = |name: &str| {
            let rest = line.split(&format!("{name}=")).nth(1).unwrap_or_else(|| panic!("{line}"));
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (data, admin) = (address("data"), address("admin"));
        // Somebody has to read what it says.
        thread::spawn(move || lines.for_each(drop));
        (child, data, admin)
    }
}

enum Running {
    Here(Option<Gateway>),
    There(Child),
}

/// A running gateway with everything around it.
pub struct Stage {
    pub ground: Ground,
    pub data: SocketAddr,
    pub admin: SocketAddr,
    running: Running,
    tls: Mutex<HashMap<String, Arc<ClientConfig>>>,
}

impl Stage {
    /// Starts the process again, after it ended.
    pub fn respawn(&mut self) {
        let (child, data, admin) = self.ground.launch("true");
        (self.running, self.data, self.admin) = (Running::There(child), data, admin);
    }

    pub fn upstream(&self) -> &Upstream {
        &self.ground.upstream
    }

    pub fn token(&self, pass: &str) -> String {
        std::fs::read_to_string(self.ground.path(&format!("tokens/{pass}.jwt"))).unwrap().trim().to_owned()
    }

    pub fn tls(&self, application: Option<&str>, alpn: &str) -> Arc<ClientConfig> {
        let mut known = self.tls.lock().unwrap();
        let key = format!("{application:?} {alpn}");
        let make = || client::config(&self.ground.path("certs"), application, alpn);
        known.entry(key).or_insert_with(make).clone()
    }

    /// A connection that shows this application's certificate.
    pub fn connect(&self, application: Option<&str>) -> Connection {
        Connection::open(self.data, self.tls(application, "http/1.1")).unwrap()
    }

    /// Asks over a connection of its own.
    pub fn ask(&self, application: Option<&str>, bytes: &[u8]) -> Reply {
        self.connect(application).ask(bytes).unwrap()
    }

    /// A query with the credentials of a window.
    pub fn get(&self, (application, pass): (Option<&str>, &str), path: &str) -> Reply {
        self.ask(application, &get(path, &self.token(pass)))
    }

    /// A page of the admin plane.
    pub fn page(&self, path: &str) -> Reply {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let host = self.admin;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        client::read_reply(&mut stream, &mut Vec::new()).unwrap()
    }

    /// The value of a metric, the sum of its series that carry all of these labels.
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.page("/metrics").text();
        let is_it = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
                && labels.iter().all(|label| line.contains(label))
        };
        page.lines().filter(is_it).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// All whole lines of the audit log, in order.
    pub fn entries(&self) -> Vec<Value> {
        entries(&self.ground.path("audit"))
    }

    /// The entries of a kind that belong to a request.
    pub fn entries_of(&self, kind: &str, request_id: &str) -> Vec<Value> {
        let is_it = |entry: &Value| entry["kind"] == kind && entry["request_id"] == request_id;
        self.entries().into_iter().filter(is_it).collect()
    }

    /// The one entry of a request, once it is written.
    pub fn entry(&self, request_id: &str) -> Value {
        let found = || !self.entries_of("request", request_id).is_empty();
        assert!(eventually(found), "no entry of {request_id}");
        let mut entries = self.entries_of("request", request_id);
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    }

    /// Sends a signal to the process of its own.
    pub fn signal(&self, name: &str) {
        let Running::There(child) = &self.running else { panic!("it runs in this process") };
        let sent =
            Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process of its own; its exit code.
    pub fn exit(&mut self) -> Option<i32> {
        let Running::There(child) = &mut self.running else { panic!("it runs in this process") };
        child.wait().unwrap().code()
    }

    /// Stops the gateway in order; the log it leaves is whole.
    pub fn stop(&mut self) {
        if let Running::Here(gateway) = &mut self.running {
            gateway.take().unwrap().stop().unwrap();
        }
        verify_dir(&self.ground.path("audit")).unwrap_or_else(|finding| panic!("{finding}"));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        match &mut self.running {
            Running::Here(gateway) => drop(gateway.take().map(Gateway::stop)),
            Running::There(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// All whole lines of an audit log, in order.
pub fn entries(dir: &Path) -> Vec<Value> {
    let Ok(files) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        entries.extend(whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    entries
}

/// A query with a bearer token.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Whether it holds within ten seconds.
pub fn eventually(holds: impl Fn() -> bool) -> bool {
    within(Duration::from_secs(10), holds)
}

pub fn within(time: Duration, holds: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    holds()
}
