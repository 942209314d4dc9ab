//! What happens in one place of a document: containers open, and the rule of each.

use crate::engine::mask::fields::{DEAD, FieldMap, State, StateId};
use crate::engine::mask::showing::{Fate, Showing};

/// What happens to a value, or to what a container holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) enum Treat {
    /// On the way to labels: containers stay, scalars are unknown.
    Follow,
    /// Stays as it is.
    Keep(u16),
    /// Stays as it is, and keys and containers with it, but its scalars are looked at.
    Look(u16),
    /// Is shown through the mask of its label.
    Mask(u16),
    /// Is left out, and counted for its label.
    Drop(u16),
    /// Is left out: decided and counted above.
    Skip,
}

/// How a value entered its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// By a key that the container's state names, at this place.
    Named(u32),
    /// By another key.
    Other,
    Element,
    /// It is the document.
    Document,
}

/// One open container. The outermost stands for the document's surroundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The byte that closes it; 0 for the outermost.
    pub(super) closer: u8,
    pub(super) treat: Treat,
    pub(super) state: StateId,
    pub(super) arrival: Arrival,
    /// Something inside has left already, so what leaves next needs a comma.
    pub(super) emitted: bool,
    /// Its elements are records.
    pub(super) records: bool,
    /// Where its bits of keys seen begin.
    pub(super) seen: u32,
    /// One more than the place of the last named key; 0 before the first.
    pub(super) behind: u32,
    /// The place of the key that is expected next.
    pub(super) guess: u32,
    /// What is inside must be looked at before it leaves.
    pub(super) decides: bool,
}

impl Frame {
    /// What surrounds the document.
    pub(super) fn outermost() -> Frame {
        Frame {
            closer: 0,
            treat: Treat::Follow,
            state: DEAD,
            arrival: Arrival::Document,
            emitted: false,
            records: false,
            seen: 0,
            behind: 0,
            guess: 0,
            decides: true,
        }
    }
}

impl Treat {
    /// What is inside a container in this state must be looked at before it leaves.
    pub(super) fn decides_inside(self, state: StateId) -> bool {
        match self {
            Treat::Follow | Treat::Mask(_) | Treat::Look(_) => true,
            Treat::Keep(_) => state != DEAD,
            Treat::Drop(_) | Treat::Skip => false,
        }
    }
}

/// What the labels of the field map's states ask for in one answer, where they have one.
pub(in crate::engine::mask) struct Rules(Vec<Option<Treat>>);

impl Rules {
    pub(in crate::engine::mask) fn new(fields: &FieldMap, showing: &Showing) -> Rules {
        let labels = fields.labels();
        // Allocators have blocks of such sizes at hand.
        let mut rules = Vec::with_capacity(labels.len().next_power_of_two());
        rules.extend(labels.map(|label| label.map(|label| of_label(showing, label))));
        Rules(rules)
    }

    /// What happens to a value in this state, inside a container that is treated like this.
    #[inline]
    pub(in crate::engine::mask) fn treat(&self, state: StateId, around: Treat) -> Treat {
        match self.own(state) {
            Some(own) => own,
            None => match around {
                Treat::Keep(_) | Treat::Look(_) | Treat::Mask(_) | Treat::Follow => around,
                Treat::Drop(_) | Treat::Skip => Treat::Skip,
            },
        }
    }

    /// What the state's own label asks for.
    #[inline]
    pub(super) fn own(&self, state: StateId) -> Option<Treat> {
        self.0.get(state as usize).copied().flatten()
    }
}

fn of_label(showing: &Showing, label: u16) -> Treat {
    match showing.fate(label) {
        Fate::Keep => Treat::Keep(label),
        Fate::Look => Treat::Look(label),
        Fate::Mask => Treat::Mask(label),
        Fate::Drop => Treat::Drop(label),
    }
}

/// A key that is a name rather than a value: see the rule in [`json`](super).
pub(in crate::engine::mask) fn is_name(key: &[u8]) -> bool {
    let Some((first, rest)) = key.split_first() else { return false };
    let shaped = (first.is_ascii_alphabetic() || *first == b'_')
        && rest.len() <= 40
        && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    shaped && key.iter().filter(|byte| byte.is_ascii_digit()).count() <= 4
}

/// The way to an unknown value, in names of the catalogue, `*`, `[*]`, and its own key if that is
/// a name (`?` otherwise, `None` for an element or a value of the wrong shape).
pub(super) fn template<'a>(
    fields: &FieldMap,
    frames: impl Iterator<Item = &'a Frame>,
    arrival: Arrival,
    key: Option<&[u8]>,
) -> String {
    let mut path = String::from("$");
    let mut state = DEAD;
    for frame in frames {
        append(&mut path, fields.state(state), frame.arrival);
        state = frame.state;
    }
    match key {
        // A register's own number, even a short one, is data.
        Some(key) if is_name(key) && key.iter().filter(|byte| byte.is_ascii_digit()).count() < 3 => {
            path.push('.');
            path.push_str(std::str::from_utf8(key).unwrap_or("?"));
        }
        Some(_) => path.push_str(".?"),
        None => append(&mut path, fields.state(state), arrival),
    }
    if path.len() > TEMPLATE_BYTES_MAX {
        let cut = (0..=TEMPLATE_BYTES_MAX).rev().find(|at| path.is_char_boundary(*at));
        path.truncate(cut.unwrap_or(0));
        path.push('…');
    }
    path
}

/// The way to an unknown member whose key looks like a named one: that one's path, and `≈`.
pub(super) fn lookalike_template<'a>(
    fields: &FieldMap,
    frames: impl Iterator<Item = &'a Frame>,
    named: &str,
) -> String {
    let mut path = template(fields, frames, Arrival::Document, None);
    path.push('.');
    path.push_str(named);
    path.push('≈');
    path
}

/// Long enough for any path of the catalogue; short enough for a log line.
const TEMPLATE_BYTES_MAX: usize = 200;

fn append(path: &mut String, state: &State, arrival: Arrival) {
    match arrival {
        Arrival::Document => {}
        Arrival::Element => path.push_str("[*]"),
        Arrival::Other => path.push_str(".*"),
        Arrival::Named(place) => {
            path.push('.');
            path.push_str(state.key(place as usize).unwrap_or("?"));
        }
    }
}
