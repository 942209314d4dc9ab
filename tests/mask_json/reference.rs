//! The rules of the masker once more, on a tree, without haste.

use crate::document::Node;
use zhamen::engine::mask::Plan;
use zhamen::engine::mask::scalar::{LabelAction, Scalar, ShowContext, Shown, show};
use zhamen::engine::mask::watch::LabelWatch;

/// A path with its label, and its steps: deep or not, and what is selected.
#[derive(Clone, Debug)]
pub struct Path {
    pub text: String,
    pub label: usize,
    steps: Vec<(bool, Step)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    AnyKey,
    Element,
}

impl Path {
    /// Reads `.name`, `.*`, `[*]`, `..name`, `..[*]`.
    pub fn new(text: &str, label: usize) -> Path {
        let mut steps = Vec::new();
        let mut rest = &text[1..];
        while !rest.is_empty() {
            let deep = rest.starts_with("..");
            rest = rest.trim_start_matches('.');
            let end = rest[1..].find(['.', '[']).map_or(rest.len(), |end| end + 1);
            let (step, after) = rest.split_at(end);
            rest = after;
            steps.push((
                deep,
                match step {
                    "*" => Step::AnyKey,
                    "[*]" => Step::Element,
                    key => Step::Key(key.to_owned()),
                },
            ));
        }
        Path { text: text.to_owned(), label, steps }
    }
}

/// Paths under way: which path, and how many of its steps are behind.
type Ways = Vec<(usize, usize)>;

#[derive(Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    Kept(usize),
    Masked(usize),
}

pub struct Reference<'a> {
    paths: &'a [Path],
    plan: &'a Plan,
    elements: u64,
    showed_outside: bool,
    pub dropped_records: u64,
    pub unknown: u64,
    pub looked_at: u64,
    pub labels: Vec<u64>,
}

impl<'a> Reference<'a> {
    pub fn new(paths: &'a [Path], plan: &'a Plan) -> Reference<'a> {
        let labels = vec![0; plan.actions.len()];
        Reference {
            paths,
            plan,
            elements: 0,
            showed_outside: false,
            dropped_records: 0,
            unknown: 0,
            looked_at: 0,
            labels,
        }
    }

    /// What leaves of a document.
    pub fn document(&mut self, node: &Node) -> Node {
        let ways = (0..self.paths.len()).map(|path| (path, 0)).collect();
        self.value(node, &ways, Around::Nothing, false, true).unwrap_or(Node::Word("null".into()))
    }

    pub fn records(&self) -> u64 {
        if self.elements == 0 { u64::from(self.showed_outside) } else { self.elements }
    }

    fn value(
        &mut self,
        node: &Node,
        ways: &Ways,
        around: Around,
        in_records: bool,
        root: bool,
    ) -> Option<Node> {
        let own = ways.iter().find(|(path, behind)| self.paths[*path].steps.len() == *behind);
        let around = match own.map(|(path, _)| self.paths[*path].label) {
            Some(label) => match self.plan.actions[label].action {
                LabelAction::Keep => Around::Kept(label),
                LabelAction::Drop => {
                    self.labels[label] += 1;
                    return None;
                }
                _ => Around::Masked(label),
            },
            None => around,
        };
        match around {
            Around::Nothing => self.structure(node, ways, in_records, root),
            Around::Kept(label) => Some(self.kept(node, ways, label, in_records)),
            Around::Masked(label) => self.masked(node, ways, label, in_records),
        }
    }

    fn structure(&mut self, node: &Node, ways: &Ways, in_records: bool, root: bool) -> Option<Node> {
        let left = |&(path, behind): &(usize, usize)| self.paths[path].steps.get(behind).cloned();
        let next: Vec<_> = ways.iter().filter_map(left).collect();
        let members = next.iter().any(|(deep, step)| *deep || *step != Step::Element);
        let elements = next.iter().any(|(deep, step)| *deep || *step == Step::Element);
        let fits = match node {
            Node::Object(_) => members,
            Node::Array(_) => elements,
            Node::Word(word) => word == "null" && (members || elements),
            Node::Text(..) => false,
        };
        if !fits {
            self.unknown += 1;
            return None;
        }
        let shown = |(path, _): &(usize, usize)| {
            self.plan.actions[self.paths[*path].label].action != LabelAction::Drop
        };
        let frame = !in_records && (root || ways.iter().any(|way| self.leads_to_records(*way)));
        if !frame && !ways.iter().any(shown) {
            return None;
        }
        match node {
            Node::Array(list) if !in_records => Some(Node::Array(self.records_of(list, ways))),
            _ => Some(self.inside(node, ways, Around::Nothing, in_records)),
        }
    }

    /// Some array of elements comes on this way, after keys alone.
    fn leads_to_records(&self, (path, behind): (usize, usize)) -> bool {
        for (deep, step) in &self.paths[path].steps[behind..] {
            if *deep || *step == Step::Element {
                return true;
            }
        }
        false
    }

    fn records_of(&mut self, list: &[Node], ways: &Ways) -> Vec<Node> {
        let ways = self.step(ways, None);
        let mut records = Vec::new();
        for node in list {
            if self.plan.records_max.is_some_and(|max| self.elements >= max) {
                self.dropped_records += 1;
            } else if let Some(record) = self.value(node, &ways, Around::Nothing, true, false) {
                self.elements += 1;
                records.push(record);
            }
        }
        records
    }

    fn kept(&mut self, node: &Node, ways: &Ways, label: usize, in_records: bool) -> Node {
        match node {
            Node::Array(_) | Node::Object(_) => self.inside(node, ways, Around::Kept(label), in_records),
            Node::Text(..) | Node::Word(_) => {
                self.labels[label] += 1;
                self.looked_at += u64::from(self.plan.watched.of(label) != LabelWatch::NONE);
                self.showed_outside |= !in_records;
                node.clone()
            }
        }
    }

    fn masked(&mut self, node: &Node, ways: &Ways, label: usize, in_records: bool) -> Option<Node> {
        let scalar = match node {
            Node::Array(_) => return Some(self.inside(node, ways, Around::Masked(label), in_records)),
            Node::Object(_) => None,
            Node::Text(_, text) => Some(Scalar::Text(text)),
            Node::Word(word) => Some(match &**word {
                "null" => Scalar::Null,
                "true" => Scalar::Bool(true),
                "false" => Scalar::Bool(false),
                number => Scalar::Number(number),
            }),
        };
        self.labels[label] += 1;
        let rule = &self.plan.actions[label];
        let claim = self.plan.claim.as_ref().filter(|(about, _)| *about == label).map(|(_, claim)| &**claim);
        let context = ShowContext { token_key: &self.plan.token_key, claim, today: self.plan.today };
        let shown = match show(&rule.action, rule.kind, scalar?, &context) {
            Shown::Text(text) => {
                let raw = serde_json::to_string(&text).expect("a string");
                Node::read(&raw)
            }
            Shown::Number(number) => Node::Word(number),
            Shown::Bool(value) => Node::Word(value.to_string()),
            Shown::Null => Node::Word("null".into()),
            Shown::Absent => return None,
        };
        self.showed_outside |= !in_records;
        Some(shown)
    }

    fn inside(&mut self, node: &Node, ways: &Ways, around: Around, in_records: bool) -> Node {
        match node {
            Node::Array(list) => {
                let ways = self.step(ways, None);
                let leave = |element| self.value(element, &ways, around, in_records, false);
                Node::Array(list.iter().filter_map(leave).collect())
            }
            Node::Object(members) => {
                let mut left = Vec::new();
                for (raw, key, value) in members {
                    let next = self.step(ways, Some(key));
                    let named = self.is_named(ways, key);
                    if around == Around::Nothing && (next.is_empty() || !named && !is_name(key)) {
                        self.unknown += 1;
                    } else if let Some(value) = self.value(value, &next, around, in_records, false) {
                        left.push((raw.clone(), key.clone(), value));
                    }
                }
                Node::Object(left)
            }
            Node::Text(..) | Node::Word(_) => node.clone(),
        }
    }

    fn is_named(&self, ways: &Ways, key: &str) -> bool {
        let names = |step: &(bool, Step)| matches!(&step.1, Step::Key(name) if name == key);
        ways.iter().any(|(path, behind)| self.paths[*path].steps.get(*behind).is_some_and(names))
    }

    /// The ways after a key, or after an element.
    fn step(&self, ways: &Ways, key: Option<&str>) -> Ways {
        let mut next = Ways::new();
        for &(path, behind) in ways {
            let Some((deep, step)) = self.paths[path].steps.get(behind) else { continue };
            if *deep {
                next.push((path, behind));
            }
            let takes = match (step, key) {
                (Step::Key(name), Some(key)) => name == key,
                (Step::AnyKey, Some(_)) | (Step::Element, None) => true,
                _ => false,
            };
            if takes {
                next.push((path, behind + 1));
            }
        }
        next
    }
}

/// A letter or `_`, then letters, digits, `_`, `.`, `-`: 41 at most, with at most four digits.
fn is_name(key: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.len() <= 41
        && key.chars().all(allowed)
        && key.chars().filter(char::is_ascii_digit).count() <= 4
}
