//! One YAML document as a tree whose every node knows its place.

use super::{Mark, Source};
use crate::fault::{Fault, Faults};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned, budget, options};
use std::fmt;

/// The deepest nesting that is read; our own files need eight levels.
const DEPTH_MAX: usize = 48;
/// The most nodes of one file: some 10,000 routes with all their parts.
const NODES_MAX: usize = 1_000_000;

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Number of the node in document order, unique in its tree.
    pub(super) id: usize,
    pub mark: Mark,
    pub value: Value,
}

/// What stands there. Numbers stay as they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order written; a key written twice was refused already.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The value under a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
        }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Parses one document. Aliases and merge keys are refused: a policy should say what it means where
/// it stands, and every place in a fault should be the place to mend.
pub(super) fn parse(source: &Source<'_>) -> Result<Node, Faults> {
    let options = options! {
        budget: budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 3 * NODES_MAX,
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let empty = Node { id: 0, mark: Mark { line: 1, column: 1 }, value: Value::Map(Vec::new()) };
    if source.text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(empty);
    }
    let raw: Spanned<Raw> =
        serde_saphyr::from_str_with_options(source.text, options).map_err(|error| syntax(source, &error))?;
    let mut build = Build { source, next: 0, faults: Faults::default() };
    let node = build.node(raw);
    build.faults.or(node)
}

/// What the library says, at its place.
fn syntax(source: &Source<'_>, error: &serde_saphyr::Error) -> Faults {
    let shown = error.without_snippet().to_string();
    // The library names the place in its words too; ours is in front already.
    let message = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(message, _)| message);
    let message = format!("not valid YAML: {}", message.lines().next().unwrap_or_default());
    match error.location() {
        Some(location) if location.line() > 0 => source.fault(mark(&location), message).into(),
        Some(_) | None => Fault::new(source.file, message).into(),
    }
}

fn mark(location: &Location) -> Mark {
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Mark { line: place(location.line()), column: place(location.column()) }
}

/// What the library gives: numbers already read, which `Build` undoes.
#[derive(Debug)]
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

struct Build<'a> {
    source: &'a Source<'a>,
    next: usize,
    faults: Faults,
}

impl Build<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let id = self.id();
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Number => Value::Number(self.lexeme(&raw.defined)),
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Value::Map(self.entries(entries)),
        };
        Node { id, mark: mark(&raw.defined), value }
    }

    fn entries(&mut self, raw: Vec<(Spanned<String>, Spanned<Raw>)>) -> Vec<(Node, Node)> {
        let mut seen = std::collections::HashSet::new();
        let mut entries = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            let key = Node { id: self.id(), mark: mark(&key.defined), value: Value::Text(key.value) };
            let name = key.text().unwrap_or_default();
            if !seen.insert(name.to_owned()) {
                self.faults.push(self.source.fault(key.mark, format!("the key `{name}` is written twice")));
            }
            let value = self.node(value);
            entries.push((key, value));
        }
        entries
    }

    fn id(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// The characters of a number as they stand in the file.
    fn lexeme(&self, location: &Location) -> String {
        let span = location.span();
        let bounds = span.byte_offset().zip(span.byte_len());
        bounds
            .and_then(|(start, length)| {
                let start = usize::try_from(start).ok()?;
                self.source.text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
            })
            .unwrap_or_default()
            .trim()
            .to_owned()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: Error>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_i128<E: Error>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_u128<E: Error>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
