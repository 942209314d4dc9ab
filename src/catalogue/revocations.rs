//! What is believed no longer, from the next snapshot on: `revocations.yaml`.

use super::loading::{Loading, hex_digest};
use super::written;
use crate::written::{At, Source};
use std::collections::BTreeSet;

/// Revoked credentials; `identity::registry` looks them up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    tokens: BTreeSet<String>,
    officers: BTreeSet<String>,
    applications: BTreeSet<String>,
    certificates: BTreeSet<[u8; 32]>,
}

impl Revocations {
    /// Ids (`jti`) of revoked tokens.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(String::as_str)
    }

    /// Staff ids of officers whose tokens are revoked.
    pub fn officers(&self) -> impl Iterator<Item = &str> {
        self.officers.iter().map(String::as_str)
    }

    /// Revoked applications.
    pub fn applications(&self) -> impl Iterator<Item = &str> {
        self.applications.iter().map(String::as_str)
    }

    /// Fingerprints of revoked certificates.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.certificates.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tokens.len() + self.officers.len() + self.applications.len() + self.certificates.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Loading<'_> {
    pub fn revocations(&mut self) {
        const FILE: &str = "revocations.yaml";
        let text = match self.folder.text(FILE) {
            Ok(None) => return,
            Ok(Some(text)) => text,
            Err(fault) => return self.faults.push(fault),
        };
        let source = Source::new(FILE, text);
        let Some(written) = self.faults.absorb(source.read::<written::Revocations>()) else { return };
        let texts = |list: &[At<String>]| list.iter().map(|at| at.value.clone()).collect();
        let mut certificates = BTreeSet::new();
        for at in &written.certificates {
            // `openssl x509 -fingerprint` writes colons.
            match hex_digest(&at.value.replace(':', "")) {
                Some(fingerprint) => {
                    certificates.insert(fingerprint);
                }
                None => self
                    .faults
                    .push(source.fault(at.mark, "not a SHA-256 fingerprint: 64 hexadecimal digits")),
            }
        }
        for at in [&written.tokens, &written.officers].into_iter().flatten().filter(|at| at.value.is_empty())
        {
            self.faults.push(source.fault(at.mark, "an empty name revokes nothing"));
        }
        // A misspelt application would stay believed, which is the opposite of what was meant.
        let known = std::mem::take(&mut self.declared.applications);
        for at in &written.applications {
            self.unknown(&source, at, "application", &known);
        }
        self.declared.applications = known;
        self.catalogue.revocations = Revocations {
            tokens: texts(&written.tokens),
            officers: texts(&written.officers),
            applications: texts(&written.applications),
            certificates,
        };
    }
}
