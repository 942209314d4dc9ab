//! Makes `reference.md` out of the comments in `written.rs`, and reads its defaults back.
//!
//! `ZHAMEN_BLESS=1 cargo test --lib config::reference` writes the page anew.

use super::parse;
use std::fmt::Write as _;

const WRITTEN: &str = include_str!("written.rs");
const PAGE: &str = include_str!("reference.md");

/// One struct or enum of `written.rs`.
struct Section {
    name: String,
    doc: String,
    fields: Vec<Field>,
}

struct Field {
    key: String,
    written_as: String,
    doc: String,
}

impl Field {
    /// The code span after "Default", if there is one.
    fn default(&self) -> Option<&str> {
        let (_, after) = self.doc.split_once("Default `")?;
        after.split_once('`').map(|(value, _)| value)
    }
}

fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut doc = String::new();
    for line in WRITTEN.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(' ');
            doc.push_str(text.trim());
        } else if let Some(rest) = line.strip_prefix("pub(super) struct ") {
            let name = rest.trim_end_matches(" {").to_owned();
            let doc = std::mem::take(&mut doc).trim().to_owned();
            sections.push(Section { name, doc, fields: Vec::new() });
        } else if let Some((key, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let written_as =
                kind.trim_end_matches(',').replace("Option<", "").replace("At<", "").replace('>', "");
            let doc = std::mem::take(&mut doc).trim().to_owned();
            let section = sections.last_mut().expect("a field stands in a struct");
            section.fields.push(Field { key: key.to_owned(), written_as, doc });
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    sections
}

/// What people write there, in words.
fn word(written_as: &str) -> &str {
    match written_as {
        "String" => "text",
        "bool" => "true or false",
        "Period" => "duration",
        "Bytes" => "size",
        "usize" | "u64" | "u32" => "number",
        "Vec<String" | "Vec<Issuer" | "Vec<Witness" | "Vec<SubjectKey" | "Vec<Sink" => "list",
        "FileFormat" => "`json` or `ocsf`",
        "San" => "`uri` or `dns`",
        "Text" => "`{zh: …, en: …}`",
        "BTreeMap<String, u32" | "BTreeMap<String, u16" => "number for each tier",
        other => panic!("reference.rs has no word for {other}"),
    }
}

fn page() -> String {
    let all = sections();
    let mut page = String::from(
        "# Configuration reference\n\n<!-- Generated from src/config/written.rs by \
         `ZHAMEN_BLESS=1 cargo test --lib config::reference`. -->\n\n\
         Durations are a number and a unit (`500ms`, `5s`, `30m`, `12h`, `7d`), sizes a number of bytes \
         (`65536`) or a number and a unit (`64KiB`, `512MiB`). Paths may be relative to the configuration \
         file's folder and may contain `${env:NAME}`. Secrets are only ever named by a file, which its owner \
         alone may read. Unknown keys are refused.\n",
    );
    write_section(&mut page, &all, "Written", "");
    page
}

fn write_section(page: &mut String, all: &[Section], name: &str, path: &str) {
    let section = all.iter().find(|section| section.name == name).expect("every type has its struct");
    let title = if path.is_empty() { "zhamen.yaml" } else { path };
    let _ =
        writeln!(page, "\n## `{title}`\n\n{}\n\n| key | written as | meaning |\n|---|---|---|", section.doc);
    let below = |field: &Field| {
        let name = field.written_as.trim_start_matches("Vec<").to_owned();
        all.iter().any(|section| section.name == name).then_some(name)
    };
    for field in &section.fields {
        let kind = match below(field) {
            Some(_) if !field.written_as.starts_with("Vec<") => "map",
            Some(_) | None => word(&field.written_as),
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} |", field.key, field.doc);
    }
    for field in &section.fields {
        if let Some(name) = below(field) {
            let list = if field.written_as.starts_with("Vec<") { "[]" } else { "" };
            let dot = if path.is_empty() { "" } else { "." };
            write_section(page, all, &name, &format!("{path}{dot}{}{list}", field.key));
        }
    }
}

#[test]
fn the_page_is_up_to_date() {
    if std::env::var_os("ZHAMEN_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/reference.md");
        std::fs::write(path, page()).expect("the page can be written");
        return;
    }
    assert!(page() == PAGE, "src/config/reference.md is stale: see src/config/reference.rs");
}

#[test]
fn every_option_says_its_default_or_that_it_has_none() {
    let all = sections();
    assert!(all.len() > 10, "the comments of written.rs are read");
    for section in &all {
        for field in &section.fields {
            let nested = all.iter().any(|other| other.name == field.written_as);
            let said =
                ["Default", "Required", "Absent", "either"].iter().any(|word| field.doc.contains(word));
            let alone = ["file", "url", "credential_file", "client_ca_file"].contains(&field.key.as_str());
            assert!(!field.doc.is_empty() && (nested || said || alone), "{}.{}", section.name, field.key);
        }
    }
}

#[test]
fn documented_defaults_are_the_real_ones() {
    let all = sections();
    let mut text = String::from("pseudonym_key_file: key\n");
    for name in ["Written", "Data", "Admin", "Limits", "Identity", "Audit", "Catalogue", "Quotas", "Defence"]
    {
        let section = all.iter().find(|section| section.name == name).expect("the struct is there");
        let indent = if name == "Written" { "" } else { "  " };
        if name != "Written" {
            let _ = writeln!(text, "{}:", name.to_lowercase());
        }
        if name == "Data" {
            text.push_str("  tls: {certificate_file: a, key_file: b}\n");
        }
        for (field, default) in section.fields.iter().filter_map(|field| Some((field, field.default()?))) {
            let _ = writeln!(text, "{indent}{}: {default}", field.key);
        }
    }
    let bare = "pseudonym_key_file: key\ndata: {tls: {certificate_file: a, key_file: b}}\n";
    let base = std::path::Path::new("/x");
    let documented = parse("documented", &text, base).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    let real = parse("bare", bare, base).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(format!("{documented:#?}"), format!("{real:#?}"));
}
