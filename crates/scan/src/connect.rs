//! The connect backend: a loop on a selector for each core, each with its own shard of the plan
//! and its own scheduler, added up at the end.

mod outcome;
mod turn;

use crate::config::Config;
use crate::proto::tally::Tally;
use crate::proto::verdict::Verdict;
use crate::{Error, Result};
use rustix::process::{Resource, getrlimit};
use sockeye_socket::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use turn::Turn;

/// What happens during a scan.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A port has its verdict.
    Verdict(Verdict),
}

/// Takes the events of all loops, as they happen.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// What a scan came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Addresses of the plan.
    pub targets: u128,
    /// Ports of each.
    pub ports: usize,
    /// Probes of this shard of the plan.
    pub probes: u64,
    /// Counts of all loops.
    pub tally: Tally,
    /// Attempts that each port was worth.
    pub attempts_max: u8,
    /// From the start to the last verdict.
    pub elapsed: Duration,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl Report {
    /// Counts the ports without an answer for a reason of ours: no means, or no time.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        self.tally.unresolved + self.probes.saturating_sub(self.tally.done())
    }

    /// Estimates the share of probes that were lost, `0.0..=1.0`.
    #[must_use]
    pub fn loss(&self) -> Option<f64> {
        self.tally.loss()
    }

    /// Estimates the share of answering ports that were heard, `0.0..=1.0`.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        self.tally.recall(self.attempts_max)
    }
}

/// Descriptors that stay free for the rest of the process.
const DESCRIPTORS_SPARED: u64 = 8;
/// Descriptors of a loop besides its probes: epoll, its waker, two sockets to use again.
const DESCRIPTORS_PER_LOOP: u64 = 4;

/// Scans until every port has its verdict, or until `shutdown` starts.
///
/// # Errors
/// Where nothing or too much would be scanned, or where the system gives no threads or selectors.
pub fn run(config: &Config, shutdown: &Shutdown, sink: &Sink) -> Result<Report> {
    let plan = Arc::new(config.plan()?);
    let probes = config.shard.len_of(plan.len());
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let loops = config.loops(probes, u32::try_from(cores).unwrap_or(u32::MAX));
    // A shard of billions cannot be divided further, and need not.
    let loops = config.shard.part(loops - 1, loops).map_or(1, |_| loops);
    let settings = config.settings(loops, descriptors(loops));
    let started = Instant::now();
    let turn = |index| {
        let shard = config.shard.part(index, loops).expect("a part below the count is a shard");
        Turn::new(Arc::clone(&plan), shard, settings.clone(), (shutdown, sink))?.run(started)
    };
    let results =
        thread::scope(|scope| {
            let mut others = Vec::new();
            for index in 1..loops {
                let spawned = thread::Builder::new().name("scan".into());
                let spawned = spawned.spawn_scoped(scope, move || turn(index));
                others.push(spawned.map_err(|source| Error::Thread { source })?);
            }
            let mut results = vec![turn(0)];
            results.extend(others.into_iter().map(|other| {
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }));
            Ok::<_, Error>(results)
        })?;
    let elapsed = started.elapsed();
    let mut tally = Tally::default();
    for result in results {
        tally.merge(&result?);
    }
    Ok(Report {
        targets: plan.targets().len(),
        ports: plan.ports().len(),
        probes,
        attempts_max: config.attempts_max(),
        elapsed,
        interrupted: tally.done() < probes,
        tally,
    })
}

/// Counts the descriptors that probes may use.
fn descriptors(loops: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::from(u32::MAX));
    let used = std::fs::read_dir("/proc/self/fd").map_or(16, |open| open.count());
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    let spared = DESCRIPTORS_SPARED + DESCRIPTORS_PER_LOOP * u64::from(loops);
    let left = limit.saturating_sub(used).saturating_sub(spared);
    u32::try_from(left).unwrap_or(u32::MAX)
}
