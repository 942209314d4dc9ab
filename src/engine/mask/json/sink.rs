//! Where bytes go: copied in runs, held back until decided, or left out.

/// One piece of the body, being read.
pub(super) struct Chunk<'a> {
    pub(super) input: &'a [u8],
    /// The next byte to read.
    pub(super) pos: usize,
    pub(super) out: &'a mut Vec<u8>,
}

impl Chunk<'_> {
    /// Bytes of this piece. The positions are ones that were read up to.
    pub(super) fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.input.get(from..to).unwrap_or_default()
    }

    #[inline]
    fn copy(&mut self, from: usize, to: usize) {
        self.out.extend_from_slice(self.input.get(from..to).unwrap_or_default());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// What is read will leave.
    Copy,
    /// What is read leaves if the member it belongs to does.
    Pend,
    /// What is read does not leave.
    Skip,
}

/// Puts off every copy as long as it can, so that untouched bytes leave in the longest runs.
pub(super) struct Sink {
    flow: Flow,
    /// From here to `mark` or, when copying, to the position read: will leave, not yet written.
    run: usize,
    /// While undecided: where that begins in this piece.
    mark: usize,
    /// Undecided bytes of earlier pieces. Empty unless undecided.
    pending: Vec<u8>,
}

impl Sink {
    /// Undecided from the first byte.
    pub(super) fn new() -> Sink {
        Sink { flow: Flow::Pend, run: 0, mark: 0, pending: Vec::new() }
    }

    /// Undecided from the first byte of another value, with this before it.
    pub(super) fn restart(&mut self, before: &[u8]) {
        self.flow = Flow::Pend;
        self.pending.clear();
        self.pending.extend_from_slice(before);
    }

    /// A new piece begins.
    pub(super) fn begin(&mut self) {
        (self.run, self.mark) = (0, 0);
    }

    /// The piece is over: what will leave is written, what is undecided is held.
    pub(super) fn end(&mut self, chunk: &mut Chunk<'_>) {
        let end = chunk.input.len();
        match self.flow {
            Flow::Copy => chunk.copy(self.run, end),
            Flow::Pend => {
                chunk.copy(self.run, self.mark);
                self.pending.extend_from_slice(chunk.slice(self.mark, end));
            }
            Flow::Skip => {}
        }
    }

    /// From here on it is undecided.
    pub(super) fn pend(&mut self, at: usize) {
        match self.flow {
            Flow::Copy => self.mark = at,
            Flow::Skip => (self.run, self.mark) = (at, at),
            Flow::Pend => return,
        }
        self.flow = Flow::Pend;
    }

    /// What was undecided leaves, and what follows.
    pub(super) fn commit(&mut self, chunk: &mut Chunk<'_>) {
        if self.flow == Flow::Pend {
            if !self.pending.is_empty() {
                // From earlier pieces, so that nothing of this one comes before it.
                chunk.out.append(&mut self.pending);
            }
            self.flow = Flow::Copy;
        }
    }

    /// What was undecided stays out, and what follows.
    pub(super) fn discard(&mut self, chunk: &mut Chunk<'_>) {
        if self.flow == Flow::Pend {
            chunk.copy(self.run, self.mark);
            self.pending.clear();
            self.flow = Flow::Skip;
        }
    }

    /// What was undecided stays so; what begins here stays out: something may be shown instead.
    pub(super) fn hold(&mut self, chunk: &mut Chunk<'_>, start: usize) {
        if self.flow == Flow::Pend {
            chunk.copy(self.run, self.mark);
            self.pending.extend_from_slice(chunk.slice(self.mark, start));
            self.flow = Flow::Skip;
        }
    }

    /// What was undecided leaves; what begins here stays out, and what is shown instead is written next.
    pub(super) fn release(&mut self, chunk: &mut Chunk<'_>, start: usize) {
        if !self.pending.is_empty() {
            // From earlier pieces, so that nothing of this one comes before it.
            chunk.out.append(&mut self.pending);
        }
        if self.flow == Flow::Pend {
            chunk.copy(self.run, start);
            self.flow = Flow::Skip;
        }
    }

    /// Nothing is shown instead.
    pub(super) fn forget(&mut self, chunk: &mut Chunk<'_>) {
        self.discard(chunk);
        self.pending.clear();
    }

    /// Where what is undecided begins, from where it leaves unless it is left out; none if it began in an
    /// earlier piece.
    #[inline(always)]
    pub(super) fn undecided(&mut self) -> Option<usize> {
        if self.flow != Flow::Pend || !self.pending.is_empty() {
            return None;
        }
        self.flow = Flow::Copy;
        Some(self.mark)
    }

    /// While copying: what stands between two places does not leave. Gives the second.
    #[inline(always)]
    pub(super) fn leave_out(&mut self, chunk: &mut Chunk<'_>, from: usize, to: usize) -> usize {
        chunk.copy(self.run, from);
        self.run = to;
        to
    }

    /// From here on it leaves again.
    pub(super) fn copy_from(&mut self, at: usize) {
        if self.flow == Flow::Skip {
            (self.flow, self.run) = (Flow::Copy, at);
        }
    }

    /// What was read leaves; the byte here does not; what follows is undecided.
    pub(super) fn pend_after(&mut self, chunk: &mut Chunk<'_>) {
        if self.flow == Flow::Copy {
            chunk.copy(self.run, chunk.pos);
        }
        self.flow = Flow::Skip;
        self.pend(chunk.pos + 1);
    }
}
