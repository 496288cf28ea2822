//! The loop's side of the way in: connections that are not clients yet.
//!
//! Rule: of handshakes only so many are gone on with in one turn, so that whoever talks is not kept
//! waiting by a crowd at the door.

use std::io;

use sockeye_edge::metrics::MEDIA_TYPE;
use sockeye_socket::{Address, Events};

use super::clients::Newcomer;
use super::{Loop, Token};
use crate::conn::Lingering;
use crate::door::Guest;
use crate::hall::Entering;
use crate::handle::Attached;
use crate::metrics::State;
use crate::proto::{Arrival, Carrier, Fault, Inquiry, Now, Step, SubProtocol, Topic};
use crate::wire::Received;
use crate::{Event, Limit};

/// So many handshakes are gone on with in one turn; one takes up to a millisecond.
pub(super) const HANDSHAKES_TURN: usize = 16;

impl Loop {
    /// Takes who waits at a listener.
    pub(super) fn handle_listener(&mut self, place: usize, now: Now) {
        let (guests, refused) =
            self.door.accept(place, now.instant, &mut self.selector, &self.sink);
        self.report.refused += refused;
        for guest in guests {
            if self.hall.is_for(&guest) {
                self.let_into_hall(guest, now);
            } else {
                let Guest { socket, peer, permit, arrival, .. } = guest;
                let id = self.board.handle_accepted(&arrival, now);
                let newcomer = Newcomer { wire: socket.into(), peer, permit, events: None };
                self.welcome(id, newcomer, &[], now);
            }
        }
    }

    fn let_into_hall(&mut self, guest: Guest, now: Now) {
        if let Some(oldest) = self.hall.oldest_above_limit()
            && let Some(entering) = self.leave_hall(oldest)
        {
            self.count_refused(entering.peer, Limit::Entering);
        }
        let key = self.hall.insert(guest, now.instant);
        let Some(entering) = self.hall.get_mut(key) else { return };
        let registered =
            self.selector.register(entering.wire.socket(), Events::READ, Token::Entering(key));
        if registered.is_err() {
            self.hall.remove(key);
            return;
        }
        self.go_on(key, now);
    }

    /// What is heard of somebody on the way in.
    pub(super) fn handle_entering(&mut self, key: u64, events: Events, now: Now) {
        let Some(entering) = self.hall.get_mut(key) else { return };
        if entering.wire.is_shaking() {
            if self.handshakes == HANDSHAKES_TURN {
                return;
            }
            self.handshakes += 1;
        }
        if events.is_writable()
            && let Err(error) = entering.wire.flush()
        {
            return self.turn_away(key, &Gone::Tls(error));
        }
        if events.is_readable() || events.is_closed() {
            let received = entering.wire.receive(&mut self.buffer);
            if !self.take(key, received, now) {
                return;
            }
        }
        self.go_on(key, now);
    }

    /// Takes what was received, and what is decrypted already; whether it goes on.
    fn take(&mut self, key: u64, mut received: Received, now: Now) -> bool {
        loop {
            let Some(entering) = self.hall.get_mut(key) else { return false };
            match received {
                Received::Bytes(count) => {
                    entering.handle_received(&self.buffer[..count], now.instant)
                }
                Received::Shaken { certificate } => {
                    entering.handle_encrypted(certificate, now.instant);
                    self.tally.count_handshake(true);
                }
                Received::Ended => entering.approach.handle_eof(),
                Received::Nothing => {}
                Received::Broken(error) => {
                    self.turn_away(key, &Gone::Tls(error));
                    return false;
                }
            }
            if !entering.wire.has_unread() {
                return true;
            }
            received = entering.wire.receive(&mut self.buffer);
        }
    }

    /// Takes the steps that can be taken.
    fn go_on(&mut self, key: u64, now: Now) {
        while let Some(entering) = self.hall.get_mut(key) {
            let Some(step) = entering.poll_step(now.instant) else { break };
            match step {
                Step::Proxied(header) => {
                    if let Err(limit) = self.door.rules.recount(entering, header, now.instant) {
                        self.refuse_entering(key, limit, now);
                    }
                }
                Step::Encrypt(early) => {
                    let Some(secrets) = self.hall.secrets() else { return };
                    let Some(entering) = self.hall.get_mut(key) else { return };
                    let received = entering.wire.encrypt(&secrets, &early);
                    if !self.take(key, received, now) {
                        return;
                    }
                }
                Step::Enter { said, silent } => return self.enter(key, (silent, &said), now),
                Step::Upgrade { protocol, greeting, said } => {
                    return self.upgrade(key, (protocol, greeting), &said, now);
                }
                Step::Inquire(inquiry) => {
                    let answer = self.inform(inquiry, now);
                    return self.dismiss(key, answer, now);
                }
                Step::Answer(answer) => return self.dismiss(key, answer, now),
                Step::Refuse(fault) => return self.turn_away(key, &Gone::Fault(fault)),
            }
        }
        self.await_entering(key);
    }

    fn inform(&self, inquiry: Inquiry, now: Now) -> Vec<u8> {
        match inquiry.topic {
            Topic::Health => inquiry.answer("text/plain; charset=utf-8", "ok\n"),
            Topic::Metrics => {
                let state = State {
                    entering: self.hall.len(),
                    queued_bytes: self.board.queued_bytes(),
                    lines: self.report.lines,
                    seconds_up: now.instant.duration_since(self.started).as_secs(),
                };
                inquiry.answer(MEDIA_TYPE, &self.tally.text(state))
            }
        }
    }

    /// Somebody becomes a client of the room.
    fn enter(&mut self, key: u64, (silent, said): (bool, &[u8]), now: Now) {
        let Some(entering) = self.hall.get_mut(key) else { return };
        if let Err(limit) = self.door.rules.count(entering, now.instant) {
            return self.refuse_entering(key, limit, now);
        }
        let Some((mut arrival, newcomer)) = self.hall.remove(key).map(Entering::into_newcomer)
        else {
            return;
        };
        arrival.silent = silent;
        let id = self.board.handle_accepted(&arrival, now);
        self.welcome(id, newcomer, said, now);
    }

    fn upgrade(
        &mut self,
        key: u64,
        (protocol, greeting): (SubProtocol, Vec<u8>),
        said: &[u8],
        now: Now,
    ) {
        let Some(entering) = self.hall.get_mut(key) else { return };
        if let Err(limit) = self.door.rules.count(entering, now.instant) {
            return self.refuse_entering(key, limit, now);
        }
        let Some((arrival, newcomer)) = self.hall.remove(key).map(Entering::into_newcomer) else {
            return;
        };
        let greeting = greeting.into();
        let id = match protocol {
            SubProtocol::Page => self.board.handle_upgraded(greeting, now),
            SubProtocol::IrcText => self.board.handle_upgraded_irc(greeting, Carrier::Text, now),
            SubProtocol::IrcBinary => {
                self.board.handle_upgraded_irc(greeting, Carrier::Binary, now)
            }
        };
        self.board.set_arrival(id, &arrival);
        self.welcome(id, newcomer, said, now);
    }

    /// Tells somebody which limit he has met, and closes.
    fn refuse_entering(&mut self, key: u64, limit: Limit, now: Now) {
        let Some(entering) = self.hall.get_mut(key) else { return };
        let peer = entering.peer.clone();
        let words = self.door.rules.words(&entering.arrival, limit).as_bytes().to_vec();
        self.count_refused(peer, limit);
        self.dismiss(key, words, now);
    }

    /// Sends a last answer, and closes.
    fn dismiss(&mut self, key: u64, answer: Vec<u8>, now: Now) {
        let Some(entering) = self.leave_hall(key) else { return };
        let until = now.instant + self.goodbye;
        self.linger(Lingering::new((entering.wire, entering.permit), answer, until), now);
    }

    /// Closes without a word.
    fn turn_away(&mut self, key: u64, gone: &Gone) {
        let Some(entering) = self.leave_hall(key) else { return };
        let why = match gone {
            // That somebody goes before anything has begun is nothing to tell.
            Gone::Fault(Fault::Gone) => return,
            Gone::Tls(_) if !entering.wire.is_encrypted() => return,
            Gone::Fault(fault) => fault.to_string(),
            Gone::Tls(error) => error.to_string(),
        };
        if entering.wire.is_shaking() {
            self.tally.count_handshake(false);
        }
        (self.sink)(&Event::NotEntered { peer: entering.peer, why });
    }

    fn leave_hall(&mut self, key: u64) -> Option<Entering> {
        let entering = self.hall.remove(key)?;
        // It was registered when it came in.
        let _ = self.selector.unregister(entering.wire.socket());
        Some(entering)
    }

    fn await_entering(&mut self, key: u64) {
        self.hall.set_deadline(key);
        let Some(entering) = self.hall.get_mut(key) else { return };
        let write = if entering.wire.has_unsent() { Events::WRITE } else { Events::NONE };
        let events = Events::READ | write;
        if entering.events != events {
            entering.events = events;
            if self.selector.modify(entering.wire.socket(), events).is_err() {
                self.leave_hall(key);
            }
        }
    }

    /// Deadlines of those on the way in.
    pub(super) fn handle_hall_timeout(&mut self, now: Now) {
        self.handshakes = 0;
        while let Some(key) = self.hall.poll_due(now.instant) {
            self.go_on(key, now);
        }
    }

    /// Nobody comes in any more.
    pub(super) fn close_hall(&mut self) {
        while let Some(key) = self.hall.first() {
            self.leave_hall(key);
        }
    }

    /// A connection that somebody else has accepted.
    pub(super) fn take_over(&mut self, attached: Attached, now: Now) {
        let Attached { socket, greeting, leftover } = attached;
        let Ok(peer) = socket.getpeername() else { return };
        if self.stopping {
            return;
        }
        let arrival = Arrival { ip: peer.canonical_ip(), ..Arrival::default() };
        let how = (greeting.is_some(), now.instant);
        let admitted = self.door.rules.admit((socket, peer), arrival, how, &self.sink);
        let Some(guest) = admitted else {
            self.report.refused += 1;
            return;
        };
        let id = match greeting {
            Some(answer) => {
                let id = self.board.handle_upgraded(answer.into(), now);
                self.board.set_arrival(id, &guest.arrival);
                id
            }
            None => self.board.handle_accepted(&guest.arrival, now),
        };
        let Guest { socket, peer, permit, .. } = guest;
        let newcomer = Newcomer { wire: socket.into(), peer, permit, events: None };
        self.welcome(id, newcomer, &leftover, now);
    }

    fn count_refused(&mut self, peer: Address, limit: Limit) {
        self.report.refused += 1;
        self.tally.count_refused(limit);
        (self.sink)(&Event::Refused { peer, limit });
    }
}

/// Why somebody is turned away without a word.
enum Gone {
    Fault(Fault),
    Tls(io::Error),
}
