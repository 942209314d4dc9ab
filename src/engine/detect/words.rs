//! Words that say what number follows.

use crate::engine::identifier::Kind;

/// How far before a number its word may stand, in bytes.
const REACH: usize = 32;

/// Whether a word for the kind stands shortly before `start`.
pub(super) fn name(text: &str, start: usize, kind: Kind) -> bool {
    let from = (start.saturating_sub(REACH)..=start).find(|at| text.is_char_boundary(*at)).unwrap_or(start);
    let before = text.get(from..start).unwrap_or_default();
    // What came before another number speaks for that one.
    let before = before.rsplit([',', ';', '，', '；', '。', '、', '\n']);
    let near = before.into_iter().next().unwrap_or_default();
    words(kind).iter().any(|word| holds(near, word))
}

fn holds(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// In Chinese and English.
fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ResidentId => {
            &["身份证", "身份号", "身份证件", "证件号", "idcard", "id card", "id no", "id number"]
        }
        Kind::BankCard => &["卡号", "银行卡", "信用卡", "借记卡", "账号", "帐号", "账户", "card", "account"],
        Kind::Passport => &["护照", "passport"],
        Kind::HomeVisitPermit => &["通行证", "回乡证", "港澳", "permit"],
        Kind::TaiwanPermit => &["通行证", "台胞证", "台湾", "permit"],
        Kind::ForeignerId => &["永久居留", "居留证", "permanent resid"],
        _ => &[],
    }
}
