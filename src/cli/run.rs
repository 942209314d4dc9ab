//! `zhamen run`: the gateway, until a signal asks it to end.

use super::{Exit, failed, log};
use crate::gateway::AuditStart;
use crate::{config, gateway};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::PathBuf;

/// Descriptors beside those of connections: the log, the index, listeners, threads of their own.
const OWN_DESCRIPTORS: u64 = 128;

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
    raise_descriptors(settings.limits.connections_max as u64);
    let audit = if arguments.create_audit_log { AuditStart::MayCreate } else { AuditStart::Continue };
    match gateway::run(settings, audit) {
        Ok(()) => Exit::Done,
        Err(error) if error.is_configuration() => failed(Exit::Configuration, &error),
        Err(error) => failed(Exit::Found, &error),
    }
}

/// Raises the soft limit of descriptors to the hard one: it is low for programs that use `select`, which
/// this one does not. Says so where the hard one is too low for the connections that are allowed, each with
/// one to its upstream.
fn raise_descriptors(connections_max: u64) {
    let hard = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }) {
        tracing::warn!(%error, "the limit of descriptors could not be raised");
    }
    let wanted = connections_max.saturating_mul(2).saturating_add(OWN_DESCRIPTORS);
    if let Some(hard) = hard.filter(|hard| *hard < wanted) {
        tracing::warn!(
            hard,
            wanted,
            "fewer descriptors than `limits.connections_max` may need: raise the hard limit (`LimitNOFILE=` of \
             systemd, `ulimit -Hn`) or lower `connections_max`"
        );
    }
}
