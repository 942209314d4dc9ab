//! `zhamen certs`: a development authority and what it issues.

use super::{Exit, failed};
use crate::demo::certs::complete;
use std::path::PathBuf;
use std::time::SystemTime;

/// Arguments of `certs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where they lie; what exists there is kept unless it has expired
    #[arg(long, value_name = "DIR", default_value = "certs")]
    dir: PathBuf,
    /// A further DNS name or address of the gateway; may be repeated
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
}

pub(super) fn certs(arguments: &Arguments) -> Exit {
    match complete(&arguments.dir, &arguments.san, SystemTime::now()) {
        Err(error) => failed(Exit::Found, &error),
        Ok(report) => {
            for (file, fate) in report.0 {
                println!("{}: {fate}", arguments.dir.join(file).display());
            }
            Exit::Done
        }
    }
}
