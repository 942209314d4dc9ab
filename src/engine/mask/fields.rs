//! Which field carries which label: the catalogue's paths, compiled once per snapshot.
//!
//! The paths of a dataset become one deterministic automaton whose input is what a masker meets on
//! its way down: a member's key, or an array's element. A step is one search among the keys that
//! the paths name in that place. The room knows nothing of JSON; any format with members and
//! elements can walk it.
//!
//! **Paths** are a subset of JSONPath (RFC 9535): `$` the document, `.name` or `['any name']` a
//! member, `.*` any member of an object, `[*]` any element of an array, `..name`, `..*` and
//! `..[*]` at any depth. Unlike RFC 9535, `.*` does not select array elements and `[*]` does not
//! select members: a label must say whether it expects a list. Indexes, slices and filters are
//! refused.
//!
//! **Keys match exactly**: the code points after unescaping, case-sensitive. A key that equals a
//! named one only after case folding, Unicode normalisation, width folding or trimming is another
//! key, hence unknown, hence dropped. Nothing else is safe without knowing how the reader at the
//! other end compares keys. Such a **lookalike** is counted apart, because it is how an upstream's
//! change of spelling shows, and how somebody would try to pass a field by its label.
//!
//! ```
//! use zhamen::engine::mask::fields::FieldMap;
//! assert!(FieldMap::compile(&[("$.data[*].idCard".into(), 0)]).is_ok());
//! let fault = FieldMap::compile(&[("$.data[0]".into(), 0)]).unwrap_err();
//! assert_eq!((fault.index, fault.offset), (0, 7));
//! ```

mod automaton;
mod lookalike;
pub(in crate::engine::mask) mod path;
#[cfg(test)]
mod tests;

pub(in crate::engine::mask) use automaton::{DEAD, State, StateId};

/// Field paths of one dataset, compiled.
///
/// The default is no path at all: every field is unknown.
#[derive(Debug)]
pub struct FieldMap {
    /// Never empty: the first is the state that no path leads on from.
    states: Vec<State>,
    root: StateId,
    /// The array whose elements are the records; none: every outermost array that leads to labels.
    records: Option<StateId>,
}

/// A path that cannot be read, or that contradicts another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path {index}, character {offset}: {message}")]
pub struct PathFault {
    /// Which of the paths given, from 0.
    pub index: usize,
    /// Byte offset inside the path.
    pub offset: usize,
    /// What is wrong and what may stand there.
    pub message: String,
}

impl FieldMap {
    /// Compiles paths, each with the index of its label.
    ///
    /// # Errors
    /// A path outside the subset; two paths that give one field different labels (also where a
    /// wildcard makes them meet); more than 4096 states.
    /// A labelled path below another labelled one is no contradiction: the inner label stands.
    pub fn compile(paths: &[(String, usize)]) -> Result<FieldMap, PathFault> {
        let mut parsed = Vec::with_capacity(paths.len());
        for (index, (text, label)) in paths.iter().enumerate() {
            let segments = path::parse(text).map_err(|path::Wrong { offset, message }| PathFault {
                index,
                offset,
                message,
            })?;
            let label = u16::try_from(*label).map_err(|_| PathFault {
                index,
                offset: 0,
                message: "a dataset has at most 65535 labels".into(),
            })?;
            parsed.push(path::Path { segments, label });
        }
        let (states, root) = automaton::build(&parsed).map_err(|clash| PathFault {
            index: clash.index,
            offset: 0,
            message: clash.message(paths),
        })?;
        Ok(FieldMap { states, root, records: None })
    }

    /// Names the array whose elements are the records, for answers that hold other arrays as well: a
    /// path of member names, for example `$.data`.
    ///
    /// # Errors
    /// A path with anything but member names, or one that no field path passes through.
    pub fn with_records(mut self, path: &str) -> Result<FieldMap, PathFault> {
        let fault = |offset, message: &str| PathFault { index: 0, offset, message: message.into() };
        let segments =
            path::parse(path).map_err(|path::Wrong { offset, message }| fault(offset, &message))?;
        let mut at = self.root;
        for segment in &segments {
            let path::Step::Key(name) = &segment.step else {
                return Err(fault(0, "only member names may stand here, for example `$.data`"));
            };
            let next = self.state(at).find(name.as_bytes(), 0).map_or(DEAD, |(_, next)| next);
            at = if segment.deep { DEAD } else { next };
        }
        if !self.state(at).has_elements() {
            return Err(fault(0, "no field path leads into the elements of this array"));
        }
        self.records = Some(at);
        Ok(self)
    }

    /// Whether elements of an array in this state are records.
    pub(in crate::engine::mask) fn holds_records(&self, id: StateId) -> bool {
        self.records.is_none_or(|records| records == id)
    }

    /// Where a record stands in formats that are rows and nothing around them: the elements of
    /// [`with_records`](Self::with_records), else of the document if it is an array, else of its one
    /// member that is one, else the document itself.
    pub(in crate::engine::mask) fn row(&self) -> StateId {
        let root = self.state(self.root);
        if let Some(records) = self.records {
            return self.state(records).element();
        }
        let mut lists = (0..root.key_count())
            .filter_map(|place| root.find(root.key(place)?.as_bytes(), place))
            .map(|(_, member)| self.state(member).element());
        match (root.element(), lists.find(|element| *element != DEAD)) {
            (DEAD, Some(element)) if lists.all(|other| other == DEAD) => element,
            (DEAD, _) => self.root,
            (element, _) => element,
        }
    }

    /// Whether [rows](Self::row) are the elements of the array to which these member names lead.
    pub(in crate::engine::mask) fn has_rows_in(&self, records: &[Box<str>]) -> bool {
        let mut at = self.root;
        for name in records {
            at = self.state(at).find(name.as_bytes(), 0).map_or(DEAD, |(_, next)| next);
        }
        let element = self.state(at).element();
        element != DEAD && element == self.row()
    }

    /// Whether the paths name columns of a row.
    pub fn has_columns(&self) -> bool {
        let row = self.state(self.row());
        let named = (0..row.key_count()).filter_map(|place| row.find(row.key(place)?.as_bytes(), place));
        let mut members = named.map(|(_, member)| member).chain([row.other()]);
        members.any(|member| self.state(member).label().is_some())
    }

    /// Whether the records stand in the member `data` of the document, as ClickHouse has them.
    pub fn has_data_member(&self) -> bool {
        let data = self.state(self.root).find(b"data", 0).map_or(DEAD, |(_, next)| next);
        let element = self.state(data).element();
        element != DEAD && element == self.row()
    }

    /// Where a document starts.
    pub(in crate::engine::mask) fn root(&self) -> StateId {
        self.root
    }

    /// The label of each state, by id.
    pub(in crate::engine::mask) fn labels(&self) -> impl ExactSizeIterator<Item = Option<u16>> {
        self.states.iter().map(State::label)
    }

    /// A state by id. Ids come from this map alone; one that does not is the dead state.
    pub(in crate::engine::mask) fn state(&self, id: StateId) -> &State {
        static NOWHERE: State = State::dead();
        self.states.get(id as usize).unwrap_or(&NOWHERE)
    }
}

impl Default for FieldMap {
    fn default() -> Self {
        FieldMap { states: vec![State::dead()], root: DEAD, records: None }
    }
}
