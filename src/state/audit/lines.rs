//! Lines of a file without copying them: one buffer, filled and walked.

use super::What;
use crate::engine::evidence::chain::LINE_BYTES_MAX;
use std::io::Read;

/// Read at once: large enough that calls do not count, small enough for the second-level cache.
const BUFFER_BYTES: usize = 256 << 10;

/// A reader of lines that are at most [`LINE_BYTES_MAX`] long.
pub(super) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer is not walked yet.
    start: usize,
    end: usize,
}

impl<R: Read> Lines<R> {
    pub fn new(source: R) -> Self {
        Lines { source, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 }
    }

    /// The next line with its newline; without one only at the end; empty after it.
    pub fn next(&mut self) -> Result<&[u8], What> {
        let mut searched = 0;
        let length = loop {
            let open = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', &open[searched..]) {
                break searched + at + 1;
            }
            searched = open.len();
            if searched > LINE_BYTES_MAX {
                return Err(What::TooLong);
            }
            if self.fill()? == 0 {
                break searched;
            }
        };
        let line = self.start..self.start + length;
        self.start = line.end;
        if length > LINE_BYTES_MAX + 1 { Err(What::TooLong) } else { Ok(&self.buffer[line]) }
    }

    /// Reads on behind what is there; 0 at the end.
    fn fill(&mut self) -> Result<usize, What> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(What::unreadable(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(7).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    #[test]
    fn lines_are_those_of_the_text() {
        for text in
            ["", "\n", "a", "a\n", "a\n\nbcdefghijklmnop\nq", &"x".repeat(600_000), &"yy\n".repeat(200_000)]
        {
            let mut lines = Lines::new(Drip(text.as_bytes()));
            for expect in text.split_inclusive('\n') {
                assert!(lines.next().unwrap() == expect.as_bytes());
            }
            assert_eq!(lines.next().unwrap(), b"");
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_not_read_on() {
        let mut lines = Lines::new(std::io::repeat(b'x'));
        assert_eq!(lines.next(), Err(What::TooLong));
        assert!(lines.buffer.len() <= 4 << 20);
    }
}
