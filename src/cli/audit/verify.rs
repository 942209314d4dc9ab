//! `zhamen audit verify`: every entry, and the first bad place.

use crate::cli::{Exit, failed};
use crate::state::audit::verify_dir;
use std::path::PathBuf;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the log
    dir: PathBuf,
}

pub(super) fn verify(arguments: &Arguments) -> Exit {
    match verify_dir(&arguments.dir) {
        Ok(report) => {
            println!("{} entries, head {}", report.entries, report.head);
            Exit::Done
        }
        Err(finding) => failed(Exit::Found, &finding),
    }
}
