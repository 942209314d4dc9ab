//! The body of the fuzz target `mask_json`: what must hold of any bytes at all.

use std::sync::Arc;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::json::JsonMasker;
use zhamen::engine::mask::scalar::{LabelAction, Partial, TokenKey};
use zhamen::engine::mask::watch::{LabelWatch, Watch, Watched};
use zhamen::engine::mask::{LabelRule, MaskFault, MaskLimits, Masked, Plan, Tally};
use zhamen::engine::terms::DisclosureMode;

/// Never shown under the paths below, whatever the input makes of it.
pub const CANARY: &str = "canary";

/// The first byte says where the input is split; the rest is the body.
///
/// A value whose label is dropped, and everything unknown, never leaves; what leaves is one JSON
/// document wherever the input was; every split gives the same bytes and the same end.
pub fn check(data: &[u8]) {
    let Some((split, body)) = data.split_first() else { return };
    let (fields, plan) = (fields(), plan());
    let (whole, ended) = run(&fields, &plan, [body]);
    let at = usize::from(*split).min(body.len());
    let (left, right) = body.split_at(at);
    let (again, end) = run(&fields, &plan, [left, right]);
    assert_eq!(ended, end, "the end differs when split at {at}");
    let (bytewise, end) = run(&fields, &plan, body.chunks(1));
    assert_eq!(ended, end, "the end differs byte by byte");
    match ended {
        Ok(tally) => {
            assert!(whole == again && whole == bytewise, "what leaves differs when split");
            assert_eq!(tally.bytes_out, whole.len() as u64);
            let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&whole);
            assert!(read.is_ok(), "no JSON leaves");
            let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(body);
            assert!(read.is_ok() && std::str::from_utf8(body).is_ok(), "what is no JSON passes");
        }
        // A fault may come sooner in one piece, so that less has left; never something else.
        Err(_) => assert!(bytewise.starts_with(&whole) || whole.starts_with(&bytewise)),
    }
    if !kept_holds_canary(body) {
        let text = String::from_utf8_lossy(&bytewise);
        assert!(!text.contains(CANARY), "what is not shown leaves");
    }
}

/// The canary may stand in a kept value, or in what a kept value holds: then it says nothing that it leaves.
/// Escapes hide both.
fn kept_holds_canary(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let may_be_kept = |before: &str| before.contains("\"a\"") || before.contains('\\');
    text.match_indices(CANARY).any(|(at, _)| !text[..at].ends_with("\"d\":\"") || may_be_kept(&text[..at]))
}

fn fields() -> Arc<FieldMap> {
    let paths = ["$.data[*].a", "$.data[*].m", "$.data[*].d", "$.data[*].n.*.x", "$..v"];
    let labels = [0, 1, 2, 0, 3];
    let paths: Vec<_> = paths.iter().zip(labels).map(|(path, label)| ((*path).to_owned(), label)).collect();
    Arc::new(FieldMap::compile(&paths).expect("the paths are good"))
}

fn plan() -> Arc<Plan> {
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    Arc::new(Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Keep { first: 1, last: 1 })),
            rule(DisclosureMode::None, LabelAction::Drop),
            rule(DisclosureMode::Verify, LabelAction::Verify),
        ]
        .into(),
        token_key: TokenKey::derive(&[3; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: Some(3),
        subject: None,
        watched: Watched {
            labels: [LabelWatch { watch: Watch::Full, ..LabelWatch::NONE }].into(),
            key: [0; 2],
        },
    })
}

fn run<'a>(
    fields: &Arc<FieldMap>,
    plan: &Arc<Plan>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<Tally, MaskFault>) {
    let limits = MaskLimits { depth_max: 16, token_bytes_max: 256 };
    let mut masker = JsonMasker::new(fields.clone(), plan.clone(), limits);
    let mut out = Masked::nothing();
    let pushed = pieces.into_iter().try_for_each(|piece| masker.push(piece, &mut out));
    let ended = pushed.and_then(|()| masker.finish(&mut out));
    (out.into_bytes(), ended)
}
