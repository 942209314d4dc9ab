//! Which entries are meant: conditions that must all hold.

use super::place::Opened;
use crate::cli::{Exit, failed};
use crate::engine::evidence::{Decision, read_time};
use crate::state::usage::{Term, TermKind};
use serde_json::Value;

/// China has one time, eight hours before UTC.
const CHINA_MS: i64 = 8 * 3600 * 1000;

/// Conditions; all that are given must hold.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FilterArguments {
    /// At or after this time: 2026-11-23T01:30:00Z, or a day, which begins at midnight in China
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<i64>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<i64>,
    /// Unified social credit code of the receiving department
    #[arg(long, value_name = "CODE")]
    department: Option<String>,
    /// Client id of the application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Staff id of the officer
    #[arg(long, value_name = "ID")]
    officer: Option<String>,
    /// Dataset of the catalogue
    #[arg(long, value_name = "ID")]
    dataset: Option<String>,
    /// ALLOW, ALLOW_PARTIAL, DENY or REFUSED
    #[arg(long, value_name = "DECISION", value_parser = decision)]
    decision: Option<Decision>,
    /// What the caller was told: E-…
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Kind of entry: request, outcome, reading, reload, tier, start, …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// A request: its decision and its outcome
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// A person or body, whose number is then typed on standard input, never as an argument
    #[arg(long)]
    subject: bool,
    /// One entry, or a range: 17 or 17-40
    #[arg(long, value_name = "N[-M]", value_parser = range)]
    seq: Option<(u64, u64)>,
}

fn time(text: &str) -> Result<i64, String> {
    let midnight = || read_time(&format!("{text}T00:00:00Z")).map(|ms| ms - CHINA_MS);
    read_time(text)
        .or_else(midnight)
        .ok_or_else(|| "not a time (2026-11-23T01:30:00Z) or day (2026-11-23)".to_owned())
}

fn decision(text: &str) -> Result<Decision, String> {
    Decision::parse(text).ok_or_else(|| "one of ALLOW, ALLOW_PARTIAL, DENY, REFUSED".to_owned())
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let range = number(first).zip(number(last)).filter(|(first, last)| first <= last);
    range.ok_or_else(|| "a number from 1 on, or two with `-` between them, ascending".to_owned())
}

/// The conditions, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    arguments: FilterArguments,
    /// The subject's tokens; empty: any.
    tokens: Vec<String>,
}

impl FilterArguments {
    /// Reads the subject's number, where one is to be typed.
    ///
    /// # Errors
    /// As [`Opened::typed_subject`].
    pub fn read(&self, log: &Opened) -> Result<Filter, Exit> {
        let tokens = if self.subject { log.typed_subject()? } else { Vec::new() };
        Ok(Filter { arguments: self.clone(), tokens })
    }

    /// One whose entries can be looked up instead of searched for.
    pub fn names_one(&self) -> Result<(), Exit> {
        match (self.subject, &self.officer) {
            (true, None) | (false, Some(_)) => Ok(()),
            _ => Err(failed(Exit::Usage, &"say either --subject or --officer ID")),
        }
    }
}

impl Filter {
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    pub fn officer(&self) -> Option<&str> {
        self.arguments.officer.as_deref()
    }

    /// What the index of uses finds all meant entries by: a subject; or an officer, where only requests
    /// are meant, because readings of an officer's look-ups are not found by that officer.
    pub fn terms(&self) -> Option<Vec<Term>> {
        let given = &self.arguments;
        if !self.tokens.is_empty() {
            return Some(self.tokens.iter().map(|token| Term::new(TermKind::Subject, token)).collect());
        }
        // What only requests have; or what they are.
        let of_requests = [&given.department, &given.application, &given.dataset, &given.reason];
        let has_decision = given.decision.is_some() || of_requests.iter().any(|text| text.is_some());
        let is_request = has_decision || given.kind.as_deref() == Some("request");
        let officer = given.officer.as_deref().filter(|_| is_request)?;
        Some(vec![Term::new(TermKind::Officer, officer)])
    }

    /// Whether there are conditions besides the subject or officer whose uses are asked for.
    pub fn narrows(&self) -> bool {
        let given = &self.arguments;
        let besides = self.texts().any(|(name, _)| name != "officer");
        besides || given.seq.is_some() || given.from.is_some() || given.to.is_some()
    }

    /// The first and last entry that may be meant.
    pub fn range(&self) -> (u64, u64) {
        self.arguments.seq.unwrap_or((1, u64::MAX))
    }

    /// The conditions in words, for the record. Subjects stand beside it as tokens.
    pub fn words(&self) -> Option<String> {
        let given = &self.arguments;
        let times = [("from", given.from), ("to", given.to)];
        let mut words: Vec<String> =
            times.iter().filter_map(|(name, time)| time.map(|time| format!("{name}={time}"))).collect();
        words.extend(self.texts().map(|(name, text)| format!("{name}={text}")));
        words.extend(given.seq.map(|(first, last)| format!("seq={first}-{last}")));
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Members that must have exactly this text.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let given = &self.arguments;
        let texts = [
            ("department", given.department.as_deref()),
            ("application", given.application.as_deref()),
            ("officer", given.officer.as_deref()),
            ("dataset", given.dataset.as_deref()),
            ("decision", given.decision.map(Decision::code)),
            ("reason", given.reason.as_deref()),
            ("kind", given.kind.as_deref()),
            ("request_id", given.request_id.as_deref()),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name, text?)))
    }

    /// The entry of a line, if it is meant. Lines that lack a wanted text are passed over unread.
    pub fn entry(&self, seq: u64, line: &[u8]) -> Option<Value> {
        let (first, last) = self.range();
        let is_plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        let may_hold = |text: &str| !is_plain(text) || memchr::memmem::find(line, text.as_bytes()).is_some();
        let is_possible = (first..=last).contains(&seq)
            && self.texts().all(|(_, text)| may_hold(text))
            && (self.tokens.is_empty() || self.tokens.iter().any(|token| may_hold(token)));
        if !is_possible {
            return None;
        }
        serde_json::from_slice(line).ok().filter(|entry| self.is_meant(entry))
    }

    fn is_meant(&self, entry: &Value) -> bool {
        let given = &self.arguments;
        let time = ["ts_in", "ts"].iter().find_map(|name| read_time(entry[*name].as_str()?));
        let of_subject = || {
            entry["subject_token"].as_str().is_some_and(|one| self.tokens.iter().any(|token| token == one))
        };
        self.texts().all(|(name, text)| entry[name] == *text)
            && given.from.is_none_or(|from| time.is_some_and(|time| time >= from))
            && given.to.is_none_or(|to| time.is_some_and(|time| time < to))
            && (self.tokens.is_empty() || of_subject())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: FilterArguments,
    }

    fn filter(arguments: &str, tokens: &[&str]) -> Option<Filter> {
        let line = Line::try_parse_from(std::iter::once("x").chain(arguments.split_whitespace())).ok()?;
        Some(Filter { arguments: line.filter, tokens: tokens.iter().map(|one| (*one).to_owned()).collect() })
    }

    #[test]
    fn conditions_hold_together_and_only_exactly() {
        let line = br#"{"v":1,"seq":7,"kind":"request","ts_in":"2026-11-23T01:30:00.500Z","request_id":"r-7","department":"D1","officer":"mz-0417","dataset":"marriage","subject_token":"s1_a","decision":"DENY","reason":"E-NO-GRANT"}"#;
        for (arguments, tokens, expect) in [
            ("", &[][..], true),
            ("--officer mz-0417 --decision DENY --kind request", &[], true),
            ("--officer mz-041", &[], false),
            ("--officer marriage", &[], false),
            ("--reason E-NO-GRANT --request-id r-7 --dataset marriage --department D1", &[], true),
            ("--application x", &[], false),
            ("--seq 7", &[], true),
            ("--seq 8-9", &[], false),
            ("--seq 1-7", &[], true),
            ("--from 2026-11-23", &[], true),
            ("--from 2026-11-24", &[], false),
            ("--to 2026-11-23T01:30:00.500Z", &[], false),
            ("--from 2026-11-23T01:30:00.500Z --to 2026-11-24", &[], true),
            ("", &["s1_a"], true),
            ("", &["k2:s1_x", "s1_a"], true),
            ("", &["s1_b"], false),
            ("", &["mz-0417"], false),
        ] {
            let filter = filter(arguments, tokens).unwrap();
            assert_eq!(filter.entry(7, line).is_some(), expect, "{arguments} {tokens:?}");
        }
        for bad in [
            "--from yesterday",
            "--decision deny",
            "--seq 0",
            "--seq 9-8",
            "--seq x",
            "--subject 330106196502142015",
        ] {
            assert!(filter(bad, &[]).is_none(), "{bad}");
        }
    }
}
