//! A value with its place, and maps that keep order and places.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The name under which [`super::cursor`] gives a value together with its place.
pub(super) const NEWTYPE: &str = "zhamen::written::At";

/// Line and column in the file, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

/// A value and where it was written. A default value has line 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At<T> {
    pub mark: Mark,
    pub value: T,
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Triple<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Triple<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut triple: A) -> Result<At<T>, A::Error> {
                let absent = || A::Error::custom("a place needs line, column and value");
                let line = triple.next_element()?.ok_or_else(absent)?;
                let column = triple.next_element()?.ok_or_else(absent)?;
                let value = triple.next_element()?.ok_or_else(absent)?;
                Ok(At { mark: Mark { line, column }, value })
            }
        }

        deserializer.deserialize_newtype_struct(NEWTYPE, Triple(PhantomData))
    }
}

/// The entries of a map, in the order written, each key with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(pub Vec<(At<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<T> From<T> for At<T> {
    /// A value that nobody wrote: a default. Its place is line 0.
    fn from(value: T) -> Self {
        At { mark: Mark::default(), value }
    }
}
