//! In which order the members of a record come: as in the record before.

use crate::engine::mask::fields::{DEAD, StateId};

/// Members whose order is remembered; those after them are expected in the catalogue's order.
const MEMBERS_MAX: usize = 32;

const ONE_BY_ONE: [u8; MEMBERS_MAX] = {
    let mut after = [0; MEMBERS_MAX];
    let mut place = 0;
    while place < MEMBERS_MAX {
        after[place] = place as u8;
        place += 1;
    }
    after
};

/// The order of one kind of object, the first that does not follow the catalogue's.
pub(super) struct Order {
    state: StateId,
    /// Which named key came after each one; the first is the beginning of the object.
    after: [u8; MEMBERS_MAX],
}

impl Order {
    pub(super) fn of_the_catalogue() -> Order {
        Order { state: DEAD, after: ONE_BY_ONE }
    }

    /// The place that is expected next: `behind` is 0 at the beginning, else one more than the place of
    /// the last named key.
    #[inline(always)]
    pub(super) fn next(&self, state: StateId, behind: u32) -> u32 {
        match self.after.get(behind as usize) {
            Some(next) if state == self.state => u32::from(*next),
            _ => behind,
        }
    }

    /// Another key came than was expected.
    pub(super) fn learn(&mut self, state: StateId, behind: u32, place: usize) {
        if self.state == DEAD {
            self.state = state;
        }
        if let (Some(next), Ok(place)) = (self.after.get_mut(behind as usize), u8::try_from(place))
            && state == self.state
        {
            *next = place;
        }
    }
}
