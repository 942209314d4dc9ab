//! Several sorted streams of postings → one.

use super::Posting;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

/// The next posting of a stream, and which stream.
type Head = Reverse<(Posting, usize)>;

/// A merge in progress: one posting a stream in memory.
pub(super) struct Merge<I> {
    streams: Vec<I>,
    heads: BinaryHeap<Head>,
    failed: Option<io::Error>,
}

impl<I: Iterator<Item = io::Result<Posting>>> Merge<I> {
    pub fn new(streams: Vec<I>) -> Self {
        let mut merge = Merge { heads: BinaryHeap::with_capacity(streams.len()), streams, failed: None };
        (0..merge.streams.len()).for_each(|index| merge.advance(index));
        merge
    }

    fn advance(&mut self, index: usize) {
        match self.streams.get_mut(index).and_then(Iterator::next) {
            Some(Ok(posting)) => self.heads.push(Reverse((posting, index))),
            Some(Err(error)) => self.failed = self.failed.take().or(Some(error)),
            None => {}
        }
    }
}

impl<I: Iterator<Item = io::Result<Posting>>> Iterator for Merge<I> {
    type Item = io::Result<Posting>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.heads.clear();
            return Some(Err(error));
        }
        let Reverse((posting, index)) = self.heads.pop()?;
        self.advance(index);
        Some(Ok(posting))
    }
}
