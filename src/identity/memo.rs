//! Proved tokens, remembered by their digest until anything about the proof changes.
//!
//! ```
//! use zhamen::identity::memo::TokenMemo;
//! assert_eq!(TokenMemo::new(1000).count(), 0);
//! ```

use super::claims::Claims;
use crate::engine::principal::{Application, Principal};
use foldhash::HashMap;
use std::sync::Arc;

/// A verified token.
pub(super) struct Proof {
    /// Which issuer of the configuration.
    pub issuer: usize,
    /// Which of its key sets.
    pub generation: u64,
    pub claims: Claims,
}

/// A proof and the principal that was last made from it.
struct Remembered {
    proof: Arc<Proof>,
    made: Option<Made>,
}

struct Made {
    fingerprint: Option<[u8; 32]>,
    principal: Arc<Principal>,
}

/// The proofs that one worker remembers.
///
/// Bounded by two halves: when the young half is full it becomes the old one, and what was in the old
/// one and was not used since is forgotten. Whether a remembered proof still holds (key set, time,
/// revocation) is asked by whoever takes it out, on every request.
pub struct TokenMemo {
    young: HashMap<[u8; 32], Remembered>,
    old: HashMap<[u8; 32], Remembered>,
    half: usize,
}

impl TokenMemo {
    /// A memo of at most so many tokens.
    pub fn new(tokens_max: usize) -> Self {
        TokenMemo { young: HashMap::default(), old: HashMap::default(), half: tokens_max / 2 }
    }

    /// How many tokens are remembered.
    pub fn count(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn get(&mut self, digest: &[u8; 32]) -> Option<Arc<Proof>> {
        if let Some(found) = self.young.get(digest) {
            return Some(found.proof.clone());
        }
        let found = self.old.remove(digest)?;
        let proof = found.proof.clone();
        self.keep(*digest, found);
        Some(proof)
    }

    pub(super) fn put(&mut self, digest: [u8; 32], proof: Arc<Proof>) {
        self.keep(digest, Remembered { proof, made: None });
    }

    pub(super) fn forget(&mut self, digest: &[u8; 32]) {
        self.young.remove(digest);
        self.old.remove(digest);
    }

    /// The principal last made from this token, if application and certificate are the same values.
    pub(super) fn principal(
        &self,
        digest: &[u8; 32],
        application: &Arc<Application>,
        fingerprint: Option<[u8; 32]>,
    ) -> Option<Arc<Principal>> {
        let made = self.young.get(digest)?.made.as_ref()?;
        let same = made.fingerprint == fingerprint && Arc::ptr_eq(&made.principal.application, application);
        same.then(|| made.principal.clone())
    }

    pub(super) fn put_principal(
        &mut self,
        digest: &[u8; 32],
        fingerprint: Option<[u8; 32]>,
        principal: Arc<Principal>,
    ) {
        if let Some(found) = self.young.get_mut(digest) {
            found.made = Some(Made { fingerprint, principal });
        }
    }

    fn keep(&mut self, digest: [u8; 32], found: Remembered) {
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, found);
    }
}

impl std::fmt::Debug for TokenMemo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenMemo({} of {})", self.count(), self.half * 2)
    }
}
