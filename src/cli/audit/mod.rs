//! `zhamen audit`: checking and reading the audit log. One file a subcommand.
//!
//! ```
//! use zhamen::cli::{Arguments, Command};
//! use clap::Parser;
//! let arguments = Arguments::try_parse_from(["zhamen", "audit", "verify", "var/audit"]).unwrap();
//! assert!(matches!(arguments.command, Command::Audit(_)));
//! ```

mod receipt;
mod verify;

use super::Exit;
use clap::Subcommand;

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Audit,
}

/// What to do with the log.
#[derive(Debug, Subcommand)]
enum Audit {
    /// Verify every entry of a log, and name the first bad place
    Verify(verify::Arguments),
    /// Verify a receipt, and that it is the one of an answer
    Receipt(receipt::Arguments),
}

pub(super) fn audit(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Audit::Verify(arguments) => verify::verify(arguments),
        Audit::Receipt(arguments) => receipt::receipt(arguments),
    }
}
