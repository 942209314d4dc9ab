//! The three words of JSON.

use crate::engine::mask::scalar::Scalar;

/// A word being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiteralScan {
    word: Word,
    /// So many of its bytes were met.
    met: u8,
}

#[derive(Clone, Copy, Debug)]
enum Word {
    True,
    False,
    Null,
}

impl LiteralScan {
    /// A word starts with this byte.
    pub(super) fn start(first: u8) -> LiteralScan {
        let word = match first {
            b't' => Word::True,
            b'f' => Word::False,
            _ => Word::Null,
        };
        LiteralScan { word, met: 1 }
    }

    /// Reads on from `at`; gives the position after the word once it is whole.
    ///
    /// # Errors
    /// The position of a byte that is not the word's.
    pub(super) fn read(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, usize> {
        let missing = self.spelling().get(usize::from(self.met)..).unwrap_or_default();
        for expected in missing {
            match bytes.get(at) {
                Some(byte) if byte == expected => (at, self.met) = (at + 1, self.met + 1),
                Some(_) => return Err(at),
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    pub(super) fn scalar(self) -> Scalar<'static> {
        match self.word {
            Word::True => Scalar::Bool(true),
            Word::False => Scalar::Bool(false),
            Word::Null => Scalar::Null,
        }
    }

    pub(super) fn spelling(self) -> &'static [u8] {
        match self.word {
            Word::True => b"true",
            Word::False => b"false",
            Word::Null => b"null",
        }
    }
}
