//! Time that stands still until it is told to move, for everything that takes `now`.

use std::time::{Duration, Instant};

/// A clock that only [`Clock::advance`] and [`Clock::advance_to`] move.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    now: Instant,
}

impl Clock {
    /// Makes a clock at its start.
    #[must_use]
    pub fn new() -> Self {
        let start = Instant::now();
        Self { start, now: start }
    }

    /// Tells the time; the same answer until the clock is moved.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Tells how much time has gone by since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Moves on by `step` and tells the new time.
    pub fn advance(&mut self, step: Duration) -> Instant {
        self.now += step;
        self.now
    }

    /// Moves on to `deadline` (a machine's `poll_timeout`), never back, and tells the new time.
    pub fn advance_to(&mut self, deadline: Instant) -> Instant {
        self.now = self.now.max(deadline);
        self.now
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told_and_never_back() {
        let mut clock = Clock::new();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        assert_eq!(clock.advance(Duration::from_millis(5)), start + Duration::from_millis(5));
        clock.advance_to(start);
        assert_eq!(clock.elapsed(), Duration::from_millis(5));
        clock.advance_to(start + Duration::from_secs(1));
        assert_eq!(clock.elapsed(), Duration::from_secs(1));
    }
}
