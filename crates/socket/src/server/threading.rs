//! A thread for each connection.
//!
//! The thread waits in `poll` for its own socket and does everything for it. A connection that is
//! woken by another is not made to leave that wait, which would take a descriptor or a signal:
//! whoever wakes it takes its turn in its stead, under its lock (`deferred`, `conn`). What it then
//! waits for beyond what its thread already does (room to send, an earlier timeout) is left to the
//! `attendant`, the thread that accepts, on the selector that it has anyway. So a connection costs
//! one descriptor.
//!
//! Lock order: one connection, then whatever its protocol locks, then the mailbox or the report.
//! Nobody ever holds two connections: a wake inside of a protocol's call is carried out after it.

mod attendant;
mod conn;
mod deferred;
mod handler;

use std::fmt;

use super::door::{Door, Token};
use super::{Limits, Listeners, Report};
use crate::addr::Address;
use crate::error::Result;
use crate::protocol::{Arrival, Protocol};
use crate::selectors::Selector;
use crate::shutdown::Shutdown;
use crate::socket::Socket;

/// The default of a thread's stack, as in the standard library: it is reserved, not taken.
const STACK_BYTES: usize = 2 << 20;

/// Serves each connection in a thread of its own.
///
/// ```
/// use sockeye_socket::server::ThreadingServer;
/// use sockeye_socket::{Shutdown, create_connection, create_server};
/// use std::time::Duration;
///
/// let server = ThreadingServer::new(create_server("127.0.0.1:0").bind()?)?;
/// let addr = server.addresses().remove(0);
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// // As in Python: a function that talks, and may wait as long as it likes.
/// let serving = std::thread::spawn(move || {
///     server.serve_with(&stop, |socket, peer| {
///         let name = socket.recv(100)?;
///         socket.sendall(b"hello, ")?;
///         socket.sendall(&name)
///     })
/// });
///
/// let client = create_connection(&addr).open()?;
/// client.sendall(b"you")?;
/// let mut answer = [0; 10];
/// client.recv_exact(&mut answer)?;
/// assert_eq!(&answer, b"hello, you");
/// drop(client);
/// shutdown.start(Duration::from_secs(1));
/// assert_eq!(serving.join().unwrap()?.finished, 1);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct ThreadingServer {
    parts: Parts,
}

/// What a server is made of before it serves.
struct Parts {
    door: Door,
    selector: Selector<Token>,
    limits: Limits,
    stack_bytes: usize,
}

impl ThreadingServer {
    /// Takes listening sockets over.
    ///
    /// # Errors
    /// No descriptors left: it needs two, and one for each listener.
    pub fn new(listeners: impl Into<Listeners>) -> Result<Self> {
        let door = Door::new(listeners.into().acceptors()?);
        let (limits, stack_bytes) = (Limits::default(), STACK_BYTES);
        Ok(Self { parts: Parts { door, selector: Selector::new()?, limits, stack_bytes } })
    }

    /// What it takes from its clients.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// The stack of each thread, 2 MiB where nothing is said. It takes memory only as far as it
    /// is used.
    #[must_use]
    pub fn stack_bytes(mut self, bytes: usize) -> Self {
        self.parts.stack_bytes = bytes;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.parts.door.addresses()
    }

    /// Serves until `shutdown`; `factory` makes the protocol of each connection. The calling thread
    /// accepts.
    ///
    /// # Errors
    /// Every listener broke, or the system has no memory left to wait for sockets.
    pub fn serve<P, F>(self, shutdown: &Shutdown, factory: F) -> Result<Report>
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P,
    {
        attendant::serve(self.parts, shutdown, factory)
    }

    /// Serves until `shutdown` with a function for each connection, which may block: the
    /// `BaseRequestHandler` of Python. When it returns, the connection is closed gracefully; when
    /// it fails or panics, it is reset.
    ///
    /// Its error may be any that becomes an [`std::io::Error`], so that `?` takes those of sockets
    /// and of files; it is only counted, as [`Report::aborted`] (as [`Report::reset`] where it says
    /// that the peer is gone): what is to be known of it the function has to log. Where the
    /// compiler cannot tell which error is meant, say so:
    /// `|socket, peer| -> std::io::Result<()> { … }`.
    ///
    /// When `shutdown` starts, the read side of every socket is shut down: the function reads what
    /// has come and then the end of the stream (`recv` gives `b""`), as if the peer had ended its
    /// direction. It may still send, and should return. A client that goes on sending may be reset
    /// once it has; one of a unix socket cannot send any more (`EPIPE`). When the grace is over,
    /// what is left is reset, so that a function that waits for its socket comes back; one that
    /// does not is left behind after a second.
    ///
    /// The socket is blocking and without a timeout: set one.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub fn serve_with<H, E>(self, shutdown: &Shutdown, handler: H) -> Result<Report>
    where
        H: Fn(&Socket, &Address) -> std::result::Result<(), E> + Send + Sync + 'static,
        E: Into<std::io::Error>,
    {
        let handler =
            move |socket: &Socket, peer: &Address| handler(socket, peer).map_err(Into::into);
        handler::serve(self.parts, shutdown, handler)
    }
}

impl fmt::Debug for ThreadingServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.addresses();
        f.debug_struct("ThreadingServer").field("addresses", &addresses).finish_non_exhaustive()
    }
}
