//! Paths to automaton: subset construction over keys, "another key" and "an element".

use super::lookalike::folded;
use super::path::{Path, Segment, Step};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Index of a state.
pub(in crate::engine::mask) type StateId = u32;

/// The state that no path leads on from: what lies there is unknown.
pub(in crate::engine::mask) const DEAD: StateId = 0;

/// More states than any catalogue needs; `$..a.*.*.*…` doubles them with every star.
pub(super) const STATES_MAX: usize = 4096;

/// One place in a document, as far as the paths tell places apart.
#[derive(Debug)]
pub(in crate::engine::mask) struct State {
    /// The keys named here, in the order of the paths.
    edges: Vec<Edge>,
    /// Places among them, sorted by shape, then by bytes.
    sorted: Vec<u32>,
    /// Where a key leads that is not named here.
    other: StateId,
    /// Where an element leads.
    element: StateId,
    /// The label of what lies here.
    label: Option<u16>,
    /// Labels here and below, one bit each.
    below: Vec<u64>,
    /// An array whose elements lead to labels lies here or below, through objects alone.
    leads_to_records: bool,
}

#[derive(Debug)]
struct Edge {
    shape: KeyShape,
    key: Box<str>,
    /// What the key reads like.
    folded: Box<str>,
    /// The key as a member most often begins: quoted, with its colon, if it needs no escape.
    quoted: Box<[u8]>,
    /// The first and the last eight bytes of that, where it has eight; else its bytes and no last.
    beginning: (u64, u64),
    next: StateId,
}

/// What tells most keys apart without a call: their length, then their first and last eight bytes
/// (which are all of a key of up to sixteen).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct KeyShape {
    length: usize,
    first: u64,
    last: u64,
}

impl KeyShape {
    #[inline]
    fn of(key: &[u8]) -> KeyShape {
        let length = key.len();
        if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
            return KeyShape { length, first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) };
        }
        if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            return KeyShape { length, first: first.into(), last: last.into() };
        }
        let first = key.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        KeyShape { length, first, last: 0 }
    }
}

impl State {
    pub(super) const fn dead() -> State {
        State {
            edges: Vec::new(),
            sorted: Vec::new(),
            other: DEAD,
            element: DEAD,
            label: None,
            below: Vec::new(),
            leads_to_records: false,
        }
    }

    /// The place of a named key among the named, and where it leads.
    ///
    /// `guess` is the place to look first. Records mostly come in one order, and mostly in that of
    /// the catalogue: the place after the last is a good guess.
    #[inline]
    pub(in crate::engine::mask) fn find(&self, key: &[u8], guess: usize) -> Option<(usize, StateId)> {
        let shape = KeyShape::of(key);
        match self.edges.get(guess) {
            Some(edge) if edge.compare(shape, key).is_eq() => Some((guess, edge.next)),
            _ => self.search(shape, key),
        }
    }

    /// Where the key at a place leads, and the length of the member's beginning, if `text` begins
    /// with just that key, quoted, and a colon.
    #[inline]
    pub(in crate::engine::mask) fn begins(&self, text: &[u8], place: usize) -> Option<(usize, StateId)> {
        let edge = self.edges.get(place)?;
        edge.begins(text).then_some((edge.quoted.len(), edge.next))
    }

    fn search(&self, shape: KeyShape, key: &[u8]) -> Option<(usize, StateId)> {
        let compare = |place: &u32| {
            self.edges.get(*place as usize).map_or(Ordering::Less, |edge| edge.compare(shape, key))
        };
        let place = *self.sorted.get(self.sorted.binary_search_by(compare).ok()?)? as usize;
        Some((place, self.edges.get(place)?.next))
    }

    /// The named key that another key looks like.
    pub(in crate::engine::mask) fn lookalike(&self, key: &[u8]) -> Option<&str> {
        let key = folded(std::str::from_utf8(key).ok()?);
        self.edges.iter().find(|edge| *edge.folded == *key).map(|edge| &*edge.key)
    }

    /// The named key at a place given by [`find`](Self::find).
    pub(in crate::engine::mask) fn key(&self, place: usize) -> Option<&str> {
        self.edges.get(place).map(|edge| &*edge.key)
    }

    pub(in crate::engine::mask) fn key_count(&self) -> usize {
        self.edges.len()
    }

    pub(in crate::engine::mask) fn other(&self) -> StateId {
        self.other
    }

    pub(in crate::engine::mask) fn element(&self) -> StateId {
        self.element
    }

    pub(in crate::engine::mask) fn label(&self) -> Option<u16> {
        self.label
    }

    pub(in crate::engine::mask) fn leads_to_records(&self) -> bool {
        self.leads_to_records
    }

    /// Some path goes on through a member.
    pub(in crate::engine::mask) fn has_members(&self) -> bool {
        self.other != DEAD || !self.edges.is_empty()
    }

    /// Some path goes on through an element.
    pub(in crate::engine::mask) fn has_elements(&self) -> bool {
        self.element != DEAD
    }

    /// Any of these labels lies here or below.
    pub(in crate::engine::mask) fn reaches(&self, mut shown: impl FnMut(usize) -> bool) -> bool {
        self.below.iter().enumerate().any(|(place, word)| {
            let mut left = *word;
            while left != 0 {
                if shown(place * 64 + left.trailing_zeros() as usize) {
                    return true;
                }
                left &= left - 1;
            }
            false
        })
    }

    fn next(&self) -> impl Iterator<Item = StateId> {
        self.edges.iter().map(|edge| edge.next).chain([self.other, self.element])
    }
}

impl Edge {
    /// The text begins with the quoted key and its colon. Two comparisons without a call where the piece
    /// goes on for eight bytes and the name is no longer than thirteen.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        let length = self.quoted.len();
        let last = text.get(length.wrapping_sub(8)..length).and_then(|last| last.first_chunk::<8>());
        match (text.first_chunk::<8>(), last) {
            (Some(first), Some(last)) if length <= 16 => {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last)) == self.beginning
            }
            (Some(first), None) if (1..8).contains(&length) => {
                (u64::from_le_bytes(*first) ^ self.beginning.0) << (64 - 8 * length) == 0
            }
            _ => length > 0 && text.starts_with(&self.quoted),
        }
    }

    #[inline]
    fn compare(&self, shape: KeyShape, key: &[u8]) -> Ordering {
        let by_shape = self.shape.cmp(&shape);
        if shape.length <= 16 { by_shape } else { by_shape.then_with(|| self.key.as_bytes().cmp(key)) }
    }
}

/// The key as JSON has it where nothing is escaped; nothing if something must be.
fn quoted(key: &str) -> Box<[u8]> {
    if key.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        return Box::default();
    }
    format!("\"{key}\":").into_bytes().into()
}

fn beginning(quoted: &[u8]) -> (u64, u64) {
    match (quoted.first_chunk(), quoted.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (quoted.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    }
}

/// Why paths cannot be one automaton.
pub(super) struct Clash {
    pub(super) index: usize,
    /// The path it contradicts, or none when there are too many states.
    with: Option<usize>,
}

impl Clash {
    pub(super) fn message(&self, paths: &[(String, usize)]) -> String {
        match self.with.and_then(|other| paths.get(other)) {
            Some((other, _)) => format!("the path gives another label to a field of `{other}`"),
            None => format!("the paths together need more than {STATES_MAX} states; use fewer `..` and `*`"),
        }
    }
}

/// So many segments of a path are behind.
type Position = (usize, usize);

/// Builds the states; the first is [`DEAD`]. Gives the root too.
pub(super) fn build(paths: &[Path]) -> Result<(Vec<State>, StateId), Clash> {
    let mut build = Build {
        paths,
        states: vec![State::dead()],
        known: BTreeMap::from([(BTreeSet::new(), DEAD)]),
        queue: VecDeque::new(),
    };
    let root = build.state((0..paths.len()).map(|path| (path, 0)).collect())?;
    while let Some((id, positions)) = build.queue.pop_front() {
        build.expand(id, &positions)?;
    }
    let mut states = build.states;
    spread(&mut states, paths);
    Ok((states, root))
}

struct Build<'a> {
    paths: &'a [Path],
    states: Vec<State>,
    known: BTreeMap<BTreeSet<Position>, StateId>,
    queue: VecDeque<(StateId, BTreeSet<Position>)>,
}

/// What a masker meets on its way down.
enum Met<'a> {
    Key(&'a str),
    OtherKey,
    Element,
}

impl Build<'_> {
    /// The state of these positions, made if it is new.
    fn state(&mut self, positions: BTreeSet<Position>) -> Result<StateId, Clash> {
        if let Some(id) = self.known.get(&positions) {
            return Ok(*id);
        }
        let label = self.label(&positions)?;
        let id = self.states.len();
        if id == STATES_MAX {
            return Err(Clash { index: positions.last().map_or(0, |last| last.0), with: None });
        }
        self.states.push(State { label, ..State::dead() });
        let id = id as StateId;
        self.known.insert(positions.clone(), id);
        self.queue.push_back((id, positions));
        Ok(id)
    }

    /// The one label of the paths that end here.
    fn label(&self, positions: &BTreeSet<Position>) -> Result<Option<u16>, Clash> {
        let mut first: Option<(usize, u16)> = None;
        for &(index, behind) in positions {
            let Some(path) = self.paths.get(index).filter(|path| path.segments.len() == behind) else {
                continue;
            };
            match first {
                Some((other, label)) if label != path.label => {
                    return Err(Clash { index, with: Some(other) });
                }
                Some(_) => {}
                None => first = Some((index, path.label)),
            }
        }
        Ok(first.map(|(_, label)| label))
    }

    fn expand(&mut self, id: StateId, positions: &BTreeSet<Position>) -> Result<(), Clash> {
        let paths = self.paths;
        let keys = positions.iter().filter_map(|&position| match &segment(paths, position)?.step {
            Step::Key(key) => Some(&**key),
            Step::AnyKey | Step::Element => None,
        });
        let mut edges = Vec::new();
        let mut known = BTreeSet::new();
        for key in keys.filter(|key| known.insert(*key)) {
            let next = self.follow(positions, &Met::Key(key))?;
            let quoted = quoted(key);
            edges.push(Edge {
                shape: KeyShape::of(key.as_bytes()),
                key: key.into(),
                folded: folded(key).into(),
                beginning: beginning(&quoted),
                quoted,
                next,
            });
        }
        let mut sorted: Vec<_> = edges.iter().zip(0u32..).collect();
        sorted.sort_by(|(left, _), (right, _)| left.compare(right.shape, right.key.as_bytes()));
        let sorted = sorted.into_iter().map(|(_, place)| place).collect();
        let other = self.follow(positions, &Met::OtherKey)?;
        let element = self.follow(positions, &Met::Element)?;
        if let Some(state) = self.states.get_mut(id as usize) {
            (state.edges, state.sorted, state.other, state.element) = (edges, sorted, other, element);
        }
        Ok(())
    }

    fn follow(&mut self, positions: &BTreeSet<Position>, met: &Met<'_>) -> Result<StateId, Clash> {
        let mut next = BTreeSet::new();
        for &position in positions {
            let Some(segment) = segment(self.paths, position) else { continue };
            if segment.deep {
                next.insert(position);
            }
            if takes(&segment.step, met) {
                next.insert((position.0, position.1 + 1));
            }
        }
        self.state(next)
    }
}

fn segment(paths: &[Path], (path, behind): Position) -> Option<&Segment> {
    paths.get(path)?.segments.get(behind)
}

fn takes(step: &Step, met: &Met<'_>) -> bool {
    match (step, met) {
        (Step::Key(key), Met::Key(met)) => key == met,
        (Step::AnyKey, Met::Key(_) | Met::OtherKey) | (Step::Element, Met::Element) => true,
        (Step::Key(_), Met::OtherKey | Met::Element)
        | (Step::AnyKey, Met::Element)
        | (Step::Element, Met::Key(_) | Met::OtherKey) => false,
    }
}

/// Tells every state what lies below it, until nothing changes (recursive descent makes circles).
fn spread(states: &mut [State], paths: &[Path]) {
    let words = paths.iter().map(|path| usize::from(path.label) / 64 + 1).max().unwrap_or(0);
    for state in states.iter_mut() {
        state.below = vec![0; words];
        if let Some(label) = state.label
            && let Some(word) = state.below.get_mut(usize::from(label) / 64)
        {
            *word |= 1 << (label % 64);
        }
        state.leads_to_records = state.has_elements();
    }
    let mut changed = true;
    while changed {
        changed = false;
        // Children tend to have higher ids than parents.
        for id in (0..states.len()).rev() {
            changed |= pull(states, id);
        }
    }
}

/// Takes over what a state's successors reach; true if that was news.
fn pull(states: &mut [State], id: usize) -> bool {
    let Some(state) = states.get(id) else { return false };
    let mut below = state.below.clone();
    for next in state.next().filter_map(|next| states.get(next as usize)) {
        below.iter_mut().zip(&next.below).for_each(|(word, more)| *word |= more);
    }
    let members = state.edges.iter().map(|edge| edge.next).chain([state.other]);
    let leads = state.leads_to_records
        || members.filter_map(|next| states.get(next as usize)).any(|next| next.leads_to_records);
    let Some(state) = states.get_mut(id) else { return false };
    let changed = state.below != below || state.leads_to_records != leads;
    (state.below, state.leads_to_records) = (below, leads);
    changed
}
