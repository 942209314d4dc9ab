//! Receipts: a signed statement of what was decided and shown, for whoever received the answer.
//!
//! A receipt is a compact JWS (RFC 7515) with `alg` `EdDSA` (RFC 8037) and `typ`
//! [`TYPE`]; the type keeps the key's other signatures (checkpoints) apart from it. It is bound to the
//! answer's bytes by their SHA-256 and length, to the request by its id, to the caller, and to the
//! entry of the log by number and hash; so it fits no other answer, and whoever holds it holds a point
//! through which the log must still run. It never expires: it is evidence, not leave to do anything.
//! A refusal is an answer too: its receipt gives the reasons, and its bytes are the problem document.
//!
//! This room makes and checks the text; it reads no file and no clock.
//!
//! ```
//! use zhamen::engine::evidence::receipt::{Answered, Expected, Place, Signer, Statement, verify};
//! let signer = Signer::from_seed(&[7; 32]).unwrap();
//! let statement = Statement {
//!     request_id: "r-1".into(), caller: "market-window|sj-0042".into(), issued_at: 1_795_397_400,
//!     decision: "ALLOW".into(), entry: Place { seq: 12, hash: "0".repeat(64) }, ..Statement::default()
//! };
//! let text = signer.sign(&statement, &Answered::of(b"{}"));
//! let claims = verify(&text, &signer.public_key()).unwrap();
//! assert_eq!(Expected { body: Some(b"{}"), ..Expected::default() }.check(&claims), Ok(()));
//! assert!(Expected { body: Some(b"{} "), ..Expected::default() }.check(&claims).is_err());
//! ```

use super::Decision;
use crate::engine::mask::subjects::SubjectCount;
use crate::engine::terms::DisclosureMode;
use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// `typ` of the header: what keeps a receipt from being taken for anything else that is signed.
pub const TYPE: &str = "zhamen-receipt+jwt";
/// The longest receipt that is read, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

const ISSUER: &str = "zhamen";
const ALGORITHM: &str = "EdDSA";

/// Everything that a receipt states but the answer's bytes, which are known last.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// Seconds since 1970.
    pub issued_at: i64,
    pub request_id: String,
    /// Application and officer, as in the log.
    pub caller: String,
    /// Unified social credit code of the receiving department.
    pub department: String,
    /// What was asked of; empty where a request was refused before that was clear, or is not told.
    pub dataset: String,
    /// The catalogue's code of the dataset.
    pub code: String,
    pub interface: String,
    pub purpose: Option<String>,
    pub matter: Option<String>,
    /// A [`Decision`], as the caller was told.
    pub decision: String,
    /// Codes of the reasons of a refusal, the one told first at the front. Empty for answers with data,
    /// and never for refusals.
    pub reasons: Vec<String>,
    pub status: u16,
    /// Digest of the policies folder that decided.
    pub policy_digest: String,
    pub labels: Vec<LabelStated>,
    /// Persons or bodies that the request names; none for a request that names none. Where those that
    /// the answer tells of were counted, their number is stated instead.
    pub subjects: Option<u64>,
    pub entry: Place,
}

/// What became of one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelStated {
    pub label: String,
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// A place in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub seq: u64,
    /// Of the entry's line, 64 hexadecimal digits.
    pub hash: String,
}

/// The answer's bytes, and what was counted in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub sha256: [u8; 32],
    pub bytes: u64,
    /// Records that left, where the answer has records.
    pub records: Option<u64>,
    /// Persons or bodies told of, where the dataset's labels name them.
    pub subjects: Option<SubjectCount>,
}

impl Answered {
    /// Of a whole answer.
    pub fn of(body: &[u8]) -> Self {
        let mut running = Running::default();
        running.update(body);
        running.finish(None, None)
    }

    /// The digest in 64 hexadecimal digits, as outcome entries carry it.
    pub fn digest_hex(&self) -> String {
        super::chain::hex_of_hash(&self.sha256)
    }
}

/// The digest of an answer while it passes.
#[derive(Clone)]
pub struct Running {
    context: Context,
    bytes: u64,
}

impl Default for Running {
    fn default() -> Self {
        Running { context: Context::new(&SHA256), bytes: 0 }
    }
}

impl Running {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }

    /// All of it, with the records and subjects counted in it.
    pub fn finish(self, records: Option<u64>, subjects: Option<SubjectCount>) -> Answered {
        let mut sha256 = [0; 32];
        // A SHA-256 digest has 32 bytes.
        sha256.copy_from_slice(self.context.finish().as_ref());
        Answered { sha256, bytes: self.bytes, records, subjects }
    }
}

/// What a verified receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub iat: i64,
    /// The request's id.
    pub jti: String,
    /// The caller.
    pub sub: String,
    pub department: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub dataset: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub code: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub interface: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub matter: Option<String>,
    pub decision: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reasons: Vec<String>,
    pub status: u16,
    pub policy_digest: String,
    pub labels: Vec<LabelStated>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subjects: Option<u64>,
    /// Whether that number is an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub subjects_estimated: bool,
    pub body: BodyStated,
    pub entry: Place,
}

/// The answer's bytes as stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyStated {
    /// 64 hexadecimal digits.
    pub sha256: String,
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The key that signs receipts. Its `Debug` shows the key's id only.
pub struct Signer {
    pair: Ed25519KeyPair,
    key_id: String,
    /// The encoded header: the same for every receipt.
    header: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.key_id)
    }
}

impl Signer {
    /// From the 32 bytes that an Ed25519 key is made of (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Signer::new)
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let key_id = key_id(&public_bytes(&pair));
        let header = Header { alg: ALGORITHM.into(), typ: TYPE.into(), kid: key_id.clone() };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).unwrap_or_default());
        Signer { pair, key_id, header }
    }

    /// `kid`: the key's JWK thumbprint (RFC 7638).
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What verifies its receipts.
    pub fn public_key(&self) -> [u8; 32] {
        public_bytes(&self.pair)
    }

    /// The receipt of an answer. The same statement and answer always give the same text.
    pub fn sign(&self, statement: &Statement, answered: &Answered) -> String {
        // A struct of texts and numbers can always be written.
        let claims = serde_json::to_vec(&claims(statement, answered)).unwrap_or_default();
        let mut text = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 96);
        text.push_str(&self.header);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut text);
        let signature = self.pair.sign(text.as_bytes());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        text
    }
}

fn claims(statement: &Statement, answered: &Answered) -> Claims {
    let Statement { issued_at, request_id, caller, department, dataset, .. } = statement.clone();
    let Statement { code, interface, purpose, matter, decision, status, .. } = statement.clone();
    Claims {
        iss: ISSUER.into(),
        iat: issued_at,
        jti: request_id,
        sub: caller,
        department,
        dataset,
        code,
        interface,
        purpose,
        matter,
        decision,
        reasons: statement.reasons.clone(),
        status,
        policy_digest: statement.policy_digest.clone(),
        labels: statement.labels.clone(),
        records: answered.records,
        subjects: answered.subjects.map(|count| count.subjects).or(statement.subjects),
        subjects_estimated: answered.subjects.is_some_and(|count| count.estimated),
        body: BodyStated { sha256: answered.digest_hex(), bytes: answered.bytes },
        entry: statement.entry.clone(),
    }
}

fn public_bytes(pair: &Ed25519KeyPair) -> [u8; 32] {
    // An Ed25519 public key has 32 bytes.
    pair.public_key().as_ref().try_into().unwrap_or([0; 32])
}

/// The JWK thumbprint of an Ed25519 key (RFC 7638 over the members that RFC 8037 requires).
pub fn key_id(public_key: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()))
}

/// Why a text is not a receipt of this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    #[error("the text is not a compact JWS")]
    Form,
    #[error("its type is not {TYPE}: it is some other signed thing")]
    Type,
    #[error("it is not signed with {ALGORITHM}")]
    Algorithm,
    #[error("it is signed with another key")]
    Key,
    #[error("the signature does not hold: the text was changed, or the key is not its own")]
    Signature,
    #[error("the signed content is not that of a receipt")]
    Claims,
}

/// Reads a receipt and checks its signature; whether it fits an answer is [`Expected::check`].
///
/// # Errors
/// The first thing that is wrong. Nothing of an unproved text is given out.
pub fn verify(text: &str, public_key: &[u8; 32]) -> Result<Claims, ReceiptFault> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return Err(ReceiptFault::Form);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(ReceiptFault::Form)?;
    let (header, claims) = signed.split_once('.').ok_or(ReceiptFault::Form)?;
    let [header, claims, signature] =
        [header, claims, signature].map(|part| URL_SAFE_NO_PAD.decode(part).map_err(|_| ReceiptFault::Form));
    let header: Header = serde_json::from_slice(&header?).map_err(|_| ReceiptFault::Form)?;
    if header.typ != TYPE {
        return Err(ReceiptFault::Type);
    }
    if header.alg != ALGORITHM {
        return Err(ReceiptFault::Algorithm);
    }
    if header.kid != key_id(public_key) {
        return Err(ReceiptFault::Key);
    }
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    key.verify(signed.as_bytes(), &signature?).map_err(|_| ReceiptFault::Signature)?;
    let claims: Claims = serde_json::from_slice(&claims?).map_err(|_| ReceiptFault::Claims)?;
    let modes_known = claims.labels.iter().all(|label| DisclosureMode::parse(&label.mode).is_some());
    let is_sound = claims.iss == ISSUER && modes_known && has_reasons_if_refused(&claims);
    if is_sound { Ok(claims) } else { Err(ReceiptFault::Claims) }
}

/// A refusal says why and shows no label; what is shown was not refused.
fn has_reasons_if_refused(claims: &Claims) -> bool {
    match Decision::parse(&claims.decision) {
        Some(Decision::Allow | Decision::AllowPartial) => claims.reasons.is_empty(),
        Some(Decision::Deny | Decision::Refused) => !claims.reasons.is_empty() && claims.labels.is_empty(),
        None => false,
    }
}

/// What a receipt is held against; what is absent is not compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    pub request_id: Option<&'a str>,
    pub caller: Option<&'a str>,
    pub body: Option<&'a [u8]>,
}

/// A receipt belongs to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("it is the receipt of another request")]
    Request,
    #[error("it is another caller's receipt")]
    Caller,
    #[error("it is the receipt of another answer: these are not the bytes that left")]
    Body,
}

impl Expected<'_> {
    /// Whether a verified receipt is the one of this answer.
    ///
    /// # Errors
    /// The first thing it belongs to instead.
    pub fn check(&self, claims: &Claims) -> Result<(), Mismatch> {
        if self.request_id.is_some_and(|id| id != claims.jti) {
            return Err(Mismatch::Request);
        }
        if self.caller.is_some_and(|caller| caller != claims.sub) {
            return Err(Mismatch::Caller);
        }
        let stated = |body: &[u8]| {
            let answered = Answered::of(body);
            answered.digest_hex() == claims.body.sha256 && answered.bytes == claims.body.bytes
        };
        if self.body.is_some_and(|body| !stated(body)) { Err(Mismatch::Body) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
