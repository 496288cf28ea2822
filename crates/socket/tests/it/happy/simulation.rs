//! Thousands of networks, each by its seed, on a virtual clock: addresses that connect, refuse or
//! say nothing, at their own pace. The race is compared with trying one after another.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sockeye_socket::happy::Config;
use sockeye_socket::{AF_INET, AF_INET6, AF_UNSPEC, Address, Family};
use sockeye_testkit::{Clock, Rng};

use super::ms;
use crate::fuzz::happy::{Checked, End};

/// When Linux gives up a connect that nobody answers: six repetitions, from 1 s doubled each time.
const SILENCE: Duration = Duration::from_secs(127);
const SEEDS: u64 = 5_000;

/// What an address does with a connect, and after which time.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Connects(Duration),
    Refuses(Duration),
    Nothing,
}

impl Answer {
    /// When an attempt ends by itself.
    fn takes(self) -> Duration {
        match self {
            Self::Connects(time) | Self::Refuses(time) => time,
            Self::Nothing => SILENCE,
        }
    }
}

/// A host: what its lookups give and when, and what its addresses do.
#[derive(Debug, Default)]
struct Network {
    lookups: Vec<(Duration, Family, Vec<Address>)>,
    answers: HashMap<Address, Answer>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    took: Duration,
    /// Where it connected to; None is an error.
    to: Option<Address>,
    tried: usize,
}

fn v4(host: u64) -> Address {
    format!("192.0.2.{host}:80").parse().unwrap()
}

fn v6(host: u64) -> Address {
    format!("[2001:db8::{host}]:80").parse().unwrap()
}

impl Network {
    /// Up to four addresses of each family, of which some are broken together, as it is where a
    /// whole protocol has no route.
    fn random(rng: &mut Rng) -> Self {
        let mut network = Self::default();
        let mut all = [Vec::new(), Vec::new()];
        for (found, address) in all.iter_mut().zip([v6, v4]) {
            let broken = rng.chance(200);
            for host in 0..rng.below(5) {
                let answer = match rng.below(10) {
                    _ if broken => Answer::Nothing,
                    0 => Answer::Nothing,
                    1 | 2 => Answer::Refuses(ms(rng.below(120))),
                    _ => Answer::Connects(ms(5 + rng.below(rng.clone().below(400) + 1))),
                };
                found.push(address(host));
                network.answers.insert(address(host), answer);
            }
        }
        let [found6, found4] = all;
        network.lookups = if rng.chance(500) {
            vec![(Duration::ZERO, AF_UNSPEC, [found6, found4].concat())]
        } else {
            let mut at = || ms(rng.below(120));
            vec![(at(), AF_INET6, found6), (at(), AF_INET, found4)]
        };
        network.lookups.sort_by_key(|(at, ..)| *at);
        network
    }

    fn of(answers: &[(Address, Answer)]) -> Self {
        let found = answers.iter().map(|(addr, _)| addr.clone()).collect();
        Self {
            lookups: vec![(Duration::ZERO, AF_UNSPEC, found)],
            answers: answers.iter().cloned().collect(),
        }
    }

    /// Whether getaddrinfo's one order is known from the start.
    fn is_one_list(&self) -> bool {
        self.lookups.len() == 1
    }

    /// Runs a race in it, checked at every step.
    fn run(&self, config: Config) -> Outcome {
        let mut clock = Clock::new();
        let start = clock.now();
        let mut race = Checked::new(config, start);
        let mut lookups = self.lookups.iter();
        let mut lookup = lookups.next();
        let mut told = Vec::new();
        race.turn(start);
        while race.end.is_none() {
            let ends = |index: usize| {
                let tried = &race.tried[index];
                tried.at + self.answers[&tried.addr].takes()
            };
            let open = (0..race.tried.len()).filter(|index| !told.contains(index));
            let answer = open.map(|index| (ends(index), index)).min();
            let found = lookup.map(|(at, ..)| start + *at);
            let times = [answer.map(|(at, _)| at), found, race.poll_timeout()];
            let now = clock.advance_to(times.into_iter().flatten().min().expect("it is stuck"));
            if let Some((_, family, addrs)) = lookup.filter(|(at, ..)| start + *at <= now) {
                race.addresses(*family, addrs.clone(), now);
                lookup = lookups.next();
            }
            if let Some((_, index)) = answer.filter(|(at, _)| *at <= now) {
                told.push(index);
                match self.answers[&race.tried[index].addr] {
                    Answer::Connects(_) => race.connected(index, now),
                    Answer::Refuses(_) | Answer::Nothing => race.failed(index, now),
                }
            }
            race.turn(now);
        }
        self.outcome(&race, start)
    }

    fn outcome(&self, race: &Checked, start: Instant) -> Outcome {
        let (at, end) = race.end.as_ref().unwrap();
        let to = match end {
            End::Won(index) => Some(race.tried[*index].addr.clone()),
            End::Lost => None,
            End::GivenUp => panic!("nobody gave it up"),
        };
        // Nobody who was tried would have connected before.
        for tried in &race.tried {
            if let Answer::Connects(time) = self.answers[&tried.addr] {
                let was_up = tried.at + time;
                assert!(was_up >= *at, "{} was connected before", tried.addr);
            }
        }
        Outcome { took: *at - start, to, tried: race.tried.len() }
    }

    /// No race takes longer than this: as if each address began only when the one before it had
    /// failed or had had its delay.
    fn bound(&self, order: &[Address], delay: Duration) -> Option<Duration> {
        let mut begins = Duration::ZERO;
        let mut best = None;
        for addr in order {
            let answer = self.answers[addr];
            if let Answer::Connects(time) = answer {
                best = [best, Some(begins + time)].into_iter().flatten().min();
            }
            begins += answer.takes().min(delay);
        }
        best
    }
}

fn sequential(config: &Config) -> Config {
    Config { sequential: true, ..config.clone() }
}

#[test]
fn an_address_that_says_nothing_costs_one_delay_and_not_its_timeout() {
    let good = Answer::Connects(ms(20));
    let network = Network::of(&[(v6(1), Answer::Nothing), (v4(1), good)]);
    let config = Config::default();
    let raced = network.run(config.clone());
    assert_eq!((raced.took, raced.to, raced.tried), (ms(270), Some(v4(1)), 2));
    assert_eq!(network.run(sequential(&config)).took, SILENCE + ms(20));
    // With a timeout, one after another waits for half of it.
    let timed = Config { timeout: Some(ms(10_000)), ..config };
    assert_eq!(network.run(timed.clone()).took, ms(270));
    assert_eq!(network.run(sequential(&timed)).took, ms(5_020));
    // One that is refused costs what the refusal takes.
    let network = Network::of(&[(v6(1), Answer::Refuses(ms(3))), (v4(1), good)]);
    assert_eq!(network.run(timed).took, ms(23));
}

#[test]
fn a_slow_winner_is_not_given_up_for_a_later_one() {
    let answers = [(v6(1), Answer::Connects(ms(300))), (v4(1), Answer::Connects(ms(100)))];
    let raced = Network::of(&answers).run(Config::default());
    assert_eq!((raced.took, raced.to, raced.tried), (ms(300), Some(v6(1)), 2));
}

#[test]
fn the_deadline_ends_a_race_that_nobody_answers() {
    let network = Network::of(&[(v6(1), Answer::Nothing), (v4(1), Answer::Nothing)]);
    let config = Config { timeout: Some(ms(700)), ..Config::default() };
    for config in [sequential(&config), config] {
        let lost = network.run(config);
        assert_eq!((lost.took, lost.to, lost.tried), (ms(700), None, 2));
    }
    assert_eq!(network.run(Config::default()).took, ms(250) + SILENCE);
}

#[test]
fn a_seed_repeats() {
    let run = |seed| Network::random(&mut Rng::new(seed)).run(Config::default());
    assert_eq!(run(7), run(7));
    assert!((0..50).any(|seed| run(seed) != run(seed + 1)));
}

/// Over all seeds: the bounds hold in each, and on the whole the race is the faster way.
#[test]
fn in_thousands_of_networks_the_race_keeps_its_bounds() {
    for timeout in [None, Some(ms(10_000))] {
        let mut figures = [Figures::default(), Figures::default()];
        for seed in 0..SEEDS {
            let network = Network::random(&mut Rng::new(seed));
            let config = Config { timeout, ..Config::default() };
            let raced = network.run(config.clone());
            let in_turn = network.run(sequential(&config));
            let limit = timeout.unwrap_or(Duration::MAX);
            assert!(raced.took <= limit && in_turn.took <= limit, "seed {seed}");
            assert!(in_turn.to.is_none() || raced.to.is_some(), "seed {seed}: only in turn");
            if let (true, [(_, _, found)]) = (network.is_one_list(), &network.lookups[..]) {
                let order = super::turns(found, config.first_family_count);
                let bound = network.bound(&order, config.attempt_delay);
                assert_eq!(raced.to.is_some(), bound.is_some(), "seed {seed}");
                assert!(bound.is_none_or(|bound| raced.took <= bound), "seed {seed}");
                // In the same order it is never the slower way.
                let one_family = order.iter().all(|addr| addr.family() == order[0].family());
                let comparable = one_family && in_turn.to.is_some();
                assert!(!comparable || raced.took <= in_turn.took, "seed {seed}");
            }
            figures[0].add(&raced, &in_turn);
            figures[1].add(&in_turn, &in_turn);
        }
        for (way, figures) in ["raced", "in turn"].iter().zip(&mut figures) {
            println!("timeout {timeout:?}, {way}: {}", figures.text());
        }
        let [raced, in_turn] = figures;
        assert_eq!(raced.connected.len(), in_turn.connected.len());
        assert!(raced.total() * 4 < in_turn.total(), "less than a quarter of the time");
    }
}

/// The times of those who connected both ways.
#[derive(Default)]
struct Figures {
    connected: Vec<Duration>,
    failed: usize,
}

impl Figures {
    fn add(&mut self, outcome: &Outcome, other: &Outcome) {
        match (&outcome.to, &other.to) {
            (Some(_), Some(_)) => self.connected.push(outcome.took),
            (Some(_), None) => {}
            (None, _) => self.failed += 1,
        }
    }

    fn total(&self) -> Duration {
        self.connected.iter().sum()
    }

    fn text(&mut self) -> String {
        self.connected.sort_unstable();
        let count = self.connected.len();
        let at = |permille: usize| self.connected[(count - 1) * permille / 1000].as_millis();
        let mean = self.total().as_millis() / u128::try_from(count).unwrap();
        format!(
            "{count} connected, mean {mean} ms, median {} ms, p90 {} ms, p99 {} ms, longest {} ms; \
             {} failed",
            at(500),
            at(900),
            at(990),
            at(1000),
            self.failed
        )
    }
}
