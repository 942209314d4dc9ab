//! What watching costs: one body of records masked with nothing watched, with samples, and in full.
//!
//! `cargo bench --bench detect` prints the time for each record and the ratio to watching nothing, from
//! one interleaved run. All eight fields are kept, so that every value is looked at, and none of them
//! is expected: the worst case. Counting subjects is measured beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};
use zhamen::engine::detect::scan;
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::json::JsonMasker;
use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
use zhamen::engine::mask::watch::{LabelWatch, Watch, Watched};
use zhamen::engine::mask::{LabelRule, MaskLimits, Masked, Plan};
use zhamen::engine::terms::DisclosureMode;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FIELDS: [&str; 8] =
    ["personId", "name", "mobile", "address", "maritalStatus", "registeredOn", "remark", "active"];
const RECORDS: usize = 256;
const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(120);

fn body() -> Vec<u8> {
    let record = |number: usize| {
        format!(
            concat!(
                r#"{{"personId":"33010619900307{:04}","name":"张小{}","mobile":"1380000{:04}","#,
                r#""address":"浙江省杭州市西湖区文三路{}号","maritalStatus":"MARRIED","registeredOn":"2019-05-20","#,
                r#""remark":"申请人于{}月提交材料，窗口已受理，待复核后通知本人领取","active":true}}"#
            ),
            number % 10_000,
            number % 7,
            number % 10_000,
            number % 900,
            number % 12
        )
    };
    let records: Vec<String> = (0..RECORDS).map(record).collect();
    format!("{{\"data\":[{}]}}", records.join(",")).into_bytes()
}

fn plan(watch: Watch, subjects: bool) -> Arc<Plan> {
    let kinds = [Some(Kind::ResidentId), None, Some(Kind::Mobile)];
    let rule = |index: usize| LabelRule {
        mode: DisclosureMode::Clear,
        action: LabelAction::Keep,
        kind: kinds.get(index).copied().flatten(),
    };
    let asked = |index| LabelWatch { watch, counts_subjects: subjects && index == 0, ..LabelWatch::NONE };
    Arc::new(Plan {
        actions: (0..FIELDS.len()).map(rule).collect(),
        token_key: TokenKey::derive(&[1; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Watched { labels: (0..FIELDS.len()).map(asked).collect(), key: [1, 2] },
    })
}

fn mask(fields: &Arc<FieldMap>, plan: &Arc<Plan>, body: &[u8]) {
    let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
    let mut masker = JsonMasker::new(Arc::clone(fields), Arc::clone(plan), limits);
    let mut out = Masked::nothing();
    masker.push(body, &mut out).expect("the body is good");
    std::hint::black_box(masker.finish(&mut out).expect("the body is good"));
}

/// Nanoseconds of one call, over one round.
fn timed(mut act: impl FnMut()) -> f64 {
    let (begun, mut calls) = (Instant::now(), 0u32);
    while begun.elapsed() < ROUND {
        act();
        calls += 1;
    }
    begun.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn main() {
    let body = body();
    let paths: Vec<_> =
        FIELDS.iter().enumerate().map(|(at, field)| (format!("$.data[*].{field}"), at)).collect();
    let fields = Arc::new(FieldMap::compile(&paths).expect("the paths are good"));
    let jobs = [
        ("nothing watched", plan(Watch::Off, false)),
        ("subjects counted", plan(Watch::Off, true)),
        ("1/16 watched", plan(Watch::Sample(16), false)),
        ("all watched", plan(Watch::Full, false)),
        ("all watched, subjects counted", plan(Watch::Full, true)),
    ];
    let mut times = vec![Vec::new(); jobs.len()];
    for _ in 0..ROUNDS {
        for ((_, plan), times) in jobs.iter().zip(&mut times) {
            times.push(timed(|| mask(&fields, plan, &body)) / RECORDS as f64);
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    println!("{} bytes a record, {} fields, all kept", body.len() / RECORDS, FIELDS.len());
    println!("| | ns a record | to nothing watched |\n|---|---|---|");
    for ((name, _), time) in jobs.iter().zip(&medians) {
        println!("| {name} | {time:.0} | {:.2} |", time / medians[0]);
    }
    let text = "申请人于三月提交材料，窗口已受理，待复核后通知本人领取。".repeat(100);
    let time = timed(|| {
        scan(std::hint::black_box(&text), |found| {
            std::hint::black_box(found);
        })
    });
    println!("\nChinese text without digits: {:.2} GB/s", text.len() as f64 / time);
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
