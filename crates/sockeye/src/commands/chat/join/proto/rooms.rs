//! The list of rooms, the server's own first. Their lines together keep within a budget.

use std::collections::VecDeque;

use super::limits::{ROOMS_MAX, SCROLLBACK_BYTES_MAX};
use super::room::{Line, Place, Room};

/// All rooms, and the one that is looked at.
#[derive(Debug)]
pub(crate) struct Rooms {
    all: Vec<Room>,
    current: usize,
    lines_max: usize,
    next_id: u64,
    /// Lines for one who reads them one by one, with the place of their room.
    tap: Option<VecDeque<(usize, Line)>>,
}

impl Rooms {
    /// The room of the server alone; a room keeps at most `lines_max` lines.
    pub(crate) fn new(server: &str, lines_max: usize) -> Rooms {
        let server = Room::new(server, String::new(), Place::Server);
        Rooms { all: vec![server], current: 0, lines_max: lines_max.max(1), next_id: 1, tap: None }
    }

    /// All of them in the order in which they are shown.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Room> {
        self.all.iter()
    }

    /// The same, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Room> {
        self.all.iter_mut()
    }

    /// The place of the one that is looked at.
    pub(crate) fn at(&self) -> usize {
        self.current
    }

    /// The one that is looked at.
    pub(crate) fn current(&self) -> &Room {
        &self.all[self.current]
    }

    /// The same, to change it.
    pub(crate) fn current_mut(&mut self) -> &mut Room {
        &mut self.all[self.current]
    }

    /// One of them.
    pub(crate) fn room(&self, index: usize) -> &Room {
        &self.all[index]
    }

    /// One of them, to change it.
    pub(crate) fn room_mut(&mut self, index: usize) -> &mut Room {
        &mut self.all[index]
    }

    /// The place of the one with this folded name.
    pub(crate) fn find(&self, fold: &str) -> Option<usize> {
        let found = self.all.iter().skip(1).position(|room| room.fold == fold);
        found.map(|index| index + 1)
    }

    /// The place of the one with this name, which is made where it is not there. `None` where there
    /// are too many.
    pub(crate) fn open(&mut self, name: &str, fold: &str, place: Place) -> Option<usize> {
        if let Some(index) = self.find(fold) {
            return Some(index);
        }
        if self.all.len() >= ROOMS_MAX {
            return None;
        }
        self.all.push(Room::new(name, fold.to_owned(), place));
        Some(self.all.len() - 1)
    }

    /// Looks at another one. What was seen of the one before is remembered.
    pub(crate) fn go(&mut self, index: usize) {
        if index >= self.all.len() || index == self.current {
            return;
        }
        let left = self.current_mut();
        left.seen = left.lines.back().map(|line| line.id);
        self.current = index;
        let room = self.current_mut();
        room.unread = 0;
        room.mentions = 0;
    }

    /// Looks at the next one, or the one before.
    pub(crate) fn turn(&mut self, back: bool) {
        let count = self.all.len();
        let step = if back { count - 1 } else { 1 };
        self.go((self.current + step) % count);
    }

    /// Looks at the next one in which something is new, first of all one in which one is spoken to.
    pub(crate) fn go_to_new(&mut self) {
        let count = self.all.len();
        let others = (1..count).map(|step| (self.current + step) % count);
        let calls = others.clone().find(|index| self.all[*index].mentions > 0);
        let new = calls.or_else(|| others.clone().find(|index| self.all[*index].unread > 0));
        if let Some(index) = new {
            self.go(index);
        }
    }

    /// Takes a room out of the list; that of the server stays.
    pub(crate) fn close(&mut self, index: usize) {
        if index == 0 || index >= self.all.len() {
            return;
        }
        self.all.remove(index);
        if self.current >= index {
            self.current -= 1;
        }
    }

    /// Lines can be read one by one from now on.
    pub(crate) fn tap(&mut self) {
        self.tap.get_or_insert_default();
    }

    /// The next of them.
    pub(crate) fn poll_line(&mut self) -> Option<(usize, Line)> {
        self.tap.as_mut()?.pop_front()
    }

    fn number(&mut self, index: usize, line: &mut Line) {
        line.id = self.next_id;
        self.next_id += 1;
        if let Some(tap) = &mut self.tap {
            tap.push_back((index, line.clone()));
        }
    }

    /// Puts a line at the end of a room.
    pub(crate) fn append(&mut self, index: usize, mut line: Line) {
        self.number(index, &mut line);
        self.all[index].append(line);
        self.keep_limits(index);
    }

    /// Puts a line of history into a room. `false` where it is there already, or the room is full.
    pub(crate) fn insert(&mut self, index: usize, mut line: Line, epoch: u32) -> bool {
        let room = &mut self.all[index];
        if line.msgid.as_ref().is_some_and(|msgid| room.has(msgid)) {
            return false;
        }
        if room.lines.len() >= self.lines_max
            && room.lines.front().is_some_and(|first| first.at_ms >= line.at_ms)
        {
            return false;
        }
        self.number(index, &mut line);
        let inserted = self.all[index].insert(line, epoch);
        self.keep_limits(index);
        inserted
    }

    /// Whether a room has as many lines as it may have.
    pub(crate) fn is_full(&self, index: usize) -> bool {
        self.all[index].lines.len() >= self.lines_max
    }

    fn keep_limits(&mut self, index: usize) {
        while self.all[index].lines.len() > self.lines_max {
            self.all[index].forget_oldest();
        }
        while self.all.iter().map(|room| room.bytes).sum::<usize>() > SCROLLBACK_BYTES_MAX {
            let Some(fattest) = self.all.iter_mut().max_by_key(|room| room.bytes) else { break };
            fattest.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::{Delivery, Kind};
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            id: 0,
            at_ms: 0,
            kind: Kind::Said,
            nick: "n".into(),
            text: text.into(),
            msgid: None,
            own: false,
            mention: false,
            delivery: Delivery::Done,
            live: None,
        }
    }

    #[test]
    fn rooms_are_opened_once_gone_through_and_closed() {
        let mut rooms = Rooms::new("server", 10);
        assert_eq!(rooms.open("#A", "#a", Place::Room), Some(1));
        assert_eq!(rooms.open("#a", "#a", Place::Room), Some(1));
        assert_eq!(rooms.open("bob", "bob", Place::Person), Some(2));
        rooms.turn(true);
        assert_eq!(rooms.current().name, "bob");
        rooms.room_mut(1).mentions = 1;
        rooms.go_to_new();
        assert_eq!((rooms.current().name.as_str(), rooms.current().mentions), ("#A", 0));
        rooms.close(0);
        rooms.close(1);
        assert_eq!(rooms.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["server", "bob"]);
        assert_eq!(rooms.at(), 0);
    }

    #[test]
    fn the_number_of_rooms_and_lines_and_bytes_is_limited() {
        let mut rooms = Rooms::new("server", 10);
        for n in 0..2 * ROOMS_MAX {
            let name = format!("#{n}");
            rooms.open(&name, &name, Place::Room);
        }
        assert_eq!(rooms.iter().len(), ROOMS_MAX);
        (0..20).for_each(|n| rooms.append(1, line(&n.to_string())));
        assert_eq!(rooms.room(1).lines.len(), 10);
        assert_eq!(rooms.room(1).lines[0].text, "10");
        assert!(!rooms.insert(1, line("older"), 1), "full");
        let mut rooms = Rooms::new("server", 1_000_000);
        let long = "x".repeat(1 << 20);
        (0..100).for_each(|_| rooms.append(0, line(&long)));
        assert!(rooms.current().bytes <= SCROLLBACK_BYTES_MAX);
        assert!(rooms.current().lines.len() > 60);
    }
}
