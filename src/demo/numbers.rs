//! Numbers of persons, enterprises and things, made so that they pass the checks of their standards.
//!
//! ```
//! use zhamen::demo::numbers;
//! assert_eq!(numbers::resident_id("11010519491231002").as_deref(), Some("11010519491231002X"));
//! ```

use super::random::Random;
use crate::engine::identifier;

/// A resident number (GB 11643) from its first 17 digits; `None` if they are not 17 digits.
pub fn resident_id(first17: &str) -> Option<String> {
    identifier::resident_check_digit(first17).map(|check| format!("{first17}{check}"))
}

/// A unified social credit code (GB 32100): kind (`91`, `92`), region (GB/T 2260) and the first eight
/// characters of the organisation code (GB 11714), both check characters added.
pub fn uscc(kind: &str, region: &str, organisation8: &str) -> Option<String> {
    let organisation = identifier::organisation_check_char(organisation8)?;
    let first17 = format!("{kind}{region}{organisation8}{organisation}");
    identifier::uscc_check_char(&first17).map(|check| format!("{first17}{check}"))
}

/// A mobile number of no living operator's pattern in particular: `1[3-9]` and nine digits.
pub fn mobile(random: &mut Random) -> String {
    let prefix = random.pick(&["135", "136", "138", "139", "150", "158", "187", "188"]);
    format!("{prefix}{:08}", random.below(100_000_000))
}

/// A plate of Hangzhou: 浙A and five, or 浙AD and five for a new-energy vehicle.
pub fn plate(random: &mut Random) -> String {
    if random.chance(40) {
        return format!("浙AD{:05}", random.below(100_000));
    }
    let letter = char::from(random.pick(b"ABCEGHJKLMNPQRSTUVWXY"));
    format!("浙A{letter}{:04}", random.below(10_000))
}

/// A vehicle identification number (GB 16735) whose check digit is right.
pub fn vin(random: &mut Random) -> String {
    let maker = random.pick(&["LSVAA49J", "LFV3A23C", "LGXC76C4", "LB37624Z"]);
    let mut characters: Vec<char> =
        format!("{maker}0{}{:07}", random.pick(&["K", "L", "M", "N"]), random.below(9_999_999))
            .chars()
            .collect();
    characters[8] = vin_check(&characters);
    characters.into_iter().collect()
}

/// The check digit of the ninth place: weighted sum of transliterated characters, modulo 11.
fn vin_check(characters: &[char]) -> char {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 =
        characters.iter().zip(WEIGHTS).map(|(character, weight)| transliterate(*character) * weight).sum();
    match sum % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    }
}

fn transliterate(character: char) -> u32 {
    match character {
        'A' | 'J' => 1,
        'B' | 'K' | 'S' => 2,
        'C' | 'L' | 'T' => 3,
        'D' | 'M' | 'U' => 4,
        'E' | 'N' | 'V' => 5,
        'F' | 'W' => 6,
        'G' | 'P' | 'X' => 7,
        'H' | 'Y' => 8,
        'R' | 'Z' => 9,
        digit => digit.to_digit(10).unwrap_or(0),
    }
}

/// A real-estate unit number (GB/T 37346): 19 characters of parcel and 9 of the building's part.
pub fn real_estate_unit(region: &str, random: &mut Random) -> String {
    format!(
        "{region}{:03}{:03}GB{:05}F{:04}{:04}",
        random.between(1, 30),
        random.between(1, 90),
        random.between(1, 99_999),
        random.between(1, 40),
        random.between(1, 999)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_come_out() {
        assert_eq!(resident_id("33010619581111331").as_deref(), Some("33010619581111331X"));
        assert_eq!(resident_id("3301061958111133").as_deref(), None);
        assert_eq!(uscc("91", "330100", "MA2DEMA1").as_deref(), Some("91330100MA2DEMA108"));
        assert_eq!(uscc("92", "330106", "MA2DEMC3").as_deref(), Some("92330106MA2DEMC3X3"));
        assert_eq!(vin_check(&"1M8GDM9AXKP042788".chars().collect::<Vec<_>>()), 'X');
    }

    #[test]
    fn shapes_are_right() {
        let mut random = Random::new(3);
        for _ in 0..200 {
            assert_eq!(real_estate_unit("330106", &mut random).len(), 28);
            assert_eq!(vin(&mut random).len(), 17);
            assert_eq!(mobile(&mut random).len(), 11);
            assert!(matches!(plate(&mut random).chars().count(), 7 | 8));
        }
    }
}
