//! What a connection says, apart from how its bytes are moved: a [`Protocol`] gets bytes and time
//! and gives bytes back. Threads, a selector and tokio drive the same one
//! ([`ThreadingServer`](crate::server::ThreadingServer),
//! [`SelectServer`](crate::server::SelectServer), `aio::serve`), and [`Memory`] does without a
//! socket, for tests.
//!
//! [`Echo`], [`Dialogue`] and [`Room`] are here to start from.

mod boxed;
mod buffer;
mod dialogue;
mod echo;
pub(crate) mod life;
mod memory;
mod replies;
mod room;
mod wake;

use std::time::Instant;

pub use buffer::Buffer;
pub use dialogue::Dialogue;
pub use echo::Echo;
pub use life::Outcome;
pub use memory::Memory;
pub use replies::{Frames, Replies};
pub use room::{Member, Room};
pub use wake::{Arrival, Wake};

/// One connection's side of a conversation, without a socket, a clock or a thread in it.
///
/// Contract, which every driver keeps:
/// 1. Calls come one at a time. None may block: other connections wait for it.
/// 2. `now` never goes back. A timeout is given as a time, never measured inside.
/// 3. However the bytes are cut on their way, what is said is the same.
/// 4. After every call the driver looks at [`poll_close`](Self::poll_close),
///    [`poll_transmit`](Self::poll_transmit), [`want_read`](Self::want_read) and
///    [`poll_timeout`](Self::poll_timeout) again. They change in calls with `&mut self` only: who
///    wants to change another connection [wakes](Wake) it.
/// 5. The end of the connection, whatever ended it, drops the protocol. That is as soon as its
///    last byte is in the system's hands; the graceful close goes on without it.
/// 6. A panic ends this connection, with a reset, and no other (where panics unwind).
///
/// ```
/// use sockeye_socket::protocol::{Buffer, Close, Memory, Protocol};
/// use std::time::Instant;
///
/// /// Says how many bytes came, at the end of the stream.
/// #[derive(Default)]
/// struct Count {
///     scratch: Buffer,
///     bytes: usize,
///     answer: Buffer,
///     ended: bool,
/// }
///
/// impl Protocol for Count {
///     fn recv_buffer(&mut self) -> &mut [u8] {
///         self.scratch.space(512)
///     }
///
///     fn handle_received(&mut self, bytes: usize, _now: Instant) {
///         self.bytes += bytes;
///     }
///
///     fn handle_eof(&mut self, _now: Instant) {
///         self.answer.push(self.bytes.to_string().as_bytes());
///         self.ended = true;
///     }
///
///     fn poll_transmit(&self) -> &[u8] {
///         self.answer.as_slice()
///     }
///
///     fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
///         self.answer.consume(bytes);
///     }
///
///     fn poll_close(&self) -> Option<Close> {
///         self.ended.then_some(Close::Finish)
///     }
/// }
///
/// let now = Instant::now();
/// let mut memory = Memory::new(Count::default());
/// memory.feed(b"hello ", now);
/// memory.feed(b"world", now);
/// memory.feed_eof(now);
/// assert_eq!(memory.take(100, now), b"11");
/// ```
pub trait Protocol {
    /// Where the next bytes go: not empty while [`want_read`](Self::want_read). It is asked for
    /// when bytes are there, so that a connection which is idle needs no memory; sometimes none
    /// come after all, and nothing is called then.
    fn recv_buffer(&mut self) -> &mut [u8];

    /// So many bytes came to the front of [`recv_buffer`](Self::recv_buffer), never 0.
    fn handle_received(&mut self, bytes: usize, now: Instant);

    /// The peer says nothing more; it may still listen. Called once; lead to
    /// [`poll_close`](Self::poll_close) from here, now or later.
    fn handle_eof(&mut self, now: Instant);

    /// What is to be sent next, and stays so until it is [sent](Self::handle_transmitted); empty
    /// where nothing is.
    fn poll_transmit(&self) -> &[u8];

    /// The first so many bytes of [`poll_transmit`](Self::poll_transmit) were sent.
    fn handle_transmitted(&mut self, bytes: usize, now: Instant);

    /// Whether and how the connection is to end; once it says so it does not change its mind,
    /// except from [`Close::Finish`] to [`Close::Abort`].
    fn poll_close(&self) -> Option<Close>;

    /// Whether more bytes are welcome. `false` is back-pressure: the peer has to wait, and while
    /// nothing is to be sent either, its end is not noticed. Turn it back in a later call.
    fn want_read(&self) -> bool {
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` where no time matters.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come. Move it: one that stays in the
    /// past is called again after a millisecond, not before.
    fn handle_timeout(&mut self, _now: Instant) {}

    /// Somebody [woke](Wake::wake) this connection, once or several times since the last call.
    fn handle_wake(&mut self, _now: Instant) {}

    /// The server is asked to end: finish what is under way and close. Whoever has not closed when
    /// the grace is over is cut off.
    fn handle_shutdown(&mut self, _now: Instant) {}
}

/// How a protocol ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// What waits to be sent is sent, then the connection is closed so that all of it arrives
    /// ([`close_gracefully`](crate::Socket::close_gracefully)). What still comes is discarded.
    Finish,
    /// The connection is reset at once, so that the peer does not take what it has for the whole.
    /// Unix sockets know no reset: the peer sees the end of the stream.
    Abort,
}

#[cfg(test)]
mod tests;
