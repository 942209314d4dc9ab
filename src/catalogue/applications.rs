//! Applications: who may call, and what proves them.

use super::loading::{File, Loading, hex_digest, name_is_plain};
use super::written;
use super::{Proof, RegisteredApplication};
use crate::engine::principal::{Application, Network};
use crate::written::{At, Source};
use std::sync::Arc;

impl Loading<'_> {
    pub fn applications(&mut self, file: &File<'_>) {
        for (id, written) in &file.written.applications.0 {
            self.application(file, id, written);
        }
    }

    fn application(&mut self, file: &File<'_>, id: &At<String>, written: &written::Application) {
        let source = &file.source;
        if !name_is_plain(&id.value) {
            self.faults
                .push(source.fault(id.mark, "an application's id has letters, digits, `-`, `_` and `.`"));
        }
        let department = match &written.department {
            None => file.code.clone(),
            Some(at) => {
                let known = std::mem::take(&mut self.declared.departments);
                self.unknown(source, at, "department", &known);
                self.declared.departments = known;
                at.value.as_str().into()
            }
        };
        let networks = written.networks.iter().filter_map(|at| self.network(source, at)).collect();
        let name: Arc<str> = id.value.as_str().into();
        let application = Arc::new(Application {
            id: name.clone(),
            department,
            networks,
            speaks_for_others: written.speaks_for_others,
        });
        let registered = RegisteredApplication {
            application: application.clone(),
            san_uris: written.san_uris.iter().map(|at| at.value.clone()).collect(),
            san_dns: written.san_dns.iter().map(|at| at.value.to_ascii_lowercase()).collect(),
            api_key_hashes: written.api_key_hashes.iter().filter_map(|at| self.api_key(source, at)).collect(),
        };
        self.register(source, written, &application);
        if self.catalogue.applications.insert(name, registered).is_some() {
            let message = format!("the application `{}` is registered twice", id.value);
            self.faults.push(source.fault(id.mark, message));
        }
    }

    /// One proof proves one application.
    fn register(
        &mut self,
        source: &Source<'_>,
        written: &written::Application,
        application: &Arc<Application>,
    ) {
        let uris =
            written.san_uris.iter().map(|at| (at, Proof::Uri(at.value.clone()), uri_is_sound(&at.value)));
        let names = written.san_dns.iter().map(|at| {
            let name = at.value.to_ascii_lowercase();
            let sound = dns_name_is_sound(&name);
            (at, Proof::Dns(name), sound)
        });
        let keys = written
            .api_key_hashes
            .iter()
            .filter_map(|at| Some((at, Proof::ApiKey(hex_digest(&at.value)?), true)));
        for (at, proof, sound) in uris.chain(names).chain(keys) {
            if !sound {
                self.faults.push(source.fault(at.mark, "not a name that a certificate can carry"));
            }
            if let Some(other) = self.proofs.insert(proof.clone(), application.id.clone()) {
                self.faults
                    .push(source.fault(at.mark, format!("this proves the application `{other}` already")));
            }
        }
    }

    fn network(&mut self, source: &Source<'_>, at: &At<String>) -> Option<Network> {
        let network = Network::parse(&at.value);
        if network.is_none() {
            self.faults.push(source.fault(at.mark, "not a network (for example `10.1.0.0/16`)"));
        }
        network
    }

    fn api_key(&mut self, source: &Source<'_>, at: &At<String>) -> Option<[u8; 32]> {
        let hash = hex_digest(&at.value);
        if hash.is_none() {
            let message = "not a keyed hash: 64 hexadecimal digits (HMAC-SHA-256 of the API key)";
            self.faults.push(source.fault(at.mark, message));
        }
        hash
    }
}

/// A URI with scheme and something after it, in visible ASCII.
fn uri_is_sound(uri: &str) -> bool {
    let visible = uri.bytes().all(|byte| byte.is_ascii_graphic());
    visible && uri.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
}

/// A DNS name without wildcard: a wildcard would prove everybody below it.
fn dns_name_is_sound(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
