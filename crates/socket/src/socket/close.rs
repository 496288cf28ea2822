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
        match self.shutdown(How::Write) {
            Ok(()) => self.drain(deadline, drain_bytes_max),
            // The peer is gone already.
            Err(error) if error.errno() == Some(errno::ENOTCONN) => Ok(Drained::Reset),
            Err(error) => Err(error),
        }
    }

    fn drain(&self, deadline: Instant, drain_bytes_max: u64) -> Result<Drained> {
        let patience = Patience::Until(deadline);
        let mut left = drain_bytes_max;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            // DONTWAIT: the socket may be blocking, and only the deadline is to count here.
            let call = || Ok(rustix::net::recv(self, &mut *chunk, RecvFlags::DONTWAIT)?.1);
            let received = wait::retry("close", self.as_fd(), PollFlags::IN, || patience, call);
            match received {
                Ok(0) => return Ok(Drained::Ended),
                Ok(n) => {
                    let n = u64::try_from(n).unwrap_or(u64::MAX);
                    if n > left {
                        return Ok(Drained::Bytes);
                    }
                    left -= n;
                }
                Err(error) if error.errno().is_none() => return Ok(Drained::Deadline),
                Err(error) if error.errno() == Some(errno::ECONNRESET) => {
                    return Ok(Drained::Reset);
                }
                Err(error) => return Err(error),
            }
            if patience.check("close", Instant::now()).is_err() {
                return Ok(Drained::Deadline);
            }
        }
    }
}
