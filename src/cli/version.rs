//! `zhamen version`.

use super::Exit;

pub(super) fn version() -> Exit {
    println!("zhamen {}", env!("CARGO_PKG_VERSION"));
    Exit::Done
}
