//! Happy eyeballs: the machine in simulated networks (`simulation`), and what drives it on real
//! sockets (`drivers`: one script for all of them; `cases`: what only one of them has).

mod cases;
mod drivers;
mod simulation;

use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use sockeye_socket::happy::Config;
use sockeye_socket::{AF_INET, AF_INET6, AF_UNSPEC, Address, Family};
use sockeye_testkit::{Clock, documented_limits};

use crate::fuzz::happy::{self, Checked};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Three loopback addresses with one port: where somebody listens at 0.0.0.0, he is behind all.
fn three_of(port: u16) -> Vec<Address> {
    (1..=3).map(|host| (Ipv4Addr::new(127, 0, 0, host), port).into()).collect()
}

/// How many sockets of this machine are connecting to the IPv4 port of `addr`, by the kernel's own
/// list. Whether the address is the same is not looked at.
fn connecting_to(addr: &Address) -> usize {
    const SYN_SENT: &str = "02";
    let port = format!(":{:04X}", addr.port().unwrap());
    let list = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let of_it = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        let to = fields.next().is_some_and(|remote| remote.ends_with(&port));
        to && fields.next() == Some(SYN_SENT)
    };
    list.lines().filter(of_it).count()
}

#[test]
fn the_limits_are_documented() {
    let documented = documented_limits(include_str!("../../../../docs/limits.md"), "socket");
    let config = Config::default();
    let rows = [
        ("happy::Config::attempts_max", config.attempts_max.to_string()),
        ("happy::Config::in_flight_max", config.in_flight_max.to_string()),
        ("happy::Config::attempt_delay", config.attempt_delay.as_secs_f64().to_string()),
        ("happy::Config::resolution_delay", config.resolution_delay.as_secs_f64().to_string()),
    ];
    for (name, default) in rows {
        assert!(documented.contains(&(name.to_owned(), default)), "{name}: {documented:?}");
    }
}

/// The order that RFC 8305 asks for, made in the plainest way: so many of the first family, then
/// one of each family in turn.
fn turns(found: &[Address], first_family_count: usize) -> Vec<Address> {
    let mut unique: Vec<Address> = Vec::new();
    for addr in found {
        if !unique.contains(addr) {
            unique.push(addr.clone());
        }
    }
    let Some(first) = unique.first().map(Address::family) else { return unique };
    let (mut ours, mut others): (Vec<_>, Vec<_>) =
        unique.into_iter().partition(|addr| addr.family() == first);
    let mut order: Vec<Address> = ours.drain(..first_family_count.min(ours.len())).collect();
    let (mut ours, mut others) = (ours.drain(..), others.drain(..));
    loop {
        let pair = [others.next(), ours.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

fn address() -> impl Strategy<Value = Address> {
    (any::<bool>(), 0u8..20).prop_map(|(v6, host)| {
        let text = if v6 { format!("[2001:db8::{host}]:80") } else { format!("192.0.2.{host}:80") };
        text.parse().unwrap()
    })
}

proptest! {
    #[test]
    fn whatever_happens_to_a_race_its_rules_hold(
        input in prop::collection::vec(any::<u8>(), 7..200),
    ) {
        happy::happy(&input);
    }

    #[test]
    fn families_take_turns(
        found in prop::collection::vec(address(), 1..30),
        first_family_count in 1usize..4,
        apart in any::<bool>(),
    ) {
        let clock = Clock::new();
        let config = Config { first_family_count, ..Config::default() };
        let mut race = Checked::new(config, clock.now());
        let of = |family: Family| {
            found.iter().filter(|addr| addr.family() == family).cloned().collect::<Vec<_>>()
        };
        let (v6, v4) = (of(AF_INET6), of(AF_INET));
        let expected = if apart {
            race.addresses(AF_INET, v4.clone(), clock.now());
            race.addresses(AF_INET6, v6.clone(), clock.now());
            turns(&[v6, v4].concat(), first_family_count)
        } else {
            race.addresses(AF_UNSPEC, found.clone(), clock.now());
            turns(&found, first_family_count)
        };
        let mut index = 0;
        while race.end.is_none() {
            race.failed(index, clock.now());
            index += 1;
        }
        let order: Vec<_> = race.tried.iter().map(|tried| tried.addr.clone()).collect();
        prop_assert_eq!(order, expected);
    }
}
