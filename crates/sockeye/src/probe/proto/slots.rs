//! The questions that were sent: when, and what became of each.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::order::WINDOW;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Answered,
    Overdue,
    Late,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    sent: Instant,
    state: State,
}

/// How a first answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// In time.
    InTime(Duration),
    /// When it counted as lost already.
    Late(Duration),
}

/// The questions of a session; the last `WINDOW` of them in detail, the others as numbers.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    base: u32,
    /// The first number whose time may not be over.
    open_from: u32,
    pub(super) sent: u32,
    pub(super) waiting: u32,
    pub(super) answered: u32,
    pub(super) late: u32,
    pub(super) lost: u32,
}

impl Slots {
    /// Notes that the next number was sent.
    pub(super) fn push(&mut self, now: Instant) {
        if self.slots.len() == usize::try_from(WINDOW).expect("a few thousand") {
            self.slots.pop_front();
            self.base += 1;
        }
        self.slots.push_back(Slot { sent: now, state: State::Waiting });
        self.sent += 1;
        self.waiting += 1;
    }

    /// Notes the first answer to `number`; `None` where it was forgotten or never sent.
    pub(super) fn answer(&mut self, number: u32, now: Instant) -> Option<Answer> {
        let slot = self.slot(number)?;
        let took = now.saturating_duration_since(slot.sent);
        match slot.state {
            State::Waiting => {
                slot.state = State::Answered;
                self.waiting -= 1;
                self.answered += 1;
                Some(Answer::InTime(took))
            }
            State::Overdue => {
                slot.state = State::Late;
                self.lost -= 1;
                self.late += 1;
                Some(Answer::Late(took))
            }
            State::Answered | State::Late => None,
        }
    }

    /// When the first of those that wait is given up.
    pub(super) fn next_overdue(&mut self, wait: Duration) -> Option<Instant> {
        while let Some(slot) = self.slot(self.open_from) {
            if slot.state == State::Waiting {
                return Some(slot.sent + wait);
            }
            self.open_from += 1;
        }
        None
    }

    /// Gives the next one up whose time is over, and tells its number.
    pub(super) fn poll_overdue(&mut self, now: Instant, wait: Duration) -> Option<u32> {
        if self.next_overdue(wait)? > now {
            return None;
        }
        let number = self.open_from;
        self.slot(number)?.state = State::Overdue;
        self.waiting -= 1;
        self.lost += 1;
        Some(number)
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot> {
        let at = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.slots.get_mut(at)
    }
}
