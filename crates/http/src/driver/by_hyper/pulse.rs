//! Whether a connection is alive: how many exchanges are under way on it, whose turn it is, and
//! when the peer was last seen to do its part.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use crate::config::Limits;

/// The life of one connection.
pub(super) struct Pulse {
    exchanges: Cell<u32>,
    /// Answers of which the peer has to take more before anything else can happen.
    waiting: Cell<u32>,
    last: Rc<Cell<Instant>>,
    is_fresh: Cell<bool>,
}

/// What a connection is when its deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not over: the deadline has moved.
    Alive,
    /// The peer has never asked for anything.
    Silent,
    /// The peer asks for nothing any more.
    Idle,
    /// The peer does not take what it asked for.
    Stalled,
}

impl Pulse {
    pub(super) fn new(accepted: Instant) -> Rc<Pulse> {
        Rc::new(Pulse {
            exchanges: Cell::new(0),
            waiting: Cell::new(0),
            last: Rc::new(Cell::new(accepted)),
            is_fresh: Cell::new(true),
        })
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.is_fresh.set(false);
        self.exchanges.set(self.exchanges.get() + 1);
    }

    /// It has been answered, or will never be.
    pub(super) fn end(&self) {
        self.exchanges.set(self.exchanges.get().saturating_sub(1));
        self.beat();
    }

    /// The peer has done its part.
    pub(super) fn beat(&self) {
        self.last.set(Instant::now());
    }

    /// When the peer did its part last.
    pub(super) fn last(&self) -> Rc<Cell<Instant>> {
        Rc::clone(&self.last)
    }

    /// It is the peer's turn in one exchange more.
    pub(super) fn wait(&self) {
        if self.waiting.get() == 0 {
            self.beat();
        }
        self.waiting.set(self.waiting.get() + 1);
    }

    /// It is the peer's turn in one exchange less.
    pub(super) fn wait_no_more(&self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.exchanges.get() == 0
    }

    /// Until when something has to happen. `None`: it is our turn.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let time = match (self.is_idle(), self.waiting.get()) {
            (true, _) if self.is_fresh.get() => limits.header_timeout,
            (true, _) => limits.idle_timeout,
            (false, 0) => return None,
            (false, _) => limits.write_timeout,
        };
        Some(self.last.get() + time)
    }

    /// What the connection is at `now`.
    pub(super) fn state(&self, limits: &Limits, now: Instant) -> State {
        match self.deadline(limits) {
            None => State::Alive,
            Some(deadline) if now < deadline => State::Alive,
            Some(_) if !self.is_idle() => State::Stalled,
            Some(_) if self.is_fresh.get() => State::Silent,
            Some(_) => State::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_stage_has_its_time() {
        let limits = Limits::default();
        let start = Instant::now();
        let pulse = Pulse::new(start);
        let after = |time: Duration| Instant::now() + time;
        let second = Duration::from_secs(1);
        assert_eq!(pulse.deadline(&limits), Some(start + limits.header_timeout));
        assert_eq!(pulse.state(&limits, start), State::Alive);
        assert_eq!(pulse.state(&limits, start + limits.header_timeout), State::Silent);
        pulse.begin();
        assert_eq!(pulse.deadline(&limits), None, "our turn");
        assert_eq!(pulse.state(&limits, after(1000 * second)), State::Alive);
        pulse.wait();
        assert_eq!(pulse.state(&limits, after(limits.write_timeout)), State::Stalled);
        assert_eq!(pulse.state(&limits, after(limits.write_timeout - second)), State::Alive);
        pulse.wait_no_more();
        assert_eq!(pulse.state(&limits, after(1000 * second)), State::Alive);
        pulse.end();
        assert_eq!(pulse.state(&limits, after(limits.idle_timeout)), State::Idle);
        assert_eq!(pulse.state(&limits, after(limits.idle_timeout - second)), State::Alive);
    }
}
