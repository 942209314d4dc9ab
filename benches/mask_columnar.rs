//! How fast columnar answers are masked, beside the arrow crates' own pass over the same bytes in the same
//! run: read and validated, and written again.
//!
//! Eight columns of which three are masked, as in the other benchmarks, in batches of 4,096 records; as an
//! Arrow stream and as a Parquet file that is not compressed.
//!
//! `cargo bench --features columnar --bench mask_columnar` prints, from interleaved rounds, the ratios of the
//! times: how many times as long it takes as reading and writing alone.

mod tables;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{StreamEncoder, StreamWriter};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tables::{COLUMNS, PIECE, fields, mask, plan};
use zhamen::engine::mask::{Container, Format};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 4096;
const BATCHES: usize = 8;
const ROUNDS: usize = 60;

fn batch(from: usize) -> RecordBatch {
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((from..from + ROWS).map(text)))
    };
    let columns: [ArrayRef; 8] = [
        texts(&|row| format!("33010619{:02}{:02}{row:04}15", row % 90 + 10, row % 28 + 1)),
        texts(&|row| format!("章金丝雀{}", row % 10)),
        Arc::new(Date32Array::from_iter_values((from..from + ROWS).map(|row| 20_000 + (row % 28) as i32))),
        Arc::new(Int64Array::from_iter_values((from..from + ROWS).map(|row| (row % 977) as i64))),
        texts(&|_| "330106".to_owned()),
        texts(&|row| format!("138{:08}", row * 7919 % 100_000_000)),
        texts(&|_| "West Lake service hall".to_owned()),
        texts(&|_| "first visit, nothing special".to_owned()),
    ];
    RecordBatch::try_from_iter(COLUMNS.into_iter().zip(columns)).expect("the columns are sound")
}

fn batches() -> Vec<RecordBatch> {
    (0..BATCHES).map(|number| batch(number * ROWS)).collect()
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, batches[0].schema_ref()).expect("a stream");
    batches.iter().for_each(|batch| writer.write(batch).expect("memory"));
    writer.finish().expect("memory");
    drop(writer);
    out
}

fn properties() -> WriterProperties {
    let plain = WriterProperties::builder().set_dictionary_enabled(false);
    plain.set_statistics_enabled(EnabledStatistics::None).build()
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties())).expect("a file");
    batches.iter().for_each(|batch| writer.write(batch).expect("memory"));
    writer.into_inner().expect("memory")
}

/// What the crates need to read and write the same.
fn pass(container: Container, body: &[u8]) -> usize {
    match container {
        Container::Stream => pass_stream(body),
        Container::Parquet => {
            let bytes = Bytes::copy_from_slice(body);
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a file");
            let schema = reader.schema().clone();
            let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties())).expect("a file");
            for batch in reader.with_batch_size(4096).build().expect("a file") {
                writer.write(&batch.expect("sound pages")).expect("memory");
            }
            writer.into_inner().expect("memory").len()
        }
    }
}

fn pass_stream(body: &[u8]) -> usize {
    let (mut decoder, mut encoder, mut out) = (StreamDecoder::new(), None, Vec::new());
    for piece in body.chunks(PIECE) {
        let mut buffer = Buffer::from(piece);
        while !buffer.is_empty() {
            let Some(batch) = decoder.decode(&mut buffer).expect("sound messages") else { continue };
            let encoder = encoder
                .get_or_insert_with(|| StreamEncoder::try_new(batch.schema_ref()).expect("a sound schema"));
            for written in encoder.encode(&batch).expect("memory") {
                out.extend_from_slice(&written);
            }
        }
    }
    out.len()
}

fn seconds(work: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

/// The shortest of many interleaved rounds: what the work costs when nothing else is in the way.
fn main() {
    let (fields, batches) = (fields(), batches());
    for (name, container, body) in [
        ("arrow stream", Container::Stream, stream(&batches)),
        ("parquet", Container::Parquet, file(&batches)),
    ] {
        for (what, masked) in [("all kept", false), ("3 of 8 masked", true)] {
            let plan = plan(masked);
            let (mut theirs, mut ours) = (f64::MAX, f64::MAX);
            for _ in 0..ROUNDS {
                theirs = theirs.min(seconds(|| pass(container, black_box(&body))));
                ours = ours
                    .min(seconds(|| mask(&Format::Columnar(container), &fields, &plan, black_box(&body))));
            }
            let rate = body.len() as f64 / ours / 1e6;
            let each = ours / (ROWS * BATCHES) as f64 * 1e9;
            let ratio = ours / theirs;
            println!(
                "{name}, {what}: {rate:.0} MB/s, {each:.0} ns a record, {ratio:.1} times read and write"
            );
        }
    }
}
