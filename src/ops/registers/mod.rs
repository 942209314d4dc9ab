//! Registers for the public: what data there are, and who may see what of them, why and until when.
//!
//! [`catalogue`] says what is registered, also what is not shared, as DCAT-AP 3 in JSON-LD and as a
//! page for people. [`grants`] asks the decision engine itself, so that it cannot differ from what the
//! gateway does. Both are made of a snapshot of the policies folder and of nothing else; nothing here
//! knows a request. Everything that goes into a page is escaped, and pages carry no script.
//!
//! ```
//! use zhamen::ops::registers::escape;
//! assert_eq!(escape("<b title='x'>&\""), "&lt;b title=&#39;x&#39;&gt;&amp;&quot;");
//! ```

pub mod catalogue;
pub mod grants;
mod pages;
pub mod summary;
#[cfg(test)]
mod tests;

pub use pages::Pages;

use crate::engine::canonical::Language;
use crate::engine::terms::Text;
use std::borrow::Cow;

/// What of `Accept` decides between the two forms of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page for people.
    Html,
    /// For machines: the default.
    Data,
}

impl Form {
    /// The better one of `text/html` and everything else; of equal weights the machine's.
    ///
    /// ```
    /// use zhamen::ops::registers::Form;
    /// assert_eq!(Form::of("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Form::Html);
    /// assert_eq!(Form::of("application/ld+json, text/html;q=0.5"), Form::Data);
    /// assert_eq!(Form::of("*/*"), Form::Data);
    /// ```
    pub fn of(accept: &str) -> Self {
        let (mut html, mut data) = (0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
            let weight = weight.unwrap_or(0.0);
            match media {
                "text/html" | "application/xhtml+xml" => html = html.max(weight),
                "application/ld+json" | "application/json" | "*/*" | "application/*" => {
                    data = data.max(weight)
                }
                _ => {}
            }
        }
        if html > data { Form::Html } else { Form::Data }
    }
}

/// Text made harmless for HTML, in content and in quoted attributes alike.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The words of one language.
pub(crate) fn said(text: &Text, language: Language) -> &str {
    match language {
        Language::Zh => &text.zh,
        Language::En => &text.en,
    }
}

/// Chooses between two words of ours.
pub(crate) fn word<'a>(language: Language, zh: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1a1a}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #c8c8c8;padding:.4rem .6rem;text-align:left;vertical-align:top}\
th{background:#f0f3f7}code{font-size:.9em}caption{text-align:left;padding:.4rem 0}@media(max-width:50rem){table{display:block;overflow-x:auto}}";

/// A page: title, introduction and tables, which are escaped already.
pub(crate) fn page(language: Language, title: &str, body: &str) -> String {
    let (tag, title) = (language.tag(), escape(title));
    format!(
        "<!doctype html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A table with a head of these words; cells are escaped here.
pub(crate) fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = String::from("<table><thead><tr>");
    for head in heads {
        out.push_str(&format!("<th scope=\"col\">{}</th>", escape(head)));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            out.push_str(&format!("<td>{}</td>", escape(&cell)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
    out
}
