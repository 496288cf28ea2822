//! Both sides with a wire in between and a clock that is moved by hand: scripted faults, seeded
//! ones against a count by sets, and each way in which a run may end.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::echo::Echo;
use super::prober::{ASKS_MAX, Config, Event, Prober};
use super::summary::{Summary, Ways};
use super::wire::{Header, Kind, Tally};
use sockeye_testkit::{Clock, Link, LinkConfig};

const INTERVAL: Duration = Duration::from_millis(10);
const WAIT: Duration = Duration::from_millis(500);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn config(count: u32) -> Config {
    Config { count: Some(count), interval: INTERVAL, wait: WAIT, session: 77 }
}

fn peer() -> SocketAddr {
    "192.0.2.1:4000".parse().unwrap()
}

/// One way of a wire that a test holds in its hands: it says when each datagram arrives.
type Way<'a> = &'a mut dyn FnMut(&Header, Duration) -> Vec<Duration>;

/// Runs a session over scripted ways; `stop` is when somebody interrupts it.
fn run(
    config: Config,
    there: Way<'_>,
    back: Way<'_>,
    stop: Option<Duration>,
) -> (Prober, Vec<Event>) {
    let mut clock = Clock::new();
    let (mut prober, mut echo) = (Prober::new(config, clock.now()), Echo::new());
    let mut wire: Vec<(Duration, usize, bool, Vec<u8>)> = Vec::new();
    let (mut events, mut sent, mut stop) = (Vec::new(), 0, stop);
    let start = clock.now();
    while !prober.is_done() {
        let now = clock.elapsed();
        if stop.is_some_and(|at| at <= now) {
            stop = None;
            prober.handle_stop(clock.now());
        }
        while let Some(header) = prober.poll_transmit(clock.now()) {
            prober.handle_transmitted(clock.now());
            for after in there(&header, now) {
                sent += 1;
                wire.push((now + after, sent, true, header.encode().to_vec()));
            }
        }
        wire.sort();
        while wire.first().is_some_and(|first| first.0 <= now) {
            let (_, _, is_there, mut bytes) = wire.remove(0);
            if !is_there {
                prober.handle_received(&bytes, clock.now());
            } else if echo.handle_received(&mut bytes, peer(), clock.now()) {
                let header = Header::decode(&bytes).unwrap();
                for after in back(&header, now) {
                    sent += 1;
                    wire.push((now + after, sent, false, bytes.clone()));
                }
                wire.sort();
            }
        }
        prober.handle_timeout(clock.now());
        events.extend(std::iter::from_fn(|| prober.poll_event()));
        let next = [
            prober.poll_timeout(),
            wire.first().map(|first| start + first.0),
            stop.map(|at| start + at),
        ];
        match next.into_iter().flatten().min() {
            Some(at) => clock.advance_to(at),
            None => break,
        };
        assert!(clock.elapsed() < Duration::from_secs(3600), "it goes on for ever");
    }
    (prober, events)
}

/// A way that takes a millisecond and loses nothing.
fn good(_: &Header, _: Duration) -> Vec<Duration> {
    vec![ms(1)]
}

fn sums_hold(summary: &Summary) {
    let Summary { sent, answered, late, lost, unfinished, .. } = *summary;
    assert_eq!(sent, answered + late + lost + unfinished, "{summary:?}");
}

#[test]
fn a_good_way() {
    let (prober, events) = run(config(20), &mut good, &mut good, None);
    let summary = prober.summary();
    sums_hold(&summary);
    assert_eq!((summary.sent, summary.answered, summary.lost), (20, 20, 0));
    let trips = summary.round_trips.unwrap();
    assert_eq!((trips.min, trips.max, trips.jitter), (ms(2), ms(2), Duration::ZERO));
    let nothing =
        Ways { lost_there: 0, lost_back: 0, held_back: 0, duplicates_there: 0, reordered_there: 0 };
    assert_eq!(summary.ways, Some(nothing));
    let took = ms(2);
    let expected: Vec<Event> =
        (0..20).map(|number| Event::Reply { number, took, reordered: false }).collect();
    assert_eq!(events, expected);
}

#[test]
fn each_fault_is_told_by_its_way() {
    let is = |header: &Header, kind, number| header.kind == kind && header.number == number;
    let mut there = |header: &Header, _: Duration| match header {
        h if is(h, Kind::Question, 1) => vec![],
        h if is(h, Kind::Question, 3) => vec![ms(1), ms(2)],
        h if is(h, Kind::Question, 5) => vec![ms(25)],
        h if is(h, Kind::Ask, 0) => vec![],
        _ => vec![ms(1)],
    };
    let mut back = |header: &Header, _: Duration| match header {
        h if is(h, Kind::Reply, 2) => vec![],
        h if is(h, Kind::Reply, 4) => vec![ms(1), ms(3)],
        h if is(h, Kind::Reply, 8) => vec![ms(15)],
        h if is(h, Kind::Reply, 10) => vec![WAIT + ms(1)],
        h if h.kind == Kind::Tally && h.number == 1 => vec![],
        _ => vec![ms(1)],
    };
    let (prober, events) = run(config(60), &mut there, &mut back, None);
    let summary = prober.summary();
    sums_hold(&summary);
    assert_eq!((summary.answered, summary.late, summary.lost), (57, 1, 2));
    assert_eq!((summary.duplicates, summary.duplicates_back), (2, 1));
    // 5 was overtaken there; 8 and 10 on the way back.
    assert_eq!((summary.reordered, summary.reordered_back), (3, 2));
    let ways =
        Ways { lost_there: 1, lost_back: 1, held_back: 0, duplicates_there: 1, reordered_there: 1 };
    assert_eq!(summary.ways, Some(ways));
    let lost: Vec<u32> = events
        .iter()
        .filter_map(|event| match event {
            Event::Lost { number } => Some(*number),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [1, 2, 10], "10 was given up before it came late");
    let took = WAIT + ms(2);
    assert!(events.contains(&Event::Late { number: 10, took, reordered: true }));
    assert!(events.contains(&Event::Duplicate { number: 3, back: false }));
    assert!(events.contains(&Event::Duplicate { number: 4, back: true }));
}

/// What arrived somewhere, in order: how many different, doubled, reordered; counted by sets.
fn by_sets(arrived: &[u32]) -> (u32, u32, u32) {
    let (mut seen, mut highest, mut reordered) = (BTreeSet::new(), None, 0);
    for number in arrived {
        let first = seen.insert(*number);
        reordered += u32::from(first && Some(*number) < highest);
        highest = highest.max(Some(*number));
    }
    let distinct = u32::try_from(seen.len()).unwrap();
    (distinct, u32::try_from(arrived.len()).unwrap() - distinct, reordered)
}

/// A run over two bad links; what arrived at each end, seen from outside.
fn over_links(seed: u64) -> (Summary, Vec<u32>, Vec<(u32, u32)>) {
    let bad = || LinkConfig {
        loss_permille: 100,
        duplicate_permille: 80,
        delay_min: ms(1),
        delay_max: ms(60),
        ..LinkConfig::default()
    };
    let mut clock = Clock::new();
    let (mut prober, mut echo) = (Prober::new(config(400), clock.now()), Echo::new());
    let (mut there, mut back) = (Link::new(seed, bad()), Link::new(!seed, bad()));
    let (mut at_echo, mut at_prober) = (Vec::new(), Vec::new());
    while !prober.is_done() {
        let now = clock.now();
        while let Some(header) = prober.poll_transmit(now) {
            prober.handle_transmitted(now);
            there.send(now, header.encode().to_vec());
        }
        while let Some(mut bytes) = there.poll_receive(now) {
            let header = Header::decode(&bytes).unwrap();
            if header.kind == Kind::Question {
                at_echo.push(header.number);
            }
            assert!(echo.handle_received(&mut bytes, peer(), now), "nothing is held back");
            back.send(now, bytes);
        }
        while let Some(bytes) = back.poll_receive(now) {
            let header = Header::decode(&bytes).unwrap();
            if header.kind == Kind::Reply {
                at_prober.push((header.number, header.tally.arrived));
            }
            prober.handle_received(&bytes, now);
        }
        prober.handle_timeout(now);
        let next = [prober.poll_timeout(), there.next_arrival(), back.next_arrival()];
        if let Some(at) = next.into_iter().flatten().min() {
            clock.advance_to(at);
        }
    }
    (prober.summary(), at_echo, at_prober)
}

#[test]
fn any_seed_is_counted_exactly() {
    let mut seen_reordered = 0;
    for seed in 0..60 {
        let (summary, at_echo, at_prober) = over_links(seed);
        sums_hold(&summary);
        let (came, doubled_there, reordered_there) = by_sets(&at_echo);
        let numbers: Vec<u32> = at_prober.iter().map(|(number, _)| *number).collect();
        let arrivals: Vec<u32> = at_prober.iter().map(|(_, arrival)| *arrival).collect();
        let (answered, extra, reordered) = by_sets(&numbers);
        let (_, doubled_back, reordered_back) = by_sets(&arrivals);
        assert_eq!(summary.answered, answered, "seed {seed}");
        assert_eq!(summary.lost, 400 - answered, "seed {seed}");
        assert_eq!((summary.duplicates, summary.duplicates_back), (extra, doubled_back));
        assert_eq!((summary.reordered, summary.reordered_back), (reordered, reordered_back));
        let ways = Ways {
            lost_there: 400 - came,
            lost_back: came - answered,
            held_back: 0,
            duplicates_there: doubled_there,
            reordered_there,
        };
        assert_eq!(summary.ways, Some(ways), "seed {seed}");
        seen_reordered += reordered;
    }
    assert!(seen_reordered > 1000, "the links reorder: {seen_reordered}");
}

#[test]
fn a_duplicate_of_the_last_reply_is_waited_for() {
    let mut back = |header: &Header, _: Duration| {
        if header.number == 4 && header.kind == Kind::Reply {
            vec![ms(1), ms(4)]
        } else {
            vec![ms(1)]
        }
    };
    let (prober, _) = run(config(5), &mut good, &mut back, None);
    let summary = prober.summary();
    assert_eq!((summary.answered, summary.duplicates, summary.duplicates_back), (5, 1, 1));
}

#[test]
fn a_peer_that_is_silent_ends_it_after_the_wait_and_is_not_asked() {
    let (mut asked, mut last) = (0, Duration::ZERO);
    let mut there = |header: &Header, now| {
        asked += u32::from(header.kind == Kind::Ask);
        last = now;
        vec![]
    };
    let (prober, events) = run(config(3), &mut there, &mut good, None);
    let summary = prober.summary();
    assert_eq!((summary.sent, summary.lost, summary.ways), (3, 3, None));
    assert!(!summary.came_back());
    assert_eq!(events.len(), 3);
    assert_eq!((asked, last), (0, INTERVAL * 2));
}

#[test]
fn an_echo_that_dies_is_asked_so_often_and_then_nothing_is_known_of_the_ways() {
    let mut asked = 0;
    let mut there = |header: &Header, _: Duration| {
        asked += u32::from(header.kind == Kind::Ask);
        if header.kind == Kind::Question && header.number < 5 { vec![ms(1)] } else { vec![] }
    };
    let (prober, _) = run(config(8), &mut there, &mut good, None);
    let summary = prober.summary();
    assert_eq!((summary.answered, summary.lost, summary.ways), (5, 3, None));
    assert_eq!(asked, ASKS_MAX);
}

#[test]
fn who_interrupts_gets_the_tally_too_and_what_is_on_its_way_is_not_lost() {
    let endless = Config { count: None, ..config(0) };
    let (prober, _) = run(endless.clone(), &mut good, &mut good, Some(ms(105)));
    let summary = prober.summary();
    assert_eq!((summary.sent, summary.answered, summary.unfinished), (11, 11, 0));
    assert!(summary.ways.is_some());
    // The last one never arrives, but its time was not over.
    let mut there = |header: &Header, _: Duration| {
        if header.kind == Kind::Question && header.number == 10 { vec![] } else { vec![ms(1)] }
    };
    let (prober, _) = run(endless.clone(), &mut there, &mut good, Some(ms(105)));
    let summary = prober.summary();
    assert_eq!((summary.answered, summary.lost, summary.unfinished), (10, 0, 1));
    assert_eq!(summary.ways, None);
    // An echo that died keeps nobody waiting: a second at most.
    let mut end = Duration::ZERO;
    let mut there = |header: &Header, now| {
        end = now;
        if header.number < 3 && header.kind == Kind::Question { vec![ms(1)] } else { vec![] }
    };
    run(endless, &mut there, &mut good, Some(ms(105)));
    assert!(end <= ms(1105), "{end:?}");
}

#[test]
fn lies_and_strangers_change_nothing() {
    let clock = Clock::new();
    let mut prober = Prober::new(config(2), clock.now());
    let before = prober.summary();
    let header = |kind, session, number, arrived| {
        let tally = Tally { arrived, ..Tally::default() };
        Header { kind, session, number, tally }.encode()
    };
    for bytes in [
        header(Kind::Reply, 77, 0, 1),
        header(Kind::Reply, 78, 0, 1),
        header(Kind::Question, 77, 0, 1),
        header(Kind::Tally, 77, 0, 1),
    ] {
        prober.handle_received(&bytes, clock.now());
        assert_eq!(prober.summary(), before, "nothing was sent yet");
    }
    assert_eq!(prober.poll_transmit(clock.now()).unwrap().number, 0);
    prober.handle_transmitted(clock.now());
    prober.handle_received(b"", clock.now());
    prober.handle_received(&[0; 100], clock.now());
    prober.handle_received(&header(Kind::Reply, 77, 1, 1), clock.now());
    assert_eq!(prober.summary().answered, 0);
    // An echo that does not count: the first reply counts, others are duplicates from there.
    prober.handle_received(&header(Kind::Reply, 77, 0, 0), clock.now());
    prober.handle_received(&header(Kind::Reply, 77, 0, 0), clock.now());
    let summary = prober.summary();
    assert_eq!((summary.answered, summary.duplicates, summary.duplicates_back), (1, 1, 0));
    assert_eq!(summary.ways, None);
}

#[test]
fn a_tally_that_cannot_be_is_not_believed() {
    for (arrived, distinct, reordered) in [(9, 3, 0), (9, 1, 0), (1, 2, 0), (2, 2, 3)] {
        let tally = Tally { arrived, distinct, reordered, unanswered: 0 };
        let mut back = |header: &Header, _: Duration| {
            if header.kind == Kind::Tally { vec![] } else { vec![ms(1)] }
        };
        let (prober, _) = run(config(2), &mut good, &mut back, None);
        let mut summary = prober.summary();
        summary.split(tally);
        assert_eq!(summary.ways, None, "{tally:?}");
    }
}

#[test]
fn a_reply_that_is_read_too_late_is_late() {
    let mut clock = Clock::new();
    let mut prober = Prober::new(config(1), clock.now());
    prober.handle_transmitted(clock.now());
    clock.advance(WAIT);
    let tally = Tally { arrived: 1, ..Tally::default() };
    let header = Header { kind: Kind::Reply, session: 77, number: 0, tally };
    prober.handle_received(&header.encode(), clock.now());
    let events: Vec<Event> = std::iter::from_fn(|| prober.poll_event()).collect();
    let late = Event::Late { number: 0, took: WAIT, reordered: false };
    assert_eq!(events, [Event::Lost { number: 0 }, late]);
}

#[test]
fn a_long_run_forgets_what_is_long_over() {
    let clock = Clock::new();
    let count = super::order::WINDOW * 3;
    let mut prober = Prober::new(Config { interval: ms(1), ..config(count) }, clock.now());
    let mut clock = clock;
    let mut waiting: VecDeque<(Instant, u32)> = VecDeque::new();
    let mut arrived = 0;
    let mut sent = 0;
    while sent < count || !waiting.is_empty() {
        let now = clock.now();
        if let Some(header) = prober.poll_transmit(now).filter(|h| h.kind == Kind::Question) {
            prober.handle_transmitted(now);
            sent += 1;
            waiting.push_back((now + ms(3), header.number));
        }
        while waiting.front().is_some_and(|first| first.0 <= now) {
            let (_, number) = waiting.pop_front().unwrap();
            arrived += 1;
            let tally = Tally { arrived, ..Tally::default() };
            let header = Header { kind: Kind::Reply, session: 77, number, tally };
            prober.handle_received(&header.encode(), now);
        }
        while prober.poll_event().is_some() {}
        clock.advance(ms(1));
    }
    let summary = prober.summary();
    assert_eq!((summary.sent, summary.answered, summary.lost), (count, count, 0));
}
