//! A small seeded generator of numbers, so that every demo city is the same city.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): not for secrets, keys or tokens.
//!
//! ```
//! use zhamen::demo::random::Random;
//! let mut one = Random::new(7);
//! let mut two = Random::new(7);
//! assert_eq!(one.below(1000), two.below(1000));
//! ```

/// A stream of numbers that its seed determines.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // The high half times the bound: the bias is below bound / 2^32, which a demo can bear.
        ((u128::from(self.next() >> 32) * u128::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included; `low` when the range is empty.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        if high <= low {
            return low;
        }
        low + self.below((high - low) as u32 + 1) as i32
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none: the lists of the demo are constants.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_kept_and_reached() {
        let mut random = Random::new(1);
        let seen: Vec<i32> = (0..500).map(|_| random.between(-1, 2)).collect();
        for wanted in -1..=2 {
            assert!(seen.contains(&wanted), "{wanted} never came");
        }
        assert!(seen.iter().all(|value| (-1..=2).contains(value)));
        assert_eq!(random.between(5, 3), 5);
        assert_eq!(random.below(0), 0);
    }
}
