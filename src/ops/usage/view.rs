//! Uses in words that a person understands.

use super::{Language, Page, Seen};
use crate::engine::evidence::Decision;
use crate::engine::terms::{DisclosureMode, Interface, Text};
use crate::state::snapshot::Snapshot;
use serde::Serialize;

/// Names of what stands in the log, in one language.
pub(super) struct Words<'a> {
    pub snapshot: &'a Snapshot,
    pub language: Language,
}

#[derive(Serialize)]
struct PageView<'a> {
    entries: Vec<UseView<'a>>,
    /// Where the next page is; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One use.
#[derive(Serialize)]
struct UseView<'a> {
    time: &'a str,
    action: String,
    receiver: String,
    /// Unified social credit code of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_basis: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matter_type: Option<&'a str>,
    disclosed: Vec<Disclosed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    outcome: Outcome,
    request_id: &'a str,
}

/// What of one privacy class was shown, and how.
#[derive(Serialize)]
struct Disclosed<'a> {
    label: &'a str,
    title: String,
    mode: &'static str,
}

/// What became of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Handed over whole.
    Delivered,
    /// Broken off; a part may have been seen.
    Incomplete,
    /// Nothing was shown.
    Refused,
    /// Not known: under way, or the gateway ended before it was recorded.
    Unknown,
    /// Records of use were read, no data.
    Read,
}

/// A use in the shape of Estonia's Data Tracker.
#[derive(Serialize)]
struct Found<'a> {
    logtime: &'a str,
    action: String,
    receiver: String,
    purpose: String,
}

impl Words<'_> {
    /// The answer of `/usage/v1`.
    pub fn page(&self, page: &Page, next: Option<&str>) -> String {
        let view = PageView {
            entries: page.entries.iter().map(|seen| self.used(seen)).collect(),
            next: next.map(|cursor| format!("{}?cursor={cursor}", super::ask::USAGE)),
        };
        serde_json::to_string(&view).unwrap_or_default()
    }

    /// The answer of `findUsage`.
    pub fn find_usage(&self, page: &Page) -> String {
        let found = page.entries.iter().map(|seen| Found {
            logtime: &seen.time,
            action: self.action(seen),
            receiver: self.receiver(seen),
            purpose: self.purpose(seen).unwrap_or_default(),
        });
        serde_json::to_string(&found.collect::<Vec<_>>()).unwrap_or_default()
    }

    fn used<'s>(&self, seen: &'s Seen) -> UseView<'s> {
        let outcome = outcome(seen);
        let refused = seen.reason.filter(|_| outcome == Outcome::Refused);
        UseView {
            time: &seen.time,
            action: self.action(seen),
            receiver: self.receiver(seen),
            receiver_code: seen.department.as_deref(),
            purpose: self.purpose(seen),
            legal_basis: seen.legal_basis.map(|basis| basis.code()),
            matter_type: seen.matter_type.as_deref(),
            disclosed: self.disclosed(seen, outcome),
            decision: seen.decision.map(|decision| decision.code()),
            reason: refused.map(|reason| match self.language {
                Language::Zh => reason.wording().zh,
                Language::En => reason.wording().en,
            }),
            outcome,
            request_id: &seen.request_id,
        }
    }

    fn disclosed<'s>(&self, seen: &'s Seen, outcome: Outcome) -> Vec<Disclosed<'s>> {
        let catalogue = &self.snapshot.catalogue;
        let shown =
            seen.modes.iter().filter(|one| one.mode != DisclosureMode::None && outcome != Outcome::Refused);
        let disclosed = shown.map(|one| Disclosed {
            label: &one.label,
            title: catalogue
                .labels
                .get(&*one.label)
                .map_or_else(|| one.label.clone(), |label| self.text(&label.title)),
            mode: one.mode.code(),
        });
        disclosed.collect()
    }

    /// What was done with what: the kind of interface and the dataset's title.
    fn action(&self, seen: &Seen) -> String {
        if seen.reader.is_some() {
            return self.one_of("查看了本人数据的使用记录", "Records of the use of your data were read");
        }
        let verb = match (seen.interface, self.language) {
            (Some(Interface::Verify), Language::Zh) => "核验",
            (Some(Interface::Query), Language::Zh) => "查询",
            (Some(Interface::Batch), Language::Zh) => "批量获取",
            (Some(Interface::File), Language::Zh) => "下载",
            (None, Language::Zh) => "访问",
            (Some(Interface::Verify), Language::En) => "Verified against",
            (Some(Interface::Query), Language::En) => "Looked up",
            (Some(Interface::Batch), Language::En) => "Fetched in a batch from",
            (Some(Interface::File), Language::En) => "Downloaded from",
            (None, Language::En) => "Asked for",
        };
        let dataset = seen.dataset.as_deref().unwrap_or_default();
        let title = self.snapshot.catalogue.datasets.get(dataset).map(|one| self.text(&one.title));
        let title = title.unwrap_or_else(|| dataset.to_owned());
        match self.language {
            Language::Zh => format!("{verb}：{title}"),
            Language::En => format!("{verb}: {title}"),
        }
    }

    fn receiver(&self, seen: &Seen) -> String {
        if seen.reader.is_some() {
            return self.one_of("平台审计人员", "The platform's auditors");
        }
        let Some(code) = seen.department.as_deref() else {
            return self.one_of("未证实身份的调用方", "A caller without proof of identity");
        };
        let department = self.snapshot.catalogue.departments.get(code);
        department.map_or_else(|| code.to_owned(), |department| self.text(&department.title))
    }

    fn purpose(&self, seen: &Seen) -> Option<String> {
        let stated = seen.purpose.as_deref()?;
        let purpose = self.snapshot.catalogue.purposes.get(stated);
        Some(purpose.map_or_else(|| stated.to_owned(), |purpose| self.text(&purpose.title)))
    }

    fn text(&self, text: &Text) -> String {
        self.one_of(&text.zh, &text.en)
    }

    fn one_of(&self, zh: &str, en: &str) -> String {
        match self.language {
            Language::Zh => zh.to_owned(),
            Language::En => en.to_owned(),
        }
    }
}

fn outcome(seen: &Seen) -> Outcome {
    match (seen.decision, seen.ended) {
        _ if seen.reader.is_some() => Outcome::Read,
        (Some(Decision::Deny | Decision::Refused) | None, _) => Outcome::Refused,
        (_, None) => Outcome::Unknown,
        (_, Some(ended)) if ended.status.is_some_and(|status| status >= 400) => Outcome::Refused,
        (_, Some(ended)) if ended.delivered => Outcome::Delivered,
        (_, Some(_)) => Outcome::Incomplete,
    }
}
