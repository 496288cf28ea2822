//! The door: listeners, the limits of clients, and what happens where descriptors run out.

use std::time::{Duration, Instant};

use sockeye_edge::Network;
use sockeye_edge::bucket::Buckets;
use sockeye_edge::caps::{Caps, Permit, Refusal};
use sockeye_edge::proxy::Header;
use sockeye_socket::{Accept, Acceptor, Address, Events, Selector, Socket};

use crate::conn::prepare;
use crate::hall::Entering;
use crate::metrics::Tally;
use crate::proto::{Arrival, Entrance};
use crate::turn::Token;
use crate::{Admit, Event, Limit, Purpose, Sink};

/// One turn accepts so many from one listener at most.
const ACCEPT_TURN: usize = 64;

struct Place {
    acceptor: Option<Acceptor>,
    purpose: Purpose,
    /// Not waited for until then.
    paused: Option<Instant>,
}

/// What counts for everyone who comes.
pub(crate) struct Rules {
    pub(crate) caps: Caps,
    /// How fast one address may connect.
    pub(crate) rate: Option<Buckets>,
    pub(crate) keepalive: Duration,
    pub(crate) admit: Option<Admit>,
    /// Whose PROXY headers are believed.
    pub(crate) proxies: Vec<Network>,
    /// The places of monitors.
    pub(crate) monitors: Caps,
    /// Who is turned away is told why.
    pub(crate) tells: bool,
    pub(crate) tally: Tally,
}

/// Who may come in.
pub(crate) struct Door {
    listeners: Vec<Place>,
    pub(crate) rules: Rules,
}

/// Somebody who came in.
pub(crate) struct Guest {
    pub(crate) socket: Socket,
    pub(crate) peer: Address,
    pub(crate) permit: Permit,
    pub(crate) arrival: Arrival,
    /// A proxy, which may say for whom it stands.
    pub(crate) trusted: bool,
    /// Asks for numbers, and is no client.
    pub(crate) monitor: bool,
}

impl Door {
    pub(crate) fn new(acceptors: Vec<(Purpose, Acceptor)>, rules: Rules) -> Door {
        let closed =
            |(purpose, acceptor)| Place { acceptor: Some(acceptor), purpose, paused: None };
        Door { listeners: acceptors.into_iter().map(closed).collect(), rules }
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
                    let admitted = match listener.purpose {
                        Purpose::Monitor => self.rules.admit_monitor(socket, peer),
                        Purpose::Guests(entrance) => {
                            let ip = peer.canonical_ip();
                            let arrival = Arrival { entrance, ip, ..Arrival::default() };
                            self.rules.admit((socket, peer), arrival, (false, now), sink)
                        }
                    };
                    match admitted {
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
}

impl Rules {
    /// Lets a connection in, or tells it why not.
    pub(crate) fn admit(
        &self,
        (socket, peer): (Socket, Address),
        arrival: Arrival,
        (is_websocket, now): (bool, Instant),
        sink: &Sink,
    ) -> Option<Guest> {
        let trusted = !is_websocket && self.proxies.iter().any(|network| network.contains(&peer));
        let ip = peer.canonical_ip().filter(|_| !trusted);
        let permit = if self.admit.as_ref().is_some_and(|admit| !(admit.0)(&peer)) {
            Err(Limit::Network)
        } else if ip.is_some_and(|ip| self.is_too_fast(ip, now)) {
            Err(Limit::Rate)
        } else {
            self.caps.take(ip).map_err(Limit::from)
        };
        match permit {
            Ok(permit) => {
                prepare(&socket, self.keepalive).ok()?;
                Some(Guest { socket, peer, permit, arrival, trusted, monitor: false })
            }
            Err(limit) => {
                let words = match is_websocket {
                    true => UNAVAILABLE,
                    false => self.words(&arrival, limit),
                };
                if !words.is_empty() && socket.setblocking(false).is_ok() {
                    // The buffer of a fresh connection has room; where not, silence will do.
                    let _ = socket.send(words.as_bytes());
                }
                self.tally.count_refused(limit);
                sink(&Event::Refused { peer, limit });
                None
            }
        }
    }

    fn admit_monitor(&self, socket: Socket, peer: Address) -> Option<Guest> {
        let permit = self.monitors.take(None).ok()?;
        prepare(&socket, self.keepalive).ok()?;
        let arrival = Arrival::default();
        Some(Guest { socket, peer, permit, arrival, trusted: false, monitor: true })
    }

    fn is_too_fast(&self, ip: std::net::IpAddr, now: Instant) -> bool {
        self.rate.as_ref().is_some_and(|rate| rate.take(ip, now).is_err())
    }

    /// A proxy has named its client, whose address counts from now on.
    pub(crate) fn recount(
        &self,
        entering: &mut Entering,
        header: Header,
        now: Instant,
    ) -> Result<(), Limit> {
        entering.arrival.secure |= header.encrypted;
        if let Some(client) = header.client {
            entering.arrival.ip = Some(client.ip());
            entering.peer = client.into();
            if self.admit.as_ref().is_some_and(|admit| !(admit.0)(&entering.peer)) {
                return Err(Limit::Network);
            }
        }
        self.count(entering, now)
    }

    /// Counts somebody to his address, where that was not done when he came.
    pub(crate) fn count(&self, entering: &mut Entering, now: Instant) -> Result<(), Limit> {
        if std::mem::replace(&mut entering.counted, true) {
            return Ok(());
        }
        let ip = entering.arrival.ip;
        if ip.is_some_and(|ip| self.is_too_fast(ip, now)) {
            return Err(Limit::Rate);
        }
        Ok(entering.permit.move_to(ip)?)
    }

    /// What somebody is told who has met a limit; nothing where TLS is spoken, or only bytes.
    pub(crate) fn words(&self, arrival: &Arrival, limit: Limit) -> &'static str {
        let is_dumb = arrival.entrance == Entrance::Ircs && !arrival.secure;
        if !self.tells || is_dumb || limit == Limit::Network {
            return "";
        }
        match limit {
            _ if arrival.entrance.is_irc() => CLOSING,
            Limit::Clients => FULL,
            Limit::Rate => TOO_FAST,
            Limit::ClientsOfAddress | Limit::Network | Limit::Entering => TOO_MANY,
        }
    }
}

impl From<Refusal> for Limit {
    fn from(refusal: Refusal) -> Limit {
        match refusal {
            Refusal::Full => Limit::Clients,
            Refusal::PerAddress => Limit::ClientsOfAddress,
        }
    }
}

const FULL: &str = "* the room is full, try again later\n";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
const CLOSING: &str = "ERROR :Too many connections\r\n";
const TOO_MANY: &str = "* there are too many connections from your address\n";
const TOO_FAST: &str = "* your address connects too often, try again in a moment\n";

fn forget(listener: &Place, selector: &mut Selector<Token>) {
    if let Some(acceptor) = &listener.acceptor {
        // It was registered, or the descriptor goes with the acceptor anyway.
        let _ = selector.unregister(acceptor.listener());
    }
}
