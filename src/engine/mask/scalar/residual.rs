//! How much a part of a resident number still hides.

/// Counties of GB/T 2260 that begin with the region digits that are shown (0 to 6 of them), as an
/// order of size: some 3,200 codes were ever in use, about 500 behind a first digit, about 100 in a
/// province, which the third digit hardly divides.
const REGIONS_BEHIND: [u64; 7] = [3_200, 500, 100, 100, 10, 4, 1];

/// Days on which a person who is alive may have been born: 96 years.
const BIRTHDAYS: u64 = 35_000;

/// About how many numbers agree with a resident number of which `first` and `last` characters are
/// shown: regions × days of birth × sequences, and one in eleven of those passes the check character.
///
/// | kept | candidates | |
/// |---|---|---|
/// | 6 + 4 | 3,200 | about 33 for who knows the year of birth: **not a mask** |
/// | 3 + 4 | 320,000 | |
/// | 1 + 2 | 160,000,000 | the strict rule |
/// | 0 + 0 | 10¹⁰ | |
///
/// None for parts that reach into the date of birth (more than 6 first or 4 last).
///
/// ```
/// use zhamen::engine::mask::scalar::resident_candidates;
/// assert_eq!(resident_candidates(6, 4), Some(3_181));
/// ```
pub fn resident_candidates(first: usize, last: usize) -> Option<u64> {
    let regions = REGIONS_BEHIND.get(first)?;
    // The check character alone (last = 1) says nothing about the sequence, but divides as always.
    let sequences = [1_000, 1_000, 100, 10, 1].get(last)?;
    let divided = if last == 0 { 1 } else { 11 };
    Some(regions * BIRTHDAYS * sequences / divided)
}
