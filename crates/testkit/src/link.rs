//! A wire in memory that loses, repeats, delays and so reorders packets, the same for each seed.

use crate::Rng;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How bad a [`Link`] is.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Packets lost, in a thousand.
    pub loss_permille: u16,
    /// Packets that arrive twice, in a thousand.
    pub duplicate_permille: u16,
    /// The shortest way, in time.
    pub delay_min: Duration,
    /// The longest way; where it is longer than the shortest, packets overtake each other.
    pub delay_max: Duration,
    /// Packets that the wire holds at once; what is sent beyond them is lost, as at a full router.
    pub packets_max: usize,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            loss_permille: 0,
            duplicate_permille: 0,
            delay_min: Duration::from_millis(1),
            delay_max: Duration::from_millis(1),
            packets_max: usize::MAX,
        }
    }
}

/// One direction of a wire that carries packets of any type.
#[derive(Debug)]
pub struct Link<P> {
    config: LinkConfig,
    rng: Rng,
    under_way: BTreeMap<(Instant, u64), P>,
    sent: u64,
    lost: u64,
}

impl<P: Clone> Link<P> {
    /// Makes an empty wire whose luck comes from `seed`.
    #[must_use]
    pub fn new(seed: u64, config: LinkConfig) -> Self {
        Self { config, rng: Rng::new(seed), under_way: BTreeMap::new(), sent: 0, lost: 0 }
    }

    /// Puts `packet` on the wire at `now`.
    pub fn send(&mut self, now: Instant, packet: P) {
        let copies = 1 + u8::from(self.rng.chance(self.config.duplicate_permille));
        for _ in 0..copies {
            self.sent += 1;
            let full = self.under_way.len() >= self.config.packets_max;
            if self.rng.chance(self.config.loss_permille) || full {
                self.lost += 1;
                continue;
            }
            let arrival = now + self.delay();
            self.under_way.insert((arrival, self.sent), packet.clone());
        }
    }

    /// Takes the next packet that has arrived by `now`.
    pub fn poll_receive(&mut self, now: Instant) -> Option<P> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Tells when the next packet arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// Counts the packets that were lost, copies included.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Counts the packets on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.under_way.len()
    }

    fn delay(&mut self) -> Duration {
        let spread = self.config.delay_max.saturating_sub(self.config.delay_min);
        let nanos = u64::try_from(spread.as_nanos()).expect("a delay of less than 584 years");
        self.config.delay_min + Duration::from_nanos(self.rng.below(nanos.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    fn drain(link: &mut Link<u32>, clock: &mut Clock) -> Vec<u32> {
        let mut out = Vec::new();
        while let Some(at) = link.next_arrival() {
            let now = clock.advance_to(at);
            out.extend(std::iter::from_fn(|| link.poll_receive(now)));
        }
        out
    }

    fn run(seed: u64, config: LinkConfig) -> (Vec<u32>, u64) {
        let (mut link, mut clock) = (Link::new(seed, config), Clock::new());
        (0..1000).for_each(|number| link.send(clock.now(), number));
        (drain(&mut link, &mut clock), link.lost())
    }

    #[test]
    fn a_good_wire_keeps_order_and_time() {
        let (mut link, mut clock) = (Link::new(1, LinkConfig::default()), Clock::new());
        link.send(clock.now(), 1);
        link.send(clock.now(), 2);
        assert_eq!(link.poll_receive(clock.now()), None);
        assert_eq!(drain(&mut link, &mut clock), [1, 2]);
        assert_eq!(clock.elapsed(), Duration::from_millis(1));
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let bad = || LinkConfig {
            loss_permille: 100,
            duplicate_permille: 50,
            delay_max: Duration::from_millis(9),
            ..LinkConfig::default()
        };
        let (first, lost) = run(7, bad());
        assert_eq!((first.clone(), lost), run(7, bad()));
        assert_ne!(first, run(8, bad()).0);
        assert!((50..200).contains(&lost), "{lost} lost at a tenth");
        assert!(!first.is_sorted(), "nothing was overtaken");
        let copies = 1000 - lost;
        assert!(u64::try_from(first.len()).unwrap() > copies, "nothing came twice");
    }

    #[test]
    fn a_full_wire_drops_what_comes_last() {
        let config = LinkConfig { packets_max: 3, ..LinkConfig::default() };
        assert_eq!(run(1, config), (vec![0, 1, 2], 997));
    }
}
