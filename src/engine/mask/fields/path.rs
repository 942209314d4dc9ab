//! One field path, read.

/// One path with the label it gives.
pub(in crate::engine::mask) struct Path {
    pub(in crate::engine::mask) segments: Vec<Segment>,
    pub(in crate::engine::mask) label: u16,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) struct Segment {
    /// At any depth below (`..`), not only directly.
    pub(in crate::engine::mask) deep: bool,
    pub(in crate::engine::mask) step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) enum Step {
    Key(String),
    AnyKey,
    Element,
}

/// What is wrong with the text of a path.
pub(in crate::engine::mask) struct Wrong {
    pub(in crate::engine::mask) offset: usize,
    pub(in crate::engine::mask) message: String,
}

/// Longer paths than this name nothing real; nesting is bounded by the same order.
const SEGMENTS_MAX: usize = 64;

/// Reads a path of the subset described in the module above.
pub(in crate::engine::mask) fn parse(text: &str) -> Result<Vec<Segment>, Wrong> {
    let mut reader = Reader { text, at: 0 };
    if !reader.eat("$") {
        return Err(reader.wrong("a path starts with `$`, the document"));
    }
    let mut segments = Vec::new();
    while reader.at < text.len() {
        if segments.len() == SEGMENTS_MAX {
            return Err(reader.wrong("a path has at most 64 steps"));
        }
        segments.push(reader.segment()?);
    }
    Ok(segments)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn segment(&mut self) -> Result<Segment, Wrong> {
        if self.eat("..") {
            let step = if self.rest().starts_with('[') { self.bracket()? } else { self.dotted()? };
            return Ok(Segment { deep: true, step });
        }
        let step = if self.eat(".") { self.dotted()? } else { self.bracket()? };
        Ok(Segment { deep: false, step })
    }

    /// What follows a dot: `*` or a name that RFC 9535 lets stand without quotes.
    fn dotted(&mut self) -> Result<Step, Wrong> {
        if self.eat("*") {
            return Ok(Step::AnyKey);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !is_name_character(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return Err(self.wrong("a name or `*` stands here"));
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.wrong("a name that starts with a digit is written ['name']"));
        }
        self.at += name.len();
        match after.chars().next() {
            None | Some('.' | '[') => Ok(Step::Key(name.to_owned())),
            Some(_) => Err(self.wrong("a name with this character is written ['name']")),
        }
    }

    /// `[*]`, `['name']` or `["name"]`.
    fn bracket(&mut self) -> Result<Step, Wrong> {
        if !self.eat("[") {
            return Err(self.wrong("`.` or `[` stands here"));
        }
        let step = if self.eat("*") {
            Step::Element
        } else if self.eat("'") {
            Step::Key(self.quoted('\'')?)
        } else if self.eat("\"") {
            Step::Key(self.quoted('"')?)
        } else {
            return Err(
                self.wrong("`*` or a quoted name stands here; indexes, slices and filters are not supported")
            );
        };
        if !self.eat("]") {
            return Err(self.wrong("`]` is missing"));
        }
        Ok(step)
    }

    /// A quoted name up to its closing quote; a backslash takes the next quote or backslash as it is.
    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let mut name = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\\' | '\'' | '"'))) => name.push(escaped),
                    _ => {
                        self.at += offset;
                        return Err(self.wrong(
                            "only quotes and backslashes are escaped; write other characters as they are",
                        ));
                    }
                },
                _ if character == quote => {
                    self.at += offset + 1;
                    return Ok(name);
                }
                _ => name.push(character),
            }
        }
        Err(self.wrong("the closing quote is missing"))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn wrong(&self, message: &str) -> Wrong {
        Wrong { offset: self.at, message: message.to_owned() }
    }
}

/// RFC 9535 `name-char`: letters, digits, `_` and everything beyond ASCII.
fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii()
}
