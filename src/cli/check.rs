//! `zhamen check`: everything people wrote, as the gateway would read it.

use super::{Exit, failed};
use crate::config;
use crate::fault::Faults;
use crate::state::snapshot;
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
    let mut faults = Faults::default();
    let settings = match (&arguments.config, &arguments.policies) {
        (None, Some(_)) => None,
        (config, _) => {
            let file = config.as_deref().unwrap_or(Path::new("zhamen.yaml"));
            faults.absorb(config::load(file))
        }
    };
    let policies = arguments.policies.clone().or(settings.map(|settings| settings.policies_dir));
    let checked = policies.and_then(|policies| faults.absorb(snapshot::check(&policies)));
    if let Err(faults) = faults.or(()) {
        return failed(Exit::Found, &faults);
    }
    for line in checked.map(|checked| checked.0).unwrap_or_default() {
        println!("{line}");
    }
    println!("ok");
    Exit::Done
}
