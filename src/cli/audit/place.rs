//! Where a log lies, and the record that it is being read.

use crate::cli::{Exit, failed};
use crate::config;
use crate::config::settings::Settings;
use crate::engine::evidence::{SubjectKey, SubjectKeys};
use crate::engine::identifier::{Identifier, Kind, check};
use crate::fault::Faults;
use crate::secret;
use crate::state::audit::{Audit, OpenError};
use crate::state::clock::Clock;
use crate::state::readings::{self, Note};
use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a running gateway may take to record a reading.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which log to read.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The configuration file; the log is the one it names, and the reading becomes an entry of it
    #[arg(long, value_name = "FILE", default_value = "zhamen.yaml")]
    config: PathBuf,
    /// Folder of a copy of a log instead; nothing is recorded in a copy
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
}

impl Place {
    /// The log of a configuration.
    pub fn configured(config: &std::path::Path) -> Place {
        Place { config: config.to_owned(), dir: None }
    }
}

/// A log that may be read.
pub(super) struct Opened {
    /// The log's folder, then the archive's.
    pub folders: Vec<PathBuf>,
    /// Folder of the usage index.
    pub index: Option<PathBuf>,
    pub settings: Option<Settings>,
}

impl Place {
    /// Finds the log.
    ///
    /// # Errors
    /// How the command ends; what is wrong was said.
    pub fn open(&self) -> Result<Opened, Exit> {
        if let Some(dir) = &self.dir {
            return Ok(Opened { folders: vec![dir.clone()], index: None, settings: None });
        }
        let settings = config::load(&self.config).map_err(|faults| failed(Exit::Configuration, &faults))?;
        let folders =
            std::iter::once(settings.audit.dir.clone()).chain(settings.retention.archive_dir.clone());
        let index = Some(settings.usage.dir.clone());
        Ok(Opened { folders: folders.collect(), index, settings: Some(settings) })
    }
}

impl Opened {
    /// Records that the log is read, before anything of it is shown: by the running gateway, or where
    /// none runs by this process.
    ///
    /// # Errors
    /// It could not be recorded, so nothing may be shown; what is wrong was said.
    pub fn record(&self, note: &Note) -> Result<(), Exit> {
        let Some(settings) = &self.settings else {
            eprintln!("a copy is read: this reading is not recorded");
            return Ok(());
        };
        let dir = &settings.audit.dir;
        let unrecorded = |error: &dyn std::fmt::Display| {
            failed(
                Exit::Unreadable,
                &format!("nothing is shown, because the reading cannot be recorded: {error}"),
            )
        };
        let audit = match Audit::open(&settings.audit) {
            Ok(audit) => Some(audit),
            Err(OpenError::Locked(_)) => None,
            Err(error) => return Err(unrecorded(&error)),
        };
        let noted = readings::submit(dir, note).map_err(|error| unrecorded(&error))?;
        if let Some(audit) = audit {
            for waiting in readings::pending(&audit, dir, Clock::start().now().unix_ms) {
                waiting.entry.receipt_blocking().map_err(|cause| unrecorded(&cause))?;
                std::fs::remove_file(&waiting.path).map_err(|error| unrecorded(&error))?;
            }
            audit.close();
        }
        let began = Instant::now();
        while noted.0.exists() {
            if began.elapsed() > PATIENCE {
                let _ = std::fs::remove_file(&noted.0);
                return Err(unrecorded(&"the running gateway did not take it up"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The tokens of a subject whose number is typed on standard input, under every live key. Numbers
    /// are never arguments: those stand in the shell's history and in the list of processes.
    ///
    /// # Errors
    /// The number or a key is none; what is wrong was said, the number never.
    pub fn typed_subject(&self) -> Result<Vec<String>, Exit> {
        let Some(settings) = &self.settings else {
            return Err(failed(
                Exit::Usage,
                &"a subject is found with the keys of a configuration: use --config",
            ));
        };
        let keys = keys(settings).map_err(|faults| failed(Exit::Configuration, &faults))?;
        eprintln!("identity number or social credit code:");
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| failed(Exit::Unreadable, &error))?;
        let identifier = identifier(line.trim());
        let identifier =
            identifier.ok_or_else(|| failed(Exit::Usage, &"that is no valid number of a person or body"))?;
        Ok(keys.tokens(&identifier))
    }
}

fn identifier(text: &str) -> Option<Identifier> {
    let kinds = [
        Kind::ResidentId,
        Kind::ForeignerId,
        Kind::HomeVisitPermit,
        Kind::TaiwanPermit,
        Kind::Passport,
        Kind::Uscc,
        Kind::OrganisationCode,
        Kind::BusinessLicence,
    ];
    kinds.into_iter().find_map(|kind| check(kind, text).identifier())
}

fn keys(settings: &Settings) -> Result<SubjectKeys, Faults> {
    let mut keys = Vec::new();
    for (id, file) in &settings.subject_keys {
        keys.push(SubjectKey::named(id, &secret::key(file)?));
    }
    keys.push(SubjectKey::new(&secret::key(&settings.pseudonym_key_file)?));
    let newest = keys.remove(0);
    Ok(SubjectKeys::new(newest, keys))
}
