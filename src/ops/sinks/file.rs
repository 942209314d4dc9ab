//! A copy of the log as a file of JSON lines, its own or OCSF events, that grows to a size and is then
//! renamed away.

use super::line::Line;
use crate::config::settings::FileFormat;
use crate::engine::evidence::ocsf;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file, its size and how many older ones are kept (`path.1` is the newest of them).
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub path: PathBuf,
    pub format: FileFormat,
    pub bytes_max: u64,
    pub keep: usize,
}

impl Copy {
    /// Appends the lines; on the disk when this returns.
    pub fn deliver(&self, lines: &[Line]) -> io::Result<()> {
        let mut file = self.open()?;
        if file.metadata()?.len() >= self.bytes_max {
            drop(file);
            self.rotate()?;
            file = self.open()?;
        }
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(self.written(line).as_bytes());
            bytes.push(b'\n');
        }
        file.write_all(&bytes)?;
        file.sync_data()
    }

    fn written<'l>(&self, line: &'l Line) -> Cow<'l, str> {
        match self.format {
            FileFormat::Json => Cow::Borrowed(&line.text),
            FileFormat::Ocsf => {
                // What cannot be read goes out all the same, as the event of nothing known.
                let entry: Value =
                    serde_json::from_str(&line.text).unwrap_or_else(|_| json!({ "text": line.text }));
                Cow::Owned(ocsf::event(&entry).to_string())
            }
        }
    }

    /// Whoever reads the copy has to be let in by the owner of the folder: the log names officers.
    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (0..self.keep).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            match std::fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        if self.keep == 0 {
            std::fs::remove_file(&self.path)?;
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_renamed_at_its_size_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let copy = Copy {
            path: folder.path().join("audit.jsonl"),
            format: FileFormat::Json,
            bytes_max: 10,
            keep: 2,
        };
        for seq in 1..=5 {
            let text = format!("{{\"seq\":{seq}}}");
            copy.deliver(&[Line::read(seq, text.as_bytes())]).unwrap();
            copy.deliver(&[]).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert_eq!(read("audit.jsonl.1").lines().count() + read("audit.jsonl.2").lines().count(), 2);
        assert!(!folder.path().join("audit.jsonl.3").exists());
        assert!(read("audit.jsonl.1").contains("5") || read("audit.jsonl").contains("5"));
    }
}
