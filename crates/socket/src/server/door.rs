//! Who may come in: listeners that are waited for while there is room and they do not pause.

use std::time::Instant;

use super::wire;
use crate::addr::Address;
use crate::error::{Error, Result};
use crate::selectors::{Events, Selector};
use crate::server::{Accept, Acceptor, Expiry};
use crate::shutdown::Shutdown;
use crate::socket::Socket;

/// One turn accepts so many from one listener at most.
const ACCEPT_TURN: usize = 64;

/// What a descriptor of a server's selector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Listener(usize),
    Stop,
    Expiry,
    Connection(u64),
}

/// Has `selector` wait for the start of `shutdown` and for the end of its grace.
///
/// # Errors
/// No descriptors left, or no memory.
pub(super) fn watch_end(shutdown: &Shutdown, selector: &mut Selector<Token>) -> Result<Expiry> {
    let expiry = Expiry::new(shutdown)?;
    selector.register(shutdown, Events::READ, Token::Stop)?;
    selector.register(&expiry, Events::READ, Token::Expiry)?;
    Ok(expiry)
}

/// Somebody who came in, and at which listener.
pub(super) type Guest = (Socket, Address, usize);

struct Listener {
    acceptor: Acceptor,
    /// What it is registered for; for nothing it is not.
    watched: Events,
    paused: Option<Instant>,
}

pub(super) struct Door {
    /// None where it broke.
    listeners: Vec<Option<Listener>>,
    /// There is room for more.
    room: bool,
    closed: bool,
    broken: Option<Error>,
}

impl Door {
    pub(super) fn new(acceptors: Vec<Acceptor>) -> Self {
        let listener = |acceptor| Some(Listener { acceptor, watched: Events::NONE, paused: None });
        let listeners = acceptors.into_iter().map(listener).collect();
        Self { listeners, room: true, closed: false, broken: None }
    }

    /// The addresses of the listeners.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let listeners = self.listeners.iter().flatten();
        listeners.filter_map(|one| one.acceptor.listener().getsockname().ok()).collect()
    }

    /// Waits for the listeners where that is of use: there is room, and their pauses are over.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn watch(
        &mut self,
        room: bool,
        now: Instant,
        selector: &mut Selector<Token>,
    ) -> Result<()> {
        self.room = room;
        for (place, listener) in self.listeners.iter_mut().enumerate() {
            let Some(listener) = listener else { continue };
            listener.paused = listener.paused.filter(|until| *until > now);
            let wanted = room && listener.paused.is_none();
            listener.watch(wanted, Token::Listener(place), selector)?;
        }
        Ok(())
    }

    /// When a listener's pause is over.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let open = self.listeners.iter().flatten().filter(|_| self.room);
        open.filter_map(|listener| listener.paused).min()
    }

    /// Takes who waits at a listener, `room` at most.
    pub(super) fn accept(
        &mut self,
        place: usize,
        room: usize,
        now: Instant,
        selector: &mut Selector<Token>,
    ) -> Vec<Guest> {
        let mut guests = Vec::new();
        let Some(slot) = self.listeners.get_mut(place) else { return guests };
        while guests.len() < room.min(ACCEPT_TURN) {
            let Some(listener) = slot else { break };
            match listener.acceptor.try_accept(now) {
                Ok(Accept::Connection(socket, peer)) => guests.push((socket, peer, place)),
                Ok(Accept::Empty) => break,
                Ok(Accept::Paused { until }) => {
                    listener.paused = Some(until);
                    break;
                }
                Err(error) => {
                    // What cannot be unregistered goes with its descriptor.
                    let _ = listener.watch(false, Token::Listener(place), selector);
                    self.broken.get_or_insert(error);
                    *slot = None;
                }
            }
        }
        guests
    }

    /// Lets nobody in any more: the listeners are closed.
    pub(super) fn close(&mut self, selector: &mut Selector<Token>) {
        for listener in self.listeners.iter_mut().filter_map(Option::as_mut) {
            let _ = listener.watch(false, Token::Stop, selector);
        }
        self.listeners.clear();
        self.closed = true;
    }

    /// Whether nobody can come in any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed || self.listeners.iter().all(Option::is_none)
    }

    /// Why nobody can, where nobody wanted that.
    pub(super) fn into_result(self) -> Result<()> {
        match self.broken {
            Some(error) if !self.closed => Err(error),
            _ => Ok(()),
        }
    }
}

impl Listener {
    fn watch(&mut self, wanted: bool, token: Token, selector: &mut Selector<Token>) -> Result<()> {
        let events = if wanted { Events::READ } else { Events::NONE };
        wire::watch(selector, self.acceptor.listener(), &mut self.watched, events, token)
    }
}
