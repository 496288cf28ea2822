//! A driver without sockets: tests feed it bytes and time, and read what the peer would.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use super::Protocol;
use super::life::{Broken, Life, Orders, Outcome, Ready, Wants, Wire};
use crate::server::Limits;

/// Drives one protocol in memory, by the same rules as the servers: its methods are what the peer
/// and the time do.
///
/// ```
/// use sockeye_socket::protocol::{Echo, Memory, Outcome};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut memory = Memory::new(Echo::new());
/// memory.feed(b"hello", now);
/// assert_eq!(memory.take(2, now), b"he");
/// memory.feed_eof(now);
/// assert_eq!(memory.take(100, now), b"llo");
/// assert_eq!(memory.outcome(), Some(Outcome::Finished));
/// ```
pub struct Memory<P> {
    life: Life<P>,
    pipe: Pipe,
    wants: Option<Wants>,
}

/// What is under way in both directions.
#[derive(Default)]
struct Pipe {
    input: VecDeque<u8>,
    input_ends: bool,
    output: VecDeque<u8>,
    output_ends: bool,
    /// So much output fits; none is without limit.
    room: Option<usize>,
    broken: bool,
    reset: bool,
}

impl Wire for Pipe {
    fn recv(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Broken> {
        let bytes = buf.len().min(self.input.len());
        for (to, from) in buf.iter_mut().zip(self.input.drain(..bytes)) {
            *to = from;
        }
        match bytes {
            0 if self.broken => Err(Broken),
            0 if !self.input_ends => Ok(None),
            bytes => Ok(Some(bytes)),
        }
    }

    fn send(&mut self, data: &[u8]) -> Result<Option<usize>, Broken> {
        if self.broken {
            return Err(Broken);
        }
        let room = self.room.map_or(usize::MAX, |room| room.saturating_sub(self.output.len()));
        let bytes = data.len().min(room);
        self.output.extend(&data[..bytes]);
        Ok((bytes > 0).then_some(bytes))
    }

    fn end(&mut self) -> Result<(), Broken> {
        self.output_ends = true;
        if self.broken { Err(Broken) } else { Ok(()) }
    }

    fn reset(&mut self) {
        self.reset = true;
    }
}

impl<P: Protocol> Memory<P> {
    /// A connection whose peer reads whatever it is sent.
    #[must_use]
    pub fn new(protocol: P) -> Self {
        Self::with_limits(protocol, &Limits::default())
    }

    /// As [`new`](Self::new), with other limits of the close.
    #[must_use]
    pub fn with_limits(protocol: P, limits: &Limits) -> Self {
        Self { life: Life::new(protocol, limits), pipe: Pipe::default(), wants: None }
    }

    /// From now on at most `bytes` fit between us and a peer that has to [`take`](Self::take)
    /// them.
    #[must_use]
    pub fn room(mut self, bytes: usize) -> Self {
        self.pipe.room = Some(bytes);
        self
    }

    /// The peer sends `data`.
    pub fn feed(&mut self, data: &[u8], now: Instant) {
        self.pipe.input.extend(data);
        self.go(Orders::default(), now);
    }

    /// The peer ends its direction.
    pub fn feed_eof(&mut self, now: Instant) {
        self.pipe.input_ends = true;
        self.go(Orders::default(), now);
    }

    /// The peer resets the connection: what it had sent before is still read.
    pub fn feed_reset(&mut self, now: Instant) {
        self.pipe.broken = true;
        self.go(Orders::default(), now);
    }

    /// The peer reads at most `bytes` of what it was sent.
    pub fn take(&mut self, bytes: usize, now: Instant) -> Vec<u8> {
        let bytes = bytes.min(self.pipe.output.len());
        let taken = self.pipe.output.drain(..bytes).collect();
        self.go(Orders::default(), now);
        taken
    }

    /// It is `now`.
    pub fn tick(&mut self, now: Instant) {
        self.go(Orders::default(), now);
    }

    /// Somebody woke the connection.
    pub fn wake(&mut self, now: Instant) {
        self.go(Orders { wake: true, ..Orders::default() }, now);
    }

    /// The server is asked to end.
    pub fn shutdown(&mut self, now: Instant) {
        self.go(Orders { stop: true, ..Orders::default() }, now);
    }

    /// The server's time is over.
    pub fn cut(&mut self, now: Instant) {
        self.go(Orders { cut: true, ..Orders::default() }, now);
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.life.outcome()
    }

    /// Whether the peer reads the end of the stream after what it was sent.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.pipe.output_ends
    }

    /// Whether the peer's connection was reset.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.pipe.reset
    }

    /// How many bytes of what the peer sent wait on the way: it has to wait, too.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.pipe.input.len()
    }

    /// When a [`tick`](Self::tick) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wants.and_then(|wants| wants.until)
    }

    /// The protocol, as long as it is not dropped.
    #[must_use]
    pub fn protocol(&self) -> Option<&P> {
        self.life.protocol()
    }

    /// Takes turns until nothing moves and nothing is due.
    fn go(&mut self, mut orders: Orders, now: Instant) {
        loop {
            let before = (self.pipe.input.len(), self.pipe.output.len());
            if self.outcome().is_some() {
                return;
            }
            self.wants = self.life.turn(&mut self.pipe, orders, Ready::BOTH, now).ok();
            orders = Orders::default();
            let due = self.poll_timeout().is_some_and(|until| until <= now);
            if before == (self.pipe.input.len(), self.pipe.output.len()) && !due {
                return;
            }
        }
    }
}

impl<P> fmt::Debug for Memory<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("unread", &self.pipe.input.len())
            .field("untaken", &self.pipe.output.len())
            .finish_non_exhaustive()
    }
}
