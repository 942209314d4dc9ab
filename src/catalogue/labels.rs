//! Labels and purposes: the two vocabularies that policies are written in.

#[cfg(test)]
mod reference;

use super::Purpose;
use super::loading::{Loading, name_is_plain, unknown};
use super::watching::Asked;
use super::written::{self, Generalised, GeneralisedRule, Labels, Partial, PartialRule, Purposes};
use crate::engine::dataset::Label;
use crate::engine::identifier::Kind;
use crate::engine::mask::scalar::{self, CANDIDATES_MIN, LabelMasks};
use crate::written::{At, Source};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Loading<'_> {
    pub fn labels(&mut self, source: Source<'_>, labels: Labels) {
        for (id, written) in labels.labels.0 {
            self.declared.labels.insert(id.value.clone());
            if !name_is_plain(&id.value) {
                self.faults
                    .push(source.fault(id.mark, "a label's name has letters, digits, `-`, `_` and `.`"));
            }
            let masks = LabelMasks {
                generalised: written.masks.generalised.as_ref().and_then(|at| self.generalised(&source, at)),
                partial: written
                    .masks
                    .partial
                    .as_ref()
                    .and_then(|at| self.partial(&source, at, written.kind)),
                token: written.masks.token,
                verify: written.masks.verify,
            };
            let written::Label { title, level, category, kind, watch, on_find, names, masks: _ } = written;
            let id: Arc<str> = id.value.into();
            let asked = Asked { watch: watch.map(|word| word.0), on_find };
            self.label_watch.insert(id.clone(), asked);
            let names = names.into_iter().map(|name| name.value).collect();
            self.catalogue.label_names.insert(id.clone(), names);
            let label = Label { id: id.clone(), title, level, category, kind, masks };
            self.catalogue.labels.insert(id, Arc::new(label));
        }
        if self.declared.labels.is_empty() {
            self.faults.push(source.fault(crate::written::Mark { line: 1, column: 1 }, "there is no label"));
        }
    }

    fn generalised(&mut self, source: &Source<'_>, at: &At<Generalised>) -> Option<scalar::Generalise> {
        let written = &at.value;
        let given = [
            ("years", written.years.is_some()),
            ("bounds", written.bounds.is_some()),
            ("decimals", written.decimals.is_some()),
            ("characters", written.characters.is_some()),
        ];
        let wanted = match written.rule {
            GeneralisedRule::Year | GeneralisedRule::District | GeneralisedRule::Day => "",
            GeneralisedRule::AgeBand => "years",
            GeneralisedRule::Bands => "bounds",
            GeneralisedRule::Decimals => "decimals",
            GeneralisedRule::Prefix => "characters",
        };
        let mut fault = |message: String| self.faults.push(source.fault(at.mark, message));
        for (name, _) in given.iter().filter(|(name, present)| *present && *name != wanted) {
            fault(format!("this rule has no `{name}`"));
        }
        let rule = match written.rule {
            GeneralisedRule::Year => Some(scalar::Generalise::Year),
            GeneralisedRule::District => Some(scalar::Generalise::District),
            GeneralisedRule::Day => Some(scalar::Generalise::Day),
            GeneralisedRule::AgeBand => {
                let years = written.years.filter(|years| (1..=50).contains(years));
                years.map(|years| scalar::Generalise::AgeBand { years })
            }
            GeneralisedRule::Bands => {
                let ascending =
                    |bounds: &Vec<i64>| !bounds.is_empty() && bounds.is_sorted_by(|low, high| low < high);
                written.bounds.clone().filter(ascending).map(|bounds| scalar::Generalise::Bands { bounds })
            }
            GeneralisedRule::Decimals => {
                let decimals = written.decimals.filter(|decimals| *decimals <= 6);
                decimals.map(|decimals| scalar::Generalise::Decimals { decimals })
            }
            GeneralisedRule::Prefix => {
                let characters = written.characters.filter(|characters| *characters > 0);
                characters.map(|characters| scalar::Generalise::Prefix { characters })
            }
        };
        if rule.is_none() {
            fault(match wanted {
                "years" => "`age-band` needs `years`, 1 to 50".to_owned(),
                "bounds" => "`bands` needs `bounds`, a list of ascending numbers".to_owned(),
                "decimals" => "`decimals` needs `decimals`, 0 to 6".to_owned(),
                _ => "`prefix` needs `characters`, 1 or more".to_owned(),
            });
        }
        rule
    }

    fn partial(
        &mut self,
        source: &Source<'_>,
        at: &At<Partial>,
        kind: Option<Kind>,
    ) -> Option<scalar::Partial> {
        let (first, last) = (at.value.first, at.value.last);
        let kept = u16::from(first.unwrap_or(0)) + u16::from(last.unwrap_or(0));
        let (rule, wrong) = match at.value.rule {
            PartialRule::Keep => {
                let rule = scalar::Partial::Keep { first: first.unwrap_or(0), last: last.unwrap_or(0) };
                (
                    rule,
                    (kept == 0).then_some("`keep` needs `first` or `last`; to keep nothing is the mode NONE"),
                )
            }
            PartialRule::Name => (scalar::Partial::Name, None),
            PartialRule::Email => (scalar::Partial::Email, None),
            PartialRule::Address => (scalar::Partial::Address, None),
            PartialRule::Landline => (scalar::Partial::Landline, None),
            PartialRule::Uscc => (scalar::Partial::Uscc, None),
        };
        let spare = !matches!(at.value.rule, PartialRule::Keep) && (first.is_some() || last.is_some());
        let wrong = wrong.or(spare.then_some("only the rule `keep` has `first` and `last`"));
        let wrong = wrong.map(str::to_owned).or_else(|| tells_too_much(&rule, kind, at.value.candidates));
        if let Some(message) = wrong {
            self.faults.push(source.fault(at.mark, message));
            return None;
        }
        Some(rule)
    }

    pub fn purposes(&mut self, source: Source<'_>, purposes: Purposes) {
        let known: BTreeSet<String> = purposes.purposes.0.iter().map(|(id, _)| id.value.clone()).collect();
        for (id, written) in &purposes.purposes.0 {
            if !name_is_plain(&id.value) {
                self.faults
                    .push(source.fault(id.mark, "a purpose's name has letters, digits, `-`, `_` and `.`"));
            }
            if !written.iri.value.contains(':') || written.iri.value.contains(char::is_whitespace) {
                self.faults
                    .push(source.fault(written.iri.mark, "not an IRI (for example `dpv:PublicBenefit`)"));
            }
            if written.legal_bases.is_empty() {
                self.faults
                    .push(source.fault(id.mark, format!("the purpose `{}` has no legal basis", id.value)));
            }
            for parent in written.parents.iter().filter(|parent| !known.contains(&parent.value)) {
                self.faults.push(unknown(&source, parent, "purpose", &known));
            }
            let id: Arc<str> = id.value.as_str().into();
            let parents = written.parents.iter().map(|parent| parent.value.as_str().into()).collect();
            let purpose = Purpose {
                id: id.clone(),
                title: written.title.clone(),
                iri: written.iri.value.clone(),
                parents,
                legal_bases: written.legal_bases.clone(),
            };
            self.catalogue.purposes.insert(id, purpose);
        }
        for (id, _) in &purposes.purposes.0 {
            if self.is_its_own_ancestor(&id.value) {
                let message = format!("the purpose `{}` is wider than itself", id.value);
                self.faults.push(source.fault(id.mark, message));
            }
        }
        self.declared.purposes = known;
        self.delays(&source, &purposes.delayed_visibility);
    }

    fn is_its_own_ancestor(&self, id: &str) -> bool {
        let parents = |id: &str| self.catalogue.purposes.get(id).map_or(&[][..], |purpose| &purpose.parents);
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Arc<str>> = parents(id).iter().collect();
        while let Some(next) = open.pop() {
            if &**next == id {
                return true;
            }
            if seen.insert(next) {
                open.extend(parents(next));
            }
        }
        false
    }
}

/// Why a part may not be used that leaves few values of its kind, unless somebody wrote how few.
fn tells_too_much(rule: &scalar::Partial, kind: Option<Kind>, accepted: Option<u64>) -> Option<String> {
    let counted = kind.and_then(|kind| Some((kind, scalar::candidates(kind, rule)?)));
    let Some((kind, count)) = counted else {
        return accepted.map(|_| "`candidates` is for a part of a countable `kind`".to_owned());
    };
    if count >= accepted.map_or(CANDIDATES_MIN, u128::from) {
        return None;
    }
    Some(format!(
        "this part of a `{kind}` may leave {count} candidates only; keep less, or write `candidates: {count}`"
    ))
}
