//! From the whole file as written to [`Settings`]: the parts that every other file here uses.
//!
//! Each rule notes its fault and goes on with a stand-in value, so that all faults are found; the
//! value is thrown away when there was one.

use super::files::Named;
use super::settings::{CatalogueSettings, DataListener, Settings};
use super::written::{Catalogue, Written};
use crate::engine::terms::Text;
use crate::fault::Faults;
use crate::written::{At, Bytes, Mark, Period, Source};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// The largest number of threads that is believed.
const WORKERS_MAX: usize = 256;

pub(super) struct Meaning<'a> {
    pub source: Source<'a>,
    /// Relative paths are resolved against it.
    pub base: &'a Path,
    pub faults: Faults,
    /// Files that were named, to be looked at.
    pub named: Vec<Named>,
}

impl<'a> Meaning<'a> {
    pub fn new(source: Source<'a>, base: &'a Path) -> Self {
        Meaning { source, base, faults: Faults::default(), named: Vec::new() }
    }

    pub fn of(&mut self, written: Written) -> Settings {
        let limits = self.limits(&written.limits);
        let data = self.data_listener(&written.data);
        let admin = self.admin_listener(&written.admin);
        if data.address == admin.address && data.address.port() != 0 {
            let mark = written.admin.address.as_ref().or(written.data.address.as_ref());
            self.fault(
                mark.map(|at| at.mark).unwrap_or_default(),
                "data and admin plane cannot share an address",
            );
        }
        let quotas = self.quotas(&written.quotas);
        let catalogue = self.catalogue(&written.catalogue, &data);
        Settings {
            data,
            admin,
            workers: self.workers(written.workers.as_ref()),
            limits,
            policies_dir: self.folder(written.policies_dir.as_ref(), "policies", true),
            identity: self.identity(&written.identity),
            audit: self.audit(&written.audit),
            catalogue,
            retention: self.retention(&written.audit),
            subject_keys: self.subject_keys(&written.audit.subject_keys),
            usage: self.usage(&written.usage),
            quotas,
            defence: self.defence(&written.defence),
            pseudonym_key_file: self
                .required_secret(written.pseudonym_key_file.as_ref(), "pseudonym_key_file"),
            drain: self.period(written.drain.as_ref(), Period::seconds(30)),
            log_json: written.log_json,
        }
    }

    fn workers(&mut self, written: Option<&At<usize>>) -> usize {
        let Some(workers) = written else {
            return std::thread::available_parallelism().map_or(1, |cores| cores.get()).min(WORKERS_MAX);
        };
        if workers.value == 0 || workers.value > WORKERS_MAX {
            self.fault(workers.mark, format!("workers must be 1 to {WORKERS_MAX}"));
        }
        workers.value
    }

    fn catalogue(&mut self, written: &Catalogue, data: &DataListener) -> CatalogueSettings {
        let base_url = written.base_url.as_ref();
        if let Some(at) = base_url.filter(|at| !is_origin(&at.value)) {
            let message = "not an origin: scheme, host and port, without a path";
            self.fault_with_help(at.mark, message, "for example `https://data.example.gov.cn`");
        }
        let default = || {
            let host = data.host_names.first().cloned().unwrap_or_else(|| match data.address.ip() {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            });
            let scheme = if data.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{host}:{}", data.address.port())
        };
        let publisher = Text {
            zh: "政务数据共享主管部门".to_owned(),
            en: "Competent authority for data sharing".to_owned(),
        };
        CatalogueSettings {
            base_url: base_url.map_or_else(default, |at| at.value.clone()),
            publisher: written.publisher.clone().unwrap_or(publisher),
            on_data_plane: written.on_data_plane,
        }
    }

    /// Notes a fault at a place.
    pub fn fault(&mut self, mark: Mark, message: impl Into<String>) {
        self.faults.push(self.source.fault(mark, message));
    }

    /// Notes a fault at a place, and how to mend it.
    pub fn fault_with_help(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(self.source.fault(mark, message).help(help));
    }

    /// A duration that may not be zero.
    pub fn period(&mut self, written: Option<&At<Period>>, default: Period) -> Duration {
        match written {
            Some(at) => {
                if at.value.0.is_zero() {
                    self.fault(at.mark, "a duration of zero is not a limit: it must be longer");
                }
                at.value.0
            }
            None => default.0,
        }
    }

    /// A number that may not be zero.
    pub fn count(&mut self, written: Option<&At<u64>>, default: usize) -> usize {
        match written {
            Some(at) => {
                let count = usize::try_from(at.value).ok().filter(|count| *count > 0 && *count <= 1 << 30);
                count.unwrap_or_else(|| {
                    self.fault(at.mark, "this limit must be 1 to 1073741824");
                    default
                })
            }
            None => default,
        }
    }

    /// A size that may not be zero.
    pub fn bytes(&mut self, written: Option<&At<Bytes>>, default: u64) -> u64 {
        match written {
            Some(at) => {
                if at.value.0 == 0 {
                    self.fault(at.mark, "a size of zero is not a limit: it must be larger");
                }
                at.value.0
            }
            None => default,
        }
    }
}

/// Scheme, host and perhaps a port; nothing behind them.
fn is_origin(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.:[]".contains(letter);
        !host.is_empty() && host.len() <= 255 && host.chars().all(plain)
    })
}
