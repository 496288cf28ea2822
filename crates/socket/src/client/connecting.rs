//! Connecting in a program that waits with a selector: nothing here blocks.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::attempts::{Attempts, is_for_one};
use crate::addr::{Address, Family};
use crate::error::{Error, Result};
use crate::happy::{Config, Race};
use crate::selectors::{Events, Selector};
use crate::socket::Socket;

/// A connection that is being made, by happy eyeballs, beside everything else that a [`Selector`]
/// waits for. [`create_connection`](crate::create_connection)`(..).start()` makes one.
///
/// ```
/// use sockeye_socket::{Events, Selector, create_connection, create_server};
/// use std::time::{Duration, Instant};
///
/// #[derive(Clone, PartialEq)]
/// enum Token {
///     Connecting,
///     Connected,
/// }
///
/// let server = create_server("127.0.0.1:0").bind()?;
/// let port = server.getsockname()?.port().unwrap();
///
/// let mut selector = Selector::new()?;
/// // localhost may be ::1 first, where nobody listens.
/// let builder = create_connection(("localhost", port)).timeout(Duration::from_secs(5));
/// let mut connecting = builder.start()?;
/// let socket = loop {
///     // At first, when the selector has its token, and when its time has come.
///     let now = Instant::now();
///     if let Some(socket) = connecting.advance(&mut selector, &Token::Connecting, now)? {
///         break socket;
///     }
///     let timeout = connecting.poll_timeout().map(|at| at.saturating_duration_since(now));
///     selector.select(timeout)?; // and serve whatever else is ready
/// };
/// // Nonblocking, and not registered any more: from now on it is the caller's.
/// selector.register(&socket, Events::READ, Token::Connected)?;
/// assert_eq!(socket.getpeername()?, server.getsockname()?);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it connects as far as it is advanced"]
pub struct Connecting {
    attempts: Attempts<Watched>,
}

/// A socket, and whether the selector has it.
#[derive(Debug)]
struct Watched {
    socket: Socket,
    registered: Cell<bool>,
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Connecting {
    pub(super) fn over(race: Race, source: Option<Address>) -> Self {
        let hold = |socket| Ok(Watched { socket, registered: Cell::new(false) });
        Self { attempts: Attempts::new(race, source, hold) }
    }

    /// One that waits for addresses, for programs that look names up elsewhere: give them with
    /// [`handle_addresses`](Self::handle_addresses). It connects from `source`, if given.
    pub fn new(mut config: Config, source: Option<Address>, now: Instant) -> Self {
        config.sequential |= is_for_one(source.as_ref());
        Self::over(Race::new(config, now), source)
    }

    /// Takes addresses, as [`Race::handle_addresses`]; advance afterwards.
    pub fn handle_addresses(
        &mut self,
        family: Family,
        found: impl IntoIterator<Item = Address>,
        now: Instant,
    ) {
        self.attempts.race_mut().handle_addresses(family, found, now);
    }

    /// Takes note that a lookup failed, as [`Race::handle_unresolved`]; advance afterwards.
    pub fn handle_unresolved(&mut self, family: Family, error: Error, now: Instant) {
        self.attempts.race_mut().handle_unresolved(family, error, now);
    }

    /// Goes on: starts attempts that are due and registers them with `token`, looks at those under
    /// way, unregisters and closes those that are over. Gives the connected socket, nonblocking,
    /// once; `None` while it is not connected yet. Call it first without waiting, then whenever the
    /// selector reports the token, and at [`poll_timeout`](Self::poll_timeout).
    ///
    /// # Errors
    /// Nothing could be connected to ([`Error::attempts`]), or a descriptor cannot be registered.
    /// It is over then, and nothing is registered any more.
    pub fn advance<T: Clone>(
        &mut self,
        selector: &mut Selector<T>,
        token: &T,
        now: Instant,
    ) -> Result<Option<Socket>> {
        let advanced = self.attempts.advance(now, |watched| forget(selector, &watched));
        let registered = self.register(selector, token);
        if registered.is_err() {
            self.attempts.cancel(|watched| forget(selector, &watched));
        }
        let winner = advanced?;
        registered?;
        Ok(winner.map(|watched| {
            forget(selector, &watched);
            watched.socket
        }))
    }

    /// When to call [`advance`](Self::advance) even if the selector does not report the token.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.attempts.poll_timeout()
    }

    /// Gives up: unregisters and closes everything. Dropping closes too, but leaves the tokens in
    /// the selector until their descriptors' numbers are used again.
    pub fn cancel<T>(mut self, selector: &mut Selector<T>) {
        self.attempts.cancel(|watched| forget(selector, &watched));
    }

    fn register<T: Clone>(&self, selector: &mut Selector<T>, token: &T) -> Result<()> {
        for watched in self.attempts.connecting().filter(|watched| !watched.registered.get()) {
            selector.register(&watched.socket, Events::WRITE, token.clone())?;
            watched.registered.set(true);
        }
        Ok(())
    }
}

/// What cannot be unregistered is forgotten when it is closed.
fn forget<T>(selector: &mut Selector<T>, watched: &Watched) {
    if watched.registered.get() {
        let _ = selector.unregister(watched);
    }
}
