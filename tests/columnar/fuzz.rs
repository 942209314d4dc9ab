//! The body of the fuzz target `mask_columnar`: what must hold of any bytes at all.

use std::sync::Arc;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use zhamen::engine::mask::sieve::{Order, SieveSpec};
use zhamen::engine::mask::{Container, Format, LabelRule, MaskLimits, Masked, Masker, Plan};
use zhamen::engine::terms::DisclosureMode;

/// The first byte chooses the format and whether rows are filtered, the second the pieces. A split changes
/// nothing, and what left can be masked again.
pub fn check(data: &[u8]) {
    let [format, piece, body @ ..] = data else { return };
    let container = if format % 2 == 0 { Container::Stream } else { Container::Parquet };
    let format = (Format::Columnar(container), *format >= 0x80);
    let (whole, ended) = run(&format, body, usize::MAX);
    let (split, split_ended) = run(&format, body, usize::from(*piece) + 1);
    assert_eq!(ended, split_ended, "a split changes the outcome");
    if ended {
        assert!(whole == split, "a split changes the output");
        // Of an answer in which nothing is shown, no column is left.
        let again = run(&(format.0, false), &whole, usize::MAX);
        assert!(again.1 || whole.len() < 500, "what left cannot be read");
    }
}

fn run((format, sieved): &(Format, bool), body: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let (mut masker, mut out) = (masker(format, *sieved), Masked::nothing());
    let mut pieces = body.chunks(piece);
    let pushed = pieces.all(|piece| masker.push(piece, &mut out).is_ok());
    let ended = pushed && masker.finish(&mut out).is_ok();
    (out.into_bytes(), ended)
}

/// `k` is kept, `p` shown in part, `n` dropped, `b` in bands, `v` verified, `t` a token; `o` and `l` hold some.
fn masker(format: &Format, sieved: bool) -> Masker {
    let names = ["k", "p", "n", "b", "v", "t"];
    let all = names.iter().enumerate().flat_map(|(label, name)| {
        ["", "o.", "l[*]."].map(|around| (format!("$.data[*].{around}{name}"), label))
    });
    let fields = FieldMap::compile(&all.collect::<Vec<_>>()).unwrap().with_records("$.data").unwrap();
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let bands = Generalise::Bands { bounds: vec![10, 1000] };
    let plan = Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Keep { first: 1, last: 1 })),
            rule(DisclosureMode::None, LabelAction::Drop),
            rule(DisclosureMode::Generalised, LabelAction::Generalise(bands)),
            rule(DisclosureMode::Verify, LabelAction::Verify),
            rule(DisclosureMode::Token, LabelAction::Token),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: Some(1000),
        subject: None,
        watched: Default::default(),
    };
    let limits = MaskLimits { depth_max: 16, token_bytes_max: 1 << 16 };
    let (fields, plan) = (Arc::new(fields), Arc::new(plan));
    if !sieved {
        return Masker::new(format, fields, plan, limits);
    }
    let spec = SieveSpec::compile(&["$.data[*].k".into()], &["$.data[*].b".into()], 5).unwrap();
    let order = Order { wanted: vec!["kept 1".into()], suppressed: vec![true; 1], totals_withheld: true };
    Masker::sieving(format, fields, plan, limits, (Arc::new(spec), order))
}
