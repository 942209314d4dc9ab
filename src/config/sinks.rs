//! Receivers of copies of the audit log: exactly one target each, names that can be file names, and
//! no plain text beyond this machine.

use super::meaning::Meaning;
use super::settings::{ClientPair, FileFormat, SinkAddress, SinkSettings, SinkTarget, SinkTls};
use super::written::{self, Sink, SinkFile, SinkOtlp, SinkSyslog};
use crate::written::At;
use std::net::IpAddr;

/// How a receiver is reached, as written.
struct Reached<'a> {
    url: &'a At<String>,
    ca_file: &'a Option<At<String>>,
    cert_file: &'a Option<At<String>>,
    key_file: &'a Option<At<String>>,
}

const NAME_LETTERS_MAX: usize = 32;

impl Meaning<'_> {
    pub fn sinks(&mut self, written: &[Sink]) -> Vec<SinkSettings> {
        for (at, sink) in written.iter().enumerate() {
            let name = &sink.name;
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            if name.value.is_empty() || name.value.len() > NAME_LETTERS_MAX || !name.value.chars().all(plain)
            {
                self.fault(name.mark, "a sink's name has 1 to 32 letters, digits, `-` and `_`");
            }
            if written.iter().take(at).any(|other| other.name.value == name.value) {
                self.fault(name.mark, "another sink has this name");
            }
        }
        written.iter().filter_map(|sink| self.sink(sink)).collect()
    }

    fn sink(&mut self, written: &Sink) -> Option<SinkSettings> {
        let target = match (&written.file, &written.syslog, &written.otlp) {
            (Some(file), None, None) => self.sink_file(file),
            (None, Some(syslog), None) => self.sink_syslog(syslog)?,
            (None, None, Some(otlp)) => self.sink_otlp(otlp)?,
            (_, _, _) => {
                self.fault(written.name.mark, "a sink is one of `file`, `syslog` and `otlp`");
                return None;
            }
        };
        Some(SinkSettings { name: written.name.value.clone(), target })
    }

    fn sink_file(&mut self, written: &SinkFile) -> SinkTarget {
        SinkTarget::File {
            path: self.folder(Some(&written.path), "", false),
            format: match written.format {
                written::FileFormat::Json => FileFormat::Json,
                written::FileFormat::Ocsf => FileFormat::Ocsf,
            },
            bytes_max: self.bytes(written.bytes_max.as_ref(), 256 << 20),
            keep: self.count(written.keep.as_ref(), 8),
        }
    }

    fn sink_syslog(&mut self, written: &SinkSyslog) -> Option<SinkTarget> {
        let SinkSyslog { url, ca_file, cert_file, key_file } = written;
        let (address, _) =
            self.sink_address(Reached { url, ca_file, cert_file, key_file }, ("tls", "tcp"))?;
        Some(SinkTarget::Syslog(address))
    }

    fn sink_otlp(&mut self, written: &SinkOtlp) -> Option<SinkTarget> {
        let SinkOtlp { url, ca_file, cert_file, key_file, token_file } = written;
        let reached = Reached { url, ca_file, cert_file, key_file };
        let (address, path) = self.sink_address(reached, ("https", "http"))?;
        let path = if path.is_empty() { "/v1/logs".to_owned() } else { path };
        let token_file = token_file.as_ref().map(|at| self.secret(at));
        Some(SinkTarget::Otlp { address, path, token_file })
    }

    /// Address and path of a URL with a port; plain text on a loopback address only.
    fn sink_address(
        &mut self,
        written: Reached<'_>,
        (secure, plain): (&str, &str),
    ) -> Option<(SinkAddress, String)> {
        let url = written.url;
        let Some((scheme, host, port, path)) = parts(&url.value) else {
            let help = format!("for example `{secure}://receiver.example:6514`");
            self.fault_with_help(url.mark, "not a URL with scheme, host and port", help);
            return None;
        };
        let tls = self.sink_tls(&written, (scheme == secure).then_some(secure), plain);
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if scheme == plain && !loopback {
            self.fault(url.mark, format!("`{plain}` is for loopback addresses only: use `{secure}`"));
        } else if scheme != plain && scheme != secure {
            self.fault(url.mark, format!("the scheme must be `{secure}` or `{plain}`"));
        }
        Some((SinkAddress { host: host.to_owned(), port, tls }, path.to_owned()))
    }

    /// What TLS needs where it is asked for, and nothing of it where it is not.
    fn sink_tls(&mut self, written: &Reached<'_>, secure: Option<&str>, plain: &str) -> Option<SinkTls> {
        let Reached { url, ca_file, cert_file, key_file } = written;
        let Some(secure) = secure else {
            let keys = [("ca_file", ca_file), ("cert_file", cert_file), ("key_file", key_file)];
            for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at.as_ref()?))) {
                self.fault(at.mark, format!("`{plain}` has no use for `{key}`"));
            }
            return None;
        };
        let client = match (cert_file, key_file) {
            (Some(certificate), Some(key)) => {
                Some(ClientPair { certificate_file: self.file(certificate), key_file: self.secret(key) })
            }
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                self.fault(alone.mark, "`cert_file` and `key_file` come together");
                None
            }
        };
        if ca_file.is_none() {
            self.fault(url.mark, format!("`{secure}` needs `ca_file`"));
        }
        let ca_file = self.file(ca_file.as_ref()?);
        Some(SinkTls { ca_file, client })
    }
}

/// Scheme, host without brackets, port, path from its slash on.
fn parts(url: &str) -> Option<(&str, &str, u16, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.:_".contains(letter);
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic());
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && host.chars().all(plain) && visible).then_some((scheme, host, port, path))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use std::path::Path;

    fn sinks(list: &str) -> Result<Vec<SinkSettings>, String> {
        let text =
            format!("data: {{danger_plain_text: true}}\npseudonym_key_file: key\naudit:\n  sinks: {list}\n");
        let settings = parse("z.yaml", &text, Path::new("/base")).map_err(|faults| faults.to_string())?;
        Ok(settings.audit.sinks)
    }

    #[test]
    fn sinks_are_what_was_written() {
        let file = |format| SinkTarget::File {
            path: "/base/copy.jsonl".into(),
            format,
            bytes_max: 256 << 20,
            keep: 8,
        };
        let tls = |ca_file: &str, client: Option<(&str, &str)>| SinkTls {
            ca_file: ca_file.into(),
            client: client.map(|(certificate, key)| ClientPair {
                certificate_file: certificate.into(),
                key_file: key.into(),
            }),
        };
        let address = |host: &str, port, tls: Option<SinkTls>| SinkAddress { host: host.into(), port, tls };
        for (written, target) in [
            ("{name: a, file: {path: copy.jsonl}}", file(FileFormat::Json)),
            ("{name: a, file: {path: copy.jsonl, format: ocsf}}", file(FileFormat::Ocsf)),
            (
                "{name: a, syslog: {url: 'tcp://127.0.0.1:514'}}",
                SinkTarget::Syslog(address("127.0.0.1", 514, None)),
            ),
            ("{name: a, syslog: {url: 'tcp://[::1]:514'}}", SinkTarget::Syslog(address("::1", 514, None))),
            (
                "{name: a, syslog: {url: 'tls://siem.example:6514', ca_file: ca.pem}}",
                SinkTarget::Syslog(address("siem.example", 6514, Some(tls("/base/ca.pem", None)))),
            ),
            (
                "{name: a, syslog: {url: 'tls://siem.example:6514', ca_file: ca.pem, cert_file: gw.pem, key_file: gw.key}}",
                SinkTarget::Syslog(address(
                    "siem.example",
                    6514,
                    Some(tls("/base/ca.pem", Some(("/base/gw.pem", "/base/gw.key")))),
                )),
            ),
            (
                "{name: a, otlp: {url: 'http://localhost:4318'}}",
                SinkTarget::Otlp {
                    address: address("localhost", 4318, None),
                    path: "/v1/logs".into(),
                    token_file: None,
                },
            ),
        ] {
            assert_eq!(
                sinks(&format!("[{written}]")).unwrap(),
                [SinkSettings { name: "a".into(), target }],
                "{written}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (written, message) in [
            ("[{name: a}]", "a sink is one of"),
            ("[{name: a, file: {path: x}, otlp: {url: 'http://localhost:1'}}]", "a sink is one of"),
            ("[{name: 'a/b', file: {path: x}}]", "a sink's name"),
            ("[{name: a, file: {path: x}}, {name: a, file: {path: y}}]", "another sink has this name"),
            ("[{name: a, syslog: {url: 'tcp://siem.example:514'}}]", "loopback addresses only"),
            ("[{name: a, syslog: {url: 'udp://127.0.0.1:514'}}]", "the scheme must be `tls` or `tcp`"),
            ("[{name: a, syslog: {url: 'tls://siem.example:6514'}}]", "`tls` needs `ca_file`"),
            ("[{name: a, syslog: {url: 'tls://siem.example'}}]", "not a URL"),
            ("[{name: a, otlp: {url: 'http://localhost:0/'}}]", "not a URL"),
            ("[{name: a, otlp: {url: 'http://localhost:1', ca_file: x}}]", "has no use for `ca_file`"),
            ("[{name: a, otlp: {url: 'http://localhost:1', key_file: x}}]", "has no use for `key_file`"),
            (
                "[{name: a, syslog: {url: 'tls://siem.example:6514', ca_file: ca.pem, cert_file: x}}]",
                "come together",
            ),
            ("[{name: a, file: {path: x, keep: 0}}]", "this limit must be"),
        ] {
            let said = sinks(written).unwrap_err();
            assert!(said.contains(message), "{written}: {said}");
        }
    }
}
