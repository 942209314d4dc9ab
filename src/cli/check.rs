//! `zhamen check`: everything people wrote, as the gateway would read it.

use super::{Exit, failed};
use crate::fault::Faults;
use crate::state::snapshot::{self, Checked, Receipts};
use crate::{config, gateway};
use std::path::{Path, PathBuf};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration file; left out with `--policies`, only the policies are checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A policies folder to check instead of the configured one
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

pub(super) fn check(arguments: &Arguments) -> Exit {
    let checked = match (&arguments.config, &arguments.policies) {
        // Without a configuration it is not known whether there is a key, and not held against them.
        (None, Some(policies)) => snapshot::check(policies, Receipts::Signed),
        (config, policies) => configured(config.as_deref(), policies.clone()),
    };
    match checked {
        Err(faults) => failed(Exit::Found, &faults),
        Ok(Checked(lines)) => {
            for line in lines {
                println!("{line}");
            }
            println!("ok");
            Exit::Done
        }
    }
}

/// The configuration with all it names; another policies folder takes the place of its own.
fn configured(file: Option<&Path>, policies: Option<PathBuf>) -> Result<Checked, Faults> {
    let mut settings = config::load(file.unwrap_or(Path::new("zhamen.yaml")))?;
    settings.policies_dir = policies.unwrap_or(settings.policies_dir);
    gateway::check(&settings)
}
