//! Decimal numbers as they are written, compared exactly: no floating point touches an amount.

use super::normal::{half_width, is_dash};

/// Most significant digits that are read; longer numbers are not treated.
const DIGITS_MAX: usize = 64;

/// A decimal number: `0.d₁d₂d₃… × 10^point`, without leading or trailing zeros. Zero has no digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Decimal {
    negative: bool,
    digits: [u8; DIGITS_MAX],
    len: usize,
    point: i32,
}

impl Decimal {
    /// Reads `-1,234.50`, `１２`, `1.5e3`. Separators of thousands are skipped where whole digits stand.
    pub(in crate::engine) fn read(text: &str) -> Option<Self> {
        let mut value = Decimal { negative: false, digits: [0; DIGITS_MAX], len: 0, point: 0 };
        let mut chars = text.trim().chars().map(half_width).peekable();
        if let Some(sign) = chars.next_if(|c| is_dash(*c) || *c == '+') {
            value.negative = sign != '+';
        }
        let (mut seen, mut fraction) = (false, false);
        for c in chars.by_ref() {
            match c {
                '0'..='9' => {
                    seen = true;
                    value.push(c as u8 - b'0', fraction)?;
                }
                ',' if seen && !fraction => {}
                '.' if !fraction => fraction = true,
                'e' | 'E' if seen => {
                    value.point = value.point.checked_add(exponent(chars)?)?;
                    break;
                }
                _ => return None,
            }
        }
        seen.then(|| value.trimmed())
    }

    fn push(&mut self, digit: u8, fraction: bool) -> Option<()> {
        if self.len == 0 && digit == 0 {
            self.point -= i32::from(fraction);
            return Some(());
        }
        // Zeros beyond the last place that is kept change a number's size, never its digits.
        match (self.digits.get_mut(self.len), digit) {
            (Some(place), _) => {
                *place = digit;
                self.len += 1;
            }
            (None, 0) => {}
            (None, _) => return None,
        }
        self.point = self.point.checked_add(i32::from(!fraction))?;
        Some(())
    }

    fn trimmed(mut self) -> Self {
        while let Some(0) = self.len.checked_sub(1).and_then(|last| self.digits.get(last)) {
            self.len -= 1;
        }
        if self.len == 0 {
            (self.negative, self.point) = (false, 0);
        }
        self
    }

    pub(in crate::engine) fn is_zero(&self) -> bool {
        self.len == 0
    }

    pub(in crate::engine) fn is_negative(&self) -> bool {
        self.negative
    }

    fn significant(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// The greatest whole number that is not greater; values beyond `i128` are taken as its ends.
    pub(in crate::engine) fn floor(&self) -> i128 {
        let whole = usize::try_from(self.point).unwrap_or(0);
        let mut size: i128 = 0;
        if !self.is_zero() {
            // 39 digits fill an i128, so that more never matter.
            for place in 0..whole.min(40) {
                let digit = self.significant().get(place).copied().unwrap_or(0);
                size = size.saturating_mul(10).saturating_add(i128::from(digit));
            }
        }
        match (self.negative, self.len > whole) {
            (false, _) => size,
            (true, exact_below) => -size - i128::from(exact_below && size < i128::MAX),
        }
    }

    /// The plain form without exponent or needless zeros: `1234.5`. None for absurdly long ones.
    pub(in crate::engine) fn plain(&self) -> Option<String> {
        if !(-64..=64).contains(&self.point) {
            return None;
        }
        let whole = usize::try_from(self.point).unwrap_or(0);
        let mut text = String::with_capacity(self.len + 70);
        text.push_str(if self.negative { "-" } else { "" });
        for place in 0..whole {
            text.push(char::from(b'0' + self.significant().get(place).copied().unwrap_or(0)));
        }
        if whole == 0 {
            text.push('0');
        }
        if self.len > whole {
            text.push('.');
            (self.point..0).for_each(|_| text.push('0'));
            text.extend(self.significant().iter().skip(whole).map(|digit| char::from(b'0' + digit)));
        }
        Some(text)
    }
}

/// A whole exponent of at most nine digits; ten thousand and more are as good as endless.
fn exponent(chars: impl Iterator<Item = char>) -> Option<i32> {
    let text: String = chars.take(11).collect();
    let value: i32 = text.parse().ok()?;
    Some(value.clamp(-10_000, 10_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, plain, floor) in [
            ("0", "0", 0),
            ("-0.00", "0", 0),
            ("007", "7", 7),
            ("1,234.50", "1234.5", 1234),
            ("-1234.50", "-1234.5", -1235),
            ("-3", "-3", -3),
            ("0.001", "0.001", 0),
            ("-0.001", "-0.001", -1),
            ("1.5e3", "1500", 1500),
            ("15E-1", "1.5", 1),
            ("１２．５", "12.5", 12),
            ("30000.00", "30000", 30000),
            ("12345678901234567890123", "12345678901234567890123", 12345678901234567890123),
        ] {
            let value = Decimal::read(text).unwrap();
            assert_eq!((value.plain().as_deref(), value.floor()), (Some(plain), floor), "{text}");
        }
        for bad in ["", "-", ".", "e5", "1.2.3", "1e", "1e1.5", "abc", "1a", "1,2.3,4", "½", "--1"] {
            assert_eq!(Decimal::read(bad), None, "{bad}");
        }
        assert_eq!(Decimal::read("1e9999").unwrap().floor(), i128::MAX);
        assert_eq!(Decimal::read("-1e9999").unwrap().floor(), -i128::MAX);
        assert_eq!(Decimal::read("1e-9999").unwrap().floor(), 0);
    }
}
