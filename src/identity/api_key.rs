//! API keys of legacy applications: `zk_<id>_<secret>`, stored only as a keyed hash.
//!
//! `<id>` is letters, digits and `-`; `<secret>` is 32 random bytes in unpadded base64url. The catalogue
//! holds the hex HMAC-SHA-256 of those 32 bytes under the deployment's key, so that reading the
//! catalogue gives nobody a key, and guessing needs the key file.

use super::registry::{ApiKeyEntry, Registry};
use crate::engine::reason::Cause;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key under which API keys are hashed. Its `Debug` shows nothing.
pub struct HashKey(hmac::Key);

impl HashKey {
    /// A key of 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        HashKey(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The hash of an API key, as hex: what its catalogue entry holds. `None` if it is not an API key.
    ///
    /// ```
    /// use zhamen::identity::api_key::HashKey;
    /// let key = HashKey::new(&[7; 32]);
    /// let text = "zk_legacy_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    /// assert_eq!(key.hash_hex(text).unwrap().len(), 64);
    /// assert!(key.hash_hex("zk_legacy_short").is_none());
    /// ```
    pub fn hash_hex(&self, api_key: &str) -> Option<String> {
        let (_, secret) = parse(api_key)?;
        let tag = hmac::sign(&self.0, &secret);
        Some(tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The entry that a presented key proves. Takes the same time for an unknown id and a wrong secret.
    pub(super) fn prove<'r>(&self, registry: &'r Registry, api_key: &str) -> Result<&'r ApiKeyEntry, Cause> {
        let (id, secret) = parse(api_key).ok_or(Cause::ApiKeyInvalid)?;
        let entry = registry.api_keys.get(id);
        let hashes = entry.map_or(&[[0; 32]][..], |entry| &entry.hashes);
        // Each compares in constant time, and all are compared.
        let proved =
            hashes.iter().fold(false, |proved, hash| proved | hmac::verify(&self.0, &secret, hash).is_ok());
        entry.filter(|_| proved).ok_or(Cause::ApiKeyInvalid)
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

fn parse(text: &str) -> Option<(&str, [u8; 32])> {
    let (id, secret) = text.strip_prefix("zk_")?.split_once('_')?;
    let symbol = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !(1..=64).contains(&id.len()) || !id.bytes().all(symbol) || secret.len() != 43 {
        return None;
    }
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some((id, secret.try_into().ok()?))
}
