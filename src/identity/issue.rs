//! Signing tokens: for the demo's issuer and for tests, never on the request path.
//!
//! ```
//! use zhamen::identity::issue::SigningKey;
//! let key = SigningKey::generate_es256("demo-1").unwrap();
//! let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, key.id());
//! let token = key.sign(&header, r#"{"iss":"https://idp.zhamen.demo"}"#).unwrap();
//! assert_eq!(token.split('.').count(), 3);
//! ```

use super::keys::Algorithm;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rsa(RsaKeyPair, Algorithm),
}

/// A private key with its id. Its `Debug` shows the id only.
pub struct SigningKey {
    id: String,
    pair: Pair,
}

impl SigningKey {
    /// A fresh P-256 key.
    pub fn generate_es256(id: &str) -> Result<Self, Unspecified> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(SigningKey { id: id.to_owned(), pair: Pair::Es256(pair) })
    }

    /// A fresh Ed25519 key.
    pub fn generate_eddsa(id: &str) -> Result<Self, Unspecified> {
        Ok(SigningKey { id: id.to_owned(), pair: Pair::EdDsa(Ed25519KeyPair::generate()?) })
    }

    /// A P-256 key of [`Self::to_pkcs8`].
    pub fn es256_from_pkcs8(id: &str, pkcs8: &[u8]) -> Result<Self, Unspecified> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| Unspecified)?;
        Ok(SigningKey { id: id.to_owned(), pair: Pair::Es256(pair) })
    }

    /// An RSA key in PKCS#8, for `RS256` or `PS256`; any other algorithm is refused.
    pub fn rsa_from_pkcs8(id: &str, pkcs8: &[u8], algorithm: Algorithm) -> Result<Self, Unspecified> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| Unspecified)?;
        match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                Ok(SigningKey { id: id.to_owned(), pair: Pair::Rsa(pair, algorithm) })
            }
            Algorithm::Es256 | Algorithm::EdDsa => Err(Unspecified),
        }
    }

    /// `kid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Rsa(_, algorithm) => *algorithm,
        }
    }

    /// The private key of an ES256 pair as PKCS#8 DER, for a file with tight permissions.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, Unspecified> {
        match &self.pair {
            Pair::Es256(pair) => Ok(pair.to_pkcs8v1()?.as_ref().to_vec()),
            Pair::EdDsa(_) | Pair::Rsa(..) => Err(Unspecified),
        }
    }

    /// The public key as one JWK object.
    pub fn to_jwk(&self) -> String {
        let id = serde_json::Value::from(self.id.as_str());
        let alg = self.algorithm();
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = match &self.pair {
            Pair::Es256(pair) => {
                // An uncompressed point: 0x04, then both coordinates of 32 bytes.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#, b64(x), b64(y))
            }
            Pair::EdDsa(pair) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, b64(pair.public_key().as_ref()))
            }
            Pair::Rsa(pair, _) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, b64(n), b64(e))
            }
        };
        format!(r#"{{"kid":{id},"use":"sig","alg":"{alg}",{public}}}"#)
    }

    /// A JWK set with this key alone.
    pub fn to_jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.to_jwk())
    }

    /// The header that fits this key.
    pub fn header(&self, token_type: &str) -> String {
        serde_json::json!({"alg": self.algorithm().code(), "typ": token_type, "kid": self.id}).to_string()
    }

    /// Signs header and claims as they are given, whatever they say.
    pub fn sign(&self, header: &str, claims: &str) -> Result<String, Unspecified> {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signature(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair, algorithm) => {
                let pss = matches!(algorithm, Algorithm::Ps256);
                let encoding: &dyn RsaEncoding = if pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
