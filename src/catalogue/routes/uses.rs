//! What a route's parameters do with fields, and what its request and answer take of the caller.
//!
//! On a classified dataset every parameter says what it does: nothing that may choose, order or count
//! records passes unseen by policy.

use super::{RECORDS_MAX, Reading};
use crate::catalogue::parameter::{FieldWords, ParameterKind};
use crate::catalogue::route::{Place, Route, Target};
use crate::catalogue::rows::Sifting;
use crate::catalogue::written;
use crate::engine::dataset::Dataset;
use crate::engine::mask::Format;
use crate::engine::principal::CallerAttribute;
use crate::engine::terms::RiskTier;
use crate::engine::uses::Use;
use crate::written::{At, did_you_mean};
use std::sync::Arc;

/// The word for a field that carries no label.
const NO_LABEL: &str = "none";
/// Fields that one parameter names at most.
const FIELDS_MAX: i64 = 64;

impl Reading<'_, '_, '_> {
    /// Where the parameter stands.
    pub(super) fn place_of(
        &mut self,
        name: &At<String>,
        written: &written::Parameter,
        in_path: bool,
    ) -> Place {
        match &written.body {
            Some(at) if in_path => {
                self.fault(at.mark, format!("`{}` stands in the path", name.value));
                Place::Path(name.value.as_str().into())
            }
            Some(at) => self.pointer(at),
            None if in_path => Place::Path(name.value.as_str().into()),
            None => Place::Query(name.value.as_str().into()),
        }
    }

    /// What giving the parameter does with fields, whatever its value.
    pub(super) fn uses_of(
        &mut self,
        name: &At<String>,
        written: &written::Parameter,
        kind: &ParameterKind,
        dataset: Option<&Dataset>,
    ) -> Vec<Use> {
        let Some(dataset) = dataset else { return Vec::new() };
        let is_size = self.written.records_parameter.as_ref().is_some_and(|at| at.value == name.value);
        let says = written.uses.is_some()
            || written.paging.value
            || is_size
            || matches!(kind, ParameterKind::Fields(_));
        if dataset.is_classified() && !says {
            let message = format!(
                "the dataset `{}` is classified: say what the parameter `{}` does with its fields",
                dataset.id, name.value
            );
            let fault = self.source.fault(name.mark, message).help(
                "`uses: [{label: …, as: filter}]` (or sort, group, search, aggregate, select, verify), `uses: []` \
                 for nothing, `paging: true` for a place in the list",
            );
            self.loading.faults.push(fault);
        }
        let mut uses = Vec::new();
        for written in written.uses.iter().flat_map(|at| &at.value) {
            if let Some(label) = self.label(&written.label, dataset) {
                uses.push(Use { label, how: written.how });
            }
        }
        uses
    }

    /// A label that some field of the dataset carries.
    fn label(&mut self, at: &At<String>, dataset: &Dataset) -> Option<usize> {
        let found = dataset.label_index(&at.value);
        if found.is_none() {
            let message =
                format!("no field of the dataset `{}` carries the label `{}`", dataset.id, at.value);
            let near = did_you_mean(&at.value, dataset.labels.iter().map(|label| &*label.id));
            let fault = self.source.fault(at.mark, message).help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "give the field its label in `fields`, also if answers never show it".to_owned(),
            });
            self.loading.faults.push(fault);
        }
        found
    }

    /// The words of a parameter whose value names fields.
    pub(super) fn field_words(
        &mut self,
        written: &written::Parameter,
        dataset: Option<&Dataset>,
    ) -> Option<FieldWords> {
        let (Some(fields), Some(how)) = (&written.fields, &written.how) else {
            self.fault(written.kind.mark, "`fields` needs `fields` (word: label) and `as` (sort, group, …)");
            return None;
        };
        let most = written.max.as_ref().map_or(1, |at| at.value);
        if let Some(at) = written.max.as_ref().filter(|at| !(1..=FIELDS_MAX).contains(&at.value)) {
            self.fault(at.mark, format!("1 to {FIELDS_MAX} fields can be named at once"));
        }
        let mut words = Vec::new();
        for (word, label) in &fields.0 {
            if word.value.is_empty() || word.value.chars().any(|c| c == ',' || c.is_control()) {
                self.fault(word.mark, "a word that names a field has no comma");
            }
            let index = match (label.value.as_str(), dataset) {
                (NO_LABEL, _) | (_, None) => None,
                (_, Some(dataset)) => self.label(label, dataset),
            };
            words.push((Arc::from(word.value.as_str()), index));
        }
        Some(FieldWords { words, most: usize::try_from(most).unwrap_or(1), how: how.value })
    }

    /// Members that the type does not have.
    pub(super) fn spare_of_uses(&mut self, written: &written::Parameter, kind: &ParameterKind) {
        let is_fields = matches!(kind, ParameterKind::Fields(_));
        for (name, given) in [("fields", written.fields.is_some()), ("as", written.how.is_some())] {
            if given && !is_fields {
                self.fault(written.kind.mark, format!("this type has no `{name}`"));
            }
        }
        if written.paging.value && !matches!(kind, ParameterKind::Int { .. }) {
            self.fault(
                written.paging.mark,
                "only an `int` moves along the records: a cursor may hold values",
            );
        }
        if let Some(at) = written.uses.as_ref().filter(|_| written.paging.value) {
            self.fault(at.mark, "a parameter of `paging` uses no field");
        }
    }

    /// What the dataset filters can be found in the format's rows.
    pub(super) fn sifted(&mut self, sifting: Option<&Sifting>, format: Option<&Format>, dataset: &Dataset) {
        if let Some(unfit) = sifting.and_then(|sifting| sifting.spec.unfit(format, &dataset.fields)) {
            let mark = self.written.answer.as_ref().map_or(self.written.path.mark, |at| at.mark);
            self.fault(mark, unfit);
        }
    }

    /// The caps by tier: each tier's own, or the next lower one's.
    pub(super) fn records_max_in_tier(&mut self, records_max: u32) -> [u32; 6] {
        let mut caps = [records_max; 6];
        let mut least = records_max;
        let mut named: Vec<_> = self.written.records_max_in_tier.0.iter().collect();
        named.sort_by_key(|(tier, _)| RiskTier::parse(&tier.value));
        for (tier, written) in named {
            let Some(tier) = RiskTier::parse(&tier.value) else {
                self.fault(tier.mark, "a tier is T0, T1, T2, T3, T4 or T5");
                continue;
            };
            if written.value == 0 || written.value > least.min(RECORDS_MAX) {
                self.fault(written.mark, format!("1 to {least}: a higher tier has no more than a lower one"));
            }
            least = least.min(written.value);
            for cap in caps.iter_mut().skip(tier.number().into()) {
                *cap = (*cap).min(written.value);
            }
        }
        caps
    }

    /// What of the caller goes into the upstream's query.
    pub(super) fn upstream_parameters(&mut self) -> Vec<(Arc<str>, CallerAttribute)> {
        let mut parameters = Vec::new();
        for (name, attribute) in &self.written.upstream_parameters.0 {
            let declared = self.written.parameters.0.iter().any(|(known, _)| known.value == name.value);
            let is_place = |at: &Option<At<String>>| at.as_ref().is_some_and(|at| at.value == name.value);
            let subject = self.written.subject.as_ref().is_some_and(|at| is_place(&at.value.query));
            let claim = self.written.claim.as_ref().is_some_and(|at| is_place(&at.value.query));
            if declared || subject || claim {
                self.fault(name.mark, format!("callers can give `{}` themselves", name.value));
            }
            if self.written.query.is_some() {
                self.fault(name.mark, "a stored query takes this in its own `parameters`");
            }
            parameters.push((Arc::from(name.value.as_str()), attribute.value));
        }
        parameters
    }
}

/// Whether the upstream is told everything that rows are filtered by.
pub(super) fn is_pushed_down(route: &Route) -> bool {
    let told: Vec<CallerAttribute> = match &route.target {
        Target::Path(_) => route.upstream_parameters.iter().map(|(_, attribute)| *attribute).collect(),
        Target::Query { query, .. } => {
            query.places().filter_map(|(name, _)| CallerAttribute::parse(name)).collect()
        }
    };
    route.sifting.as_ref().is_some_and(|sifting| sifting.rows.iter().all(|row| told.contains(row)))
}

/// The parameter by which the upstream can be told how many records leave at most. Where some that it
/// gives may be left out here, fewer would leave than may; a body goes upstream as it came.
pub(super) fn lowered_parameter(route: &Route) -> Option<(Arc<str>, i64)> {
    let name = route.records_parameter.as_ref()?;
    let parameter = route.parameter(name)?;
    let ParameterKind::Int { min, .. } = parameter.kind else { return None };
    let is_rendered = match (&parameter.place, &route.target) {
        (Place::Path(_) | Place::Query(_), _) | (Place::Body(_), Target::Query { .. }) => true,
        (Place::Body(_), Target::Path(_)) => false,
    };
    let keeps_records = route.sifting.as_ref().is_none_or(|sifting| {
        (sifting.rows.is_empty() || route.is_pushed_down) && !sifting.spec.counts_in_records()
    });
    (is_rendered && keeps_records).then(|| (name.clone(), min))
}
