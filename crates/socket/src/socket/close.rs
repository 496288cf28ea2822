//! Closing without taking the last words back: a close with unread bytes resets the connection,
//! and the peer then never sees what was sent to it. So: end our direction, read what still comes
//! (up to a limit in time and in bytes), then close.

use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::net::RecvFlags;

use super::wait::Patience;
use super::{How, Socket, wait};
use crate::errno;
use crate::error::Result;

/// How a graceful close ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drained {
    /// The peer ended its direction too: everything arrived.
    Ended,
    /// The deadline came first.
    Deadline,
    /// The peer sent more than the limit.
    Bytes,
    /// The peer reset the connection.
    Reset,
}

/// How much is read at a time while draining.
const CHUNK_BYTES: usize = 64 * 1024;

impl Socket {
    /// Ends our direction, discards what the peer still sends until it ends its own, `deadline`
    /// passes or `drain_bytes_max` bytes have come, and closes. The timeout does not count.
    ///
    /// A good deadline is 5 seconds and a good limit 16 MiB: a client that is in the middle of an
    /// upload and gives up at the first send error reads the reply only if its upload is taken.
    ///
    /// # Errors
    /// The system refuses in a way that does not come from the peer.
    pub fn close_gracefully(self, deadline: Instant, drain_bytes_max: u64) -> Result<Drained> {
        let drained = self.end_gracefully(deadline, drain_bytes_max)?;
        self.close()?;
        Ok(drained)
    }

    /// All of [`close_gracefully`](Self::close_gracefully) but the close itself.
    pub(crate) fn end_gracefully(
        &self,
        deadline: Instant,
        drain_bytes_max: u64,
    ) -> Result<Drained> {
        match self.end_writing()? {
            None => self.drain(deadline, drain_bytes_max),
            Some(drained) => Ok(drained),
        }
    }

    /// Ends our direction; says how the close ends where the peer is gone already.
    pub(crate) fn end_writing(&self) -> Result<Option<Drained>> {
        match self.shutdown(How::Write) {
            Ok(()) => Ok(None),
            Err(error) if error.errno() == Some(errno::ENOTCONN) => Ok(Some(Drained::Reset)),
            Err(error) => Err(error),
        }
    }

    fn drain(&self, deadline: Instant, drain_bytes_max: u64) -> Result<Drained> {
        let patience = Patience::Until(deadline);
        let mut drain = Drain::new(deadline, drain_bytes_max);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            // DONTWAIT: the socket may be blocking, and only the deadline is to count here.
            let call = || Ok(rustix::net::recv(self, &mut *chunk, RecvFlags::DONTWAIT)?.1);
            let received = wait::retry("close", self.as_fd(), PollFlags::IN, || patience, call);
            if let Some(drained) = drain.handle_received(received, Instant::now())? {
                return Ok(drained);
            }
        }
    }
}

/// What is still discarded, and until when. Pure: it is given what each receive gave.
#[derive(Debug)]
pub(crate) struct Drain {
    left: u64,
    deadline: Instant,
}

impl Drain {
    pub(crate) fn new(deadline: Instant, bytes_max: u64) -> Self {
        Self { left: bytes_max, deadline }
    }

    /// How the drain ended; `None` while it goes on.
    pub(crate) fn handle_received(
        &mut self,
        received: Result<usize>,
        now: Instant,
    ) -> Result<Option<Drained>> {
        match received {
            Ok(0) => return Ok(Some(Drained::Ended)),
            Ok(n) => {
                let n = u64::try_from(n).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(n) else { return Ok(Some(Drained::Bytes)) };
                self.left = left;
            }
            // With a number it is the system's: it gave the connection up.
            Err(error) if error.is_timeout() && error.errno().is_none() => {
                return Ok(Some(Drained::Deadline));
            }
            Err(error) if error.errno() == Some(errno::ECONNRESET) => {
                return Ok(Some(Drained::Reset));
            }
            Err(error) => return Err(error),
        }
        // A peer that never pauses never lets a wait run out.
        Ok((now >= self.deadline).then_some(Drained::Deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::error::Error;

    #[test]
    fn a_drain_ends_by_the_peer_the_limit_or_the_time() {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(5);
        let fresh = || Drain::new(deadline, 10);
        assert_eq!(fresh().handle_received(Ok(0), now).unwrap(), Some(Drained::Ended));
        assert_eq!(fresh().handle_received(Ok(11), now).unwrap(), Some(Drained::Bytes));
        assert_eq!(fresh().handle_received(Ok(1), deadline).unwrap(), Some(Drained::Deadline));

        let mut drain = fresh();
        for bytes in [4, 6] {
            assert_eq!(drain.handle_received(Ok(bytes), now).unwrap(), None);
        }
        assert_eq!(drain.handle_received(Ok(1), now).unwrap(), Some(Drained::Bytes));
    }

    #[test]
    fn only_what_comes_from_the_peer_is_no_error() {
        let now = Instant::now();
        let failed = |error| Drain::new(now, 10).handle_received(Err(error), now);
        let timeout = failed(Error::timed_out("close")).unwrap();
        assert_eq!(timeout, Some(Drained::Deadline));
        let reset = failed(Error::os("close", errno::ECONNRESET)).unwrap();
        assert_eq!(reset, Some(Drained::Reset));
        assert_eq!(failed(Error::os("close", errno::EIO)).unwrap_err().errno(), Some(errno::EIO));
    }
}
