//! A socket seen with flags, or with one deadline over many calls. This is where the calls are
//! made: the methods of the socket itself go through a view without either.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use super::wait::{Call, GoOn, Patience};
use super::{Socket, address_of, wait};
use crate::addr::{Address, Family, ToAddress, UnixName};
use crate::error::{Cause, Error, Result};
use crate::flags::{MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MsgFlags};
use crate::{MSG_NOSIGNAL, errno, sys};

/// A receive buffer that stays this much too large is given back to the allocator.
const SHRINK_BYTES: usize = 4096;
/// Whether there is memory for a receive buffer is asked from this size on.
const PROBE_BYTES: usize = 1 << 20;

/// A [`Socket`] whose calls have flags, and one deadline for all of them together, which is what
/// Python lacks. Made by [`Socket::deadline`] and [`Socket::flags`]; the methods are the socket's.
///
/// The deadline counts in place of the timeout, on blocking and nonblocking sockets too: what is
/// not done by then is `TimedOut`. Flags are for what is sent and received, not for accept and
/// connect.
///
/// ```
/// use sockeye_socket::{MSG_PEEK, socketpair};
/// use std::time::{Duration, Instant};
///
/// let (a, b) = socketpair()?;
/// a.sendall(b"head|")?;
/// // The whole answer within 50 ms, however many calls it takes.
/// let view = b.deadline(Instant::now() + Duration::from_millis(50));
/// let mut head = [0; 5];
/// view.recv_exact(&mut head)?;
/// assert!(view.recv(100).unwrap_err().is_timeout());
/// assert_eq!(b.gettimeout(), None);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct View<'s> {
    socket: &'s Socket,
    deadline: Option<Instant>,
    flags: MsgFlags,
    go_on: Option<GoOn<'s>>,
}

impl Socket {
    /// The socket with one deadline for all calls that are made through the view.
    #[must_use]
    pub fn deadline(&self, deadline: Instant) -> View<'_> {
        self.view().deadline(deadline)
    }

    /// The socket with flags for what is sent and received through the view.
    #[must_use]
    pub fn flags(&self, flags: MsgFlags) -> View<'_> {
        self.view().flags(flags)
    }

    /// The socket whose calls signals may end: whenever one interrupts a call that is made through
    /// the view, and between the parts of a `sendall` or `recv_exact`, `go_on` is asked, and where
    /// it says `false` the call ends with `EINTR`. Without it every call goes on.
    ///
    /// A blocking call is interrupted only if the signal's handler was installed without
    /// `SA_RESTART` (signal(7)); one with a timeout or deadline always is. A signal that comes
    /// before the call waits is not noticed. A connect that ends so goes on in the kernel: wait
    /// until the socket is writable, then read [`opt::SO_ERROR`](crate::opt::SO_ERROR).
    ///
    /// ```no_run
    /// use sockeye_socket::Socket;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// static STOP: AtomicBool = AtomicBool::new(false); // the handler of SIGINT sets it
    /// let socket = Socket::udp4()?;
    /// match socket.interruptible(&|| !STOP.load(Ordering::Relaxed)).recv(1024) {
    ///     Ok(datagram) => println!("{} bytes", datagram.len()),
    ///     Err(error) if error.kind() == std::io::ErrorKind::Interrupted => println!("stopped"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    #[must_use]
    pub fn interruptible<'s>(&'s self, go_on: &'s (dyn Fn() -> bool + Sync)) -> View<'s> {
        self.view().interruptible(go_on)
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { socket: self, deadline: None, flags: MsgFlags::NONE, go_on: None }
    }
}

impl<'s> View<'s> {
    /// The same with another deadline.
    #[must_use]
    pub fn deadline(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// The same with more flags.
    #[must_use]
    pub fn flags(self, flags: MsgFlags) -> Self {
        Self { flags: self.flags | flags, ..self }
    }

    /// The same, with `go_on` to ask; see [`Socket::interruptible`].
    #[must_use]
    pub fn interruptible(self, go_on: &'s (dyn Fn() -> bool + Sync)) -> Self {
        Self { go_on: Some(go_on), ..self }
    }

    /// A call by its name.
    pub(crate) fn call(&self, op: &'static str) -> Call<'s> {
        Call::new(op, self.go_on)
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &'s Socket {
        self.socket
    }

    pub(super) fn patience(&self) -> Patience {
        self.deadline.map_or_else(|| self.socket.patience(), Patience::Until)
    }

    /// The patience of a call that takes flags.
    pub(super) fn patience_by_flags(&self) -> Patience {
        let at_once = self.flags.contains(MSG_DONTWAIT);
        if at_once { Patience::Never } else { self.patience() }
    }

    /// For calls that take no `MSG_DONTWAIT`: with a deadline the descriptor may not block. It
    /// stays so, which nobody notices, since every call of this crate waits by itself.
    pub(super) fn keep_from_blocking(&self, op: &'static str) -> Result<()> {
        if self.deadline.is_some() && self.socket.patience() == Patience::Forever {
            self.socket.inner().set_nonblocking(true).map_err(|error| Error::io(op, &error))?;
        }
        Ok(())
    }

    /// The flags of a call by the system's numbers.
    pub(super) fn bits(&self, always: MsgFlags) -> u32 {
        let bits = (self.flags | always).bits();
        if self.deadline.is_some() { bits | MSG_DONTWAIT.bits() } else { bits }
    }

    /// The same as C's int.
    pub(crate) fn c_flags(&self, always: MsgFlags) -> i32 {
        i32::from_ne_bytes(self.bits(always).to_ne_bytes())
    }

    /// Runs a call that takes flags until it neither is interrupted nor has to wait.
    pub(crate) fn retry<T>(
        &self,
        op: &'static str,
        events: PollFlags,
        mut work: impl FnMut() -> io::Result<T>,
    ) -> Result<T> {
        let (call, fd) = (self.call(op), self.socket.as_fd());
        if !self.of_error_queue() {
            return wait::retry(call, fd, events, || self.patience_by_flags(), work);
        }
        // Errors show as such, not as something to read. Whatever shows is asked for once: a
        // socket that is over, or has another error, shows that for ever.
        match wait::retry(call, fd, events, || Patience::Never, &mut work) {
            Err(error) if error.would_block() => {
                self.patience_by_flags().wait(call, fd, PollFlags::empty())?;
                wait::retry(call, fd, events, || Patience::Never, work)
            }
            done => done,
        }
    }

    #[cfg(target_os = "linux")]
    fn of_error_queue(&self) -> bool {
        self.flags.contains(crate::MSG_ERRQUEUE)
    }

    #[cfg(not(target_os = "linux"))]
    fn of_error_queue(&self) -> bool {
        false
    }

    fn send_flags(&self) -> SendFlags {
        SendFlags::from_bits_retain(self.bits(MSG_NOSIGNAL))
    }

    fn recv_flags(&self) -> RecvFlags {
        RecvFlags::from_bits_retain(self.bits(MsgFlags::NONE))
    }

    /// As [`Socket::accept`].
    ///
    /// # Errors
    /// As [`Socket::accept`].
    pub fn accept(&self) -> Result<(Socket, Address)> {
        self.keep_from_blocking("accept")?;
        let (family, kind) = (self.socket.family(), self.socket.kind());
        let (call, patience) = (self.call("accept"), || self.patience());
        let work = || self.socket.inner().accept();
        let (inner, addr) = wait::retry(call, self.as_fd(), PollFlags::IN, patience, work)?;
        Ok((Socket::wrap(inner, family, kind), address_of("accept", &addr)?))
    }

    /// As [`Socket::send`].
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        let flags = self.send_flags();
        self.retry("send", PollFlags::OUT, || Ok(rustix::net::send(self.socket, data, flags)?))
    }

    /// As [`Socket::send_more`].
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send_more(&self, data: &[u8]) -> Result<usize> {
        #[cfg(target_os = "linux")]
        let view = self.flags(crate::MSG_MORE);
        #[cfg(not(target_os = "linux"))]
        let view = self;
        view.send(data)
    }

    /// As [`Socket::send_vectored`].
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send_vectored(&self, data: &[IoSlice<'_>]) -> Result<usize> {
        let flags = self.send_flags();
        self.retry("send_vectored", PollFlags::OUT, || {
            let mut control = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(self.socket, data, &mut control, flags)?)
        })
    }

    /// As [`Socket::sendall`].
    ///
    /// # Errors
    /// As [`Socket::sendall`].
    pub fn sendall(&self, data: &[u8]) -> Result<()> {
        let (flags, patience) = (self.send_flags(), self.patience_by_flags());
        let call = self.call("sendall");
        let some = |sent: usize| {
            let work = || Ok(rustix::net::send(self.socket, &data[sent..], flags)?);
            wait::retry(call, self.as_fd(), PollFlags::OUT, || patience, work)
        };
        if data.is_empty() {
            return some(0).map(drop);
        }
        wait::whole(call, data.len(), patience, Instant::now, some)
    }

    /// As [`Socket::sendto`].
    ///
    /// # Errors
    /// As [`Socket::sendto`].
    pub fn sendto(&self, data: &[u8], addr: impl ToAddress) -> Result<usize> {
        let addr = addr.to_address(self.socket.family())?;
        let sys_addr = addr.to_sys().map_err(|error| Error::io("sendto", &error).at(&addr))?;
        let flags = self.c_flags(MSG_NOSIGNAL);
        self.retry("sendto", PollFlags::OUT, || {
            self.socket.inner().send_to_with_flags(data, &sys_addr, flags)
        })
        .map_err(|error| error.at(&addr))
    }

    /// As [`Socket::recv`]. With `MSG_TRUNC` no more than `n` bytes either.
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn recv(&self, n: usize) -> Result<Vec<u8>> {
        let mut buf = room("recv", n)?;
        let len = self.recv_by("recv", &mut buf)?;
        buf.truncate(len);
        shrink(&mut buf);
        Ok(buf)
    }

    /// As [`Socket::recv_into`]. With `MSG_TRUNC` the true length of a datagram, which may be more
    /// than the buffer has.
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn recv_into(&self, buf: &mut [u8]) -> Result<usize> {
        self.recv_by("recv_into", buf)
    }

    fn recv_by(&self, op: &'static str, buf: &mut [u8]) -> Result<usize> {
        let flags = self.recv_flags();
        if buf.is_empty() && !self.flags.contains(MSG_TRUNC) {
            return Ok(0);
        }
        let work = || Ok(rustix::net::recv(self.socket, &mut *buf, flags)?.1);
        or_end(self.retry(op, PollFlags::IN, work), || Ok(0))
    }

    /// As [`Socket::peek`].
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        self.flags(MSG_PEEK).recv_by("peek", buf)
    }

    /// As [`Socket::recv_exact`]. Not with `MSG_PEEK`, which would give the same bytes again.
    ///
    /// # Errors
    /// As [`Socket::recv_exact`].
    pub fn recv_exact(&self, buf: &mut [u8]) -> Result<()> {
        if self.flags.contains(MSG_PEEK) {
            let why = "MSG_PEEK gives the same bytes again: peek, or recv with MSG_WAITALL too";
            return Err(Error::new("recv_exact", Cause::Invalid(why)));
        }
        let (flags, patience) = (self.recv_flags(), self.patience_by_flags());
        let (call, need) = (self.call("recv_exact"), buf.len());
        wait::whole(call, need, patience, Instant::now, |have| {
            let work = || Ok(rustix::net::recv(self.socket, &mut buf[have..], flags)?.1);
            match wait::retry(call, self.as_fd(), PollFlags::IN, || patience, work)? {
                0 => Err(Error::new("recv_exact", Cause::Ended { need })),
                n => Ok(n),
            }
        })
    }

    /// As [`Socket::recvfrom`].
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn recvfrom(&self, n: usize) -> Result<(Vec<u8>, Address)> {
        let mut buf = room("recvfrom", n)?;
        let (len, addr) = self.recvfrom_into(&mut buf)?;
        buf.truncate(len);
        shrink(&mut buf);
        Ok((buf, addr))
    }

    /// As [`Socket::recvfrom_into`].
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn recvfrom_into(&self, buf: &mut [u8]) -> Result<(usize, Address)> {
        let flags = self.c_flags(MsgFlags::NONE);
        let work = || sys::recvfrom(self.socket.inner(), &mut *buf, flags);
        let received = self.retry("recvfrom", PollFlags::IN, work);
        let received = received.and_then(|(n, addr)| Ok((n, source_of(self.socket, &addr)?)));
        or_end(received, || Ok((0, no_source(self.socket))))
    }
}

/// A datagram socket that was shut down for receiving gives what a blocking call of the system
/// gives: nothing, as at the end of a stream.
pub(crate) fn or_end<T>(received: Result<T>, end: impl FnOnce() -> Result<T>) -> Result<T> {
    match received {
        Err(error) if error.errno() == Some(errno::ESHUTDOWN) => end(),
        other => other,
    }
}

/// Where the system names no source: a unix sender without a name, or a stream, whose source is its
/// peer. That may be over meanwhile, which is no reason to lose what came.
pub(super) fn source_of(socket: &Socket, addr: &socket2::SockAddr) -> Result<Address> {
    if addr.len() == 0 { Ok(no_source(socket)) } else { address_of("recvfrom", addr) }
}

fn no_source(socket: &Socket) -> Address {
    let nowhere = |host: IpAddr| socket.getpeername().unwrap_or_else(|_| (host, 0).into());
    match socket.family() {
        Family::Unix => Address::Unix(UnixName::Unnamed),
        Family::Inet6 => nowhere(Ipv6Addr::UNSPECIFIED.into()),
        _ => nowhere(Ipv4Addr::UNSPECIFIED.into()),
    }
}

/// Room for so many bytes. What the system cannot give is an error, and not the program's end: the
/// number may be a peer's.
pub(super) fn room(op: &'static str, n: usize) -> Result<Vec<u8>> {
    if n > PROBE_BYTES && Vec::<u8>::new().try_reserve_exact(n).is_err() {
        return Err(Error::os(op, errno::ENOMEM));
    }
    Ok(vec![0; n])
}

pub(super) fn shrink(buf: &mut Vec<u8>) {
    if buf.capacity() - buf.len() > SHRINK_BYTES {
        buf.shrink_to_fit();
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("View");
        out.field("socket", self.socket).field("deadline", &self.deadline);
        out.field("flags", &self.flags).field("interruptible", &self.go_on.is_some()).finish()
    }
}

impl AsFd for View<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
