//! The same socket on tokio's reactor (feature `tokio`): `AsyncRead + AsyncWrite` and the methods
//! by the same names.

mod client;
mod close;
mod framed;
mod message;
mod server;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use crate::addr::{Address, Family, ToAddress};
use crate::error::{Cause, Error, Result};
use crate::server::{Accept, Acceptor};
use crate::shutdown::Shutdown;
use crate::socket::{How, Kind, or_end};
use crate::{errno, opt, sys};

pub use client::{ConnectionBuilder, create_connection};
pub use framed::Framed;
pub use server::{Server, serve};

/// How much of a file goes in one call, so that other tasks get their turn.
const PART_BYTES: u64 = 1 << 20;

/// A [`crate::Socket`] whose methods are awaited. Dropping a future cancels it: `send` and `recv`
/// have then done nothing; what `sendall` had sent is sent. Timeouts are `tokio::time::timeout`'s
/// business.
///
/// For two tasks on one connection, one that reads and one that writes, use `tokio::io::split`; or
/// share an `Arc` of it, since the methods take `&self`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::{aio, socketpair};
///
/// let (a, b) = socketpair()?;
/// let (a, b) = (aio::Socket::new(a)?, aio::Socket::new(b)?);
/// a.sendall(b"hello").await?;
/// assert_eq!(b.recv(16).await?, b"hello");
/// # Ok::<(), sockeye_socket::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Socket {
    inner: AsyncFd<crate::Socket>,
}

impl Socket {
    /// Makes `socket` nonblocking and registers it with the runtime of the calling task.
    ///
    /// # Errors
    /// The runtime cannot take it.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its I/O enabled.
    pub fn new(socket: crate::Socket) -> Result<Self> {
        socket.setblocking(false)?;
        let inner = sys::register(socket, Interest::READABLE | Interest::WRITABLE);
        Ok(Self { inner: inner.map_err(|error| Error::io("register", &error))? })
    }

    /// The socket itself, for options and names. It is nonblocking and must stay so.
    #[must_use]
    pub fn get_ref(&self) -> &crate::Socket {
        self.inner.get_ref()
    }

    /// Takes the socket out of the runtime and makes it blocking.
    ///
    /// # Errors
    /// The descriptor's mode cannot be changed.
    pub fn into_inner(self) -> Result<crate::Socket> {
        let socket = self.inner.into_inner();
        socket.setblocking(true)?;
        Ok(socket)
    }

    /// Waits until a receive would give something.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub async fn readable(&self) -> Result<()> {
        let ready = self.inner.readable().await;
        ready.map(|mut guard| guard.retain_ready()).map_err(|error| Error::io("readable", &error))
    }

    /// Waits until a send would take something.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub async fn writable(&self) -> Result<()> {
        let ready = self.inner.writable().await;
        ready.map(|mut guard| guard.retain_ready()).map_err(|error| Error::io("writable", &error))
    }

    /// Makes a call that receives, whenever there is something to receive, until it gives anything
    /// but `WouldBlock`: for flags and whatever else has no method here.
    ///
    /// ```
    /// # let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    /// # tokio.unwrap().block_on(async {
    /// use sockeye_socket::{MSG_PEEK, aio, socketpair};
    ///
    /// let (a, b) = socketpair()?;
    /// let b = aio::Socket::new(b)?;
    /// a.sendall(b"hello")?;
    /// assert_eq!(b.when_readable(|b| b.flags(MSG_PEEK).recv(16)).await?, b"hello");
    /// # Ok::<(), sockeye_socket::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The call's, or the runtime is shutting down.
    pub async fn when_readable<T>(
        &self,
        call: impl FnMut(&crate::Socket) -> Result<T>,
    ) -> Result<T> {
        self.run("readable", Interest::READABLE, call).await
    }

    /// As [`when_readable`](Self::when_readable) for a call that sends.
    ///
    /// # Errors
    /// The call's, or the runtime is shutting down.
    pub async fn when_writable<T>(
        &self,
        call: impl FnMut(&crate::Socket) -> Result<T>,
    ) -> Result<T> {
        self.run("writable", Interest::WRITABLE, call).await
    }

    /// Runs a nonblocking call whenever the socket is ready, until it is done.
    async fn run<T>(
        &self,
        op: &'static str,
        interest: Interest,
        mut call: impl FnMut(&crate::Socket) -> Result<T>,
    ) -> Result<T> {
        loop {
            let mut guard =
                self.inner.ready(interest).await.map_err(|error| Error::io(op, &error))?;
            match call(self.inner.get_ref()) {
                Err(error) if error.would_block() => {
                    let ready = guard.ready();
                    // A datagram socket that was shut down stays ready and gives nothing.
                    if interest == Interest::READABLE && ready.is_read_closed() {
                        return Err(Error::os(op, errno::ESHUTDOWN));
                    }
                    // Only what was waited for is used up.
                    guard.clear_ready_matching(if interest == Interest::READABLE {
                        ready & tokio::io::Ready::READABLE
                    } else {
                        ready & tokio::io::Ready::WRITABLE
                    });
                }
                done => return done,
            }
        }
    }

    /// Connects to `addr`. A name is looked up on the blocking pool.
    ///
    /// # Errors
    /// As [`crate::Socket::connect`].
    pub async fn connect(&self, addr: impl ToAddress) -> Result<()> {
        let addr = resolved(addr, self.get_ref().family()).await?;
        match self.get_ref().connect(&addr) {
            Err(error) if error.errno() == Some(errno::EINPROGRESS) => {}
            done => return done,
        }
        // Readiness from before the connect is stale: a getpeername tells.
        loop {
            let ready = self.inner.writable().await;
            let mut guard = ready.map_err(|error| Error::io("connect", &error).at(&addr))?;
            match self.get_ref().getsockopt(opt::SO_ERROR)? {
                0 if self.get_ref().getpeername().is_err() => guard.clear_ready(),
                0 => return Ok(()),
                errno => return Err(Error::os("connect", errno).at(&addr)),
            }
        }
    }

    /// Takes the next client; an [`Acceptor`] does so without ever falling over.
    ///
    /// # Errors
    /// As [`crate::Socket::accept`].
    pub async fn accept(&self) -> Result<(Self, Address)> {
        let accept = |socket: &crate::Socket| socket.accept();
        let (client, addr) = self.run("accept", Interest::READABLE, accept).await?;
        Ok((Self::new(client)?, addr))
    }

    /// Sends some of `data`; gives how many bytes the system took.
    ///
    /// # Errors
    /// As [`crate::Socket::send`].
    pub async fn send(&self, data: &[u8]) -> Result<usize> {
        self.run("send", Interest::WRITABLE, |socket| socket.send(data)).await
    }

    /// As [`send`](Self::send), and more will follow at once (`MSG_MORE`).
    ///
    /// # Errors
    /// As [`crate::Socket::send`].
    pub async fn send_more(&self, data: &[u8]) -> Result<usize> {
        self.run("send_more", Interest::WRITABLE, |socket| socket.send_more(data)).await
    }

    /// Sends some of the buffers in one system call.
    ///
    /// # Errors
    /// As [`crate::Socket::send`].
    pub async fn send_vectored(&self, data: &[IoSlice<'_>]) -> Result<usize> {
        self.run("send_vectored", Interest::WRITABLE, |socket| socket.send_vectored(data)).await
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// As [`crate::Socket::send`]; [`Error::sent`] says how many bytes had gone before.
    pub async fn sendall(&self, data: &[u8]) -> Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            sent += self.send(&data[sent..]).await.map_err(|error| error.after(sent))?;
        }
        Ok(())
    }

    /// Sends a datagram to `addr`. A name is looked up on the blocking pool.
    ///
    /// # Errors
    /// As [`crate::Socket::sendto`].
    pub async fn sendto(&self, data: &[u8], addr: impl ToAddress) -> Result<usize> {
        let addr = resolved(addr, self.get_ref().family()).await?;
        self.run("sendto", Interest::WRITABLE, |socket| socket.sendto(data, &addr)).await
    }

    /// Sends a regular `file` from `offset` on, at most `count` bytes of it or to its end, and
    /// gives how many went. Where the file is not in memory yet, reading it holds up the thread.
    ///
    /// # Errors
    /// As [`crate::Socket::sendfile_some`]; [`Error::sent`] says how many bytes had gone before.
    pub async fn sendfile(&self, file: impl AsFd, offset: u64, count: Option<u64>) -> Result<u64> {
        let most = count.unwrap_or(u64::MAX);
        let mut sent = 0;
        while sent < most {
            let part = usize::try_from((most - sent).min(PART_BYTES)).unwrap_or(usize::MAX);
            let at = offset.saturating_add(sent);
            let some = self.sendfile_some(&file, at, part).await;
            let before = usize::try_from(sent).unwrap_or(usize::MAX);
            match some.map_err(|error| error.after(before))? {
                0 => break,
                n => sent += u64::try_from(n).unwrap_or(u64::MAX),
            }
        }
        Ok(sent)
    }

    /// Sends up to `count` bytes of `file` from `offset`, one system call's worth.
    ///
    /// # Errors
    /// As [`crate::Socket::sendfile_some`].
    pub async fn sendfile_some(&self, file: impl AsFd, offset: u64, count: usize) -> Result<usize> {
        let call = |socket: &crate::Socket| socket.sendfile_some(&file, offset, count);
        self.run("sendfile", Interest::WRITABLE, call).await
    }

    /// Receives at most `n` bytes; empty at the end of the stream.
    ///
    /// # Errors
    /// As [`crate::Socket::recv`].
    pub async fn recv(&self, n: usize) -> Result<Vec<u8>> {
        or_end(self.run("recv", Interest::READABLE, |socket| socket.recv(n)).await, || Ok(vec![]))
    }

    /// Receives into `buf`; gives how many bytes came, 0 at the end of the stream.
    ///
    /// # Errors
    /// As [`crate::Socket::recv`].
    pub async fn recv_into(&self, buf: &mut [u8]) -> Result<usize> {
        let call = |socket: &crate::Socket| socket.recv_into(buf);
        or_end(self.run("recv_into", Interest::READABLE, call).await, || Ok(0))
    }

    /// Fills `buf`. Cancelled, the bytes that had come are lost to the caller: use
    /// [`recv_into`](Self::recv_into) where that matters.
    ///
    /// # Errors
    /// The stream ended before (`UnexpectedEof`), or as [`crate::Socket::recv`].
    pub async fn recv_exact(&self, buf: &mut [u8]) -> Result<()> {
        let (mut have, need) = (0, buf.len());
        while have < need {
            match self.recv_into(&mut buf[have..]).await.map_err(|error| error.after(have))? {
                0 => return Err(Error::new("recv_exact", Cause::Ended { need }).after(have)),
                n => have += n,
            }
        }
        Ok(())
    }

    /// Receives a datagram of at most `n` bytes, and who sent it.
    ///
    /// # Errors
    /// As [`crate::Socket::recvfrom`].
    pub async fn recvfrom(&self, n: usize) -> Result<(Vec<u8>, Address)> {
        self.run("recvfrom", Interest::READABLE, |socket| socket.recvfrom(n)).await
    }

    /// Receives a datagram into `buf`: its length and who sent it.
    ///
    /// # Errors
    /// As [`crate::Socket::recvfrom_into`].
    pub async fn recvfrom_into(&self, buf: &mut [u8]) -> Result<(usize, Address)> {
        self.run("recvfrom", Interest::READABLE, |socket| socket.recvfrom_into(buf)).await
    }

    /// Looks at what would be received, and leaves it there.
    ///
    /// # Errors
    /// As [`crate::Socket::recv`].
    pub async fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        self.run("peek", Interest::READABLE, |socket| socket.peek(buf)).await
    }
}

/// The address at once where it is one; a name is asked for where blocking is allowed.
async fn resolved(addr: impl ToAddress, family: Family) -> Result<Address> {
    let Some(name) = addr.unresolved() else { return addr.to_address(family) };
    let lookup = tokio::task::spawn_blocking(move || name.to_address(family));
    let gone = |_| Error::new("resolve", Cause::Invalid("the runtime is shutting down"));
    lookup.await.map_err(gone)?
}

/// Takes a nonblocking call's answer apart: `None` is to wait.
fn done<T>(answer: std::result::Result<T, Errno>) -> Option<io::Result<T>> {
    match answer {
        Ok(value) => Some(Ok(value)),
        Err(Errno::AGAIN) => None,
        Err(error) => Some(Err(error.into())),
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        loop {
            let mut guard = ready!(self.inner.poll_read_ready(cx))?;
            match done(sys::recv_into_readbuf(self.inner.get_ref().as_fd(), buf)) {
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Some(Ok(n)) => {
                    // Less than asked for: the stream is empty, and the next read need not try.
                    if n > 0 && n < room && self.get_ref().kind() == Kind::Stream {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(()));
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => guard.clear_ready(),
            }
        }
    }
}

impl Socket {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        mut call: impl FnMut(&crate::Socket) -> Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.inner.poll_write_ready(cx))?;
            match call(self.inner.get_ref()) {
                Ok(n) => {
                    if n > 0 && n < len {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.would_block() => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, data.len(), |socket| socket.send(data))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = data.iter().map(|slice| slice.len()).sum();
        self.poll_send(cx, len, |socket| socket.send_vectored(data))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_ref().shutdown(How::Write) {
            Err(error) if error.errno() != Some(errno::ENOTCONN) => Poll::Ready(Err(error.into())),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl Acceptor {
    /// As [`accept`](Self::accept), for a task of tokio; keeps a duplicate of the listener's
    /// descriptor in the runtime. May be cancelled without losing a client. What it gives is a
    /// blocking [`crate::Socket`]: [`Socket::new`] makes it one of a task.
    ///
    /// # Errors
    /// As [`try_accept`](Self::try_accept).
    pub async fn accept_async(
        &mut self,
        shutdown: &Shutdown,
    ) -> Result<Option<(crate::Socket, Address)>> {
        loop {
            if shutdown.is_started() {
                return Ok(None);
            }
            match self.try_accept(Instant::now())? {
                Accept::Connection(socket, addr) => return Ok(Some((socket, addr))),
                Accept::Paused { until } => tokio::select! {
                    () = shutdown.wait_async() => {}
                    () = tokio::time::sleep_until(until.into()) => {}
                },
                Accept::Empty => tokio::select! {
                    () = shutdown.wait_async() => {}
                    ready = self.client_waits() => ready?,
                },
            }
        }
    }

    /// Waits for a client; the readiness counts once, and try_accept is asked again.
    async fn client_waits(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_client(cx)).await
    }

    /// As [`client_waits`](Self::client_waits), for a future of one's own.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let fail = |error: io::Error| Error::io("accept", &error);
        let mut guard = ready!(self.registered()?.poll_read_ready(cx)).map_err(fail)?;
        guard.clear_ready();
        Poll::Ready(Ok(()))
    }

    /// The duplicate of the listener's descriptor that the runtime has, made at the first call.
    fn registered(&mut self) -> Result<&AsyncFd<OwnedFd>> {
        let fail = |error: io::Error| Error::io("accept", &error);
        let readiness = match self.readiness.take() {
            Some(readiness) => readiness,
            None => {
                let copy = rustix::io::fcntl_dupfd_cloexec(self.listener(), 0)
                    .map_err(|error| fail(error.into()))?;
                // Who came before the registration shows as readable.
                sys::register(copy, Interest::READABLE).map_err(fail)?
            }
        };
        Ok(self.readiness.insert(readiness))
    }
}
