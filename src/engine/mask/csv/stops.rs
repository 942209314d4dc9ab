//! Where the next byte is that may end or change a cell, found for sixty-four bytes at a time.

/// Bytes to stop at: every control character, and two that the dialect names.
pub(super) struct Stops {
    bytes: [u8; 2],
    /// The block of the text that was looked at last, [`NONE`] at first, and a bit for each of its bytes.
    block: usize,
    found: u64,
}

const BLOCK: usize = 64;
const NONE: usize = usize::MAX;
/// No dialect names it.
const FILLING: u8 = 0x80;

impl Stops {
    /// `bytes` are ASCII.
    pub(super) fn new(bytes: [u8; 2]) -> Stops {
        Stops { bytes, block: NONE, found: 0 }
    }

    /// Another text is read from now on. Until then, a text may only become longer.
    pub(super) fn next_text(&mut self) {
        self.block = NONE;
    }

    /// The place of the first byte to stop at, from `from` on.
    #[inline]
    pub(super) fn find(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let (block, wanted) = (from / BLOCK, u64::MAX << (from % BLOCK));
        if self.block != block {
            return self.find_from_block(text, block, wanted);
        }
        match self.found & wanted {
            0 => self.find_from_block(text, block + 1, u64::MAX),
            found => Some(block * BLOCK + found.trailing_zeros() as usize),
        }
    }

    #[inline(never)]
    fn find_from_block(&mut self, text: &[u8], mut block: usize, mut wanted: u64) -> Option<usize> {
        loop {
            let found = self.look(text, block)? & wanted;
            if found != 0 {
                return Some(block * BLOCK + found.trailing_zeros() as usize);
            }
            (block, wanted) = (block + 1, u64::MAX);
        }
    }

    /// Looks at a block; nothing if the text ends before it. One that the text's end cuts is not kept.
    fn look(&mut self, text: &[u8], block: usize) -> Option<u64> {
        let rest = text.get(block * BLOCK..).filter(|rest| !rest.is_empty())?;
        if let Some(whole) = rest.first_chunk() {
            (self.block, self.found) = (block, self.bits(whole));
            return Some(self.found);
        }
        let mut filled = [FILLING; BLOCK];
        filled.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Some(self.bits(&filled))
    }

    /// Plain enough that the compiler compares many bytes at once; then each eight answers become a byte.
    fn bits(&self, block: &[u8; BLOCK]) -> u64 {
        /// Brings the lowest bits of eight bytes together in the highest byte.
        const GATHER: u64 = 0x0102_0408_1020_4080;
        let [a, b] = self.bytes;
        let stops = block.map(|byte| u8::from((byte < b' ') | (byte == a) | (byte == b)));
        let (eights, _) = stops.as_chunks::<8>();
        let gathered = eights.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56);
        gathered.rev().fold(0, |bits, byte| bits << 8 | byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stop_is_found_at_every_place_beside_every_byte() {
        let mut stops = Stops::new([b',', b'"']);
        for stop in 0..=u8::MAX {
            let stopped = stop < b' ' || [b',', b'"'].contains(&stop);
            for beside in [b' ', 0x7f, 0x80, 0xff] {
                for place in 0..BLOCK + 10 {
                    let mut text = vec![beside; place];
                    stops.next_text();
                    assert_eq!(stops.find(&text, place / 2), None, "{beside}");
                    text.extend([stop, beside, b'\n']);
                    let first = if stopped { place } else { place + 2 };
                    let from = [place / 2, place, place + 1, place + 3];
                    let found = from.map(|from| stops.find(&text, from));
                    let expect = [Some(first), Some(first), Some(place + 2), None];
                    assert_eq!(found, expect, "{stop} at {place} in {beside}");
                }
            }
        }
    }
}
