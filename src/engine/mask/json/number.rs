//! Numbers: their grammar, never their value.

/// A number being read, after its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberScan {
    /// After the minus.
    Minus,
    /// After a leading zero: no digit may follow.
    Zero,
    Whole,
    Point,
    Fraction,
    /// After `e`.
    Exponent,
    /// After `e+` or `e-`.
    Sign,
    Power,
}

impl NumberScan {
    /// A number starts with this byte.
    pub(super) fn start(first: u8) -> NumberScan {
        match first {
            b'-' => NumberScan::Minus,
            b'0' => NumberScan::Zero,
            _ => NumberScan::Whole,
        }
    }

    /// Reads on from `at`; gives the position of the first byte that is not part of the number.
    ///
    /// # Errors
    /// The position of a byte with which the number is none.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, usize> {
        while let Some(byte) = bytes.get(at) {
            match self.step(*byte) {
                Some(next) => {
                    *self = next;
                    if matches!(next, NumberScan::Whole | NumberScan::Fraction) {
                        let digits = bytes.get(at + 1..).unwrap_or_default();
                        at += digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    }
                }
                None if self.is_whole() && !(*self == NumberScan::Zero && byte.is_ascii_digit()) => {
                    return Ok(Some(at));
                }
                None => return Err(at),
            }
            at += 1;
        }
        Ok(None)
    }

    /// It may end here.
    pub(super) fn is_whole(self) -> bool {
        match self {
            NumberScan::Zero | NumberScan::Whole | NumberScan::Fraction | NumberScan::Power => true,
            NumberScan::Minus | NumberScan::Point | NumberScan::Exponent | NumberScan::Sign => false,
        }
    }

    #[inline]
    fn step(self, byte: u8) -> Option<NumberScan> {
        use NumberScan::{Exponent, Fraction, Minus, Point, Power, Sign, Whole, Zero};
        match (self, byte) {
            (Whole, b'0'..=b'9') | (Minus, b'1'..=b'9') => Some(Whole),
            (Minus, b'0') => Some(Zero),
            (Point | Fraction, b'0'..=b'9') => Some(Fraction),
            (Exponent | Sign | Power, b'0'..=b'9') => Some(Power),
            (Zero | Whole, b'.') => Some(Point),
            (Zero | Whole | Fraction, b'e' | b'E') => Some(Exponent),
            (Exponent, b'+' | b'-') => Some(Sign),
            _ => None,
        }
    }
}

/// The text is one JSON number.
pub(in crate::engine::mask) fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first @ (b'-' | b'0'..=b'9')) = bytes.first() else { return false };
    let mut scan = NumberScan::start(*first);
    scan.read(bytes, 1) == Ok(None) && scan.is_whole()
}
