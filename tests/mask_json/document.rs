//! Documents: generated as trees, written with every freedom the grammar gives, read back with
//! every lexeme.

use proptest::prelude::*;
use proptest::sample::select;

/// What a document says.
#[derive(Clone, Debug)]
pub enum Tree {
    Text(String),
    /// A number or a word, as written.
    Word(&'static str),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

const KEYS: [&str; 12] =
    ["a", "a", "b", "c", "data", "data", "id", "other", "canary_key", "33canary44", "é", "q\"\n"];
const WORDS: [&str; 9] =
    ["true", "false", "null", "0", "-0.0", "1e400", "12345678901234567890123", "0.10", "-1E+2"];

/// Documents of up to some dozens of values, often of the shape of an answer.
pub fn tree() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![
        any::<u16>().prop_map(|number| format!("canary{number}yranac")),
        Just("yes".to_owned()),
        Just(String::new()),
        "[ -~é张😀\u{1}\u{7f}]{1,9}",
        // What may begin a reference.
        "[a/?#.: ]{1,9}",
    ];
    let leaf = prop_oneof![
        3 => text.prop_map(Tree::Text),
        2 => select(WORDS.to_vec()).prop_map(Tree::Word),
    ];
    let any = leaf.prop_recursive(5, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Array),
            prop::collection::vec((select(KEYS.to_vec()), inner), 0..6).prop_map(object),
        ]
    });
    prop_oneof![
        any.clone(),
        prop::collection::vec(any.clone(), 0..4)
            .prop_map(|records| object(vec![("data", Tree::Array(records))])),
        (prop::collection::vec(any.clone(), 0..3), any)
            .prop_map(|(records, a)| object(vec![("a", a), ("data", Tree::Array(records))])),
    ]
}

/// Each key once: duplicates have a test of their own.
fn object(members: Vec<(&str, Tree)>) -> Tree {
    let mut unique: Vec<(String, Tree)> = Vec::new();
    for (key, value) in members {
        if unique.iter().all(|(known, _)| known != key) {
            unique.push((key.to_owned(), value));
        }
    }
    Tree::Object(unique)
}

impl Tree {
    /// Writes it; `noise` chooses white space and escapes.
    pub fn write(&self, noise: u64) -> String {
        let mut writer = Writer { text: String::new(), noise: noise | 1, plain: noise.is_multiple_of(3) };
        writer.space();
        writer.tree(self);
        writer.space();
        writer.text
    }

    /// Texts and keys that would be recognised anywhere.
    pub fn canaries(&self) -> Vec<String> {
        match self {
            Tree::Text(text) if text.starts_with("canary") => vec![text.clone()],
            Tree::Text(_) | Tree::Word(_) => Vec::new(),
            Tree::Array(elements) => elements.iter().flat_map(Tree::canaries).collect(),
            Tree::Object(members) => {
                let keys = members.iter().map(|(key, _)| key).filter(|key| key.contains("canary")).cloned();
                keys.chain(members.iter().flat_map(|(_, value)| value.canaries())).collect()
            }
        }
    }
}

struct Writer {
    text: String,
    noise: u64,
    plain: bool,
}

impl Writer {
    fn tree(&mut self, tree: &Tree) {
        match tree {
            Tree::Text(text) => self.string(text),
            Tree::Word(word) => self.text.push_str(word),
            Tree::Array(elements) => {
                self.text.push('[');
                self.space();
                for (index, element) in elements.iter().enumerate() {
                    self.comma(index);
                    self.tree(element);
                    self.space();
                }
                self.text.push(']');
            }
            Tree::Object(members) => {
                self.text.push('{');
                self.space();
                for (index, (key, value)) in members.iter().enumerate() {
                    self.comma(index);
                    self.string(key);
                    self.space();
                    self.text.push(':');
                    self.space();
                    self.tree(value);
                    self.space();
                }
                self.text.push('}');
            }
        }
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
            self.space();
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            let must = character < ' ' || character == '"' || character == '\\';
            if !must && (self.plain || self.pick(4) > 0) {
                self.text.push(character);
            } else if (character == '"' || character == '\\') && self.pick(2) > 0 {
                self.text.extend(['\\', character]);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    self.text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        self.text.push('"');
    }

    fn space(&mut self) {
        if !self.plain {
            let count = self.pick(3);
            for _ in 0..count {
                let character = [' ', '\n', '\r', '\t'][self.pick(4) as usize];
                self.text.push(character);
            }
        }
    }

    fn pick(&mut self, below: u64) -> u64 {
        self.noise =
            self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 33) % below
    }
}

/// What a document says, and how: lexemes are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Inside of the quotes as written, and what it says.
    Text(String, String),
    Word(String),
    Array(Vec<Node>),
    Object(Vec<(String, String, Node)>),
}

impl Node {
    /// Reads a document that is known to be good.
    pub fn read(text: &str) -> Node {
        let mut rest = text;
        let node = read(&mut rest);
        assert!(rest.trim().is_empty(), "{rest} is left of {text}");
        node
    }

    /// Writes it without white space.
    pub fn write(&self) -> String {
        match self {
            Node::Text(raw, _) => format!("\"{raw}\""),
            Node::Word(word) => word.clone(),
            Node::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(Node::write).collect();
                format!("[{}]", elements.join(","))
            }
            Node::Object(members) => {
                let member =
                    |(raw, _, value): &(String, String, Node)| format!("\"{raw}\":{}", value.write());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}

fn read(rest: &mut &str) -> Node {
    *rest = rest.trim_start();
    match rest.as_bytes()[0] {
        b'"' => {
            let (raw, text) = read_string(rest);
            Node::Text(raw, text)
        }
        b'[' => {
            let mut elements = Vec::new();
            while next_of(rest, ']') {
                elements.push(read(rest));
            }
            Node::Array(elements)
        }
        b'{' => {
            let mut members = Vec::new();
            while next_of(rest, '}') {
                let (raw, key) = read_string(rest);
                *rest = rest.trim_start().strip_prefix(':').expect("a colon");
                members.push((raw, key, read(rest)));
            }
            Node::Object(members)
        }
        _ => {
            let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            Node::Word(word.to_owned())
        }
    }
}

/// Steps over the opener or a comma; false once it steps over the closer.
fn next_of(rest: &mut &str, closer: char) -> bool {
    let trimmed = rest.trim_start();
    let opened = trimmed.starts_with(['[', '{']);
    *rest = trimmed;
    if let Some(after) = trimmed.strip_prefix(closer) {
        *rest = after;
        return false;
    }
    *rest = trimmed[1..].trim_start();
    match rest.strip_prefix(closer) {
        Some(after) if opened => {
            *rest = after;
            false
        }
        _ => true,
    }
}

fn read_string(rest: &mut &str) -> (String, String) {
    let inside = rest.trim_start().strip_prefix('"').expect("a string");
    let mut escaped = false;
    let end = inside.find(|character| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    });
    let (raw, after) = inside.split_at(end.expect("a closing quote"));
    *rest = &after[1..];
    (raw.to_owned(), serde_json::from_str(&format!("\"{raw}\"")).expect("a good string"))
}
