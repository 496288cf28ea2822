//! How a connection begins, and how others get its attention.

use std::fmt;
use std::task::Waker;
use std::time::Instant;

use crate::addr::Address;

/// A connection that was accepted: what its protocol is made from.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrival {
    /// Where the peer is.
    pub peer: Address,
    /// Which of the server's listeners it came to, in the order in which they were given.
    pub listener: usize,
    /// What wakes this connection.
    pub wake: Wake,
    /// The time.
    pub now: Instant,
}

impl Arrival {
    /// An arrival for a driver of one's own, or for a test.
    #[must_use]
    pub fn new(peer: Address, wake: Wake, now: Instant) -> Self {
        Self { peer, listener: 0, wake, now }
    }

    #[must_use]
    pub(crate) fn at(mut self, listener: usize) -> Self {
        self.listener = listener;
        self
    }
}

/// Wakes one connection from any thread: its driver calls
/// [`handle_wake`](crate::protocol::Protocol::handle_wake) and looks at it again.
///
/// Many wakes may count as one, but what was written before a wake is seen by a `handle_wake` after
/// it. It never runs the protocol inside of the call, so it may be called with locks held, and from
/// a protocol. Waking a connection that is over does nothing. It costs no descriptor.
#[derive(Clone)]
pub struct Wake(Waker);

impl Wake {
    /// Wakes the connection.
    pub fn wake(&self) {
        self.0.wake_by_ref();
    }
}

impl From<Waker> for Wake {
    /// For drivers of one's own: whatever a standard waker does.
    fn from(waker: Waker) -> Self {
        Self(waker)
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}
