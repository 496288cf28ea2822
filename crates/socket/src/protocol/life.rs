//! The life of a connection, the same under every driver: talking, then closing, then draining.
//! It decides and asks a [`Wire`] for bytes; it waits for nothing and knows no clock.
//!
//! ```text
//! Open ──Finish──▶ Closing ──all is sent──▶ Draining ──end, time or bytes──▶ over: Finished
//!   ├──the wire fails──▶ over: Reset          (the protocol is dropped before Draining)
//!   ├──Abort, a panic──▶ over: Aborted, with a reset
//!   └──the server's deadline──▶ over: Cut, with a reset
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::{Close, Protocol};
use crate::server::Limits;

/// One turn moves so many bytes at most, sent and received together, then others have theirs.
const TURN_BYTES: usize = 256 * 1024;
/// How much is discarded at a time.
const DISCARD_BYTES: usize = 16 * 1024;
/// No drain takes longer: the clock could not count every time.
const DRAIN_MAX: Duration = Duration::from_secs(86_400);
/// A timeout that stays in the past comes back after this.
const TICK_MIN: Duration = Duration::from_millis(1);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The protocol said that it was done, and everything was sent.
    Finished,
    /// The peer was gone before.
    Reset,
    /// The protocol wanted a reset, or panicked.
    Aborted,
    /// The server's time was over before.
    Cut,
}

/// The wire does not work any more.
#[derive(Debug)]
pub(crate) struct Broken;

/// What moves bytes without ever waiting; `None` is "not now".
pub(crate) trait Wire {
    fn recv(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Broken>;
    fn send(&mut self, data: &[u8]) -> Result<Option<usize>, Broken>;
    /// Ends our direction.
    fn end(&mut self) -> Result<(), Broken>;
    /// Ends both, so that the peer sees an error.
    fn reset(&mut self);
}

/// What a driver waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) until: Option<Instant>,
}

/// What is worth a try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) read: bool,
    /// There is room again; without it one try to send is made all the same, unless the last one
    /// found no room.
    pub(crate) write: bool,
}

impl Ready {
    pub(crate) const NONE: Self = Self { read: false, write: false };
    pub(crate) const BOTH: Self = Self { read: true, write: true };
}

/// What was asked of a connection since its last turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orders {
    pub(crate) wake: bool,
    pub(crate) stop: bool,
    pub(crate) cut: bool,
}

enum Phase<P> {
    /// `closing`: nothing that comes is of interest any more.
    Talking {
        protocol: P,
        closing: bool,
    },
    Draining {
        until: Instant,
    },
    Over(Outcome),
}

/// A connection: its protocol, and how far it is.
pub(crate) struct Life<P> {
    phase: Phase<P>,
    drain_timeout: Duration,
    /// So much is still discarded.
    drain_bytes: u64,
    /// The peer has ended its direction.
    ended: bool,
    /// The wire had no room at the last try.
    blocked: bool,
    /// When handle_timeout was called last.
    ticked: Option<Instant>,
}

impl<P: Protocol> Life<P> {
    pub(crate) fn new(protocol: P, limits: &Limits) -> Self {
        Self {
            phase: Phase::Talking { protocol, closing: false },
            drain_timeout: limits.drain_timeout,
            drain_bytes: limits.drain_bytes_max,
            ended: false,
            blocked: false,
            ticked: None,
        }
    }

    /// One turn: obeys, moves bytes as long as it goes and the turn lasts. Gives what to wait for
    /// until the next one, or how it ended. Panics of the protocol end here.
    pub(crate) fn turn(
        &mut self,
        wire: &mut impl Wire,
        orders: Orders,
        ready: Ready,
        now: Instant,
    ) -> Result<Wants, Outcome> {
        let turned = catch_unwind(AssertUnwindSafe(|| {
            self.go_on(wire, orders, ready, now).map(|()| self.wants())
        }));
        let end = match turned {
            Ok(Ok(wants)) => return self.outcome().map_or(Ok(wants), Err),
            Ok(Err(end)) => end,
            Err(_) => Outcome::Aborted,
        };
        wire.reset();
        self.end(end);
        Err(end)
    }

    fn wants(&self) -> Wants {
        match &self.phase {
            Phase::Talking { protocol, closing } => {
                let welcome = if *closing { self.drain_bytes > 0 } else { protocol.want_read() };
                let write = !protocol.poll_transmit().is_empty();
                Wants { read: welcome && !self.ended, write, until: self.next_tick(protocol) }
            }
            Phase::Draining { until } => Wants { read: true, write: false, until: Some(*until) },
            Phase::Over(_) => Wants { read: false, write: false, until: None },
        }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self.phase {
            Phase::Over(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The protocol, until it is dropped.
    pub(crate) fn protocol(&self) -> Option<&P> {
        match &self.phase {
            Phase::Talking { protocol, .. } => Some(protocol),
            _ => None,
        }
    }

    fn go_on(
        &mut self,
        wire: &mut impl Wire,
        orders: Orders,
        mut ready: Ready,
        now: Instant,
    ) -> Result<(), Outcome> {
        self.blocked &= !ready.write;
        self.obey(orders, now)?;
        let mut left = TURN_BYTES;
        loop {
            let moved = self.receive(wire, &mut ready, now)? + self.transmit(wire, left, now)?;
            self.close_where_done(wire, now)?;
            left = left.saturating_sub(moved);
            if moved == 0 || left == 0 {
                return Ok(());
            }
        }
    }

    fn obey(&mut self, orders: Orders, now: Instant) -> Result<(), Outcome> {
        let due = self.wants().until.is_some_and(|until| until <= now);
        match &mut self.phase {
            Phase::Talking { .. } if orders.cut => Err(Outcome::Cut),
            // It had said all that it wanted to say.
            Phase::Draining { .. } if orders.cut || due => {
                self.end(Outcome::Finished);
                Ok(())
            }
            Phase::Talking { protocol, .. } => {
                if orders.stop {
                    protocol.handle_shutdown(now);
                }
                if orders.wake {
                    protocol.handle_wake(now);
                }
                if due {
                    protocol.handle_timeout(now);
                    self.ticked = Some(now);
                }
                self.look()
            }
            _ => Ok(()),
        }
    }

    /// What the protocol says of its end, after each call.
    fn look(&mut self) -> Result<(), Outcome> {
        if let Phase::Talking { protocol, closing } = &mut self.phase {
            match protocol.poll_close() {
                None => {}
                Some(Close::Finish) => *closing = true,
                Some(Close::Abort) => return Err(Outcome::Aborted),
            }
        }
        Ok(())
    }

    /// Receives once; gives how many bytes came.
    fn receive(
        &mut self,
        wire: &mut impl Wire,
        ready: &mut Ready,
        now: Instant,
    ) -> Result<usize, Outcome> {
        if !ready.read || !self.wants().read {
            return Ok(0);
        }
        let Phase::Talking { protocol, closing: false } = &mut self.phase else {
            return self.discard(wire, ready);
        };
        let buffer = protocol.recv_buffer();
        assert!(!buffer.is_empty(), "a protocol that wants to read has room for it");
        let room = buffer.len();
        let Some(bytes) = wire.recv(buffer).map_err(|Broken| Outcome::Reset)? else {
            ready.read = false;
            return Ok(0);
        };
        // A short read took all that was there: no need to be told so by another call.
        ready.read = bytes == room;
        if bytes == 0 {
            self.ended = true;
            protocol.handle_eof(now);
        } else {
            protocol.handle_received(bytes, now);
        }
        self.look().map(|()| bytes)
    }

    /// Receives what nobody wants any more. On its own, so that its buffer is on no other stack.
    #[inline(never)]
    fn discard(&mut self, wire: &mut impl Wire, ready: &mut Ready) -> Result<usize, Outcome> {
        let mut scratch = [0; DISCARD_BYTES];
        let draining = matches!(self.phase, Phase::Draining { .. });
        let bytes = match wire.recv(&mut scratch) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                ready.read = false;
                return Ok(0);
            }
            // All was sent before: what else the peer does is its own business.
            Err(Broken) if draining => 0,
            Err(Broken) => return Err(Outcome::Reset),
        };
        ready.read = bytes == scratch.len();
        self.ended |= bytes == 0;
        let count = u64::try_from(bytes).unwrap_or(u64::MAX);
        let spent = count > self.drain_bytes;
        self.drain_bytes = self.drain_bytes.saturating_sub(count);
        if draining && (bytes == 0 || spent) {
            self.end(Outcome::Finished);
        }
        Ok(bytes)
    }

    /// Sends as long as there is room, `most` bytes at most; gives how many went.
    fn transmit(
        &mut self,
        wire: &mut impl Wire,
        most: usize,
        now: Instant,
    ) -> Result<usize, Outcome> {
        let mut sent = 0;
        while !self.blocked && sent < most {
            let Phase::Talking { protocol, .. } = &mut self.phase else { break };
            let data = protocol.poll_transmit();
            let offer = data.len().min(most - sent);
            if offer == 0 {
                break;
            }
            let bytes = wire.send(&data[..offer]).map_err(|Broken| Outcome::Reset)?.unwrap_or(0);
            self.blocked = bytes < offer;
            if bytes > 0 {
                protocol.handle_transmitted(bytes, now);
                self.look()?;
            }
            sent += bytes;
        }
        Ok(sent)
    }

    /// Ends our direction once everything is sent.
    fn close_where_done(&mut self, wire: &mut impl Wire, now: Instant) -> Result<(), Outcome> {
        let Phase::Talking { protocol, closing: true } = &self.phase else { return Ok(()) };
        if !protocol.poll_transmit().is_empty() {
            return Ok(());
        }
        let both_ended = wire.end().is_err() || self.ended;
        let next = if both_ended {
            Phase::Over(Outcome::Finished)
        } else {
            Phase::Draining { until: now + self.drain_timeout.min(DRAIN_MAX) }
        };
        drop(std::mem::replace(&mut self.phase, next));
        Ok(())
    }

    /// Drops the protocol, which may panic in that.
    fn end(&mut self, outcome: Outcome) {
        let old = std::mem::replace(&mut self.phase, Phase::Over(outcome));
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
    }

    /// The protocol's timeout, but not the one that was called just now.
    fn next_tick(&self, protocol: &P) -> Option<Instant> {
        let until = protocol.poll_timeout()?;
        Some(self.ticked.map_or(until, |ticked| until.max(ticked + TICK_MIN)))
    }
}
