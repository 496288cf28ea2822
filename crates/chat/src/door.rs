//! The door: listeners, the limits of clients, and what happens where descriptors run out.

use std::time::{Duration, Instant};

use sockeye_edge::caps::{Caps, Permit, Refusal};
use sockeye_socket::{Accept, Acceptor, Address, Events, Selector, Socket};

use crate::conn::prepare;
use crate::proto::{Arrival, Dialect, Entrance};
use crate::turn::Token;
use crate::{Admit, Event, Limit, Sink};

/// One turn accepts so many from one listener at most.
const ACCEPT_TURN: usize = 64;

struct Place {
    acceptor: Option<Acceptor>,
    entrance: Entrance,
    /// Not waited for until then.
    paused: Option<Instant>,
}

/// Who may come in.
pub(crate) struct Door {
    listeners: Vec<Place>,
    caps: Caps,
    keepalive: Duration,
    admit: Option<Admit>,
    /// Who is turned away is told why.
    tells: bool,
}

/// Somebody who came in.
pub(crate) struct Guest {
    pub(crate) socket: Socket,
    pub(crate) peer: Address,
    pub(crate) permit: Permit,
    pub(crate) arrival: Arrival,
}

impl Door {
    pub(crate) fn new(
        acceptors: Vec<(Entrance, Acceptor)>,
        caps: Caps,
        keepalive: Duration,
        admit: Option<Admit>,
        tells: bool,
    ) -> Door {
        let closed =
            |(entrance, acceptor)| Place { acceptor: Some(acceptor), entrance, paused: None };
        Door {
            listeners: acceptors.into_iter().map(closed).collect(),
            caps,
            keepalive,
            admit,
            tells,
        }
    }

    /// Waits for clients from now on.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn open(&self, selector: &mut Selector<Token>) -> sockeye_socket::Result<()> {
        for (place, listener) in self.listeners.iter().enumerate() {
            if let Some(acceptor) = &listener.acceptor {
                selector.register(acceptor.listener(), Events::READ, Token::Listener(place))?;
            }
        }
        Ok(())
    }

    /// Lets nobody in any more: the listeners are closed.
    pub(crate) fn close(&mut self, selector: &mut Selector<Token>) {
        for listener in self.listeners.drain(..) {
            forget(&listener, selector);
        }
    }

    /// When a listener that pauses has to be looked at.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.listeners.iter().filter_map(|listener| listener.paused).min()
    }

    /// Waits again for the listeners whose pause is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, selector: &mut Selector<Token>) {
        for listener in &mut self.listeners {
            if listener.paused.is_some_and(|until| until <= now) {
                listener.paused = None;
                if let Some(acceptor) = &listener.acceptor {
                    // It is registered; a listener that is broken shows when it is accepted from.
                    let _ = selector.modify(acceptor.listener(), Events::READ);
                }
            }
        }
    }

    /// Takes who waits at a listener; the count of those who were turned away.
    pub(crate) fn accept(
        &mut self,
        place: usize,
        now: Instant,
        selector: &mut Selector<Token>,
        sink: &Sink,
    ) -> (Vec<Guest>, u64) {
        let mut guests = Vec::new();
        let mut refused = 0;
        for _ in 0..ACCEPT_TURN {
            let Some(listener) = self.listeners.get_mut(place) else { break };
            let Some(acceptor) = listener.acceptor.as_mut() else { break };
            match acceptor.try_accept(now) {
                Ok(Accept::Connection(socket, peer)) => {
                    let entrance = listener.entrance;
                    let arrival =
                        Arrival { entrance, ip: peer.canonical_ip(), ..Arrival::default() };
                    match self.admit((socket, peer), arrival, Dialect::Lines, sink) {
                        Some(guest) => guests.push(guest),
                        None => refused += 1,
                    }
                }
                Ok(Accept::Empty) => break,
                Ok(Accept::Paused { until }) => {
                    listener.paused = Some(until);
                    let _ = selector.modify(acceptor.listener(), Events::NONE);
                    sink(&Event::AcceptPaused { pause: until.saturating_duration_since(now) });
                    break;
                }
                Err(error) => {
                    forget(listener, selector);
                    listener.acceptor = None;
                    sink(&Event::ListenerLost { error: error.to_string() });
                    break;
                }
            }
        }
        (guests, refused)
    }

    /// Lets a connection in, or tells it why not.
    pub(crate) fn admit(
        &self,
        (socket, peer): (Socket, Address),
        arrival: Arrival,
        dialect: Dialect,
        sink: &Sink,
    ) -> Option<Guest> {
        if self.admit.as_ref().is_some_and(|admit| !(admit.0)(&peer)) {
            sink(&Event::Refused { peer, limit: Limit::Network });
            return None;
        }
        prepare(&socket, self.keepalive).ok()?;
        match self.caps.take(peer.canonical_ip()) {
            Ok(permit) => Some(Guest { socket, peer, permit, arrival }),
            Err(refusal) => {
                let (limit, words) = match refusal {
                    Refusal::Full => (Limit::Clients, FULL),
                    Refusal::PerAddress => (Limit::ClientsOfAddress, TOO_MANY),
                };
                let words = match dialect {
                    Dialect::Lines if arrival.entrance.is_irc() => CLOSING,
                    Dialect::Lines => words,
                    Dialect::WebSocket | Dialect::IrcWebSocket => UNAVAILABLE,
                };
                if self.tells || dialect == Dialect::WebSocket {
                    // The buffer of a fresh connection has room; where not, silence will do.
                    let _ = socket.send(words.as_bytes());
                }
                sink(&Event::Refused { peer, limit });
                None
            }
        }
    }
}

const FULL: &str = "* the room is full, try again later\n";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
const CLOSING: &str = "ERROR :Too many connections\r\n";
const TOO_MANY: &str = "* there are too many connections from your address\n";

fn forget(listener: &Place, selector: &mut Selector<Token>) {
    if let Some(acceptor) = &listener.acceptor {
        // It was registered, or the descriptor goes with the acceptor anyway.
        let _ = selector.unregister(acceptor.listener());
    }
}
