//! Scans in networks that the tests make: every port, silent ports, and errors on the way.

use crate::lab::{can_make_networks, listeners, ports, ports_of, scan, sh, towards};
use sockeye_scan::{Reason, Span, State, TargetSet, Verdict};
use sockeye_testkit::privilege::with_network;
use sockeye_testkit::{Need, need};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn of_all_ports_exactly_those_that_listen() {
    if !can_make_networks() {
        return;
    }
    with_network(|| {
        let open = listeners("127.0.0.1", 20);
        let (report, verdicts) = scan(&towards("127.0.0.1", 1..=65_535));
        assert_eq!(ports(&verdicts, State::Open), ports_of(&open));
        assert_eq!(verdicts.len(), 65_535);
        assert_eq!((report.tally.closed, report.tally.filtered), (65_515, 0));
        let different: BTreeSet<u16> = verdicts.iter().map(|verdict| verdict.port).collect();
        assert_eq!(different.len(), 65_535);
    });
}

#[test]
fn a_socket_that_connects_to_itself_is_no_listener() {
    if !can_make_networks() {
        return;
    }
    with_network(|| {
        // Few local ports: the kernel often picks the very port that is asked.
        sh("echo 40000 40015 > /proc/sys/net/ipv4/ip_local_port_range");
        let mut config = towards("127.0.0.1", 40_000..=40_015);
        let mut itself = 0;
        for seed in 0..60 {
            config.seed = seed;
            let (_, verdicts) = scan(&config);
            assert!(verdicts.iter().all(|verdict| verdict.state == State::Closed), "{verdicts:?}");
            itself += verdicts.iter().filter(|v| v.reason == Reason::SelfConnect).count();
        }
        assert!(itself > 0, "the case was not met");
    });
}

/// Drops, prohibits and resets some ports of the network that this runs in.
fn firewall() {
    sh("nft -f - <<'END'
table inet lab {
  chain input {
    type filter hook input priority 0
    tcp dport 2000-2199 drop
    tcp dport 2300 reject with icmpx admin-prohibited
    tcp dport 2301 reject with tcp reset
  }
}
END");
}

fn reason_of(verdicts: &[Verdict], port: u16) -> (State, Reason) {
    let verdict = verdicts.iter().find(|verdict| verdict.port == port).unwrap();
    (verdict.state, verdict.reason)
}

#[test]
fn silent_ports_are_filtered_and_rejected_ones_have_their_reason() {
    if !can_make_networks() || !need(Need::Program("nft")) {
        return;
    }
    with_network(|| {
        firewall();
        let (report, verdicts) = scan(&towards("127.0.0.1", 1..=10_000));
        let silent = verdicts.iter().filter(|verdict| verdict.reason == Reason::NoResponse);
        let silent: BTreeSet<u16> = silent.map(|verdict| verdict.port).collect();
        assert!(silent.into_iter().eq(2000..=2199));
        assert_eq!(reason_of(&verdicts, 2300), (State::Filtered, Reason::HostUnreachable));
        assert_eq!(reason_of(&verdicts, 2301), (State::Closed, Reason::Reset));
        assert_eq!((report.tally.closed, report.tally.filtered), (9_799, 201));
        assert_eq!(report.tally.rounds, 4);
        // Attempts of 100, 200, 400 and 800 ms, all ports at once; room for a busy machine.
        assert!(report.elapsed < Duration::from_secs(15), "{:?}", report.elapsed);
    });
}

#[test]
fn routes_that_refuse_are_reasons() {
    if !can_make_networks() {
        return;
    }
    with_network(|| {
        sh("ip route add prohibit 10.9.0.0/16; ip route add unreachable 10.8.0.0/16");
        let reason = |address| {
            let (report, verdicts) = scan(&towards(address, [80]));
            assert_eq!(report.tally.filtered, 1);
            reason_of(&verdicts, 80).1
        };
        assert_eq!(reason("10.9.0.1"), Reason::Prohibited);
        assert_eq!(reason("10.8.0.1"), Reason::HostUnreachable);
        assert_eq!(reason("10.7.0.1"), Reason::NetUnreachable);
    });
}

#[test]
fn many_hosts_are_told_apart() {
    if !can_make_networks() {
        return;
    }
    with_network(|| {
        sh("ip route add local 10.99.0.0/22 dev lo");
        let everywhere = listeners("0.0.0.0", 1);
        let port = *ports_of(&everywhere).first().unwrap();
        let mut config = towards("10.99.0.0", [port, if port == 80 { 81 } else { 80 }]);
        let span = Span::new([10, 99, 0, 0].into(), [10, 99, 3, 255].into()).unwrap();
        config.targets = TargetSet::new(&[span], &[]);
        let (report, verdicts) = scan(&config);
        assert_eq!((report.tally.open, report.tally.closed), (1024, 1024));
        let open = verdicts.iter().filter(|verdict| verdict.state == State::Open);
        let hosts: BTreeSet<u64> = open.map(|verdict| verdict.host).collect();
        assert!(hosts.into_iter().eq(0..1024));
    });
}
