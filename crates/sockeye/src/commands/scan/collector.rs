//! Keeps what the table will show: what is open in full, what is not in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use sockeye_scan::{Reason, State, Verdict};

/// Hosts whose closed ports are counted apart; beyond that only hosts with more are kept.
const HOSTS_MAX: u128 = 65_536;
/// Silent ports of one host that are worth a line each.
pub(super) const LISTED_MAX: usize = 12;

/// What is known about the ports of one host.
#[derive(Debug, Default, Clone)]
pub(super) struct HostView {
    /// Open ports, by number.
    pub(super) open: Vec<Verdict>,
    /// The first ports that are neither open nor closed, at most `LISTED_MAX`.
    pub(super) listed: Vec<Verdict>,
    /// How many there are of each.
    pub(super) counts: BTreeMap<(State, Reason), u64>,
    /// Closed ports.
    pub(super) closed: u32,
}

/// Takes verdicts from all loops.
pub(super) struct Collector {
    /// By index of the host: nearly every verdict of a scan is one of these.
    closed: Vec<AtomicU32>,
    hosts: Mutex<BTreeMap<u64, HostView>>,
    many: bool,
}

impl Collector {
    /// Makes room for so many hosts.
    pub(super) fn new(hosts: u128) -> Collector {
        let many = hosts > HOSTS_MAX;
        let kept = if many { 0 } else { usize::try_from(hosts).unwrap_or(0) };
        Collector {
            closed: (0..kept).map(|_| AtomicU32::new(0)).collect(),
            hosts: Mutex::default(),
            many,
        }
    }

    /// Takes one verdict in.
    pub(super) fn add(&self, verdict: &Verdict) {
        if verdict.state == State::Closed {
            let host = usize::try_from(verdict.host).ok().and_then(|host| self.closed.get(host));
            if let Some(closed) = host {
                closed.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        if self.many && verdict.state != State::Open {
            return;
        }
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let view = hosts.entry(verdict.host).or_default();
        if verdict.state == State::Open {
            view.open.push(*verdict);
            return;
        }
        *view.counts.entry((verdict.state, verdict.reason)).or_default() += 1;
        if view.listed.len() < LISTED_MAX {
            view.listed.push(*verdict);
        }
    }

    /// Gives the hosts that anything is known of, in order, with their index.
    pub(super) fn hosts(&self) -> BTreeMap<u64, HostView> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (index, closed) in (0_u64..).zip(&self.closed) {
            let closed = closed.load(Ordering::Relaxed);
            if closed > 0 {
                hosts.entry(index).or_default().closed = closed;
            }
        }
        for view in hosts.values_mut() {
            view.open.sort_unstable_by_key(|verdict| verdict.port);
            view.listed.sort_unstable_by_key(|verdict| verdict.port);
        }
        hosts
    }
}
