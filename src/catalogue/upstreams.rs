//! Upstreams: from what was written to [`UpstreamSpec`].

use super::loading::{File, Loading, name_is_plain};
use super::template::Template;
use super::upstream::{
    ClientPair, Ejection, Endpoint, HealthCheck, Pool, Retries, Scheme, UpstreamSpec, UpstreamTls,
};
use super::written::{self, CredentialScheme};
use crate::secret;
use crate::written::{At, Period, Source};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Idle connections kept for each endpoint and worker unless the catalogue says otherwise: a peak's worth,
/// because dialling again costs more than half of what a small exchange does. They expire by time.
const IDLE_MAX: usize = 512;

impl Loading<'_> {
    pub fn upstreams(&mut self, file: &File<'_>) {
        for (id, written) in &file.written.upstreams.0 {
            if !name_is_plain(&id.value) {
                let message = "an upstream's name has letters, digits, `-`, `_` and `.`";
                self.faults.push(file.source.fault(id.mark, message));
            }
            let spec = self.upstream(&file.source, id, written);
            if self.catalogue.upstreams.insert(spec.id.clone(), Arc::new(spec)).is_some() {
                let message = format!("the upstream `{}` is described twice", id.value);
                self.faults.push(file.source.fault(id.mark, message));
            }
        }
    }

    fn upstream(
        &mut self,
        source: &Source<'_>,
        id: &At<String>,
        written: &written::Upstream,
    ) -> UpstreamSpec {
        let endpoints = self.endpoints(source, &written.endpoints);
        let secure = endpoints.iter().any(|endpoint| endpoint.scheme == Scheme::Https);
        match &written.tls {
            Some(at) if !secure => {
                self.faults.push(source.fault(at.mark, "`tls` is of no use to http endpoints"))
            }
            None if secure => {
                let fault = source.fault(written.endpoints.mark, "https endpoints need `tls`");
                self.faults.push(fault.help("add `tls: {ca_file: …}`: no other CA is trusted"));
            }
            Some(_) | None => {}
        }
        let credentials =
            written.credentials.as_ref().and_then(|at| self.credentials(source, at, &endpoints));
        let first_byte_timeout = self.period(source, written.first_byte_timeout.as_ref(), 10);
        let total_timeout = self.period(source, written.total_timeout.as_ref(), 60);
        let longest = written.total_timeout.as_ref().or(written.first_byte_timeout.as_ref());
        if let Some(at) = longest.filter(|_| total_timeout < first_byte_timeout) {
            self.faults.push(source.fault(at.mark, "`total_timeout` is shorter than `first_byte_timeout`"));
        }
        UpstreamSpec {
            id: id.value.as_str().into(),
            endpoints,
            tls: written.tls.as_ref().map(|at| self.tls(source, at)),
            credentials,
            connect_timeout: self.period(source, written.connect_timeout.as_ref(), 2),
            first_byte_timeout,
            total_timeout,
            pool: Pool {
                idle_max: written.pool.idle_max.as_ref().map_or(IDLE_MAX, |at| at.value as usize),
                idle_timeout: self.period(source, written.pool.idle_timeout.as_ref(), 60),
            },
            health: written.health.as_ref().map(|health| self.health(source, health)),
            ejection: Ejection {
                failures: self.count(source, written.ejection.failures.as_ref(), 5, 1..=1000),
                ejected_for: self.period(source, written.ejection.ejected_for.as_ref(), 30),
            },
            retries: Retries {
                max: self.count(source, written.retries.max.as_ref(), 1, 0..=5),
                budget_percent: self.count(source, written.retries.budget_percent.as_ref(), 10, 0..=100),
            },
            compressed: written.compressed,
        }
    }

    fn endpoints(&mut self, source: &Source<'_>, written: &At<Vec<At<String>>>) -> Vec<Endpoint> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        if written.value.is_empty() {
            self.faults.push(source.fault(written.mark, "an upstream has at least one endpoint"));
        }
        for at in &written.value {
            let Some(endpoint) = endpoint(&at.value) else {
                let fault = source.fault(at.mark, "not an endpoint: scheme, host and port, no path");
                self.faults.push(fault.help("for example `https://api.example.gov.cn:8443`"));
                continue;
            };
            if endpoints.first().is_some_and(|first| first.scheme != endpoint.scheme) {
                self.faults
                    .push(source.fault(at.mark, "the endpoints of one upstream are all http or all https"));
            }
            if endpoints.contains(&endpoint) {
                self.faults.push(source.fault(at.mark, "this endpoint is named twice"));
            }
            endpoints.push(endpoint);
        }
        endpoints
    }

    fn tls(&mut self, source: &Source<'_>, at: &At<written::Tls>) -> UpstreamTls {
        let written = &at.value;
        let client = match (&written.cert_file, &written.key_file) {
            (Some(certificate), Some(key)) => Some(ClientPair {
                certificate_file: self.path(source, certificate),
                key_file: self.path(source, key),
            }),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                self.faults.push(source.fault(alone.mark, "`cert_file` and `key_file` come together"));
                None
            }
        };
        if let Some(name) = written.server_name.as_ref().filter(|name| name.value.is_empty()) {
            self.faults.push(source.fault(name.mark, "the name is empty"));
        }
        UpstreamTls {
            ca_file: self.path(source, &written.ca_file),
            client,
            server_name: written.server_name.as_ref().map(|name| name.value.clone()),
        }
    }

    fn credentials(
        &mut self,
        source: &Source<'_>,
        at: &At<written::Credentials>,
        endpoints: &[Endpoint],
    ) -> Option<secret::Credentials> {
        let written = &at.value;
        // Whoever listens on the way would have them.
        if endpoints.iter().any(|endpoint| endpoint.scheme == Scheme::Http && !endpoint.is_loopback()) {
            let fault = source.fault(at.mark, "credentials go to https endpoints or to this machine only");
            self.faults.push(fault.help("use `https://` and `tls: {ca_file: …}`"));
        }
        let kept = match (&written.secret_file, &written.secret_env) {
            (Some(file), None) => secret::Source::File(self.path(source, file)),
            (None, Some(name)) => secret::Source::Environment(name.value.clone()),
            (Some(_), Some(_)) | (None, None) => {
                self.faults
                    .push(source.fault(at.mark, "a secret is either in `secret_file` or in `secret_env`"));
                return None;
            }
        };
        let user = match (&written.user, written.scheme) {
            (None, CredentialScheme::Bearer) => return Some(secret::Credentials::Bearer { token: kept }),
            (Some(user), CredentialScheme::Bearer) => {
                self.faults.push(source.fault(user.mark, "a token names no user"));
                return None;
            }
            (None, CredentialScheme::Basic | CredentialScheme::Clickhouse) => {
                self.faults.push(source.fault(at.mark, "the key `user` is missing here"));
                return None;
            }
            (Some(user), CredentialScheme::Basic | CredentialScheme::Clickhouse) => user,
        };
        if user.value.is_empty() || !user.value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            self.faults.push(source.fault(user.mark, "a user is visible ASCII without colon"));
        }
        let name = user.value.clone();
        Some(match written.scheme {
            CredentialScheme::Clickhouse => secret::Credentials::ClickHouse { user: name, key: kept },
            CredentialScheme::Basic | CredentialScheme::Bearer => {
                secret::Credentials::Basic { user: name, password: kept }
            }
        })
    }

    /// Relative paths start at the policies folder.
    fn path(&mut self, source: &Source<'_>, at: &At<String>) -> PathBuf {
        if at.value.is_empty() {
            self.faults.push(source.fault(at.mark, "the path is empty"));
        }
        self.folder.root().map_or_else(|| PathBuf::from(&at.value), |root| root.join(&at.value))
    }

    fn health(&mut self, source: &Source<'_>, written: &written::Health) -> HealthCheck {
        if Template::parse(&written.path.value).is_err() || written.path.value.contains('{') {
            self.faults.push(source.fault(written.path.mark, "not a path (for example `/healthz`)"));
        }
        HealthCheck {
            path: written.path.value.clone(),
            interval: self.period(source, written.interval.as_ref(), 5),
            unhealthy_after: self.count(source, written.unhealthy_after.as_ref(), 3, 1..=1000),
            healthy_after: self.count(source, written.healthy_after.as_ref(), 2, 1..=1000),
        }
    }

    fn period(&mut self, source: &Source<'_>, at: Option<&At<Period>>, seconds: u64) -> Duration {
        if let Some(at) = at.filter(|at| at.value.0.is_zero()) {
            self.faults.push(source.fault(at.mark, "a duration of zero is not a limit: it must be longer"));
        }
        at.map_or(Duration::from_secs(seconds), |at| at.value.0)
    }

    fn count(
        &mut self,
        source: &Source<'_>,
        at: Option<&At<u32>>,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> u32 {
        if let Some(at) = at.filter(|at| !range.contains(&at.value)) {
            let message = format!("this number is {} to {}", range.start(), range.end());
            self.faults.push(source.fault(at.mark, message));
        }
        at.map_or(default, |at| at.value)
    }
}

/// `http://host:port`; without a port the scheme's own.
fn endpoint(url: &str) -> Option<Endpoint> {
    let (scheme, rest) = url.split_once("://")?;
    let (scheme, default) = match scheme {
        "http" => (Scheme::Http, 80),
        "https" => (Scheme::Https, 443),
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':');
    let port = match port {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port > 0)?,
        None => default,
    };
    (!host.is_empty() && host.chars().all(plain)).then(|| Endpoint {
        scheme,
        host: host.to_ascii_lowercase(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_have_scheme_host_and_port() {
        for (url, authority) in [
            ("http://127.0.0.1:9701", Some("127.0.0.1:9701")),
            ("https://API.gov.cn", Some("api.gov.cn:443")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("http://[::1]", Some("[::1]:80")),
            ("ftp://a", None),
            ("http://", None),
            ("http://a:0", None),
            ("http://a:65536", None),
            ("http://a/b", None),
            ("http://user@a", None),
            ("http://a?b", None),
            ("a:80", None),
        ] {
            assert_eq!(endpoint(url).map(|endpoint| endpoint.authority()).as_deref(), authority, "{url}");
        }
    }
}
