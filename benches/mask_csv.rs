//! How fast tables are masked, beside the csv crate's own pass over the same bytes in the same run.
//!
//! Eight columns of which three are masked, as in the JSON benchmark; ClickHouse's TSV likewise.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use zhamen::engine::mask::{Dialect, Format, LabelRule, MaskLimits, Masked, Masker, Plan};
use zhamen::engine::terms::DisclosureMode;

const COLUMNS: [&str; 8] = ["personId", "name", "day", "visits", "district", "mobile", "office", "note"];
const ROWS: usize = 10_000;
const PIECE: usize = 64 << 10;

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

fn fields() -> Arc<FieldMap> {
    let label = |name: &str| match name {
        "personId" => 1,
        "name" => 2,
        "day" => 3,
        _ => 0,
    };
    let paths: Vec<_> = COLUMNS.iter().map(|name| (format!("$[*].{name}"), label(name))).collect();
    Arc::new(FieldMap::compile(&paths).expect("the paths are sound"))
}

fn plan(masked: bool) -> Arc<Plan> {
    let keep = LabelRule { mode: DisclosureMode::Clear, action: LabelAction::Keep, kind: None };
    let rule = |mode, action, kind| match masked {
        true => LabelRule { mode, action, kind },
        false => keep.clone(),
    };
    let part = LabelAction::Partial(Partial::Keep { first: 1, last: 2 });
    Arc::new(Plan {
        actions: [
            keep.clone(),
            rule(DisclosureMode::Partial, part, Some(Kind::ResidentId)),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Name), Some(Kind::Name)),
            rule(DisclosureMode::Generalised, LabelAction::Generalise(Generalise::Year), None),
        ]
        .into(),
        token_key: TokenKey::derive(&[0; 32], "department", "matter"),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        watched: Default::default(),
    })
}

fn mask(format: &Format, fields: &Arc<FieldMap>, plan: &Arc<Plan>, body: &[u8], out: &mut Masked) {
    let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
    let mut masker = Masker::new(format, Arc::clone(fields), Arc::clone(plan), limits);
    for piece in body.chunks(PIECE) {
        masker.push(piece, out).expect("the table is sound");
    }
    masker.finish(out).expect("the table is whole");
}

fn byte_records(body: &[u8], delimiter: u8) -> usize {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body);
    let (mut record, mut cells) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).expect("the table is sound") {
        cells += record.len();
    }
    cells
}

fn tables(criterion: &mut Criterion) {
    let fields = fields();
    for (name, dialect, quote) in [
        ("csv", Dialect::csv(), "\""),
        ("csv, bare", Dialect::csv(), ""),
        ("clickhouse tsv", Dialect::clickhouse_tsv(false), ""),
    ] {
        let delimiter = dialect.delimiter;
        // A comma in a cell without quotes would be a delimiter.
        let mut body = table(char::from(delimiter), quote);
        if quote.is_empty() && delimiter == b',' {
            body = String::from_utf8(body).expect("text").replace("visit, ", "visit; ").into_bytes();
        }
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64)).sample_size(30);
        group.bench_function("csv crate, ByteRecord", |bencher| {
            bencher.iter(|| byte_records(black_box(&body), delimiter));
        });
        let format = Format::Table(dialect);
        for (what, masked) in [("kept", false), ("3 of 8 masked", true)] {
            let plan = plan(masked);
            group.bench_function(what, |bencher| {
                bencher.iter_batched_ref(
                    Masked::nothing,
                    |out| mask(&format, &fields, &plan, black_box(&body), out),
                    BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, tables);
criterion_main!(benches);
