//! Path templates: `/health/v1/records/{id}`.
//!
//! A template is a list of whole segments, each a literal or a named capture. Templates are the only
//! form of a path that is ever written down; what a capture held is not.

use std::sync::Arc;

/// The most segments of a path; deeper paths match nothing.
pub const SEGMENTS_MAX: usize = 16;

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Unreserved characters of RFC 3986, so that encoded and decoded form are the same.
    Literal(Arc<str>),
    /// Any one non-empty segment.
    Capture(Arc<str>),
}

/// A path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    segments: Vec<Segment>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Where in the text it is wrong, in characters, and how.
    pub fn parse(text: &str) -> Result<Template, (usize, String)> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err((0, "a path begins with `/`".to_owned()));
        };
        let mut segments = Vec::new();
        let mut offset = 1;
        for part in rest.split('/').filter(|_| !rest.is_empty()) {
            let segment = segment(part).map_err(|message| (offset, message))?;
            if let Segment::Capture(name) = &segment
                && segments.contains(&segment)
            {
                return Err((offset, format!("the capture `{name}` stands here twice")));
            }
            segments.push(segment);
            offset += part.chars().count() + 1;
        }
        if segments.len() > SEGMENTS_MAX {
            return Err((0, format!("a path has at most {SEGMENTS_MAX} segments")));
        }
        Ok(Template { text: text.into(), segments })
    }

    /// As it was written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Its segments in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Names of the captures, each with the place of its segment.
    pub fn captures(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.segments.iter().enumerate().filter_map(|(place, segment)| match segment {
            Segment::Capture(name) => Some((place, name)),
            Segment::Literal(_) => None,
        })
    }

    /// The path with values in the places of its captures, percent-encoded (RFC 3986, `pchar`
    /// without the sub-delimiters). None if a value is missing, empty, `.` or `..`.
    pub fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let mut path = String::with_capacity(self.text.len() + 24);
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Capture(name) => {
                    let value = value(name).filter(|value| !matches!(*value, "" | "." | ".."))?;
                    encode(value, &mut path);
                }
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        Some(path)
    }
}

fn segment(part: &str) -> Result<Segment, String> {
    if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let plain =
            name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
        return if plain && !name.is_empty() {
            Ok(Segment::Capture(name.into()))
        } else {
            Err("the name of a capture has letters, digits, `_` and `-`".to_owned())
        };
    }
    match part {
        "" => Err("a segment is empty".to_owned()),
        "." | ".." => Err("a segment is `.` or `..`".to_owned()),
        part if part.bytes().all(is_unreserved) => Ok(Segment::Literal(part.into())),
        part if part.contains(['{', '}']) => Err("a capture is a whole segment: `{name}`".to_owned()),
        _ => Err("a segment has letters, digits, `-`, `.`, `_` and `~`".to_owned()),
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes everything but unreserved characters.
pub(super) fn encode(value: &str, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in value.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            // Both halves of a byte are below sixteen.
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for (text, expect) in [
            ("/", Ok(0)),
            ("/a/{id}/b", Ok(3)),
            ("/a.b/~c_d-e", Ok(2)),
            ("", Err((0, "a path begins with `/`"))),
            ("a", Err((0, "a path begins with `/`"))),
            ("/a//b", Err((3, "a segment is empty"))),
            ("/a/", Err((3, "a segment is empty"))),
            ("/a/../b", Err((3, "a segment is `.` or `..`"))),
            ("/a/x{id}", Err((3, "a capture is a whole segment: `{name}`"))),
            ("/a/{}", Err((3, "the name of a capture has letters, digits, `_` and `-`"))),
            ("/a/{id}/{id}", Err((8, "the capture `id` stands here twice"))),
            ("/婚姻/x y", Err((1, "a segment has letters, digits, `-`, `.`, `_` and `~`"))),
            ("/a%2fb", Err((1, "a segment has letters, digits, `-`, `.`, `_` and `~`"))),
            ("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", Err((0, "a path has at most 16 segments"))),
        ] {
            let found = Template::parse(text).map(|template| template.segments().len());
            assert_eq!(found, expect.map_err(|(place, message)| (place, message.to_owned())), "{text}");
        }
    }

    #[test]
    fn rendering_encodes_values() {
        let template = Template::parse("/a/{x}/b").unwrap();
        for (value, expect) in [
            ("330106", Some("/a/330106/b")),
            ("a/b", Some("/a/a%2Fb/b")),
            ("浙A", Some("/a/%E6%B5%99A/b")),
            ("%2e?#", Some("/a/%252e%3F%23/b")),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(template.render(|_| Some(value)).as_deref(), expect, "{value}");
        }
        assert_eq!(template.render(|_| None), None);
        assert_eq!(Template::parse("/").unwrap().render(|_| None).as_deref(), Some("/"));
    }
}
