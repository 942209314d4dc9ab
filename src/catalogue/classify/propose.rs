//! The proposal as a department's file of the catalogue.

use super::guess::{Guess, guesses};
use super::sample::{Field, Sample};
use crate::catalogue::Catalogue;
use crate::engine::identifier::{Kind, organisation_check_char, uscc_check_char};
use crate::engine::mask::watch::names_subjects;
use crate::engine::terms::Level;
use std::fmt::Write as _;

/// What is asked for, besides the sample.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Name of the dataset, of the upstream and of the file: letters, digits and `-`.
    pub name: String,
    /// Unified social credit code of the department; without one a code is made up and said to be.
    pub department: Option<String>,
    /// Scheme, host and port of the upstream.
    pub upstream: String,
    /// The authorities that an https upstream is trusted by; without one the system's.
    pub ca_file: Option<String>,
    /// The datasets, each with its routes.
    pub datasets: Vec<(String, Sample, Vec<Route>)>,
    /// Where the samples came from, in words without values.
    pub origin: String,
}

/// Where Debian and its relatives keep their authorities.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A route of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: String,
    /// A template: identifiers of the sample's address are captures.
    pub path: String,
    /// The capture that is a subject, and its kind.
    pub subject: Option<(String, Kind)>,
    /// Captures that are not.
    pub captures: Vec<String>,
}

/// Writes the file.
pub fn propose(proposal: &Proposal, catalogue: &Catalogue) -> String {
    let mut out = String::new();
    let name = &proposal.name;
    let made_up = proposal.department.is_none();
    let code = proposal.department.clone().unwrap_or_else(|| made_up_code(name));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# Proposed by `zhamen classify` from {}.", proposal.origin);
    let _ = writeln!(out, "# A guess: read each line, and correct it, before anybody is given access.");
    let _ = writeln!(out, "department:");
    let note = if made_up { "  # made up; give the department's own with --department" } else { "" };
    let _ = writeln!(out, "  code: {code}{note}");
    let _ = writeln!(out, "  title: {{zh: {0}, en: {0}}}\n", quoted(name));
    let _ = writeln!(out, "upstreams:\n  {name}:\n    endpoints: [{}]", quoted(&proposal.upstream));
    if proposal.upstream.starts_with("https:") {
        let _ = writeln!(
            out,
            "    tls: {{ca_file: {}}}",
            quoted(proposal.ca_file.as_deref().unwrap_or(SYSTEM_CA))
        );
    }
    out.push('\n');
    let _ = writeln!(out, "datasets:");
    for (place, (dataset, sample, _)) in proposal.datasets.iter().enumerate() {
        push_dataset(&mut out, dataset, place, sample, catalogue);
    }
    if proposal.datasets.iter().any(|(_, _, routes)| !routes.is_empty()) {
        let _ = writeln!(out, "\nroutes:");
    }
    for (dataset, _, routes) in &proposal.datasets {
        routes.iter().for_each(|route| push_route(&mut out, name, dataset, route));
    }
    out
}

fn push_dataset(out: &mut String, name: &str, place: usize, sample: &Sample, catalogue: &Catalogue) {
    let fields = sample.fields();
    let guesses = guesses(&fields, catalogue);
    let labels = || guesses.iter().flatten().map(|guess| &guess.label);
    let level = labels().map(|label| label.level).max().unwrap_or(Level::L1);
    let is_personal = level > Level::L1 || labels().any(|label| label.kind == Some(Kind::ResidentId));
    let code = format!("3{:05}/{}", hash(name) % 100_000, place + 1);
    let _ = writeln!(out, "  {name}:\n    code: {code}  # made up");
    let _ = writeln!(out, "    title: {{zh: {0}, en: {0}}}", quoted(name));
    let _ = writeln!(out, "    level: {level}");
    if is_personal {
        let _ = writeln!(out, "    sharing: CONDITIONAL\n    condition: 凭办件按最小必要原则查询");
    } else {
        let _ = writeln!(out, "    sharing: UNCONDITIONAL");
    }
    let _ = writeln!(out, "    personal: {is_personal}\n    watch: full\n    fields:");
    let mut open = Vec::new();
    let width = guesses.iter().zip(&fields).filter_map(|(guess, field)| {
        guess.as_ref().map(|guess| key(&field.path).chars().count() + guess.label.id.len())
    });
    let width = width.max().unwrap_or(0) + 2;
    for (field, guess) in fields.iter().zip(&guesses) {
        match guess {
            Some(guess) => push_field(out, field, guess, width),
            None if !field.is_container && !is_inside(field, &fields, &guesses) => open.push(field),
            None => {}
        }
    }
    if guesses.iter().all(Option::is_none) {
        let _ = writeln!(out, "      {{}}");
    }
    for field in open {
        let _ = writeln!(out, "      # {}: unclassified  # {}", key(&field.path), shape(field));
    }
}

fn push_field(out: &mut String, field: &Field, guess: &Guess, width: usize) {
    let (path, label) = (key(&field.path), &guess.label.id);
    let pad = " ".repeat(width.saturating_sub(path.chars().count() + label.len()));
    let keyed = if field.path.contains(".*") {
        "; keys are data: those that look like values are dropped"
    } else {
        ""
    };
    let _ = writeln!(out, "      {path}: {label}{pad}# {:.2}: {}{keyed}", guess.confidence, guess.evidence);
}

/// Whether a container around the field carries a label.
fn is_inside(field: &Field, fields: &[Field], guesses: &[Option<Guess>]) -> bool {
    fields.iter().zip(guesses).any(|(other, guess)| {
        let rest = field.path.strip_prefix(other.path.as_str());
        guess.is_some() && other.is_container && rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    })
}

/// What was seen of a field without a guess.
fn shape(field: &Field) -> String {
    let looks = &field.looks;
    let texts = looks.values.saturating_sub(looks.numbers + looks.truths);
    let parts = [
        (texts, "texts"),
        (looks.numbers, "numbers"),
        (looks.truths, "truth values"),
        (looks.nulls, "nulls"),
    ];
    let seen: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if seen.is_empty() { "nothing seen".to_owned() } else { seen.join(", ") }
}

fn push_route(out: &mut String, upstream: &str, dataset: &str, route: &Route) {
    let _ = writeln!(
        out,
        "  - method: {}\n    path: {}\n    dataset: {dataset}",
        route.method,
        quoted(&route.path)
    );
    match &route.subject {
        Some((capture, kind)) => {
            let _ = writeln!(out, "    interface: QUERY\n    subject: {{path: {capture}, kind: {kind}}}");
        }
        None => {
            let _ = writeln!(out, "    interface: BATCH");
        }
    }
    let _ = writeln!(out, "    upstream: {upstream}\n    records_max: 100");
    if !route.captures.is_empty() {
        let _ = writeln!(out, "    parameters:");
    }
    for capture in &route.captures {
        let _ = writeln!(out, "      {capture}: {{type: string, max: 64}}");
    }
}

/// A field path as a key of YAML.
fn key(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_alphanumeric() || "$.[]*_-".contains(c)) && !path.contains(".*");
    if plain { path.to_owned() } else { quoted(path) }
}

/// A text in double quotes, as YAML and JSON write it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A code whose check characters are right, so that the file can be checked before the real one is known.
fn made_up_code(name: &str) -> String {
    let serial = format!("MB{:06}", hash(name) % 1_000_000);
    let inner = organisation_check_char(&serial).unwrap_or('0');
    let first = format!("11100000{serial}{inner}");
    let check = uscc_check_char(&first).unwrap_or('0');
    format!("{first}{check}")
}

/// The same for the same name, in every run (FNV-1a).
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether values of the kind name whom a request is about.
pub(super) fn is_subject(kind: Kind) -> bool {
    names_subjects(Some(kind))
}

/// The route behind an address that was asked for: segments that are data become captures, of which
/// the first that names somebody is the subject.
///
/// ```
/// use zhamen::catalogue::classify::template;
/// let route = template("GET", "/v1/households/330106196502142015/members/7");
/// assert_eq!(route.path, "/v1/households/{id}/members/{part2}");
/// assert_eq!(route.subject.unwrap().0, "id");
/// ```
pub fn template(method: &str, path: &str) -> Route {
    let mut route =
        Route { method: method.to_owned(), path: String::new(), subject: None, captures: Vec::new() };
    let mut count = 0;
    for segment in path.split('/').skip(1) {
        route.path.push('/');
        if !super::looks::is_data(segment) || segment.is_empty() {
            route.path.push_str(segment);
            continue;
        }
        count += 1;
        let kind = [Kind::ResidentId, Kind::Uscc].into_iter().find(|kind| {
            matches!(
                crate::engine::identifier::check(*kind, segment),
                crate::engine::identifier::Verdict::Valid(_)
            )
        });
        let capture =
            if kind.is_some() && route.subject.is_none() { "id".to_owned() } else { format!("part{count}") };
        let _ = write!(route.path, "{{{capture}}}");
        match kind.filter(|_| route.subject.is_none()) {
            Some(kind) => route.subject = Some((capture, kind)),
            None => route.captures.push(capture),
        }
    }
    route
}
