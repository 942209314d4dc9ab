//! A JSON value that is held whole, to be read by something else than the walk. Finds its end, no more.

/// One value, given in any pieces.
#[derive(Default)]
pub(super) struct Capture {
    pub(super) bytes: Vec<u8>,
    pub(super) over: bool,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Capture {
    /// Takes what belongs to the value, and says how much that was. A number or literal ends before the
    /// byte that ends it.
    pub(super) fn push(&mut self, input: &[u8]) -> usize {
        let used = self.end(input).unwrap_or(input.len());
        self.bytes.extend_from_slice(input.get(..used).unwrap_or_default());
        used
    }

    /// Forgets the value, and keeps its buffer.
    pub(super) fn restart(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        *self = Capture { bytes, ..Capture::default() };
    }

    fn end(&mut self, input: &[u8]) -> Option<usize> {
        for (place, byte) in input.iter().enumerate() {
            let is_first = place == 0 && self.bytes.is_empty();
            let is_bare = self.depth == 0 && !self.in_text && !is_first;
            if is_bare && matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n') {
                self.over = true;
                return Some(place);
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            if self.depth == 0 && !self.in_text && matches!(byte, b'}' | b']' | b'"') {
                self.over = true;
                return Some(place + 1);
            }
        }
        None
    }
}
