//! What identification looks up: built from the catalogue once per snapshot.
//!
//! ```
//! use zhamen::{engine::principal::Application, identity::registry::Registry};
//! let mut registry = Registry::default();
//! let application = Application::new("tax-desk", "11330100MB0000078N");
//! registry.by_id.insert("tax-desk".to_owned(), application.into());
//! ```

use crate::engine::principal::Application;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Registered applications and everything revoked. Names are compared exactly.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// By the one SAN URI of an application's certificate.
    pub by_san_uri: HashMap<String, Arc<Application>>,
    /// By the one SAN DNS name, lower case.
    pub by_san_dns: HashMap<String, Arc<Application>>,
    /// By client id.
    pub by_id: HashMap<String, Arc<Application>>,
    /// By client id: the middle part of `zk_<id>_<secret>`.
    pub api_keys: HashMap<String, ApiKeyEntry>,
    /// `jti` of revoked tokens.
    pub revoked_tokens: HashSet<Box<str>>,
    /// Staff ids.
    pub revoked_officers: HashSet<Box<str>>,
    /// Client ids.
    pub revoked_applications: HashSet<Box<str>>,
    /// SHA-256 of certificates.
    pub revoked_certificates: HashSet<[u8; 32]>,
}

/// An API key as it is stored: never the key itself.
#[derive(Clone)]
pub struct ApiKeyEntry {
    /// HMAC-SHA-256 of a secret's 32 bytes, see [`super::api_key`]; several while keys are rotated.
    pub hashes: Vec<[u8; 32]>,
    pub application: Arc<Application>,
}

impl fmt::Debug for ApiKeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyEntry({})", self.application.id)
    }
}
