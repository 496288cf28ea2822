//! A seeded network for tests: it loses, delays, doubles and reorders, and knows the truth.

use super::mix::{GOLDEN, mix};
use super::plan::{Plan, Probe, Shard};
use super::scheduler::{Scheduler, Settings, Step, Ticket};
use super::tally::Tally;
use super::verdict::{Outcome, Reason, State, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Chance from a seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0) % limit.max(1)
    }

    /// Says yes `in_million` times of a million.
    pub(super) fn hits(&mut self, in_million: u64) -> bool {
        self.below(1_000_000) < in_million
    }
}

/// What a network does to probes and their answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    /// Round trips lost, of a million.
    pub(super) loss: u64,
    /// The shortest round trip.
    pub(super) delay: Duration,
    /// What chance adds to it: with more than the gap between probes, answers change order.
    pub(super) jitter: Duration,
    /// Answers that come twice, of a million.
    pub(super) doubled: u64,
    /// Ports of a million that are open, and those that never answer.
    pub(super) open: u64,
    /// Ports that never answer, of a million.
    pub(super) silent: u64,
    /// Sockets that this machine has; 0 for no limit.
    pub(super) descriptors: u32,
    /// Silent ports start to answer at this moment; zero for never.
    pub(super) wakes_at: Duration,
}

/// What a simulated scan came to.
pub(super) struct Outcomes {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) tally: Tally,
    pub(super) sent_at: Vec<Duration>,
    pub(super) end: Duration,
    pub(super) held_max: usize,
}

/// A network with one scan on it.
pub(super) struct Simulator {
    seed: u64,
    weather: Weather,
    chance: Chance,
    now: Duration,
    /// Answers on their way, in order of arrival.
    answers: BTreeMap<(Duration, u64), (Ticket, State, Reason)>,
    sequence: u64,
    held: BTreeMap<u32, Ticket>,
}

/// Steps after which a scan counts as endless.
const STEPS_MAX: u64 = 3_000_000;

impl Simulator {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        Self {
            seed,
            weather,
            chance: Chance::new(seed ^ 0x5eed),
            now: Duration::ZERO,
            answers: BTreeMap::new(),
            sequence: 0,
            held: BTreeMap::new(),
        }
    }

    /// Tells the truth about a port, which does not depend on when it is asked.
    pub(super) fn truth(&self, host: u64, port: u16) -> Option<State> {
        let key = mix(self.seed) ^ mix(host ^ u64::from(port).rotate_right(16));
        let dice = mix(key) % 1_000_000;
        match dice {
            _ if dice < self.weather.silent => None,
            _ if dice < self.weather.silent + self.weather.open => Some(State::Open),
            _ => Some(State::Closed),
        }
    }

    /// Runs one shard to its end.
    pub(super) fn run(mut self, plan: &Arc<Plan>, shard: Shard, settings: Settings) -> Outcomes {
        let mut scheduler = Scheduler::new(Arc::clone(plan), shard, settings);
        let mut outcomes = Outcomes {
            verdicts: Vec::new(),
            tally: Tally::default(),
            sent_at: Vec::new(),
            end: Duration::ZERO,
            held_max: 0,
        };
        for _ in 0..STEPS_MAX {
            let step = scheduler.poll_step(self.now);
            self.collect(&mut scheduler, &mut outcomes);
            match step {
                Step::Send(ticket, probe) => {
                    self.send(&mut scheduler, ticket, &probe, &mut outcomes);
                }
                Step::WaitUntil(at) => self.wait(&mut scheduler, at),
                Step::Done => {
                    // Whatever is still on its way must change nothing.
                    while !self.answers.is_empty() {
                        self.wait(&mut scheduler, Duration::MAX);
                    }
                    assert_eq!(scheduler.poll_step(self.now), Step::Done);
                    assert_eq!(scheduler.poll_verdict(), None, "a verdict after the end");
                    outcomes.tally = *scheduler.tally();
                    return outcomes;
                }
            }
            self.collect(&mut scheduler, &mut outcomes);
        }
        panic!("seed {}: no end after {STEPS_MAX} steps", self.seed);
    }

    fn collect(&mut self, scheduler: &mut Scheduler, outcomes: &mut Outcomes) {
        while let Some((slot, verdict)) = scheduler.poll_verdict() {
            self.held.remove(&slot);
            outcomes.verdicts.push(verdict);
            outcomes.end = self.now;
        }
    }

    fn send(
        &mut self,
        scheduler: &mut Scheduler,
        ticket: Ticket,
        probe: &Probe,
        outcomes: &mut Outcomes,
    ) {
        self.held.remove(&ticket.slot);
        let limit = usize::try_from(self.weather.descriptors).unwrap();
        if limit > 0 && self.held.len() >= limit {
            let shortage = Outcome::Pressure(Reason::NoDescriptors);
            scheduler.handle_result(self.now, ticket, shortage);
            return;
        }
        self.held.insert(ticket.slot, ticket);
        outcomes.held_max = outcomes.held_max.max(self.held.len());
        outcomes.sent_at.push(self.now);
        let woken = !self.weather.wakes_at.is_zero() && self.now >= self.weather.wakes_at;
        let truth = self.truth(probe.host, probe.port).or(woken.then_some(State::Open));
        let Some(state) = truth else { return };
        if self.chance.hits(self.weather.loss) {
            return;
        }
        let reason = if state == State::Open { Reason::SynAck } else { Reason::Reset };
        let copies = 1 + u64::from(self.chance.hits(self.weather.doubled));
        for _ in 0..copies {
            let jitter = u64::try_from(self.weather.jitter.as_nanos()).unwrap();
            let jitter = Duration::from_nanos(self.chance.below(jitter));
            self.sequence += 1;
            let arrival = (self.now + self.weather.delay + jitter, self.sequence);
            self.answers.insert(arrival, (ticket, state, reason));
        }
    }

    /// Lets time pass to `at`, or to the first answer before it.
    fn wait(&mut self, scheduler: &mut Scheduler, at: Duration) {
        let arrival = self.answers.first_key_value().map(|((time, _), _)| *time);
        match arrival.filter(|time| *time <= at) {
            Some(time) => {
                self.now = self.now.max(time);
                let (_, (ticket, state, reason)) = self.answers.pop_first().unwrap();
                scheduler.handle_result(self.now, ticket, Outcome::Answer(state, reason));
            }
            None => {
                assert!(at > self.now, "waits for a moment that has passed: {at:?}");
                self.now = at;
            }
        }
    }
}
