//! Connecting by name on tokio: the same race, awaited, with the lookup inside of its timeout.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::Socket;
use crate::addr::{Address, Family, ToAddress};
use crate::client;
use crate::client::attempts::{Attempts, is_writable};
use crate::error::{Cause, Error, Result};

/// Starts a connection to `addr`, as [`crate::create_connection`]; it is awaited.
///
/// A name is looked up on the runtime's pool of blocking threads. Dropping the future closes every
/// socket of it; a lookup that is under way ends by itself and its result is thrown away.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::{aio, create_server};
/// use std::time::Duration;
///
/// let server = create_server("127.0.0.1:0").bind()?;
/// let port = server.getsockname()?.port().unwrap();
/// let connection = aio::create_connection(("localhost", port)).timeout(Duration::from_secs(5));
/// let socket = connection.open().await?;
/// socket.sendall(b"hello").await?;
/// # Ok::<(), sockeye_socket::Error>(())
/// # }).unwrap();
/// ```
pub fn create_connection<A>(addr: A) -> ConnectionBuilder<A>
where
    A: ToAddress + Send + Sync + 'static,
{
    ConnectionBuilder { inner: client::create_connection(addr), resolution_delay: None }
}

/// What a connection is to be like; [`open`](Self::open) makes it.
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before open()"]
pub struct ConnectionBuilder<A> {
    inner: client::ConnectionBuilder<A>,
    resolution_delay: Option<Duration>,
}

impl<A: ToAddress + Send + Sync + 'static> ConnectionBuilder<A> {
    /// The most that all of it may take, the lookup of the name included.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.inner = self.inner.timeout(timeout);
        self
    }

    /// As [`crate::ConnectionBuilder::source`].
    pub fn source(mut self, source: impl Into<Address>) -> Self {
        self.inner = self.inner.source(source);
        self
    }

    /// As [`crate::ConnectionBuilder::attempt_delay`].
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.inner = self.inner.attempt_delay(delay);
        self
    }

    /// As [`crate::ConnectionBuilder::sequential`].
    pub fn sequential(mut self) -> Self {
        self.inner = self.inner.sequential();
        self
    }

    /// Looks IPv6 and IPv4 up apart, both at once, and connects to what is there: IPv4 addresses
    /// wait so long for the answer about IPv6 (RFC 8305 recommends 50 ms). Without this, one lookup
    /// asks for both and waits for the slower one, and the system's order (RFC 6724, gai.conf) says
    /// which family is first; with it, that is IPv6.
    pub fn resolution_delay(mut self, delay: Duration) -> Self {
        self.resolution_delay = Some(delay);
        self.inner.config.resolution_delay = delay;
        self
    }

    /// Connects. May be cancelled.
    ///
    /// # Errors
    /// As [`crate::ConnectionBuilder::open`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with its I/O and time enabled.
    pub async fn open(self) -> Result<Socket> {
        let mut lookups = Lookups(Vec::new());
        let mut race = self.inner.race(now());
        let (family, name) = (self.inner.family(), self.inner.addr.unresolved());
        let source = self.inner.source;
        if name.is_none() {
            let addrs = self.inner.addr.to_addresses(family)?;
            race.handle_addresses(Family::Unspec, addrs, now());
        } else if self.resolution_delay.is_some() && family == Family::Unspec {
            lookups.start(self.inner.addr, &[Family::Inet6, Family::Inet]);
        } else {
            lookups.start(self.inner.addr, &[family]);
        }
        let mut attempts = Attempts::new(race, source, Socket::new);
        loop {
            if let Some(socket) = attempts.advance(now(), drop)? {
                return Ok(socket);
            }
            wait(&mut attempts, &mut lookups).await?;
        }
    }
}

/// tokio's clock, which its tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits until there is something to do for the race, and hands over what was looked up.
async fn wait(attempts: &mut Attempts<Socket>, lookups: &mut Lookups) -> Result<()> {
    let until = attempts.poll_timeout();
    let mut timer = until.map(|until| Box::pin(tokio::time::sleep_until(until.into())));
    let found = poll_fn(|cx| {
        if let Poll::Ready(found) = lookups.poll(cx) {
            return Poll::Ready(Ok::<_, Error>(Some(found)));
        }
        let mut ended = false;
        for socket in attempts.connecting() {
            ended |= socket.poll_connected(cx)?;
        }
        let timer = timer.as_mut();
        let late = timer.is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if ended || late { Poll::Ready(Ok(None)) } else { Poll::Pending }
    })
    .await?;
    let race = attempts.race_mut();
    match found {
        Some((family, Ok(addrs))) => race.handle_addresses(family, addrs, now()),
        Some((family, Err(error))) => race.handle_unresolved(family, error, now()),
        None => {}
    }
    Ok(())
}

impl Socket {
    /// Whether the connect has ended. Readiness that means nothing is used up; that of a connected
    /// socket is kept for the first send.
    fn poll_connected(&self, cx: &mut Context<'_>) -> Result<bool> {
        while let Poll::Ready(ready) = self.inner.poll_write_ready(cx) {
            let mut guard = ready.map_err(|error| Error::io("connect", &error))?;
            if is_writable(self)? {
                return Ok(true);
            }
            guard.clear_ready();
        }
        Ok(false)
    }
}

/// Lookups under way, each of one family (`Unspec`: of all).
struct Lookups(Vec<(Family, JoinHandle<Result<Vec<Address>>>)>);

impl Lookups {
    fn start<A: ToAddress + Send + Sync + 'static>(&mut self, addr: A, families: &[Family]) {
        let addr = Arc::new(addr);
        for &family in families {
            let addr = Arc::clone(&addr);
            let lookup = tokio::task::spawn_blocking(move || addr.to_addresses(family));
            self.0.push((family, lookup));
        }
    }

    /// The next one that has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Family, Result<Vec<Address>>)> {
        for index in 0..self.0.len() {
            let (family, lookup) = &mut self.0[index];
            if let Poll::Ready(joined) = Pin::new(lookup).poll(cx) {
                let family = *family;
                drop(self.0.remove(index));
                return Poll::Ready((family, joined.unwrap_or_else(lost)));
            }
        }
        Poll::Pending
    }
}

/// A lookup that gave nothing: it panicked, and so do we, or the runtime is going away.
fn lost(error: tokio::task::JoinError) -> Result<Vec<Address>> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Error::new("resolve", Cause::Invalid("the runtime is shutting down"))),
    }
}
