//! Why reading one value stopped.

use super::words;
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// A fault of one node, until its place is known.
#[derive(Debug)]
pub(super) struct Stop {
    /// Set by the innermost node that the fault passes through.
    pub node: Option<usize>,
    pub message: String,
    pub help: Option<String>,
    /// The key that a map lacks, if that is the fault.
    pub missing: Option<&'static str>,
}

impl Stop {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Stop { node: None, message: message.into(), help: None, missing: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn in_node(mut self, node: usize) -> Self {
        self.node.get_or_insert(node);
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Stop::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let stop = Stop::new(format!("expected {}, found {}", wanted(expected), kind(found)));
        match found {
            Unexpected::Bool(_) | Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_)
                if wanted(expected) == "a text" =>
            {
                stop.help("put it in quotes")
            }
            _ => stop,
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let stop = Stop::new(format!("unknown value `{}`", words::short(variant)));
        match words::did_you_mean(variant, known.iter().copied()) {
            Some(near) => stop.help(format!("did you mean `{near}`?")),
            None => stop.help(words::one_of(known.iter().copied())),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Stop { missing: Some(field), ..Stop::new(format!("the key `{field}` is missing here")) }
    }
}

/// What was expected, in words for people who do not know Rust.
fn wanted(expected: &dyn Expected) -> String {
    let written = expected.to_string();
    let word = match written.as_str() {
        "a string" | "a borrowed string" => "a text",
        "a boolean" => "`true` or `false`",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, not negative",
        "i32" | "i64" => "a whole number",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a map",
        other => other,
    };
    word.to_owned()
}

/// What was found; texts are never shown, since they may be a secret in the wrong place.
fn kind(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(_) => "a number with a fraction".to_owned(),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        Unexpected::Str(_) | Unexpected::Char(_) => "a text".to_owned(),
        Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "something else".to_owned(),
    }
}
