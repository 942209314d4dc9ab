//! An upstream's answer: where its head ends, how its body ends, and what may come after it.

use super::head::{Framing, chunk_size, split_at_space};
use crate::engine::canonical::bytes::{is_token, text_length, trim};
use crate::engine::reason::Cause;
use memchr::memmem;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

/// The longest chunk line, in bytes: 16 digits and an extension nobody needs.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// The most bytes of trailer lines, which nobody reads.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Finds where a head ends. Made once, because making it costs as much as finding.
static HEAD_END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));

/// What a head says about the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    /// 100 to 999; below 200 another head follows.
    pub status: u16,
    pub fields: Fields,
    pub ending: Ending,
    /// Whether the connection may carry another exchange after the body.
    pub keeps_open: bool,
}

/// The fields of a head, as received, hop-by-hop fields included: the reader passes on only what it
/// knows. Few of them are ever looked at, so they are found, not filed.
///
/// ```
/// use zhamen::engine::framing::answer::read_head;
/// let head = read_head(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nVary: a\r\nvary: b\r\n\r\n", true, 100)?;
/// assert_eq!(head.fields.single("content-type"), Some(&b"text/csv"[..]));
/// assert_eq!((head.fields.single("vary"), head.fields.all("vary").count()), (None, 2));
/// # Ok::<(), zhamen::engine::reason::Cause>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    bytes: Box<[u8]>,
    /// Of names and values.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    /// The values of a field, in order. Names are compared without case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let at = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        let named =
            move |(this, _): &&(Range<usize>, Range<usize>)| at(this).eq_ignore_ascii_case(name.as_bytes());
        self.places.iter().filter(named).map(move |(_, value)| at(value))
    }

    /// The value of a field that stands there once.
    pub fn single(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }
}

/// Values may be of persons.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.places.len())
    }
}

/// How the body behind a head ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After so many bytes; 0 where there is none.
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// Where the head at the beginning of `bytes` ends, its empty line included. The first `seen` bytes
/// were looked at before, in vain.
///
/// # Errors
/// [`Cause::UpstreamMalformed`]: the first line is there and no answer begins with it.
pub fn head_end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Cause> {
    let from = seen.saturating_sub(3);
    if let Some(end) = HEAD_END.find(bytes.get(from..).unwrap_or_default()) {
        return Ok(Some(from + end + 4));
    }
    if let Some((first, _)) = first_line(bytes)? {
        status_line(first)?;
    }
    Ok(None)
}

/// Reads a whole head of at most `fields_max` fields. `asked_for_body` is false of an answer to `HEAD`.
///
/// # Errors
/// [`Cause::UpstreamMalformed`]: a line that is none, a length that two readers could take
/// differently, a coding other than `chunked`, a protocol that nobody asked to switch to.
pub fn read_head(head: &[u8], asked_for_body: bool, fields_max: usize) -> Result<AnswerHead, Cause> {
    let (first, behind) = first_line(head)?.ok_or(Cause::UpstreamMalformed)?;
    let (status, http10) = status_line(first)?;
    let framing = Framing { http10, ..Framing::default() };
    let mut facts = Facts { framing, ..Facts::default() };
    let mut places = Vec::with_capacity(8);
    let mut at = head.len() - behind.len();
    let rest = |at: usize| head.get(at..).unwrap_or_default();
    while !rest(at).starts_with(b"\r\n") {
        let (name, written) = field(rest(at))?;
        let value = trim(written);
        facts.saw(name, value)?;
        let written_at = at + name.len() + 1;
        let begin = written_at + blanks(written).min(written.len() - value.len());
        places.push((at..at + name.len(), begin..begin + value.len()));
        at = written_at + written.len() + 2;
    }
    if status == 101 || places.len() > fields_max {
        return Err(Cause::UpstreamMalformed);
    }
    Ok(facts.head(status, Fields { bytes: head.into(), places }, asked_for_body))
}

/// Reads `HTTP/1.x SP status [SP reason]`.
fn status_line(line: &[u8]) -> Result<(u16, bool), Cause> {
    let (version, rest) = split_at_space(line).ok_or(Cause::UpstreamMalformed)?;
    let http10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return Err(Cause::UpstreamMalformed),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(Cause::UpstreamMalformed)?;
    let sound = digits.iter().all(u8::is_ascii_digit) && digits.first() != Some(&b'0');
    if !sound || reason.first().is_some_and(|b| *b != b' ') || !is_text(reason) {
        return Err(Cause::UpstreamMalformed);
    }
    Ok((digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0')), http10))
}

/// Takes the first field line apart: its name, and what is written behind the colon. Unlike a caller, an
/// upstream may write bytes above ASCII there.
fn field(lines: &[u8]) -> Result<(&[u8], &[u8]), Cause> {
    let colon = lines.iter().position(|b| !is_token(*b)).ok_or(Cause::UpstreamMalformed)?;
    let (name, rest) = lines.split_at(colon);
    let written = rest.strip_prefix(b":").ok_or(Cause::UpstreamMalformed)?;
    let (written, behind) = written.split_at(text_length(written));
    if name.is_empty() || !behind.starts_with(b"\r\n") {
        return Err(Cause::UpstreamMalformed);
    }
    Ok((name, written))
}

fn blanks(written: &[u8]) -> usize {
    written.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// No control character but the tab.
fn is_text(value: &[u8]) -> bool {
    text_length(value) == value.len()
}

/// What the fields of a head say about the exchange.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    framing: Framing,
    close: bool,
    keep_alive: bool,
}

impl Facts {
    fn saw(&mut self, name: &[u8], value: &[u8]) -> Result<(), Cause> {
        if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|b| *b == b',').map(trim) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        self.framing.saw(name, value).map_err(|_| Cause::UpstreamMalformed)
    }

    fn head(self, status: u16, fields: Fields, asked_for_body: bool) -> AnswerHead {
        let Framing { http10, length, chunked } = self.framing;
        let bodiless = !asked_for_body || matches!(status, 100..=199 | 204 | 304);
        let ending = match (bodiless, chunked, length) {
            (true, _, _) => Ending::Length(0),
            (false, true, _) => Ending::Chunked,
            (false, false, Some(length)) => Ending::Length(length),
            (false, false, None) => Ending::Close,
        };
        let persists = !self.close && (!http10 || self.keep_alive);
        AnswerHead { status, fields, ending, keeps_open: persists && ending != Ending::Close }
    }
}

/// A chunked body on its way: a pure machine over the bytes that have come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunks {
    next: Next,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Size,
    Data(u64),
    /// The line end behind the data.
    DataEnd,
    Trailer,
    Over,
}

/// What to do with the bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes at the front are framing: drop them, and ask again.
    Skip(usize),
    /// So many bytes at the front are content, at least one.
    Data(usize),
    /// More have to come.
    Wait,
    /// The body has ended; what is left belongs to nobody.
    Over,
}

impl Chunks {
    /// Judges the bytes at hand. The caller removes what the step says before it asks again.
    ///
    /// # Errors
    /// [`Cause::UpstreamMalformed`].
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Cause> {
        match self.next {
            Next::Size => self.size(bytes),
            Next::Data(left) => Ok(self.data(left, bytes.len())),
            Next::DataEnd => self.data_end(bytes),
            Next::Trailer => self.trailer(bytes),
            Next::Over => Ok(Step::Over),
        }
    }

    fn size(&mut self, bytes: &[u8]) -> Result<Step, Cause> {
        let Some(line) = short_line(bytes, CHUNK_LINE_BYTES_MAX)? else {
            let begun = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            return if begun.is_empty() { Ok(Step::Wait) } else { size(begun).map(|_| Step::Wait) };
        };
        self.next = match size(line)? {
            0 => Next::Trailer,
            size => Next::Data(size),
        };
        Ok(Step::Skip(line.len() + 2))
    }

    fn data(&mut self, left: u64, come: usize) -> Step {
        if come == 0 {
            return Step::Wait;
        }
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(come);
        let left = left - taken as u64;
        self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
        Step::Data(taken)
    }

    fn data_end(&mut self, bytes: &[u8]) -> Result<Step, Cause> {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.next = Next::Size;
                Ok(Step::Skip(2))
            }
            [] | [b'\r'] => Ok(Step::Wait),
            _ => Err(Cause::UpstreamMalformed),
        }
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<Step, Cause> {
        let Some(line) = short_line(bytes, TRAILER_BYTES_MAX)? else { return Ok(Step::Wait) };
        self.trailer_bytes += line.len() + 2;
        if line.is_empty() {
            self.next = Next::Over;
        } else if self.trailer_bytes > TRAILER_BYTES_MAX || field(bytes).is_err() {
            return Err(Cause::UpstreamMalformed);
        }
        Ok(Step::Skip(line.len() + 2))
    }

    /// Whether the body has ended.
    pub fn is_over(&self) -> bool {
        self.next == Next::Over
    }
}

fn size(line: &[u8]) -> Result<u64, Cause> {
    chunk_size(line).map_err(|_| Cause::UpstreamMalformed)
}

type LineAndRest<'b> = (&'b [u8], &'b [u8]);

/// The first line, its CRLF taken off, and what is behind it; none before it is whole.
fn first_line(bytes: &[u8]) -> Result<Option<LineAndRest<'_>>, Cause> {
    let Some(end) = memchr::memchr(b'\n', bytes) else { return Ok(None) };
    let (line, behind) = bytes.split_at(end);
    let line = line.strip_suffix(b"\r").ok_or(Cause::UpstreamMalformed)?;
    Ok(Some((line, behind.get(1..).unwrap_or_default())))
}

/// The first line of so many bytes at most.
fn short_line(bytes: &[u8], bytes_max: usize) -> Result<Option<&[u8]>, Cause> {
    match first_line(bytes)? {
        Some((line, _)) if line.len() <= bytes_max => Ok(Some(line)),
        None if bytes.len() <= bytes_max => Ok(None),
        Some(_) | None => Err(Cause::UpstreamMalformed),
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
