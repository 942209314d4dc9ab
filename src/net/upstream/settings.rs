//! What an upstream is told to be.

use crate::secret::{Credentials, Source};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One department's API: one or several endpoints that answer alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Unique among upstreams; the word in metrics.
    pub name: String,
    /// At least one.
    pub endpoints: Vec<EndpointSettings>,
    /// Absent: plain text.
    pub tls: Option<UpstreamTls>,
    /// Sent with each request, checks included; absent: none.
    pub credentials: Option<Credentials>,
    /// To resolve, connect and shake hands.
    pub connect_timeout: Duration,
    /// From the request's first byte to the answer's head.
    pub first_byte_timeout: Duration,
    /// For the whole exchange, retries and body included.
    pub total_timeout: Duration,
    /// Idle connections kept for each endpoint and worker.
    pub idle_max: usize,
    /// An idle connection is closed after this, or earlier if the upstream says so by `Keep-Alive`.
    pub idle_timeout: Duration,
    /// Headers of an answer.
    pub headers_max: usize,
    /// Bytes of an answer's head.
    pub header_bytes_max: usize,
    /// Active checks; absent: none.
    pub health: Option<HealthSettings>,
    pub ejection: EjectionSettings,
    pub retries: RetrySettings,
}

impl UpstreamSettings {
    /// The files that these settings name: certificates, keys and secrets.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter().flat_map(|tls| {
            let identity = tls.identity.iter().flat_map(|own| [&own.certificate_file, &own.key_file]);
            std::iter::once(&tls.ca_file).chain(identity)
        });
        let secret = self.credentials.iter().filter_map(|credentials| match credentials.source() {
            Source::File(path) => Some(path),
            Source::Environment(_) => None,
        });
        tls.chain(secret).map(PathBuf::as_path)
    }
}

/// Where an upstream listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

/// TLS towards an upstream. There is no fallback to plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// CA certificates its chain must end in; the operating system's are not consulted.
    pub ca_file: PathBuf,
    /// The name its certificate must carry; absent: the endpoint's host.
    pub server_name: Option<String>,
    /// Our own certificate and key, where the upstream asks for one.
    pub identity: Option<ClientIdentity>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// Active health checks: `GET path`, healthy is 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// Origin form, for example `/healthz`.
    pub path: String,
    pub interval: Duration,
    /// Failures in a row that take an endpoint out.
    pub unhealthy_after: u32,
    /// Successes in a row that bring it back.
    pub healthy_after: u32,
}

/// Passive ejection: an endpoint that fails real requests is left alone for a while, then tried with
/// one request at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EjectionSettings {
    /// Failures in a row (connect, TLS, reset, timeout, malformed answer; not a status). 0: never.
    pub failures: u32,
    pub ejected_for: Duration,
}

/// Retries: of `GET` and `HEAD` when the connection broke before an answer, and of any method when
/// not one byte of the request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// For one request. 0: never.
    pub max: u32,
    /// Retries in percent of requests, so that retries cannot become the load.
    pub budget_percent: u32,
}
