//! How often random text is taken for an identifier, and that real answers raise no alarm.
//!
//! `cargo test --test detect_rates -- --nocapture` prints the table of `benches/detectors.md`. The seed is
//! fixed, so that it is the same table each time; bounds are twice what was measured.

use std::sync::Arc;
use zhamen::catalogue::{Folder, load};
use zhamen::demo::citizens::City;
use zhamen::demo::departments::Department;
use zhamen::demo::departments::routes::{Asked, answer};
use zhamen::engine::detect::scan;
use zhamen::engine::mask::json::JsonMasker;
use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
use zhamen::engine::mask::watch::{LabelWatch, Watch, Watched};
use zhamen::engine::mask::{LabelRule, MaskLimits, Masked, Plan};
use zhamen::engine::terms::DisclosureMode;

/// Texts of each sort.
const TEXTS: usize = 40_000;

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn of(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    fn han(&mut self, length: usize) -> String {
        // The 3,000 or so in common use are spread over this block.
        (0..length).map(|_| char::from_u32(0x4E00 + self.below(0x51A5) as u32).unwrap()).collect()
    }
}

const DIGITS: &[u8] = b"0123456789";
const USCC: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const HEX: &[u8] = b"0123456789abcdef";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// One text of a sort; all are without identifiers but by chance.
fn text(sort: &str, random: &mut Random) -> String {
    let digits = |random: &mut Random, length: &str| random.of(DIGITS, length.parse().unwrap());
    match sort.split_once(' ').unwrap_or((sort, "")) {
        ("digits", length) => digits(random, length),
        ("in-text", length) => {
            format!("订单{}已于昨日发出", digits(random, length))
        }
        ("uscc-like", _) => random.of(USCC, 18),
        ("uscc-shaped", _) => {
            format!("9133{}{}", random.of(DIGITS, 4), random.of(USCC, 10))
        }
        ("hex", length) => random.of(HEX, length.parse().unwrap()),
        ("code", length) => random.of(LETTERS, length.parse().unwrap()),
        ("amount", _) => format!("{}.{:02}", random.below(10_000_000), random.below(100)),
        ("moment", _) => format!(
            "20{:02}-{:02}-{:02} {:02}:{:02}:{:02}",
            random.below(30),
            1 + random.below(12),
            1 + random.below(28),
            random.below(24),
            random.below(60),
            random.below(60)
        ),
        ("millis", _) => format!("{}", 1_400_000_000_000 + random.below(400_000_000_000)),
        ("chinese", _) => {
            let mut text = random.han(120);
            for _ in 0..4 {
                let (length, count) = (1 + random.below(6), random.below(30));
                text.push_str(&format!(
                    "{}第{}条{}",
                    random.han(20),
                    random.of(DIGITS, length),
                    random.han(count)
                ));
            }
            text
        }
        (sort, _) => panic!("{sort}"),
    }
}

/// Sort, and the most of 100,000 texts that may be taken for something.
const SORTS: &[(&str, f64)] = &[
    ("digits 18", 250.0),
    ("digits 17", 250.0),
    ("digits 16", 4500.0),
    ("digits 19", 2600.0),
    ("digits 15", 2600.0),
    ("digits 13", 2200.0),
    ("digits 11", 8000.0),
    ("digits 10", 1.0),
    ("digits 9", 1.0),
    ("digits 8", 1.0),
    ("in-text 18", 250.0),
    ("in-text 16", 220.0),
    ("in-text 15", 15.0),
    ("in-text 11", 8000.0),
    ("uscc-like", 15.0),
    ("uscc-shaped", 250.0),
    ("hex 32", 5.0),
    ("hex 64", 5.0),
    ("code 9", 15.0),
    ("code 17", 5.0),
    ("code 20", 5.0),
    ("amount", 1.0),
    ("moment", 1.0),
    ("millis", 1.0),
    ("chinese", 5.0),
];

#[test]
fn random_text_is_seldom_taken_for_an_identifier() {
    let mut random = Random(0x5eed);
    let mut wrong = Vec::new();
    println!("| random text | taken for something | most often for |\n|---|---|---|");
    for (sort, bound) in SORTS {
        let (mut taken, mut kinds) = (0u32, std::collections::BTreeMap::new());
        for _ in 0..TEXTS {
            let text = text(sort, &mut random);
            let mut any = false;
            scan(&text, |found| {
                any = true;
                *kinds.entry(found.kind).or_insert(0u32) += 1;
            });
            taken += u32::from(any);
        }
        let rate = f64::from(taken) * 100_000.0 / TEXTS as f64;
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let most: Vec<String> = kinds.iter().take(2).map(|(kind, count)| format!("{kind} {count}")).collect();
        println!("| {sort} | {:.4} % | {} |", rate / 1000.0, most.join(", "));
        if rate > *bound {
            wrong.push(format!("{sort}: {rate} of 100,000, at most {bound}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every answer of every department, all of it shown and all of it watched: nothing is found but what
/// the labels say.
#[test]
fn the_departments_answers_raise_no_alarm() {
    let policies = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let catalogue = load(&Folder::read(&policies).unwrap()).unwrap();
    let city = City::generate();
    let mut looked_at = 0;
    for department in Department::ALL {
        for person in city.people.iter().map(|person| person.id.as_str()).chain(["91330100MA2DEMA108"]) {
            for (path, dataset) in routes(*department) {
                let path = path.replace("{id}", person);
                let asked = Asked { method: "GET", path: &path, query: None, body: b"" };
                let body = answer(&city, *department, &asked).body;
                let dataset = &catalogue.datasets[*dataset];
                let keep = |label: &Arc<zhamen::engine::dataset::Label>| LabelRule {
                    mode: DisclosureMode::Clear,
                    action: LabelAction::Keep,
                    kind: label.kind,
                };
                let watch = LabelWatch { watch: Watch::Full, ..LabelWatch::NONE };
                let plan = Plan {
                    actions: dataset.labels.iter().map(keep).collect(),
                    token_key: TokenKey::derive(&[0; 32], "", "").into(),
                    claim: None,
                    today: (2026, 11, 22),
                    records_max: None,
                    subject: None,
                    watched: Watched { labels: vec![watch; dataset.labels.len()].into(), key: [0; 2] },
                };
                let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
                let mut masker = JsonMasker::new(dataset.fields.clone(), Arc::new(plan), limits);
                let mut out = Masked::nothing();
                masker.push(&body, &mut out).unwrap();
                let tally = masker.finish(&mut out).unwrap();
                looked_at += tally.looked_at;
                let labels: Vec<&str> =
                    tally.found.iter().map(|found| &*dataset.labels[found.label].id).collect();
                assert!(tally.found.is_empty(), "{}: {labels:?} {:?}", dataset.id, tally.found);
            }
        }
    }
    println!("{looked_at} values looked at, none taken for something else");
    assert!(looked_at > 1000, "{looked_at}");
}

fn routes(department: Department) -> &'static [(&'static str, &'static str)] {
    match department {
        Department::CivilAffairs => &[
            ("/civil-affairs/v1/marriages/{id}", "marriage"),
            ("/civil-affairs/v1/low-income/{id}", "low-income"),
        ],
        Department::RealEstate => &[("/real-estate/v1/properties/{id}", "property")],
        Department::PublicSecurity => &[("/public-security/v1/households/{id}", "household")],
        Department::Health => &[("/health/v1/emergency-records/{id}", "emergency-record")],
        Department::MarketRegulation => &[("/market-regulation/v1/enterprises/{id}", "enterprise")],
        Department::SocialInsurance => &[("/social-insurance/v1/contributions/{id}", "contribution")],
        Department::Tax => &[("/tax/v1/income/{id}", "income-tax")],
        Department::DataBureau => &[("/data-bureau/v1/statistics", "open-statistics")],
    }
}
