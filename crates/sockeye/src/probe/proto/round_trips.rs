//! Round trips: the smallest, the middle, the slow end, and how much they vary.

use std::collections::VecDeque;
use std::time::Duration;

/// How many of the last round trips are kept for median and p99.
pub(crate) const SAMPLES_MAX: usize = 65_536;

/// Round trips, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundTrips {
    last: VecDeque<Duration>,
    count: u32,
    min: Duration,
    max: Duration,
    /// The sum of the differences between one and the next.
    varied: Duration,
}

/// What many round trips were like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) min: Duration,
    /// Half of them took no longer.
    pub(crate) median: Duration,
    /// 99 in 100 took no longer.
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// The mean difference between one and the next.
    pub(crate) jitter: Duration,
}

impl RoundTrips {
    pub(crate) fn add(&mut self, time: Duration) {
        if let Some(before) = self.last.back() {
            self.varied = self.varied.saturating_add(before.abs_diff(time));
        }
        self.min = if self.count == 0 { time } else { self.min.min(time) };
        self.max = self.max.max(time);
        self.count = self.count.saturating_add(1);
        if self.last.len() == SAMPLES_MAX {
            self.last.pop_front();
        }
        self.last.push_back(time);
    }

    /// The longest so far; zero where there is none.
    pub(crate) fn max(&self) -> Duration {
        self.max
    }

    /// What they were like; `None` where there is none.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let mut sorted: Vec<Duration> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        let ranked = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.checked_sub(1)?).copied()
        };
        let differences = self.count.saturating_sub(1).max(1);
        Some(Spread {
            min: self.min,
            median: ranked(50)?,
            p99: ranked(99)?,
            max: self.max,
            jitter: self.varied / differences,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of(times: impl IntoIterator<Item = u64>) -> RoundTrips {
        let mut trips = RoundTrips::default();
        times.into_iter().for_each(|time| trips.add(ms(time)));
        trips
    }

    #[test]
    fn ranks_are_the_nearest() {
        assert_eq!(of([]).spread(), None);
        let one = of([5]).spread().unwrap();
        assert_eq!((one.min, one.median, one.p99, one.max), (ms(5), ms(5), ms(5), ms(5)));
        assert_eq!(one.jitter, Duration::ZERO);
        let many = of((1..=100).rev()).spread().unwrap();
        assert_eq!((many.min, many.median, many.p99, many.max), (ms(1), ms(50), ms(99), ms(100)));
        assert_eq!(many.jitter, ms(1));
        assert_eq!(of([10, 30, 20]).spread().unwrap().jitter, ms(15));
    }

    #[test]
    fn memory_is_bounded_and_the_extremes_stay() {
        let mut trips = of([1, 900]);
        (0..SAMPLES_MAX).for_each(|_| trips.add(ms(7)));
        let spread = trips.spread().unwrap();
        assert_eq!(trips.last.len(), SAMPLES_MAX);
        assert_eq!((spread.min, spread.median, spread.p99), (ms(1), ms(7), ms(7)));
        assert_eq!(spread.max, ms(900));
    }
}
