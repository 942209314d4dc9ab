//! Modes → what a masker does and what the caller is told, remembered per judgement.

use crate::engine::dataset::Dataset;
use crate::engine::disclose::Disclosure;
use crate::engine::mask::LabelRule;
use crate::engine::mask::scalar::LabelAction;
use crate::record::Modes;
use foldhash::HashMap;
use hyper::header::HeaderValue;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

/// Judgements remembered at most by one worker; beyond it all are forgotten.
const REMEMBERED_MAX: usize = 4096;

/// A judgement carried out: the same for every answer of one dataset to callers who see the same.
#[derive(Clone)]
pub struct Shown {
    /// By label index of the dataset.
    pub rules: Arc<[LabelRule]>,
    /// By label index: the mode in effect, which a label without a mask for the granted mode lowers.
    pub modes: Modes,
    /// The `Disclosure` header: an RFC 9651 list of labels with `mode` and `reason`.
    pub header: HeaderValue,
    /// Some label needs the pseudonym key.
    pub has_tokens: bool,
}

/// What one worker remembers. A judgement is held as long as it is remembered, so that its address
/// names it.
#[derive(Default)]
pub struct Disclosures {
    remembered: HashMap<*const Disclosure, (Arc<Disclosure>, Shown)>,
}

impl Disclosures {
    /// What a judgement of this dataset means for its answers.
    pub fn shown(&mut self, dataset: &Dataset, disclosure: &Arc<Disclosure>) -> Shown {
        let address = Arc::as_ptr(disclosure);
        if let Some((_, shown)) = self.remembered.get(&address) {
            return shown.clone();
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        let shown = carry_out(dataset, disclosure);
        self.remembered.insert(address, (disclosure.clone(), shown.clone()));
        shown
    }
}

fn carry_out(dataset: &Dataset, disclosure: &Disclosure) -> Shown {
    let mut rules = Vec::with_capacity(dataset.labels.len());
    let mut modes = Vec::with_capacity(dataset.labels.len());
    let mut header = String::new();
    for (label, outcome) in dataset.labels.iter().zip(&disclosure.labels) {
        let (mode, action) = label.masks.action(outcome.mode);
        if !header.is_empty() {
            header.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _ = write!(header, "{};mode={}", label.id, mode);
        if let Some(reason) = outcome.reason {
            let _ = write!(header, ";reason={reason}");
        }
        rules.push(LabelRule { mode, action, kind: label.kind });
        modes.push((mode, outcome.reason));
    }
    let has_tokens = rules.iter().any(|rule| rule.action == LabelAction::Token);
    let header = HeaderValue::from_str(&header).unwrap_or_else(|_| HeaderValue::from_static(""));
    Shown { rules: rules.into(), modes: Rc::from(modes), header, has_tokens }
}
