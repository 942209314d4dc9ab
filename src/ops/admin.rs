//! The admin plane: health, readiness, metrics and the live state, read only.
//!
//! It has its own listener, answers nothing that a browser elsewhere could be tricked into asking for
//! (the `Host` must be this machine's, DNS rebinding), and off loopback asks for a credential. Views
//! are structs of their own, so nothing is shown that was not chosen to be.
//!
//! ```
//! use zhamen::ops::admin::{Asked, host_is_local};
//! assert!(host_is_local("127.0.0.1:9600") && host_is_local("localhost"));
//! assert!(!host_is_local("rebound.example:9600"));
//! ```

use super::metrics::Metrics;
use crate::closed_enum;
use crate::engine::terms::RiskTier;
use bytes::Bytes;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

/// Callers listed at most.
const CALLERS_MAX: usize = 100;

/// One request to the admin plane, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub host: &'a str,
    pub accept: &'a str,
    pub accept_language: &'a str,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
}

/// One thing that must hold before the gateway can serve.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

/// One caller's standing with the defence. The caller is application and staff id, as in the log.
#[derive(Clone, Debug, Serialize)]
pub struct CallerView {
    pub caller: String,
    pub tier: &'static str,
    pub score: u16,
    /// Each feature's share of the score.
    pub features: Vec<(&'static str, u16)>,
    /// The tier has been held for so many seconds.
    pub held_s: u64,
    pub requests: u64,
    pub denied: u32,
    pub invalid_identifiers: u32,
}

/// Answers the paths of registers; none for any other.
pub type Registers = Box<dyn Fn(&Asked<'_>) -> Option<Answer> + Send + Sync>;

/// A field that no label covers, as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct DriftView {
    pub dataset: String,
    /// Path template, with `?` for keys that may be data.
    pub template: String,
    /// Seconds since 1970.
    pub first_seen: i64,
    pub last_seen: i64,
    /// Answers in which it was seen.
    pub answers: u64,
    /// The snapshot under which it was last seen.
    pub policy_digest: String,
}

closed_enum! {
    /// What is recorded of the admin plane: readings of what it knows of callers, of grants and of
    /// itself, attempts at pages that there are not, and everything that it refused. What is public,
    /// and what monitoring reads every few seconds, holds nothing to account for.
    pub enum Act {
        ReadState = "read_state",
        ReadCallers = "read_callers",
        ReadGrants = "read_grants",
        ReadDrift = "read_drift",
        Refused = "refused",
        UnknownPage = "unknown_page",
    }
}

impl Act {
    /// What a request did, if it is to be recorded. Unknown pages are one act, so that no path is
    /// written; the status of the entry says how it was answered.
    pub fn of(path: &str, status: u16) -> Option<Act> {
        match (path, status) {
            (_, 401 | 405 | 421) => Some(Act::Refused),
            ("/admin/v1/state", _) => Some(Act::ReadState),
            ("/admin/v1/callers", _) => Some(Act::ReadCallers),
            ("/admin/v1/grants", _) => Some(Act::ReadGrants),
            ("/admin/v1/drift", _) => Some(Act::ReadDrift),
            ("/healthz" | "/readyz" | "/metrics" | "/catalogue" | "/grants", _) => None,
            ("/admin/v1/openapi.json", _) => None,
            // Hashes only.
            (path, _) if path.starts_with(LOG_FILES) => None,
            (_, _) => Some(Act::UnknownPage),
        }
    }

    /// Names of people are shown against a durable entry only. The state is shown in any case: it is
    /// what the log is mended by.
    pub fn awaits_entry(self) -> bool {
        match self {
            Act::ReadCallers => true,
            Act::ReadState | Act::ReadGrants | Act::ReadDrift | Act::Refused | Act::UnknownPage => false,
        }
    }
}

/// Gives a file of the transparency log, if it is there.
pub type LogFile = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// The parts of the running gateway that the admin plane looks at.
pub struct Admin {
    pub metrics: Arc<Metrics>,
    /// Brings the gauges up to date before a scrape.
    pub refresh: Box<dyn Fn() + Send + Sync>,
    pub checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    pub callers: Box<dyn Fn(usize) -> Vec<CallerView> + Send + Sync>,
    pub drift: Box<dyn Fn() -> Vec<DriftView> + Send + Sync>,
    pub state: Box<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The registers: the public pages and the full register of grants.
    pub registers: Registers,
    /// A file of the transparency log by its path below `/audit/v1/`: checkpoints and tiles, which hold
    /// hashes only. Entries are not among them: they name callers and subjects' pseudonyms.
    pub log_file: LogFile,
    /// Bearer credential; absent on loopback without one.
    pub credential: Option<Vec<u8>>,
    /// The listener's address is loopback: then only local names are served.
    pub loopback: bool,
}

/// Whether a `Host` names this machine by loopback address or `localhost`.
pub fn host_is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Admin {
    /// Answers one request. Liveness and readiness need no credential; everything else does where
    /// one is configured.
    pub fn answer(&self, asked: &Asked<'_>) -> Answer {
        if self.loopback && !host_is_local(asked.host) {
            return problem(421, "this plane answers to its own address only");
        }
        if !matches!(asked.method, "GET" | "HEAD") {
            return problem(405, "the admin plane is read only");
        }
        match asked.path {
            "/healthz" => text(200, "ok\n".into()),
            "/readyz" => self.ready(asked.query),
            "/catalogue" | "/grants" => (self.registers)(asked).unwrap_or_else(no_page),
            _ if !self.is_authorized(asked.authorization) => problem(401, "a bearer credential is needed"),
            "/metrics" => self.scrape(asked.accept),
            "/admin/v1/state" => json(&(self.state)()),
            "/admin/v1/callers" => json(&(self.callers)(CALLERS_MAX)),
            "/admin/v1/grants" => (self.registers)(asked).unwrap_or_else(no_page),
            "/admin/v1/drift" => json(&(self.drift)()),
            "/admin/v1/openapi.json" => Answer { status: 200, content_type: JSON, body: OPENAPI.into() },
            path if path.starts_with(LOG_FILES) => {
                let path = &path[LOG_FILES.len()..];
                log_answer(path, (self.log_file)(path))
            }
            _ => no_page(),
        }
    }

    /// Who asked, as entries name it.
    pub fn actor(&self, authorization: Option<&str>) -> &'static str {
        match (&self.credential, self.is_authorized(authorization)) {
            (None, _) => "loopback",
            (Some(_), true) => "credential",
            (Some(_), false) => "unproven",
        }
    }

    fn is_authorized(&self, authorization: Option<&str>) -> bool {
        let Some(credential) = &self.credential else { return true };
        let given = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), credential).is_ok()
    }

    fn ready(&self, query: &str) -> Answer {
        let checks = (self.checks)();
        let ok = checks.iter().all(|check| check.ok);
        let status = if ok { 200 } else { 503 };
        if query != "verbose" {
            return text(status, if ok { "ready\n".into() } else { "not ready\n".into() });
        }
        let line = |check: &Check| {
            let mark = if check.ok { "ok" } else { "NOT OK" };
            format!("{}: {mark} {}\n", check.name, check.detail)
        };
        text(status, checks.iter().map(line).collect())
    }

    fn scrape(&self, accept: &str) -> Answer {
        (self.refresh)();
        let open_metrics = accept.contains("application/openmetrics-text");
        let content_type = if open_metrics {
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        } else {
            "text/plain; version=0.0.4; charset=utf-8"
        };
        Answer { status: 200, content_type, body: self.metrics.render(open_metrics).into() }
    }
}

/// Sets the gauge of each tier from the counts of the profile table.
pub fn show_tiers(metrics: &Metrics, counts: [usize; 6]) {
    for (tier, count) in RiskTier::ALL.iter().zip(counts) {
        metrics.tier_callers.with_label_values(&[tier.code()]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

const JSON: &str = "application/json";

/// Where the files of the transparency log begin.
const LOG_FILES: &str = "/audit/v1/";

fn text(status: u16, body: String) -> Answer {
    Answer { status, content_type: "text/plain; charset=utf-8", body: body.into() }
}

fn json(view: &impl Serialize) -> Answer {
    match serde_json::to_string(view) {
        Ok(body) => Answer { status: 200, content_type: JSON, body: body.into() },
        Err(_) => problem(500, "the view could not be written"),
    }
}

fn no_page() -> Answer {
    problem(404, "no such page")
}

/// A file of the transparency log. C2SP tlog-tiles: checkpoints are text, tiles octets.
pub fn log_answer(path: &str, file: Option<Vec<u8>>) -> Answer {
    let content_type =
        if path.starts_with("tile/") { "application/octet-stream" } else { "text/plain; charset=utf-8" };
    match file {
        Some(body) => Answer { status: 200, content_type, body: body.into() },
        None => problem(404, "the log has no such file"),
    }
}

/// Any "no" of this plane (RFC 9457).
pub fn problem(status: u16, title: &str) -> Answer {
    let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status }).to_string();
    Answer { status, content_type: "application/problem+json", body: body.into() }
}

/// What this plane offers, for tools.
const OPENAPI: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(credential: Option<&[u8]>, ready: bool) -> Admin {
        Admin {
            metrics: Arc::new(Metrics::new().unwrap()),
            refresh: Box::new(|| ()),
            checks: Box::new(move || vec![Check { name: "audit", ok: ready, detail: "disk".into() }]),
            callers: Box::new(|_| Vec::new()),
            drift: Box::new(Vec::new),
            state: Box::new(|| serde_json::json!({ "revision": 3 })),
            registers: Box::new(|_| Some(text(200, "register".into()))),
            log_file: Box::new(|path| {
                ["checkpoint", "cosigned", "tile/0/000"].contains(&path).then(|| b"\xff".to_vec())
            }),
            credential: credential.map(<[u8]>::to_vec),
            loopback: true,
        }
    }

    fn asked<'a>(method: &'a str, path: &'a str) -> Asked<'a> {
        Asked {
            method,
            path,
            query: "",
            host: "127.0.0.1:9600",
            accept: "",
            accept_language: "",
            authorization: None,
        }
    }

    #[test]
    fn pages_and_refusals() {
        let open = admin(None, true);
        for (method, path, status) in [
            ("GET", "/healthz", 200),
            ("GET", "/readyz", 200),
            ("HEAD", "/metrics", 200),
            ("GET", "/admin/v1/state", 200),
            ("GET", "/admin/v1/callers", 200),
            ("GET", "/admin/v1/grants", 200),
            ("GET", "/admin/v1/drift", 200),
            ("GET", "/admin/v1/openapi.json", 200),
            ("POST", "/admin/v1/state", 405),
            ("GET", "/audit/v1/checkpoint", 200),
            ("GET", "/audit/v1/tile/0/000", 200),
            ("GET", "/audit/v1/tile/entries/000", 404),
            ("GET", "/audit/v1/", 404),
            ("GET", "/nothing", 404),
        ] {
            assert_eq!(open.answer(&asked(method, path)).status, status, "{method} {path}");
        }
    }

    #[test]
    fn a_foreign_host_is_refused_before_anything_else() {
        for host in ["evil.example", "evil.example:9600", "10.0.0.1", ""] {
            assert_eq!(
                admin(None, true).answer(&Asked { host, ..asked("GET", "/healthz") }).status,
                421,
                "{host}"
            );
        }
        assert_eq!(
            admin(None, true).answer(&Asked { host: "[::1]:9600", ..asked("GET", "/healthz") }).status,
            200
        );
    }

    #[test]
    fn the_credential_guards_all_but_health() {
        let guarded = admin(Some(b"secret"), true);
        for public in ["/healthz", "/catalogue", "/grants"] {
            assert_eq!(guarded.answer(&asked("GET", public)).status, 200);
        }
        assert_eq!(guarded.answer(&asked("GET", "/admin/v1/grants")).status, 401);
        for (authorization, status) in
            [(None, 401), (Some("Bearer wrong"), 401), (Some("Bearer secret"), 200)]
        {
            assert_eq!(guarded.answer(&Asked { authorization, ..asked("GET", "/metrics") }).status, status);
        }
    }

    #[test]
    fn readings_and_refusals_are_recorded() {
        let guarded = admin(Some(b"secret"), true);
        for (method, path, authorization, expect) in [
            ("GET", "/admin/v1/state", Some("Bearer secret"), (Some(Act::ReadState), "credential")),
            ("HEAD", "/admin/v1/callers", Some("Bearer secret"), (Some(Act::ReadCallers), "credential")),
            ("GET", "/admin/v1/callers", None, (Some(Act::Refused), "unproven")),
            ("GET", "/metrics", Some("Bearer wrong"), (Some(Act::Refused), "unproven")),
            ("POST", "/admin/v1/state", Some("Bearer secret"), (Some(Act::Refused), "credential")),
            ("GET", "/metrics", Some("Bearer secret"), (None, "credential")),
            ("GET", "/healthz", None, (None, "unproven")),
            ("GET", "/nothing", Some("Bearer secret"), (Some(Act::UnknownPage), "credential")),
            ("GET", "/admin/v1/grants", Some("Bearer secret"), (Some(Act::ReadGrants), "credential")),
            ("GET", "/catalogue", None, (None, "unproven")),
        ] {
            let asked = Asked { authorization, ..asked(method, path) };
            let status = guarded.answer(&asked).status;
            assert_eq!((Act::of(path, status), guarded.actor(authorization)), expect, "{method} {path}");
        }
        assert_eq!(admin(None, true).actor(None), "loopback");
    }

    #[test]
    fn readiness_names_what_is_missing() {
        let answer = admin(None, false).answer(&Asked { query: "verbose", ..asked("GET", "/readyz") });
        assert_eq!((answer.status, &answer.body[..]), (503, &b"audit: NOT OK disk\n"[..]));
    }

    #[test]
    fn the_description_is_json_and_lists_the_pages() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        for path in document["paths"].as_object().unwrap().keys() {
            assert_eq!(admin(None, true).answer(&asked("GET", path)).status, 200, "{path}");
        }
    }
}
