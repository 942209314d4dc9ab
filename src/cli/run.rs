//! `zhamen run`: the gateway, until a signal asks it to end.

use super::{Exit, failed, log};
use crate::gateway::AuditStart;
use crate::{config, gateway};
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "zhamen.yaml")]
    config: PathBuf,
    /// Begin an audit log where there is none yet; without this a missing log is an error
    #[arg(long)]
    create_audit_log: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let settings = match config::load(&arguments.config) {
        Ok(settings) => settings,
        Err(faults) => return failed(Exit::Configuration, &faults),
    };
    log::start(settings.log_json, "info");
    let audit = if arguments.create_audit_log { AuditStart::MayCreate } else { AuditStart::Continue };
    match gateway::run(settings, audit) {
        Ok(()) => Exit::Done,
        Err(error) if error.is_configuration() => failed(Exit::Configuration, &error),
        Err(error) => failed(Exit::Found, &error),
    }
}
