//! What a server reports while it runs.

use std::sync::Arc;
use std::time::Duration;

use sockeye_socket::Address;

/// Receives events, on any thread; must not block.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection was refused at the door.
    Refused {
        /// Who.
        peer: Address,
        /// Why, as a fragment.
        why: &'static str,
    },
    /// Connections are not accepted for a while: the system has no descriptors or memory left.
    Paused {
        /// For how long.
        pause: Duration,
    },
    /// A peer was too slow and its connection ended.
    TimedOut {
        /// Who.
        peer: Address,
        /// What it was to do: `handshake`, `head`, `body` or `answer`.
        stage: &'static str,
    },
    /// A peer came to a port with TLS, and there was no handshake.
    NoTls {
        /// Who.
        peer: Address,
        /// Why, as a fragment.
        why: String,
    },
    /// A file could not be read while it was sent, so the connection ended early.
    Cut {
        /// Who did not get it.
        peer: Address,
    },
    /// The one file that is served has been sent from its first byte to its last, in one answer.
    Downloaded {
        /// Who got it.
        peer: Address,
    },
    /// Access log lines could not be written.
    LogFailed {
        /// What the system says.
        why: String,
    },
}

/// What a server did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections accepted and served.
    pub connections: u64,
    /// Requests answered.
    pub requests: u64,
    /// Bytes of answers sent, heads included.
    pub bytes: u64,
    /// Connections cut at the deadline of the shutdown.
    pub cut: u64,
    /// Access log lines lost.
    pub log_lines_lost: u64,
}

impl Report {
    pub(crate) fn add(&mut self, other: Report) {
        self.connections += other.connections;
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.cut += other.cut;
        self.log_lines_lost += other.log_lines_lost;
    }
}
