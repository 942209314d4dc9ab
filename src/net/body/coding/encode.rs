//! An answer coded anew for the caller.
//!
//! Only what the catalogue permits is coded (see `Route::compress`): where secrets and a caller's own
//! words share one compressed answer, its length tells the secrets (BREACH).

use super::Coding;
use crate::engine::canonical::weighted;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use std::io::{self, Write};
use zstd::stream::write::Encoder as ZstdEncoder;

/// Shorter answers are not worth a coding's own bytes.
pub const CODED_BYTES_MIN: usize = 1024;
const GZIP_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;

/// The coding that a caller prefers, of those that are offered: `zstd`, then `gzip`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted(pub Option<Coding>);

impl Wanted {
    /// Weighs `Accept-Encoding` (RFC 9110, 12.5.3). `identity` wins where its weight is greater; no
    /// acceptable coding at all means `identity`, too, since an answer is better than none.
    pub fn of(headers: &HeaderMap) -> Wanted {
        let lines = headers.get_all(ACCEPT_ENCODING).iter();
        let items: Vec<(&str, u16)> =
            lines.filter_map(|line| line.to_str().ok()).flat_map(weighted).collect();
        let weight = |names: &[&str]| {
            let named =
                items.iter().filter(|(item, _)| names.iter().any(|name| item.eq_ignore_ascii_case(name)));
            let any = items.iter().filter(|(item, _)| *item == "*").map(|(_, weight)| *weight);
            named.map(|(_, weight)| *weight).min().or_else(|| any.min())
        };
        let identity = weight(&["identity"]).unwrap_or(0);
        let offers = [(Coding::Zstd, weight(&["zstd"])), (Coding::Gzip, weight(&["gzip", "x-gzip"]))];
        let mut best = (None, identity.max(1));
        for (coding, weight) in offers {
            let weight = weight.unwrap_or(0);
            if weight > best.1 || (weight == best.1 && best.0.is_none()) {
                best = (Some(coding), weight);
            }
        }
        Wanted(best.0)
    }
}

/// One answer being coded.
pub struct Encoding {
    coder: Coder,
    /// Something was pushed since the last flush.
    open: bool,
}

enum Coder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Encoding {
    /// None for codings that are only undone.
    pub fn new(coding: Coding) -> Option<Encoding> {
        let coder = match coding {
            Coding::Gzip => Coder::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Zstd => Coder::Zstd(ZstdEncoder::new(Vec::new(), ZSTD_LEVEL).ok()?),
            Coding::Deflate | Coding::Brotli => return None,
        };
        Some(Encoding { coder, open: false })
    }

    /// Whether a [`flush`](Self::flush) would bring something out.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Codes on; what comes out may come later.
    ///
    /// # Errors
    /// The coder's own failure; the answer must then be broken off.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.open |= !input.is_empty();
        match &mut self.coder {
            Coder::Gzip(coder) => coder.write_all(input)?,
            Coder::Zstd(coder) => coder.write_all(input)?,
        }
        self.take(out);
        Ok(())
    }

    /// Brings out everything pushed so far, so that the caller can read it.
    ///
    /// # Errors
    /// The coder's own failure; the answer must then be broken off.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.open = false;
        match &mut self.coder {
            Coder::Gzip(coder) => coder.flush()?,
            Coder::Zstd(coder) => coder.flush()?,
        }
        self.take(out);
        Ok(())
    }

    /// Brings out the rest and the coding's own end.
    ///
    /// # Errors
    /// The coder's own failure; the answer must then be broken off.
    pub fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut rest = match self.coder {
            Coder::Gzip(coder) => coder.finish()?,
            Coder::Zstd(coder) => coder.finish()?,
        };
        out.append(&mut rest);
        Ok(())
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        match &mut self.coder {
            Coder::Gzip(coder) => out.append(coder.get_mut()),
            Coder::Zstd(coder) => out.append(coder.get_mut()),
        }
    }
}
