use super::super::chain::leaf_hash;
use super::*;
use proptest::prelude::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// MTH of RFC 9162 section 2.1.1, word for word.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

fn lookup(leaves: &[Hash]) -> impl FnMut(u32, u64) -> Option<Hash> {
    |height, index| {
        let first = (index << height) as usize;
        leaves.get(first..first + (1 << height)).map(mth)
    }
}

#[test]
fn the_roots_of_the_reference_vectors() {
    // Inputs and roots of the reference tree of RFC 6962's implementation (certificate-transparency).
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let leaves: Vec<Hash> = inputs.iter().map(|input| leaf_hash(input)).collect();
    for (size, expect) in [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ] {
        let found = root(size, &mut lookup(&leaves)).unwrap();
        assert_eq!(super::super::chain::hex_of_hash(&found), expect, "{size}");
    }
}

#[test]
fn every_proof_of_small_trees_verifies_and_no_other_does() {
    let all = leaves(34);
    for size in 1..=33 {
        let root_now = mth(&all[..size as usize]);
        for index in 0..size {
            let proof = inclusion(index, size, &mut lookup(&all)).unwrap();
            let leaf = &all[index as usize];
            assert!(verify_inclusion(leaf, index, size, &proof, &root_now), "{index} in {size}");
            for (other, other_size) in [(index + 1, size), (index ^ 1, size), (index, size + 1)] {
                let same = (other, other_size) == (index, size);
                let shown = verify_inclusion(leaf, other, other_size, &proof, &root_now);
                // A path may have the same shape in a larger tree; then only the root tells.
                assert!(same || !shown || other_size != size, "{other} in {other_size}");
            }
            assert!(!verify_inclusion(&all[33], index, size, &proof, &root_now));
            for at in 0..proof.len() {
                let mut bad = proof.clone();
                bad[at][7] ^= 4;
                assert!(!verify_inclusion(leaf, index, size, &bad, &root_now));
            }
            assert!(proof.is_empty() || !verify_inclusion(leaf, index, size, &proof[1..], &root_now));
            let longer = [proof.as_slice(), &[[1; 32]]].concat();
            assert!(!verify_inclusion(leaf, index, size, &longer, &root_now));
        }
        assert_eq!(inclusion(size, size, &mut lookup(&all)), None);
    }
}

#[test]
fn every_consistency_of_small_trees_verifies_and_no_other_does() {
    let all = leaves(40);
    for size in 0..=40 {
        let new_root = mth(&all[..size as usize]);
        for old in 0..=size {
            let old_root = mth(&all[..old as usize]);
            let proof = consistency(old, size, &mut lookup(&all)).unwrap();
            assert!(verify_consistency(old, &old_root, size, &new_root, &proof), "{old} to {size}");
            let mut forked = all[..size as usize].to_vec();
            if old > 0 {
                forked[old as usize - 1][0] ^= 1;
                let fork_root = mth(&forked);
                let fork_proof = consistency(old, size, &mut lookup(&forked)).unwrap();
                for proof in [&proof, &fork_proof] {
                    assert!(!verify_consistency(old, &old_root, size, &fork_root, proof), "{old} to {size}");
                }
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at][31] ^= 1;
                    assert!(!verify_consistency(old, &old_root, size, &new_root, &bad));
                    assert!(!verify_consistency(old, &old_root, size, &new_root, &proof[..at]));
                }
            }
        }
        assert_eq!(consistency(size + 1, size, &mut lookup(&all)), None);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics_nor_verifies(
        index: u64, size: u64, old: u64,
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        prop_assert!(!verify_inclusion(&[1; 32], index, size, &proof, &[2; 32]));
        prop_assert!(!verify_consistency(old, &[1; 32], size, &[2; 32], &proof));
    }
}
