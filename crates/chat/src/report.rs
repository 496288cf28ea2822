//! What a server reports while it runs, and when it has ended.

use std::sync::Arc;
use std::time::Duration;

use sockeye_socket::Address;

use crate::proto::Why;

/// Where events go. It is called on the server's thread, and has to be quick.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Somebody is in the room.
    Joined {
        /// Under which name.
        nick: String,
        /// From where; `None` where the connection is gone already.
        peer: Option<Address>,
    },
    /// Somebody has left.
    Left {
        /// Under which name.
        nick: String,
        /// For what reason.
        why: Why,
    },
    /// Somebody has another name.
    Renamed {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A client was turned away.
    Refused {
        /// From where.
        peer: Address,
        /// Because of which limit.
        limit: Limit,
    },
    /// Somebody connected, and began something that came to nothing: TLS, a PROXY header.
    NotEntered {
        /// From where.
        peer: Address,
        /// Why.
        why: String,
    },
    /// Descriptors or memory ran out: new clients wait.
    AcceptPaused {
        /// For so long.
        pause: Duration,
    },
    /// What is said cannot be kept, for this reason; with `None`: it can again.
    HistoryTrouble {
        /// Why.
        error: Option<String>,
    },
    /// Another process keeps the history in that folder: this room keeps its last lines in memory.
    HistoryElsewhere {
        /// Which folder, and whose it is.
        error: String,
    },
    /// A listener is broken, and given up.
    ListenerLost {
        /// What the system said.
        error: String,
    },
}

/// What turned a client away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The clients of the whole server.
    Clients,
    /// The clients of one address.
    ClientsOfAddress,
    /// The networks from which clients may come.
    Network,
    /// How fast one address may connect.
    Rate,
    /// The connections that have not said yet what they are.
    Entering,
}

/// What a server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Connections that were taken.
    pub connections: u64,
    /// Connections that were turned away.
    pub refused: u64,
    /// Lines that were said (in the classic room: reads that were passed on).
    pub lines: u64,
    /// Clients that had not read everything when the time to stop was over.
    pub cut_off: usize,
}
