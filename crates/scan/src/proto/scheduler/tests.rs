//! Whole scans on the simulated network, over thousands of seeds, and single steps by hand.

use super::*;
use crate::proto::ports::PortSet;
use crate::proto::simulator::{Chance, Outcomes, Simulator, Weather};
use crate::proto::targets::{Span, TargetSet};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn plan(hosts: u8, ports: u16, seed: u64) -> Arc<Plan> {
    let span = Span::new([10, 0, 0, 1].into(), [10, 0, 0, hosts].into()).unwrap();
    let targets = TargetSet::new(&[span], &[]);
    Arc::new(Plan::new(targets, (1..=ports).collect::<PortSet>(), seed, false).unwrap())
}

fn run(seed: u64, weather: Weather, plan: &Arc<Plan>, settings: Settings) -> Outcomes {
    Simulator::new(seed, weather).run(plan, Shard::WHOLE, settings)
}

/// Checks what must hold in every weather: each port once, and nothing open that is not.
fn check(seed: u64, weather: Weather, plan: &Plan, outcomes: &Outcomes) -> u64 {
    let world = Simulator::new(seed, weather);
    let mut seen = BTreeSet::new();
    let mut missed = 0;
    for verdict in &outcomes.verdicts {
        assert!(seen.insert((verdict.target, verdict.port)), "seed {seed}: {verdict:?} twice");
        assert_eq!(plan.targets().pick(verdict.host.into()), Some(verdict.target));
        let truth = world.truth(verdict.host, verdict.port);
        match verdict.state {
            State::Open | State::Closed => assert_eq!(Some(verdict.state), truth, "seed {seed}"),
            State::Filtered => missed += u64::from(truth.is_some()),
            State::Unresolved => panic!("seed {seed}: {verdict:?}"),
        }
    }
    assert_eq!(u64::try_from(seen.len()).unwrap(), plan.len(), "seed {seed}");
    assert_eq!(outcomes.tally.done(), plan.len(), "seed {seed}");
    missed
}

#[test]
fn two_thousand_seeds_of_bad_weather() {
    let (mut missed, mut asked, mut expected) = (0, 0, 0.0);
    for seed in 0..2_000 {
        let mut chance = Chance::new(seed);
        let weather = Weather {
            loss: chance.below(200_000),
            delay: Duration::from_micros(chance.below(150_000)),
            jitter: Duration::from_micros(1 + chance.below(150_000)),
            doubled: chance.below(300_000),
            open: chance.below(500_000),
            silent: chance.below(3) * 60_000,
            ..Weather::default()
        };
        let plan = plan(1 + u8::try_from(chance.below(4)).unwrap(), 40, seed);
        let settings = Settings::default();
        let outcomes = run(seed, weather, &plan, settings.clone());
        missed += check(seed, weather, &plan, &outcomes);
        asked += plan.len();
        let loss = f64::from(u32::try_from(weather.loss).unwrap()) / 1e6;
        expected += loss.powi(4) * f64::from(u32::try_from(plan.len()).unwrap());
        // Attempts times timeouts, the last calls included, and all ports under way at once.
        let longest = settings.rtt.ceiling * u32::from(settings.attempts_max + LAST_CALLS);
        assert!(outcomes.end <= longest * 3, "seed {seed}: {:?}", outcomes.end);
    }
    // Silence of k attempts follows p^k: what is missed stays near what loss alone explains.
    let missed = f64::from(u32::try_from(missed).unwrap());
    assert!(missed <= expected * 1.5 + 20.0, "{missed} of {asked} missed, {expected:.1} expected");
}

#[test]
fn without_loss_every_port_is_asked_once() {
    for seed in 0..300 {
        let weather = Weather { delay: 20 * MS, jitter: 30 * MS, open: 1000, ..Weather::default() };
        let plan = plan(3, 50, seed);
        let outcomes = run(seed, weather, &plan, Settings::default());
        assert_eq!(check(seed, weather, &plan, &outcomes), 0);
        assert_eq!(outcomes.tally.sent, plan.len(), "seed {seed}");
        assert_eq!((outcomes.tally.rounds, outcomes.tally.loss()), (1, Some(0.0)));
        assert_eq!(outcomes.tally.recall(4), Some(1.0));
    }
}

#[test]
fn the_rate_is_never_above_its_cap() {
    for seed in 0..200 {
        let mut chance = Chance::new(seed);
        let rate = Rate::per_second(50 + u32::try_from(chance.below(20_000)).unwrap()).unwrap();
        let weather = Weather {
            loss: 100_000,
            delay: Duration::from_micros(chance.below(50_000)),
            jitter: 10 * MS,
            ..Weather::default()
        };
        let plan = plan(2, 60, seed);
        let settings =
            Settings { rate_max: Some(rate), rate_min: Some(rate), ..Settings::default() };
        let outcomes = run(seed, weather, &plan, settings);
        check(seed, weather, &plan, &outcomes);
        for (index, first) in outcomes.sent_at.iter().enumerate() {
            for (more, last) in outcomes.sent_at[index..].iter().enumerate().step_by(11) {
                let span = *last - *first + 5 * MS;
                let allowed = 1 + span.as_nanos() / rate.interval().as_nanos();
                assert!(u128::try_from(more + 1).unwrap() <= allowed, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_least_rate_does_not_wait_for_answers() {
    let silent = Weather { silent: 1_000_000, ..Weather::default() };
    let plan = plan(20, 200, 1);
    let slow = run(1, silent, &plan, Settings::default()).end;
    let rate_min = Rate::per_second(1000);
    let fast = run(1, silent, &plan, Settings { rate_min, ..Settings::default() }).end;
    assert!(fast < slow / 2, "{fast:?} against {slow:?}");
    assert!(fast < 17 * SECOND, "four attempts at 4000 ports: {fast:?}");
}

#[test]
fn few_descriptors_change_nothing_but_the_time() {
    for seed in 0..100 {
        let weather = Weather {
            loss: 50_000,
            delay: 5 * MS,
            jitter: 20 * MS,
            silent: 100_000,
            descriptors: 1 + u32::try_from(seed % 20).unwrap(),
            ..Weather::default()
        };
        let plan = plan(2, 50, seed);
        let outcomes = run(seed, weather, &plan, Settings::default());
        check(seed, weather, &plan, &outcomes);
        assert!(outcomes.held_max <= usize::try_from(weather.descriptors).unwrap());
    }
}

#[test]
fn no_descriptor_at_all_ends_with_unresolved_ports() {
    let plan = plan(1, 200, 5);
    let mut scheduler = Scheduler::new(Arc::clone(&plan), Shard::WHOLE, Settings::default());
    let mut now = Duration::ZERO;
    let mut verdicts = Vec::new();
    loop {
        let step = scheduler.poll_step(now);
        verdicts.extend(std::iter::from_fn(|| scheduler.poll_verdict()));
        match step {
            Step::Send(ticket, _) => {
                let shortage = Outcome::Pressure(Reason::NoDescriptors);
                scheduler.handle_result(now, ticket, shortage);
            }
            Step::WaitUntil(at) => now = at,
            Step::Done => break,
        }
        verdicts.extend(std::iter::from_fn(|| scheduler.poll_verdict()));
        assert!(now < 60 * SECOND, "no end");
    }
    assert_eq!(verdicts.len(), 200);
    let reason = |verdict: &Verdict| (verdict.state, verdict.reason, verdict.attempts);
    let expected = (State::Unresolved, Reason::NoDescriptors, 0);
    assert!(verdicts.iter().all(|(_, verdict)| reason(verdict) == expected));
    assert_eq!((scheduler.tally().sent, scheduler.tally().unresolved), (0, 200));
}

#[test]
fn a_listener_that_wakes_after_three_seconds_is_open() {
    // About one port of a thousand is silent at first, as with a full backlog.
    let weather = Weather { silent: 1_000, wakes_at: 3 * SECOND, ..Weather::default() };
    let (mut slept, mut found) = (0, 0);
    for seed in 0..20 {
        let plan = plan(1, 1000, seed);
        let world = Simulator::new(seed, weather);
        let sleepers: Vec<u16> = (1..=1000).filter(|p| world.truth(0, *p).is_none()).collect();
        let outcomes = run(seed, weather, &plan, Settings::default());
        let open = outcomes.verdicts.iter().filter(|verdict| verdict.state == State::Open);
        slept += sleepers.len();
        found += open.filter(|verdict| sleepers.contains(&verdict.port)).count();
        assert!(outcomes.end < 5 * SECOND, "{:?}", outcomes.end);
    }
    assert!(slept >= 10, "the test has nothing to find");
    assert_eq!(found, slept);
}

#[test]
fn two_thousand_filtered_of_ten_thousand_end_within_three_seconds() {
    let weather = Weather { silent: 200_000, delay: MS, jitter: MS, ..Weather::default() };
    let plan = plan(1, 10_000, 9);
    let outcomes = run(9, weather, &plan, Settings::default());
    assert_eq!(check(9, weather, &plan, &outcomes), 0);
    assert!((1800..2200).contains(&outcomes.tally.filtered), "{:?}", outcomes.tally);
    assert!(outcomes.end < 3 * SECOND, "{:?}", outcomes.end);
}

#[test]
fn a_late_answer_of_an_earlier_attempt_counts_without_a_round_trip() {
    let plan = plan(1, 1, 0);
    let mut scheduler = Scheduler::new(plan, Shard::WHOLE, Settings::default());
    let Step::Send(first, _) = scheduler.poll_step(Duration::ZERO) else { panic!("no probe") };
    let Step::WaitUntil(at) = scheduler.poll_step(MS) else { panic!("no wait") };
    assert_eq!(at, 500 * MS);
    let Step::Send(second, _) = scheduler.poll_step(at) else { panic!("no repetition") };
    assert_ne!(first, second);
    let open = Outcome::Answer(State::Open, Reason::SynAck);
    scheduler.handle_result(at + MS, first, open);
    let (slot, verdict) = scheduler.poll_verdict().unwrap();
    assert_eq!((slot, verdict.attempts, verdict.rtt), (first.slot, 2, None));
    scheduler.handle_result(at + 2 * MS, second, open);
    scheduler.handle_result(at + 2 * MS, first, open);
    assert_eq!(scheduler.poll_verdict(), None);
    assert_eq!(scheduler.poll_step(at + 3 * MS), Step::Done);
    assert_eq!(scheduler.tally().late, 0, "its first probe was not lost");
}

#[test]
fn a_fixed_timeout_and_one_attempt_are_kept() {
    let silent = Weather { silent: 1_000_000, ..Weather::default() };
    let settings = Settings {
        timeout: Some(250 * MS),
        attempts_max: 1,
        parallel: Some(10),
        ..Settings::default()
    };
    let plan = plan(1, 100, 2);
    let outcomes = run(2, silent, &plan, settings);
    assert_eq!(outcomes.end, 2500 * MS);
    assert_eq!((outcomes.held_max, outcomes.tally.sent), (10, 100));
}

#[test]
fn shards_together_ask_every_port_once() {
    let plan = plan(2, 100, 77);
    let weather = Weather { delay: MS, ..Weather::default() };
    let mut seen = BTreeSet::new();
    for index in 0..4 {
        let shard = Shard::new(index, 4).unwrap();
        let outcomes = Simulator::new(7, weather).run(&plan, shard, Settings::default());
        for verdict in outcomes.verdicts {
            assert!(seen.insert((verdict.target, verdict.port)));
        }
    }
    assert_eq!(u64::try_from(seen.len()).unwrap(), plan.len());
}

proptest! {
    /// Answers, shortages and time in any order: no panic, no verdict twice, always an end.
    #[test]
    fn no_order_of_events_breaks_it(
        moves in prop::collection::vec((0_u8..6, 0_u64..400, any::<prop::sample::Index>()), 0..200),
        ports in 1_u16..40,
        parallel in prop::option::of(1_u32..20),
    ) {
        let plan = plan(1, ports, 4);
        let settings = Settings { parallel, ..Settings::default() };
        let mut scheduler = Scheduler::new(Arc::clone(&plan), Shard::WHOLE, settings);
        let (mut now, mut tickets, mut seen) = (Duration::ZERO, Vec::new(), BTreeSet::new());
        let mut moves = moves.into_iter();
        for _ in 0..100_000 {
            let step = scheduler.poll_step(now);
            while let Some((_, verdict)) = scheduler.poll_verdict() {
                prop_assert!(seen.insert(verdict.port));
            }
            match step {
                Step::Send(ticket, _) => tickets.push(ticket),
                Step::WaitUntil(at) => {
                    prop_assert!(at > now);
                    if moves.len() == 0 {
                        now = at;
                    }
                }
                Step::Done => break,
            }
            if let Some((kind, pause, which)) = moves.next() {
                now += Duration::from_millis(pause);
                let outcome = match kind {
                    0 => Outcome::Answer(State::Open, Reason::SynAck),
                    1 => Outcome::Answer(State::Closed, Reason::Reset),
                    2 => Outcome::Answer(State::Filtered, Reason::HostUnreachable),
                    3 => Outcome::Answer(State::Closed, Reason::SelfConnect),
                    _ => Outcome::Pressure(Reason::NoLocalPort),
                };
                if !tickets.is_empty() {
                    scheduler.handle_result(now, tickets[which.index(tickets.len())], outcome);
                }
            }
            while let Some((_, verdict)) = scheduler.poll_verdict() {
                prop_assert!(seen.insert(verdict.port));
            }
        }
        prop_assert_eq!(seen.len(), usize::from(ports));
        prop_assert_eq!(scheduler.tally().done(), u64::from(ports));
        prop_assert_eq!(scheduler.held, 0);
        prop_assert!(scheduler.timers.is_empty());
    }
}
