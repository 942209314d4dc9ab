//! Keys that are other keys than one named, but read like it.

use unicode_normalization::UnicodeNormalization;

/// What a key reads like: compatibility forms and widths made one (NFKC), without case, without white
/// space, control characters and characters that are not seen.
pub(super) fn folded(key: &str) -> String {
    key.nfkc().filter(|c| is_seen(*c)).flat_map(char::to_lowercase).nfkc().collect()
}

fn is_seen(c: char) -> bool {
    let invisible = matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}'
    );
    !invisible && !c.is_control() && !c.is_whitespace()
}
