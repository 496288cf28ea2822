//! A nonblocking socket as the wire of a connection, and a selector's events for it.

use std::io;
use std::time::Duration;

use rustix::net::connect_unspec;

use super::door::Token;
use crate::error::{Error, Result};
use crate::opt;
use crate::protocol::life::{Broken, Ready, Wants, Wire};
use crate::selectors::{Events, Selector};
use crate::socket::{How, Socket};

/// Makes an accepted socket fit for a driver.
///
/// # Errors
/// It cannot be made nonblocking.
pub(crate) fn prepare(socket: &Socket) -> Result<()> {
    socket.setblocking(false)?;
    // A unix socket has no such option, and needs none.
    let _ = socket.setsockopt(opt::TCP_NODELAY, true);
    Ok(())
}

/// Any error ends the connection, whatever the system calls it.
pub(crate) fn moved(
    done: std::result::Result<usize, Error>,
) -> std::result::Result<Option<usize>, Broken> {
    match done {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.would_block() => Ok(None),
        Err(_) => Err(Broken),
    }
}

/// Ends both directions at once: a reset over TCP. The descriptor stays, and whoever waits for it
/// wakes up.
///
/// # Source
/// connect(2), `AF_UNSPEC`: the association is dissolved; tcp(7) sends RST for that.
pub(crate) fn reset(socket: &Socket) {
    if connect_unspec(socket).is_err() {
        // Not for unix sockets, nor while another thread waits inside of a call: that one is to
        // come back, and the close is to reset. A socket that is not connected needs nothing.
        let _ = socket.setsockopt(opt::SO_LINGER, Some(Duration::ZERO));
        let _ = socket.shutdown(How::Both);
    }
}

/// Has `selector` wait for `events` of `socket` from now on, in place of what it is `watched` for.
/// What waits for nothing is not registered.
///
/// # Errors
/// The system has no memory to wait for it. It counts as watched all the same: whoever asked gives
/// it up then, and unregistering what is not there does no harm.
pub(super) fn watch(
    selector: &mut Selector<Token>,
    socket: &Socket,
    watched: &mut Events,
    events: Events,
    token: Token,
) -> Result<()> {
    let before = std::mem::replace(watched, events);
    if before == events {
        Ok(())
    } else if events == Events::NONE {
        selector.unregister(socket).map(|_| ())
    } else if before == Events::NONE {
        selector.register(socket, events, token)
    } else {
        selector.modify(socket, events)
    }
}

/// Whether a function failed since its peer is gone.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}

impl Wire for &Socket {
    fn recv(&mut self, buf: &mut [u8]) -> std::result::Result<Option<usize>, Broken> {
        moved(self.recv_into(buf))
    }

    fn send(&mut self, data: &[u8]) -> std::result::Result<Option<usize>, Broken> {
        moved(Socket::send(self, data))
    }

    fn end(&mut self) -> std::result::Result<(), Broken> {
        self.shutdown(How::Write).map_err(|_| Broken)
    }

    fn reset(&mut self) {
        reset(self);
    }
}

impl From<Wants> for Events {
    fn from(wants: Wants) -> Self {
        let mut events = Self::NONE;
        if wants.read {
            events |= Self::READ;
        }
        if wants.write {
            events |= Self::WRITE;
        }
        events
    }
}

impl From<Events> for Ready {
    fn from(events: Events) -> Self {
        Self { read: events.is_readable(), write: events.is_writable() }
    }
}
