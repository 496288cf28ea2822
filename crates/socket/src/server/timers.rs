//! Deadlines of many connections. One that moves away costs nothing before it is due: the old time
//! stays, and the connection says then that it was moved.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one time for each key.
#[derive(Debug, Default)]
pub(super) struct Timers {
    times: BTreeSet<(Instant, u64)>,
}

/// The time that is set for a key, kept with what the key stands for.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Instant>);

impl Timers {
    /// Makes sure that `key` comes out of [`pop`](Self::pop) at `until` or before.
    pub(super) fn set(&mut self, key: u64, timer: &mut Timer, until: Option<Instant>) {
        let Some(until) = until else { return };
        if timer.0.is_some_and(|old| old <= until) {
            return;
        }
        self.clear(key, timer);
        self.times.insert((until, key));
        timer.0 = Some(until);
    }

    /// Forgets the time of `key`.
    pub(super) fn clear(&mut self, key: u64, timer: &mut Timer) {
        if let Some(old) = timer.0.take() {
            self.times.remove(&(old, key));
        }
    }

    /// When the first one is due.
    pub(super) fn first(&self) -> Option<Instant> {
        self.times.first().map(|(until, _)| *until)
    }

    /// The next key that is due: its [`Timer`] has run out, tell it so and set it anew.
    pub(super) fn pop(&mut self, now: Instant) -> Option<u64> {
        let (until, key) = *self.times.first()?;
        if until > now {
            return None;
        }
        self.times.pop_first();
        Some(key)
    }
}

impl Timer {
    /// [`Timers::pop`] gave the key.
    pub(super) fn run_out(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockeye_testkit::Clock;
    use std::time::Duration;

    #[test]
    fn the_nearest_time_counts_and_each_key_has_one() {
        let mut clock = Clock::new();
        let at = |ms| Some(clock.now() + Duration::from_millis(ms));
        let (mut timers, mut one, mut two) =
            (Timers::default(), Timer::default(), Timer::default());
        timers.set(1, &mut one, at(50));
        timers.set(1, &mut one, at(90));
        timers.set(2, &mut two, at(70));
        timers.set(2, &mut two, at(40));
        timers.set(2, &mut two, None);
        assert_eq!((timers.times.len(), timers.first()), (2, at(40)));
        let (first, all) = (at(40).unwrap(), at(90).unwrap());
        assert_eq!(timers.pop(clock.now()), None);
        assert_eq!(timers.pop(clock.advance_to(first)), Some(2));
        two.run_out();
        assert_eq!(timers.pop(clock.now()), None);
        timers.clear(1, &mut one);
        assert_eq!(timers.pop(clock.advance_to(all)), None);
        assert_eq!(timers.first(), None);
    }
}
