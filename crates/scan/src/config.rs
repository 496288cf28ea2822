//! What to scan and how; plain values, and what follows from them.

use crate::Result;
use crate::proto::plan::{Plan, Shard};
use crate::proto::ports::PortSet;
use crate::proto::rate::Rate;
use crate::proto::rtt::RttBounds;
use crate::proto::scheduler::Settings;
use crate::proto::targets::TargetSet;
use std::time::Duration;

/// A whole scan.
#[derive(Debug, Clone)]
pub struct Config {
    /// The addresses.
    pub targets: TargetSet,
    /// The ports of each.
    pub ports: PortSet,
    /// Chooses the order of the probes.
    pub seed: u64,
    /// Which part of them to send.
    pub shard: Shard,
    /// The one who asks may scan more than 65,536 addresses, or more than a public /24.
    pub authorised: bool,
    /// Never send faster than this. `None`: `PUBLIC_PPS_MAX` towards public addresses.
    pub rate_max: Option<Rate>,
    /// Send at least this fast, whatever answers come.
    pub rate_min: Option<Rate>,
    /// Repetitions of a probe that is not answered.
    pub retries_max: u8,
    /// A fixed timeout of every attempt. `None`: adapts to the round trip.
    pub timeout: Option<Duration>,
    /// Bounds of the adaptive timeout.
    pub rtt: RttBounds,
    /// A fixed number of probes under way. `None`: adapts to the answers.
    pub parallel: Option<u32>,
    /// Probes under way in each loop, at most (a socket and about 100 bytes each).
    pub in_flight_max: u32,
    /// Loops, each with a thread. `None`: as many as there are cores, fewer for a small scan.
    pub threads: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            targets: TargetSet::default(),
            ports: PortSet::top(PORTS_DEFAULT),
            seed: 0,
            shard: Shard::WHOLE,
            authorised: false,
            rate_max: None,
            rate_min: None,
            retries_max: 3,
            timeout: None,
            rtt: RttBounds::default(),
            parallel: None,
            in_flight_max: 4096,
            threads: None,
        }
    }
}

/// How many ports of the ranking are asked where none are named.
pub const PORTS_DEFAULT: u16 = 1000;
/// Probes a second towards public addresses, unless told otherwise.
pub const PUBLIC_PPS_MAX: u32 = 1000;
/// The same for each single host.
pub const PUBLIC_HOST_PPS_MAX: u32 = 300;
/// Probes for which a loop of its own pays.
const PROBES_PER_LOOP: u64 = 4096;
/// Probes a second that one loop sends with ease.
const PPS_PER_LOOP: u32 = 20_000;
/// Probes under way for which a loop of its own pays.
const PARALLEL_PER_LOOP: u32 = 64;

/// How patient to be, as nmap's templates name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// One probe at a time, every five minutes.
    Paranoid,
    /// One probe at a time, every 15 seconds.
    Sneaky,
    /// One probe at a time, every 400 ms.
    Polite,
    /// Adapts to the network.
    Normal,
    /// For fast networks: waits 1.25 s at most.
    Aggressive,
    /// For local networks: waits 300 ms at most, and asks less often.
    Insane,
}

impl Config {
    /// Applies a template; what is set afterwards wins over it.
    pub fn apply_timing(&mut self, timing: Timing) {
        let ms = Duration::from_millis;
        let one_every = |config: &mut Self, pause| {
            config.parallel = Some(1);
            config.rate_max = Rate::every(pause);
        };
        match timing {
            Timing::Paranoid => one_every(self, ms(300_000)),
            Timing::Sneaky => one_every(self, ms(15_000)),
            Timing::Polite => one_every(self, ms(400)),
            Timing::Normal => {}
            Timing::Aggressive => {
                self.rtt = RttBounds { initial: ms(300), floor: ms(100), ceiling: ms(1250) };
            }
            Timing::Insane => {
                self.rtt = RttBounds { initial: ms(250), floor: ms(50), ceiling: ms(300) };
                self.retries_max = 2;
            }
        }
    }

    /// Numbers the probes.
    ///
    /// # Errors
    /// Where nothing or too much would be scanned, or where it needs `authorised`.
    pub fn plan(&self) -> Result<Plan> {
        let (targets, ports) = (self.targets.clone(), self.ports.clone());
        Ok(Plan::new(targets, ports, self.seed, self.authorised)?)
    }

    /// Gives the rate that is never exceeded, and whether it is only the one for public addresses.
    #[must_use]
    pub fn rate_cap(&self) -> (Option<Rate>, bool) {
        let chosen = self.rate_max.is_some() || self.rate_min.is_some();
        if chosen || self.targets.public_run() == 0 {
            return (self.rate_max, false);
        }
        let hosts = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let by_host = PUBLIC_HOST_PPS_MAX.saturating_mul(hosts);
        (Rate::per_second(by_host.min(PUBLIC_PPS_MAX)), true)
    }

    /// Gives the attempts at one port: at least one.
    #[must_use]
    pub fn attempts_max(&self) -> u8 {
        self.retries_max.saturating_add(1)
    }

    /// Chooses how many loops pay for `probes`.
    pub(crate) fn loops(&self, probes: u64, cores: u32) -> u32 {
        let wanted = self.threads.unwrap_or_else(|| {
            let by_work = u32::try_from(probes / PROBES_PER_LOOP).unwrap_or(u32::MAX);
            cores.min(by_work)
        });
        let slow = Rate::per_second(PPS_PER_LOOP);
        let few = self.parallel.is_some_and(|parallel| parallel < PARALLEL_PER_LOOP * 2);
        let one = few || self.rate_cap().0.is_some_and(|rate| Some(rate) > slow);
        if one { 1 } else { wanted.max(1) }
    }

    /// Gives each of `loops` its part of what may be used, with `descriptors` for all of them.
    pub(crate) fn settings(&self, loops: u32, descriptors: u32) -> Settings {
        let in_flight_max = self.in_flight_max.min(descriptors / loops).max(1);
        Settings {
            rate_max: self.rate_cap().0.map(|rate| rate.shared_by(loops)),
            rate_min: self.rate_min.map(|rate| rate.shared_by(loops)),
            parallel: self.parallel.map(|parallel| parallel.div_ceil(loops).max(1)),
            in_flight_max,
            attempts_max: self.attempts_max(),
            timeout: self.timeout,
            rtt: self.rtt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::targets::Span;

    fn towards(address: &str) -> Config {
        let span = Span::one(address.parse().unwrap(), 0);
        Config { targets: TargetSet::new(&[span], &[]), ..Config::default() }
    }

    #[test]
    fn public_addresses_are_asked_slowly_unless_told_otherwise() {
        assert_eq!(towards("127.0.0.1").rate_cap(), (None, false));
        assert_eq!(towards("192.168.0.1").rate_cap(), (None, false));
        assert_eq!(towards("1.1.1.1").rate_cap(), (Rate::per_second(300), true));
        let told = Config { rate_max: Rate::per_second(5000), ..towards("1.1.1.1") };
        assert_eq!(told.rate_cap(), (Rate::per_second(5000), false));
        let mut many = towards("1.1.1.1");
        let span = Span::new([8, 8, 8, 0].into(), [8, 8, 8, 99].into()).unwrap();
        many.targets = TargetSet::new(&[span], &[]);
        assert_eq!(many.rate_cap(), (Rate::per_second(1000), true));
    }

    #[test]
    fn loops_are_as_many_as_pay() {
        let config = towards("127.0.0.1");
        assert_eq!(config.loops(1000, 8), 1);
        assert_eq!(config.loops(65_535, 2), 2);
        assert_eq!(config.loops(9000, 8), 2);
        assert_eq!(towards("1.1.1.1").loops(65_535, 8), 1);
        assert_eq!(Config { parallel: Some(100), ..config.clone() }.loops(65_535, 8), 1);
        assert_eq!(Config { threads: Some(3), ..config.clone() }.loops(10, 8), 3);
        assert_eq!(config.settings(2, 40).in_flight_max, 20);
        assert_eq!(config.settings(4, 2).in_flight_max, 1);
    }

    #[test]
    fn templates_change_what_they_say() {
        let mut config = towards("127.0.0.1");
        config.apply_timing(Timing::Polite);
        assert_eq!(config.parallel, Some(1));
        assert_eq!(config.rate_cap().0, Rate::every(Duration::from_millis(400)));
        config.apply_timing(Timing::Insane);
        assert_eq!(config.attempts_max(), 3);
    }
}
