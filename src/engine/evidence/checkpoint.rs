//! Checkpoints and proofs as text: what a log says of its tree (C2SP tlog-checkpoint), and that an entry
//! is in it, for anybody to check without the gateway (C2SP tlog-proof).
//!
//! ```
//! use zhamen::engine::evidence::checkpoint::Checkpoint;
//! let checkpoint = Checkpoint { origin: "gw.example/audit".into(), size: 3, root: [9; 32] };
//! assert_eq!(Checkpoint::parse(&checkpoint.text()), Some(checkpoint));
//! ```

use super::note::{Note, SigningKey, VerifierKey};
use super::tree::{Hash, verify_consistency, verify_inclusion};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// The state of a log's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: one line, for example `gw.example/audit`.
    pub origin: String,
    /// Leaves of the tree.
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Text and signature.
    pub fn signed(&self, key: &SigningKey) -> String {
        let text = self.text();
        format!("{text}\n{}", key.sign(&text))
    }

    /// Reads such a text. Extension lines are allowed and not read.
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = decimal(lines.next()?)?;
        let root = hash_of_base64(lines.next()?)?;
        lines.all(|line| !line.is_empty()).then_some(Checkpoint { origin, size, root })
    }

    /// Reads a signed checkpoint without looking at its signatures.
    pub fn of_note(note: &str) -> Option<Checkpoint> {
        Checkpoint::parse(Note::parse(note)?.text)
    }

    /// Reads a checkpoint that this key signed.
    pub fn verified(note: &str, key: &VerifierKey) -> Option<Checkpoint> {
        let note = Note::parse(note)?;
        key.verify(&note)?;
        Checkpoint::parse(note.text).filter(|checkpoint| checkpoint.origin == key.name)
    }
}

/// A decimal number without leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn hash_of_base64(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Hashes, one base64 line each.
pub fn proof_lines(proof: &[Hash]) -> String {
    let mut lines = String::new();
    for hash in proof {
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "{}", STANDARD.encode(hash));
    }
    lines
}

const PROOF_HEAD: &str = "c2sp.org/tlog-proof@v1\n";

/// That an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    pub index: u64,
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, with cosignatures where there are.
    pub checkpoint: String,
}

impl EntryProof {
    /// The file (`.tlog-proof`).
    pub fn text(&self) -> String {
        format!("{PROOF_HEAD}index {}\n{}\n{}", self.index, proof_lines(&self.hashes), self.checkpoint)
    }

    /// Reads such a file; `extra` data is skipped.
    pub fn parse(text: &str) -> Option<EntryProof> {
        let rest = text.strip_prefix(PROOF_HEAD)?;
        let rest = match rest.strip_prefix("extra ") {
            Some(extra) => extra.split_once('\n')?.1,
            None => rest,
        };
        let (index, rest) = rest.strip_prefix("index ")?.split_once('\n')?;
        let (hashes, checkpoint) = match rest.strip_prefix('\n') {
            Some(checkpoint) => (Some(Vec::new()), checkpoint),
            None => {
                let (lines, checkpoint) = rest.split_once("\n\n")?;
                (lines.split('\n').map(hash_of_base64).collect(), checkpoint)
            }
        };
        Some(EntryProof { index: decimal(index)?, hashes: hashes?, checkpoint: checkpoint.to_owned() })
    }

    /// Whether this proves the leaf in the log of this key.
    pub fn verify(&self, leaf: &Hash, key: &VerifierKey) -> bool {
        Checkpoint::verified(&self.checkpoint, key).is_some_and(|checkpoint| {
            verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)
        })
    }
}

/// That a log continues an earlier checkpoint of it: old size, proof and newer checkpoint, in the form
/// of a witness's request (C2SP tlog-witness).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continues {
    pub old: u64,
    pub hashes: Vec<Hash>,
    /// The newer signed checkpoint.
    pub checkpoint: String,
}

impl Continues {
    /// The request's body.
    pub fn text(&self) -> String {
        format!("old {}\n{}\n{}", self.old, proof_lines(&self.hashes), self.checkpoint)
    }

    /// Reads such a body.
    pub fn parse(text: &str) -> Option<Continues> {
        let (old, rest) = text.strip_prefix("old ")?.split_once('\n')?;
        let (lines, checkpoint) = match rest.strip_prefix('\n') {
            Some(checkpoint) => ("", checkpoint),
            None => rest.split_once("\n\n")?,
        };
        let hashes = lines.lines().map(hash_of_base64).collect::<Option<Vec<_>>>()?;
        Some(Continues { old: decimal(old)?, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Whether the log of this key continues that earlier checkpoint.
    pub fn verify(&self, old: &Checkpoint, key: &VerifierKey) -> bool {
        Checkpoint::verified(&self.checkpoint, key).is_some_and(|new| {
            let proof = &self.hashes;
            old.size == self.old && verify_consistency(old.size, &old.root, new.size, &new.root, proof)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_have_one_form() {
        let root = STANDARD.encode([9; 32]);
        for (text, good) in [
            (format!("o\n3\n{root}\n"), true),
            (format!("o\n3\n{root}\nextension\n"), true),
            (format!("o\n3\n{root}"), false),
            (format!("o\n03\n{root}\n"), false),
            (format!("o\n+3\n{root}\n"), false),
            (format!("\n3\n{root}\n"), false),
            (format!("o\n3\n{}\n", &root[..40]), false),
            (format!("o\n3\n{root}\n\n"), false),
            ("o\n".into(), false),
        ] {
            assert_eq!(Checkpoint::parse(&text).is_some(), good, "{text:?}");
        }
    }

    #[test]
    fn a_signed_checkpoint_is_one_of_its_origin_only() {
        let key = SigningKey::of_seed("gw/a", &[1; 32]).unwrap();
        let mut checkpoint = Checkpoint { origin: "gw/a".into(), size: 1, root: [2; 32] };
        assert_eq!(Checkpoint::verified(&checkpoint.signed(&key), key.verifier()), Some(checkpoint.clone()));
        checkpoint.origin = "gw/b".into();
        assert_eq!(Checkpoint::verified(&checkpoint.signed(&key), key.verifier()), None);
    }

    #[test]
    fn a_continuation_reads_back_and_fits_one_pair() {
        let key = SigningKey::of_seed("gw/a", &[1; 32]).unwrap();
        let leaves = [[3; 32], [4; 32]];
        let root = super::super::tree::node_hash(&leaves[0], &leaves[1]);
        let old = Checkpoint { origin: "gw/a".into(), size: 1, root: leaves[0] };
        let checkpoint = Checkpoint { origin: "gw/a".into(), size: 2, root }.signed(&key);
        let proof = Continues { old: 1, hashes: vec![leaves[1]], checkpoint };
        assert_eq!(Continues::parse(&proof.text()), Some(proof.clone()));
        assert!(proof.verify(&old, key.verifier()));
        assert!(!proof.verify(&Checkpoint { root: leaves[1], ..old }, key.verifier()));
        let whole = Continues { old: 2, hashes: Vec::new(), ..proof };
        assert_eq!(Continues::parse(&whole.text()), Some(whole));
    }

    #[test]
    fn an_entry_proof_reads_back_and_proves_one_leaf() {
        let key = SigningKey::of_seed("gw/a", &[1; 32]).unwrap();
        let leaves = [[3; 32], [4; 32]];
        let root = super::super::tree::node_hash(&leaves[0], &leaves[1]);
        let checkpoint = Checkpoint { origin: "gw/a".into(), size: 2, root }.signed(&key);
        let proof = EntryProof { index: 1, hashes: vec![leaves[0]], checkpoint };
        let read = EntryProof::parse(&proof.text()).unwrap();
        assert_eq!(read, proof);
        assert!(read.verify(&leaves[1], key.verifier()) && !read.verify(&leaves[0], key.verifier()));
        let extra = proof.text().replacen("index", "extra AAAA\nindex", 1);
        assert_eq!(EntryProof::parse(&extra), Some(proof.clone()));
        let alone = EntryProof { index: 0, hashes: Vec::new(), ..proof };
        assert_eq!(EntryProof::parse(&alone.text()), Some(alone));
    }
}
