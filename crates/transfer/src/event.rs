//! What an engine tells while it works. Rule: numbers and addresses, never text for a person.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye_socket::Address;

use crate::error::Error;
use crate::proto::plain_md5::Digest;

/// Where events go. Called from any thread, one call at a time for each transfer.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Names a transfer of this process: 1, 2, 3 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub(crate) u64);

impl TransferId {
    /// Gives the number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a transfer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The sender reads its file for the sum that goes first.
    Hashing,
    /// Bytes go to the peer.
    Sending,
    /// Bytes come from the peer.
    Receiving,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hashing => "hashing",
            Self::Sending => "sending",
            Self::Receiving => "receiving",
        })
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A peer has sent its first bytes, or was connected to.
    Connected {
        /// The connection.
        id: TransferId,
        /// Its other end.
        peer: Address,
    },
    /// The digits are known and the transfer is accepted.
    Started {
        /// The transfer.
        id: TransferId,
        /// The other end.
        peer: Address,
        /// What the bytes have to sum up to.
        digest: Digest,
        /// Bytes to come, where that is known.
        total: Option<u64>,
    },
    /// More bytes are done: at most ten times a second, and at the end of each phase.
    Progress {
        /// The transfer.
        id: TransferId,
        /// What it is doing.
        phase: Phase,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, where that is known.
        total: Option<u64>,
    },
    /// Everything was sent; the receiver has not closed its side yet.
    AwaitingPeer {
        /// The transfer.
        id: TransferId,
    },
    /// The file is there, checked and durable.
    Received(Received),
    /// Everything was sent.
    Sent(Sent),
    /// A connection ended without a file.
    Failed {
        /// The connection.
        id: TransferId,
        /// Its other end.
        peer: Address,
        /// Why.
        error: Arc<Error>,
    },
    /// A connection was closed before it said anything, by its peer or by a cap. It counts for
    /// nothing.
    Ignored {
        /// Its other end.
        peer: Address,
        /// Why.
        reason: Ignored,
    },
    /// No connection can be taken for now, most often because no descriptor is left.
    AcceptPaused,
}

/// Why a connection counted for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// It closed, or was reset, before its first byte.
    Silent,
    /// Its first byte did not come in time.
    TimedOut,
    /// As many connections as allowed are open.
    Full,
    /// Another one is what this run is for.
    Busy,
    /// The run is over.
    Stopping,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "it closed without a word",
            Self::TimedOut => "it said nothing in time",
            Self::Full => "too many connections are open",
            Self::Busy => "another transfer is under way",
            Self::Stopping => "the receiver is stopping",
        })
    }
}

/// A file that has arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The transfer.
    pub id: TransferId,
    /// Who sent it.
    pub peer: Address,
    /// The name under which it was saved; none where it went to a stream.
    pub name: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its sum, as announced and as found.
    pub digest: Digest,
    /// From the acceptance to the durable name.
    pub took: Duration,
}

/// A file that has been sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The transfer.
    pub id: TransferId,
    /// Who took it.
    pub peer: Address,
    /// Its size.
    pub bytes: u64,
    /// Its sum.
    pub digest: Digest,
    /// Whether the peer closed its side without a complaint. The protocol has no acknowledgement;
    /// Sockeye's receiver closes only once the file is checked and durable, and resets otherwise;
    /// over a unix socket, which knows no reset, a refusal looks like a close.
    pub closed: bool,
    /// From the connection's start to its end.
    pub took: Duration,
}

/// Counts bytes and reports them now and then.
pub(crate) struct Meter<'a> {
    sink: &'a Sink,
    id: TransferId,
    phase: Phase,
    total: Option<u64>,
    done: u64,
    reported: Option<Instant>,
}

const REPORT_EVERY: Duration = Duration::from_millis(100);

impl<'a> Meter<'a> {
    pub(crate) fn new(sink: &'a Sink, id: TransferId, phase: Phase, total: Option<u64>) -> Self {
        Self { sink, id, phase, total, done: 0, reported: None }
    }

    /// Tells how many bytes there will be.
    pub(crate) fn expect(&mut self, total: u64) {
        self.total = Some(total);
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        let now = Instant::now();
        if self.reported.is_none_or(|last| now.duration_since(last) >= REPORT_EVERY) {
            self.reported = Some(now);
            self.report();
        }
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Reports the end of the phase.
    pub(crate) fn finish(self) {
        self.report();
    }

    fn report(&self) {
        let (id, phase, done, total) = (self.id, self.phase, self.done, self.total);
        (self.sink)(&Event::Progress { id, phase, done, total });
    }
}
