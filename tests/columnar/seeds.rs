//! The fuzz target over its seeds, and over what becomes of them.

use crate::fuzz::check;
use proptest::prelude::*;
use std::path::Path;

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/mask_columnar");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn the_target_holds_on_its_seeds() {
    let seeds = seeds();
    assert!(seeds.len() >= 8, "{} seeds", seeds.len());
    for seed in seeds {
        check(&seed);
        let mut sieved = seed.clone();
        sieved[0] ^= 0x80;
        check(&sieved);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Several bytes changed at once, and pieces of one body in another.
    #[test]
    fn the_target_holds_on_broken_seeds(
        seed in prop::sample::select(seeds()),
        other in prop::sample::select(seeds()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        spliced in prop::option::weighted(
            0.3,
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_usize..40),
        ),
    ) {
        let mut changed = seed;
        for (at, byte) in changes {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        if let Some((at, from, length)) = spliced {
            let (at, from) = (at.index(changed.len()), from.index(other.len()));
            let piece = other[from..].iter().copied().take(length).collect::<Vec<u8>>();
            changed.splice(at..at, piece);
        }
        check(&changed);
    }
}
