//! The reconstruction attack: whoever may filter, sort, group, count or select by a masked field reads
//! it out of answers that never show it. A real gateway stands before a real upstream that honours all
//! of it; a program with a budget of thousands of requests tries.
//!
//! Two registers differ only in what masks hide (exact incomes inside their bands, digits of numbers
//! between those shown). Behind the declared catalogue the whole transcript of the attack is the same
//! for both: nothing of the difference was learnt (noninterference), and nothing is recovered. Behind
//! the same catalogue without the declarations the same program recovers all of it: the test can fail.

mod attacker;
mod register;
mod rows;

use crate::support::{Ground, Stage};
use attacker::{Attack, Found};
use register::Register;
use std::sync::Arc;
use zhamen::config::Settings;
use zhamen::config::settings::Quota;

/// Requests of one attack at most.
const BUDGET: usize = 6000;

/// The catalogue as it should be, and the same with every parameter declared harmless.
const PROTECTED: &str = include_str!("oracle/register.yaml");
const POLICY: &str = include_str!("oracle/register.cedar");

fn unprotected() -> String {
    let mut text = String::new();
    for line in PROTECTED.lines() {
        let mut line = line.to_owned();
        if let Some(uses) = line.find("uses: [") {
            let end = line[uses..].find(']').unwrap() + uses + 1;
            line.replace_range(uses..end, "uses: []");
        }
        if let Some(fields) = line.find("fields: {") {
            let (before, words) = line.split_at(fields + "fields: {".len());
            let words = words.replace(": income", ": none").replace(": id-number", ": none");
            line = format!("{before}{words}");
        }
        let is_count =
            line.contains("of: id-number") || line.trim() == "counts:" || line.contains("group_min");
        if !is_count {
            text.push_str(&line);
            text.push('\n');
        }
    }
    assert_ne!(text, PROTECTED);
    text
}

/// Room for thousands of requests: what stops the attack must not be a quota or the defence.
fn patient(settings: &mut Settings) {
    let plenty = Quota { per_second: 100_000, burst: 100_000 };
    let quotas = &mut settings.quotas;
    (quotas.caller, quotas.application, quotas.department, quotas.total) = (plenty, plenty, plenty, plenty);
}

fn stage(catalogue: &str, register: Register) -> Stage {
    let ground = Ground::lay();
    let address = ground.upstream.address.to_string();
    ground.edit("policies/catalogue/data-centre.yaml", |_| catalogue.replace("{upstream}", &address));
    ground.edit("policies/register.cedar", |_| POLICY.to_owned());
    // Tiers would answer in their own way, and the cases ask for them.
    std::fs::remove_file(ground.path("policies/risk-tiers.cedar")).unwrap();
    std::fs::remove_dir_all(ground.path("policies/cases")).unwrap();
    let stage = ground.start(patient);
    stage.upstream().plays(move |heard| register.play(heard));
    stage
}

fn attack(catalogue: &str, register: &Register) -> (Vec<Found>, Arc<[String]>) {
    let stage = stage(catalogue, register.clone());
    let attack = Attack::new(&stage, BUDGET);
    attack.run(&register.names())
}

/// So many of the people's incomes and numbers are known exactly.
fn recovered(found: &[Found], register: &Register) -> (usize, usize) {
    let pairs = || register.people.iter().zip(found);
    let incomes = pairs().filter(|(person, found)| found.income == Some(person.income)).count();
    let numbers = pairs().filter(|(person, found)| found.id.as_deref() == Some(&*person.id)).count();
    (incomes, numbers)
}

#[test]
fn what_is_masked_cannot_be_asked_out_of_the_gateway() {
    let (one, other) = (Register::one(), Register::other());
    assert!(
        one.people.iter().zip(&other.people).all(|(one, other)| {
            one.income != other.income && one.id != other.id && one.name == other.name
        })
    );
    let (found, transcript) = attack(PROTECTED, &one);
    let (_, other_transcript) = attack(PROTECTED, &other);
    assert!(transcript.len() >= 2000, "the attack gave up after {} requests", transcript.len());
    for (place, (one, other)) in transcript.iter().zip(other_transcript.iter()).enumerate() {
        assert_eq!(one, other, "request {place} tells the registers apart");
    }
    assert_eq!(transcript.len(), other_transcript.len());
    assert_eq!(recovered(&found, &one), (0, 0), "{found:?}");
    // What may be asked was answered, so that the silence is not that of a broken route.
    assert!(transcript.iter().filter(|line| line.contains(" 200 ")).count() >= one.people.len());
}

#[test]
fn without_the_declarations_the_same_attack_recovers_everything() {
    let (one, other) = (Register::one(), Register::other());
    let (found, transcript) = attack(&unprotected(), &one);
    let everybody = one.people.len();
    assert_eq!(recovered(&found, &one), (everybody, everybody), "{found:?}");
    let (found, other_transcript) = attack(&unprotected(), &other);
    assert_eq!(recovered(&found, &other), (everybody, everybody), "{found:?}");
    assert_ne!(transcript, other_transcript);
}
