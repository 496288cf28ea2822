//! What a server is made of, and what it takes.

use std::time::Duration;

use crate::error::Result;
use crate::server::Acceptor;
use crate::socket::Socket;

/// What a server takes from its clients. Fields may be added: end with `..Default::default()`.
///
/// ```
/// use sockeye_socket::server::Limits;
///
/// let limits = Limits { connections_max: 100, ..Default::default() };
/// assert_eq!(limits.drain_bytes_max, 16 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// So many connections at once, those that are being closed included; further clients wait in
    /// the listener's queue. 0 is taken as 1: a server that takes nobody would only hang.
    pub connections_max: usize,
    /// After the last byte was sent, the peer may take so long to end its direction.
    pub drain_timeout: Duration,
    /// Once the protocol is done, so many bytes of what the peer still sends are read and thrown
    /// away, so that it gets to read what it was sent.
    pub drain_bytes_max: u64,
}

impl Limits {
    /// How many more connections may come, where there are `members`.
    pub(crate) fn room(&self, members: usize) -> usize {
        self.connections_max.max(1).saturating_sub(members)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            drain_timeout: Duration::from_secs(5),
            drain_bytes_max: 16 << 20,
        }
    }
}

/// Listening sockets: one, or a list.
#[derive(Debug)]
pub struct Listeners(Vec<Socket>);

impl From<Socket> for Listeners {
    fn from(listener: Socket) -> Self {
        Self(vec![listener])
    }
}

impl From<Vec<Socket>> for Listeners {
    fn from(listeners: Vec<Socket>) -> Self {
        Self(listeners)
    }
}

impl Listeners {
    pub(crate) fn acceptors(self) -> Result<Vec<Acceptor>> {
        self.0.into_iter().map(Acceptor::new).collect()
    }
}
