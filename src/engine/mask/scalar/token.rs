//! Keyed pseudonyms: they link inside one consumer department and matter, and nowhere else.

use crate::engine::identifier::{Kind, check};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Separates these keys from any other use of the pseudonym key, and names the construction.
const DERIVATION: &[u8] = b"zhamen token v1 HMAC-SHA-256";

/// Bytes of the pseudonym that are given out: 128 bits, of which none can be found without the key.
const TOKEN_BYTES: usize = 16;

/// The key of the pseudonyms that one consumer department sees in one matter.
///
/// `HMAC-SHA-256(pseudonym key, "zhamen token v1 HMAC-SHA-256" ‖ len ‖ department ‖ len ‖ matter)`,
/// each length as eight bytes, big end first, so that no two pairs meet. Two departments, or two
/// matters of one department, therefore get unrelated pseudonyms of one person. Without a matter the
/// text is empty, and pseudonyms link across the department's requests outside matters.
#[derive(Clone)]
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// Derives the key. `matter` is the matter's id, or empty.
    pub fn derive(pseudonym_key: &[u8; 32], consumer_department: &str, matter: &str) -> TokenKey {
        let root = hmac::Key::new(hmac::HMAC_SHA256, pseudonym_key);
        let mut context = hmac::Context::with_key(&root);
        context.update(DERIVATION);
        for part in [consumer_department, matter] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        TokenKey(hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref()))
    }

    /// Writes `tok_` and 22 characters of base64url: the first 16 bytes of
    /// `HMAC-SHA-256(key, kind ‖ 0 ‖ value)`.
    ///
    /// The value is the canonical form where the text checks (and the kind is then the identifier's
    /// own), so that one person has one pseudonym however the number was typed; else the text without
    /// surrounding white space. Nothing is made of an empty text.
    pub(super) fn token(&self, kind: Option<Kind>, text: &str, shown: &mut String) -> Option<()> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let identifier = kind.and_then(|kind| check(kind, text).identifier());
        let (kind, value) = match &identifier {
            Some(identifier) => (identifier.kind().code(), identifier.canonical()),
            None => (kind.map_or("", Kind::code), text),
        };
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        let tag = context.sign();
        shown.push_str("tok_");
        URL_SAFE_NO_PAD.encode_string(tag.as_ref().get(..TOKEN_BYTES)?, shown);
        Some(())
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
