//! What a question asks for: its parameters, and the cursor that leads to the next page.

use super::{Cause, Place};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(super) const USAGE: &str = "/usage/v1";
pub(super) const FIND_USAGE: &str = "/usage/v1/findUsage";
/// Uses on one page at most.
const LIMIT_MAX: usize = 100;
const LIMIT_USUAL: usize = 20;
/// Beyond it `findUsage` is to be left for cursors: each skipped use is read.
const OFFSET_MAX: usize = 10_000;
const SEAL_BYTES: usize = 16;

/// A question that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub is_find_usage: bool,
    pub from: Place,
    /// Uses to pass over.
    pub skip: usize,
    pub limit: usize,
}

impl Ask {
    /// Reads the query. Parameters that are not offered, twice or empty are refused, so that nothing
    /// in them can be taken for a person.
    pub fn read(path: &str, query: &str, cursors: &Cursors, tokens: &[String]) -> Result<Ask, Cause> {
        let is_find_usage = path == FIND_USAGE;
        let limit = if is_find_usage { LIMIT_MAX } else { LIMIT_USUAL };
        let mut ask = Ask { is_find_usage, from: Place::NEWEST, skip: 0, limit };
        let mut seen: Vec<&str> = Vec::new();
        for pair in query.split('&').filter(|_| !query.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(Cause::ParameterInvalid)?;
            if seen.contains(&name) {
                return Err(Cause::ParameterTwice);
            }
            seen.push(name);
            match name {
                "limit" => {
                    ask.limit =
                        number(value, LIMIT_MAX).filter(|limit| *limit > 0).ok_or(Cause::ParameterInvalid)?
                }
                "offset" if is_find_usage => {
                    ask.skip = number(value, OFFSET_MAX).ok_or(Cause::ParameterInvalid)?
                }
                "cursor" if !is_find_usage => {
                    ask.from = cursors.open(value, tokens).ok_or(Cause::ParameterInvalid)?;
                }
                _ => return Err(Cause::ParameterUnknown),
            }
        }
        Ok(ask)
    }
}

fn number(text: &str, max: usize) -> Option<usize> {
    let digits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= max)
}

/// Seals places into cursors. A cursor fits the person it was made for and nobody else, also after the
/// newest key was replaced, and says nothing by itself.
pub(super) struct Cursors(hmac::Key);

impl Cursors {
    pub fn new(pseudonym_key: &[u8; 32]) -> Self {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pseudonym_key), b"zhamen usage cursor");
        Cursors(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    pub fn seal(&self, place: &Place, tokens: &[String]) -> String {
        let numbers = std::iter::once(&place.before).chain(&place.outcomes);
        let mut bytes: Vec<u8> = numbers.flat_map(|number| number.to_be_bytes()).collect();
        let seal = tokens.first().map(|token| self.seal_of(token, &bytes));
        bytes.extend(seal.unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn open(&self, cursor: &str, tokens: &[String]) -> Option<Place> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() <= 256)?;
        let (numbers, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
        let is_ours = |token: &String| {
            aws_lc_rs::constant_time::verify_slices_are_equal(&self.seal_of(token, numbers), seal).is_ok()
        };
        if !tokens.iter().any(is_ours) || !numbers.len().is_multiple_of(8) {
            return None;
        }
        let number = |eight: &[u8]| eight.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mut numbers = numbers.chunks_exact(8).map(number);
        Some(Place { before: numbers.next()?, outcomes: numbers.collect() })
    }

    fn seal_of(&self, token: &str, numbers: &[u8]) -> [u8; SEAL_BYTES] {
        let tag = hmac::sign(&self.0, &[token.as_bytes(), b"\0", numbers].concat());
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&tag.as_ref()[..SEAL_BYTES]);
        seal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn parameters_are_what_is_offered_once_and_in_bounds() {
        let cursors = Cursors::new(&[1; 32]);
        let usual = Ask { is_find_usage: false, from: Place::NEWEST, skip: 0, limit: 20 };
        let find = Ask { is_find_usage: true, from: Place::NEWEST, skip: 0, limit: 100 };
        for (path, query, expect) in [
            (USAGE, "", Ok(usual.clone())),
            (USAGE, "limit=100", Ok(Ask { limit: 100, ..usual })),
            (FIND_USAGE, "", Ok(find.clone())),
            (FIND_USAGE, "offset=10000&limit=1", Ok(Ask { skip: 10_000, limit: 1, ..find })),
            (USAGE, "limit=0", Err(Cause::ParameterInvalid)),
            (USAGE, "limit=101", Err(Cause::ParameterInvalid)),
            (USAGE, "limit=+1", Err(Cause::ParameterInvalid)),
            (USAGE, "limit", Err(Cause::ParameterInvalid)),
            (USAGE, "limit=1&limit=2", Err(Cause::ParameterTwice)),
            (USAGE, "subject=110101199003070011", Err(Cause::ParameterUnknown)),
            (USAGE, "subject_token=s1_x", Err(Cause::ParameterUnknown)),
            (USAGE, "offset=1", Err(Cause::ParameterUnknown)),
            (FIND_USAGE, "cursor=x", Err(Cause::ParameterUnknown)),
            (FIND_USAGE, "offset=10001", Err(Cause::ParameterInvalid)),
            (USAGE, "cursor=", Err(Cause::ParameterInvalid)),
            (USAGE, "&", Err(Cause::ParameterInvalid)),
            (USAGE, "Limit=1", Err(Cause::ParameterUnknown)),
        ] {
            assert_eq!(Ask::read(path, query, &cursors, &tokens(&["s1_a"])), expect, "{path}?{query}");
        }
    }

    #[test]
    fn a_cursor_fits_its_person_only_and_not_when_changed() {
        let cursors = Cursors::new(&[1; 32]);
        let place = Place { before: 77, outcomes: vec![80, 1 << 40] };
        let sealed = cursors.seal(&place, &tokens(&["s1_a"]));
        assert_eq!(cursors.open(&sealed, &tokens(&["s1_a"])), Some(place.clone()));
        assert_eq!(cursors.open(&sealed, &tokens(&["k2:s1_b", "s1_a"])), Some(place), "after a rotation");
        assert_eq!(cursors.open(&sealed, &tokens(&["s1_b"])), None);
        assert_eq!(Cursors::new(&[2; 32]).open(&sealed, &tokens(&["s1_a"])), None);
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(cursors.open(&URL_SAFE_NO_PAD.encode(bad), &tokens(&["s1_a"])), None, "byte {at}");
        }
        for bad in ["", "AAAA", "!", &sealed[1..]] {
            assert_eq!(cursors.open(bad, &tokens(&["s1_a"])), None);
        }
    }
}
