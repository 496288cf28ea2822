//! What the server counts of itself, where `Config::metrics` says where to show it: each worker in
//! numbers of its own, the acceptor in its own.

use std::sync::Arc;
use std::time::Duration;

use sockeye_edge::metrics::{Cell, Cells, Histogram, Layout, Registry, Shard};

use crate::proto::head::Method;
use crate::proto::status::Status;

/// Upper bounds of how long answers take, in microseconds.
const BOUNDS_US: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Why a connection was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// There were as many as there may be.
    Full,
    /// Its address had as many as it may have.
    Address,
    /// Its address is not served.
    NotAdmitted,
}

const REASONS: [&str; 3] = ["full", "address", "not_admitted"];

/// The numbers of all threads.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    names: Names,
}

/// The numbers of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    shard: Arc<Shard>,
    names: Names,
}

#[derive(Clone, Copy, Debug)]
struct Names {
    open: Cell,
    connections: Cell,
    refused: Cells,
    requests: Cells,
    sent_bytes: Cell,
    ready: Cell,
    seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut layout = Layout::default();
        let reasons = REASONS.map(|reason| [("reason", reason)]);
        let reasons: Vec<&[(&str, &str)]> = reasons.iter().map(<[_; 1]>::as_slice).collect();
        let kinds = METHODS.iter().flat_map(|method| {
            CLASSES.iter().map(move |class| [("method", *method), ("status", *class)])
        });
        let kinds: Vec<[(&str, &str); 2]> = kinds.collect();
        let kinds: Vec<&[(&str, &str)]> = kinds.iter().map(<[_; 2]>::as_slice).collect();
        let names = Names {
            open: layout.gauge("sockeye_http_connections_open", "Connections that are served now."),
            connections: layout.counter("sockeye_http_connections_total", "Connections served."),
            refused: layout.counters(
                "sockeye_http_connections_refused_total",
                "Connections that were not served, by the reason.",
                &reasons,
            ),
            requests: layout.counters(
                "sockeye_http_requests_total",
                "Requests answered, malformed ones as method other.",
                &kinds,
            ),
            sent_bytes: layout
                .counter("sockeye_http_sent_bytes_total", "Bytes of answers sent, heads included."),
            ready: layout.counter(
                "sockeye_http_cache_hits_total",
                "Answers that were written already when they were asked for.",
            ),
            seconds: layout.histogram(
                "sockeye_http_request_duration_seconds",
                "From a request's arrival to the end of its answer, sending included.",
                BOUNDS_US,
            ),
        };
        Metrics { registry: Registry::new(layout), names }
    }

    /// The numbers of one more thread.
    pub(crate) fn tally(&self) -> Tally {
        Tally { shard: self.registry.shard(), names: self.names }
    }

    /// All numbers, in Prometheus's text format.
    pub(crate) fn text(&self) -> String {
        self.registry.text()
    }
}

impl Tally {
    pub(crate) fn count_opened(&self) {
        self.shard.add(self.names.connections, 1);
        self.shard.add(self.names.open, 1);
    }

    pub(crate) fn count_closed(&self) {
        self.shard.subtract(self.names.open, 1);
    }

    pub(crate) fn count_refused(&self, why: Refused) {
        let index = match why {
            Refused::Full => 0,
            Refused::Address => 1,
            Refused::NotAdmitted => 2,
        };
        self.shard.add(self.names.refused.at(index), 1);
    }

    /// Counts an answer to a request with `method`, where that was known.
    pub(crate) fn count_answer(
        &self,
        method: Option<Method>,
        status: Status,
        bytes: u64,
        time: Duration,
    ) {
        let method = match method {
            Some(Method::Get) => 0,
            Some(Method::Head) => 1,
            Some(Method::Post) => 2,
            Some(Method::Put) => 3,
            Some(Method::Patch) => 4,
            Some(Method::Delete) => 5,
            Some(Method::Options) => 6,
            _ => 7,
        };
        let class = usize::from(status.code() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        self.shard.add(self.names.requests.at(method * CLASSES.len() + class), 1);
        self.shard.add(self.names.sent_bytes, bytes);
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.shard.observe(self.names.seconds, time_us);
    }

    pub(crate) fn count_ready(&self) {
        self.shard.add(self.names.ready, 1);
    }
}
