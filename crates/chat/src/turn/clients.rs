//! The loop's clients: bytes from them, bytes to them, and how they are seen off.

use std::io;

use sockeye_edge::caps::Permit;
use sockeye_socket::{Address, Events};

use super::{Loop, SEND_TURN_BYTES, Token};
use crate::conn::{Conn, Lingering};
use crate::proto::{ClientId, Now};
use crate::wire::{Received, Wire};

/// A connection that is about to be a client's.
pub(crate) struct Newcomer {
    pub(crate) wire: Wire,
    pub(crate) peer: Address,
    pub(crate) permit: Permit,
    /// What the loop waits for on it; `None` where nothing was waited for so far.
    pub(crate) events: Option<Events>,
}

impl Loop {
    /// Somebody becomes a client, with what he has said so far.
    pub(super) fn welcome(&mut self, id: ClientId, newcomer: Newcomer, said: &[u8], now: Now) {
        let Newcomer { wire, peer, permit, events } = newcomer;
        self.report.connections += 1;
        self.tally.count_client(wire.is_encrypted());
        let token = Token::Client(id);
        let waited_for = match (events, self.selector.get_mut(wire.socket())) {
            (Some(_), Some(old)) => {
                *old = token;
                true
            }
            _ => self.selector.register(wire.socket(), Events::READ, token).is_ok(),
        };
        if !waited_for {
            self.board.handle_lost(id, now);
            return;
        }
        if self.conns.len() <= id.slot() {
            self.conns.resize_with(id.slot() + 1, || None);
        }
        let events = events.unwrap_or(Events::READ);
        self.conns[id.slot()] = Some(Conn { wire, events, peer, permit });
        if !said.is_empty() {
            self.board.handle_received(id, said, now);
        }
        self.await_next(id, now);
    }

    pub(super) fn handle_client(&mut self, id: ClientId, events: Events, now: Now) {
        if !self.board.contains(id) {
            return;
        }
        if events.is_readable() && self.board.want_read(id) {
            self.read(id, now);
        } else if events.is_closed() {
            self.lose(id, now);
        }
        if events.is_writable() {
            self.flush(id, now);
        } else {
            self.await_next(id, now);
        }
    }

    /// Reads once, and what is decrypted already to its end.
    fn read(&mut self, id: ClientId, now: Now) {
        while let Some(conn) = self.conns.get_mut(id.slot()).and_then(Option::as_mut) {
            match conn.wire.receive(&mut self.buffer) {
                Received::Bytes(count) => {
                    self.tally.count_received(count);
                    self.board.handle_received(id, &self.buffer[..count], now);
                }
                Received::Ended => self.board.handle_eof(id),
                Received::Nothing | Received::Shaken { .. } => {}
                Received::Broken(_) => return self.lose(id, now),
            }
            if !conn.wire.has_unread() || !self.board.want_read(id) {
                return;
            }
        }
    }

    /// Clients that have waited with bytes that are decrypted already.
    pub(super) fn read_unread(&mut self, now: Now) {
        for id in std::mem::take(&mut self.unread) {
            if self.board.want_read(id) {
                self.read(id, now);
            }
            self.await_next(id, now);
        }
    }

    /// Whether a client's socket has no room: it is sent to when it says that it has.
    pub(super) fn is_blocked(&self, id: ClientId) -> bool {
        let conn = self.conns.get(id.slot()).and_then(Option::as_ref);
        conn.is_some_and(|conn| conn.events.is_writable())
    }

    fn lose(&mut self, id: ClientId, now: Now) {
        self.board.handle_lost(id, now);
        drop(self.forget(id));
    }

    /// Takes a connection out of the loop's hands.
    pub(super) fn forget(&mut self, id: ClientId) -> Option<Conn> {
        let conn = self.conns.get_mut(id.slot())?.take()?;
        self.tally.count_gone(conn.wire.is_encrypted());
        // It was registered by `welcome`.
        let _ = self.selector.unregister(conn.wire.socket());
        Some(conn)
    }

    /// Sends a client what waits for it, as far as its socket takes it, and then waits for what is
    /// to come.
    pub(super) fn flush(&mut self, id: ClientId, now: Now) {
        if self.send(id).is_err() {
            return self.lose(id, now);
        }
        self.await_next(id, now);
    }

    fn send(&mut self, id: ClientId) -> io::Result<()> {
        let Some(conn) = self.conns.get_mut(id.slot()).and_then(Option::as_mut) else {
            return Ok(());
        };
        let mut sent_bytes = 0;
        while sent_bytes < SEND_TURN_BYTES {
            let bytes = self.board.peek(id, &mut self.scratch);
            if bytes.is_empty() {
                conn.wire.flush()?;
                break;
            }
            let sent = conn.wire.send(bytes)?;
            self.board.handle_transmitted(id, sent.count);
            sent_bytes += sent.count;
            if sent.blocked {
                break;
            }
        }
        self.tally.count_sent(sent_bytes);
        Ok(())
    }

    pub(super) fn await_next(&mut self, id: ClientId, now: Now) {
        let Some(conn) = self.conns.get_mut(id.slot()).and_then(Option::as_mut) else { return };
        let mut events = Events::NONE;
        if self.board.want_read(id) {
            events |= Events::READ;
            if conn.wire.has_unread() {
                self.unread.push(id);
            }
        }
        if self.board.want_write(id) || conn.wire.has_unsent() {
            events |= Events::WRITE;
        }
        if conn.events != events {
            conn.events = events;
            if self.selector.modify(conn.wire.socket(), events).is_err() {
                self.lose(id, now);
            }
        }
    }

    /// Ends a client's connection so that what it was sent arrives.
    pub(super) fn see_off(&mut self, conn: Conn, now: Now) {
        let until = now.instant + self.goodbye;
        self.linger(Lingering::new((conn.wire, conn.permit), Vec::new(), until), now);
    }

    /// Ends a connection: the sending side first, then, for a while, what the peer still says is
    /// read and thrown away.
    pub(super) fn linger(&mut self, mut lingering: Lingering, now: Now) {
        if !lingering.go_on(now.instant, &mut self.buffer) {
            return;
        }
        if self.stopping && !lingering.has_unsent() {
            return;
        }
        self.lingered += 1;
        let token = Token::Lingering(self.lingered);
        if self.selector.register(lingering.socket(), lingering.events(), token).is_ok() {
            self.lingering.insert(self.lingered, lingering);
        }
    }

    pub(super) fn handle_lingering(&mut self, key: u64, now: Now) {
        let Some(lingering) = self.lingering.get_mut(&key) else { return };
        let open = lingering.go_on(now.instant, &mut self.buffer);
        let is_over = self.stopping && !lingering.has_unsent();
        let waited_for = self.selector.modify(lingering.socket(), lingering.events()).is_ok();
        if !open || is_over || !waited_for {
            self.end_lingering(key);
        }
    }

    pub(super) fn end_lingering(&mut self, key: u64) {
        if let Some(lingering) = self.lingering.remove(&key) {
            // It was registered by `linger`.
            let _ = self.selector.unregister(lingering.socket());
        }
    }
}
