//! `zhamen audit archive`, `expire` and `hold`: where the log is kept, and for how long. Each is an
//! entry of the log before it is done.

use super::place::{Opened, Place};
use crate::cli::{Exit, failed};
use crate::config::settings::Settings;
use crate::state::audit::{self, ArchiveError, Moved};
use crate::state::clock::Clock;
use crate::state::readings::Note;
use std::path::{Path, PathBuf};

/// Arguments of `archive` and `expire`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "zhamen.yaml")]
    config: PathBuf,
}

/// Arguments of `hold`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Hold {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "zhamen.yaml")]
    config: PathBuf,
    /// Set the hold, for this reason
    #[arg(long, value_name = "TEXT", group = "what")]
    reason: Option<String>,
    /// End it
    #[arg(long, group = "what")]
    release: bool,
}

pub(super) fn archive(arguments: &Arguments) -> Exit {
    done(moved(arguments, "archive", "archived", |settings, to| audit::archive(&settings.audit.dir, to)))
}

pub(super) fn expire(arguments: &Arguments) -> Exit {
    let now = Clock::start().now().unix_ms;
    let expire =
        |settings: &Settings, from: &Path| audit::expire(&settings.audit.dir, from, &settings.retention, now);
    done(moved(arguments, "expire", "deleted", expire))
}

fn moved(
    arguments: &Arguments,
    what: &str,
    did: &str,
    act: impl Fn(&Settings, &Path) -> Result<Moved, ArchiveError>,
) -> Result<String, Exit> {
    let (log, settings) = open(&arguments.config)?;
    let Some(archive) = settings.retention.archive_dir.clone() else {
        return Err(failed(Exit::Configuration, &"audit.archive_dir is not set"));
    };
    log.record(&Note { what: what.into(), ..Note::default() })?;
    let moved = act(&settings, &archive).map_err(|error| failed(Exit::Found, &error))?;
    let Moved { segments, bytes, last_seq } = moved;
    Ok(match segments {
        0 => format!("nothing to be {did}"),
        _ => format!("{did} {segments} segments ({bytes} bytes), up to entry {last_seq}"),
    })
}

pub(super) fn hold(arguments: &Hold) -> Exit {
    done(held(arguments))
}

fn held(arguments: &Hold) -> Result<String, Exit> {
    let (log, settings) = open(&arguments.config)?;
    let dir = &settings.audit.dir;
    let unwritten = |error: std::io::Error| failed(Exit::Unreadable, &error);
    match &arguments.reason {
        Some(reason) if reason.trim().is_empty() => Err(failed(Exit::Usage, &"a hold has a reason")),
        Some(reason) => {
            log.record(&Note { what: "hold".into(), filter: Some(reason.clone()), ..Note::default() })?;
            audit::set_hold(dir, reason).map_err(unwritten)?;
            Ok("nothing is deleted until the hold is released".to_owned())
        }
        None => {
            log.record(&Note { what: "release".into(), ..Note::default() })?;
            let was_held = audit::release_hold(dir).map_err(unwritten)?;
            Ok(if was_held { "the hold is released" } else { "there was no hold" }.to_owned())
        }
    }
}

fn open(config: &Path) -> Result<(Opened, Settings), Exit> {
    let log = Place::configured(config).open()?;
    let settings = log.settings.clone().ok_or(Exit::Configuration)?;
    Ok((log, settings))
}

fn done(result: Result<String, Exit>) -> Exit {
    match result {
        Ok(text) => {
            println!("{text}");
            Exit::Done
        }
        Err(exit) => exit,
    }
}
