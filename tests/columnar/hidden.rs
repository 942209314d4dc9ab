//! What nobody may see leaves nowhere: not in values, and not in what stands beside them.

use crate::support::*;
use arrow_array::builder::*;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int32Array,
    Int64Array, ListArray, MapArray, PrimitiveArray, RecordBatch, RunArray, StringArray, StringViewArray,
    StructArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

const CANARY: &str = "kanarie7391vogel";
/// As an integer's bytes.
const NUMBER: i64 = 0x6b61_6e61_7269_6537;

/// The canary in the batch itself, but in none of its values that are shown.
fn stays_back(name: &str, column: ArrayRef) {
    let batch = batch(vec![(name, column)]);
    let stream = write(std::slice::from_ref(&batch));
    let number = NUMBER.to_le_bytes();
    assert!(contains(&stream, CANARY.as_bytes()) || contains(&stream, &number), "{name}: {batch:?}");
    let (out, end) = carry(masker(&STREAM), &stream, usize::MAX);
    let tally = end.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(!contains(&out, CANARY.as_bytes()) && !contains(&out, &number), "{name}: {batch:?}");
    let (schema, shown) = read(&out);
    assert_eq!(shown.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, tally.records);
    if schema.fields().iter().all(|field| field.name() == "k" || field.name() == "w") {
        // Kept: every value is there.
        for (shown, given) in shown.iter().flat_map(RecordBatch::columns).zip(batch.columns()) {
            assert_eq!(shown.len(), given.len(), "{name}");
            assert_eq!(shown.logical_null_count(), given.logical_null_count(), "{name}");
        }
    }
}

fn texts_under_nulls() -> StringArray {
    let offsets = OffsetBuffer::from_lengths([1, CANARY.len(), 1]);
    let values = Buffer::from(format!("a{CANARY}b").into_bytes());
    StringArray::new(offsets, values, Some(NullBuffer::from(vec![true, false, true])))
}

fn numbers_under_nulls() -> Int64Array {
    let values = ScalarBuffer::from(vec![1, NUMBER, 2]);
    PrimitiveArray::<Int64Type>::new(values, Some(NullBuffer::from(vec![true, false, true])))
}

#[test]
fn under_nulls() {
    for name in ["k", "p", "t", "v", "b"] {
        stays_back(name, Arc::new(texts_under_nulls()));
        stays_back(name, Arc::new(numbers_under_nulls()));
    }
    let bytes: Vec<u8> = [b"aaaaaaaaaaaaaaaa", CANARY.as_bytes(), b"bbbbbbbbbbbbbbbb"].concat();
    let nulls = || Some(NullBuffer::from(vec![true, false, true]));
    stays_back("k", Arc::new(FixedSizeBinaryArray::new(16, Buffer::from(bytes.clone()), nulls())));
    let offsets = OffsetBuffer::from_lengths([16, 16, 16]);
    stays_back("k", Arc::new(BinaryArray::new(offsets, Buffer::from(bytes), nulls())));
    let mut views = StringViewBuilder::new();
    ["a", CANARY, "b"].iter().for_each(|text| views.append_value(text));
    let views = views.finish();
    let (list, buffers, _) = views.into_parts();
    for name in ["k", "p"] {
        let nulls = nulls();
        stays_back(name, Arc::new(StringViewArray::new(list.clone(), buffers.clone(), nulls)));
    }
}

#[test]
fn under_nulls_of_what_is_around() {
    let texts = || -> ArrayRef { Arc::new(StringArray::from(vec!["a", CANARY, "b"])) };
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, NUMBER, 2])) };
    let nulls = || Some(NullBuffer::from(vec![true, false, true]));
    for (member, column) in [("k", texts()), ("p", texts()), ("k", numbers()), ("b", numbers())] {
        let fields = vec![Field::new(member, column.data_type().clone(), false)];
        let whole: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![column], nulls()));
        stays_back("o", whole.clone());
        stays_back("all", whole.clone());
        let field = Arc::new(Field::new("item", whole.data_type().clone(), true));
        stays_back("l", Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([3]), whole, None)));
    }
    for column in [texts(), numbers()] {
        let field = Arc::new(Field::new("item", column.data_type().clone(), true));
        let offsets = || OffsetBuffer::from_lengths([1, 1, 1]);
        for name in ["w", "e", "k"] {
            let list = ListArray::new(field.clone(), offsets(), column.clone(), nulls());
            stays_back(name, Arc::new(list));
            let list = FixedSizeListArray::new(field.clone(), 1, column.clone(), nulls());
            stays_back(name, Arc::new(list));
        }
    }
}

#[test]
fn beside_what_is_referred_to() {
    let two = |texts: [&'static str; 2]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    // Of a dictionary.
    for name in ["k", "p", "v", "t"] {
        let keys = Int32Array::from(vec![Some(1), None, Some(1)]);
        stays_back(name, Arc::new(DictionaryArray::<Int32Type>::new(keys, two([CANARY, "a"]))));
    }
    // Of runs.
    let ends = Int32Array::from(vec![1, 3]);
    let runs = RunArray::<Int32Type>::try_new(&ends, two([CANARY, "b"]).as_ref()).unwrap();
    let runs: ArrayRef = Arc::new(runs);
    stays_back("n", runs.clone());
    // Of views.
    let long = "a text that is longer than twelve bytes";
    let views = StringViewArray::from(vec![CANARY, long, CANARY]).slice(1, 1);
    stays_back("k", Arc::new(views.clone()));
    stays_back("p", Arc::new(views));
    // Of lists and maps.
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 1, 2]));
    let entries = StructArray::new(
        vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)].into(),
        vec![two(["x", "y"]), two(["a", CANARY])],
        None,
    );
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let nulls = Some(NullBuffer::from(vec![true, false]));
    stays_back("k", Arc::new(MapArray::new(field, offsets, entries, nulls, false)));
}

#[test]
fn in_columns_that_are_not_shown() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![CANARY]));
    for name in ["n", "unknown", "s", "v", "t", "p"] {
        stays_back(name, texts.clone());
        let field = Arc::new(Field::new(name, DataType::Utf8, true));
        let whole = StructArray::from(vec![(field, texts.clone())]);
        stays_back("o", Arc::new(whole));
    }
    // Of a type that no mask can treat.
    for name in ["n", "unknown", "s"] {
        stays_back(name, Arc::new(BinaryArray::from(vec![CANARY.as_bytes()])));
    }
    // Not even as a number's token.
    stays_back("t", Arc::new(Int64Array::from(vec![NUMBER])));
}

#[test]
fn in_names_and_metadata() {
    let said = || HashMap::from([("pandas".to_owned(), CANARY.to_owned()), (CANARY.to_owned(), "x".into())]);
    let inner = Field::new("k", DataType::Utf8, true).with_metadata(said());
    let fields = vec![
        Field::new("k", DataType::Utf8, true).with_metadata(said()),
        Field::new("p", DataType::Utf8, true).with_metadata(said()),
        Field::new("o", DataType::Struct(vec![inner].into()), true).with_metadata(said()),
        Field::new(CANARY, DataType::Utf8, true),
    ];
    let schema = Arc::new(Schema::new_with_metadata(fields.clone(), said()));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["李明"]));
    let DataType::Struct(inner) = fields[2].data_type() else { unreachable!() };
    let whole: ArrayRef = Arc::new(StructArray::new(inner.clone(), vec![text.clone()], None));
    let columns = vec![text.clone(), text.clone(), whole, text];
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    let (out, tally) = masked(&write(&[batch])).unwrap();
    assert!(!contains(&out, CANARY.as_bytes()));
    assert_eq!((tally.records, tally.dropped_unknown), (1, 1));
    assert_eq!(tally.unknown_sample.as_deref(), Some("$[*].?"));
    let (schema, _) = read(&out);
    assert!(schema.metadata().is_empty() && schema.fields().len() == 3);
    assert!(schema.fields().iter().all(|field| field.metadata().is_empty()));
}

#[test]
fn in_records_that_do_not_leave() {
    let k = || Arc::new(StringArray::from(vec!["west", "east", "west", "west"]));
    let b = || Arc::new(Int64Array::from(vec![5, 50, 4, 5]));
    let said = vec!["a", CANARY, CANARY, CANARY];
    let dictionary: DictionaryArray<Int32Type> = said.iter().copied().collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(said.clone())),
        Arc::new(dictionary),
        Arc::new(StringViewArray::from(said)),
    ];
    for column in columns {
        for name in ["all", "p"] {
            let batch = batch(vec![("k", k() as ArrayRef), ("b", b() as ArrayRef), (name, column.clone())]);
            let (out, end) = carry(sieving(&STREAM, Some(1)), &write(&[batch]), usize::MAX);
            let tally = end.unwrap();
            let told = (tally.records, tally.dropped_records, tally.filtered_records);
            assert_eq!(told, (1, 1, 2), "{name}");
            assert!(!contains(&out, CANARY.as_bytes()), "{name}");
        }
    }
}

/// A body that breaks off or has a byte changed: nothing of what is withheld leaves, and nobody panics.
#[test]
fn broken_bodies() {
    let long = "a text that is longer than twelve bytes";
    let dictionary: DictionaryArray<Int32Type> = vec![Some(long), None].into_iter().collect();
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some(CANARY), None]);
    list.append_value([Some("x")]);
    let member = Arc::new(Field::new("n", DataType::Utf8, true));
    let secret: ArrayRef = Arc::new(StringArray::from(vec![CANARY, CANARY]));
    let batch = batch(vec![
        ("k", Arc::new(dictionary) as ArrayRef),
        ("w", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("p", Arc::new(StringViewArray::from(vec![CANARY, long]))),
        ("n", secret.clone()),
        ("e", Arc::new(list.finish())),
        ("o", Arc::new(StructArray::from(vec![(member, secret)]))),
    ]);
    let stream = write(&[batch.clone(), batch]);
    for at in 0..stream.len() {
        let (out, end) = carry(masker(&STREAM), &stream[..at], usize::MAX);
        assert!(end.is_err() && !contains(&out, CANARY.as_bytes()), "cut at {at}");
        for bits in [0x01, 0x80, 0xff] {
            let mut changed = stream.clone();
            changed[at] ^= bits;
            let (out, _) = carry(masker(&STREAM), &changed, usize::MAX);
            // A changed name may make a shown column of a withheld one.
            let names = ["k", "p", "n", "e", "o", "w"];
            let renamed = names.iter().any(|name| stream[at] == name.as_bytes()[0]);
            assert!(renamed || !contains(&out, CANARY.as_bytes()), "byte {at} changed by {bits:x}");
        }
    }
}
