//! Small JSON documents from outside (tokens, key sets, request bodies): every member once, everything bounded.
//!
//! `serde_json` reads the syntax; this adds what it does not refuse: duplicate members (fault ID-05:
//! the first reader's claim is not the second's), deep nesting and long lists (fault ID-12).

use super::reason::Cause;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// Elements of one list.
const LIST_MAX: usize = 256;
/// Members of one object.
const MEMBERS_MAX: usize = 64;
/// Objects and lists inside each other.
const DEPTH_MAX: u8 = 8;

/// A read value. Numbers that are not whole are kept only as the fact that they are there.
#[derive(PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Whole(i64),
    /// A fraction, an exponent, or a whole number beyond 63 bits.
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

/// The members of an object, each name once.
#[derive(PartialEq)]
pub struct Object(Vec<(String, Json)>);

impl Object {
    /// Reads a document that must be one object.
    ///
    /// # Errors
    /// [`Cause::TokenSize`] beyond the bounds above, [`Cause::TokenFormat`] for anything else.
    pub fn read(bytes: &[u8]) -> Result<Self, Cause> {
        let cause = Cell::new(Cause::TokenFormat);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = Seed { depth: 0, cause: &cause }
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|_| cause.get())?;
        match value {
            Json::Object(object) => Ok(object),
            Json::Null
            | Json::Bool(_)
            | Json::Whole(_)
            | Json::OtherNumber
            | Json::Text(_)
            | Json::List(_) => Err(Cause::TokenFormat),
        }
    }

    /// Every member, in the order written.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member by name. A member that is `null` is there.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl Json {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn whole(&self) -> Option<i64> {
        if let Json::Whole(number) = self { Some(*number) } else { None }
    }

    /// The truth value, if it is one.
    pub fn truth(&self) -> Option<bool> {
        if let Json::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The elements, if it is a list.
    pub fn list(&self) -> Option<&[Json]> {
        if let Json::List(list) = self { Some(list) } else { None }
    }

    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        if let Json::Object(object) = self { Some(object) } else { None }
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: u8,
    cause: &'a Cell<Cause>,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.too_much());
        }
        Ok(Seed { depth: self.depth + 1, ..self })
    }

    fn too_much<E: Error>(self) -> E {
        self.cause.set(Cause::TokenSize);
        E::custom("too much")
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::OtherNumber, Json::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(seed)? {
            if list.len() >= LIST_MAX {
                return Err(self.too_much());
            }
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let seed = self.deeper()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.len() >= MEMBERS_MAX {
                return Err(self.too_much());
            }
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a member twice"));
            }
            members.push((name, access.next_value_seed(seed)?));
        }
        Ok(Json::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unambiguous_documents_are_read() {
        let long = format!("{{\"a\":[{}0]}}", "0,".repeat(LIST_MAX));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(9), "]".repeat(9));
        let wide: Vec<String> = (0..=MEMBERS_MAX).map(|n| format!("\"k{n}\":0")).collect();
        let wide = format!("{{{}}}", wide.join(","));
        for (text, expect) in [
            ("{}", Ok(())),
            (" {\"a\" : [1, 2.5, null, true, \"x\"]}\n", Ok(())),
            ("{\"a\":1,\"a\":1}", Err(Cause::TokenFormat)),
            ("{\"a\":1,\"\\u0061\":2}", Err(Cause::TokenFormat)),
            ("{\"m\":{\"a\":1,\"a\":2}}", Err(Cause::TokenFormat)),
            ("{\"a\":1}x", Err(Cause::TokenFormat)),
            ("{\"a\":1,}", Err(Cause::TokenFormat)),
            ("{\"a\":\"\\ud800\"}", Err(Cause::TokenFormat)),
            ("[]", Err(Cause::TokenFormat)),
            ("\u{feff}{}", Err(Cause::TokenFormat)),
            ("", Err(Cause::TokenFormat)),
            (&long, Err(Cause::TokenSize)),
            (&deep, Err(Cause::TokenSize)),
            (&wide, Err(Cause::TokenSize)),
        ] {
            assert_eq!(Object::read(text.as_bytes()).map(drop), expect, "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn only_whole_numbers_are_numbers() {
        for (text, expect) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("7.0", None),
            ("7e2", None),
            ("1e300", None),
            ("9223372036854775808", None),
            ("\"7\"", None),
        ] {
            let object = Object::read(format!("{{\"n\":{text}}}").as_bytes()).unwrap();
            assert_eq!(object.get("n").and_then(Json::whole), expect, "{text}");
        }
    }
}
