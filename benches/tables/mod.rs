//! The table that every benchmark of tables masks: eight columns, three of which are masked.

use std::sync::Arc;
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use zhamen::engine::mask::{Format, LabelRule, MaskLimits, Masker, Plan};
use zhamen::engine::terms::DisclosureMode;

pub const COLUMNS: [&str; 8] = ["personId", "name", "day", "visits", "district", "mobile", "office", "note"];
/// As much as comes from a connection at once.
pub const PIECE: usize = 64 << 10;

pub fn fields() -> Arc<FieldMap> {
    let label = |name: &str| match name {
        "personId" => 1,
        "name" => 2,
        "day" => 3,
        _ => 0,
    };
    let paths: Vec<_> = COLUMNS.iter().map(|name| (format!("$[*].{name}"), label(name))).collect();
    Arc::new(FieldMap::compile(&paths).expect("the paths are sound"))
}

pub fn plan(masked: bool) -> Arc<Plan> {
    let keep = LabelRule { mode: DisclosureMode::Clear, action: LabelAction::Keep, kind: None };
    let rule = |mode, action, kind| match masked {
        true => LabelRule { mode, action, kind },
        false => keep.clone(),
    };
    let part = LabelAction::Partial(Partial::Keep { first: 1, last: 2 });
    Arc::new(Plan {
        actions: [
            keep.clone(),
            rule(DisclosureMode::Partial, part, Some(Kind::ResidentId)),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Name), Some(Kind::Name)),
            rule(DisclosureMode::Generalised, LabelAction::Generalise(Generalise::Year), None),
        ]
        .into(),
        token_key: TokenKey::derive(&[0; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Default::default(),
    })
}

/// As the flow of an answer does it: each piece to a buffer of its own, which then leaves.
pub fn mask(format: &Format, fields: &Arc<FieldMap>, plan: &Arc<Plan>, body: &[u8]) -> usize {
    let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
    let mut masker = Masker::new(format, Arc::clone(fields), Arc::clone(plan), limits);
    let mut length = 0;
    for piece in body.chunks(PIECE) {
        length += masker.mask(piece).expect("the table is sound").len();
    }
    length + masker.mask_end().expect("the table is whole").0.len()
}
