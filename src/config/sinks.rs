//! Receivers of copies of the audit log: exactly one target each, names that can be file names, and
//! no plain text beyond this machine.

use super::meaning::Meaning;
use super::settings::{SinkAddress, SinkSettings, SinkTarget};
use super::written::{Sink, SinkFile, SinkOtlp, SinkSyslog};
use crate::written::At;
use std::net::IpAddr;

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
            bytes_max: self.bytes(written.bytes_max.as_ref(), 256 << 20),
            keep: self.count(written.keep.as_ref(), 8),
        }
    }

    fn sink_syslog(&mut self, written: &SinkSyslog) -> Option<SinkTarget> {
        let (address, _) = self.sink_address(&written.url, written.ca_file.as_ref(), ("tls", "tcp"))?;
        Some(SinkTarget::Syslog(address))
    }

    fn sink_otlp(&mut self, written: &SinkOtlp) -> Option<SinkTarget> {
        let (address, path) = self.sink_address(&written.url, written.ca_file.as_ref(), ("https", "http"))?;
        let path = if path.is_empty() { "/v1/logs".to_owned() } else { path };
        let token_file = written.token_file.as_ref().map(|at| self.secret(at));
        Some(SinkTarget::Otlp { address, path, token_file })
    }

    /// Address and path of a URL with a port; plain text on a loopback address only.
    fn sink_address(
        &mut self,
        url: &At<String>,
        ca_file: Option<&At<String>>,
        (secure, plain): (&str, &str),
    ) -> Option<(SinkAddress, String)> {
        let Some((scheme, host, port, path)) = parts(&url.value) else {
            let help = format!("for example `{secure}://receiver.example:6514`");
            self.fault_with_help(url.mark, "not a URL with scheme, host and port", help);
            return None;
        };
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match (scheme == secure, scheme == plain, ca_file) {
            (true, _, None) => self.fault(url.mark, format!("`{secure}` needs `ca_file`")),
            (true, _, Some(_)) => {}
            (false, true, Some(at)) => self.fault(at.mark, format!("`{plain}` has no use for `ca_file`")),
            (false, true, None) if loopback => {}
            (false, true, None) => {
                self.fault(url.mark, format!("`{plain}` is for loopback addresses only: use `{secure}`"));
            }
            (false, false, _) => self.fault(url.mark, format!("the scheme must be `{secure}` or `{plain}`")),
        }
        let ca_file = ca_file.map(|at| self.file(at));
        Some((SinkAddress { host: host.to_owned(), port, ca_file }, path.to_owned()))
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
        let address = |host: &str, port, ca_file: Option<&str>| SinkAddress {
            host: host.into(),
            port,
            ca_file: ca_file.map(Into::into),
        };
        for (written, target) in [
            (
                "{name: a, file: {path: copy.jsonl}}",
                SinkTarget::File { path: "/base/copy.jsonl".into(), bytes_max: 256 << 20, keep: 8 },
            ),
            (
                "{name: a, syslog: {url: 'tcp://127.0.0.1:514'}}",
                SinkTarget::Syslog(address("127.0.0.1", 514, None)),
            ),
            ("{name: a, syslog: {url: 'tcp://[::1]:514'}}", SinkTarget::Syslog(address("::1", 514, None))),
            (
                "{name: a, syslog: {url: 'tls://siem.example:6514', ca_file: ca.pem}}",
                SinkTarget::Syslog(address("siem.example", 6514, Some("/base/ca.pem"))),
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
            ("[{name: a, file: {path: x, keep: 0}}]", "this limit must be"),
        ] {
            let said = sinks(written).unwrap_err();
            assert!(said.contains(message), "{written}: {said}");
        }
    }
}
