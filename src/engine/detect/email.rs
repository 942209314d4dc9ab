//! Email addresses: what stands around an `@`.
//!
//! Only ASCII is taken into an address, although the register of kinds allows more: in Chinese text an
//! address is not set off by spaces, and `请发到li@example.cn` must not begin with `请`.

use super::Found;
use crate::engine::identifier::{Kind, Verdict, check};

/// The address around the `@` at `at`, of which nothing stands before `from`.
pub(super) fn around(text: &str, at: usize, from: usize) -> Option<Found> {
    let before = text.get(from..at)?;
    let after = text.get(at + 1..)?;
    let local = before.bytes().rev().take_while(|byte| in_local(*byte)).count();
    let host = after.bytes().take_while(|byte| in_host(*byte)).count();
    let local = before.get(before.len() - local..)?.trim_start_matches('.');
    let host = after.get(..host)?.trim_end_matches(['.', '-']);
    let (start, end) = (at - local.len(), at + 1 + host.len());
    let top = host.rsplit_once('.')?.1;
    let named = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    let sound = named && matches!(check(Kind::Email, text.get(start..end)?), Verdict::Valid(_));
    sound.then_some(Found { kind: Kind::Email, start, end })
}

fn in_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_{|}~".contains(&byte)
}

fn in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}
