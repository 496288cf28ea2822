//! The machine, step by step, on a clock that stands still.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use sockeye_testkit::Clock;

use super::*;
use crate::errno;
use crate::error::Cause;
use crate::resolve::fault::Fault;

const DELAY: Duration = Duration::from_millis(250);

fn v4(host: u8) -> Address {
    (Ipv4Addr::new(192, 0, 2, host), 80).into()
}

fn v6(host: u16) -> Address {
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host), 80).into()
}

fn refused() -> Error {
    Error::os("connect", errno::ECONNREFUSED)
}

/// A race of `found`, all known at the start.
fn race(config: Config, found: impl IntoIterator<Item = Address>) -> (Race, Clock) {
    let clock = Clock::new();
    let mut race = Race::new(config, clock.now());
    race.handle_addresses(Family::Unspec, found, clock.now());
    (race, clock)
}

/// What is tried where everything fails at once.
fn order(config: Config, found: impl IntoIterator<Item = Address>) -> Vec<Address> {
    let (mut race, clock) = race(config, found);
    let mut order = Vec::new();
    while let Some((id, addr)) = race.poll_attempt(clock.now()) {
        order.push(addr);
        race.handle_failed(id, refused(), clock.now());
    }
    assert!(race.poll_outcome().unwrap().is_err());
    order
}

/// The next attempt, once it is due.
fn next(race: &mut Race, clock: &mut Clock) -> (AttemptId, Address) {
    if let Some(attempt) = race.poll_attempt(clock.now()) {
        return attempt;
    }
    let at = race.poll_timeout().unwrap();
    assert!(at > clock.now(), "nothing is due that is not given");
    race.poll_attempt(clock.advance_to(at)).unwrap()
}

#[test]
fn families_take_turns_and_the_first_address_says_which_is_first() {
    let all = [v6(1), v6(2), v6(3), v4(1), v4(2)];
    let turns = [v6(1), v4(1), v6(2), v4(2), v6(3)];
    assert_eq!(order(Config::default(), all.clone()), turns);
    let two = Config { first_family_count: 2, ..Config::default() };
    assert_eq!(order(two, all), [v6(1), v6(2), v4(1), v6(3), v4(2)]);
    let preferring_v4 = [v4(1), v6(1), v4(2)];
    assert_eq!(order(Config::default(), preferring_v4.clone()), preferring_v4);
    assert_eq!(order(Config::default(), [v4(1), v4(2)]), [v4(1), v4(2)]);
}

#[test]
fn a_third_family_has_its_turn() {
    let unix: Address = "unix:/x".parse().unwrap();
    let found = [v4(1), v4(2), v4(3), v6(1), unix.clone()];
    assert_eq!(order(Config::default(), found.clone()), [v4(1), v6(1), unix, v4(2), v4(3)]);
    let four = Config { first_family_count: 4, ..Config::default() };
    assert_eq!(order(four, found.clone()), found[..]);
}

#[test]
fn no_address_is_tried_twice() {
    assert_eq!(order(Config::default(), [v4(1), v4(1), v6(1), v4(1)]), [v4(1), v6(1)]);
    let (mut race, clock) = race(Config::default(), [v4(1)]);
    assert_eq!(race.poll_attempt(clock.now()).unwrap().1, v4(1));
    race.handle_addresses(Family::Inet, [v4(1), v4(2)], clock.now());
    let later = clock.now() + DELAY;
    assert_eq!(race.poll_attempt(later).unwrap().1, v4(2));
    assert_eq!(race.poll_attempt(later + DELAY), None);
}

#[test]
fn the_next_one_waits_its_time_or_for_a_failure() {
    let (mut race, mut clock) = race(Config::default(), [v6(1), v4(1), v6(2)]);
    let (first, _) = race.poll_attempt(clock.now()).unwrap();
    assert_eq!(race.poll_attempt(clock.now()), None);
    assert_eq!(race.poll_timeout(), Some(clock.now() + DELAY));
    clock.advance(DELAY - Duration::from_millis(1));
    assert_eq!(race.poll_attempt(clock.now()), None);
    clock.advance(Duration::from_millis(1));
    assert_eq!(race.poll_attempt(clock.now()).unwrap().1, v4(1));
    // One of them fails: another one takes its place at once, and only one.
    clock.advance(Duration::from_millis(1));
    race.handle_failed(first, refused(), clock.now());
    assert!(race.poll_timeout().unwrap() <= clock.now());
    assert_eq!(race.poll_attempt(clock.now()).unwrap().1, v6(2));
    assert_eq!((race.poll_attempt(clock.now()), race.in_flight()), (None, 2));
    assert_eq!(race.poll_timeout(), None, "everything is tried, and there is no deadline");
}

#[test]
fn delays_are_kept_within_bounds() {
    for (asked, kept) in [(0, 10), (10, 10), (300, 300), (5000, 2000)] {
        let attempt_delay = Duration::from_millis(asked);
        let (mut race, clock) = race(Config { attempt_delay, ..Config::default() }, [v4(1), v4(2)]);
        race.poll_attempt(clock.now()).unwrap();
        assert_eq!(race.poll_timeout(), Some(clock.now() + Duration::from_millis(kept)));
    }
}

#[test]
fn the_first_to_connect_wins_and_the_others_are_given_up() {
    let (mut race, mut clock) = race(Config::default(), [v6(1), v4(1), v6(2), v4(2)]);
    let (first, _) = next(&mut race, &mut clock);
    let (second, _) = next(&mut race, &mut clock);
    let (third, _) = next(&mut race, &mut clock);
    race.handle_failed(first, refused(), clock.now());
    race.handle_connected(second);
    race.handle_connected(third);
    race.handle_failed(third, refused(), clock.now());
    assert!(race.is_over());
    assert_eq!(race.poll_outcome().unwrap().unwrap(), second);
    assert_eq!((race.poll_cancel(), race.poll_cancel()), (Some(third), None));
    assert!(race.poll_outcome().is_none() && race.poll_timeout().is_none());
    let later = clock.now() + DELAY;
    race.handle_addresses(Family::Unspec, [v6(9)], later);
    assert_eq!((race.poll_attempt(later), race.in_flight()), (None, 0));
}

#[test]
fn ipv4_waits_for_ipv6_a_little() {
    let clock = Clock::new();
    let start = clock.now();
    let wait = Duration::from_millis(50);
    // IPv6 comes in time.
    let mut race = Race::new(Config::default(), start);
    assert_eq!((race.poll_attempt(start), race.poll_timeout()), (None, None));
    race.handle_addresses(Family::Inet, [v4(1)], start);
    assert_eq!((race.poll_attempt(start), race.poll_timeout()), (None, Some(start + wait)));
    race.handle_addresses(Family::Inet6, [v6(1)], start);
    assert_eq!(race.poll_attempt(start).unwrap().1, v6(1));
    // There is no IPv6: nothing to wait for.
    for error in [None, Some(refused())] {
        let mut race = Race::new(Config::default(), start);
        race.handle_addresses(Family::Inet, [v4(1)], start);
        match error {
            None => race.handle_addresses(Family::Inet6, [], start),
            Some(error) => race.handle_unresolved(Family::Inet6, error, start),
        }
        assert_eq!(race.poll_attempt(start).unwrap().1, v4(1));
    }
    // It comes too late: it is first among what is left.
    let mut race = Race::new(Config::default(), start);
    race.handle_addresses(Family::Inet, [v4(1), v4(2)], start);
    assert_eq!(race.poll_attempt(start + wait).unwrap().1, v4(1));
    race.handle_addresses(Family::Inet6, [v6(1), v6(2)], start + wait);
    assert_eq!(race.poll_attempt(start + wait), None);
    assert_eq!(race.poll_attempt(start + wait + DELAY).unwrap().1, v6(1));
    assert_eq!(race.poll_attempt(start + wait + DELAY * 2).unwrap().1, v4(2));
    // IPv6 need not wait for IPv4.
    let mut race = Race::new(Config::default(), start);
    race.handle_addresses(Family::Inet6, [v6(1)], start);
    assert_eq!(race.poll_attempt(start).unwrap().1, v6(1));
}

#[test]
fn an_answer_that_is_still_to_come_keeps_the_race_open() {
    let clock = Clock::new();
    let now = clock.now();
    let mut race = Race::new(Config::default(), now);
    race.handle_addresses(Family::Inet6, [v6(1)], now);
    let (id, _) = race.poll_attempt(now).unwrap();
    race.handle_failed(id, refused(), now);
    assert!(!race.is_over());
    race.handle_addresses(Family::Inet, [], now);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connect [2001:db8::1]:80: connection refused (ECONNREFUSED)");
}

#[test]
fn where_no_name_resolves_that_is_the_error() {
    let lookup =
        || Error::new("resolve", Cause::Lookup { fault: Fault::Gai(-2), asked: "a.b".into() });
    let clock = Clock::new();
    let now = clock.now();
    let mut race = Race::new(Config::default(), now);
    race.handle_unresolved(Family::Inet6, lookup(), now);
    assert!(!race.is_over());
    race.handle_unresolved(Family::Inet, lookup(), now);
    assert!(race.poll_outcome().unwrap().unwrap_err().is_lookup());
    let mut race = Race::new(Config::default(), now);
    race.handle_addresses(Family::Unspec, [], now);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connect: no address to connect to");
}

#[test]
fn the_deadline_ends_it() {
    let timeout = Some(Duration::from_millis(600));
    let (mut race, mut clock) = race(Config { timeout, ..Config::default() }, [v4(1), v4(2)]);
    let end = clock.now() + Duration::from_millis(600);
    let (first, _) = next(&mut race, &mut clock);
    let (second, _) = next(&mut race, &mut clock);
    assert_eq!((clock.elapsed(), race.poll_timeout()), (DELAY, Some(end)));
    race.handle_timeout(end - Duration::from_nanos(1));
    assert!(!race.is_over());
    assert_eq!(race.poll_attempt(end), None);
    assert_eq!([race.poll_cancel(), race.poll_cancel()], [Some(first), Some(second)]);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert!(error.is_timeout() && error.errno().is_none());
    assert_eq!(error.attempts().len(), 2);
    assert_eq!(
        error.to_string(),
        "connect: 2 addresses failed: 192.0.2.1:80: timed out; 192.0.2.2:80: timed out"
    );
}

#[test]
fn little_time_is_shared_by_all_addresses() {
    let starts = |timeout: u64, count: u8| -> Vec<u128> {
        let timeout = Some(Duration::from_millis(timeout));
        let (mut race, mut clock) =
            race(Config { timeout, ..Config::default() }, (1..=count).map(v4));
        let mut starts = Vec::new();
        while !race.is_over() {
            if race.poll_attempt(clock.now()).is_some() {
                starts.push(clock.elapsed().as_millis());
            }
            race.handle_timeout(race.poll_timeout().map_or(clock.now(), |at| clock.advance_to(at)));
        }
        starts
    };
    assert_eq!(starts(600, 3), [0, 200, 400]);
    assert_eq!(starts(1000, 3), [0, 250, 500]);
    // Never closer than 10 ms, so that not all are tried.
    assert_eq!(starts(35, 9), [0, 10, 20, 30]);
}

#[test]
fn a_deadline_before_any_address_is_a_timeout() {
    let clock = Clock::new();
    let config = || Config { timeout: Some(DELAY), ..Config::default() };
    let end = clock.now() + DELAY;
    let mut race = Race::new(config(), clock.now()).named("example.org:80");
    assert_eq!(race.poll_timeout(), Some(end));
    race.handle_timeout(end);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "connect example.org:80: timed out");
    let mut race = Race::new(config(), clock.now());
    race.handle_addresses(Family::Unspec, [v4(1)], clock.now());
    assert_eq!(race.poll_attempt(end), None);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connect: timed out before 1 address could be tried");
}

#[test]
fn a_deadline_while_a_lookup_is_awaited_is_a_timeout() {
    let clock = Clock::new();
    let mut race = Race::new(Config { timeout: Some(DELAY), ..Config::default() }, clock.now());
    race.handle_addresses(Family::Inet6, [v6(1)], clock.now());
    let (id, _) = race.poll_attempt(clock.now()).unwrap();
    race.handle_failed(id, refused(), clock.now());
    race.handle_timeout(clock.now() + DELAY);
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.attempts()[0].1.errno(), Some(errno::ECONNREFUSED));
    assert_eq!(
        error.to_string(),
        "connect: timed out, 1 address failed: \
         [2001:db8::1]:80: connection refused (ECONNREFUSED)"
    );
}

#[test]
fn no_more_than_so_many_are_under_way_or_tried() {
    let config = Config { in_flight_max: 2, attempts_max: 3, ..Config::default() };
    let (mut race, mut clock) = race(config, (1..=5).map(v4));
    let (first, _) = next(&mut race, &mut clock);
    let (second, _) = next(&mut race, &mut clock);
    clock.advance(DELAY);
    assert_eq!((race.poll_attempt(clock.now()), race.poll_timeout()), (None, None));
    race.handle_failed(first, refused(), clock.now());
    let (third, _) = next(&mut race, &mut clock);
    for id in [second, third] {
        race.handle_failed(id, refused(), clock.now());
    }
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert_eq!((error.attempts().len(), error.errno()), (3, Some(errno::ECONNREFUSED)));
    assert!(error.to_string().starts_with("connect: 3 addresses failed, 2 were not tried: "));
}

#[test]
fn one_after_another_each_has_its_share_of_the_time() {
    let timeout = Some(Duration::from_secs(6));
    let config = Config { timeout, sequential: true, ..Config::default() };
    let found = [v6(1), v6(2), v4(1)];
    assert_eq!(order(config.clone(), found.clone()), found);
    let (mut race, mut clock) = race(config, found);
    let start = clock.now();
    let (first, _) = next(&mut race, &mut clock);
    assert_eq!(race.poll_timeout(), Some(start + Duration::from_secs(2)));
    let (second, addr) = next(&mut race, &mut clock);
    assert_eq!((addr, race.in_flight(), clock.elapsed()), (v6(2), 1, Duration::from_secs(2)));
    assert_eq!((race.poll_cancel(), race.poll_cancel()), (Some(first), None));
    race.handle_failed(second, refused(), clock.now());
    let (third, _) = next(&mut race, &mut clock);
    assert_eq!((clock.elapsed(), race.in_flight()), (Duration::from_secs(2), 1));
    race.handle_timeout(clock.advance(Duration::from_secs(4)));
    assert_eq!(race.poll_cancel(), Some(third));
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert!(error.is_timeout());
    let whys: Vec<_> = error.attempts().iter().map(|(_, error)| error.is_timeout()).collect();
    assert_eq!(whys, [true, false, true]);
}

#[test]
fn a_race_that_is_given_up_has_no_outcome() {
    let (mut race, clock) = race(Config::default(), [v4(1), v4(2)]);
    let (first, _) = race.poll_attempt(clock.now()).unwrap();
    race.cancel();
    assert_eq!((race.poll_cancel(), race.poll_cancel()), (Some(first), None));
    assert!(race.is_over() && race.poll_outcome().is_none());
    assert_eq!(race.poll_attempt(clock.now() + DELAY), None);
}

#[test]
fn the_error_has_each_address_and_its_text_stays_short() {
    let fail_all = |name: &str, count: u16| {
        let clock = Clock::new();
        let config = Config { attempts_max: 1000, ..Config::default() };
        let mut race = Race::new(config, clock.now()).named(name);
        race.handle_addresses(Family::Unspec, (1..=count).map(v6), clock.now());
        while let Some((id, _)) = race.poll_attempt(clock.now()) {
            race.handle_failed(id, refused(), clock.now());
        }
        race.poll_outcome().unwrap().unwrap_err()
    };
    let error = fail_all("example.org:80", 2);
    assert_eq!(
        error.to_string(),
        "connect example.org:80: 2 addresses failed: \
         [2001:db8::1]:80: connection refused (ECONNREFUSED); \
         [2001:db8::2]:80: connection refused (ECONNREFUSED)"
    );
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let io: std::io::Error = error.into();
    assert_eq!(io.raw_os_error(), Some(errno::ECONNREFUSED));
    let error = fail_all(&"\n".repeat(10_000), 900);
    let text = error.to_string();
    assert_eq!(error.attempts().len(), 900);
    assert!(text.len() < 1000 && !text.contains('\n'), "{} bytes", text.len());
    assert!(text.ends_with(" more"), "{text}");
    let listed = text.matches("ECONNREFUSED").count();
    assert!(text.ends_with(&format!("; and {} more", 900 - listed)), "{text}");
}

#[test]
fn the_last_address_gives_the_reason_and_what_was_no_connect_says_so() {
    let (mut race, clock) = race(Config::default(), [v6(1), v4(1)]);
    let (first, _) = race.poll_attempt(clock.now()).unwrap();
    race.handle_failed(first, Error::os("connect", errno::ENETUNREACH), clock.now());
    let (second, _) = race.poll_attempt(clock.now()).unwrap();
    let bind = Error::os("bind", errno::EADDRNOTAVAIL).at(&v4(9));
    race.handle_failed(second, bind, clock.now());
    let error = race.poll_outcome().unwrap().unwrap_err();
    assert_eq!(error.errno(), Some(errno::EADDRNOTAVAIL));
    let text = error.to_string();
    assert!(text.contains("[2001:db8::1]:80: network is unreachable (ENETUNREACH)"), "{text}");
    assert!(text.contains("192.0.2.1:80: bind 192.0.2.9:80: cannot assign"), "{text}");
}
