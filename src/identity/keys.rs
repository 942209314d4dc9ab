//! The keys of one issuer: a JWK set, read once, each key good for one algorithm.

use crate::closed_enum;
use crate::engine::json::{Json, Object};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

closed_enum! {
    /// The signature algorithms that are accepted, of RFC 7518 and RFC 8037.
    pub enum Algorithm { Rs256 = "RS256", Ps256 = "PS256", Es256 = "ES256", EdDsa = "EdDSA" }
}

closed_enum! {
    /// Why a key set was not taken. The set before it stays.
    pub enum KeyFault {
        /// Not one JSON object with a list `keys`, or a member twice.
        Format = "format",
        /// No key in it can verify a signature of ours.
        Empty = "empty",
        DuplicateId = "duplicate_kid",
        /// No `kid`, or one with characters outside `A-Z a-z 0-9 - . _ ~ + =`.
        BadId = "bad_kid",
        /// A symmetric key: whoever can read the set could sign.
        Symmetric = "symmetric",
        /// The set publishes a private key.
        Private = "private",
        /// RSA below 2048 or above 8192 bits, or an exponent other than an odd number from 65537.
        WeakRsa = "weak_rsa",
        /// The components do not make a key, or the named algorithm is not the key's.
        BadKey = "bad_key",
        /// The file or URL could not be read.
        Unreadable = "unreadable",
        /// Larger than 1 MiB.
        TooLarge = "too_large",
        /// The server answered with another status than 200; redirects are not followed.
        Status = "status",
        Timeout = "timeout",
        Tls = "tls",
    }
}

/// One public key and the one algorithm it is for (RFC 8725, section 3.1).
#[derive(Debug)]
pub struct Key {
    pub id: Box<str>,
    pub algorithm: Algorithm,
    public: ParsedPublicKey,
}

impl Key {
    /// Whether the signature is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

/// The keys of one issuer at one time.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). Keys for encryption and of unknown types are passed over, as the
    /// RFC asks; a key that must not be there at all refuses the whole set. Fault ID-09.
    ///
    /// ```
    /// use zhamen::identity::keys::{KeyFault, KeySet};
    /// let shared = br#"{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}"#;
    /// assert_eq!(KeySet::parse(shared).unwrap_err(), KeyFault::Symmetric);
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFault> {
        let document = Object::read(bytes).map_err(|_| KeyFault::Format)?;
        let list = document.get("keys").and_then(Json::list).ok_or(KeyFault::Format)?;
        let mut keys: Vec<Key> = Vec::new();
        for jwk in list {
            let Some(key) = read_key(jwk.object().ok_or(KeyFault::Format)?)? else { continue };
            if keys.iter().any(|known| known.id == key.id) {
                return Err(KeyFault::DuplicateId);
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyFault::Empty) } else { Ok(KeySet { keys }) }
    }

    /// The key of this id.
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| &*key.id == id)
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

/// Whether a `kid` is one that we would compare at all. Fault ID-03: no path, no URL, no query.
pub fn is_key_id(id: &str) -> bool {
    let symbol = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'=');
    (1..=128).contains(&id.len()) && !id.contains("..") && id.bytes().all(symbol)
}

fn read_key(jwk: &Object) -> Result<Option<Key>, KeyFault> {
    let text = |name: &str| jwk.get(name).and_then(Json::text);
    let kind = text("kty").ok_or(KeyFault::Format)?;
    if kind == "oct" {
        return Err(KeyFault::Symmetric);
    }
    if ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| jwk.get(name).is_some()) {
        return Err(KeyFault::Private);
    }
    let for_signing = jwk.get("use").is_none_or(|usage| usage.text() == Some("sig"));
    let operations = jwk.get("key_ops").map(|ops| ops.list().unwrap_or_default());
    let may_verify = operations.is_none_or(|ops| ops.iter().any(|op| op.text() == Some("verify")));
    let curve = text("crv").unwrap_or_default();
    let named = jwk.get("alg").map(|alg| alg.text().unwrap_or_default());
    let algorithm = match (kind, curve, named) {
        ("RSA", _, None | Some("RS256")) => Algorithm::Rs256,
        ("RSA", _, Some("PS256")) => Algorithm::Ps256,
        ("EC", "P-256", None | Some("ES256")) => Algorithm::Es256,
        ("OKP", "Ed25519", None | Some("EdDSA" | "Ed25519")) => Algorithm::EdDsa,
        (_, _, Some(name)) if Algorithm::parse(name).is_some() => return Err(KeyFault::BadKey),
        _ => return Ok(None),
    };
    if !for_signing || !may_verify {
        return Ok(None);
    }
    let id = text("kid").filter(|id| is_key_id(id)).ok_or(KeyFault::BadId)?;
    let public = public_key(jwk, algorithm)?;
    Ok(Some(Key { id: id.into(), algorithm, public }))
}

fn public_key(jwk: &Object, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyFault> {
    let bytes = |name: &str| {
        let text = jwk.get(name).and_then(Json::text).ok_or(KeyFault::BadKey)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::BadKey)
    };
    let parsed = match algorithm {
        Algorithm::Rs256 => rsa(bytes("n")?, bytes("e")?)?.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Ps256 => rsa(bytes("n")?, bytes("e")?)?.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Es256 => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err(KeyFault::BadKey);
            }
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4_u8][..], &x, &y].concat())
        }
        Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, bytes("x")?),
    };
    parsed.map_err(|_| KeyFault::BadKey)
}

fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<RsaPublicKeyComponents<Vec<u8>>, KeyFault> {
    let n: Vec<u8> = modulus.into_iter().skip_while(|byte| *byte == 0).collect();
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let fits = exponent.len() <= 4 && exponent.first().is_some_and(|byte| *byte != 0);
    let e = exponent.iter().fold(0_u64, |number, byte| number << 8 & 0xffff_ffff | u64::from(*byte));
    if !(2048..=8192).contains(&bits) || !fits || e < 65_537 || e % 2 == 0 {
        return Err(KeyFault::WeakRsa);
    }
    Ok(RsaPublicKeyComponents { n, e: exponent })
}
