//! The addresses that wait for their turn: families alternate, so that one that does not work
//! costs little.

use std::collections::{HashSet, VecDeque};

use super::Config;
use crate::addr::{Address, Family};

/// Addresses not yet tried. Nothing that was ever added is given twice.
///
/// # Source
/// RFC 8305, section 4.
#[derive(Debug)]
pub(super) struct Untried {
    /// By family, the preferred one first; a sequential race has one group for all.
    groups: Vec<Group>,
    /// Asked only whether it has an address, so its order does not matter.
    known: HashSet<Address>,
    sequential: bool,
    first_family_count: usize,
    family_max: usize,
    /// How many the first group has given.
    first_given: usize,
    /// The group whose turn it is.
    turn: usize,
    left_out: usize,
}

#[derive(Debug)]
struct Group {
    family: Family,
    given: usize,
    untried: VecDeque<Address>,
}

impl Untried {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            groups: Vec::new(),
            known: HashSet::new(),
            sequential: config.sequential,
            first_family_count: config.first_family_count.max(1),
            family_max: config.attempts_max,
            first_given: 0,
            turn: 0,
            left_out: 0,
        }
    }

    /// Adds what is new, at most so many of each family as may be tried in all. A family that is
    /// `preferred` goes before the others.
    pub(super) fn add(&mut self, found: impl IntoIterator<Item = Address>, preferred: bool) {
        for addr in found {
            let index = self.group_of(addr.family(), preferred);
            let group = &mut self.groups[index];
            if self.known.contains(&addr) {
                continue;
            }
            if group.given + group.untried.len() >= self.family_max {
                self.left_out += 1;
                continue;
            }
            self.known.insert(addr.clone());
            group.untried.push_back(addr);
        }
    }

    fn group_of(&mut self, family: Family, preferred: bool) -> usize {
        let family = if self.sequential { Family::Unspec } else { family };
        if let Some(index) = self.groups.iter().position(|group| group.family == family) {
            return index;
        }
        let index = if preferred { 0 } else { self.groups.len() };
        if index == 0 {
            self.first_given = 0;
        }
        self.groups.insert(index, Group { family, given: 0, untried: VecDeque::new() });
        index
    }

    /// Takes the next one.
    pub(super) fn next(&mut self) -> Option<Address> {
        let waits = |group: &Group| !group.untried.is_empty();
        let first = self.first_given < self.first_family_count;
        let turn = if first && self.groups.first().is_some_and(waits) { 0 } else { self.turn };
        let count = self.groups.len();
        let mut turns = (0..count).map(|step| (turn + step) % count);
        let index = turns.find(|index| waits(&self.groups[*index]))?;
        self.turn = index + 1;
        let group = &mut self.groups[index];
        group.given += 1;
        if index == 0 {
            self.first_given += 1;
        }
        group.untried.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(|group| group.untried.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.untried.is_empty())
    }

    /// How many addresses there was no room for.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_may_be_tried() {
        let mut untried = Untried::new(&Config { attempts_max: 3, ..Config::default() });
        let addrs =
            |count: u8| (0..count).map(|host| (std::net::Ipv4Addr::from([10, 0, 0, host]), 1));
        untried.add(addrs(2).map(Into::into), false);
        untried.next().unwrap();
        untried.add(addrs(9).map(Into::into), false);
        assert_eq!((untried.len(), untried.left_out()), (2, 6));
        untried.add(["[::1]:1".parse().unwrap()], false);
        assert_eq!(untried.len(), 3, "another family has its own room");
    }
}
