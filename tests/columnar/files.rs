//! Parquet: what leaves of a file is what leaves of the same batches as a stream.

use crate::support::*;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, StructArray,
};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use zhamen::engine::mask::{Container, FaultKind, Format};

pub const PARQUET: Format = Format::Columnar(Container::Parquet);
const CANARY: &str = "kanarie7391vogel";

fn write_with(batches: &[RecordBatch], properties: WriterProperties) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    out
}

pub fn write_file(batches: &[RecordBatch]) -> Vec<u8> {
    write_with(batches, WriterProperties::builder().build())
}

pub fn read_file(file: &[u8]) -> (Arc<Schema>, Vec<Value>) {
    let file = Bytes::copy_from_slice(file);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    (schema, reader.build().unwrap().flat_map(|batch| records(&batch.unwrap())).collect())
}

fn masked_file(file: &[u8]) -> Result<Vec<u8>, FaultKind> {
    let (out, end) = carry(masker(&PARQUET), file, usize::MAX);
    end.map(|_| out).map_err(|fault| fault.kind)
}

fn text(values: &[&'static str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Kept, masked, withheld, nested.
fn some() -> RecordBatch {
    let dictionary: DictionaryArray<Int32Type> = [Some("李明明"), None, Some(CANARY)].into_iter().collect();
    let member = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
    let whole = StructArray::from(vec![
        (member("k"), text(&["x", "y", "z"])),
        (member("n"), text(&[CANARY; 3])),
        (member("t"), text(&[CANARY; 3])),
    ]);
    batch(vec![
        ("k", text(&["a", "west", "c"])),
        ("w", list_of(&[2, 0, 1])),
        ("p", Arc::new(dictionary)),
        ("b", Arc::new(Int64Array::from(vec![Some(5), None, Some(12345)]))),
        ("n", text(&[CANARY; 3])),
        ("o", Arc::new(whole)),
        ("unknown", text(&[CANARY; 3])),
    ])
}

fn list_of(lengths: &[usize]) -> ArrayRef {
    let total: usize = lengths.iter().sum();
    let field = Arc::new(Field::new("item", DataType::Int32, true));
    let values = Arc::new(Int32Array::from_iter_values(0..total as i32));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths.iter().copied());
    Arc::new(arrow_array::ListArray::new(field, offsets, values, None))
}

#[test]
fn files_show_what_streams_show() {
    let batches = [some(), some().slice(1, 2), some().slice(0, 0)];
    let (stream, end) = carry(masker(&STREAM), &write(&batches), usize::MAX);
    let expect: Vec<Value> = read(&stream).1.iter().flat_map(records).collect();
    let told = end.unwrap();
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, Compression::LZ4_RAW] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = WriterProperties::builder().set_compression(compression);
            let mut properties = properties.set_writer_version(version).set_write_batch_size(2);
            if version == WriterVersion::PARQUET_2_0 {
                properties = properties.set_encoding(Encoding::PLAIN);
            }
            let file = write_with(&batches, properties.build());
            let (out, end) = carry(masker(&PARQUET), &file, 1000);
            let tally = end.unwrap_or_else(|fault| panic!("{compression} {version:?}: {fault}"));
            assert!(!contains(&out, CANARY.as_bytes()), "{compression} {version:?}");
            let (schema, shown) = read_file(&out);
            assert_eq!(Value::from(shown), Value::from(expect.clone()), "{compression} {version:?}");
            assert!(schema.metadata().is_empty());
            assert_eq!((tally.records, &tally.labels), (told.records, &told.labels));
            assert_eq!((tally.bytes_in, tally.bytes_out), (file.len() as u64, out.len() as u64));
            assert_eq!(masked_file(&file[..]), Ok(out));
        }
    }
}

#[test]
fn nothing_beside_values_leaves() {
    let said = || HashMap::from([("pandas".to_owned(), CANARY.to_owned())]);
    let field = Field::new("k", DataType::Utf8, true).with_metadata(said());
    let hidden = Field::new(CANARY, DataType::Utf8, true);
    let schema = Arc::new(Schema::new_with_metadata(vec![field, hidden], said()));
    let batch = RecordBatch::try_new(schema, vec![text(&["a", "b"]), text(&[CANARY; 2])]).unwrap();
    let properties = WriterProperties::builder()
        .set_created_by(CANARY.to_owned())
        .set_bloom_filter_enabled(true)
        .set_key_value_metadata(Some(vec![KeyValue::new(CANARY.to_owned(), CANARY.to_owned())]));
    let file = write_with(&[batch], properties.build());
    let out = masked_file(&file).unwrap();
    assert!(!contains(&out, CANARY.as_bytes()));
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(out)).unwrap();
    assert_eq!(metadata.file_metadata().key_value_metadata(), None);
    let column = metadata.row_group(0).column(0);
    assert!(column.statistics().is_none() && column.bloom_filter_offset().is_none());
    assert_eq!(column.compression(), Compression::UNCOMPRESSED);
}

#[test]
fn rows_are_judged_in_files_too() {
    let k = text(&["west", "east", "west", "west"]);
    let b: ArrayRef = Arc::new(Int64Array::from(vec![5, 50, 4, 5]));
    let file = write_file(&[batch(vec![("k", k), ("b", b), ("p", text(&["a", CANARY, CANARY, CANARY]))])]);
    let (out, end) = carry(sieving(&PARQUET, Some(1)), &file, usize::MAX);
    let tally = end.unwrap();
    assert_eq!((tally.records, tally.dropped_records, tally.filtered_records), (1, 1, 2));
    assert_eq!(Value::from(read_file(&out).1), json!([{"k": "west", "b": 0, "p": "*"}]));
    assert!(!contains(&out, CANARY.as_bytes()));
    // Nothing is shown: a file without columns.
    let none = masked_file(&write_file(&[batch(vec![("n", text(&["a"]))])]));
    assert_eq!(none.map(|out| read_file(&out).1.len()), Ok(0));
}

#[test]
fn what_is_no_file_and_what_is_not_read() {
    let file = write_file(&[some()]);
    let fault = |file: &[u8]| masked_file(file).unwrap_err();
    assert_eq!(fault(b""), FaultKind::Empty);
    assert_eq!(fault(b"PAR1"), FaultKind::Truncated);
    assert_eq!(fault(&file[..file.len() - 1]), FaultKind::Truncated);
    assert_eq!(fault(&file[1..]), FaultKind::Unexpected);
    assert_eq!(fault(&[&file[..], b"Code: 1. DB::Exception"].concat()), FaultKind::Truncated);
    assert_eq!(fault(&write(&[some()])), FaultKind::Unexpected);
    let mut encrypted = file.clone();
    encrypted.truncate(file.len() - 4);
    encrypted.extend_from_slice(b"PARE");
    assert_eq!(fault(&encrypted), FaultKind::UnsupportedEncoding);
    for (length, expect) in [
        (u32::MAX, FaultKind::MessageTooLong),
        ((4 << 20) + 1, FaultKind::MessageTooLong),
        (4 << 20, FaultKind::BadMessage),
        (0, FaultKind::BadMessage),
        (8, FaultKind::BadMessage),
    ] {
        let mut changed = file.clone();
        let at = file.len() - 8;
        changed[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert_eq!(fault(&changed), expect, "{length}");
    }
    let mut many = masker(&PARQUET);
    let mut out = zhamen::engine::mask::Masked::nothing();
    let piece = vec![b'P'; 1 << 20];
    let outcomes: Vec<bool> = (0..33).map(|_| many.push(&piece, &mut out).is_ok()).collect();
    assert_eq!(outcomes.iter().filter(|taken| **taken).count(), 32);
    for encoding in [Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_LENGTH_BYTE_ARRAY] {
        let delta = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding);
        let file = write_with(&[batch(vec![("k", text(&["a"]))])], delta.build());
        assert_eq!(fault(&file), FaultKind::UnsupportedEncoding, "{encoding}");
    }
    assert_eq!(GzipLevel::default().compression_level(), 6, "gzip would be unpacked without a limit");
}

#[test]
fn schemas_within_limits() {
    let deep = |levels| {
        let inner = (0..levels)
            .fold(DataType::Utf8, |inner, _| DataType::Struct(vec![Field::new("k", inner, true)].into()));
        let schema = Arc::new(Schema::new(vec![Field::new("o", inner, true)]));
        masked_file(&write_file(&[RecordBatch::new_empty(schema)])).map(|_| ())
    };
    assert_eq!(deep(12), Ok(()));
    assert_eq!(deep(60), Err(FaultKind::TooDeep));
    let wide = |columns: usize| {
        let fields: Vec<Field> =
            (0..columns).map(|at| Field::new(format!("c{at}"), DataType::Int32, true)).collect();
        masked_file(&write_file(&[RecordBatch::new_empty(Arc::new(Schema::new(fields)))])).map(|_| ())
    };
    assert_eq!(wide(4096), Ok(()));
    assert_eq!(wide(12_289), Err(FaultKind::TooManyColumns));
}

#[test]
fn little_does_not_become_much() {
    // 1 MiB, referred to 2,000 times by a dictionary's runs.
    let long = "x".repeat(1 << 20);
    let many: ArrayRef = Arc::new(StringViewArray::from(vec![long.as_str(); 2000]));
    let keys = Int32Array::from(vec![0; 2000]);
    let one: ArrayRef = Arc::new(StringArray::from(vec![long.as_str()]));
    let dictionary: ArrayRef = Arc::new(DictionaryArray::new(keys, one));
    drop(many);
    for name in ["k", "p"] {
        let large = WriterProperties::builder().set_dictionary_page_size_limit(8 << 20);
        let file = write_with(&[batch(vec![(name, dictionary.clone())])], large.build());
        assert!(file.len() < 4 << 20, "{}", file.len());
        assert_eq!(masked_file(&file), Err(FaultKind::MessageTooLong), "{name}");
    }
    // Nulls take no room in a file.
    let nulls: ArrayRef = arrow_array::new_null_array(&DataType::Int64, (1 << 24) + 1);
    let file = write_file(&[batch(vec![("k", nulls)])]);
    assert!(file.len() < 1 << 20, "{}", file.len());
    assert_eq!(masked_file(&file), Err(FaultKind::TooManyValues));
    let zeros =
        FixedSizeBinaryArray::try_from_iter(std::iter::repeat_n(vec![0_u8; 1 << 10], 1 << 8)).unwrap();
    let parts: Vec<&dyn Array> = vec![&zeros; 1 << 10];
    let zeros = arrow_select::concat::concat(&parts).unwrap();
    let file = write_file(&[batch(vec![("k", zeros)])]);
    assert!(file.len() < 1 << 20, "{}", file.len());
    assert_eq!(masked_file(&file), Err(FaultKind::TooManyValues));
    // What pages unpack to.
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let plain = WriterProperties::builder().set_dictionary_enabled(false).set_compression(zstd);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![long.as_str(); 140]));
    let file = write_with(&[batch(vec![("k", texts)])], plain.build());
    assert!(file.len() < 1 << 20, "{}", file.len());
    assert_eq!(masked_file(&file), Err(FaultKind::MessageTooLong));
}

/// A file that breaks off or has a byte changed: nothing of what is withheld leaves, and nobody panics.
#[test]
fn broken_files() {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let cases = [(Compression::UNCOMPRESSED, 0x91, 1), (Compression::SNAPPY, 0x40, 3), (zstd, 0xff, 3)];
    for (compression, bits, step) in cases {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = write_with(&[some()], properties);
        let length = file.last_chunk::<8>().unwrap().first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let footer = file.len() - 8 - length.unwrap() as usize;
        for at in 0..file.len() {
            assert!(masked_file(&file[..at]).is_err(), "cut at {at}");
        }
        for at in (0..file.len()).step_by(step) {
            let mut changed = file.clone();
            changed[at] ^= bits;
            let (out, _) = carry(masker(&PARQUET), &changed, usize::MAX);
            // A changed name, or the place of another column, may show a column that was withheld.
            let canary = contains(&out, CANARY.as_bytes());
            assert!(at >= footer || !canary, "{compression}: byte {at} of {} by {bits:x}", file.len());
        }
    }
}
