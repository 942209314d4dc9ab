//! The register of grants as the public sees it: departments, data, purposes and modes; no application
//! and no policy by name.
//!
//! ```
//! use zhamen::ops::registers::{grants::Register, summary::public};
//! assert!(public(&Register::default()).is_empty());
//! ```

use super::catalogue::interface_zh;
use super::grants::{Grant, PolicyShown, Register};
use super::{page, said, table, word};
use crate::engine::canonical::Language;
use crate::engine::terms::Interface;
use crate::state::snapshot::Snapshot;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One line of the summary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PublicGrant {
    pub department: Arc<str>,
    pub dataset: Arc<str>,
    pub provider: Arc<str>,
    pub interface: &'static str,
    pub purpose: Option<Arc<str>>,
    pub matter_types: BTreeSet<Arc<str>>,
    pub needs: Vec<&'static str>,
    pub labels: BTreeMap<Arc<str>, &'static str>,
    pub legal_basis: Vec<Arc<str>>,
    /// Approvals that the policies carry out (`@grant`).
    pub approvals: Vec<Arc<str>>,
    pub until: Option<String>,
}

/// What is in force between different departments, each line once.
pub fn public(register: &Register) -> Vec<PublicGrant> {
    let of_others = |grant: &&Grant| !grant.revoked && grant.department != grant.provider;
    let lines: BTreeSet<PublicGrant> = register.grants.iter().filter(of_others).map(line).collect();
    lines.into_iter().collect()
}

fn line(grant: &Grant) -> PublicGrant {
    let named = |of: fn(&PolicyShown) -> Option<Arc<str>>| {
        let once: BTreeSet<Arc<str>> = grant.policies.iter().filter_map(of).collect();
        once.into_iter().collect()
    };
    PublicGrant {
        department: grant.department.clone(),
        dataset: grant.dataset.clone(),
        provider: grant.provider.clone(),
        interface: grant.interface,
        purpose: grant.purpose.clone(),
        matter_types: grant.matter_types.clone(),
        needs: grant.needs.clone(),
        labels: grant.labels.clone(),
        legal_basis: named(|policy| policy.cite.clone()),
        approvals: named(|policy| policy.grant.clone()),
        until: grant.until.clone(),
    }
}

/// The public summary as a document.
pub fn document(register: &Register) -> serde_json::Value {
    serde_json::json!({
        "policy_digest": register.policy_digest,
        "complete": register.complete,
        "grants": public(register),
    })
}

/// The public summary as a page.
pub fn html(register: &Register, snapshot: &Snapshot, language: Language) -> String {
    let words = |zh, en| word(language, zh, en);
    let heads = [
        words("使用部门", "Receiving department"),
        words("数据集", "Dataset"),
        words("提供部门", "Providing department"),
        words("接口", "Interface"),
        words("用途", "Purpose"),
        words("办件类型", "Kinds of matter"),
        words("另需", "Also needed"),
        words("可见内容", "What is shown"),
        words("有效期至", "Until"),
    ];
    let names = Names { snapshot, language };
    let lines = public(register);
    let rows = lines.iter().map(|grant| names.row(grant));
    let note = words(
        "本表由现行策略逐项判定得出，为各情形下可见内容的上限；风险升高、未成年人等情形下会更少。",
        "Derived by putting each case to the policies in force. It states the most that is shown: with \
         a raised risk, or of a minor, it is less.",
    );
    let incomplete = match register.complete {
        true => "",
        false => words("（未能列全）", " (Not complete.)"),
    };
    let body = format!("<p>{note}{incomplete}</p>\n{}", table(&heads, rows));
    page(language, words("授权登记", "Register of grants"), &body)
}

struct Names<'a> {
    snapshot: &'a Snapshot,
    language: Language,
}

impl Names<'_> {
    fn row(&self, grant: &PublicGrant) -> Vec<String> {
        let catalogue = &self.snapshot.catalogue;
        let said = |text| said(text, self.language).to_owned();
        let department = |code: &Arc<str>| {
            catalogue.departments.get(code).map_or(code.to_string(), |known| said(&known.title))
        };
        let any = || word(self.language, "不限", "any").to_owned();
        let purpose = grant.purpose.as_ref().filter(|id| !id.starts_with('(')).map_or_else(any, |id| {
            catalogue.purposes.get(id).map_or(id.to_string(), |known| said(&known.title))
        });
        let label = |(id, mode): (&Arc<str>, &&str)| {
            let title = catalogue.labels.get(id).map_or(id.to_string(), |known| said(&known.title));
            format!("{title} {mode}")
        };
        let dataset = catalogue.datasets.get(&grant.dataset);
        let interface = Interface::parse(grant.interface);
        let interface = interface.map_or("", |known| word(self.language, interface_zh(known), known.code()));
        vec![
            department(&grant.department),
            dataset.map_or(grant.dataset.to_string(), |known| said(&known.title)),
            department(&grant.provider),
            interface.to_owned(),
            purpose,
            grant.matter_types.iter().map(|id| &**id).collect::<Vec<_>>().join(", "),
            grant.needs.join(", "),
            grant.labels.iter().map(label).collect::<Vec<_>>().join("; "),
            grant.until.clone().unwrap_or_default(),
        ]
    }
}
