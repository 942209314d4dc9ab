//! A fault in something that people wrote: which file, where, what, and how to mend it.
//!
//! ```
//! use zhamen::fault::Fault;
//! let fault = Fault::new("zhamen.yaml", "unknown key `listner`").at(2, 3, "  listner: {}").help("did you mean `listeners`?");
//! assert!(fault.to_string().starts_with("zhamen.yaml:2:3: unknown key `listner`"));
//! ```

use std::fmt;

/// One fault, with the line it stands in when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    pub message: String,
    pub place: Option<Place>,
    pub help: Option<String>,
}

/// Line and column, both from 1, and the text of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub text: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Fault { file: file.into(), message: message.into(), place: None, help: None }
    }

    /// Names the place and shows its line.
    pub fn at(mut self, line: usize, column: usize, text: impl Into<String>) -> Self {
        self.place = Some(Place { line, column, text: text.into() });
        self
    }

    /// Finds line and column of a byte offset in the source.
    pub fn at_offset(self, source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[start..].chars().count() + 1;
        let text = source[start..].lines().next().unwrap_or_default().to_owned();
        self.at(line, column, text)
    }

    /// Says how to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            None => write!(f, "{}: {}", self.file, self.message)?,
            Some(place) => {
                writeln!(f, "{}:{}:{}: {}", self.file, place.line, place.column, self.message)?;
                let gutter = place.line.to_string();
                let pad = " ".repeat(gutter.len());
                writeln!(f, "{pad} |")?;
                writeln!(f, "{gutter} | {}", place.text)?;
                write!(f, "{pad} | {}^", " ".repeat(place.column.saturating_sub(1)))?;
            }
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// All faults found at once; never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The value if nothing was found, all faults otherwise.
    pub fn or<T>(self, value: T) -> Result<T, Faults> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Takes over the faults of a part, and its value if it had none.
    pub fn absorb<T>(&mut self, part: Result<T, Faults>) -> Option<T> {
        match part {
            Ok(value) => Some(value),
            Err(mut faults) => {
                self.0.append(&mut faults.0);
                None
            }
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Faults(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
