//! The same records as columns and as JSON show the same.

use crate::support::*;
use arrow_array::builder::*;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeListArray, Float64Array,
    Int64Array, LargeListArray, LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampSecondArray, UInt32Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use zhamen::engine::mask::Format;

/// What a column holds.
#[derive(Clone, Debug)]
enum Column {
    Text(Vec<Option<String>>),
    LargeText(Vec<Option<String>>),
    TextView(Vec<Option<String>>),
    Dictionary(Vec<Option<String>>),
    Int64(Vec<Option<i64>>),
    UInt32(Vec<Option<u32>>),
    Float(Vec<Option<f64>>),
    Decimal(Vec<Option<i128>>),
    Bool(Vec<Option<bool>>),
    Date(Vec<Option<i32>>),
    Moment(Vec<Option<i64>>),
    /// Which rows there are, and their members.
    Struct(Vec<bool>, Vec<(&'static str, Column)>),
    /// Lengths of the rows, none of a null one, and their elements. 0: 32 bits, 1: 64 bits, 2: fixed.
    List(Vec<Option<usize>>, Box<Column>, u8),
}

impl Column {
    fn array(&self) -> ArrayRef {
        match self {
            Column::Text(values) => Arc::new(StringArray::from(values.clone())),
            Column::LargeText(values) => Arc::new(LargeStringArray::from(values.clone())),
            Column::TextView(values) => Arc::new(StringViewArray::from_iter(values)),
            Column::Dictionary(values) => {
                let texts = values.iter().map(Option::as_deref);
                Arc::new(texts.collect::<DictionaryArray<Int32Type>>())
            }
            Column::Int64(values) => Arc::new(Int64Array::from(values.clone())),
            Column::UInt32(values) => Arc::new(UInt32Array::from(values.clone())),
            Column::Float(values) => Arc::new(Float64Array::from(values.clone())),
            Column::Decimal(values) => {
                let array = Decimal128Array::from(values.clone());
                Arc::new(array.with_precision_and_scale(20, 2).unwrap())
            }
            Column::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
            Column::Date(values) => Arc::new(Date32Array::from(values.clone())),
            Column::Moment(values) => Arc::new(TimestampSecondArray::from(values.clone())),
            Column::Struct(there, members) => {
                let columns: Vec<ArrayRef> = members.iter().map(|(_, column)| column.array()).collect();
                let fields = members.iter().zip(&columns);
                let fields =
                    fields.map(|((name, _), column)| Field::new(*name, column.data_type().clone(), true));
                let nulls = NullBuffer::from(there.clone());
                Arc::new(StructArray::new(fields.collect(), columns, Some(nulls)))
            }
            Column::List(lengths, elements, width) => list(lengths, elements.array(), *width),
        }
    }
}

fn list(lengths: &[Option<usize>], elements: ArrayRef, width: u8) -> ArrayRef {
    let field = Arc::new(Field::new("item", elements.data_type().clone(), true));
    let nulls = NullBuffer::from_iter(lengths.iter().map(Option::is_some));
    let plain = lengths.iter().map(|length| length.unwrap_or(0));
    match width {
        0 => Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(plain), elements, Some(nulls))),
        1 => Arc::new(LargeListArray::new(field, OffsetBuffer::from_lengths(plain), elements, Some(nulls))),
        // A null row has its elements, too.
        _ => Arc::new(FixedSizeListArray::new(field, 2, elements, Some(nulls))),
    }
}

fn texts() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(
        0.8,
        prop_oneof![
            prop::sample::select(vec![
                "",
                "李明",
                "yes",
                "west",
                "a b",
                "11010519491231002X",
                "/x?id=1",
                "5"
            ])
            .prop_map(str::to_owned),
            "[a-z]{0,20}",
        ],
    )
}

fn scalars(rows: usize) -> impl Strategy<Value = Column> {
    let many = move |texts| prop::collection::vec(texts, rows);
    prop_oneof![
        many(texts().boxed()).prop_map(Column::Text),
        many(texts().boxed()).prop_map(Column::LargeText),
        many(texts().boxed()).prop_map(Column::TextView),
        many(texts().boxed()).prop_map(Column::Dictionary),
        prop::collection::vec(prop::option::of(-20_000_i64..20_000), rows).prop_map(Column::Int64),
        prop::collection::vec(prop::option::of(0_u32..), rows).prop_map(Column::UInt32),
        prop::collection::vec(prop::option::of((-9999_i32..9999).prop_map(|n| f64::from(n) / 8.0)), rows)
            .prop_map(Column::Float),
        // A document writes the last place only where it is no zero.
        prop::collection::vec(prop::option::of((-99_999_i128..99_999).prop_map(|n| n * 10 + 3)), rows)
            .prop_map(Column::Decimal),
        prop::collection::vec(any::<Option<bool>>(), rows).prop_map(Column::Bool),
        prop::collection::vec(prop::option::of(0_i32..20_000), rows).prop_map(Column::Date),
        prop::collection::vec(prop::option::of(0_i64..2_000_000_000), rows).prop_map(Column::Moment),
    ]
}

fn columns(rows: usize) -> BoxedStrategy<Column> {
    let names = ["k", "p", "n", "v", "b", "t", "d", "unknown"];
    let member =
        move || prop::collection::hash_map(prop::sample::select(names.to_vec()), scalars(rows), 1..4);
    let there = move || prop::collection::vec(prop::bool::weighted(0.8), rows);
    prop_oneof![
        4 => scalars(rows),
        1 => (there(), member()).prop_map(|(there, members)| {
            Column::Struct(there, members.into_iter().collect())
        }),
    ]
    .boxed()
}

fn lists(rows: usize) -> impl Strategy<Value = Column> {
    let lengths = prop::collection::vec(prop::option::weighted(0.8, 0_usize..3), rows);
    (lengths, 0_u8..3).prop_flat_map(move |(lengths, width)| {
        let elements = if width == 2 { 2 * rows } else { lengths.iter().flatten().sum() };
        columns(elements).prop_map(move |column| Column::List(lengths.clone(), Box::new(column), width))
    })
}

/// Some rows of some columns.
fn batches() -> impl Strategy<Value = RecordBatch> {
    let flat = ["k", "p", "n", "v", "b", "t", "d", "unknown", "all", "o", "s", "m"];
    let many = ["e", "w", "l", "all", "k", "p"];
    (0_usize..6).prop_flat_map(move |rows| {
        let flat = prop::collection::hash_map(prop::sample::select(flat.to_vec()), columns(rows), 1..6);
        let many = prop::collection::hash_map(prop::sample::select(many.to_vec()), lists(rows), 0..3);
        (flat, many).prop_map(move |(flat, many)| {
            let mut all: Vec<(&str, ArrayRef)> = Vec::new();
            for (name, column) in flat.into_iter().chain(many) {
                if !all.iter().any(|(known, _)| *known == name) {
                    all.push((name, column.array()));
                }
            }
            let fields: Vec<Field> = all
                .iter()
                .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
                .collect();
            let columns = all.into_iter().map(|(_, column)| column).collect();
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
        })
    })
}

/// What JSON shows, laid out as the schema that left says: lists of what is dropped do not leave at all.
fn fitted(value: &Value, data_type: &DataType) -> Value {
    match (value, data_type) {
        (Value::Object(members), DataType::Struct(fields)) => fields
            .iter()
            .map(|field| {
                let member = members.get(field.name()).unwrap_or(&Value::Null);
                (field.name().clone(), fitted(member, field.data_type()))
            })
            .collect(),
        (
            Value::Array(elements),
            DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _),
        ) => elements.iter().map(|element| fitted(element, field.data_type())).collect(),
        // A mask of a list that is null answers for the list; a column of lists stays one.
        (
            _,
            DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..),
        ) => Value::Null,
        (value, _) => value.clone(),
    }
}

/// Names that leave of a document, at any depth, must be in the schema.
fn names(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let path = format!("{path}.{name}");
            if !value.is_null() && *value != json!({}) && *value != json!([]) {
                names(value, &path, found);
            }
        }),
        Value::Array(elements) => elements.iter().for_each(|element| names(element, path, found)),
        // `false` is also what a mask answers for a list or an object that is null.
        Value::Null | Value::Bool(false) => {}
        _ => found.push(path.to_owned()),
    }
}

fn shown_as_json(batch: &RecordBatch) -> (Value, zhamen::engine::mask::Tally) {
    let document = json!({"data": records(batch)}).to_string();
    let (out, end) = carry(masker(&Format::Json), document.as_bytes(), usize::MAX);
    let shown: Value = serde_json::from_slice(&out).unwrap();
    (shown["data"].clone(), end.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn columns_show_what_json_shows(batch in batches(), piece in 1_usize..300) {
        let (json, told) = shown_as_json(&batch);
        let stream = write(&[batch.clone(), batch.slice(0, batch.num_rows() / 2)]);
        let (out, end) = carry(masker(&STREAM), &stream, usize::MAX);
        let tally = end.unwrap();
        let (split, split_end) = carry(masker(&STREAM), &stream, piece);
        prop_assert_eq!((&out, &tally), (&split, &split_end.unwrap()));
        prop_assert_eq!((tally.bytes_in, tally.bytes_out), (stream.len() as u64, out.len() as u64));

        let (schema, shown) = read(&out);
        let whole = DataType::Struct(schema.fields().clone());
        let expect: Vec<Value> = json
            .as_array()
            .into_iter()
            .flatten()
            .map(|record| without_nulls(fitted(record, &whole)))
            .collect();
        if !schema.fields().is_empty() && batch.num_rows() > 0 {
            let first: Vec<Value> = records(&shown[0]).into_iter().map(without_nulls).collect();
            prop_assert_eq!(&first, &expect, "{:?}", batch);
            prop_assert_eq!(tally.records as usize, batch.num_rows() + batch.num_rows() / 2);
        }
        let mut left = Vec::new();
        names(&json, "$", &mut left);
        let mut fit = Vec::new();
        expect.iter().for_each(|record| names(record, "$", &mut fit));
        left.retain(|name| !fit.contains(name));
        prop_assert!(left.is_empty() || batch.num_rows() == 0, "{left:?} did not leave: {batch:?}");
        // Counted alike, whatever became of the values.
        let (_, counted) = masked(&write(std::slice::from_ref(&batch))).unwrap();
        prop_assert_eq!(&told.labels, &counted.labels, "{:?}", batch);
        prop_assert_eq!(told.subjects.unwrap().subjects, tally.subjects.unwrap().subjects);
        prop_assert_eq!(told.found.len(), tally.found.len());
    }

    #[test]
    fn rows_are_judged_as_in_json(
        k in prop::collection::vec(prop::option::of(prop::sample::select(vec!["west", "east", ""])), 0..12),
        counts in prop::collection::vec(prop::option::of(0_i64..10), 12),
        cap in prop::option::of(0_u64..6),
    ) {
        let counts = Int64Array::from(counts[..k.len()].to_vec());
        let texts: ArrayRef = Arc::new(StringArray::from(k.clone()));
        let batch = batch(vec![("k", texts), ("b", Arc::new(counts)), ("p", Arc::new(StringArray::from(k)))]);
        let lines: String = records(&batch).iter().map(|record| format!("{record}\n")).collect();
        let (json, told) = carry(sieving(&Format::JsonLines, cap), lines.as_bytes(), usize::MAX);
        let (out, tally) = carry(sieving(&STREAM, cap), &write(&[batch]), usize::MAX);
        let (_, shown) = read(&out);
        let first: Vec<Value> = shown.iter().flat_map(records).map(without_nulls).collect();
        let json = String::from_utf8(json).unwrap();
        let expect: Vec<Value> =
            json.lines().map(|line| without_nulls(serde_json::from_str(line).unwrap())).collect();
        prop_assert_eq!(first, expect);
        let (told, tally) = (told.unwrap(), tally.unwrap());
        prop_assert_eq!(
            (told.records, told.dropped_records, told.filtered_records),
            (tally.records, tally.dropped_records, tally.filtered_records)
        );
    }
}

#[test]
fn small_batches_at_every_split() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("李明"), None]);
    list.append_null();
    let batch = batch(vec![
        ("k", Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef),
        ("p", Arc::new(StringViewArray::from(vec!["浙江省杭州市西湖区", "x"])) as ArrayRef),
        ("t", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("e", Arc::new(list.finish()) as ArrayRef),
        ("n", Arc::new(StringArray::from(vec!["secret", "secret"])) as ArrayRef),
    ]);
    let stream = write(&[batch.clone(), batch]);
    let (whole, end) = carry(masker(&STREAM), &stream, usize::MAX);
    let tally = end.unwrap();
    for split in 0..stream.len() {
        let (mut masker, (first, second)) = (masker(&STREAM), stream.split_at(split));
        let mut out = masker.mask(first).unwrap();
        out.append(masker.mask(second).unwrap());
        let (last, told) = masker.mask_end().unwrap();
        out.append(last);
        assert_eq!((out.into_bytes(), told), (whole.clone(), tally.clone()), "split at {split}");
    }
    assert_eq!(carry(masker(&STREAM), &stream, 1).0, whole, "byte by byte");
    let names: Vec<String> = read(&whole).0.fields().iter().map(|field| field.to_string()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}
