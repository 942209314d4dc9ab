//! One way to run any format over a text, at every split.

use crate::engine::mask::fields::FieldMap;
use crate::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use crate::engine::mask::{FaultKind, Format, LabelRule, MaskLimits, Masked, Masker, Plan, Tally};
use crate::engine::terms::DisclosureMode;
use std::sync::Arc;

/// What the labels do: 0 keeps, 1 shows a part, 2 drops, 3 verifies, 4 gives bands, 5 makes tokens.
pub fn plan(records_max: Option<u64>) -> Plan {
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let part = Partial::Keep { first: 1, last: 1 };
    let bands = Generalise::Bands { bounds: vec![10, 20] };
    Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::Partial, LabelAction::Partial(part)),
            rule(DisclosureMode::None, LabelAction::Drop),
            rule(DisclosureMode::Verify, LabelAction::Verify),
            rule(DisclosureMode::Generalised, LabelAction::Generalise(bands)),
            rule(DisclosureMode::Token, LabelAction::Token),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: Some((3, "yes".into())),
        today: (2026, 11, 22),
        records_max,
        subject: None,
        watched: Default::default(),
    }
}

/// Records in `$.data`, with these members.
pub fn fields(members: &[(&str, usize)]) -> FieldMap {
    let paths: Vec<_> = members.iter().map(|(name, label)| (format!("$.data[*].{name}"), *label)).collect();
    FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap()
}

/// `k` is kept, `p` shown in part, `n` dropped, `v` verified, `b` in bands, `t` a token.
pub fn usual() -> FieldMap {
    fields(&[("k", 0), ("p", 1), ("n", 2), ("v", 3), ("b", 4), ("t", 5), ("k2", 0)])
}

pub const LIMITS: MaskLimits = MaskLimits { depth_max: 8, token_bytes_max: 200 };

/// The output, and the end or the fault, of a body given in these pieces.
pub fn pieces<'a>(
    format: &Format,
    fields: &Arc<FieldMap>,
    records_max: Option<u64>,
    body: impl Iterator<Item = &'a [u8]>,
) -> (String, Result<Tally, FaultKind>) {
    let mut masker = Masker::new(format, Arc::clone(fields), Arc::new(plan(records_max)), LIMITS).watching();
    let mut out = Masked::nothing();
    for piece in body {
        if let Err(fault) = masker.push(piece, &mut out) {
            assert_eq!(masker.push(b"", &mut out), Err(fault), "a fault stays");
            return (String::from_utf8(out.into_bytes()).unwrap(), Err(fault.kind));
        }
    }
    let end = masker.finish(&mut out).map_err(|fault| fault.kind);
    (String::from_utf8(out.into_bytes()).unwrap(), end)
}

/// The same whole, in two pieces at every place, and byte by byte. Output may differ only where the
/// body has a fault; then what left before it must be the beginning of what else would have left.
pub fn run(
    format: &Format,
    fields: FieldMap,
    records_max: Option<u64>,
    body: &[u8],
) -> (String, Result<Tally, FaultKind>) {
    let fields = Arc::new(fields);
    let whole = pieces(format, &fields, records_max, std::iter::once(body));
    for split in 0..body.len() {
        let (first, second) = body.split_at(split);
        let (out, end) = pieces(format, &fields, records_max, [first, second].into_iter());
        agree(&whole, (&out, &end), &format!("split at {split}"));
    }
    let (out, end) = pieces(format, &fields, records_max, body.chunks(1));
    agree(&whole, (&out, &end), "byte by byte");
    if let Ok(tally) = &whole.1 {
        assert_eq!((tally.bytes_in, tally.bytes_out), (body.len() as u64, whole.0.len() as u64));
    }
    whole
}

fn agree(
    whole: &(String, Result<Tally, FaultKind>),
    (out, end): (&str, &Result<Tally, FaultKind>),
    how: &str,
) {
    assert_eq!(end, &whole.1, "{how}: {out}");
    if end.is_ok() {
        assert_eq!(out, whole.0, "{how}");
    }
}

/// What a body becomes: the output, or the fault.
pub fn becomes(format: &Format, body: &str) -> Result<String, FaultKind> {
    let (out, end) = run(format, usual(), None, body.as_bytes());
    end.map(|_| out)
}
