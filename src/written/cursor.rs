//! Reads a tree into plain structs, and goes on after each fault.
//!
//! serde stops at its first error. So each error is noted, the value it stands in is cut off the
//! tree, and the whole is read again, until it can be read or the root itself is cut off. A map that
//! lacks a key only because its value was cut off is no second fault.

use super::stop::Stop;
use super::tree::{Node, Value};
use super::{Mark, Source, at, words};
use crate::fault::{Fault, Faults};
use serde::de::value::{StrDeserializer, UsizeDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

/// Faults of shape shown at most for one file.
const FAULTS_MAX: usize = 50;

pub(super) fn read<T: DeserializeOwned>(source: &Source<'_>, root: &Node) -> Result<T, Faults> {
    let mut scan = Scan::default();
    let mut faults: BTreeMap<(Mark, usize), Fault> = BTreeMap::new();
    let mut marks = BTreeMap::new();
    places(root, &mut marks);
    let mut read = None;
    while faults.len() < FAULTS_MAX {
        match T::deserialize(Cursor { node: root, scan: &scan }) {
            Ok(value) => {
                read = Some(value);
                break;
            }
            Err(stop) => {
                let node = stop.node.unwrap_or(root.id);
                if !scan.excuses(node, &stop) {
                    let mark = marks.get(&node).copied().unwrap_or(root.mark);
                    let fault = source.fault(mark, stop.message);
                    let fault = Fault { help: stop.help, ..fault };
                    faults.insert((mark, node), fault);
                }
                if node == root.id || !scan.cut.insert(node) {
                    break;
                }
            }
        }
    }
    for unknown in scan.unknown.into_inner().into_values() {
        let fault = source.fault(unknown.mark, unknown.message).help(unknown.help);
        faults.insert((unknown.mark, usize::MAX), fault);
    }
    match read {
        Some(value) if faults.is_empty() => Ok(value),
        Some(_) | None => Err(Faults(faults.into_values().collect())),
    }
}

fn places(node: &Node, marks: &mut BTreeMap<usize, Mark>) {
    marks.insert(node.id, node.mark);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| places(item, marks)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            places(key, marks);
            places(value, marks);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// What one file's reading has found so far.
#[derive(Default)]
struct Scan {
    /// Values that cannot be read, by node.
    cut: HashSet<usize>,
    /// Keys that no struct knows, by the key's node.
    unknown: RefCell<BTreeMap<usize, Unknown>>,
    /// Keys whose value was cut off, by the map's node.
    lost: RefCell<HashSet<(usize, String)>>,
}

struct Unknown {
    mark: Mark,
    message: String,
    help: String,
}

impl Scan {
    /// Whether the key is missing only because its value was cut off.
    fn excuses(&self, node: usize, stop: &Stop) -> bool {
        stop.missing.is_some_and(|key| self.lost.borrow().contains(&(node, key.to_owned())))
    }

    fn unknown_key(&self, key: &Node, fields: &'static [&'static str]) {
        let name = key.text().unwrap_or_default();
        let help = match words::did_you_mean(name, fields.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => words::one_of(fields.iter().copied()),
        };
        let message = format!("unknown key `{}`", words::short(name));
        self.unknown.borrow_mut().insert(key.id, Unknown { mark: key.mark, message, help });
    }
}

#[derive(Clone, Copy)]
struct Cursor<'a> {
    node: &'a Node,
    scan: &'a Scan,
}

impl<'a> Cursor<'a> {
    fn wrong<T>(self, visitor: &impl Visitor<'a>) -> Result<T, Stop> {
        let found = match &self.node.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(text) => number_kind(text),
            Value::Text(text) => Unexpected::Str(text),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        };
        Err(Stop::invalid_type(found, visitor))
    }

    fn number<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.value {
            Value::Number(text) => match number_kind(text) {
                Unexpected::Unsigned(number) => visitor.visit_u64(number),
                Unexpected::Signed(number) => visitor.visit_i64(number),
                _ => self.wrong(&visitor),
            },
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                self.wrong(&visitor)
            }
        }
    }

    fn map<V: Visitor<'a>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match &self.node.value {
            Value::Map(entries) => {
                visitor.visit_map(MapWalk { owner: self, entries: entries.iter(), fields, value: None })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                self.wrong(&visitor)
            }
        }
    }

    fn list<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(ListWalk { scan: self.scan, items: items.iter() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                self.wrong(&visitor)
            }
        }
    }

    fn text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.node.text() {
            Some(text) => visitor.visit_str(text),
            None => self.wrong(&visitor),
        }
    }

    fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.number(visitor),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => self.list(visitor),
            Value::Map(_) => self.map(None, visitor),
        }
    }

    fn option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        if self.node.value == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn newtype<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        if name == at::NEWTYPE {
            visitor.visit_seq(Placed { cursor: self, step: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn choice<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.node.text() {
            Some(text) => visitor.visit_enum(IntoDeserializer::<Stop>::into_deserializer(text)),
            None => self.wrong(&visitor),
        }
    }
}

/// What a written number is: whole and in range, or something with a fraction.
fn number_kind(text: &str) -> Unexpected<'static> {
    match (text.parse::<u64>(), text.parse::<i64>()) {
        (Ok(number), _) => Unexpected::Unsigned(number),
        (Err(_), Ok(number)) => Unexpected::Signed(number),
        (Err(_), Err(_)) => Unexpected::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

/// Methods of `Deserializer` that pass on and name this node in what comes back.
macro_rules! read_as {
    ($($method:ident => $ours:ident,)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.$ours(visitor).map_err(|stop| stop.in_node(self.node.id))
        }
    )+};
}

impl<'de> Deserializer<'de> for Cursor<'de> {
    type Error = Stop;

    read_as! {
        deserialize_any => any,
        deserialize_bool => any,
        deserialize_i8 => number,
        deserialize_i16 => number,
        deserialize_i32 => number,
        deserialize_i64 => number,
        deserialize_u8 => number,
        deserialize_u16 => number,
        deserialize_u32 => number,
        deserialize_u64 => number,
        deserialize_str => text,
        deserialize_string => text,
        deserialize_identifier => text,
        deserialize_option => option,
        deserialize_seq => list,
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.map(None, visitor).map_err(|stop| stop.in_node(self.node.id))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.map(Some(fields), visitor).map_err(|stop| stop.in_node(self.node.id))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.newtype(name, visitor).map_err(|stop| stop.in_node(self.node.id))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.choice(visitor).map_err(|stop| stop.in_node(self.node.id))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

impl<'a> IntoDeserializer<'a, Stop> for Cursor<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads one node, and names it in a fault that its type found only after reading.
fn give<'a, T: DeserializeSeed<'a>>(seed: T, cursor: Cursor<'a>) -> Result<T::Value, Stop> {
    seed.deserialize(cursor).map_err(|stop| stop.in_node(cursor.node.id))
}

/// Gives line, column and value: the three parts of an `At`.
struct Placed<'a> {
    cursor: Cursor<'a>,
    step: u8,
}

impl<'a> SeqAccess<'a> for Placed<'a> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        self.step += 1;
        let place = |number: usize| -> UsizeDeserializer<Stop> { number.into_deserializer() };
        match self.step {
            1 => seed.deserialize(place(self.cursor.node.mark.line)).map(Some),
            2 => seed.deserialize(place(self.cursor.node.mark.column)).map(Some),
            3 => give(seed, self.cursor).map(Some),
            _ => Ok(None),
        }
    }
}

struct ListWalk<'a> {
    scan: &'a Scan,
    items: std::slice::Iter<'a, Node>,
}

impl<'a> SeqAccess<'a> for ListWalk<'a> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        let scan = self.scan;
        match self.items.find(|item| !scan.cut.contains(&item.id)) {
            Some(node) => give(seed, Cursor { node, scan }).map(Some),
            None => Ok(None),
        }
    }
}

struct MapWalk<'a> {
    owner: Cursor<'a>,
    entries: std::slice::Iter<'a, (Node, Node)>,
    /// The keys a struct knows; any key is welcome in a map.
    fields: Option<&'static [&'static str]>,
    value: Option<&'a Node>,
}

impl<'a> MapAccess<'a> for MapWalk<'a> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        let scan = self.owner.scan;
        for (key, value) in self.entries.by_ref() {
            let name = key.text().unwrap_or_default();
            if let Some(fields) = self.fields.filter(|fields| !fields.contains(&name)) {
                scan.unknown_key(key, fields);
            } else if scan.cut.contains(&value.id) {
                scan.lost.borrow_mut().insert((self.owner.node.id, name.to_owned()));
            } else {
                self.value = Some(value);
                return match self.fields {
                    // A struct's key is compared as text and cannot be wrong any more.
                    Some(_) => seed.deserialize(StrDeserializer::<Stop>::new(name)).map(Some),
                    None => give(seed, Cursor { node: key, scan }).map(Some),
                };
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        match self.value.take() {
            Some(node) => give(seed, Cursor { node, scan: self.owner.scan }),
            None => Err(Stop::new("a value was asked for before its key")),
        }
    }
}
