//! Upstreams as values: where a department's API is, and how far it is trusted to be well.

use crate::closed_enum;
use crate::secret::Credentials;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One upstream, with as many endpoints as it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// Unique name.
    pub id: Arc<str>,
    /// Never empty, each once; all `http` or all `https`.
    pub endpoints: Vec<Endpoint>,
    /// Present exactly where the endpoints are `https`.
    pub tls: Option<UpstreamTls>,
    /// How this gateway proves itself, besides a client certificate. Never in plain text to another
    /// machine.
    pub credentials: Option<Credentials>,
    pub connect_timeout: Duration,
    /// From the end of the request to the first byte of the answer's head.
    pub first_byte_timeout: Duration,
    /// From the beginning of the request to the last byte of the answer.
    pub total_timeout: Duration,
    pub pool: Pool,
    /// Active checks; none: an endpoint is well until requests fail.
    pub health: Option<HealthCheck>,
    pub ejection: Ejection,
    pub retries: Retries,
    /// It may compress its answers: worth it where it is far away.
    pub compressed: bool,
}

closed_enum! {
    /// How an endpoint is spoken to.
    pub enum Scheme { Http = "http", Https = "https" }
}

/// One address that is forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub scheme: Scheme,
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
}

impl Endpoint {
    /// An address of this machine. A name is none: what it leads to can change.
    pub fn is_loopback(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Host and port as in a `Host` header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// TLS towards an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// CA certificates that the upstream's must chain to; no other CA is trusted.
    pub ca_file: PathBuf,
    /// Our own certificate and key, where the upstream asks for one.
    pub client: Option<ClientPair>,
    /// The name to expect in its certificate; none: the endpoint's host.
    pub server_name: Option<String>,
}

/// A client certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPair {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// Connections kept open, for each endpoint and worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub idle_max: usize,
    pub idle_timeout: Duration,
}

/// Active health checks: a GET that must answer 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub path: String,
    pub interval: Duration,
    /// Failures in a row after which an endpoint gets no requests.
    pub unhealthy_after: u32,
    /// Successes in a row after which it gets them again.
    pub healthy_after: u32,
}

/// Passive health: an endpoint whose requests fail is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row.
    pub failures: u32,
    pub ejected_for: Duration,
}

/// Retries of idempotent requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Further attempts for one request.
    pub max: u32,
    /// Of all requests to this upstream, how many percent may be retries.
    pub budget_percent: u32,
}
