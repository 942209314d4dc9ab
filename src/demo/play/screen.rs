//! Output for people: colour and a moving progress line on a terminal, plain lines elsewhere.
//!
//! ```
//! use zhamen::demo::play::screen::{Screen, Tone};
//! let mut out = Vec::new();
//! assert_eq!(Screen::new(&mut out, false, None).tone(Tone::Bad, "no"), "no");
//! ```

use super::table::cut;
use std::io::{self, Write};

/// Where the play is shown.
pub struct Screen<'a> {
    out: &'a mut dyn Write,
    terminal: bool,
    colour: bool,
}

/// How a line is coloured.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    Good,
    Bad,
    Strong,
    Faint,
}

impl<'a> Screen<'a> {
    /// A screen; `no_color` is the variable of that name (<https://no-color.org>): set and not empty,
    /// it turns colour off.
    pub fn new(out: &'a mut dyn Write, terminal: bool, no_color: Option<&str>) -> Self {
        let colour = terminal && no_color.is_none_or(str::is_empty);
        Screen { out, terminal, colour }
    }

    /// The text in this tone, where colour is on.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31;1",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Lines that stay.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// What is going on now; shown on a terminal only, and overwritten by what comes next.
    pub fn progress(&mut self, done: usize, all: usize, what: &str) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let filled = done * 20 / all.max(1);
        let bar: String = (0..20).map(|at| if at < filled { '█' } else { '░' }).collect();
        write!(self.out, "\r\x1b[K{bar} {done}/{all} {}", cut(what, 48))?;
        self.out.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.terminal { self.out.write_all(b"\r\x1b[K") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_and_progress_only_where_they_are_wanted() {
        for (terminal, no_color, coloured) in
            [(true, None, true), (true, Some(""), true), (true, Some("1"), false), (false, None, false)]
        {
            let mut out = Vec::new();
            let mut screen = Screen::new(&mut out, terminal, no_color);
            let good = screen.tone(Tone::Good, "yes");
            screen.progress(1, 2, "step").unwrap();
            screen.print(&good).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.contains("\x1b[32m"), coloured);
            assert_eq!(text.contains("1/2"), terminal, "{text}");
            assert!(text.ends_with('\n'));
        }
    }
}
