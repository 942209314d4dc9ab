//! `zhamen audit`: checking and reading the audit log. One file a subcommand.
//!
//! ```
//! use zhamen::cli::{Arguments, Command};
//! use clap::Parser;
//! let arguments = Arguments::try_parse_from(["zhamen", "audit", "verify", "var/audit"]).unwrap();
//! assert!(matches!(arguments.command, Command::Audit(_)));
//! ```

mod check;
mod csv;
mod filter;
mod keep;
mod key;
mod place;
mod prove;
mod reading;
mod receipt;
mod text;
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
    /// Write proofs of entries that verify without the log and without the gateway
    Prove(prove::Arguments),
    /// Check a proof that `prove` wrote
    Check(check::Arguments),
    /// Print the public key that verifies the log's checkpoints
    Key(key::Arguments),
    /// Show entries in order
    Show(reading::Show),
    /// Show the last entries, and new ones as they are written
    Tail(reading::Tail),
    /// Who looked at a subject's data, or what an officer looked at, newest first
    Usage(reading::Usage),
    /// Write entries as JSON lines, OCSF events or CSV
    Export(reading::Export),
    /// Move closed segments to the archive folder; they still verify
    Archive(keep::Arguments),
    /// Delete archived segments whose retention is over
    Expire(keep::Arguments),
    /// Stop every deletion, or allow it again
    Hold(keep::Hold),
    /// Verify a receipt, and that it is the one of an answer
    Receipt(receipt::Arguments),
}

pub(super) fn audit(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Audit::Verify(arguments) => verify::verify(arguments),
        Audit::Prove(arguments) => prove::prove(arguments),
        Audit::Check(arguments) => check::check(arguments),
        Audit::Key(arguments) => key::key(arguments),
        Audit::Show(arguments) => reading::show(arguments),
        Audit::Tail(arguments) => reading::tail(arguments),
        Audit::Usage(arguments) => reading::usage(arguments),
        Audit::Export(arguments) => reading::export(arguments),
        Audit::Archive(arguments) => keep::archive(arguments),
        Audit::Expire(arguments) => keep::expire(arguments),
        Audit::Hold(arguments) => keep::hold(arguments),
        Audit::Receipt(arguments) => receipt::receipt(arguments),
    }
}
