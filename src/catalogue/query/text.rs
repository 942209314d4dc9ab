//! Reads a stored query's text: finds the places, and refuses what could make a place something else.

use super::{Part, SqlType};
use crate::catalogue::answer::AnswerFormat;

/// The longest query.
const CHARACTERS_MAX: usize = 64 << 10;

/// Splits a query into text and places.
pub(super) fn parse(sql: &str) -> Result<Vec<Part>, (usize, String)> {
    let letters: Vec<char> = sql.chars().collect();
    if letters.len() > CHARACTERS_MAX {
        return Err((0, "a query has at most 65536 characters".to_owned()));
    }
    statement(sql)?;
    let mut reader = Reader { letters, at: 0, text: String::new(), parts: Vec::new() };
    while let Some(letter) = reader.peek(0) {
        match letter {
            '\'' | '"' | '`' => reader.quoted(letter)?,
            '{' => reader.place()?,
            '}' => return Err(reader.wrong("`}` without `{`")),
            ';' => return Err(reader.wrong("one statement, without `;`")),
            '#' | '$' | '\\' => return Err(reader.wrong("this character has no place outside of quotes")),
            '-' if reader.peek(1) == Some('-') => return Err(reader.wrong("no comments")),
            '/' if reader.peek(1) == Some('*') => return Err(reader.wrong("no comments")),
            _ => reader.copy(1),
        }
    }
    reader.end();
    Ok(reader.parts)
}

/// The statement reads, and answers in a format that can be masked.
fn statement(sql: &str) -> Result<(), (usize, String)> {
    let words: Vec<String> = sql.split_whitespace().map(str::to_ascii_uppercase).collect();
    let first = words.first().map(String::as_str);
    if !matches!(first, Some("SELECT" | "WITH")) {
        return Err((0, "a stored query begins with SELECT or WITH".to_owned()));
    }
    match words.as_slice() {
        [.., word, format] if word == "FORMAT" && AnswerFormat::of_clickhouse(format).next().is_some() => {
            Ok(())
        }
        _ => Err((0, "a stored query ends in FORMAT and a format that can be masked (JSON, …)".to_owned())),
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    text: String,
    parts: Vec<Part>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn wrong(&self, message: &str) -> (usize, String) {
        (self.at, message.to_owned())
    }

    fn copy(&mut self, count: usize) {
        self.text.extend(self.letters.iter().skip(self.at).take(count));
        self.at += count;
    }

    fn end(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text).into()));
        }
    }

    /// Copies a quoted text, in which a place would be no place but text: that is refused, since
    /// whoever wrote it meant a place.
    fn quoted(&mut self, quote: char) -> Result<(), (usize, String)> {
        let start = self.at;
        self.copy(1);
        loop {
            match self.peek(0) {
                None => return Err((start, "this quote has no end".to_owned())),
                Some('\\') => self.copy(2),
                Some('{' | '}') => return Err(self.wrong("no places in quotes: they bring their own")),
                // A doubled quote ends one text and begins the next, which comes to the same.
                Some(letter) if letter == quote => {
                    self.copy(1);
                    return Ok(());
                }
                Some(_) => self.copy(1),
            }
        }
    }

    /// `{name:Type}`.
    fn place(&mut self) -> Result<(), (usize, String)> {
        let rest = self.letters.get(self.at + 1..).unwrap_or_default();
        let length = rest.iter().position(|letter| *letter == '}');
        let inside: String = rest.iter().take(length.ok_or_else(|| self.wrong("`{` without `}`"))?).collect();
        let (name, kind) = inside.split_once(':').ok_or_else(|| self.wrong("a place is `{name:Type}`"))?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(self.wrong("the name of a place has letters, digits, `_` and `-`"));
        }
        let Some(kind) = SqlType::parse(kind) else {
            return Err(self.wrong(
                "the type of a place is String, UInt32, UInt64, Int64, Date or a kind of identifier",
            ));
        };
        self.end();
        self.parts.push(Part::Value { name: name.into(), kind });
        self.at += inside.chars().count() + 2;
        Ok(())
    }
}
