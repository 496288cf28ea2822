//! How long to wait for an answer: the round-trip estimator of RFC 6298 with our own bounds.

use std::collections::BTreeMap;
use std::time::Duration;

/// Bounds of the adaptive timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RttBounds {
    /// The timeout before anything was measured.
    pub initial: Duration,
    /// The shortest timeout of a first attempt.
    pub floor: Duration,
    /// The longest timeout of any attempt.
    pub ceiling: Duration,
}

impl Default for RttBounds {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            floor: Duration::from_millis(100),
            ceiling: Duration::from_secs(3),
        }
    }
}

/// Smoothed round trip and its variation.
///
/// # Source
/// RFC 6298, section 2. The floor is ours: a probe is cheap, a TCP connection is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct RttEstimator {
    measured: Option<Measured>,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    smoothed: Duration,
    variation: Duration,
}

impl RttEstimator {
    /// Takes in one round trip, of a probe whose answer is known to belong to it.
    pub fn handle_sample(&mut self, sample: Duration) {
        self.measured = Some(match self.measured {
            None => Measured { smoothed: sample, variation: sample / 2 },
            Some(Measured { smoothed, variation }) => Measured {
                variation: variation * 3 / 4 + smoothed.abs_diff(sample) / 4,
                smoothed: smoothed * 7 / 8 + sample / 8,
            },
        });
    }

    /// Gives the smoothed round trip, once one was measured.
    #[must_use]
    pub fn smoothed(&self) -> Option<Duration> {
        self.measured.map(|measured| measured.smoothed)
    }

    /// Gives the timeout of a first attempt.
    #[must_use]
    pub fn timeout(&self, bounds: &RttBounds) -> Duration {
        let wanted = self.measured.map_or(bounds.initial, |m| m.smoothed + m.variation * 4);
        wanted.clamp(bounds.floor, bounds.ceiling.max(bounds.floor))
    }
}

/// Estimators of single hosts, at most `HOSTS_MAX`, over one of all of them.
#[derive(Debug, Clone)]
pub(crate) struct HostRtts {
    bounds: RttBounds,
    all: RttEstimator,
    /// Unused where there is one host only.
    hosts: BTreeMap<u64, RttEstimator>,
    single: bool,
}

/// Hosts whose round trip is kept apart (about 64 bytes each); the others share one estimate.
pub(crate) const HOSTS_MAX: usize = 4096;

impl HostRtts {
    pub(crate) fn new(bounds: RttBounds, hosts: u64) -> Self {
        let all = RttEstimator::default();
        Self { bounds, all, hosts: BTreeMap::new(), single: hosts <= 1 }
    }

    pub(crate) fn handle_sample(&mut self, host: u64, sample: Duration) {
        self.all.handle_sample(sample);
        if self.single {
            return;
        }
        if self.hosts.len() < HOSTS_MAX || self.hosts.contains_key(&host) {
            self.hosts.entry(host).or_default().handle_sample(sample);
        }
    }

    /// Gives the timeout of an attempt, counted from 0: doubled each time, up to the ceiling.
    pub(crate) fn timeout(&self, host: u64, attempt: u8) -> Duration {
        let estimator = self.hosts.get(&host).unwrap_or(&self.all);
        let base = estimator.timeout(&self.bounds);
        let doubled = base.saturating_mul(1_u32 << attempt.min(16));
        doubled.min(self.bounds.ceiling.max(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_numbers_of_the_rfc() {
        let bounds = RttBounds { initial: 500 * MS, floor: MS, ceiling: 3000 * MS };
        let mut rtt = RttEstimator::default();
        assert_eq!(rtt.timeout(&bounds), 500 * MS);
        rtt.handle_sample(100 * MS);
        assert_eq!(rtt.timeout(&bounds), 300 * MS, "R + 4 * R/2");
        rtt.handle_sample(100 * MS);
        assert_eq!(rtt.smoothed(), Some(100 * MS));
        assert_eq!(rtt.timeout(&bounds), 250 * MS, "the variation decays by a quarter");
    }

    #[test]
    fn floor_and_ceiling_hold() {
        let bounds = RttBounds::default();
        let mut rtt = RttEstimator::default();
        for _ in 0..50 {
            rtt.handle_sample(Duration::from_micros(10));
        }
        assert_eq!(rtt.timeout(&bounds), bounds.floor);
        rtt.handle_sample(Duration::from_secs(60));
        assert_eq!(rtt.timeout(&bounds), bounds.ceiling);
    }

    #[test]
    fn a_slow_host_does_not_slow_the_others() {
        let mut rtts = HostRtts::new(RttBounds::default(), 2);
        for _ in 0..20 {
            rtts.handle_sample(0, MS);
            rtts.handle_sample(1, 900 * MS);
        }
        assert_eq!(rtts.timeout(0, 0), 100 * MS);
        assert!(rtts.timeout(1, 0) > 800 * MS);
        assert_eq!(rtts.timeout(0, 3), 800 * MS);
        assert_eq!(rtts.timeout(0, 200), 3000 * MS);
    }

    #[test]
    fn the_table_of_hosts_is_bounded() {
        let mut rtts = HostRtts::new(RttBounds::default(), 1 << 20);
        for host in 0..20_000 {
            rtts.handle_sample(host, MS);
        }
        assert_eq!(rtts.hosts.len(), HOSTS_MAX);
    }

    proptest! {
        #[test]
        fn no_sample_breaks_the_bounds(samples in prop::collection::vec(0_u64..1 << 40, 0..60)) {
            let bounds = RttBounds::default();
            let mut rtt = RttEstimator::default();
            for sample in samples {
                rtt.handle_sample(Duration::from_nanos(sample));
                let timeout = rtt.timeout(&bounds);
                prop_assert!(timeout >= bounds.floor && timeout <= bounds.ceiling);
            }
        }
    }
}
