//! Officers' tokens of the demo: ES256, signed by the demo's own issuer.
//!
//! Real tokens come from a government identity provider; the gateway only ever verifies. Nothing
//! here is used outside the demo.
//!
//! ```
//! use zhamen::demo::tokens::Confirmation;
//! assert_eq!(Confirmation::of(b"a certificate").x5t_s256.len(), 43);
//! ```

use crate::identity::issue::SigningKey;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;

/// Issuer of the demo's tokens.
pub const ISSUER: &str = "https://idp.zhamen.demo";
/// Audience of the demo's tokens.
pub const AUDIENCE: &str = "zhamen";
/// Tokens live for so many seconds (twelve hours) and are minted anew at each start.
pub const LIFETIME_SECONDS: i64 = 12 * 3600;

/// Why no token could be signed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the issuer key is not a PKCS#8 P-256 key in PEM")]
    Key,
    #[error("signing failed")]
    Signing,
}

/// What a token says besides issuer, audience and times.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Claims {
    /// Opaque staff id.
    pub sub: String,
    /// Application that presents it.
    pub client_id: String,
    /// Code of the officer's department.
    pub department: String,
    pub post: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterClaim>,
    /// Justification of a break-glass access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
    /// When the second factor was proved; set together with `amr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// The certificate the token is bound to (RFC 8705).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What the token of a citizen says, who asks about themselves.
#[derive(Clone, Debug, Serialize)]
pub struct CitizenClaims {
    /// The portal's pseudonym of the person.
    pub sub: String,
    pub sub_id: SubjectId,
}

/// Whom the token is about.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectId {
    /// `NATURAL`.
    #[serde(rename = "type")]
    pub subject_type: &'static str,
    pub id: &'static str,
}

/// RFC 8705: SHA-256 of the certificate's DER, base64url.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

impl Confirmation {
    /// Binds to this certificate.
    pub fn of(certificate_der: &[u8]) -> Self {
        Confirmation { x5t_s256: URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate_der)) }
    }
}

/// A matter as a signed claim.
#[derive(Clone, Debug, Serialize)]
pub struct MatterClaim {
    pub id: String,
    #[serde(rename = "type")]
    pub matter_type: String,
    pub open: bool,
    pub subjects: Vec<SubjectClaim>,
    pub officers: Vec<String>,
}

/// A person or body the matter is about.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectClaim {
    /// `NATURAL` or `LEGAL`.
    #[serde(rename = "type")]
    pub subject_type: &'static str,
    pub id: String,
    pub relation: &'static str,
}

/// The demo's token issuer.
pub struct TokenIssuer(SigningKey);

impl TokenIssuer {
    /// Reads the issuer's key: PKCS#8 in PEM, P-256. Its id is a digest of the public key.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| TokenError::Key)?;
        let key =
            |id: &str| SigningKey::es256_from_pkcs8(id, der.secret_pkcs8_der()).map_err(|_| TokenError::Key);
        let unnamed = key("")?.to_jwk();
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, unnamed.as_bytes()));
        Ok(TokenIssuer(key(&id)?))
    }

    /// The key set that verifies what this issuer signs, a JSON document.
    pub fn key_set(&self) -> String {
        self.0.to_jwks()
    }

    /// Key id.
    pub fn kid(&self) -> &str {
        self.0.id()
    }

    /// A compact JWT (RFC 7515) of type `at+jwt` (RFC 9068), valid from `now` (seconds since 1970).
    pub fn mint(&self, claims: &impl Serialize, now: i64) -> Result<String, TokenError> {
        let mut payload = serde_json::to_value(claims).map_err(|_| TokenError::Signing)?;
        if let Some(members) = payload.as_object_mut() {
            members.insert("iss".to_owned(), ISSUER.into());
            members.insert("aud".to_owned(), AUDIENCE.into());
            members.insert("iat".to_owned(), now.into());
            members.insert("exp".to_owned(), (now + LIFETIME_SECONDS).into());
            members.insert("jti".to_owned(), unique()?.into());
        }
        self.0.sign(&self.0.header("at+jwt"), &payload.to_string()).map_err(|_| TokenError::Signing)
    }
}

fn unique() -> Result<String, TokenError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| TokenError::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    #[test]
    fn tokens_verify_with_the_key_set_and_carry_their_claims() {
        let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let issuer = TokenIssuer::from_pem(&pem).unwrap();
        let claims = Claims {
            sub: "mz-0417".to_owned(),
            client_id: "civil-affairs-window".to_owned(),
            matter: Some(MatterClaim {
                id: "M-1".to_owned(),
                matter_type: "social-assistance-review".to_owned(),
                open: true,
                subjects: vec![SubjectClaim {
                    subject_type: "NATURAL",
                    id: "1".to_owned(),
                    relation: "applicant",
                }],
                officers: vec!["mz-0417".to_owned()],
            }),
            cnf: Some(Confirmation::of(b"certificate")),
            ..Claims::default()
        };
        let now = jsonwebtoken::get_current_timestamp() as i64;
        let token = issuer.mint(&claims, now).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&issuer.key_set()).unwrap();
        let key = DecodingKey::from_jwk(set.find(issuer.kid()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let read = decode::<serde_json::Value>(&token, &key, &validation).unwrap();
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(
            read.claims["exp"].as_i64().unwrap() - read.claims["iat"].as_i64().unwrap(),
            LIFETIME_SECONDS
        );
        assert_eq!(read.claims["matter"]["subjects"][0]["relation"], "applicant");
        assert!(read.claims.get("purpose").is_none());
        assert!(read.claims["cnf"]["x5t#S256"].is_string());
        let other = issuer.mint(&claims, now).unwrap();
        assert_ne!(token, other, "jti must differ");
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        assert!(matches!(TokenIssuer::from_pem("nonsense"), Err(TokenError::Key)));
    }
}
