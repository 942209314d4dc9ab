//! A first reading of what Parquet writes in Thrift's compact protocol: numbers by the fields they stand in.
//!
//! Checks that lists are no longer than what follows them and that structs do not nest without end, so
//! that the parquet crate can read the same bytes afterwards.
//!
//! ```text
//! 15 06 00           field 1, an i32: 3; the end
//! told: [1] Number(3), [] End
//! ```

/// Structs and lists inside of each other; a footer has seven.
const DEPTH_MAX: usize = 16;

/// What was met at a path of field ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Number(i64),
    /// A struct is over: that of the path.
    End,
}

/// Told of each number and each struct's end.
pub(super) type Told<'t> = dyn FnMut(&[i16], Met) + 't;

/// Reads one struct; none if it is none. Gives its length.
pub(super) fn structure(bytes: &[u8], told: &mut Told<'_>) -> Option<usize> {
    let mut reader = Reader { bytes, path: Vec::new() };
    reader.structure(DEPTH_MAX, told)?;
    Some(bytes.len() - reader.bytes.len())
}

struct Reader<'a> {
    bytes: &'a [u8],
    path: Vec<i16>,
}

impl Reader<'_> {
    fn structure(&mut self, depth_left: usize, told: &mut Told<'_>) -> Option<()> {
        let mut id = 0_i16;
        loop {
            let header = self.byte()?;
            if header == 0 {
                told(&self.path, Met::End);
                return Some(());
            }
            id = match header >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => id.checked_add(i16::from(step))?,
            };
            self.path.push(id);
            self.value(header & 0x0f, depth_left, told)?;
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, depth_left: usize, told: &mut Told<'_>) -> Option<()> {
        let inner = depth_left.checked_sub(1)?;
        match kind {
            // Truth values have no bytes of their own.
            1 | 2 => Some(()),
            3 => self.skip(1),
            4..=6 => {
                let number = self.zigzag()?;
                told(&self.path, Met::Number(number));
                Some(())
            }
            7 => self.skip(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip(length)
            }
            9 | 10 => self.list(inner, told),
            12 => self.structure(inner, told),
            // Parquet has no maps, nor anything else.
            _ => None,
        }
    }

    fn list(&mut self, depth_left: usize, told: &mut Told<'_>) -> Option<()> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        let kind = header & 0x0f;
        if count > self.bytes.len() as u64 || count > 0 && matches!(kind, 1 | 2) {
            return None;
        }
        for _ in 0..count {
            self.value(kind, depth_left, told)?;
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.bytes = self.bytes.get(length..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Option<usize>, Vec<(Vec<i16>, Met)>) {
        let mut met = Vec::new();
        let length = structure(bytes, &mut |path, what| met.push((path.to_vec(), what)));
        (length, met)
    }

    #[test]
    fn numbers_by_their_fields() {
        let (length, met) = read(&[0x15, 0x06, 0x1c, 0x05, 0x14, 0x03, 0x00, 0x00, 0xff]);
        let expect = [
            (vec![1], Met::Number(3)),
            (vec![2, 10], Met::Number(-2)),
            (vec![2], Met::End),
            (vec![], Met::End),
        ];
        assert_eq!((length, met), (Some(8), expect.to_vec()));
        let (length, met) = read(&[0x19, 0x25, 0x02, 0x04, 0x18, 0x01, 0x61, 0x11, 0x00]);
        assert_eq!((length, met.len()), (Some(9), 3));
    }

    #[test]
    fn what_is_none() {
        for bytes in [
            &b""[..],
            &[0x15],
            &[0x15, 0x80],
            &[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
            &[0x18, 0x05, 0x61, 0x00],
            &[0x19, 0xf5, 0x7f, 0x00],
            &[0x19, 0x21, 0x01, 0x01, 0x00],
            &[0x1b, 0x00, 0x00],
            &[0x05, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x00],
            &[0x1c; 40],
            &[0x19; 40],
        ] {
            assert_eq!(read(bytes).0, None, "{bytes:x?}");
        }
    }
}
