//! What the server counts of itself, where `Config::metrics` says where to show it.

use std::sync::Arc;

use sockeye_edge::metrics::{Cell, Cells, Layout, Registry, Shard};

use crate::Limit;

const REASONS: [&str; 5] = ["clients", "address", "network", "rate", "entering"];
const RESULTS: [&str; 2] = ["done", "failed"];

#[derive(Clone, Copy, Debug)]
struct Names {
    open: Cell,
    encrypted: Cell,
    entering: Cell,
    connections: Cell,
    refused: Cells,
    handshakes: Cells,
    received_bytes: Cell,
    sent_bytes: Cell,
    lines: Cell,
    queued_bytes: Cell,
    up: Cell,
}

/// The loop's numbers. Where nobody wants to see them nothing is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Option<Arc<Numbers>>);

#[derive(Debug)]
struct Numbers {
    registry: Registry,
    shard: Arc<Shard>,
    names: Names,
}

/// What is looked up when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) entering: usize,
    pub(crate) queued_bytes: usize,
    pub(crate) lines: u64,
    pub(crate) seconds_up: u64,
}

impl Tally {
    /// One that counts.
    pub(crate) fn counting() -> Tally {
        let mut layout = Layout::default();
        let reasons = REASONS.map(|reason| [("reason", reason)]);
        let reasons: Vec<&[(&str, &str)]> = reasons.iter().map(<[_; 1]>::as_slice).collect();
        let results = RESULTS.map(|result| [("result", result)]);
        let results: Vec<&[(&str, &str)]> = results.iter().map(<[_; 1]>::as_slice).collect();
        let names = Names {
            open: layout.gauge("sockeye_chat_clients_open", "Clients that are connected now."),
            encrypted: layout
                .gauge("sockeye_chat_clients_encrypted_open", "Those of them that speak TLS."),
            entering: layout.gauge(
                "sockeye_chat_entering_open",
                "Connections that have not said yet what they are.",
            ),
            connections: layout.counter("sockeye_chat_clients_total", "Clients that came."),
            refused: layout.counters(
                "sockeye_chat_refused_total",
                "Connections that were turned away, by the limit that they met.",
                &reasons,
            ),
            handshakes: layout.counters(
                "sockeye_chat_tls_handshakes_total",
                "TLS handshakes, by how they ended.",
                &results,
            ),
            received_bytes: layout.counter(
                "sockeye_chat_received_bytes_total",
                "Bytes that clients have sent, without those of TLS.",
            ),
            sent_bytes: layout.counter(
                "sockeye_chat_sent_bytes_total",
                "Bytes that clients were sent, without those of TLS.",
            ),
            lines: layout.counter("sockeye_chat_lines_total", "Lines that were said."),
            queued_bytes: layout.gauge(
                "sockeye_chat_queued_bytes",
                "Bytes that wait for clients to read, each frame with its place.",
            ),
            up: layout.gauge("sockeye_chat_uptime_seconds", "Since the server has started."),
        };
        let registry = Registry::new(layout);
        let shard = registry.shard();
        Tally(Some(Arc::new(Numbers { registry, shard, names })))
    }

    fn add(&self, cell: impl FnOnce(&Names) -> Cell, amount: usize) {
        if let Some(numbers) = &self.0 {
            let amount = u64::try_from(amount).unwrap_or(u64::MAX);
            numbers.shard.add(cell(&numbers.names), amount);
        }
    }

    pub(crate) fn count_client(&self, encrypted: bool) {
        self.add(|names| names.connections, 1);
        self.add(|names| names.open, 1);
        self.add(|names| names.encrypted, usize::from(encrypted));
    }

    pub(crate) fn count_gone(&self, encrypted: bool) {
        let Some(numbers) = &self.0 else { return };
        numbers.shard.subtract(numbers.names.open, 1);
        numbers.shard.subtract(numbers.names.encrypted, u64::from(encrypted));
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.add(|names| names.received_bytes, bytes);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.add(|names| names.sent_bytes, bytes);
    }

    pub(crate) fn count_handshake(&self, done: bool) {
        self.add(|names| names.handshakes.at(usize::from(!done)), 1);
    }

    pub(crate) fn count_refused(&self, limit: Limit) {
        let index = match limit {
            Limit::Clients => 0,
            Limit::ClientsOfAddress => 1,
            Limit::Network => 2,
            Limit::Rate => 3,
            Limit::Entering => 4,
        };
        self.add(|names| names.refused.at(index), 1);
    }

    /// All numbers, in Prometheus's text format.
    pub(crate) fn text(&self, state: State) -> String {
        let Some(numbers) = &self.0 else { return String::new() };
        let Numbers { registry, shard, names } = &**numbers;
        let of = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        shard.set(names.entering, of(state.entering));
        shard.set(names.queued_bytes, of(state.queued_bytes));
        shard.set(names.lines, state.lines);
        shard.set(names.up, state.seconds_up);
        registry.text()
    }
}
