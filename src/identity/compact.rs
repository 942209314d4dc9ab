//! The compact form of a signed token (RFC 7515, section 7.1), read strictly and before any trust.

use super::keys::{Algorithm, is_key_id};
use crate::engine::json::{Json, Object};
use crate::engine::reason::Cause;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Header members that would let the sender choose the key, or the meaning of the rest: refused by
/// their presence, nothing of them is looked at. Faults ID-01 and ID-03.
const HEADER_REFUSED: [&str; 6] = ["crit", "jku", "x5u", "jwk", "x5c", "b64"];

/// A token taken apart. Nothing in it is proved yet.
pub struct Compact<'a> {
    pub algorithm: Algorithm,
    pub key_id: String,
    /// `typ` as written.
    pub token_type: String,
    pub claims: Object,
    /// What the signature is over.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Cause::TokenSize`], [`Cause::TokenFormat`] (not three parts of unpadded base64url, not JSON,
    /// a member twice, encrypted), [`Cause::TokenAlgorithm`], [`Cause::TokenHeader`],
    /// [`Cause::TokenAudience`] without a `typ`.
    pub fn read(token: &'a str) -> Result<Self, Cause> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Cause::TokenSize);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Cause::TokenFormat)?;
        let (header, claims) = signed.split_once('.').ok_or(Cause::TokenFormat)?;
        if claims.contains('.') {
            return Err(Cause::TokenFormat);
        }
        let header = Object::read(&decode(header)?)?;
        let (algorithm, key_id, token_type) = read_header(&header)?;
        Ok(Compact {
            algorithm,
            key_id,
            token_type,
            claims: Object::read(&decode(claims)?)?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Cause> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Cause::TokenFormat)
}

fn read_header(header: &Object) -> Result<(Algorithm, String, String), Cause> {
    if header.get("enc").is_some() || header.get("zip").is_some() {
        return Err(Cause::TokenFormat);
    }
    let algorithm = header.get("alg").and_then(Json::text).and_then(Algorithm::parse);
    let algorithm = algorithm.ok_or(Cause::TokenAlgorithm)?;
    if HEADER_REFUSED.iter().any(|name| header.get(name).is_some()) {
        return Err(Cause::TokenHeader);
    }
    let key_id = header.get("kid").and_then(Json::text).filter(|id| is_key_id(id));
    let token_type = header.get("typ").and_then(Json::text).ok_or(Cause::TokenAudience)?;
    Ok((algorithm, key_id.ok_or(Cause::TokenHeader)?.to_owned(), token_type.to_owned()))
}
