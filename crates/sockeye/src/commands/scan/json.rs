//! JSON lines: one for each port as soon as it is known, the last one with the summary.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use sockeye_scan::{Probe, Reason, Report, State, Verdict, services};
use sockeye_socket::{Shutdown, errno};

use crate::output;

#[derive(Serialize)]
struct PortLine {
    address: IpAddr,
    port: u16,
    protocol: &'static str,
    state: &'static str,
    reason: &'static str,
    rtt_ms: Option<f64>,
    attempts: u8,
    service: Option<&'static str>,
}

#[derive(Serialize)]
struct ProbeLine {
    address: IpAddr,
    port: u16,
    protocol: &'static str,
}

#[derive(Serialize)]
struct SummaryLine {
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    targets: u64,
    ports: usize,
    open: u64,
    closed: u64,
    filtered: u64,
    unresolved: u64,
    seconds: f64,
    rounds: u8,
    loss: Option<f64>,
    recall: Option<f64>,
}

/// Lines that are known may wait so long for others, so that a fast scan does not write each alone.
const LINE_WAIT: Duration = Duration::from_millis(50);
/// Bytes that are written at once.
const BYTES_MAX: usize = 64 << 10;

/// Writes lines of all loops to stdout.
pub(super) struct Lines {
    open_only: bool,
    /// Stopped where nobody reads any more.
    shutdown: Shutdown,
    out: Mutex<Out>,
}

struct Out {
    waiting: Vec<u8>,
    written: Instant,
    failed: Option<anyhow::Error>,
}

impl Lines {
    pub(super) fn new(open_only: bool, shutdown: Shutdown) -> Lines {
        let out = Out { waiting: Vec::new(), written: Instant::now(), failed: None };
        Lines { open_only, shutdown, out: Mutex::new(out) }
    }

    /// Writes the line of one port.
    pub(super) fn add(&self, verdict: &Verdict) {
        if self.open_only && verdict.state != State::Open {
            return;
        }
        let line = line(&PortLine {
            address: verdict.target.ip,
            port: verdict.port,
            protocol: "tcp",
            state: verdict.state.as_str(),
            reason: reason_of(verdict.reason),
            rtt_ms: verdict.rtt.map(|rtt| rounded(rtt.as_secs_f64() * 1e3, 1e3)),
            attempts: verdict.attempts,
            service: services::name_of(verdict.port),
        });
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.waiting.extend(line);
        let urgent = verdict.state == State::Open || out.written.elapsed() >= LINE_WAIT;
        if urgent || out.waiting.len() >= BYTES_MAX {
            out.flush();
            if out.failed.is_some() {
                self.shutdown.now();
            }
        }
    }

    /// Writes what still waits, and the summary.
    pub(super) fn finish(&self, report: &Report) -> anyhow::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.waiting.extend(summary(report));
        out.flush();
        out.failed.take().map_or(Ok(()), Err)
    }
}

impl Out {
    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = output::bytes(&self.waiting).err();
        }
        self.waiting.clear();
        self.written = Instant::now();
    }
}

/// Writes the line of a probe that is not sent.
pub(super) fn probe(probe: &Probe) -> Vec<u8> {
    line(&ProbeLine { address: probe.target.ip, port: probe.port, protocol: "tcp" })
}

/// Gives the word for a reason, with the system's own where it has one.
pub(super) fn reason_of(reason: Reason) -> &'static str {
    match reason {
        Reason::System(number) => errno::name(number).unwrap_or(reason.as_str()),
        _ => reason.as_str(),
    }
}

fn summary(report: &Report) -> Vec<u8> {
    let tally = &report.tally;
    line(&SummaryLine {
        summary: Summary {
            targets: u64::try_from(report.targets).unwrap_or(u64::MAX),
            ports: report.ports,
            open: tally.open,
            closed: tally.closed,
            filtered: tally.filtered,
            unresolved: report.unresolved(),
            seconds: rounded(report.elapsed.as_secs_f64(), 1e3),
            rounds: tally.rounds,
            loss: report.loss().map(|loss| rounded(loss, 1e6)),
            recall: report.recall().map(|recall| rounded(recall, 1e6)),
        },
    })
}

fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
