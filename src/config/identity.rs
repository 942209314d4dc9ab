//! How callers prove themselves: issuers, their keys, and what is remembered.

use super::meaning::Meaning;
use super::settings::{IdentitySettings, Issuer, KeySource, SanType};
use super::written::{self, Identity, Keys, San};
use crate::written::{At, Period};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Clocks of servers agree better than this; more only helps stolen tokens.
const LEEWAY_MAX: Duration = Duration::from_secs(60);

impl Meaning<'_> {
    pub fn identity(&mut self, written: &Identity) -> IdentitySettings {
        let mut issuers: Vec<Issuer> = Vec::new();
        for issuer in &written.issuers {
            let meant = self.issuer(issuer);
            let twice =
                issuers.iter().any(|other| other.issuer == meant.issuer && other.audience == meant.audience);
            if twice {
                self.fault(issuer.issuer.mark, "this issuer is configured twice for the same audience");
            }
            issuers.push(meant);
        }
        IdentitySettings {
            issuers,
            certificate_san: match written.certificate_san {
                San::Uri => SanType::Uri,
                San::Dns => SanType::Dns,
            },
            api_key_hash_key_file: written.api_key_hash_key_file.as_ref().map(|at| self.secret(at)),
            step_up_fresh: self.period(written.step_up_fresh.as_ref(), Period::seconds(15 * 60)),
            token_memo_max: self.count(written.token_memo_max.as_ref(), 8192),
        }
    }

    fn issuer(&mut self, written: &written::Issuer) -> Issuer {
        for (name, at) in [
            ("issuer", Some(&written.issuer)),
            ("audience", Some(&written.audience)),
            ("token_type", written.token_type.as_ref()),
        ] {
            if let Some(at) = at.filter(|at| at.value.trim().is_empty()) {
                self.fault(at.mark, format!("`{name}` is empty: every token would have to be believed"));
            }
        }
        let leeway = written.leeway.as_ref();
        if let Some(at) = leeway.filter(|at| at.value.0 > LEEWAY_MAX) {
            self.fault(at.mark, "the leeway is at most 60s");
        }
        Issuer {
            issuer: written.issuer.value.clone(),
            audience: written.audience.value.clone(),
            token_type: written
                .token_type
                .as_ref()
                .map_or_else(|| "at+jwt".to_owned(), |at| at.value.clone()),
            keys: self.keys(&written.keys),
            leeway: leeway.map_or(Duration::from_secs(30), |at| at.value.0),
            lifetime_max: self.period(written.lifetime_max.as_ref(), Period::seconds(12 * 3600)),
        }
    }

    fn keys(&mut self, keys: &At<Keys>) -> KeySource {
        let ca_file = keys.ca_file.as_ref().map(|at| self.file(at));
        let refresh = self.period(keys.refresh.as_ref(), Period::seconds(300));
        let age_max = self.period(keys.age_max.as_ref(), Period::seconds(24 * 3600));
        if let Some(at) = keys.age_max.as_ref().or(keys.refresh.as_ref()).filter(|_| age_max < refresh) {
            self.fault(at.mark, "`age_max` is shorter than `refresh`: the keys would always be stale");
        }
        match (&keys.file, &keys.url) {
            (Some(file), None) => KeySource::File(self.file(file)),
            (None, Some(url)) => {
                self.key_url(url, ca_file.is_some());
                KeySource::Url { url: url.value.clone(), ca_file, refresh, age_max }
            }
            (Some(_), Some(_)) | (None, None) => {
                self.fault(keys.mark, "a key set comes from either `file` or `url`");
                KeySource::File(PathBuf::new())
            }
        }
    }

    fn key_url(&mut self, url: &At<String>, has_ca: bool) {
        let host = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        if let Some(rest) = url.value.strip_prefix("https://") {
            if host(rest).is_empty() {
                self.fault(url.mark, "the address names no host");
            } else if !has_ca {
                self.fault(url.mark, "an https address needs `ca_file`: no other CA is trusted");
            }
        } else if let Some(rest) = url.value.strip_prefix("http://") {
            let authority = host(rest);
            let name = authority.rsplit_once(':').map_or(authority.as_str(), |(name, _)| name);
            let loopback = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            if !loopback {
                self.fault(url.mark, "keys over http are accepted from a loopback address only");
            }
        } else {
            self.fault(url.mark, "not an https address");
        }
    }
}
