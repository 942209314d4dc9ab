//! The command line: arguments, and how each command ends. One file a subcommand.
//!
//! Nothing is decided here: commands call the rooms and print. Standard output carries what was
//! asked for, standard error what went wrong.
//!
//! ```
//! use zhamen::cli::{Arguments, Command};
//! use clap::Parser;
//! let arguments = Arguments::try_parse_from(["zhamen", "run", "--config", "/etc/zhamen.yaml"]).unwrap();
//! assert!(matches!(arguments.command, Command::Run(_)));
//! ```

mod audit;
mod certs;
mod check;
mod classify;
mod demo;
mod log;
mod run;
mod version;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Adaptive-security data access gateway for digital government.
#[derive(Debug, Parser)]
#[command(name = "zhamen", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Run(run::Arguments),
    /// Run the gateway in front of eight embedded departments with synthetic citizens
    Demo(demo::Arguments),
    /// Check configuration, certificates, catalogue and policies, and run the cases
    Check(check::Arguments),
    /// Propose a catalogue entry from sample answers or an OpenAPI document
    Classify(classify::Arguments),
    /// Make a development authority, certificates and a token issuer's key
    Certs(certs::Arguments),
    /// Verify and read the audit log
    Audit(Box<audit::Arguments>),
    /// Print the version
    Version,
}

/// How a command ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// A check found something, a played scenario went wrong, or the work failed.
    Found = 1,
    /// Arguments that are none. `clap` ends with the same number by itself.
    Usage = 2,
    /// A checkpoint or witness knows another or a longer audit log.
    Contradicted = 3,
    /// There is no audit log, or it or a proof cannot be read.
    Unreadable = 4,
    /// A checkpoint is missing or not signed by the key.
    Unsigned = 5,
    /// What people wrote is invalid (`EX_CONFIG` of sysexits.h).
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Reads the arguments and carries out the command.
pub fn main() -> ExitCode {
    let exit = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Classify(arguments) => classify::classify(&arguments),
        Command::Certs(arguments) => certs::certs(&arguments),
        Command::Audit(arguments) => audit::audit(&arguments),
        Command::Version => version::version(),
    };
    exit.into()
}

/// Says on standard error what went wrong, and ends so.
fn failed(exit: Exit, error: &dyn std::fmt::Display) -> Exit {
    eprintln!("{error}");
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn commands_are_read_or_refused() {
        let table: &[(&[&str], bool)] = &[
            (&["run"], true),
            (&["run", "--config", "x.yaml"], true),
            (&["demo", "--dir", "d", "--play"], true),
            (&["demo", "--department-port", "65529"], false),
            (&["demo", "--address", "localhost"], false),
            (&["check", "--config", "x.yaml", "--policies", "p"], true),
            (&["certs", "--dir", "c", "--san", "a.example", "--san", "10.0.0.1"], true),
            (&["classify", "a.json", "b.json", "--name", "x"], true),
            (&["classify"], false),
            (&["audit", "verify", "var/audit"], true),
            (
                &[
                    "audit",
                    "verify",
                    "d",
                    "--key",
                    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                ],
                true,
            ),
            (&["audit", "verify", "d", "--key", "x"], false),
            (&["audit", "prove", "d", "--seq", "7"], true),
            (&["audit", "prove", "d"], false),
            (&["audit", "prove", "d", "--seq", "7", "--from", "1"], false),
            (&["audit", "key"], true),
            (&["audit"], false),
            (&["version"], true),
            (&["serve"], false),
            (&[], false),
        ];
        for (arguments, accepted) in table {
            let line = ["zhamen"].iter().chain(*arguments);
            assert_eq!(Arguments::try_parse_from(line).is_ok(), *accepted, "{arguments:?}");
        }
    }

    #[test]
    fn usage_errors_end_with_two() {
        let error = Arguments::try_parse_from(["zhamen", "serve"]).unwrap_err();
        assert_eq!(error.exit_code(), Exit::Usage as i32);
    }
}
