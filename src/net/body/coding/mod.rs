//! Content codings: undone on the way in, so that a masker reads what was meant, and put on anew on
//! the way out.
//!
//! What an upstream may use is ours to say (`Accept-Encoding` is never the caller's), but whatever it
//! uses is undone or refused: a coded body that passed as it is would pass unmasked. This room may
//! not look at what it decodes, and holds one window per coding and 32 KiB between two.
//!
//! | the upstream says and sends | outcome |
//! |---|---|
//! | nothing, or `identity` | read as it is; coded bytes are then no JSON, no table |
//! | `gzip`, `x-gzip`, `deflate` (zlib or raw), `br`, `zstd` | decoded as it streams |
//! | up to three, in order of application (`gzip, br`) | decoded from the last to the first |
//! | several gzip members or zstd frames in a row | their contents in a row |
//! | any other name, `compress`, a fourth coding | [`Cause::UpstreamCoding`] |
//! | bytes that do not begin as the label says | [`Cause::DecodeLabel`] |
//! | bytes that the coding has no meaning for, a wrong checksum | [`Cause::DecodeGarbage`] |
//! | an end before the coding's own | [`Cause::DecodeTruncated`] |
//! | bytes after the coding's own end | [`Cause::DecodeTrailing`] |
//! | more than [`DecodeLimits`] allows, a window above 8 MiB (zstd) or 16 MiB (br) | [`Cause::DecodeLimit`] or garbage |
//!
//! Formats: RFC 1950, 1951, 1952, 7932, 8878, 9659 (window of zstd); RFC 9110 section 8.4.
//!
//! ```
//! use zhamen::net::body::coding::{Coding, DecodeLimits, Decoding, Encoding, codings_of};
//! let mut coded = Vec::new();
//! let mut encoding = Encoding::new(Coding::Gzip).unwrap();
//! encoding.push(b"{}", &mut coded).unwrap();
//! encoding.finish(&mut coded).unwrap();
//!
//! let codings = codings_of([&b"gzip"[..]]).unwrap();
//! let mut decoding = Decoding::new(&codings, DecodeLimits { ratio_max: 200 }).unwrap();
//! decoding.feed(coded.into());
//! let mut out = vec![0; 1024];
//! assert_eq!(decoding.fill(&mut out), Ok(2));
//! assert!(decoding.finish().is_ok());
//! ```

mod decode;
mod encode;
mod stage;
#[cfg(test)]
mod tests;

pub use decode::{DecodeLimits, Decoding};
pub use encode::{CODED_BYTES_MIN, Encoding, Wanted};

use crate::closed_enum;
use crate::engine::reason::Cause;

/// Codings on top of each other at most.
const STACK_MAX: usize = 3;

closed_enum! {
    /// A coding that can be undone.
    pub enum Coding { Gzip = "gzip", Deflate = "deflate", Brotli = "br", Zstd = "zstd" }
}

/// What an upstream is asked for where its answers may come compressed.
pub const ACCEPTED: &str = "zstd, br, gzip";

/// The codings that `Content-Encoding` names by these values, in the order in which they were applied; empty for `identity`.
///
/// # Errors
/// [`Cause::UpstreamCoding`]: a name that cannot be undone, or too many.
pub fn codings_of<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Vec<Coding>, Cause> {
    let mut codings = Vec::new();
    for line in values {
        let line = std::str::from_utf8(line).map_err(|_| Cause::UpstreamCoding)?;
        for name in line.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            match name.as_str() {
                "" | "identity" => continue,
                "x-gzip" => codings.push(Coding::Gzip),
                name => codings.push(Coding::parse(name).ok_or(Cause::UpstreamCoding)?),
            }
        }
    }
    if codings.len() > STACK_MAX { Err(Cause::UpstreamCoding) } else { Ok(codings) }
}
