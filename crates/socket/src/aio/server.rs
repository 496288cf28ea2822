//! A task of tokio for each connection.

mod conn;
mod handler;
mod reception;

use std::fmt;
use std::future::Future;

use self::conn::Protocols;
use self::handler::Functions;
use super::Socket;
use crate::addr::Address;
use crate::error::Result;
use crate::protocol::{Arrival, Protocol};
use crate::server::{Acceptor, Limits, Listeners, Report};
use crate::shutdown::Shutdown;

/// Serves each connection in a task of the runtime, one thread or many. See [`crate::server`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::{Shutdown, Socket, aio, create_server};
/// use std::time::Duration;
///
/// let server = aio::Server::new(create_server("127.0.0.1:0").bind()?)?;
/// let addr = server.addresses().remove(0);
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// let serving = tokio::spawn(async move {
///     server
///         .serve_with(&stop, |socket, peer| async move {
///             let name = socket.recv(100).await?;
///             socket.sendall(b"hello, ").await?;
///             socket.sendall(&name).await
///         })
///         .await
/// });
///
/// let client = aio::Socket::new(Socket::tcp4()?)?;
/// client.connect(&addr).await?;
/// client.sendall(b"you").await?;
/// let mut answer = [0; 10];
/// client.recv_exact(&mut answer).await?;
/// assert_eq!(&answer, b"hello, you");
/// drop(client);
/// shutdown.start(Duration::from_secs(1));
/// assert_eq!(serving.await.unwrap()?.finished, 1);
/// # Ok::<(), sockeye_socket::Error>(())
/// # }).unwrap();
/// ```
pub struct Server {
    acceptors: Vec<Acceptor>,
    limits: Limits,
}

impl Server {
    /// Takes listening sockets over.
    ///
    /// # Errors
    /// No descriptors left: it needs one for each listener.
    pub fn new(listeners: impl Into<Listeners>) -> Result<Self> {
        Ok(Self { acceptors: listeners.into().acceptors()?, limits: Limits::default() })
    }

    /// What it takes from its clients.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.acceptors.iter().filter_map(|one| one.listener().getsockname().ok()).collect()
    }

    /// Serves until `shutdown`; `factory` makes the protocol of each connection. Dropping the
    /// future drops the connections.
    ///
    /// # Errors
    /// No descriptors left (it needs four, and one more for each listener), or every listener
    /// broke.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its I/O and time enabled.
    pub async fn serve<P, F>(self, shutdown: &Shutdown, factory: F) -> Result<Report>
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P,
    {
        let host = Protocols::new(factory, self.limits.clone());
        reception::serve(self.acceptors, self.limits, shutdown, host).await
    }

    /// Serves until `shutdown` with an async function for each connection. When it returns, the
    /// connection is closed gracefully, so let no other task go on with the socket; when it fails
    /// or panics, it is reset. The error is only counted, as for
    /// [`ThreadingServer::serve_with`](crate::server::ThreadingServer::serve_with), and named in
    /// the same way where the compiler cannot tell: `Ok::<(), std::io::Error>(())`.
    ///
    /// When `shutdown` starts, the read side of every socket is shut down: the function reads what
    /// has come and then the end of the stream, may still send, and should return. A client that
    /// goes on sending may be reset once it has; one of a unix socket cannot send any more
    /// (`EPIPE`). When the grace is over, the function is dropped where it waits, and its
    /// connection reset.
    ///
    /// A connection takes two descriptors; while there are not two, clients wait in the queue.
    /// Dropping the future drops the connections.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    ///
    /// # Panics
    /// As [`serve`](Self::serve).
    pub async fn serve_with<H, T, E>(self, shutdown: &Shutdown, handler: H) -> Result<Report>
    where
        H: Fn(Socket, Address) -> T + Send + Sync + 'static,
        T: Future<Output = std::result::Result<(), E>> + Send + 'static,
        E: Into<std::io::Error> + Send + 'static,
    {
        let host = Functions::new(handler, self.limits.clone());
        reception::serve(self.acceptors, self.limits, shutdown, host).await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

/// Serves each connection in a task of the runtime that this is awaited in, one thread or many,
/// until `shutdown`; `factory` makes the protocol of each connection: the short form of
/// [`Server::serve`]. See [`crate::server`].
///
/// Dropping the future drops its connections.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::protocol::Echo;
/// use sockeye_socket::server::Limits;
/// use sockeye_socket::{Shutdown, Socket, aio, create_server};
/// use std::time::Duration;
///
/// let listener = create_server("127.0.0.1:0").bind()?;
/// let addr = listener.getsockname()?;
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// let serving = tokio::spawn(async move {
///     aio::serve(listener, Limits::default(), &stop, |_arrival| Echo::new()).await
/// });
///
/// let client = aio::Socket::new(Socket::tcp4()?)?;
/// client.connect(&addr).await?;
/// client.sendall(b"hello").await?;
/// assert_eq!(client.recv(16).await?, b"hello");
/// drop(client);
/// shutdown.start(Duration::from_secs(1));
/// assert_eq!(serving.await.unwrap()?.finished, 1);
/// # Ok::<(), sockeye_socket::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// No descriptors left (it needs four, and two for each listener), or every listener broke.
///
/// # Panics
/// Outside of a tokio runtime with its I/O and time enabled.
pub async fn serve<P, F>(
    listeners: impl Into<Listeners>,
    limits: Limits,
    shutdown: &Shutdown,
    factory: F,
) -> Result<Report>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    Server::new(listeners)?.limits(limits).serve(shutdown, factory).await
}
