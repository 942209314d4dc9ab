//! Signed notes: a text with signature lines under it (C2SP signed-note), by Ed25519 (RFC 8032).
//!
//! Two kinds of key: a log's own, and a witness's, whose signature carries a time
//! (C2SP tlog-cosignature, `cosignature/v1`). Signs and verifies; keeps nothing.
//!
//! ```
//! use zhamen::engine::evidence::note::{Note, SigningKey, VerifierKey};
//! let key = SigningKey::of_seed("gw.example/audit", &[7; 32]).unwrap();
//! let note = format!("text\n\n{}", key.sign("text\n"));
//! let known: VerifierKey = key.verifier().to_string().parse().unwrap();
//! assert!(known.verify(&Note::parse(&note).unwrap()).is_some());
//! assert!(known.verify(&Note::parse(&note.replace("text", "test")).unwrap()).is_none());
//! ```

use super::chain::sha256;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// Longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 1 << 16;
/// What every signature line begins with.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Whose signatures a key makes, with the number that C2SP gives the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A plain signature over the note's text.
    Log = 1,
    /// A timestamped cosignature over a checkpoint.
    Witness = 4,
}

/// Whether a text can be a key's name: not empty, no space, no plus, printable.
pub fn is_key_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= 255 && !name.contains(bad)
}

fn key_id(name: &str, kind: KeyKind, public: &[u8]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[kind as u8], public].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A log's private key.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of an Ed25519 seed. None where the name cannot be a key's.
    pub fn of_seed(name: &str, seed: &[u8; 32]) -> Option<SigningKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().ok()?;
        Some(SigningKey { verifier: VerifierKey::new(name, KeyKind::Log, public)?, pair })
    }

    /// The signature line over a text that ends with a newline, itself ended by one.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        signature_line(&self.verifier.name, &[&self.verifier.id, signature.as_ref()].concat())
    }

    /// What verifies its signatures.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.verifier)
    }
}

fn signature_line(name: &str, bytes: &[u8]) -> String {
    format!("{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(bytes))
}

/// A public key with its name, written `name+id+key` (a C2SP vkey).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    pub name: String,
    pub kind: KeyKind,
    id: [u8; 4],
    public: [u8; 32],
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The line as it stands, newline included.
    pub line: String,
    /// The witness's time in Unix seconds; absent for a log's signature.
    pub at: Option<u64>,
}

impl VerifierKey {
    /// A key of this name. None where the name cannot be a key's.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Option<VerifierKey> {
        is_key_name(name).then(|| VerifierKey {
            name: name.to_owned(),
            kind,
            id: key_id(name, kind, &public),
            public,
        })
    }

    /// The Ed25519 public key itself.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The key's signature on a note, if there is one and it holds.
    pub fn verify(&self, note: &Note<'_>) -> Option<Signed> {
        note.signatures.iter().find_map(|signature| self.verify_one(note.text, signature))
    }

    fn verify_one(&self, text: &str, signature: &Signature<'_>) -> Option<Signed> {
        let bytes = signature.bytes.strip_prefix(self.id.as_slice())?;
        if signature.name != self.name {
            return None;
        }
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        let line = || signature_line(&self.name, &signature.bytes);
        match self.kind {
            KeyKind::Log => {
                key.verify(text.as_bytes(), bytes).ok()?;
                Some(Signed { line: line(), at: None })
            }
            KeyKind::Witness => {
                let (time, bytes) = bytes.split_first_chunk::<8>()?;
                let at = u64::from_be_bytes(*time);
                key.verify(format!("cosignature/v1\ntime {at}\n{text}").as_bytes(), bytes).ok()?;
                Some(Signed { line: line(), at: Some(at) })
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id);
        let key = STANDARD.encode([&[self.kind as u8], self.public.as_slice()].concat());
        write!(out, "{}+{id:08x}+{key}", self.name)
    }
}

/// Why a text is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a verifier key: name+8 hexadecimal digits+base64, Ed25519")]
pub struct NoVerifierKey;

impl FromStr for VerifierKey {
    type Err = NoVerifierKey;

    fn from_str(text: &str) -> Result<VerifierKey, NoVerifierKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoVerifierKey);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoVerifierKey)?;
        let (kind, public) = match bytes.split_first() {
            Some((1, public)) => (KeyKind::Log, public),
            Some((4, public)) => (KeyKind::Witness, public),
            Some(_) | None => return Err(NoVerifierKey),
        };
        let public = public.try_into().map_err(|_| NoVerifierKey)?;
        let key = VerifierKey::new(name, kind, public).ok_or(NoVerifierKey)?;
        let told = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok()).flatten();
        if told == Some(u32::from_be_bytes(key.id)) { Ok(key) } else { Err(NoVerifierKey) }
    }
}

/// A note, read but not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// What is signed; ends with a newline.
    pub text: &'a str,
    signatures: Vec<Signature<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature<'a> {
    name: &'a str,
    bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads a note: text, an empty line, signature lines. None where it is not one.
    pub fn parse(note: &'a str) -> Option<Note<'a>> {
        let harmless = |c: char| c == '\n' || !c.is_control();
        if note.len() > NOTE_BYTES_MAX || !note.chars().all(harmless) {
            return None;
        }
        let split = note.rfind("\n\n")? + 1;
        let (text, lines) = (&note[..split], &note[split + 1..]);
        let lines = lines.strip_suffix('\n')?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Option<Vec<_>>>()?;
        Some(Note { text, signatures })
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Signature<'a>> {
        let (name, bytes) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok().filter(|bytes| bytes.len() > 4)?;
        is_key_name(name).then_some(Signature { name, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (golang.org/x/mod/sumdb/note).
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_verifies() {
        let key: VerifierKey = PETER.parse().unwrap();
        assert_eq!(key.to_string(), PETER);
        assert!(key.verify(&Note::parse(NOTE).unwrap()).is_some());
    }

    #[test]
    fn every_changed_byte_of_a_note_shows() {
        let key: VerifierKey = PETER.parse().unwrap();
        for at in 0..NOTE.len() {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1;
            let holds =
                std::str::from_utf8(&bytes).ok().and_then(Note::parse).and_then(|note| key.verify(&note));
            assert_eq!(holds, None, "byte {at}");
        }
        for length in 0..NOTE.len() {
            let cut = NOTE.get(..length).and_then(Note::parse).and_then(|note| key.verify(&note));
            assert_eq!(cut, None, "cut at {length}");
        }
    }

    #[test]
    fn malformed_keys_and_notes_are_none() {
        for bad in [
            "",
            "a",
            "a+b+c",
            "a+c74f20a3+AQ==",
            &PETER.replace("c74f", "c74e"),
            &PETER.replace("Neu", "neu"),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
        for bad in ["", "text\n", "text\n\n", "text\n\n\u{2014} a b\n", "te\u{1b}xt\n\n\u{2014} a AAAAAAA=\n"]
        {
            assert_eq!(Note::parse(bad), None, "{bad:?}");
        }
        assert!(SigningKey::of_seed("a b", &[1; 32]).is_none());
    }
}
