//! Copies of the audit log to real receivers: rsyslog over TLS and TCP, OpenTelemetry over HTTPS with the
//! published protocol, and a collector. Killed and started again, nothing is missing; not proved, they
//! get nothing.

#[allow(dead_code, reason = "a part of it is used")]
mod audit_support;
mod support;

use audit_support::{entry, settings};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use support::{APPLICANT, Authority, Gateway, Process, Site, free_port, part, root, until, venv};
use zhamen::config::settings::{AuditSettings, ClientPair, SinkAddress, SinkSettings, SinkTarget, SinkTls};
use zhamen::ops::sinks::{SinkHealth, Sinks};
use zhamen::state::audit::Audit;

/// What `deploy/sinks/rsyslog.conf` lets in.
const GATEWAY: &str = "gateway.example";

/// A folder with an authority, the receiver's pair `siem` and the gateway's pair `gateway`.
struct Ground {
    dir: tempfile::TempDir,
    authority: Authority,
    port: u16,
}

impl Ground {
    fn lay() -> Ground {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        authority.issue(dir.path(), "siem", "localhost");
        authority.issue(dir.path(), "gateway", GATEWAY);
        Ground { dir, authority, port: free_port() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn address(&self, is_tls: bool) -> SinkAddress {
        let client =
            ClientPair { certificate_file: self.path("gateway.pem"), key_file: self.path("gateway.key") };
        let tls = SinkTls { ca_file: self.path("ca.pem"), client: Some(client) };
        SinkAddress { host: "localhost".into(), port: self.port, tls: is_tls.then_some(tls) }
    }

    /// rsyslog with the configuration that is shipped, its paths and port being ours; without TLS the
    /// lines about it are left out.
    fn rsyslog(&self, is_tls: bool) -> Process {
        let mut text = fs::read_to_string(root().join("deploy/sinks/rsyslog.conf")).unwrap();
        for (from, to) in [
            ("/etc/rsyslog.d/ca.pem", self.shown("ca.pem")),
            ("/etc/rsyslog.d/siem", self.shown("siem")),
            ("/var/log/zhamen/audit.jsonl", self.shown("kept")),
            ("port=\"6514\"", format!("port=\"{}\" address=\"127.0.0.1\"", self.port)),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, &to);
        }
        if !is_tls {
            let kept = text.lines().filter(|line| !line.contains("StreamDriver."));
            text = kept.fold(String::new(), |all, line| all + line + "\n");
        }
        fs::write(self.path("rsyslog.conf"), text).unwrap();
        let _ = fs::remove_file(self.path("rsyslog.pid"));
        let mut command = Command::new(part("rsyslogd"));
        command.arg("-n").arg("-f").arg(self.path("rsyslog.conf")).arg("-i").arg(self.path("rsyslog.pid"));
        let process = Process::start(&mut command, &self.path("rsyslog.out"));
        self.listens(&process);
        process
    }

    /// The receiver of the protocol's own classes.
    fn otlp(&self, is_tls: bool) -> Process {
        let mut command = Command::new(venv("python"));
        command.arg(root().join("tests/real/otlp_receiver.py")).arg(self.port.to_string());
        command.arg(self.path("kept"));
        if is_tls {
            command.arg("--tls").args(["siem.pem", "siem.key", "ca.pem"].map(|name| self.path(name)));
            command.args(["--token", TOKEN]);
        }
        let process = Process::start(&mut command, &self.path("otlp.out"));
        self.listens(&process);
        process
    }

    fn listens(&self, process: &Process) {
        until("the receiver to listen", || {
            process.check();
            let table = fs::read_to_string("/proc/net/tcp").unwrap();
            table.contains(&format!("0100007F:{:04X} 00000000:0000 0A", self.port)).then_some(())
        });
    }

    fn kept_bytes(&self) -> u64 {
        fs::metadata(self.path("kept")).map_or(0, |file| file.len())
    }

    fn kept(&self) -> String {
        fs::read_to_string(self.path("kept")).unwrap_or_default()
    }
}

const TOKEN: &str = "t0ken-of-the-collector";

/// A log with one sink.
struct Log {
    settings: AuditSettings,
    audit: Arc<Audit>,
}

impl Log {
    fn new(ground: &Ground, target: SinkTarget) -> Log {
        let settings = AuditSettings {
            sinks: vec![SinkSettings { name: "siem".into(), target }],
            ..settings(&ground.path("audit"))
        };
        let audit = Arc::new(Audit::create(&settings).unwrap());
        Log { settings, audit }
    }

    /// Writes entries, no more at a time than the queue has places.
    fn write(&self, count: usize) {
        for thousand in 0..count.div_ceil(1000) {
            let body = |number: usize| entry(&format!("请求-{thousand}-{number}-{}", "x".repeat(300)));
            let pending: Vec<_> = (0..1000).map(|number| self.audit.note(body(number))).collect();
            for pending in pending {
                pending.receipt_blocking().unwrap();
            }
        }
    }

    fn lines(&self) -> BTreeMap<u64, String> {
        numbered(audit_support::lines(&self.settings.dir).iter())
    }
}

fn numbered<S: AsRef<str>>(lines: impl Iterator<Item = S>) -> BTreeMap<u64, String> {
    let read = |line: S| {
        let entry: Value = serde_json::from_str(line.as_ref()).ok()?;
        Some((entry["seq"].as_u64()?, line.as_ref().to_owned()))
    };
    lines.filter_map(read).collect()
}

/// Starts the receiver, kills it whenever it has kept some more, and starts it again, until everything
/// was acknowledged to the sink.
fn kill_again_and_again(ground: &Ground, log: &Log, start: impl Fn() -> Process) -> SinkHealth {
    let mut receiver = start();
    let sinks = Sinks::start(&log.settings, &log.audit).unwrap();
    let health = || sinks.health().remove(0);
    for round in 1..=6 {
        let more = ground.kept_bytes() + 400_000 + round * 77_777;
        until(&format!("more than {more} bytes to be kept in round {round}: {:?}", health()), || {
            (ground.kept_bytes() >= more).then_some(())
        });
        drop(receiver);
        receiver = start();
    }
    let last = log.audit.health().last_seq;
    until(&format!("entry {last} to be kept: {:?}", health()), || {
        (health().ok && health().delivered_seq == last).then_some(())
    });
    drop(receiver);
    health()
}

/// What a line of a receiver's file holds from the last beginning of an entry on: a killed receiver may
/// leave a part of a line, and goes on behind it.
fn whole_part(line: &str) -> &str {
    line.rfind("{\"v\":1,\"seq\":").map_or("", |start| &line[start..])
}

#[test]
fn rsyslog_that_is_killed_again_and_again_misses_nothing() {
    for is_tls in [false, true] {
        let ground = Ground::lay();
        let log = Log::new(&ground, SinkTarget::Syslog(ground.address(is_tls)));
        log.write(20_000);
        let health = kill_again_and_again(&ground, &log, || ground.rsyslog(is_tls));
        assert!(health.failures > 0, "it was killed in the middle: {health:?}");
        let kept = numbered(ground.kept().lines().map(whole_part));
        let missing: Vec<u64> = log.lines().into_keys().filter(|seq| !kept.contains_key(seq)).collect();
        assert!(missing.is_empty(), "TLS {is_tls}: {missing:?}");
        assert_eq!(kept, log.lines());
    }
}

fn otlp_target(ground: &Ground, is_tls: bool) -> SinkTarget {
    let token = ground.path("token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&token, mode).unwrap();
    SinkTarget::Otlp { address: ground.address(is_tls), path: "/v1/logs".into(), token_file: Some(token) }
}

/// Each record, checked, as the line of the log that it carries.
fn carried(record: &str) -> Option<String> {
    // A killed receiver may leave a part of a line.
    let start = record.rfind("{\"service\"")?;
    let record: Value = serde_json::from_str(&record[start..]).ok()?;
    let line = record["body"].as_str().unwrap();
    let entry: Value = serde_json::from_str(line).unwrap();
    let attributes = &record["attributes"];
    assert_eq!((&record["service"], &record["scope"]), (&"zhamen".into(), &"zhamen.audit".into()));
    assert_eq!(attributes["zhamen.audit.seq"], entry["seq"]);
    assert_eq!(attributes["zhamen.audit.kind"], entry["kind"]);
    assert_eq!(attributes.get("zhamen.request_id"), entry.get("request_id"), "{record}");
    assert_eq!(record["event"], format!("zhamen.audit.{}", entry["kind"].as_str().unwrap()));
    assert!(record["severity"].as_u64().is_some_and(|number| (1..=24).contains(&number)));
    Some(line.to_owned())
}

#[test]
fn otlp_over_https_misses_nothing_when_its_receiver_is_killed() {
    let ground = Ground::lay();
    let log = Log::new(&ground, otlp_target(&ground, true));
    log.write(20_000);
    let health = kill_again_and_again(&ground, &log, || ground.otlp(true));
    assert!(health.failures > 0 && health.rejected == 0, "{health:?}");
    assert_eq!(numbered(ground.kept().lines().filter_map(carried)), log.lines());
}

/// From our JSON to a collector, and from there as protobuf to the receiver.
#[test]
fn a_collector_understands_and_passes_on() {
    let (ground, behind) = (Ground::lay(), Ground::lay());
    let log = Log::new(&ground, otlp_target(&ground, false));
    let receiver = behind.otlp(false);
    let grpc = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(agent());
    command
        .args(["start", "--otlp-http-endpoint", &format!("127.0.0.1:{}", ground.port)])
        .args(["--otlp-grpc-endpoint", &grpc, "--exporter", "otlp", "--otlp-exporter-protocol", "http"])
        .args(["--otlp-exporter-endpoint", &format!("http://127.0.0.1:{}", behind.port)]);
    let collector = Process::start(&mut command, &ground.path("collector.out"));
    ground.listens(&collector);
    log.write(2_000);
    let sinks = Sinks::start(&log.settings, &log.audit).unwrap();
    let all = until(&format!("all to arrive: {:?}", sinks.health()), || {
        collector.check();
        receiver.check();
        let kept = numbered(behind.kept().lines().filter_map(carried));
        (kept.len() == 2_000).then_some(kept)
    });
    assert_eq!(all, log.lines());
}

/// The collector's program, which its Python package carries.
fn agent() -> PathBuf {
    let find = "import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent'))";
    let output = Command::new(venv("python")).args(["-c", find]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A gateway that sends its log to this ground's rsyslog.
fn gateway(ground: &Ground) -> Gateway {
    let site = Site::lay_out();
    let sink = format!(
        "audit:\n  dir: audit\n  sinks:\n    - name: siem\n      syslog:\n        url: tls://localhost:{}\n        \
         ca_file: {}\n        cert_file: {}\n        key_file: {}\n",
        ground.port,
        ground.shown("ca.pem"),
        ground.shown("gateway.pem"),
        ground.shown("gateway.key"),
    );
    site.replace("zhamen.yaml", "audit:\n  dir: audit\n", &sink);
    site.start()
}

fn metric(gateway: &Gateway, name: &str) -> f64 {
    let page = gateway.admin("/metrics", &[]).body;
    let line = page.lines().find(|line| line.starts_with(&format!("{name}{{sink=\"siem\"}} ")));
    line.unwrap_or_else(|| panic!("{page}")).rsplit(' ').next().unwrap().parse().unwrap()
}

fn ask(gateway: &Gateway) {
    let path = format!("/public-security/v1/households/{APPLICANT}");
    assert_eq!(gateway.ask("civil-affairs-window", "s1-officer", &path).status, 200);
}

fn log_of(gateway: &Gateway) -> BTreeSet<u64> {
    numbered(audit_support::lines(&gateway.site.path("audit")).iter()).into_keys().collect()
}

fn caught_up(gateway: &Gateway) {
    until(&format!("the sink to catch up: {}", gateway.admin("/readyz?verbose", &[]).body), || {
        let all = metric(gateway, "zhamen_audit_sink_ok") == 1.0;
        (all && metric(gateway, "zhamen_audit_sink_lag_entries") == 0.0).then_some(())
    });
}

/// Whatever is wrong with one of the two certificates: an alarm with its reason, the gateway serves, the
/// place stays, and when it is mended everything goes out without a restart of the gateway.
#[test]
fn a_bad_certificate_is_an_alarm_and_the_place_stays() {
    let ground = Ground::lay();
    let stranger = Authority::new();
    let gateway = gateway(&ground);
    let place = gateway.site.path("audit-sinks/siem.position");
    let folder = ground.dir.path();
    let cases: [(&str, &dyn Fn(), &str); 5] = [
        ("name", &|| ground.authority.issue(folder, "siem", "other.example"), "not valid for name"),
        ("receiver's CA", &|| stranger.issue(folder, "siem", "localhost"), "invalid peer certificate"),
        ("our CA", &|| stranger.issue(folder, "gateway", GATEWAY), "received fatal alert: UnknownCA"),
        ("our key", &|| fs::write(folder.join("gateway.key"), "nothing").unwrap(), "holds no private key"),
        ("the file of CAs", &|| fs::write(folder.join("ca.pem"), "").unwrap(), "holds no certificate"),
    ];
    for (what, spoil, words) in cases {
        let receiver = ground.rsyslog(true);
        ask(&gateway);
        caught_up(&gateway);
        drop(receiver);
        let before = (metric(&gateway, "zhamen_audit_sink_failed_attempts"), fs::read(&place).unwrap());

        spoil();
        // The receiver itself starts in any case.
        let receiver = if what == "the file of CAs" { None } else { Some(ground.rsyslog(true)) };
        ask(&gateway);
        until("an alarm", || (metric(&gateway, "zhamen_audit_sink_ok") == 0.0).then_some(()));
        assert!(metric(&gateway, "zhamen_audit_sink_failed_attempts") > before.0, "{what}");
        assert!(metric(&gateway, "zhamen_audit_sink_lag_entries") > 0.0, "{what}");
        let ready = gateway.admin("/readyz?verbose", &[]);
        assert_eq!(ready.status, 200, "{what}: copies lag without harm to anybody's request");
        let line = ready.body.lines().find(|line| line.starts_with("sink: ")).unwrap();
        assert!(line.contains("siem FAILING at entry") && line.contains(words), "{what}: {line}");
        assert_eq!(fs::read(&place).unwrap(), before.1, "{what}");
        drop(receiver);
        mend(&ground, folder);
    }
    let receiver = ground.rsyslog(true);
    caught_up(&gateway);
    drop(receiver);
    let kept: BTreeSet<u64> = numbered(ground.kept().lines().map(whole_part)).into_keys().collect();
    assert_eq!(kept, log_of(&gateway));
}

fn mend(ground: &Ground, folder: &Path) {
    fs::write(folder.join("ca.pem"), ground.authority.pem()).unwrap();
    ground.authority.issue(folder, "siem", "localhost");
    ground.authority.issue(folder, "gateway", GATEWAY);
}
