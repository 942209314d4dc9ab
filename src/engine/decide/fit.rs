//! Whether the schema fits what the gateway supplies, tried once with the fullest and the barest
//! question, so that requests need not be checked against it one by one.

use super::Question;
use super::names::{EntityKind, Names, Vocabulary};
use super::question::{Unaskable, slice};
use crate::engine::dataset::{Dataset, Label};
use crate::engine::facts::{Facts, GrantFacts, SubjectFacts};
use crate::engine::mask::scalar::LabelMasks;
use crate::engine::principal::{Application, Matter, Officer, Principal, Statement};
use crate::engine::terms::{
    AgeBand, AuthMethod, DisclosureMode, Interface, LegalBasis, Level, NationalGrade, SensitiveCategory,
    SharingType, SubjectType, Text,
};
use crate::engine::uses::UseAs;
use cedar_policy::{EntityUid, Request, Schema};
use std::sync::Arc;

/// Says what does not fit.
pub(super) fn check(schema: &Schema, vocabulary: &Vocabulary, names: &Names) -> Result<(), String> {
    for kind in EntityKind::ALL {
        let name = vocabulary.type_name(*kind);
        if !schema.entity_types().any(|known| known == name) {
            return Err(format!("entity type `{name}` is not declared"));
        }
    }
    let dataset = dataset();
    for (principal, facts) in [(officer(), full_facts()), (application(), Facts::default())] {
        let q = Question { principal: &principal, dataset: &dataset, facts: &facts };
        try_question(schema, vocabulary, names, &q).map_err(|Unaskable(misfit)| misfit)?;
    }
    Ok(())
}

fn try_question(
    schema: &Schema,
    vocabulary: &Vocabulary,
    names: &Names,
    q: &Question<'_>,
) -> Result<(), Unaskable> {
    let slice = slice(vocabulary, names, &[], q, Some(schema))?;
    let ask = |action: &EntityUid, resource: &EntityUid| {
        let principal = slice.principal.uid.clone();
        let context = slice.context.clone();
        Request::new(principal, action.clone(), resource.clone(), context, Some(schema))
            .map(drop)
            .map_err(Unaskable::from)
    };
    for interface in Interface::ALL {
        ask(vocabulary.access(*interface), &slice.dataset.uid)?;
    }
    for how in UseAs::ALL {
        for group in &slice.groups {
            let context = slice.context_of_use(*how, DisclosureMode::Clear);
            let context = context.ok_or_else(|| Unaskable("the context of a use".to_owned()))?;
            let (principal, action) = (slice.principal.uid.clone(), vocabulary.using().clone());
            Request::new(principal, action, group.uid.clone(), context, Some(schema))?;
        }
    }
    for action in DisclosureMode::ALL.iter().filter_map(|mode| vocabulary.disclose(*mode)) {
        for group in &slice.groups {
            ask(action, &group.uid)?;
        }
    }
    Ok(())
}

fn dataset() -> Dataset {
    let title = || Text { zh: String::new(), en: String::new() };
    let label = Label {
        id: "label".into(),
        title: title(),
        level: Level::L1,
        category: SensitiveCategory::None,
        kind: None,
        masks: LabelMasks::default(),
    };
    Dataset {
        id: "dataset".into(),
        code: "code".into(),
        title: title(),
        department: "department".into(),
        sharing: SharingType::Conditional,
        condition: None,
        basis: None,
        level: Level::L1,
        grade: NationalGrade::General,
        personal: false,
        labels: vec![label.into()],
        fields: Arc::default(),
        watch: [].into(),
    }
}

fn application() -> Principal {
    Principal::application(Application::new("application", "department").into(), AuthMethod::ApiKey)
}

fn officer() -> Principal {
    let officer = Officer {
        id: "officer".into(),
        department: "department".into(),
        post: "post".into(),
        region: Some("330106".into()),
    };
    let matter = Matter {
        id: "matter".into(),
        matter_type: "type".into(),
        open: true,
        subjects: Vec::new(),
        officers: Vec::new(),
    };
    let statement = Statement {
        purpose: Some("purpose".into()),
        legal_basis: Some(LegalBasis::StatutoryDuty),
        matter: Some(matter.into()),
        consent: None,
        represented: None,
        break_glass: Some("justification".into()),
        stepped_up_at: None,
    };
    let application = Application::new("application", "department").into();
    Principal::officer(application, officer.into(), statement, AuthMethod::Certificate, true)
}

fn full_facts() -> Facts {
    let (subject_type, age_band) = (SubjectType::Natural, AgeBand::Adult);
    Facts {
        subject: Some(SubjectFacts { subject_type, age_band, protected: false }),
        grant: Some(GrantFacts { valid: true, quota_left: 1 }),
        ..Facts::default()
    }
}
