//! What is met, and what comes of it: the table in the walker's own words, as tests.

use crate::support::*;
use arrow_array::builder::*;
use arrow_array::types::{ArrowTimestampType, Int32Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, DictionaryArray, DurationSecondArray, Int8Array,
    Int32Array, Int64Array, ListViewArray, NullArray, RecordBatch, RunArray, StringArray, StructArray,
    Time32SecondArray, TimestampMillisecondArray, UnionArray,
};
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MessageHeader, MetadataVersion, Type};
use arrow_schema::{DataType, Field, Schema, UnionFields};
use flatbuffers::{FlatBufferBuilder, WIPOffset};
use serde_json::{Value, json};
use std::sync::Arc;
use zhamen::engine::mask::FaultKind;

fn text(values: &[&'static str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The type and the values that a column leaves as; none if it does not.
fn becomes(name: &str, column: ArrayRef) -> Result<Option<(DataType, Value)>, FaultKind> {
    let there = text(&["x"; 100]).slice(0, column.len());
    let (out, _) = masked(&write(&[batch(vec![("k", there), (name, column)])]))?;
    let (schema, shown) = read(&out);
    let Some((place, field)) = schema.fields().find(name) else { return Ok(None) };
    Ok(Some((field.data_type().clone(), values(shown[0].column(place)).into())))
}

#[test]
fn masks_and_types() {
    let date: ArrayRef = Arc::new(Date32Array::from(vec![Some(7271), None]));
    let zoned = TimestampMillisecondArray::from(vec![Some(1_000_000_000_123)]).with_timezone("UTC");
    let plain = TimestampMillisecondArray::from(vec![1_000_000_000_000]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(12345), None]));
    let dictionary: DictionaryArray<Int32Type> = vec![Some("李明明"), None].into_iter().collect();
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 3]), &text(&["yes", "no"])).unwrap();
    let runs: ArrayRef = Arc::new(runs);
    let bools: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None]));
    let time: ArrayRef = Arc::new(Time32SecondArray::from(vec![3661]));
    let nulls: ArrayRef = Arc::new(NullArray::new(2));
    let token = |value: &Value| value.as_str().is_some_and(|text| text.len() > 8);
    for (name, column, shown, expect) in [
        ("p", text(&["李明明", ""]), DataType::Utf8, json!(["李*明", ""])),
        ("p", numbers.clone(), DataType::Int64, json!([0, 10005, null])),
        ("p", Arc::new(dictionary) as ArrayRef, DataType::Utf8, json!(["李*明", null])),
        ("p", bools.clone(), DataType::Boolean, json!([null, null])),
        ("b", numbers.clone(), DataType::Int64, json!([0, 1000, null])),
        ("b", Arc::new(Int8Array::from(vec![5, 100])), DataType::Int8, json!([0, 10])),
        ("b", text(&["5", "x", "50"]), DataType::Utf8, json!(["(,10)", null, "[10,1000)"])),
        ("v", numbers.clone(), DataType::Boolean, json!([false, false, false])),
        ("v", text(&["yes", "no", ""]), DataType::Boolean, json!([true, false, false])),
        ("v", runs, DataType::Boolean, json!([true, false, false])),
        ("v", date.clone(), DataType::Boolean, json!([false, false])),
        ("v", nulls.clone(), DataType::Boolean, json!([false, false])),
        ("d", date.clone(), DataType::Utf8, json!(["1989-11-28", null])),
        ("d", Arc::new(zoned), DataType::Utf8, json!(["2001-09-09"])),
        ("d", Arc::new(plain), DataType::Utf8, json!(["2001-09-09"])),
        ("d", time, DataType::Utf8, json!([null])),
        ("all", date.clone(), DataType::Date32, json!(["1989-11-28", null])),
        ("all", bools, DataType::Boolean, json!([true, null])),
    ] {
        assert_eq!(becomes(name, column.clone()), Ok(Some((shown, expect))), "{name} {column:?}");
    }
    let (shown, tokens) = becomes("t", numbers).unwrap().unwrap();
    assert_eq!(shown, DataType::Utf8);
    assert!(token(&tokens[0]) && token(&tokens[1]) && tokens[2].is_null() && tokens[0] != tokens[1]);
    assert_eq!(becomes("t", nulls).unwrap().unwrap().0, DataType::Null);
    assert_eq!(becomes("n", date), Ok(None));
}

#[test]
fn instants_are_read_in_chinas_time() {
    // The last second of a day in UTC is in the next one in China.
    let night = 1_000_079_999_000;
    let value = |zone: Option<&str>| -> Value {
        let array = TimestampMillisecondArray::from(vec![night, i64::MAX]).with_timezone_opt(zone);
        becomes("d", Arc::new(array)).unwrap().unwrap().1
    };
    assert_eq!(value(None), json!(["2001-09-09", null]));
    for zone in ["UTC", "+00:00", "America/New_York", "nowhere"] {
        assert_eq!(value(Some(zone)), json!(["2001-09-10", null]), "{zone}");
    }
    assert_eq!(TimestampMillisecondType::UNIT, arrow_schema::TimeUnit::Millisecond);
}

#[test]
fn types_that_no_mask_can_treat() {
    let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
    let whole: ArrayRef = Arc::new(StructArray::from(vec![(field("k", DataType::Utf8), text(&["a"]))]));
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("x");
    map.values().append_value("y");
    map.append(true).unwrap();
    let map: ArrayRef = Arc::new(map.finish());
    let union = UnionArray::try_new(
        UnionFields::from_fields(vec![Field::new("a", DataType::Utf8, true)]),
        vec![0_i8].into(),
        None,
        vec![text(&["a"])],
    );
    let union: ArrayRef = Arc::new(union.unwrap());
    let views = ListViewArray::new(
        field("item", DataType::Utf8),
        vec![1, 0].into(),
        vec![1, 1].into(),
        text(&["a", "b"]),
        None,
    );
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"a".as_slice()]));
    let duration: ArrayRef = Arc::new(DurationSecondArray::from(vec![1]));
    let unsupported = Err(FaultKind::UnsupportedType);
    for column in [&bytes, &duration, &map, &union] {
        for (name, expect) in [("p", unsupported), ("v", unsupported), ("n", Ok(false))] {
            let shown = becomes(name, column.clone()).map(|shown| shown.is_some());
            assert_eq!(shown, expect, "{name} {column:?}");
        }
    }
    assert_eq!(becomes("all", union.clone()), unsupported.map(|_: bool| None));
    assert_eq!(becomes("unknown", union), Ok(None));
    assert_eq!(becomes("p", whole.clone()), Ok(None), "an object under a masked label is left out whole");
    assert_eq!(becomes("o", text(&["a"])), Ok(None), "a text where an object is expected is unknown");
    // A map has no place of its own for the paths that lead inside.
    assert!(matches!(becomes("o", map.clone()), Err(FaultKind::UnsupportedType)));
    assert!(matches!(becomes("all", map.clone()), Err(FaultKind::UnsupportedType)));
    for (name, column) in [("w", Arc::new(views) as ArrayRef), ("k", bytes), ("k", duration), ("k", map)] {
        let (out, _) = masked(&write(&[batch(vec![(name, column)])])).unwrap();
        let (schema, shown) = read(&out);
        assert_eq!(shown[0].num_columns(), 1);
        if name == "w" {
            assert!(matches!(schema.field(0).data_type(), DataType::List(_)));
            assert_eq!(Value::from(values(shown[0].column(0))), json!([["b"], ["a"]]));
        }
    }
}

#[test]
fn names() {
    let two = |one, other| {
        let fields = vec![Field::new(one, DataType::Utf8, true), Field::new(other, DataType::Utf8, true)];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![text(&["a"]), text(&["b"])]);
        masked(&write(&[batch.unwrap()]))
            .map(|(_, tally)| (tally.records, tally.dropped_unknown, tally.lookalikes))
    };
    assert_eq!(two("k", "k"), Err(FaultKind::DuplicateKey));
    assert_eq!(two("x", "x"), Ok((0, 2, 0)));
    assert_eq!(two("k", "K"), Ok((1, 1, 1)));
    assert_eq!(two("k", ""), Ok((1, 1, 0)));
    assert_eq!(two("n", "s"), Ok((0, 0, 0)));
    let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
    assert_eq!(masked(&write(&[none])), Err(FaultKind::BadHeader));
}

fn stream() -> Vec<u8> {
    write(&[batch(vec![("k", text(&["a", "b"])), ("p", text(&["李明", "c"]))])])
}

fn fault(stream: &[u8]) -> FaultKind {
    masked(stream).unwrap_err()
}

#[test]
fn ends() {
    let whole = stream();
    assert_eq!(&whole[whole.len() - 8..], b"\xff\xff\xff\xff\0\0\0\0");
    assert_eq!(fault(b""), FaultKind::Empty);
    assert_eq!(fault(&whole[..whole.len() - 8]), FaultKind::Truncated, "no marker of the end");
    assert_eq!(fault(&whole[..whole.len() - 9]), FaultKind::Truncated);
    assert_eq!(fault(&[&whole[..], b"\0"].concat()), FaultKind::TrailingData);
    assert_eq!(fault(&[&whole[..], &whole[..]].concat()), FaultKind::TrailingData);
    assert_eq!(fault(b"\xff\xff\xff\xff\0\0\0\0"), FaultKind::Truncated, "no schema");
    assert_eq!(fault(b"ARROW1\0\0\xff\xff\xff\xff"), FaultKind::Unexpected, "the file format");
    assert_eq!(fault(b"Code: 1. DB::Exception: no"), FaultKind::Unexpected);
    assert_eq!(fault(&whole[4..]), FaultKind::Unexpected, "before 0.15 there was no marker");
    let twice = [&whole[..whole.len() - 8], &whole[..]].concat();
    assert_eq!(fault(&twice), FaultKind::Unexpected, "two schemas");
}

#[test]
fn lengths_are_not_believed() {
    let whole = stream();
    let with = |length: i32| {
        let mut changed = whole.clone();
        changed[4..8].copy_from_slice(&length.to_le_bytes());
        fault(&changed)
    };
    assert_eq!(with(-1), FaultKind::BadMessage);
    assert_eq!(with(i32::MAX), FaultKind::MessageTooLong);
    assert_eq!(with((1 << 20) + 1), FaultKind::MessageTooLong);
    assert_eq!(with(1 << 20), FaultKind::Truncated, "no room is made for what did not come");
    assert_eq!(with(8), FaultKind::BadMessage);
}

/// A stream of one message of our own making.
fn message(
    header_type: MessageHeader,
    version: MetadataVersion,
    body_length: i64,
    header: impl FnOnce(&mut FlatBufferBuilder<'static>) -> WIPOffset<flatbuffers::UnionWIPOffset>,
) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let header = header(&mut builder);
    let mut message = arrow_ipc::MessageBuilder::new(&mut builder);
    message.add_version(version);
    message.add_header_type(header_type);
    message.add_bodyLength(body_length);
    message.add_header(header);
    let message = message.finish();
    builder.finish(message, None);
    let data = builder.finished_data();
    [&[0xff; 4], (data.len() as i32).to_le_bytes().as_slice(), data].concat()
}

/// A schema of one column `k` of integers.
fn schema(
    builder: &mut FlatBufferBuilder<'static>,
    endianness: arrow_ipc::Endianness,
    columns: usize,
    bits: i32,
) -> WIPOffset<flatbuffers::UnionWIPOffset> {
    let mut fields = Vec::new();
    for _ in 0..columns {
        let name = builder.create_string(if columns > 1 { "x" } else { "k" });
        let mut int = arrow_ipc::IntBuilder::new(builder);
        int.add_bitWidth(bits);
        int.add_is_signed(true);
        let int = int.finish().as_union_value();
        let mut field = arrow_ipc::FieldBuilder::new(builder);
        field.add_name(name);
        field.add_type_type(Type::Int);
        field.add_type_(int);
        field.add_nullable(true);
        fields.push(field.finish());
    }
    let fields = builder.create_vector(&fields);
    let mut schema = arrow_ipc::SchemaBuilder::new(builder);
    schema.add_endianness(endianness);
    schema.add_fields(fields);
    schema.finish().as_union_value()
}

fn schema_message(endianness: arrow_ipc::Endianness, version: MetadataVersion, columns: usize) -> Vec<u8> {
    message(MessageHeader::Schema, version, 0, |builder| schema(builder, endianness, columns, 64))
}

#[test]
fn schemas() {
    let (little, big) = (arrow_ipc::Endianness::Little, arrow_ipc::Endianness::Big);
    for (endianness, version, columns, expect) in [
        (little, MetadataVersion::V5, 1, FaultKind::Truncated),
        (little, MetadataVersion::V4, 1, FaultKind::Truncated),
        (little, MetadataVersion::V3, 1, FaultKind::UnsupportedEncoding),
        (big, MetadataVersion::V5, 1, FaultKind::UnsupportedEncoding),
        (little, MetadataVersion::V5, 4096, FaultKind::Truncated),
        (little, MetadataVersion::V5, 4097, FaultKind::TooManyColumns),
    ] {
        assert_eq!(fault(&schema_message(endianness, version, columns)), expect, "{version:?} {columns}");
    }
    let odd = message(MessageHeader::Schema, MetadataVersion::V5, 0, |builder| schema(builder, little, 1, 7));
    assert_eq!(fault(&odd), FaultKind::BadMessage);
    let tensor =
        message(MessageHeader::NONE, MetadataVersion::V5, 0, |builder| schema(builder, little, 1, 64));
    assert_eq!(fault(&tensor), FaultKind::BadMessage);
    let deep =
        (0..20).fold(DataType::Utf8, |inner, _| DataType::Struct(vec![Field::new("k", inner, true)].into()));
    let deep = RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new("o", deep, true)])));
    assert_eq!(fault(&write(&[deep])), FaultKind::TooDeep);
}

/// A batch of our own making after a schema of one column `k` of 64-bit integers.
fn lying(rows: i64, node: (i64, i64), buffers: &[(i64, i64)], body: &[u8]) -> FaultKind {
    let schema = schema_message(arrow_ipc::Endianness::Little, MetadataVersion::V5, 1);
    let length = body.len() as i64;
    let batch = message(MessageHeader::RecordBatch, MetadataVersion::V5, length, |builder| {
        let nodes = builder.create_vector(&[arrow_ipc::FieldNode::new(node.0, node.1)]);
        let buffers: Vec<_> =
            buffers.iter().map(|(offset, length)| arrow_ipc::Buffer::new(*offset, *length)).collect();
        let buffers = builder.create_vector(&buffers);
        let mut batch = arrow_ipc::RecordBatchBuilder::new(builder);
        batch.add_length(rows);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        batch.finish().as_union_value()
    });
    let end = b"\xff\xff\xff\xff\0\0\0\0";
    let stream = [&schema[..], &batch, body, end].concat();
    masked(&stream).map_or_else(|kind| kind, |(_, tally)| panic!("{tally:?}"))
}

#[test]
fn batches_are_not_believed() {
    let body = [0; 64];
    for (rows, node, buffers, expect) in [
        (2, (2, 0), [(0, 8), (64, 8)], FaultKind::BadMessage),
        (2, (2, 0), [(0, 8), (-8, 16)], FaultKind::BadMessage),
        (2, (2, 0), [(0, 8), (i64::MAX, 16)], FaultKind::BadMessage),
        (2, (2, 0), [(0, 8), (8, -1)], FaultKind::BadMessage),
        (2, (2, 0), [(0, 64), (0, 64)], FaultKind::BadMessage),
        (2, (-2, 0), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (2, (2, 3), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (2, (2, -1), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (-2, (2, 0), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (3, (2, 0), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (9, (9, 0), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (9, (9, 1), [(0, 1), (8, 56)], FaultKind::BadMessage),
        (2, (2, 1), [(0, 8), (8, 16)], FaultKind::BadMessage),
        (1 << 60, (1 << 60, 0), [(0, 8), (8, 16)], FaultKind::TooManyValues),
        (1 << 24, (1 << 24, 0), [(0, 8), (8, 16)], FaultKind::TooManyValues),
    ] {
        assert_eq!(lying(rows, node, &buffers, &body), expect, "{rows} {node:?} {buffers:?}");
    }
    assert_eq!(lying(2, (2, 0), &[(0, 8)], &body), FaultKind::BadMessage);
    let schema = schema_message(arrow_ipc::Endianness::Little, MetadataVersion::V5, 1);
    for (length, expect) in [(-1, FaultKind::BadMessage), (1 << 40, FaultKind::MessageTooLong)] {
        let batch = message(MessageHeader::RecordBatch, MetadataVersion::V5, length, |builder| {
            arrow_ipc::RecordBatchBuilder::new(builder).finish().as_union_value()
        });
        assert_eq!(fault(&[&schema[..], &batch].concat()), expect);
    }
}

#[test]
fn compressed_buffers_are_unpacked_within_limits() {
    let long = "a text that is longer than twelve bytes".repeat(50);
    let many: ArrayRef = Arc::new(StringArray::from(vec![long.as_str(); 100]));
    let batch = batch(vec![("k", many.clone()), ("p", many)]);
    let plain = masked(&write(std::slice::from_ref(&batch))).unwrap().0;
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let options = IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap();
        let mut stream = Vec::new();
        let mut writer = StreamWriter::try_new_with_options(&mut stream, &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        assert!(stream.len() < plain.len() / 10);
        assert_eq!(masked(&stream).unwrap().0, plain, "{codec:?}");
        // The buffer says to be another length, or longer than may be unpacked.
        let length = (long.len() as i64 * 100).to_le_bytes();
        let at = memchr::memmem::rfind(&stream, &length).unwrap();
        for (other, expect) in [
            (7_i64, FaultKind::BadMessage),
            (-2, FaultKind::BadMessage),
            (1 << 27, FaultKind::MessageTooLong),
            (i64::MAX, FaultKind::MessageTooLong),
        ] {
            let mut changed = stream.clone();
            changed[at..at + 8].copy_from_slice(&other.to_le_bytes());
            assert_eq!(fault(&changed), expect, "{codec:?} {other}");
        }
    }
}

#[test]
fn dictionaries_are_replaced_but_do_not_grow() {
    let of = |texts: &[&str]| {
        let array: DictionaryArray<Int32Type> = texts.iter().copied().collect();
        batch(vec![("k", Arc::new(array) as ArrayRef)])
    };
    let batches = [of(&["a"]), of(&["a", "b"])];
    let write = |handling| {
        let options = IpcWriteOptions::default().with_dictionary_handling(handling);
        let mut out = Vec::new();
        let mut writer = StreamWriter::try_new_with_options(&mut out, &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
        drop(writer);
        out
    };
    let (out, tally) = masked(&write(DictionaryHandling::Resend)).unwrap();
    let shown: Vec<Value> = read(&out).1.iter().flat_map(records).collect();
    assert_eq!((Value::from(shown), tally.records), (json!([{"k": "a"}, {"k": "a"}, {"k": "b"}]), 3));
    assert_eq!(fault(&write(DictionaryHandling::Delta)), FaultKind::UnsupportedEncoding);
}

#[test]
fn one_text_does_not_become_many() {
    // 1 MiB, referred to 200 times.
    let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1 << 20)]));
    let keys = Int32Array::from(vec![0; 200]);
    let dictionary: ArrayRef = Arc::new(DictionaryArray::new(keys, long.clone()));
    let ends = Int32Array::from(vec![200]);
    let runs: ArrayRef = Arc::new(RunArray::<Int32Type>::try_new(&ends, &long).unwrap());
    let mut views = StringViewBuilder::new();
    let block = views.append_block("x".repeat(1 << 20).into_bytes().into());
    (0..200).for_each(|_| views.try_append_view(block, 0, 1 << 20).unwrap());
    let views: ArrayRef = Arc::new(views.finish());
    for (column, name) in [(&dictionary, "k"), (&dictionary, "p"), (&runs, "k"), (&views, "k"), (&views, "p")]
    {
        let stream = write(&[batch(vec![(name, column.clone())])]);
        assert!(stream.len() < 2 << 20);
        assert_eq!(fault(&stream), FaultKind::MessageTooLong, "{name} {}", column.data_type());
    }
}
