//! One coding being undone: bytes in, bytes out, and where its own end is.

use super::Coding;
use crate::engine::reason::Cause;
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation};

/// Largest window of gzip and deflate: 32 KiB (RFC 1951).
const DEFLATE_WINDOW_BITS: u8 = 15;
/// Largest window of zstd as a content coding: 8 MiB (RFC 9659 section 3).
const ZSTD_WINDOW_BITS: u32 = 23;

/// How far one step came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// One coding.
pub(super) struct Stage {
    kind: Kind,
    /// At the end of a member, a frame or the stream: the body may end here.
    whole: bool,
    /// Something was read.
    begun: bool,
}

enum Kind {
    Gzip(Decompress),
    /// Nothing known yet, or the first byte.
    DeflateHead(Option<u8>),
    Deflate(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(ZstdDecoder<'static>),
}

impl Stage {
    /// # Errors
    /// [`Cause::DecodeGarbage`] if the library has no memory for it.
    pub(super) fn new(coding: Coding) -> Result<Stage, Cause> {
        let kind = match coding {
            Coding::Gzip => Kind::Gzip(Decompress::new_gzip(DEFLATE_WINDOW_BITS)),
            Coding::Deflate => Kind::DeflateHead(None),
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                // Strict: without the extension to windows of 1 GiB.
                Kind::Brotli(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
            }
            Coding::Zstd => Kind::Zstd(zstd_decoder().map_err(|_| Cause::DecodeGarbage)?),
        };
        Ok(Stage { kind, whole: false, begun: false })
    }

    /// The body may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Reads and writes what it can. Nothing read and nothing written: it needs more input.
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Cause> {
        if let Some(first) = input.first() {
            self.check_label(*first)?;
        }
        let step = match &mut self.kind {
            Kind::Gzip(_) => self.gzip(input, out)?,
            Kind::DeflateHead(first) => match (first.take(), input) {
                (None, []) => Step::default(),
                (None, [byte, ..]) => {
                    *first = Some(*byte);
                    Step { read: 1, written: 0 }
                }
                (Some(byte), []) => {
                    *first = Some(byte);
                    Step::default()
                }
                (Some(first), [second, ..]) => self.deflate_begins(first, *second, out)?,
            },
            Kind::Deflate(_) if self.whole && !input.is_empty() => return Err(Cause::DecodeTrailing),
            Kind::Deflate(inflate) => {
                let (step, ended) = inflate_step(inflate, input, out)?;
                self.whole |= ended;
                step
            }
            Kind::Brotli(_) => self.brotli(input, out)?,
            Kind::Zstd(_) => self.zstd(input, out)?,
        };
        self.begun |= step.read > 0;
        Ok(step)
    }

    /// A body that does not begin as its label says, or goes on with something else.
    fn check_label(&self, first: u8) -> Result<(), Cause> {
        let fits = match &self.kind {
            Kind::Gzip(_) => first == 0x1f,
            // A frame, or one to be skipped.
            Kind::Zstd(_) => first == 0x28 || (0x50..=0x5f).contains(&first),
            Kind::DeflateHead(_) | Kind::Deflate(_) | Kind::Brotli(_) => true,
        };
        match (self.begun, self.whole) {
            (false, _) if !fits => Err(Cause::DecodeLabel),
            (true, true) if !fits => Err(Cause::DecodeTrailing),
            (_, _) => Ok(()),
        }
    }

    fn gzip(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Cause> {
        if self.whole && !input.is_empty() {
            self.kind = Kind::Gzip(Decompress::new_gzip(DEFLATE_WINDOW_BITS));
            self.whole = false;
        }
        let Kind::Gzip(inflate) = &mut self.kind else { return Ok(Step::default()) };
        if self.whole {
            return Ok(Step::default());
        }
        let (step, ended) = inflate_step(inflate, input, out)?;
        self.whole = ended;
        Ok(step)
    }

    /// `deflate` means zlib (RFC 9110, 8.4.1.2), but some servers send it raw: the first two bytes tell.
    fn deflate_begins(&mut self, first: u8, second: u8, out: &mut [u8]) -> Result<Step, Cause> {
        let check = u16::from_be_bytes([first, second]).is_multiple_of(31);
        let zlib = first & 0x0f == 8 && first >> 4 <= 7 && check;
        let mut inflate = Decompress::new(zlib);
        let (step, ended) = inflate_step(&mut inflate, &[first, second], out)?;
        self.kind = Kind::Deflate(inflate);
        self.whole = ended;
        // Two bytes fit into the decoder's own bit buffer, or end the stream.
        if step.read == 2 { Ok(Step { read: 1, ..step }) } else { Err(Cause::DecodeTrailing) }
    }

    fn brotli(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Cause> {
        let Kind::Brotli(state) = &mut self.kind else { return Ok(Step::default()) };
        if self.whole {
            return if input.is_empty() { Ok(Step::default()) } else { Err(Cause::DecodeTrailing) };
        }
        let (mut left, mut read, mut room, mut written, mut total) = (input.len(), 0, out.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            out,
            &mut total,
            state,
        );
        match result {
            BrotliResult::ResultFailure => Err(Cause::DecodeGarbage),
            BrotliResult::ResultSuccess | BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {
                self.whole = matches!(result, BrotliResult::ResultSuccess);
                Ok(Step { read, written })
            }
        }
    }

    fn zstd(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Cause> {
        let Kind::Zstd(decoder) = &mut self.kind else { return Ok(Step::default()) };
        if self.whole && input.is_empty() {
            return Ok(Step::default());
        }
        let status = decoder.run_on_buffers(input, out).map_err(|_| Cause::DecodeGarbage)?;
        let step = Step { read: status.bytes_read, written: status.bytes_written };
        if step != Step::default() {
            self.whole = status.remaining == 0;
        }
        Ok(step)
    }
}

fn zstd_decoder() -> std::io::Result<ZstdDecoder<'static>> {
    let mut decoder = ZstdDecoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS))?;
    Ok(decoder)
}

fn inflate_step(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<(Step, bool), Cause> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, out, FlushDecompress::None).map_err(|_| Cause::DecodeGarbage)?;
    // What one call reads and writes fits into its buffers.
    let step = Step {
        read: (inflate.total_in() - read) as usize,
        written: (inflate.total_out() - written) as usize,
    };
    match status {
        Status::Ok | Status::BufError => Ok((step, false)),
        Status::StreamEnd => Ok((step, true)),
    }
}
