//! One record, read strictly for a few of its members.

use super::judge::Found;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A record that is not one JSON value, or says a wanted member twice.
pub(in crate::engine::mask) struct Unreadable;

/// Reads the members at `paths` (names from the record down) of one record.
pub(super) fn pluck(record: &[u8], paths: &[&[Box<str>]]) -> Result<Vec<Found<'static>>, Unreadable> {
    let mut found = vec![Found::Absent; paths.len()];
    let wanted: Vec<(usize, &[Box<str>])> = paths.iter().copied().enumerate().collect();
    // What is passed over is text, too.
    let record = str::from_utf8(record).map_err(|_| Unreadable)?;
    let mut deserializer = serde_json::Deserializer::from_str(record);
    Value { wanted: &wanted, found: &mut found }.deserialize(&mut deserializer).map_err(|_| Unreadable)?;
    deserializer.end().map_err(|_| Unreadable)?;
    Ok(found)
}

/// Reads the cells at `places` of one row that is an array, and says how many cells it has.
pub(super) fn pluck_cells(
    row: &[u8],
    places: &[Option<usize>],
) -> Result<(Vec<Found<'static>>, usize), Unreadable> {
    let mut found = vec![Found::Absent; places.len()];
    let row = str::from_utf8(row).map_err(|_| Unreadable)?;
    let mut deserializer = serde_json::Deserializer::from_str(row);
    let cells = Cells { places, found: &mut found };
    let cells = deserializer.deserialize_seq(cells).map_err(|_| Unreadable)?;
    deserializer.end().map_err(|_| Unreadable)?;
    Ok((found, cells))
}

/// A row of which cells are wanted.
struct Cells<'p, 'f> {
    places: &'p [Option<usize>],
    found: &'f mut [Found<'static>],
}

impl<'de> Visitor<'de> for Cells<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<usize, A::Error> {
        let Cells { places, found } = self;
        for column in 0.. {
            let asks = places.iter().enumerate().filter(|(_, place)| **place == Some(column));
            let wanted: Vec<(usize, &[Box<str>])> = asks.map(|(asked, _)| (asked, &[][..])).collect();
            if cells.next_element_seed(Value { wanted: &wanted, found: &mut *found })?.is_none() {
                return Ok(column);
            }
        }
        Err(A::Error::custom("more cells than can be counted"))
    }
}

/// A value below which members are wanted, each by what is left of its path.
struct Value<'w, 'p, 'f> {
    wanted: &'w [(usize, &'p [Box<str>])],
    found: &'f mut [Found<'static>],
}

impl Value<'_, '_, '_> {
    /// Stands where paths end.
    fn is(self, what: impl Fn() -> Found<'static>) {
        for (place, _) in self.wanted.iter().filter(|(_, rest)| rest.is_empty()) {
            if let Some(found) = self.found.get_mut(*place) {
                *found = what();
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.wanted.is_empty() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.is(|| Found::Other);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.is(|| Found::Other);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.is(|| Found::Text(number.to_string().into()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.is(|| Found::Text(number.to_string().into()));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.is(|| Found::Other);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.is(|| Found::Text(text.to_owned().into()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.is(|| Found::Other);
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Value { wanted, found } = self;
        Value { wanted, found: &mut *found }.is(|| Found::Other);
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let below: Vec<(usize, &[Box<str>])> = wanted
                .iter()
                .filter_map(|(place, rest)| {
                    let (first, rest) = rest.split_first()?;
                    (**first == *name).then_some((*place, rest))
                })
                .collect();
            if !below.is_empty() {
                if seen.contains(&name) {
                    return Err(A::Error::custom("a member twice"));
                }
                seen.push(name);
            }
            members.next_value_seed(Value { wanted: &below, found: &mut *found })?;
        }
        Ok(())
    }
}
