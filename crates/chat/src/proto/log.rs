//! The log: it orders what happens. A room is what its log says.
//!
//! A log keeps this contract:
//! 1. `append` takes an event for good; it never refuses and never blocks the caller for long.
//! 2. Each appended event comes out of `poll_committed` exactly once, with a position greater than
//!    all before it; an id that came twice is committed once.
//! 3. What `tail` gives for a room after a position, followed by what `poll_committed` gives from
//!    then on, has no gap and nothing twice.
//! 4. A log may commit later (a disk, a cluster); whoever appends waits for the commit, not for the
//!    call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Append, Entry, Event, Pos, RoomId, Stream};

/// The seam behind which events are ordered and kept.
pub trait Log {
    /// Takes an event.
    fn append(&mut self, append: Append);

    /// Gives the next event that has its place, until `None`.
    fn poll_committed(&mut self) -> Option<Arc<Entry>>;

    /// Gives what was said in a room after a position, the oldest first.
    fn tail(&self, room: RoomId, after: Pos) -> Vec<Arc<Entry>>;

    /// Gives the position after which exactly the last `lines` things were said in a room.
    fn before_last(&self, room: RoomId, lines: usize) -> Pos;
}

/// A log in memory: commits at once, keeps the last lines of each room.
/// A node numbers its events upwards from 1, so that the last number tells a repetition.
#[derive(Debug)]
pub struct MemoryLog {
    last: Pos,
    lines_max: usize,
    numbers: BTreeMap<u64, u64>,
    rooms: BTreeMap<RoomId, VecDeque<Arc<Entry>>>,
    committed: VecDeque<Arc<Entry>>,
}

impl MemoryLog {
    /// Starts an empty log that keeps at most `lines_max` lines of each room.
    pub fn new(epoch: u64, lines_max: usize) -> MemoryLog {
        let last = Pos { epoch, seq: 0 };
        MemoryLog {
            last,
            lines_max,
            numbers: BTreeMap::new(),
            rooms: BTreeMap::new(),
            committed: VecDeque::new(),
        }
    }
}

impl Log for MemoryLog {
    fn append(&mut self, append: Append) {
        let number = self.numbers.entry(append.id.node).or_default();
        if append.id.number <= *number {
            return;
        }
        *number = append.id.number;
        self.last.seq += 1;
        let entry = Arc::new(Entry { pos: self.last, append });
        let is_said = matches!(entry.append.event, Event::Said { .. } | Event::Posted { .. });
        if let (Stream::Room(room), true) = (entry.append.stream, is_said)
            && self.lines_max > 0
        {
            let kept = self.rooms.entry(room).or_default();
            if kept.len() == self.lines_max {
                kept.pop_front();
            }
            kept.push_back(Arc::clone(&entry));
        }
        self.committed.push_back(entry);
    }

    fn poll_committed(&mut self) -> Option<Arc<Entry>> {
        self.committed.pop_front()
    }

    fn tail(&self, room: RoomId, after: Pos) -> Vec<Arc<Entry>> {
        let kept = self.rooms.get(&room);
        kept.into_iter().flatten().filter(|entry| entry.pos > after).cloned().collect()
    }

    fn before_last(&self, room: RoomId, lines: usize) -> Pos {
        let Some(kept) = self.rooms.get(&room) else { return self.last };
        if lines == 0 {
            return self.last;
        }
        let place = kept.len().checked_sub(lines + 1);
        place.and_then(|at| kept.get(at)).map_or_else(Pos::default, |entry| entry.pos)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MsgId, Text};
    use super::*;
    use crate::proto::{ClientId, Nick, Roster, Style};

    fn said(client: ClientId, number: u64, room: u32) -> Append {
        Append {
            stream: Stream::Room(RoomId(room)),
            id: MsgId { node: 1, number },
            unix_ms: 0,
            event: Event::Said {
                client,
                nick: Nick::plain(1),
                text: Text::new(&number.to_string()),
                style: Style::Line,
            },
        }
    }

    fn numbers(entries: &[Arc<Entry>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.append.id.number).collect()
    }

    #[test]
    fn tail_and_commits_have_no_gap() {
        let client = Roster::default().insert(());
        let mut log = MemoryLog::new(7, 3);
        for number in 1..=5 {
            log.append(said(client, number * 10, 0));
            log.append(said(client, number * 10 + 1, 1));
            log.append(said(client, number * 10, 0));
        }
        let mut positions = Vec::new();
        while let Some(entry) = log.poll_committed() {
            assert_eq!(entry.pos.epoch, 7);
            positions.push(entry.pos.seq);
        }
        assert_eq!(positions, (1..=10).collect::<Vec<_>>());
        let room = RoomId(0);
        assert_eq!(numbers(&log.tail(room, Pos::default())), [30, 40, 50]);
        assert_eq!(numbers(&log.tail(room, log.before_last(room, 2))), [40, 50]);
        assert_eq!(numbers(&log.tail(room, log.before_last(room, 9))), [30, 40, 50]);
        assert!(numbers(&log.tail(room, log.before_last(room, 0))).is_empty());
        assert!(numbers(&log.tail(RoomId(9), log.before_last(RoomId(9), 5))).is_empty());
    }

    #[test]
    fn a_log_of_no_lines_keeps_nothing() {
        let client = Roster::default().insert(());
        let mut log = MemoryLog::new(0, 0);
        log.append(said(client, 1, 0));
        assert!(log.poll_committed().is_some());
        assert!(log.tail(RoomId(0), Pos::default()).is_empty());
    }
}
