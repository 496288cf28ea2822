//! The end of the grace as something to wait for: a socket that a [`Shutdown`] shuts down then.

use std::os::fd::{AsFd, BorrowedFd};

use crate::error::Result;
use crate::shutdown::{Registration, Shutdown};
use crate::socket::{Socket, socketpair};

/// Readable once the grace is over. Takes three descriptors.
pub(crate) struct Expiry {
    ours: Socket,
    _theirs: Socket,
    _registration: Registration,
}

impl Expiry {
    pub(crate) fn new(shutdown: &Shutdown) -> Result<Self> {
        let (ours, theirs) = socketpair()?;
        let registration = shutdown.register(&theirs)?;
        Ok(Self { ours, _theirs: theirs, _registration: registration })
    }

    /// The descriptor alone, for another reactor.
    #[cfg(feature = "tokio")]
    pub(crate) fn dup(&self) -> Result<Socket> {
        self.ours.dup()
    }
}

impl AsFd for Expiry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}
