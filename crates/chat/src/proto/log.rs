//! The log: it orders what happens. A room is what its log says.
//!
//! A log keeps this contract:
//! 1. `append` takes an event for good, and never blocks the caller for long.
//! 2. Each appended event comes out exactly once: of `poll_committed`, with a position greater than
//!    all before it, or of `poll_refused`, where it could not be kept. An id that came twice comes
//!    out once.
//! 3. What `tail` gives for a room after a position, followed by what `poll_committed` gives from
//!    then on, has no gap and nothing twice.
//! 4. A log may commit later (a disk, a cluster); whoever appends waits for the commit, not for the
//!    call. While a log `is_full` nothing should be appended that can wait.
//! 5. Each question that was asked is answered once, sooner or later, in any order. An answer has
//!    at least what had come out of `poll_committed` when the question was asked.

use std::collections::VecDeque;
use std::sync::Arc;

use super::order::Order;
use super::recent::Recent;
use super::{Answer, Append, Entry, Pos, Question, RoomName};

/// The seam behind which events are ordered and kept.
pub trait Log {
    /// Takes an event.
    fn append(&mut self, append: Append);

    /// Gives the next event that has its place, until `None`.
    fn poll_committed(&mut self) -> Option<Arc<Entry>>;

    /// Gives the next event that could not be kept and has no place, until `None`.
    fn poll_refused(&mut self) -> Option<Append> {
        None
    }

    /// Whether so much waits that nothing should be appended that can wait.
    fn is_full(&self) -> bool {
        false
    }

    /// Whether something that was appended has not come out yet.
    fn has_pending(&self) -> bool;

    /// Why nothing can be kept at the moment; `None` where all is well.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Gives what was said in a room after a position, the oldest first, as far as it is at hand.
    fn tail(&self, room: &RoomName, after: Pos) -> Vec<Arc<Entry>>;

    /// Gives the position after which exactly the last `lines` things were said in a room.
    fn before_last(&self, room: &RoomName, lines: usize) -> Pos;

    /// Asks about the past. The ticket comes back with the answer.
    fn ask(&mut self, ticket: u64, question: Question);

    /// Gives the next answer, until `None`.
    fn poll_answer(&mut self) -> Option<Answer>;
}

/// A log in memory: commits at once, keeps the last lines of each room.
#[derive(Debug)]
pub struct MemoryLog {
    order: Order,
    recent: Recent,
    committed: VecDeque<Arc<Entry>>,
    answers: VecDeque<Answer>,
}

impl MemoryLog {
    /// Starts an empty log that keeps at most `lines_max` lines of each room.
    pub fn new(epoch: u64, lines_max: usize) -> MemoryLog {
        MemoryLog {
            order: Order::after(Pos { epoch, seq: 0 }),
            recent: Recent::new(lines_max),
            committed: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }
}

impl Log for MemoryLog {
    fn append(&mut self, append: Append) {
        self.committed.extend(self.order.place(append));
    }

    fn poll_committed(&mut self) -> Option<Arc<Entry>> {
        let entry = self.committed.pop_front()?;
        self.recent.push(&entry);
        Some(entry)
    }

    fn has_pending(&self) -> bool {
        !self.committed.is_empty()
    }

    fn tail(&self, room: &RoomName, after: Pos) -> Vec<Arc<Entry>> {
        self.recent.tail(room, after)
    }

    fn before_last(&self, room: &RoomName, lines: usize) -> Pos {
        self.recent.before_last(room, lines, self.order.last())
    }

    fn ask(&mut self, ticket: u64, question: Question) {
        let found = match question {
            Question::Page(page) => self.recent.page(&page),
            Question::Search { stream, words, lines } => {
                self.recent.search(stream.as_ref(), &words, lines)
            }
            Question::Conversations { key } => self.recent.conversations(&key),
        };
        self.answers.push_back(Answer { ticket, found: Ok(found) });
    }

    fn poll_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, MsgId, Page, Stream, Text};
    use super::*;
    use crate::proto::{ClientId, Identity, Nick, Roster, Style, Target};

    fn room(number: u32) -> RoomName {
        format!("#{number}").parse().expect("a room")
    }

    fn said(client: ClientId, number: u64, place: u32) -> Append {
        Append {
            stream: Stream::Room(room(place)),
            id: MsgId { node: 1, number },
            unix_ms: 0,
            event: Event::Said {
                client,
                who: Arc::new(Identity::plain(Nick::plain(1))),
                to: Target::Room(room(place)),
                text: Text::new(&number.to_string()),
                style: Style::Line,
                tags: "".into(),
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
        let zero = &room(0);
        assert_eq!(numbers(&log.tail(zero, Pos::default())), [30, 40, 50]);
        assert_eq!(numbers(&log.tail(zero, log.before_last(zero, 2))), [40, 50]);
        assert_eq!(numbers(&log.tail(zero, log.before_last(zero, 9))), [30, 40, 50]);
        assert!(numbers(&log.tail(zero, log.before_last(zero, 0))).is_empty());
        assert!(numbers(&log.tail(&room(9), log.before_last(&room(9), 5))).is_empty());
    }

    #[test]
    fn questions_are_answered_with_their_tickets() {
        let client = Roster::default().insert(());
        let mut log = MemoryLog::new(0, 10);
        for number in 1..=5 {
            log.append(said(client, number, 0));
            assert!(log.has_pending());
            assert!(log.poll_committed().is_some());
        }
        let (after, stream) = (None, Stream::Room(room(0)));
        let before = Some(super::super::Point::At(Pos { epoch: 0, seq: 5 }));
        let page = Page { stream, after, before, lines: 2, last: true, changes: false };
        log.ask(7, Question::Page(Page { last: false, ..page.clone() }));
        log.ask(8, Question::Page(page));
        log.ask(9, Question::Search { stream: None, words: "4".to_owned(), lines: 9 });
        let mut answers = Vec::new();
        while let Some(Answer { ticket, found }) = log.poll_answer() {
            answers.push((ticket, numbers(&found.expect("an answer"))));
        }
        assert_eq!(answers, [(7, vec![1, 2]), (8, vec![3, 4]), (9, vec![4])]);
    }

    #[test]
    fn a_log_of_no_lines_keeps_nothing() {
        let client = Roster::default().insert(());
        let mut log = MemoryLog::new(0, 0);
        log.append(said(client, 1, 0));
        assert!(log.poll_committed().is_some());
        assert!(log.tail(&room(0), Pos::default()).is_empty());
    }
}
