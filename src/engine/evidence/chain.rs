//! The chain: each line carries the hash of the line before it and its own.
//!
//! A line is one JSON object in this exact form, ended by a newline when it is stored:
//!
//! ```text
//! {"v":1,"seq":N,"prev":"<64 hex>",…members of the entry…,"hash":"<64 hex>"}
//! ```
//!
//! The *entry* is that line without `,"hash":"…"`, itself a JSON object. `hash` is its leaf hash by
//! RFC 9162 section 2.1.1, SHA-256(0x00 ‖ entry), so one hash a line serves both the chain and the
//! Merkle tree ([`super::tree`]). It covers the sequence number, the previous hash and every member.
//! The first line's `prev` is [`GENESIS`]. Algorithm and layout are version 1, the `v` of the line.
//!
//! The chain stays beside the tree: it costs no further hash, tells a reader of a single file where
//! something was changed, and lets a torn tail be told from a whole line without any other file.

use super::encode::EntryBody;
use super::text::{push_hex, push_number};
use aws_lc_rs::digest;

/// The hash before the first line.
pub const GENESIS: [u8; 32] = [0; 32];

/// Longest line that is read back, in bytes, without its newline. Entries are bounded far below it.
pub const LINE_BYTES_MAX: usize = 1 << 20;

const HEAD: &[u8] = br#"{"v":1,"seq":"#;
const PREV: &[u8] = br#","prev":""#;
const HASH: &[u8] = br#","hash":""#;
const END: &[u8] = br#""}"#;

/// What one line says of its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    pub seq: u64,
    pub prev: [u8; 32],
    pub hash: [u8; 32],
    /// Set when the line is a `gap` entry: the sequence numbers that the lines before it may hold
    /// without being part of the log. `last` is `first - 1` where there are none.
    pub gap: Option<(u64, u64)>,
}

/// What is wrong with a line by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    #[error("the line is not in the form of an entry")]
    Form,
    #[error("the line's hash is not the hash of its content")]
    Hash,
}

/// The leaf hash of an entry by RFC 9162: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    sealed(entry, &[], &mut Vec::new())
}

/// The leaf hash of an entry in two parts. One call over one buffer: for lines of half a kilobyte the
/// copy is far cheaper than the state of an incremental digest.
fn sealed(start: &[u8], end: &[u8], scratch: &mut Vec<u8>) -> [u8; 32] {
    scratch.clear();
    scratch.push(0);
    scratch.extend_from_slice(start);
    scratch.extend_from_slice(end);
    sha256(scratch)
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    // A SHA-256 digest has 32 bytes.
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Appends one whole line, newline included, and returns its hash.
pub fn frame(seq: u64, prev: &[u8; 32], body: &EntryBody, out: &mut Vec<u8>) -> [u8; 32] {
    let start = out.len();
    out.extend_from_slice(HEAD);
    push_number(out, seq);
    out.extend_from_slice(PREV);
    push_hex(out, prev);
    out.extend_from_slice(b"\",");
    out.extend_from_slice(body.members());
    let hash = sealed(&out[start..], b"}", &mut Vec::new());
    out.extend_from_slice(HASH);
    push_hex(out, &hash);
    out.extend_from_slice(END);
    out.push(b'\n');
    hash
}

/// Checks one line, with or without its newline, by itself: its form and its hash.
///
/// Whether `seq` and `prev` continue the line before it is for the caller to compare.
///
/// # Errors
/// What is wrong with it.
pub fn verify_line(line: &[u8]) -> Result<Linked, LineFault> {
    verify_line_with(line, &mut Vec::new())
}

/// The same, with a buffer that is used again from line to line.
///
/// # Errors
/// What is wrong with the line.
pub fn verify_line_with(line: &[u8], scratch: &mut Vec<u8>) -> Result<Linked, LineFault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (content, hash) = split_hash(line).ok_or(LineFault::Form)?;
    let (seq, rest) =
        split_number(content.strip_prefix(HEAD).ok_or(LineFault::Form)?).ok_or(LineFault::Form)?;
    let rest = rest.strip_prefix(PREV).ok_or(LineFault::Form)?;
    let (prev, rest) = split_hex(rest).ok_or(LineFault::Form)?;
    let members = rest.strip_prefix(b"\",").ok_or(LineFault::Form)?;
    if sealed(content, b"}", scratch) != hash {
        return Err(LineFault::Hash);
    }
    Ok(Linked { seq, prev, hash, gap: split_gap(members) })
}

/// The entry of a line: what its hash covers, a JSON object by itself. Nothing is verified.
pub fn entry_of(line: &[u8]) -> Option<Vec<u8>> {
    let (content, _) = split_hash(line.strip_suffix(b"\n").unwrap_or(line))?;
    Some([content, b"}"].concat())
}

/// The range of a gap entry, read from the fixed head of its members.
fn split_gap(members: &[u8]) -> Option<(u64, u64)> {
    let (first, rest) = split_number(members.strip_prefix(br#""kind":"gap","first":"#)?)?;
    let (last, _) = split_number(rest.strip_prefix(br#","last":"#)?)?;
    Some((first, last))
}

fn split_hash(line: &[u8]) -> Option<(&[u8], [u8; 32])> {
    let tail = HASH.len() + 64 + END.len();
    let (content, tail) = line.split_at_checked(line.len().checked_sub(tail)?)?;
    let (hash, end) = split_hex(tail.strip_prefix(HASH)?)?;
    (end == END).then_some((content, hash))
}

/// Decimal digits without a leading zero (except `0` itself), as [`frame`] writes them.
fn split_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at_checked(length)?;
    if digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn split_hex(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (digits, rest) = bytes.split_at_checked(64)?;
    Some((hash_of_hex(digits)?, rest))
}

/// Reads 64 lower-case hexadecimal digits.
pub fn hash_of_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    let mut bad = 0;
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        *byte = high << 4 | low & 0x0f;
        bad |= high | low;
    }
    (bad & NO_DIGIT == 0).then_some(hash)
}

/// 64 lower-case hexadecimal digits of a hash.
pub fn hex_of_hash(hash: &[u8; 32]) -> String {
    let mut out = Vec::with_capacity(64);
    push_hex(&mut out, hash);
    String::from_utf8(out).unwrap_or_default()
}

/// Marks what is no digit in [`NIBBLES`].
const NO_DIGIT: u8 = 0x80;

/// The value of each lower-case hexadecimal digit.
const NIBBLES: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::super::{Entry, Gap, GapCause, Request, encode};
    use super::*;

    fn line(seq: u64, entry: &Entry<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        frame(seq, &[9; 32], &encode(entry), &mut out);
        out
    }

    #[test]
    fn a_line_is_json_in_the_stated_form() {
        let bytes = line(7, &Entry::Request(Request { request_id: "r", ..Request::default() }));
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with(&format!("{{\"v\":1,\"seq\":7,\"prev\":\"{}\",\"kind\":", "09".repeat(32))));
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        // RFC 9162 by hand: a zero byte, then the object without its `hash`.
        let content = &text[..text.find(",\"hash\":").unwrap()];
        let by_hand = digest::digest(&digest::SHA256, format!("\0{content}}}").as_bytes());
        assert_eq!(value["hash"], hex_of_hash(by_hand.as_ref().try_into().unwrap()));
        let entry = entry_of(&bytes).unwrap();
        assert_eq!(value["hash"], hex_of_hash(&leaf_hash(&entry)));
        assert!(serde_json::from_slice::<serde_json::Value>(&entry).unwrap().get("hash").is_none());
    }

    #[test]
    fn every_changed_bit_shows() {
        let good = line(12, &Entry::Request(Request { request_id: "r-12", ..Request::default() }));
        assert_eq!(verify_line(&good).unwrap().seq, 12);
        for at in 0..good.len() - 1 {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(verify_line(&bad).is_err(), "bit {bit} of byte {at}");
            }
        }
        for length in 0..good.len() - 1 {
            assert!(verify_line(&good[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_gap_says_which_numbers_it_gives_up() {
        let gap = Gap { ts: 0, first: 5, last: 8, cause: GapCause::Write, refused: 3 };
        assert_eq!(verify_line(&line(9, &Entry::Gap(gap))).unwrap().gap, Some((5, 8)));
        let other =
            Entry::Request(Request { request_id: "\"kind\":\"gap\",\"first\":1", ..Request::default() });
        assert_eq!(verify_line(&line(9, &other)).unwrap().gap, None);
    }

    #[test]
    fn garbage_is_a_form_fault() {
        for bad in [&b""[..], b"\n", b"{}", &[0xff; 300], b"{\"v\":1,\"seq\":01,"] {
            assert_eq!(verify_line(bad), Err(LineFault::Form));
        }
    }
}
