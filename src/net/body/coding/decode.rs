//! The codings of one body, undone one behind the other.

use super::Coding;
use super::stage::Stage;
use crate::engine::reason::Cause;
use bytes::Bytes;

/// Bytes between two codings.
const BETWEEN_BYTES: usize = 32 << 10;
/// An answer below this size may be as repetitive as it likes.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// How far a coded body may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Decoded bytes per coded byte at most, from the first MiB on; counted after each coding.
    pub ratio_max: u32,
}

/// The decoding of one body: fed with pieces, asked for decoded bytes until there are none.
pub struct Decoding {
    /// The last is the first that was applied.
    levels: Vec<Level>,
    piece: Bytes,
    bytes_in: u64,
    limits: DecodeLimits,
}

struct Level {
    stage: Stage,
    /// What the level before it wrote and this one has not read. Empty in the first.
    waiting: Vec<u8>,
    read: usize,
    bytes_out: u64,
}

impl Decoding {
    /// # Errors
    /// [`Cause::DecodeGarbage`] if a decoder cannot be made.
    pub fn new(codings: &[Coding], limits: DecodeLimits) -> Result<Decoding, Cause> {
        let level = |coding: &Coding| {
            Ok(Level { stage: Stage::new(*coding)?, waiting: Vec::new(), read: 0, bytes_out: 0 })
        };
        let levels = codings.iter().rev().map(level).collect::<Result<_, Cause>>()?;
        Ok(Decoding { levels, piece: Bytes::new(), bytes_in: 0, limits })
    }

    /// The next piece of the body. The one before must be used up: [`fill`](Self::fill) gave 0.
    pub fn feed(&mut self, piece: Bytes) {
        self.bytes_in = self.bytes_in.saturating_add(piece.len() as u64);
        self.piece = piece;
    }

    /// Writes decoded bytes and says how many; 0 if another piece is needed.
    ///
    /// # Errors
    /// The causes in the table of [`coding`](super). There is no going on after one.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<usize, Cause> {
        let free = RATIO_FREE_BYTES.max(self.bytes_in.saturating_mul(self.limits.ratio_max.into()));
        fill(&mut self.levels, &mut self.piece, free, out)
    }

    /// Says that the body is over.
    ///
    /// # Errors
    /// [`Cause::DecodeTruncated`]: some coding has not come to its own end.
    pub fn finish(&self) -> Result<(), Cause> {
        let whole = |level: &Level| level.stage.is_whole() && level.read == level.waiting.len();
        if self.piece.is_empty() && self.levels.iter().all(whole) {
            Ok(())
        } else {
            Err(Cause::DecodeTruncated)
        }
    }
}

/// Fills `out` from the last of these levels, which reads from the ones before it.
fn fill(levels: &mut [Level], piece: &mut Bytes, free: u64, out: &mut [u8]) -> Result<usize, Cause> {
    let Some((level, before)) = levels.split_last_mut() else {
        let length = piece.len().min(out.len());
        out.get_mut(..length).unwrap_or_default().copy_from_slice(&piece.split_to(length));
        return Ok(length);
    };
    loop {
        let step = level.stage.step(level.waiting.get(level.read..).unwrap_or_default(), out)?;
        level.read += step.read;
        if step.written > 0 {
            level.bytes_out = level.bytes_out.saturating_add(step.written as u64);
            return if level.bytes_out > free { Err(Cause::DecodeLimit) } else { Ok(step.written) };
        }
        if step.read > 0 {
            continue;
        }
        if level.read < level.waiting.len() {
            // Bytes that it neither reads nor answers to.
            return Err(Cause::DecodeGarbage);
        }
        level.waiting.resize(BETWEEN_BYTES, 0);
        let length = fill(before, piece, free, &mut level.waiting)?;
        level.waiting.truncate(length);
        level.read = 0;
        if length == 0 {
            return Ok(0);
        }
    }
}
