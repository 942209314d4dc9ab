//! One page of uses, newest first: the index says where, the log says what.

use super::locate::LogReader;
use super::seen::{Ended, Members, Seen};
use super::{Term, UsageError, View};
use std::collections::{HashMap, VecDeque};

/// Places fetched from the index at once.
const FETCH: usize = 64;
/// Outcomes carried over to the next page: answers that ended after later requests had begun.
const CARRIED_MAX: usize = 16;

/// Where a page begins: before this entry. The outcomes of earlier requests may stand behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub before: u64,
    pub outcomes: Vec<u64>,
}

impl Place {
    /// The newest entry.
    pub const NEWEST: Place = Place { before: u64::MAX, outcomes: Vec::new() };
}

/// What a page is to hold.
#[derive(Clone, Debug)]
pub struct Asked {
    /// One subject under all its live tokens, or one officer.
    pub terms: Vec<Term>,
    pub from: Place,
    /// Uses on the page.
    pub limit: usize,
}

/// A page of uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub entries: Vec<Seen>,
    /// Where the next page begins; none where nothing follows that may be seen.
    pub next: Option<Place>,
}

/// Reads a page. `is_visible` says which uses may be seen; the others leave no trace in it.
pub(super) fn read(
    view: &View,
    log: &mut LogReader,
    asked: &Asked,
    is_visible: &dyn Fn(&Seen) -> bool,
) -> Result<Page, UsageError> {
    let mut reading = Reading { asked, log, outcomes: HashMap::new(), entries: Vec::new() };
    for seq in &asked.from.outcomes {
        let line = reading.log.line(*seq)?;
        reading.take(*seq, line, is_visible)?;
    }
    let mut places = Places::new(view, asked);
    while let Some(seq) = places.next()? {
        let line = reading.log.kept_line(seq)?;
        if reading.take(seq, line, is_visible)? {
            let before = reading.entries.last().map_or(0, |seen| seen.seq);
            return Ok(Page { next: Some(reading.place(before)), entries: reading.entries });
        }
    }
    Ok(Page { entries: reading.entries, next: None })
}

struct Reading<'a> {
    asked: &'a Asked,
    log: &'a mut LogReader,
    /// Outcomes whose request was not reached yet, by its id.
    outcomes: HashMap<String, (u64, Ended)>,
    entries: Vec<Seen>,
}

impl Reading<'_> {
    /// Takes one entry of the log. True: the page is full, and this one belongs to the next.
    fn take(
        &mut self,
        seq: u64,
        line: Option<Vec<u8>>,
        is_visible: &dyn Fn(&Seen) -> bool,
    ) -> Result<bool, UsageError> {
        let Some(line) = line else { return Ok(false) };
        let Some(members) = Members::read(&line) else { return Ok(false) };
        let id = members.request_id.as_deref().unwrap_or_default();
        if members.kind == "outcome" {
            self.outcomes.insert(id.to_owned(), (seq, Seen::ended(&members)));
            return Ok(false);
        }
        // Another term may share the key, and a carried place may be anybody's.
        if !self.asked.terms.iter().any(|term| members.is_of(term)) || seq >= self.asked.from.before {
            return Ok(false);
        }
        let own = members.delivered.or(members.released).map(|_| Seen::ended(&members));
        // What was written ahead may have ended otherwise.
        let ended = self.outcomes.get(id).map(|(_, ended)| *ended).or(own);
        let seen = Seen::of(&members, ended);
        if !is_visible(&seen) {
            self.outcomes.remove(id);
            return Ok(false);
        }
        if self.entries.len() == self.asked.limit {
            return Ok(true);
        }
        self.outcomes.remove(id);
        self.entries.push(seen);
        Ok(false)
    }

    fn place(&self, before: u64) -> Place {
        let mut outcomes: Vec<u64> = self.outcomes.values().map(|(seq, _)| *seq).collect();
        outcomes.sort_unstable();
        outcomes.truncate(CARRIED_MAX);
        Place { before, outcomes }
    }
}

/// The places of several terms together, newest first, each once.
struct Places<'a> {
    view: &'a View,
    terms: Vec<Fetched>,
    last: u64,
}

struct Fetched {
    key: u64,
    ready: VecDeque<u64>,
    /// Where the next fetch begins; none: all was fetched.
    before: Option<u64>,
}

impl<'a> Places<'a> {
    fn new(view: &'a View, asked: &Asked) -> Self {
        let before = Some(asked.from.before);
        let fetched = |term: &Term| Fetched { key: term.key(), ready: VecDeque::new(), before };
        Places { view, terms: asked.terms.iter().map(fetched).collect(), last: u64::MAX }
    }

    fn next(&mut self) -> Result<Option<u64>, UsageError> {
        loop {
            for term in &mut self.terms {
                term.fill(self.view)?;
            }
            let newest = self.terms.iter_mut().max_by_key(|term| term.ready.front().copied());
            let Some(seq) = newest.and_then(|term| term.ready.pop_front()) else { return Ok(None) };
            if seq != self.last {
                self.last = seq;
                return Ok(Some(seq));
            }
        }
    }
}

impl Fetched {
    fn fill(&mut self, view: &View) -> Result<(), UsageError> {
        let (true, Some(before)) = (self.ready.is_empty(), self.before) else { return Ok(()) };
        let found = view.newest(self.key, before, FETCH).map_err(UsageError::Index)?;
        self.before = found.last().copied().filter(|_| found.len() == FETCH);
        self.ready = found.into();
        Ok(())
    }
}
