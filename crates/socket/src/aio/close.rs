//! Ending a connection of a task, by the names that the blocking socket has for it.

use std::time::Instant;

use tokio::io::Interest;
use tokio::time::timeout_at;

use super::Socket;
use crate::error::Result;
use crate::socket::{Drain, Drained, How, or_end};

/// How much is read at a time while draining: on the stack, so that a connection that only waits
/// for the end needs no memory for it.
const CHUNK_BYTES: usize = 16 * 1024;

impl Socket {
    /// Ends one direction or both; waits for nothing. It hides tokio's `AsyncWriteExt::shutdown`,
    /// which is this with [`How::Write`] and can still be called by its full name.
    ///
    /// # Errors
    /// As [`crate::Socket::shutdown`].
    pub fn shutdown(&self, how: How) -> Result<()> {
        self.get_ref().shutdown(how)
    }

    /// Ends our direction, discards what the peer still sends until it ends its own, `deadline`
    /// passes or `drain_bytes_max` bytes have come, and closes. A good deadline is 5 seconds and a
    /// good limit 16 MiB. Cancelled, it closes at once.
    ///
    /// ```
    /// # let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    /// # tokio.unwrap().block_on(async {
    /// use sockeye_socket::{Drained, aio, socketpair};
    /// use std::time::{Duration, Instant};
    ///
    /// let (a, b) = socketpair()?;
    /// let (a, b) = (aio::Socket::new(a)?, aio::Socket::new(b)?);
    /// a.sendall(b"the last words").await?;
    /// // The peer is in the middle of something.
    /// b.sendall(b"more and more").await?;
    /// let peer = async {
    ///     let words = b.recv(100).await;
    ///     drop(b);
    ///     words
    /// };
    /// let deadline = Instant::now() + Duration::from_secs(5);
    /// let (drained, words) = tokio::join!(a.close_gracefully(deadline, 16 << 20), peer);
    /// assert_eq!((drained?, &words?[..]), (Drained::Ended, &b"the last words"[..]));
    /// # Ok::<(), sockeye_socket::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The system refuses in a way that does not come from the peer.
    pub async fn close_gracefully(
        self,
        deadline: Instant,
        drain_bytes_max: u64,
    ) -> Result<Drained> {
        let drained = match self.get_ref().end_writing()? {
            None => self.drain(deadline, drain_bytes_max).await?,
            Some(drained) => drained,
        };
        self.inner.into_inner().close()?;
        Ok(drained)
    }

    async fn drain(&self, deadline: Instant, drain_bytes_max: u64) -> Result<Drained> {
        let mut drain = Drain::new(deadline, drain_bytes_max);
        loop {
            let discard = |socket: &crate::Socket| socket.recv_into(&mut [0; CHUNK_BYTES]);
            let received = self.run("close", Interest::READABLE, discard);
            let Ok(received) = timeout_at(deadline.into(), received).await else {
                return Ok(Drained::Deadline);
            };
            let received = or_end(received, || Ok(0));
            if let Some(drained) = drain.handle_received(received, Instant::now())? {
                return Ok(drained);
            }
        }
    }
}
