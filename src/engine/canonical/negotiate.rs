//! What the caller can read (`Accept`, `Accept-Language`) and which trace it belongs to.

use super::bytes::hex;

/// The language of our own texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Simplified Chinese; also where the caller names neither language.
    #[default]
    Zh,
    En,
}

impl Language {
    /// The language of an `Accept-Language` line, for a request whose head may not be readable.
    pub fn of(line: Option<&str>) -> Self {
        let mut choice = LanguageChoice::default();
        if let Some(line) = line {
            choice.line(line);
        }
        choice.language()
    }

    /// The language tag (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Language::Zh => "zh-CN",
            Language::En => "en",
        }
    }
}

/// The best language so far, over any number of `Accept-Language` lines.
#[derive(Default)]
pub struct LanguageChoice {
    best: Option<(u16, Language)>,
}

impl LanguageChoice {
    /// Weighs one line. Of equal weights the first wins.
    pub fn line(&mut self, value: &str) {
        for (range, weight) in weighted(value) {
            let primary = range.split('-').next().unwrap_or_default();
            let language = match primary {
                p if p.eq_ignore_ascii_case("zh") || p == "*" => Language::Zh,
                p if p.eq_ignore_ascii_case("en") => Language::En,
                _ => continue,
            };
            if weight > self.best.map_or(0, |(best, _)| best) {
                self.best = Some((weight, language));
            }
        }
    }

    /// The choice.
    pub fn language(&self) -> Language {
        self.best.map_or(Language::default(), |(_, language)| language)
    }
}

/// What the caller can read, over any number of `Accept` lines: the most specific range counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaChoice {
    seen: bool,
    /// `*/*` in a line of its own, as most clients send it.
    any: bool,
    /// Ranges in lower case with their weights. As many as a head may hold.
    ranges: Vec<(Box<str>, u16)>,
}

impl MediaChoice {
    /// Takes one line.
    pub fn line(&mut self, value: &str) {
        self.seen = true;
        if value == "*/*" {
            self.any = true;
            return;
        }
        // One range, as most services send it, needs no taking apart.
        if !value.bytes().fold(false, |list, b| list | matches!(b, b',' | b';')) {
            return self.ranges.push((value.to_ascii_lowercase().into(), 1000));
        }
        self.ranges
            .extend(weighted(value).map(|(range, weight)| (range.to_ascii_lowercase().into(), weight)));
    }

    /// Whether this type may be sent; yes where nothing was said.
    ///
    /// ```
    /// use zhamen::engine::canonical::MediaChoice;
    /// let mut choice = MediaChoice::default();
    /// choice.line("text/*, application/json;q=0");
    /// assert!(choice.accepts("text/csv") && !choice.accepts("application/json"));
    /// ```
    pub fn accepts(&self, media: &str) -> bool {
        let group = media.split('/').next().unwrap_or_default();
        let best = self.ranges.iter().filter_map(|(range, weight)| {
            let specificity = match &**range {
                "*/*" => 1,
                range if range.strip_suffix("/*") == Some(group) => 2,
                range if range == media => 3,
                _ => return None,
            };
            Some((specificity, *weight))
        });
        let any = self.any.then_some((1, 1000));
        !self.seen || best.chain(any).max().is_some_and(|(_, weight)| weight > 0)
    }
}

/// Splits a list of `range;parameters;q=0.5` into ranges and weights of 0 to 1000. A malformed
/// weight is 0: the range is not wanted.
pub fn weighted(value: &str) -> impl Iterator<Item = (&str, u16)> {
    value.split(',').map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")))
            .map_or(1000, |q| weight(q).unwrap_or(0));
        (range, weight)
    })
}

/// `qvalue` of RFC 9110, section 12.4.2, in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = decimals.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = fraction.fold(0_u16, |n, digit| n * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The caller's place in a trace: W3C Trace Context, level 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    pub trace_id: [u8; 16],
    pub parent_id: [u8; 8],
    /// Trace flags; bit 0 says the caller samples.
    pub flags: u8,
}

impl Traceparent {
    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`, lower case, ids not zero. A later version may carry more
    /// behind it. `None` restarts the trace, as the recommendation says.
    ///
    /// ```
    /// use zhamen::engine::canonical::Traceparent;
    /// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// assert_eq!(Traceparent::parse(text).unwrap().flags, 1);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let [version] = lower_hex::<1>(parts.next()?)?;
        let trace_id = lower_hex::<16>(parts.next()?)?;
        let parent_id = lower_hex::<8>(parts.next()?)?;
        let [flags] = lower_hex::<1>(parts.next()?)?;
        let more = parts.next().is_some();
        let zero = trace_id == [0; 16] || parent_id == [0; 8];
        if version == 0xff || (version == 0 && more) || zero {
            return None;
        }
        Some(Traceparent { trace_id, parent_id, flags })
    }
}

fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut out = [0; N];
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *slot = match pair {
            [high, low] => hex(*high)? << 4 | hex(*low)?,
            _ => return None,
        };
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_follow_weights() {
        for (value, expect) in [
            ("", Language::Zh),
            ("en", Language::En),
            ("en-GB,en;q=0.9", Language::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("zh;q=0.1, en;q=0.2", Language::En),
            ("fr, de", Language::Zh),
            ("fr, en;q=0.1", Language::En),
            ("en;q=0", Language::Zh),
            ("*", Language::Zh),
            ("en;q=2", Language::Zh),
            ("EN", Language::En),
        ] {
            let mut choice = LanguageChoice::default();
            choice.line(value);
            assert_eq!(choice.language(), expect, "{value}");
        }
    }

    #[test]
    fn json_is_accepted_by_the_most_specific_range() {
        for (value, expect) in [
            ("*/*", true),
            ("application/json", true),
            ("text/html", false),
            ("text/html, */*;q=0.1", true),
            ("application/json;q=0, */*", false),
            ("application/*;q=0, application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("", false),
        ] {
            let mut choice = MediaChoice::default();
            choice.line(value);
            assert_eq!(choice.accepts("application/json"), expect, "{value}");
        }
        assert!(MediaChoice::default().accepts("application/json"), "nothing said");
        let mut choice = MediaChoice::default();
        choice.line("*/*");
        choice.line("text/csv;q=0");
        assert!(!choice.accepts("text/csv"), "two lines");
    }

    #[test]
    fn traces_are_read_strictly() {
        for (text, fine) in [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("", false),
        ] {
            assert_eq!(Traceparent::parse(text).is_some(), fine, "{text}");
        }
    }
}
