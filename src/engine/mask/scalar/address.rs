//! How far an address says province, city, district and township: in one walk, without a gazetteer.
//!
//! Place names contain the very words that end other levels (沙市区, 路桥区, 镇海区, 新乡市), so that a
//! word ends a level only where that level is due. Where the walk is in doubt it stops, and less is
//! kept.

use crate::engine::identifier::is_space;

/// The longest name of a level in characters (双江拉祜族佤族布朗族傣族自治县 has fifteen).
const NAME_CHARACTERS_MAX: usize = 16;

/// What stands before 区 where no district is meant: 小区, 社区, 园区, 工业区 and the like.
const ESTATE_WORDS: [char; 11] = ['小', '社', '园', '校', '院', '厂', '宅', '库', '景', '业', '矿'];

/// The last level that was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Nothing,
    Province,
    City,
    District,
    Township,
}

/// Where the district ends, in bytes; where a coarser level ends if there is none; none if there is no
/// level at all.
pub(super) fn district_end(text: &str) -> Option<usize> {
    walk(text, Level::District)
}

/// Where the township ends, in the same way.
pub(super) fn township_end(text: &str) -> Option<usize> {
    walk(text, Level::Township)
}

fn walk(text: &str, finest: Level) -> Option<usize> {
    let mut level = Level::Nothing;
    let mut end = 0;
    while level < finest {
        let rest = text.get(end..)?;
        let name = rest.trim_start_matches(is_space);
        match next_level(name, level) {
            Some((next, bytes)) if next <= finest => {
                (level, end) = (next, end + (rest.len() - name.len()) + bytes);
            }
            Some(_) | None => break,
        }
    }
    (end > 0).then_some(end)
}

/// The next level in the rest of an address, and its length in bytes.
fn next_level(rest: &str, level: Level) -> Option<(Level, usize)> {
    for (byte, c) in rest.char_indices().take(NAME_CHARACTERS_MAX) {
        let (before, from) = rest.split_at_checked(byte)?;
        let after = from.get(c.len_utf8()..)?;
        // A name has at least one character before the word that ends it.
        if let Some(found) = ends_level(before, c, after, level).filter(|_| byte > 0) {
            return Some((found, byte + c.len_utf8()));
        }
        if begins_street(c, after) && !in_district_name(before, c, after, level) {
            return None;
        }
    }
    None
}

/// The level that `c` ends, if one is due there.
fn ends_level(before: &str, c: char, after: &str, level: Level) -> Option<Level> {
    let joined = after.starts_with(['区', '县']);
    match (level, c) {
        (Level::Nothing, '省') => Some(Level::Province),
        (Level::Nothing, '区') if before.ends_with("自治") || before.ends_with("行政") => {
            Some(Level::Province)
        }
        (Level::Nothing | Level::Province, '市') => (!joined).then_some(Level::City),
        (Level::Nothing | Level::Province, '州') => before.ends_with("自治").then_some(Level::City),
        (Level::Nothing | Level::Province, '区') if before.ends_with('地') => Some(Level::City),
        (Level::Province, '盟') => Some(Level::City),
        (Level::City, '市') => (!joined && !after.starts_with('场')).then_some(Level::District),
        (Level::Nothing | Level::Province | Level::City, '区') => {
            (!is_estate(before)).then_some(Level::District)
        }
        (Level::Nothing | Level::Province | Level::City, '县') => (!joined).then_some(Level::District),
        (Level::Province | Level::City, '旗') => {
            (!joined && !after.starts_with(['路', '街', '大'])).then_some(Level::District)
        }
        // Some cities have no districts: 东莞市长安镇.
        (Level::City | Level::District, '道') => before.ends_with('街').then_some(Level::Township),
        (Level::City, '镇') => Some(Level::Township),
        (Level::District, '镇' | '乡') => {
            (!after.starts_with(['路', '街', '村', '大'])).then_some(Level::Township)
        }
        (Level::District, '木') => before.ends_with('苏').then_some(Level::Township),
        _ => None,
    }
}

/// 小区, 社区, 园区 and the like are not districts.
fn is_estate(before: &str) -> bool {
    before.ends_with(ESTATE_WORDS)
}

/// Whether a street, a village or a number is told here: anything but a letter does that too.
fn begins_street(c: char, after: &str) -> bool {
    match c {
        '街' => !after.starts_with('道'),
        '道' | '路' | '巷' | '弄' | '号' | '村' | '栋' | '幢' | '室' | '组' | '单' => true,
        _ => !c.is_alphabetic() || c.is_ascii(),
    }
}

/// The districts that have such a word in their name: 路桥区, 路南区, 道里区, 道县, 单县 begin with it,
/// 周村区 and 上街区 have it second; 街道 is read as one word.
fn in_district_name(before: &str, c: char, after: &str, level: Level) -> bool {
    let mut next = after.chars();
    let (first, second) = (next.next(), next.next());
    let ends = |c: Option<char>| matches!(c, Some('区' | '县'));
    let known = match (before, c) {
        ("", '路' | '道' | '单') => ends(first) || (ends(second) && !after.starts_with(ESTATE_WORDS)),
        ("周", '村') | ("上", '街') => ends(first),
        _ => false,
    };
    (level < Level::District && known) || (c == '道' && before.ends_with('街'))
}
