//! How many different persons and bodies one answer is about.
//!
//! Values go in, a number comes out; no value is kept. Each is reduced to 64 bits under a key that no
//! caller knows (SipHash-1-3), so that nobody can choose numbers that count as one. Up to
//! [`EXACT_MAX`] the count is exact (two subjects share their bits once in some 10^12 such answers);
//! beyond, it is a HyperLogLog estimate of 4,096 registers, whose standard error is 1.6 %, and says so.
//! So one answer costs at most some 100 KiB, however many it tells of.
//!
//! One subject is counted once however its number was written: by its canonical form, and by the
//! resident number inside a student number or a disability certificate.

use crate::engine::identifier::{Kind, check};
use siphasher::sip::SipHasher13;
use std::collections::BTreeSet;
use std::hash::Hasher;

/// Subjects that are counted exactly.
pub const EXACT_MAX: usize = 4096;

/// Registers of the estimate: 2^12.
const REGISTER_BITS: u32 = 12;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// A number of subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectCount {
    pub subjects: u64,
    /// There were more than [`EXACT_MAX`], and the number has a standard error of 1.6 %.
    pub estimated: bool,
}

/// Counts the subjects of one answer.
#[derive(Debug)]
pub struct Subjects {
    key: [u64; 2],
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Exactly(BTreeSet<u64>),
    /// The longest run of zeros by register, plus one.
    About(Box<[u8; REGISTERS]>),
}

impl Subjects {
    pub fn new(key: [u64; 2]) -> Self {
        Subjects { key, seen: Seen::Exactly(BTreeSet::new()) }
    }

    /// Takes in one value of a label of this kind. Empty texts name nobody.
    pub fn see(&mut self, kind: Option<Kind>, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if is_canonical(text) {
            return self.add(text);
        }
        let identifier = kind.and_then(|kind| check(kind, text).identifier());
        let canonical = identifier.as_ref().map_or(text, |identifier| match identifier.kind() {
            Kind::StudentNumber => identifier.canonical().get(1..).unwrap_or_default(),
            Kind::DisabilityCertificate => identifier.canonical().get(..18).unwrap_or_default(),
            _ => identifier.canonical(),
        });
        self.add(canonical);
    }

    /// How many were seen.
    pub fn count(&self) -> SubjectCount {
        match &self.seen {
            Seen::Exactly(seen) => SubjectCount { subjects: seen.len() as u64, estimated: false },
            Seen::About(registers) => SubjectCount { subjects: estimate(registers), estimated: true },
        }
    }

    fn add(&mut self, canonical: &str) {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write(canonical.as_bytes());
        let bits = hasher.finish();
        match &mut self.seen {
            Seen::Exactly(seen) => {
                seen.insert(bits);
                if seen.len() > EXACT_MAX {
                    let mut registers = Box::new([0; REGISTERS]);
                    seen.iter().for_each(|bits| register(&mut registers, *bits));
                    self.seen = Seen::About(registers);
                }
            }
            Seen::About(registers) => register(registers, bits),
        }
    }
}

/// Eighteen digits, or seventeen and an `X`: a form that no kind writes otherwise.
fn is_canonical(text: &str) -> bool {
    let body = text.strip_suffix('X').unwrap_or(text);
    text.len() == 18 && body.bytes().all(|byte| byte.is_ascii_digit())
}

fn register(registers: &mut [u8; REGISTERS], bits: u64) {
    let place = (bits >> (64 - REGISTER_BITS)) as usize;
    let rest = bits << REGISTER_BITS;
    let run = (rest.leading_zeros() + 1).min(64 - REGISTER_BITS + 1) as u8;
    if let Some(register) = registers.get_mut(place) {
        *register = run.max(*register);
    }
}

/// Flajolet and others 2007; below 2.5 registers' worth, by the number of empty registers.
fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let all = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|run| (-f64::from(*run)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / all) * all * all / sum;
    let empty = registers.iter().filter(|run| **run == 0).count();
    let about = if raw <= 2.5 * all && empty > 0 { all * (all / empty as f64).ln() } else { raw };
    about.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(values: impl Iterator<Item = (Kind, String)>) -> SubjectCount {
        let mut subjects = Subjects::new([1, 2]);
        values.for_each(|(kind, text)| subjects.see(Some(kind), &text));
        subjects.count()
    }

    #[test]
    fn one_subject_is_one_however_it_is_written() {
        let spellings = [
            (Kind::ResidentId, "11010519491231002X"),
            (Kind::ResidentId, "１１０１０５ 19491231 002x"),
            (Kind::ResidentId, "110105491231002"),
            (Kind::StudentNumber, "G11010519491231002X"),
            (Kind::DisabilityCertificate, "11010519491231002X43"),
            (Kind::ResidentId, " 11010519491231002X "),
        ];
        let all = spellings.map(|(kind, text)| (kind, text.to_owned()));
        assert_eq!(count(all.into_iter()), SubjectCount { subjects: 1, estimated: false });
        let nobody = [(Kind::ResidentId, String::new()), (Kind::Uscc, "  ".to_owned())];
        assert_eq!(count(nobody.into_iter()), SubjectCount::default());
    }

    #[test]
    fn exact_to_the_bound_and_close_beyond() {
        for subjects in [1, 100, EXACT_MAX] {
            // Each twice.
            let twice = (0..subjects * 2).map(|n| (Kind::ResidentId, format!("{:018}", n / 2)));
            assert_eq!(count(twice), SubjectCount { subjects: subjects as u64, estimated: false });
        }
        for subjects in [EXACT_MAX + 1, 8_000, 12_000, 50_000, 300_000] {
            let found = count((0..subjects).map(|n| (Kind::ResidentId, format!("{n:018}"))));
            let error = (found.subjects as f64 / subjects as f64 - 1.0).abs();
            // Three standard errors.
            assert!(found.estimated && error < 0.05, "{subjects}: {found:?}");
        }
    }

    #[test]
    fn another_key_chooses_otherwise() {
        let value = |key| {
            let mut subjects = Subjects::new(key);
            subjects.see(None, "x");
            format!("{subjects:?}")
        };
        assert_ne!(value([1, 2]), value([1, 3]));
    }
}
