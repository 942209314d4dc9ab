//! Subjects under a key: the same person is the same token, and nobody without the key can tell whose.

use crate::engine::identifier::{Identifier, Kind};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key of subject tokens. Its `Debug` never shows it.
#[derive(Clone)]
pub struct SubjectKey {
    key: hmac::Key,
    /// Stands before each of its tokens, with a colon; empty for the key without a name.
    id: Box<str>,
}

impl SubjectKey {
    /// The key without a name, from 32 random bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        SubjectKey::named("", key)
    }

    /// A key that can be rotated: its tokens begin with this id and a colon.
    pub fn named(id: &str, key: &[u8; 32]) -> Self {
        SubjectKey { key: hmac::Key::new(hmac::HMAC_SHA256, key), id: id.into() }
    }
}

/// The keys that are alive, newest first: the first makes tokens, all of them find them.
///
/// A key that is not among them any more is erased: the tokens that it made stay in the log, and
/// nobody can tell whose they are.
///
/// ```
/// # use zhamen::engine::evidence::{SubjectKey, SubjectKeys};
/// # use zhamen::engine::identifier::{Kind, check};
/// let keys = SubjectKeys::new(SubjectKey::named("k2", &[2; 32]), vec![SubjectKey::new(&[1; 32])]);
/// let person = check(Kind::ResidentId, "110101199003070011").identifier();
/// let tokens = person.map(|person| keys.tokens(&person)).unwrap_or_default();
/// assert!(tokens.is_empty() || (tokens[0].starts_with("k2:s1_") && tokens[1].starts_with("s1_")));
/// ```
#[derive(Clone, Debug)]
pub struct SubjectKeys {
    newest: SubjectKey,
    older: Vec<SubjectKey>,
}

impl SubjectKeys {
    pub fn new(newest: SubjectKey, older: Vec<SubjectKey>) -> Self {
        SubjectKeys { newest, older }
    }

    /// The key that makes tokens now.
    pub fn newest(&self) -> &SubjectKey {
        &self.newest
    }

    /// The tokens of one subject under every live key, the newest key's first.
    pub fn tokens(&self, identifier: &Identifier) -> Vec<String> {
        std::iter::once(&self.newest).chain(&self.older).map(|key| subject_token(key, identifier)).collect()
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

/// The keyed token of a person or body: the key's id and a colon, where it has one, then `s1_` and 22
/// characters of base64url.
///
/// `s1` names the algorithm: HMAC-SHA-256 over kind ‖ 0 ‖ canonical identifier, cut to 128 bits. The
/// kind is part of it so that equal digits of two registers are two subjects.
///
/// ```
/// # use zhamen::engine::evidence::SubjectKey;
/// assert_eq!(format!("{:?}", SubjectKey::new(&[7; 32])), "SubjectKey(…)");
/// ```
pub fn subject_token(key: &SubjectKey, identifier: &Identifier) -> String {
    token(key, identifier.kind(), identifier.canonical())
}

fn token(key: &SubjectKey, kind: Kind, canonical: &str) -> String {
    let mut context = hmac::Context::with_key(&key.key);
    context.update(kind.code().as_bytes());
    context.update(&[0]);
    context.update(canonical.as_bytes());
    let tag = context.sign();
    let mut out = String::with_capacity(25 + key.id.len() + 1);
    if !key.id.is_empty() {
        out.push_str(&key.id);
        out.push(':');
    }
    out.push_str("s1_");
    // An HMAC-SHA-256 tag has 32 bytes, so its first 16 exist.
    URL_SAFE_NO_PAD.encode_string(&tag.as_ref()[..16], &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python: `base64.urlsafe_b64encode(hmac.new(bytes(range(32)), kind+b"\0"+id, "sha256").digest()[:16])`.
    #[test]
    fn tokens_are_what_another_implementation_computes() {
        let key = SubjectKey::new(&std::array::from_fn(|index| index as u8));
        for (kind, canonical, expect) in [
            (Kind::ResidentId, "330106196502142015", "s1_bWxqIVDI2uI20PKHZz_wLA"),
            (Kind::Uscc, "91330100MA2DEMA108", "s1_Ft9uDRyQ7AVp8Dh_YESVwg"),
            (Kind::Passport, "330106196502142015", "s1_VMHUiS5_itYcCegQsy8i2w"),
        ] {
            assert_eq!(token(&key, kind, canonical), expect, "{kind}");
        }
    }

    #[test]
    fn another_key_is_another_token() {
        let one = token(&SubjectKey::new(&[1; 32]), Kind::Uscc, "x");
        let two = token(&SubjectKey::new(&[2; 32]), Kind::Uscc, "x");
        assert_eq!(one.len(), 25);
        assert_ne!(one, two);
        let named = token(&SubjectKey::named("k3", &[2; 32]), Kind::Uscc, "x");
        assert_eq!(named, format!("k3:{two}"));
    }
}
