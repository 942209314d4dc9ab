//! Neighbouring groups, read alone and together.

use super::Found;
use super::forms::{self, Candidate};
use super::group::Group;
use crate::engine::identifier::{is_dash, is_space};

/// Groups that one identifier is written in at most.
const GROUPS_MAX: usize = 8;

/// What stands between two groups of one chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Space,
    Dash,
}

/// The groups that may still begin something.
pub(super) struct Chain<'a> {
    text: &'a str,
    groups: [Option<(Group, Gap)>; GROUPS_MAX],
    len: usize,
}

impl<'a> Chain<'a> {
    pub fn new(text: &'a str) -> Self {
        Chain { text, groups: [None; GROUPS_MAX], len: 0 }
    }

    /// Takes the next group; what cannot go on is settled.
    pub fn push(&mut self, group: Group, each: &mut impl FnMut(Found)) {
        let gap = self.last().and_then(|last| gap(self.text.get(last.end..group.start)?));
        let joins = gap.is_some() && forms::may_join(&group);
        if !joins {
            self.flush(each);
        } else if self.len == GROUPS_MAX {
            self.settle(each);
        }
        if let Some(place) = self.groups.get_mut(self.len) {
            *place = Some((group, gap.unwrap_or(Gap::Space)));
            self.len += 1;
        }
        if !forms::may_join(&group) {
            self.flush(each);
        }
    }

    /// Settles all that is left.
    pub fn flush(&mut self, each: &mut impl FnMut(Found)) {
        while self.len > 0 {
            self.settle(each);
        }
    }

    fn last(&self) -> Option<Group> {
        Some(self.groups.get(self.len.checked_sub(1)?)?.as_ref()?.0)
    }

    /// Reads what begins with the first group, the longest first, and lets go of what was read.
    fn settle(&mut self, each: &mut impl FnMut(Found)) {
        let mut taken = 1;
        for count in (1..=self.alike()).rev() {
            let candidate =
                Candidate::new(self.text, self.groups.iter().flatten().take(count).map(|(group, _)| group));
            if let Some(found) = forms::read(&candidate) {
                each(found);
                taken = count;
                break;
            }
        }
        self.groups.rotate_left(taken);
        self.len = self.len.saturating_sub(taken);
        for place in self.groups.iter_mut().skip(self.len) {
            *place = None;
        }
    }

    /// How many groups from the first are joined by gaps of one sort.
    fn alike(&self) -> usize {
        let mut gaps = self.groups.iter().flatten().skip(1).map(|(_, gap)| *gap);
        match gaps.next() {
            Some(first) => 2 + gaps.take_while(|gap| *gap == first).count(),
            None => self.len.min(1),
        }
    }
}

/// The one space or dash between two groups.
fn gap(between: &str) -> Option<Gap> {
    let mut chars = between.chars();
    let (one, None) = (chars.next()?, chars.next()) else { return None };
    if is_space(one) {
        Some(Gap::Space)
    } else if is_dash(one) {
        Some(Gap::Dash)
    } else {
        None
    }
}
