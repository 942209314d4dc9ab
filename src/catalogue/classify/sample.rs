//! The shape of sample answers, and what their values look like; no value is kept.

use super::looks::Looks;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Members of one object beyond which its keys are taken for data.
const MEMBERS_MAX: usize = 256;
/// Places of one sample.
const PLACES_MAX: usize = 20_000;

/// One place of the documents: what stood there.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Field path, as the catalogue writes it.
    pub path: String,
    /// The nearest name on the way: the member's own, or that of the array it stands in.
    pub name: String,
    /// Path of the object that it is a member of.
    pub record: String,
    pub looks: Looks,
    /// It holds objects, whose fields follow.
    pub is_container: bool,
    /// What an OpenAPI document says that it is: `x-data-classification`.
    pub given: Option<String>,
    /// What an OpenAPI document calls it besides.
    pub titles: Vec<String>,
    /// It is a map: its keys are data.
    pub keyed: bool,
}

/// What was seen of one kind of answer.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    root: Place,
    pub documents: u64,
    places: usize,
}

/// A place and what lies below it, in the order in which it was met.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub looks: Looks,
    pub members: Vec<(String, Place)>,
    pub element: Option<Box<Place>>,
    pub given: Option<String>,
    pub titles: Vec<String>,
    /// Objects met here.
    objects: u64,
    /// An OpenAPI document says that the keys are data.
    pub keyed: bool,
}

impl Sample {
    /// Takes in one or more JSON documents, one after the other (NDJSON is that).
    ///
    /// # Errors
    /// Says what is wrong and where (line and column), without showing what stands there.
    pub fn json(&mut self, bytes: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|fault| format!("not UTF-8 at byte {}", fault.valid_up_to()))?;
        let mut documents = serde_json::Deserializer::from_str(text);
        let before = self.documents;
        while !text_is_over(&mut documents) {
            let walk = Walk { place: &mut self.root, places: &mut self.places };
            walk.deserialize(&mut documents).map_err(|fault| at(&fault))?;
            self.documents += 1;
        }
        if self.documents == before { Err("no JSON document in it".to_owned()) } else { Ok(()) }
    }

    /// Takes in a table: columns become members of the document.
    ///
    /// # Errors
    /// No header, or a row that has more cells than the header.
    pub fn table(&mut self, text: &str, separator: char) -> Result<(), String> {
        for row in super::tables::rows(text, separator)? {
            for (name, cell) in row {
                self.root.member(&name, &mut self.places)?.looks.text(&cell);
            }
            self.root.objects += 1;
            self.documents += 1;
        }
        Ok(())
    }

    /// A sample of which the shape is known already.
    pub(super) fn of(root: Place) -> Sample {
        Sample { root, documents: 0, places: 0 }
    }

    /// Every place that carries values, in the order met.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        self.root.fields("$", "", "", &mut fields);
        fields
    }

    /// Paths of the places that carry values.
    pub fn paths(&self) -> Vec<String> {
        self.fields().into_iter().filter(|field| !field.is_container).map(|field| field.path).collect()
    }
}

/// The place of a fault, and serde_json's word for it, which never holds a value.
fn at(fault: &serde_json::Error) -> String {
    let (line, column) = (fault.line(), fault.column());
    let text = fault.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("line {line}, column {column}: {what}")
}

fn text_is_over<'de, R: serde_json::de::Read<'de>>(documents: &mut serde_json::Deserializer<R>) -> bool {
    documents.end().is_ok()
}

impl Place {
    /// The member of this name, made if it is new.
    pub(super) fn member(&mut self, name: &str, places: &mut usize) -> Result<&mut Place, String> {
        if let Some(found) = self.members.iter().position(|(known, _)| known == name) {
            return self.members.get_mut(found).map(|(_, place)| place).ok_or_else(String::new);
        }
        *places += 1;
        if *places > PLACES_MAX {
            return Err(format!(
                "more than {PLACES_MAX} different places: this is no sample of one kind of answer"
            ));
        }
        if self.members.len() >= MEMBERS_MAX {
            self.merge();
        }
        let name = if self.keyed { "*" } else { name };
        if !self.members.iter().any(|(known, _)| known == name) {
            self.members.push((name.to_owned(), Place::default()));
        }
        let found = self.members.iter_mut().find(|(known, _)| known == name);
        found.map(|(_, place)| place).ok_or_else(String::new)
    }

    /// Takes the keys for data: what they lead to is one place.
    fn merge(&mut self) {
        let mut one = Place::default();
        for (_, place) in self.members.drain(..) {
            one.take(place);
        }
        self.members.push(("*".to_owned(), one));
        self.keyed = true;
    }

    fn take(&mut self, other: Place) {
        self.looks.take(&other.looks);
        self.objects += other.objects;
        self.keyed |= other.keyed;
        for (name, place) in other.members {
            match self.members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.take(place),
                None => self.members.push((name, place)),
            }
        }
        if let Some(element) = other.element {
            self.element.get_or_insert_default().take(*element);
        }
    }

    /// Whether the keys are data: some key is a value by itself, or there are many and few come twice.
    fn has_data_keys(&self) -> bool {
        let rare = |(_, place): &&(String, Place)| place.total() * 4 <= self.objects.max(1);
        self.keyed
            || self.members.iter().any(|(name, _)| super::looks::is_data(name))
            || (self.members.len() > 24 && self.members.iter().filter(rare).count() * 2 > self.members.len())
    }

    /// Values and containers met here.
    fn total(&self) -> u64 {
        self.looks.values + self.looks.nulls + self.objects
    }

    fn fields(&self, path: &str, name: &str, record: &str, fields: &mut Vec<Field>) {
        if self.has_data_keys() && !self.keyed {
            let mut merged = self.clone();
            merged.merge();
            return merged.fields(path, name, record, fields);
        }
        let is_container = !self.members.is_empty();
        let element = self.element.as_deref();
        // An array of scalars is one field: a label stands for all that is below it.
        let scalars = element.filter(|element| element.members.is_empty() && element.element.is_none());
        let looks = scalars.map_or(&self.looks, |element| &element.looks);
        // The way there carries nothing by itself, but may be labelled as a whole.
        let is_way = is_container || (element.is_some() && scalars.is_none());
        // Of the whole document there is nothing to say, unless it is one value.
        if !(path == "$" && (is_way || looks.values == 0)) {
            self.push(path, name, record, is_way, looks, fields);
        }
        for (key, place) in &self.members {
            let (step, name) = if self.keyed { (".*".to_owned(), name) } else { (step(key), key.as_str()) };
            place.fields(&format!("{path}{step}"), name, path, fields);
        }
        if let Some(element) = element.filter(|_| scalars.is_none()) {
            element.fields(&format!("{path}[*]"), name, record, fields);
        }
    }

    fn push(
        &self,
        path: &str,
        name: &str,
        record: &str,
        is_container: bool,
        looks: &Looks,
        fields: &mut Vec<Field>,
    ) {
        fields.push(Field {
            path: path.to_owned(),
            name: name.to_owned(),
            record: record.to_owned(),
            looks: looks.clone(),
            is_container,
            given: self.given.clone(),
            titles: self.titles.clone(),
            keyed: self.keyed,
        });
    }
}

/// A member's step in a field path.
fn step(name: &str) -> String {
    crate::catalogue::openapi::member(name)
}

/// One value on its way into a place.
struct Walk<'p> {
    place: &'p mut Place,
    places: &'p mut usize,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.place.looks.text(text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.place.looks.truth();
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.place.looks.number(&number.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.place.looks.number(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.place.looks.number(&number.to_string());
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.place.looks.nulls += 1;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let element = self.place.element.get_or_insert_default();
        while elements.next_element_seed(Walk { place: element, places: self.places })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.place.objects += 1;
        while let Some(key) = members.next_key::<String>()? {
            let place = self.place.member(&key, self.places).map_err(A::Error::custom)?;
            members.next_value_seed(Walk { place, places: self.places })?;
        }
        Ok(())
    }
}
