//! The configuration: what was written becomes what it means.
//!
//! [`load`] reads `zhamen.yaml` once, refuses what it does not understand, and gives [`Settings`];
//! all faults come at once, each with file, line, column and the line shown. It may not start
//! anything. `reference.md` in this folder lists every option.
//!
//! ```
//! use zhamen::config;
//! let text = "
//! data:
//!   address: 127.0.0.1:0
//!   danger_plain_text: true
//! pseudonym_key_file: pseudonym.key
//! ";
//! let settings = config::parse("zhamen.yaml", text, "/etc/zhamen".as_ref()).unwrap();
//! assert_eq!(settings.pseudonym_key_file.to_str(), Some("/etc/zhamen/pseudonym.key"));
//! let faults = config::parse("zhamen.yaml", "data: {addres: 1}", "/".as_ref()).unwrap_err().to_string();
//! assert!(faults.starts_with("zhamen.yaml:1:8: unknown key `addres`"), "{faults}");
//! ```

mod audit;
mod files;
mod identity;
mod limits;
mod listeners;
mod meaning;
#[cfg(test)]
mod reference;
pub mod settings;
mod sinks;
#[cfg(test)]
mod tests;
mod tuning;
mod usage;
mod written;

use crate::fault::{Fault, Faults};
use crate::written::{Source, in_order};
use meaning::Meaning;
pub use settings::Settings;
use std::path::Path;

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads and checks the configuration, and that the files it names are there, of the right sort, and
/// secrets readable by their owner alone.
///
/// # Errors
/// Every fault of the file and of the files that it names.
pub fn load(path: &Path) -> Result<Settings, Faults> {
    let name = path.display().to_string();
    let unread = |reason: String| Faults::from(Fault::new(name.clone(), reason));
    let meta = std::fs::metadata(path).map_err(|error| unread(format!("cannot be read: {error}")))?;
    if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
        return Err(unread("is not a plain file of at most 1 MiB".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unread(format!("cannot be read: {error}")))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (settings, faults) = read(&name, &text, folder, true);
    faults.or(settings).and_then(|settings| settings.ok_or_else(|| unread("has no meaning".to_owned())))
}

/// The same from a text, without looking at the files that it names.
///
/// `base` is the folder against which relative paths are resolved.
///
/// # Errors
/// Every fault of the text.
pub fn parse(file_name: &str, text: &str, base: &Path) -> Result<Settings, Faults> {
    let (settings, faults) = read(file_name, text, base, false);
    faults
        .or(settings)
        .and_then(|settings| settings.ok_or_else(|| Fault::new(file_name, "has no meaning").into()))
}

fn read(name: &str, text: &str, base: &Path, look: bool) -> (Option<Settings>, Faults) {
    let source = Source::new(name, text);
    match source.read::<written::Written>() {
        Err(faults) => (None, faults),
        Ok(written) => {
            let mut meaning = Meaning::new(source, base);
            let settings = meaning.of(written);
            if look {
                meaning.look_at_files();
            }
            (Some(settings), in_order(meaning.faults))
        }
    }
}
