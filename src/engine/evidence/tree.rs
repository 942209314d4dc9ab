//! The Merkle tree of RFC 9162 section 2.1 over SHA-256: roots, inclusion and consistency proofs.
//!
//! Proofs are made from the hashes of complete subtrees, which the caller looks up (in tiles, see
//! [`super::tile`]), and are verified from nothing but their own hashes. Reads and stores nothing.
//!
//! ```
//! use zhamen::engine::evidence::chain::leaf_hash;
//! use zhamen::engine::evidence::tree::{inclusion, node_hash, verify_inclusion};
//! let leaves = [leaf_hash(b"a"), leaf_hash(b"b")];
//! let root = node_hash(&leaves[0], &leaves[1]);
//! let proof = inclusion(1, 2, &mut |_, index| leaves.get(index as usize).copied()).unwrap();
//! assert!(verify_inclusion(&leaves[1], 1, 2, &proof, &root));
//! assert!(!verify_inclusion(&leaves[0], 1, 2, &proof, &root));
//! ```

use super::chain::sha256;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Looks up the hash of the complete subtree of `2^height` leaves whose first leaf is `index·2^height`.
pub type Lookup<'a> = dyn FnMut(u32, u64) -> Option<Hash> + 'a;

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root of the tree of the first `size` leaves.
pub fn root(size: u64, lookup: &mut Lookup<'_>) -> Option<Hash> {
    if size == 0 { Some(empty_root()) } else { range_root(0, size, lookup) }
}

/// The proof that leaf `index` is in the tree of `size` leaves (RFC 9162 section 2.1.3.1), from the
/// leaf upwards. None where there is no such leaf or a hash is missing.
pub fn inclusion(index: u64, size: u64, lookup: &mut Lookup<'_>) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut low, mut high, mut proof) = (0, size, Vec::new());
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(range_root(middle, high, lookup)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, lookup)?);
            low = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The proof that the tree of `size` leaves continues the tree of its first `old` leaves (RFC 9162
/// section 2.1.4.1). Empty for `old` of 0 or `size`. None where `old` is greater or a hash is missing.
pub fn consistency(old: u64, size: u64, lookup: &mut Lookup<'_>) -> Option<Vec<Hash>> {
    if old > size {
        return None;
    }
    if old == 0 || old == size {
        return Some(Vec::new());
    }
    let (mut low, mut high, mut proof) = (0, size, Vec::new());
    // Down to where the old tree ends at a subtree's end.
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range_root(middle, high, lookup)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, lookup)?);
            low = middle;
        }
    }
    // The verifier knows the old root already where that subtree is the whole old tree.
    if low > 0 {
        proof.push(range_root(low, high, lookup)?);
    }
    proof.reverse();
    Some(proof)
}

/// The largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The root over leaves `low..high`, a range as the recursion of RFC 9162 meets it.
fn range_root(low: u64, high: u64, lookup: &mut Lookup<'_>) -> Option<Hash> {
    let leaves = high - low;
    if leaves.is_power_of_two() {
        let height = leaves.ilog2();
        return lookup(height, low >> height);
    }
    let middle = low + split(leaves);
    Some(node_hash(&range_root(low, middle, lookup)?, &range_root(middle, high, lookup)?))
}

/// Whether the proof shows the leaf at `index` in the tree of `size` leaves with this root (RFC 9162
/// section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(step, &hash);
            let up = if at & 1 == 1 { 0 } else { at.trailing_zeros().min(63) };
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(&hash, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether the proof shows that the tree of `size` leaves continues the tree of `old` (RFC 9162 section
/// 2.1.4.2). Every tree continues the empty one.
pub fn verify_consistency(old: u64, old_root: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if old > size {
        return false;
    }
    if old == size {
        return proof.is_empty() && old_root == root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    let (mut at, mut last) = (old - 1, size - 1);
    let up = at.trailing_ones().min(63);
    (at, last) = (at >> up, last >> up);
    let (first, steps) = match proof.split_first() {
        // The old tree is one complete subtree: its root is where the proof begins.
        _ if old.is_power_of_two() => (*old_root, proof),
        Some((first, steps)) => (*first, steps),
        None => return false,
    };
    let (mut old_hash, mut hash) = (first, first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(step, &old_hash);
            hash = node_hash(step, &hash);
            let up = if at & 1 == 1 { 0 } else { at.trailing_zeros().min(63) };
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(&hash, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && hash == *root
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
