//! `zhamen audit key`: the public key of the log.

use crate::cli::{Exit, failed};
use crate::config;
use crate::state::audit::verifier_key;
use std::path::PathBuf;

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "zhamen.yaml")]
    config: PathBuf,
}

pub(super) fn key(arguments: &Arguments) -> Exit {
    let settings = match config::load(&arguments.config) {
        Ok(settings) => settings,
        Err(faults) => return failed(Exit::Configuration, &faults),
    };
    match verifier_key(&settings.audit) {
        Ok(Some(key)) => {
            println!("{key}");
            Exit::Done
        }
        Ok(None) => failed(Exit::Configuration, &"audit.signing_key_file is not set"),
        Err(error) => failed(Exit::Configuration, &error),
    }
}
