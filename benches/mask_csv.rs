//! How fast tables are masked, beside the csv crate's own pass over the same bytes in the same run.
//!
//! Eight columns of which three are masked, as in the JSON benchmark; ClickHouse's TSV likewise.
//!
//! `cargo bench --bench mask_csv` prints criterion's figures and then, from interleaved rounds, the ratios
//! of the rates: the aim is 0.5 of the csv crate. The two do different work, all of it to the crate's
//! favour: it finds and unquotes cells; we also check every byte for UTF-8 and for what readers would
//! read differently, and write the table again.

mod tables;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Instant;
use tables::{COLUMNS, fields, mask, plan};
use zhamen::engine::mask::{Dialect, Format, Quoting};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 10_000;

fn table(delimiter: char, quote: &str) -> Vec<u8> {
    let mut text = COLUMNS.join(&delimiter.to_string()) + "\n";
    for row in 0..ROWS {
        let day = row % 28 + 1;
        let cells = [
            format!("{quote}33010619{:02}{day:02}{row:04}15{quote}", row % 90 + 10),
            format!("{quote}章金丝雀{}{quote}", row % 10),
            format!("{quote}2026-03-{day:02}{quote}"),
            format!("{}", row % 977),
            format!("{quote}330106{quote}"),
            format!("{quote}138{:08}{quote}", row * 7919),
            format!("{quote}West Lake service hall{quote}"),
            format!("{quote}first visit, nothing special{quote}"),
        ];
        text.push_str(&cells.join(&delimiter.to_string()));
        text.push('\n');
    }
    text.into_bytes()
}

fn byte_records(body: &[u8], dialect: &Dialect) -> usize {
    let quoting = matches!(dialect.quoting, Quoting::Quotes(_));
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(dialect.delimiter).quoting(quoting).from_reader(body);
    let (mut record, mut cells) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).expect("the table is sound") {
        cells += record.len();
    }
    cells
}

const CASES: [(&str, bool); 2] = [("kept", false), ("3 of 8 masked", true)];

/// Each way of writing a table, and the table.
fn bodies() -> [(&'static str, Dialect, Vec<u8>); 3] {
    // A comma in a cell without quotes would be a delimiter.
    let bare = String::from_utf8(table(',', "")).expect("text").replace("visit, ", "visit; ");
    [
        ("csv", Dialect::csv(), table(',', "\"")),
        ("csv, bare", Dialect::csv(), bare.into_bytes()),
        ("clickhouse tsv", Dialect::clickhouse_tsv(false), table('\t', "")),
    ]
}

fn tables(criterion: &mut Criterion) {
    let fields = fields();
    for (name, dialect, body) in bodies() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64)).sample_size(30);
        group.bench_function("csv crate, ByteRecord", |bencher| {
            bencher.iter(|| byte_records(black_box(&body), &dialect));
        });
        let format = Format::Table(dialect);
        for (what, masked) in CASES {
            let plan = plan(masked);
            group.bench_function(what, |bencher| {
                bencher.iter(|| mask(&format, &fields, &plan, black_box(&body)));
            });
        }
        group.finish();
    }
}

fn seconds(work: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

/// The shortest of many interleaved rounds: what the work costs when nothing else is in the way.
fn ratios(_: &mut Criterion) {
    let fields = fields();
    for (name, dialect, body) in bodies() {
        let format = Format::Table(dialect.clone());
        for (what, masked) in CASES {
            let plan = plan(masked);
            let (mut theirs, mut ours) = (f64::MAX, f64::MAX);
            for _ in 0..200 {
                theirs = theirs.min(seconds(|| byte_records(black_box(&body), &dialect)));
                ours = ours.min(seconds(|| mask(&format, &fields, &plan, black_box(&body))));
            }
            let rate = body.len() as f64 / ours / 1e6;
            println!("{name}, {what}: {rate:.0} MB/s, {:.2} of the csv crate", theirs / ours);
        }
    }
}

criterion_group!(benches, tables, ratios);
criterion_main!(benches);
