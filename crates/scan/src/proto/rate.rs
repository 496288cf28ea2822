//! How fast to send: a token bucket that never lends, and the rate it keeps.

use std::time::Duration;

/// A rate of probes, kept as the time from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// Shorter is faster; never zero.
    interval: Duration,
}

impl Rate {
    /// Makes a rate of so many probes a second.
    #[must_use]
    pub fn per_second(probes: u32) -> Option<Self> {
        let nanos = (probes > 0).then(|| 1_000_000_000_u64.div_ceil(u64::from(probes)))?;
        Some(Self { interval: Duration::from_nanos(nanos) })
    }

    /// Makes a rate of one probe every `interval`, which is not zero.
    #[must_use]
    pub fn every(interval: Duration) -> Option<Self> {
        (!interval.is_zero()).then_some(Self { interval })
    }

    /// Gives the time from one probe to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Slows down so that `parts` of them together keep this rate.
    #[must_use]
    pub fn shared_by(&self, parts: u32) -> Self {
        Self { interval: self.interval.saturating_mul(parts.max(1)) }
    }

    /// Gives the slower of two rates.
    #[must_use]
    pub fn slower(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Tokens for probes: one falls due each interval, and at most 5 ms' worth are saved up.
///
/// In any span of time `t` it allows at most `1 + (t + 5 ms) / interval` probes.
///
/// # Source
/// ITU-T I.371: the generic cell rate algorithm, virtual scheduling.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    interval: Duration,
    /// When the next probe is due if none is late.
    due: Duration,
}

/// What may be saved up: a system cannot be woken for each probe of a fast scan.
const SAVED_MAX: Duration = Duration::from_millis(5);

impl TokenBucket {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { interval: rate.interval, due: Duration::ZERO }
    }

    /// Tells when the next probe may go: a moment that is not after `now` means at once.
    pub(crate) fn ready_at(&self) -> Duration {
        self.due.saturating_sub(SAVED_MAX)
    }

    /// Spends one token; call it only when `ready_at() <= now`.
    pub(crate) fn handle_sent(&mut self, now: Duration) {
        debug_assert!(self.ready_at() <= now);
        self.due = self.due.max(now) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_never_zero_or_infinite() {
        assert_eq!(Rate::per_second(0), None);
        assert_eq!(Rate::every(Duration::ZERO), None);
        assert_eq!(Rate::per_second(1000).unwrap().interval(), Duration::from_millis(1));
        assert_eq!(Rate::per_second(10).unwrap().shared_by(2), Rate::per_second(5).unwrap());
        assert_eq!(Rate::per_second(3).unwrap().interval().as_nanos(), 333_333_334, "never above");
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_rate(
            per_second in 1_u32..200_000,
            pauses in prop::collection::vec(0_u64..20_000_000, 1..300),
        ) {
            let rate = Rate::per_second(per_second).unwrap();
            let mut bucket = TokenBucket::new(rate);
            let mut now = Duration::ZERO;
            let mut sent = Vec::new();
            for pause in pauses {
                now += Duration::from_nanos(pause);
                for _ in 0..50 {
                    if bucket.ready_at() > now {
                        break;
                    }
                    bucket.handle_sent(now);
                    sent.push(now);
                }
            }
            for first in (0..sent.len()).step_by(7) {
                let span = sent[sent.len() - 1] - sent[first] + SAVED_MAX;
                let allowed = 1 + span.as_nanos() / rate.interval().as_nanos();
                prop_assert!(u128::try_from(sent.len() - first).unwrap() <= allowed);
            }
        }
    }
}
