//! Scans of this machine, on ports that the tests hold themselves.

use crate::lab::{listeners, port_of, ports, ports_of, scan, towards};
use sockeye_scan::{Event, PlanError, Rate, Reason, Sink, State, run};
use sockeye_socket::{Shutdown, Socket, create_server};
use sockeye_testkit::{Need, need};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Ports that are bound and do not listen: closed, and nobody else can open them.
fn closed_ports(address: &str, count: usize) -> Vec<Socket> {
    let bound = || {
        let v4 = !address.contains(':');
        let socket = if v4 { Socket::tcp4() } else { Socket::tcp6() }.unwrap();
        socket.bind((address.parse::<std::net::IpAddr>().unwrap(), 0)).unwrap();
        socket
    };
    (0..count).map(|_| bound()).collect()
}

fn finds_what_listens(address: &str, bracketed: &str) {
    let open = listeners(bracketed, 30);
    let closed = closed_ports(address, 60);
    let all: BTreeSet<u16> = ports_of(&open).union(&ports_of(&closed)).copied().collect();
    let (report, verdicts) = scan(&towards(address, all.iter().copied()));
    assert_eq!(ports(&verdicts, State::Open), ports_of(&open));
    assert_eq!(ports(&verdicts, State::Closed), ports_of(&closed));
    assert_eq!((report.tally.open, report.tally.closed), (30, 60));
    assert_eq!(verdicts.len(), 90, "one verdict for each port");
    for verdict in &verdicts {
        let reason = if verdict.state == State::Open { Reason::SynAck } else { Reason::Reset };
        assert_eq!((verdict.reason, verdict.attempts), (reason, 1), "{verdict:?}");
        assert!(verdict.rtt.is_some_and(|rtt| rtt < Duration::from_secs(1)), "{verdict:?}");
    }
    assert!(!report.interrupted);
    assert_eq!((report.loss(), report.recall(), report.unresolved()), (Some(0.0), Some(1.0), 0));
}

#[test]
fn what_listens_is_open_and_the_rest_is_closed() {
    finds_what_listens("127.0.0.1", "127.0.0.1");
}

#[test]
fn the_same_over_ipv6() {
    if need(Need::Ipv6) {
        finds_what_listens("::1", "[::1]");
    }
}

#[test]
fn several_loops_find_the_same() {
    let open = listeners("127.0.0.1", 20);
    let closed = closed_ports("127.0.0.1", 20);
    let all = ports_of(&open).into_iter().chain(ports_of(&closed));
    let mut config = towards("127.0.0.1", all);
    for threads in [1, 2, 5, 64] {
        config.threads = Some(threads);
        let (report, verdicts) = scan(&config);
        assert_eq!(ports(&verdicts, State::Open), ports_of(&open), "{threads} loops");
        assert_eq!(report.tally.done(), 40, "{threads} loops");
    }
}

#[test]
fn a_full_backlog_is_asked_again_until_it_has_room() {
    let listener = create_server("127.0.0.1:0").backlog(0).bind().unwrap();
    let sleepy = port_of(&listener);
    // A backlog of 0 still takes one connection; the ones after it get no answer.
    let waiting: Vec<Socket> = (0..3)
        .map(|_| {
            let client = Socket::tcp4().unwrap();
            client.setblocking(false).unwrap();
            client.connect_ex(("127.0.0.1".parse::<std::net::IpAddr>().unwrap(), sleepy));
            client
        })
        .collect();
    let others = closed_ports("127.0.0.1", 200);
    let config = towards("127.0.0.1", ports_of(&others).into_iter().chain([sleepy]));
    let (sender, receiver) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let shutdown = Shutdown::new().unwrap();
    let sink: Sink = Arc::new(move |event: &Event| {
        if let Event::Verdict(verdict) = event {
            sender.lock().unwrap().send(*verdict).unwrap();
        }
    });
    let started = Instant::now();
    std::thread::scope(|scope| {
        let scan = scope.spawn(|| run(&config, &shutdown, &sink).unwrap());
        let mut verdicts = receiver.iter();
        for verdict in verdicts.by_ref().take(200) {
            assert_eq!(verdict.state, State::Closed);
        }
        // Everything else is done: now the listener wakes.
        while waiting.iter().any(|client| client.getpeername().is_err()) {
            listener.accept().unwrap();
        }
        let verdict = verdicts.next().unwrap();
        assert_eq!((verdict.port, verdict.state), (sleepy, State::Open), "{verdict:?}");
        assert!(verdict.attempts > 1, "{verdict:?}");
        let report = scan.join().unwrap();
        assert_eq!((report.tally.open, report.tally.closed), (1, 200));
    });
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_scan_can_be_stopped() {
    let mut config = towards("127.0.0.1", 1..=65_535);
    config.rate_max = Rate::per_second(200);
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let sink: Sink = Arc::new(move |_: &Event| stop.now());
    let report = run(&config, &shutdown, &sink).unwrap();
    assert!(report.interrupted);
    assert!(report.tally.done() < 1000, "{report:?}");
    assert_eq!(report.unresolved(), 65_535 - report.tally.done());
}

#[test]
fn the_rate_is_kept() {
    let closed = closed_ports("127.0.0.1", 60);
    let mut config = towards("127.0.0.1", ports_of(&closed));
    config.rate_max = Rate::per_second(200);
    let (report, _) = scan(&config);
    // 60 probes at 200 a second, less the first one and what a bucket of 5 ms saves.
    assert!(report.elapsed >= Duration::from_millis(285), "{:?}", report.elapsed);
    assert_eq!(report.tally.sent, 60);
}

#[test]
fn nothing_starts_without_leave() {
    let shutdown = Shutdown::new().unwrap();
    let sent = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&sent);
    let sink: Sink = Arc::new(move |_: &Event| seen.store(true, Ordering::SeqCst));
    let error = run(&towards("224.0.0.1", [80]), &shutdown, &sink).unwrap_err();
    assert!(matches!(error, sockeye_scan::Error::Plan(PlanError::NoTargets)), "{error}");
    let mut wide = towards("127.0.0.1", [80]);
    let span = sockeye_scan::Span::new([127, 0, 0, 0].into(), [127, 1, 255, 255].into());
    wide.targets = sockeye_scan::TargetSet::new(&[span.unwrap()], &[]);
    let error = run(&wide, &shutdown, &sink).unwrap_err();
    assert!(error.is_usage(), "{error}");
    assert!(!sent.load(Ordering::SeqCst));
}
