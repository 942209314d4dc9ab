//! The push machine: collects lines out of pieces, counts, and remembers where it is.

use super::head::{Body, Framing, METHOD_BYTES_MAX, chunk_size, method_prefix, trailer};
use crate::engine::reason::Cause;

/// The longest chunk line, in bytes: 16 digits and an extension nobody needs.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Limits of what one request may spend on framing.
#[derive(Clone, Copy, Debug)]
pub struct FramingLimits {
    /// Bytes of a whole head, and of a trailer section.
    pub header_bytes_max: usize,
    /// Bytes of the target.
    pub target_bytes_max: usize,
    /// Field lines of a head, and of a trailer section.
    pub headers_max: usize,
    /// Bytes of chunk lines that a body may hold beyond a quarter of its content.
    pub chunk_overhead_max: usize,
}

impl Default for FramingLimits {
    /// The limits of faults H1-05, H1-12 and H1-13.
    fn default() -> Self {
        FramingLimits {
            header_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            headers_max: 100,
            chunk_overhead_max: 16 * 1024,
        }
    }
}

/// What the inspector says about the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing wrong up to here.
    Clean,
    /// The connection can no longer be read in one way: nothing at or behind `at` may pass, and no
    /// later byte will.
    Fault {
        cause: Cause,
        /// Offset in this slice at which the fault was certain.
        at: usize,
        /// The fault lies in a head: its request has not begun, and the wrapper answers it itself,
        /// after the answers to the requests before. Otherwise it lies in the body of the request
        /// whose head has passed: reading that body must fail.
        in_head: bool,
    },
}

/// The result of one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub verdict: Verdict,
    /// Everything in this slice before this offset may pass, and with it, first, all that was held
    /// back of earlier slices. What lies behind is an unfinished head, chunk line or trailer section:
    /// hold it back. `None`: the whole slice continues one that was held back already; hold both.
    pub boundary: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestLine,
    Fields,
    /// Content with a length, so many bytes still to come.
    Content(u64),
    ChunkLine,
    /// Content of a chunk, so many bytes still to come.
    Chunk(u64),
    /// The line end behind a chunk's content.
    ChunkEnd,
    Trailers,
    Broken(Cause, bool),
}

/// Watches one downstream connection.
#[derive(Debug)]
pub struct Inspector {
    limits: FramingLimits,
    state: State,
    framing: Framing,
    /// The unfinished line, where it began in an earlier slice.
    line: Vec<u8>,
    /// Bytes of this head or trailer section so far, and its field lines.
    section_bytes: usize,
    fields: usize,
    /// Bytes of content and of chunk framing in this body.
    content: u64,
    overhead: u64,
    heads: u64,
    begun: bool,
}

impl Inspector {
    /// An inspector at the start of a connection.
    pub fn new(limits: FramingLimits) -> Self {
        Inspector {
            limits,
            state: State::RequestLine,
            framing: Framing::default(),
            line: Vec::new(),
            section_bytes: 0,
            fields: 0,
            content: 0,
            overhead: 0,
            heads: 0,
            begun: false,
        }
    }

    /// How many heads were whole and clean so far.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// A head has begun and is not finished: the clock of slow heads runs.
    pub fn in_head(&self) -> bool {
        match self.state {
            State::RequestLine => self.begun,
            State::Fields => true,
            State::Content(_) | State::ChunkLine | State::Chunk(_) | State::ChunkEnd | State::Trailers => {
                false
            }
            State::Broken(_, in_head) => in_head,
        }
    }

    /// The last request is whole and no byte of the next has come.
    pub fn is_between_requests(&self) -> bool {
        self.state == State::RequestLine && !self.begun
    }

    /// Takes the next bytes of the connection, all of them.
    pub fn inspect(&mut self, bytes: &[u8]) -> Inspection {
        let mut boundary = self.holds_nothing().then_some(0);
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(taken) => at += taken,
                Err((cause, offset)) => {
                    let in_head = matches!(self.state, State::RequestLine | State::Fields);
                    self.state = match self.state {
                        State::Broken(..) => self.state,
                        _ => State::Broken(cause, in_head),
                    };
                    return Inspection { verdict: self.fault(cause, at + offset), boundary };
                }
            }
            if self.holds_nothing() {
                boundary = Some(at);
            }
        }
        Inspection { verdict: Verdict::Clean, boundary }
    }

    fn fault(&self, cause: Cause, at: usize) -> Verdict {
        let in_head = matches!(self.state, State::Broken(_, true));
        Verdict::Fault { cause, at, in_head }
    }

    /// Whether everything so far may pass: no head, chunk line or trailer section is open.
    fn holds_nothing(&self) -> bool {
        match self.state {
            State::RequestLine => !self.begun,
            State::ChunkLine | State::ChunkEnd => self.line.is_empty(),
            State::Content(_) | State::Chunk(_) => true,
            State::Fields | State::Trailers | State::Broken(..) => false,
        }
    }

    /// Takes one line or one run of content. The error carries the offset of the fault in `rest`.
    fn step(&mut self, rest: &[u8]) -> Result<usize, (Cause, usize)> {
        match self.state {
            State::Content(left) => Ok(self.content(rest, left, false)),
            State::Chunk(left) => Ok(self.content(rest, left, true)),
            State::RequestLine | State::Fields | State::ChunkLine | State::ChunkEnd | State::Trailers => {
                self.begun = true;
                self.collect(rest)
            }
            State::Broken(cause, _) => Err((cause, 0)),
        }
    }

    fn content(&mut self, rest: &[u8], left: u64, chunk: bool) -> usize {
        let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        let left = left - taken as u64;
        self.content = self.content.saturating_add(taken as u64);
        self.state = match (left, chunk) {
            (0, false) => self.next_request(),
            (0, true) => State::ChunkEnd,
            (left, false) => State::Content(left),
            (left, true) => State::Chunk(left),
        };
        taken
    }

    /// Collects a line; gives it to [`Self::line`] when it is whole, and watches its length before.
    fn collect(&mut self, rest: &[u8]) -> Result<usize, (Cause, usize)> {
        let newline = memchr::memchr(b'\n', rest);
        let taken = newline.map_or(rest.len(), |newline| newline + 1);
        let piece = rest.get(..taken).unwrap_or(rest);
        self.beginning(piece)?;
        self.room(piece.len())?;
        let at = taken.saturating_sub(1);
        if newline.is_none() {
            self.line.extend_from_slice(piece);
            return Ok(taken);
        }
        if self.line.is_empty() {
            self.line(piece).map_err(|cause| (cause, at))?;
        } else {
            // Taken for good: an idle connection keeps no memory here.
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(piece);
            self.line(&line).map_err(|cause| (cause, at))?;
        }
        Ok(taken)
    }

    /// Refuses at once what cannot become a request line, before any line end has come.
    fn beginning(&self, piece: &[u8]) -> Result<(), (Cause, usize)> {
        if self.state != State::RequestLine || self.line.len() > METHOD_BYTES_MAX {
            return Ok(());
        }
        if self.line.is_empty() {
            return method_prefix(piece).map_err(|cause| (cause, 0));
        }
        let mut start = [0_u8; METHOD_BYTES_MAX + 1];
        let both = self.line.iter().chain(piece);
        let filled = start.iter_mut().zip(both).map(|(slot, byte)| *slot = *byte).count();
        method_prefix(start.get(..filled).unwrap_or(&start)).map_err(|cause| (cause, 0))
    }

    /// Counts the bytes of a line against its limit. The offset is that of the first byte too many.
    fn room(&mut self, length: usize) -> Result<(), (Cause, usize)> {
        let line = self.line.len();
        let (used, limit, cause) = match self.state {
            State::RequestLine => {
                (line, self.limits.target_bytes_max.saturating_add(METHOD_BYTES_MAX + 12), Cause::TargetSize)
            }
            State::Fields | State::Trailers => {
                (self.section_bytes, self.limits.header_bytes_max, Cause::HeaderSize)
            }
            State::ChunkLine => (line, CHUNK_LINE_BYTES_MAX, Cause::ChunkOverhead),
            State::ChunkEnd => (line, 2, Cause::BadChunk),
            State::Content(_) | State::Chunk(_) | State::Broken(..) => return Ok(()),
        };
        if used.saturating_add(length) > limit {
            return Err((cause, limit.saturating_sub(used)));
        }
        self.section_bytes = self.section_bytes.saturating_add(length);
        Ok(())
    }

    /// Judges one whole line, its end included.
    fn line(&mut self, line: &[u8]) -> Result<(), Cause> {
        let Some(line) = line.strip_suffix(b"\r\n") else { return Err(self.line_end()) };
        match self.state {
            State::RequestLine => {
                self.framing = Framing::request_line(line, self.limits.target_bytes_max)?;
                self.state = State::Fields;
            }
            State::Fields if line.is_empty() => self.head_done(),
            State::Fields => {
                self.count_field()?;
                self.framing.field(line)?;
            }
            State::ChunkLine => self.chunk_line(line)?,
            State::ChunkEnd if line.is_empty() => {
                self.overhead = self.overhead.saturating_add(2);
                self.state = State::ChunkLine;
            }
            State::ChunkEnd => return Err(Cause::BadChunk),
            State::Trailers if line.is_empty() => self.state = self.next_request(),
            State::Trailers => {
                self.count_field()?;
                trailer(line)?;
            }
            // Content is no line, and a broken connection takes none.
            State::Content(_) | State::Chunk(_) => {}
            State::Broken(cause, _) => return Err(cause),
        }
        Ok(())
    }

    /// The fault of a line that ends in a bare line feed.
    fn line_end(&self) -> Cause {
        match self.state {
            State::RequestLine => Cause::NotHttp,
            State::Fields | State::Trailers => Cause::BadHeader,
            State::ChunkLine | State::ChunkEnd | State::Content(_) | State::Chunk(_) => Cause::BadChunk,
            State::Broken(cause, _) => cause,
        }
    }

    fn count_field(&mut self) -> Result<(), Cause> {
        self.fields += 1;
        if self.fields > self.limits.headers_max { Err(Cause::HeaderSize) } else { Ok(()) }
    }

    fn head_done(&mut self) {
        self.heads += 1;
        (self.section_bytes, self.fields, self.content, self.overhead) = (0, 0, 0, 0);
        self.state = match self.framing.body() {
            Body::Length(0) => self.next_request(),
            Body::Length(length) => State::Content(length),
            Body::Chunked => State::ChunkLine,
        };
    }

    fn chunk_line(&mut self, line: &[u8]) -> Result<(), Cause> {
        let size = chunk_size(line)?;
        self.overhead = self.overhead.saturating_add(line.len() as u64 + 2);
        let allowed = (self.limits.chunk_overhead_max as u64).saturating_add(self.content / 4);
        if self.overhead > allowed {
            return Err(Cause::ChunkOverhead);
        }
        (self.section_bytes, self.fields) = (0, 0);
        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
        Ok(())
    }

    fn next_request(&mut self) -> State {
        (self.section_bytes, self.fields) = (0, 0);
        self.begun = false;
        State::RequestLine
    }
}
