//! Batches as streams and as JSON, and one way to mask either.

use arrow_array::cast::AsArray as _;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Schema, TimeUnit};
use serde_json::{Value, json};
use std::sync::Arc;
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use zhamen::engine::mask::sieve::{Order, SieveSpec};
use zhamen::engine::mask::watch::{LabelWatch, OnFind, Watch, Watched};
use zhamen::engine::mask::{
    Container, FaultKind, Format, LabelRule, MaskFault, MaskLimits, Masked, Masker, Plan, Tally,
};
use zhamen::engine::terms::DisclosureMode;

pub const STREAM: Format = Format::Columnar(Container::Stream);
pub const LIMITS: MaskLimits = MaskLimits { depth_max: 16, token_bytes_max: 1 << 20 };

/// `k` is kept, `p` shown in part, `n` dropped, `v` verified, `b` in bands, `t` a token, `d` a day; the
/// same inside of `o`, and of elements of `l`; `e` and `w` are lists of `p` and `k`; `s` names subjects
/// and is dropped; `all` is kept whole, but for `p` inside.
pub fn fields() -> FieldMap {
    let labels = [("k", 0), ("p", 1), ("n", 2), ("v", 3), ("b", 4), ("t", 5), ("d", 6)];
    let mut paths: Vec<(String, usize)> = Vec::new();
    for (name, label) in labels {
        for around in ["", "o.", "l[*]."] {
            paths.push((format!("$.data[*].{around}{name}"), label));
        }
    }
    for (path, label) in [("e[*]", 1), ("w[*]", 0), ("s", 7), ("all", 0), ("all.p", 1), ("m", 8)] {
        paths.push((format!("$.data[*].{path}"), label));
    }
    FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap()
}

pub fn plan(records_max: Option<u64>) -> Plan {
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let subjects = LabelWatch { counts_subjects: true, ..LabelWatch::NONE };
    let masked = LabelWatch { watch: Watch::Full, on_find: OnFind::Mask, ..LabelWatch::NONE };
    let mut watched = vec![LabelWatch::NONE; 9];
    (watched[7], watched[8]) = (subjects, masked);
    Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Keep { first: 1, last: 1 })),
            rule(DisclosureMode::None, LabelAction::Drop),
            rule(DisclosureMode::Verify, LabelAction::Verify),
            rule(
                DisclosureMode::Generalised,
                LabelAction::Generalise(Generalise::Bands { bounds: vec![10, 1000] }),
            ),
            rule(DisclosureMode::Token, LabelAction::Token),
            rule(DisclosureMode::Generalised, LabelAction::Generalise(Generalise::Day)),
            LabelRule { mode: DisclosureMode::None, action: LabelAction::Drop, kind: Some(Kind::ResidentId) },
            rule(DisclosureMode::Clear, LabelAction::Keep),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: Some((3, "yes".into())),
        today: (2026, 11, 22),
        records_max,
        subject: None,
        watched: Watched { labels: watched.into(), key: [1, 2] },
    }
}

pub fn masker(format: &Format) -> Masker {
    Masker::new(format, Arc::new(fields()), Arc::new(plan(None)), LIMITS)
}

/// Rows of the west, groups of five.
pub fn sieving(format: &Format, records_max: Option<u64>) -> Masker {
    let spec = SieveSpec::compile(&["$.data[*].k".into()], &["$.data[*].b".into()], 5).unwrap();
    let order = Order { wanted: vec!["west".into()], suppressed: vec![true; 1], totals_withheld: true };
    Masker::sieving(format, Arc::new(fields()), Arc::new(plan(records_max)), LIMITS, (Arc::new(spec), order))
}

/// What left, and how it ended.
pub fn carry(mut masker: Masker, body: &[u8], piece: usize) -> (Vec<u8>, Result<Tally, MaskFault>) {
    let mut out = Masked::nothing();
    for piece in body.chunks(piece.max(1)) {
        if let Err(fault) = masker.push(piece, &mut out) {
            assert_eq!(masker.push(b"", &mut out), Err(fault), "a fault stays");
            return (out.into_bytes(), Err(fault));
        }
    }
    let end = masker.finish(&mut out);
    (out.into_bytes(), end)
}

pub fn masked(body: &[u8]) -> Result<(Vec<u8>, Tally), FaultKind> {
    let (out, end) = carry(masker(&STREAM), body, usize::MAX);
    end.map(|tally| (out, tally)).map_err(|fault| fault.kind)
}

pub fn write(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, batches[0].schema_ref()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    out
}

pub fn read(stream: &[u8]) -> (Arc<Schema>, Vec<RecordBatch>) {
    let reader = StreamReader::try_new(stream, None).unwrap();
    (reader.schema(), reader.map(Result::unwrap).collect())
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

/// The records of a batch.
pub fn records(batch: &RecordBatch) -> Vec<Value> {
    let mut records = vec![serde_json::Map::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for (record, value) in records.iter_mut().zip(values(column)) {
            record.insert(field.name().clone(), value);
        }
    }
    records.into_iter().map(Value::Object).collect()
}

/// The values of an array.
pub fn values(array: &ArrayRef) -> Vec<Value> {
    (0..array.len()).map(|row| if array.is_null(row) { Value::Null } else { value(array, row) }).collect()
}

fn value(array: &ArrayRef, row: usize) -> Value {
    let lexeme = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Null => Value::Null,
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float64 => lexeme(array.as_primitive::<Float64Type>().value(row).to_string()),
        DataType::Decimal128(..) => lexeme(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(row).unwrap().to_string().into(),
        DataType::Timestamp(TimeUnit::Second, None) => {
            let moment = array.as_primitive::<TimestampSecondType>().value_as_datetime(row).unwrap();
            format!("{moment:?}").into()
        }
        DataType::Struct(fields) => {
            let whole = array.as_struct();
            let members = fields.iter().zip(whole.columns());
            let members = members.map(|(field, column)| (field.name().clone(), values(column)[row].clone()));
            Value::Object(members.collect())
        }
        DataType::List(_) => values(&array.as_list::<i32>().value(row)).into(),
        DataType::LargeList(_) => values(&array.as_list::<i64>().value(row)).into(),
        DataType::FixedSizeList(..) => values(&array.as_fixed_size_list().value(row)).into(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            let key = dictionary.keys().value(row) as usize;
            values(dictionary.values())[key].clone()
        }
        other => panic!("{other} is not expected here"),
    }
}

/// Without members and elements that are null: a masked document leaves out what a masked column makes
/// null.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let there = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(elements) => {
            elements.into_iter().filter(|element| !element.is_null()).map(without_nulls).collect()
        }
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}
