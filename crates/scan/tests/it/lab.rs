//! What the tests share: listeners, scans with all their verdicts, and the needs of a network.

use sockeye_scan::{Config, Event, PortSet, Report, Sink, Span, State, TargetSet, Verdict, run};
use sockeye_socket::{Shutdown, Socket, create_server};
use sockeye_testkit::{Need, need};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A scan's configuration for one address.
pub(crate) fn towards(address: &str, ports: impl IntoIterator<Item = u16>) -> Config {
    let span = Span::one(address.parse().unwrap(), 0);
    let targets = TargetSet::new(&[span], &[]);
    Config { targets, ports: PortSet::from_iter(ports), seed: 1, ..Config::default() }
}

/// Runs a scan to its end and gives every verdict.
pub(crate) fn scan(config: &Config) -> (Report, Vec<Verdict>) {
    let shutdown = Shutdown::new().unwrap();
    let verdicts = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&verdicts);
    let sink: Sink = Arc::new(move |event: &Event| {
        if let Event::Verdict(verdict) = event {
            keep.lock().unwrap().push(*verdict);
        }
    });
    let report = run(config, &shutdown, &sink).unwrap();
    let verdicts = std::mem::take(&mut *verdicts.lock().unwrap());
    (report, verdicts)
}

/// Gives the ports that have a state.
pub(crate) fn ports(verdicts: &[Verdict], state: State) -> BTreeSet<u16> {
    verdicts.iter().filter(|verdict| verdict.state == state).map(|verdict| verdict.port).collect()
}

/// Opens so many listeners on ports that the system chooses.
pub(crate) fn listeners(address: &str, count: usize) -> Vec<Socket> {
    let server = || create_server(&format!("{address}:0")).backlog(2048).bind().unwrap();
    (0..count).map(|_| server()).collect()
}

pub(crate) fn port_of(socket: &Socket) -> u16 {
    socket.getsockname().unwrap().port().unwrap()
}

pub(crate) fn ports_of(sockets: &[Socket]) -> BTreeSet<u16> {
    sockets.iter().map(port_of).collect()
}

/// Tells whether a network of the test's own can be made.
pub(crate) fn can_make_networks() -> bool {
    need(Need::NetNamespace) && need(Need::Program("ip"))
}

/// Runs a program that has to succeed.
pub(crate) fn sh(script: &str) {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}
