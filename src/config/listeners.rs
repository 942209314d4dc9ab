//! The two listeners: where they listen, and what they demand.

use super::meaning::Meaning;
use super::settings::{AdminListener, DataListener, ListenerTls};
use super::written::{Admin, Data, Tls};
use crate::written::{At, Mark};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Meaning<'_> {
    pub fn data_listener(&mut self, written: &Data) -> DataListener {
        let address = self.address(written.address.as_ref(), 8443);
        let plain = &written.danger_plain_text;
        let place = written.address.as_ref().map_or(Mark { line: 1, column: 1 }, |at| at.mark);
        match (&written.tls, plain.value) {
            (Some(_), true) => self.fault(plain.mark, "danger_plain_text and tls exclude each other"),
            (None, true) if !address.ip().is_loopback() => self.fault_with_help(
                plain.mark,
                format!("plain text is served on a loopback address only, not on {address}"),
                "remove `danger_plain_text` and configure `tls`, or listen on 127.0.0.1",
            ),
            (None, false) => self.fault_with_help(
                place,
                "the data plane has no `tls`",
                "add `tls: {certificate_file: …, key_file: …}` under `data`; `zhamen certs` makes a pair for development",
            ),
            (Some(_), false) | (None, true) => {}
        }
        let host_names = written.host_names.iter().map(|name| self.host_name(name)).collect();
        DataListener { address, tls: written.tls.as_ref().map(|tls| self.tls(tls)), host_names }
    }

    pub fn admin_listener(&mut self, written: &Admin) -> AdminListener {
        let address = self.address(written.address.as_ref(), 9600);
        let guarded = written.tls.is_some() && written.credential_file.is_some();
        if let Some(at) = written.address.as_ref().filter(|_| !address.ip().is_loopback() && !guarded) {
            self.fault_with_help(
                at.mark,
                format!("the admin plane listens on {address} without `tls` and `credential_file`"),
                "listen on 127.0.0.1, or configure both",
            );
        }
        AdminListener {
            address,
            tls: written.tls.as_ref().map(|tls| self.tls(tls)),
            credential_file: written.credential_file.as_ref().map(|at| self.secret(at)),
        }
    }

    fn address(&mut self, written: Option<&At<String>>, port: u16) -> SocketAddr {
        let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let Some(at) = written else { return default };
        at.value.parse().unwrap_or_else(|_| {
            self.fault_with_help(
                at.mark,
                "not an address and port",
                "for example `127.0.0.1:8443` or `[::1]:8443`",
            );
            default
        })
    }

    fn host_name(&mut self, at: &At<String>) -> String {
        let name = at.value.to_ascii_lowercase();
        let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.:[]".contains(letter));
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        if name.is_empty() || !letters || (name.contains(':') && !address) {
            self.fault_with_help(at.mark, "not a host name", "write it without scheme, port and path");
        }
        name
    }

    fn tls(&mut self, written: &Tls) -> ListenerTls {
        if written.client_ca_file.is_none() {
            if written.client_certificate_required.value {
                let mark = written.client_certificate_required.mark;
                self.fault(mark, "client certificates cannot be required without `client_ca_file`");
            }
            if let Some(crl) = written.crl_files.first() {
                self.fault(crl.mark, "revocation lists are of no use without `client_ca_file`");
            }
        }
        ListenerTls {
            certificate_file: self.file(&written.certificate_file),
            key_file: self.secret(&written.key_file),
            client_ca_file: written.client_ca_file.as_ref().map(|at| self.file(at)),
            crl_files: written.crl_files.iter().map(|at| self.file(at)).collect(),
            client_certificate_required: written.client_certificate_required.value,
            crl_grace: written.crl_grace.0,
        }
    }
}
