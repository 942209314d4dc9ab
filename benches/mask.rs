//! Masking JSON, against serde_json reading the same bytes without keeping anything (`IgnoredAny`) and
//! against struson passing them through from reader to writer.
//!
//! `cargo bench --bench mask` prints criterion's figures and then, from one interleaved run, the
//! ratios of the rates: the aims are 0.4 of serde_json and 5 times struson where 3 of 8 fields of a
//! record are masked, and less than 5 µs for an answer of 1 KiB. The last line is what the process
//! grew by while 1 GiB was masked piece by piece: the aim is less than 8 MiB.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use struson::reader::{JsonReader, JsonStreamReader};
use struson::writer::{JsonStreamWriter, JsonWriter};
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{LabelAction, Partial, TokenKey};
use zhamen::engine::mask::{Format, LabelRule, MaskLimits, Masked, Masker, Plan};
use zhamen::engine::terms::DisclosureMode;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FIELDS: [&str; 8] =
    ["personId", "name", "mobile", "address", "maritalStatus", "registeredOn", "amount", "active"];

/// What happens to `personId`, `name` and `mobile`; the other five are kept.
#[derive(Clone, Copy)]
enum Job {
    Keep,
    Mask,
    Drop,
}

const JOBS: [(&str, Job); 3] =
    [("8 kept", Job::Keep), ("3 of 8 masked", Job::Mask), ("3 of 8 dropped", Job::Drop)];
const SIZES: [(&str, usize); 3] = [("1 KiB", 1 << 10), ("64 KiB", 64 << 10), ("8 MiB", 8 << 20)];

/// Records until the body has so many bytes.
fn body(size: usize) -> Vec<u8> {
    let mut body = String::from(r#"{"data":["#);
    let mut number = 0;
    while body.len() + 2 < size || number == 0 {
        if number > 0 {
            body.push(',');
        }
        body.push_str(&format!(
            concat!(
                r#"{{"personId":"33010619900307{:04}","name":"张小{}","mobile":"1380000{:04}","#,
                r#""address":"浙江省杭州市西湖区文三路{}号","maritalStatus":"MARRIED","#,
                r#""registeredOn":"2019-05-20","amount":{}.50,"active":true}}"#
            ),
            number % 10_000,
            number % 7,
            number % 10_000,
            number % 900,
            number * 37 % 100_000
        ));
        number += 1;
    }
    body.push_str("]}");
    body.into_bytes()
}

fn fields() -> Arc<FieldMap> {
    let paths: Vec<_> =
        FIELDS.iter().enumerate().map(|(index, field)| (format!("$.data[*].{field}"), index)).collect();
    Arc::new(FieldMap::compile(&paths).expect("the paths are good"))
}

fn plan(job: Job) -> Arc<Plan> {
    let masks = [Partial::Keep { first: 1, last: 2 }, Partial::Name, Partial::Keep { first: 3, last: 4 }];
    let rule = |index: usize| match (job, masks.get(index)) {
        (Job::Mask, Some(mask)) => (DisclosureMode::Partial, LabelAction::Partial(mask.clone())),
        (Job::Drop, Some(_)) => (DisclosureMode::None, LabelAction::Drop),
        (Job::Keep, _) | (_, None) => (DisclosureMode::Clear, LabelAction::Keep),
    };
    // As in every catalogue with personal data: so kept texts are looked at for references, too.
    let kinds = [Kind::ResidentId, Kind::Name, Kind::Mobile];
    let with_kind = |index: usize| (rule(index), kinds.get(index).copied());
    let actions =
        (0..FIELDS.len()).map(with_kind).map(|((mode, action), kind)| LabelRule { mode, action, kind });
    Arc::new(Plan {
        actions: actions.collect(),
        token_key: TokenKey::derive(&[1; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Default::default(),
    })
}

/// The whole of a body, in pieces as they come from a connection.
fn mask(fields: &Arc<FieldMap>, plan: &Arc<Plan>, body: &[u8]) -> usize {
    let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
    let mut masker = Masker::new(&Format::Json, Arc::clone(fields), Arc::clone(plan), limits);
    let mut length = 0;
    for piece in body.chunks(16 << 10) {
        length += masker.mask(piece).expect("the body is good").len();
    }
    let mut rest = Masked::nothing();
    masker.finish(&mut rest).expect("the body is good");
    length + rest.len()
}

fn validate(body: &[u8]) {
    let value: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(body);
    black_box(value.expect("the body is good"));
}

fn pass_through(body: &[u8]) {
    let mut written = Vec::with_capacity(body.len());
    let mut writer = JsonStreamWriter::new(&mut written);
    JsonStreamReader::new(body).transfer_to(&mut writer).expect("the body is good");
    writer.finish_document().expect("one document was written");
    black_box(written);
}

fn rates(criterion: &mut Criterion) {
    let fields = fields();
    for (size, bytes) in SIZES {
        let body = body(bytes);
        let mut group = criterion.benchmark_group(size);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("serde_json IgnoredAny", |bench| bench.iter(|| validate(black_box(&body))));
        group.bench_function("struson", |bench| bench.iter(|| pass_through(black_box(&body))));
        for (name, job) in JOBS {
            let plan = plan(job);
            group.bench_with_input(BenchmarkId::from_parameter(name), &body, |bench, body| {
                bench.iter(|| mask(&fields, &plan, black_box(body)));
            });
        }
        group.finish();
    }
}

/// The shortest of many rounds: what the work costs when nothing else is in the way.
fn shortest(rounds: usize, mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

fn ratios(_: &mut Criterion) {
    let fields = fields();
    for (size, bytes) in SIZES {
        let body = body(bytes);
        let repeat = ((1 << 20) / body.len()).max(1);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / repeat as f64;
        for (name, job) in JOBS {
            let plan = plan(job);
            let (mut theirs, mut ours, mut passed) = (f64::MAX, f64::MAX, f64::MAX);
            for _ in 0..5 {
                passed = passed
                    .min(each(shortest(2, || (0..repeat).for_each(|_| pass_through(black_box(&body))))));
                theirs =
                    theirs.min(each(shortest(8, || (0..repeat).for_each(|_| validate(black_box(&body))))));
                ours = ours.min(each(shortest(8, || {
                    (0..repeat).for_each(|_| {
                        black_box(mask(&fields, &plan, black_box(&body)));
                    });
                })));
            }
            let rate = body.len() as f64 / ours;
            println!(
                "{size}, {name}: {ours:.2} µs, {rate:.0} MB/s; rate by serde_json's {:.2}, by struson's {:.1}",
                theirs / ours,
                passed / ours
            );
        }
    }
}

fn memory(_: &mut Criterion) {
    const ALL: usize = 1 << 30;
    let (fields, plan, body) = (fields(), plan(Job::Mask), body(64 << 10));
    let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
    let mut masker = Masker::new(&Format::Json, fields, plan, limits);
    let records = &body[br#"{"data":["#.len()..body.len() - 2];
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4
    };
    black_box(masker.mask(br#"{"data":["#).expect("good so far"));
    let (mut read, before, start) = (0, resident(), Instant::now());
    while read < ALL {
        black_box(masker.mask(records).expect("good so far"));
        black_box(masker.mask(b",").expect("good so far"));
        read += records.len() + 1;
    }
    let growth = resident().saturating_sub(before);
    println!("1 GiB in {:.1} s: the process grew by {growth} KiB", start.elapsed().as_secs_f64());
}

criterion_group!(benches, rates, ratios, memory);
criterion_main!(benches);
