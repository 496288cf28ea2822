//! The socket: creating it, naming it, its options and its end. Moving bytes is in `transfer`,
//! with flags and deadlines in `view`, whole files in `file`, connecting in `connect`, waiting in
//! `wait`, other types' sockets in `convert`.

#[cfg(target_os = "linux")]
mod batch;
mod close;
mod connect;
mod convert;
mod file;
mod kind;
mod message;
mod transfer;
mod view;
pub(crate) mod wait;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use socket2::{Domain, Protocol, SockAddr};

use crate::addr::{Address, Family, ToAddress};
use crate::error::{Cause, Error, Result};
use crate::opt::{GetValue, Opt, SetValue};
use crate::{errno, sys};
use wait::Patience;

#[cfg(target_os = "linux")]
pub use batch::{Datagram, RecvBatch, SendBatch};
#[cfg(feature = "tokio")]
pub(crate) use close::Drain;
pub use close::Drained;
pub use convert::{dup, fromfd};
pub use kind::{
    How, Kind, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM,
    SOMAXCONN,
};
pub use message::{Message, Received, recv_fds, send_fds};
pub use view::View;
#[cfg(feature = "tokio")]
pub(crate) use view::or_end;

/// A BSD socket with the methods that Python gives it.
///
/// All methods take `&self`, so that a thread can send while another receives. Dropping closes.
/// Descriptors are close-on-exec, interrupted calls go on, and no call raises `SIGPIPE`
/// ([`sendfile`](Self::sendfile) excepted, which Rust programs ignore anyway).
///
/// ```
/// use sockeye_socket::{AF_INET, SOCK_STREAM, Socket};
///
/// let server = Socket::new(AF_INET, SOCK_STREAM, 0)?;
/// server.bind(("127.0.0.1", 0))?;
/// server.listen(5)?;
/// let client = Socket::tcp4()?;
/// client.connect(server.getsockname()?)?;
/// let (connection, peer) = server.accept()?;
/// assert_eq!(peer, client.getsockname()?);
/// client.sendall(b"hello")?;
/// assert_eq!(connection.recv(1024)?, b"hello");
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct Socket {
    inner: socket2::Socket,
    family: Family,
    kind: Kind,
    /// The timeout in nanoseconds: 0 is nonblocking, `BLOCKING` waits for ever.
    timeout_ns: AtomicU64,
}

const BLOCKING: u64 = u64::MAX;

impl Socket {
    /// A new socket, blocking and close-on-exec; protocol 0 is the family's usual one.
    ///
    /// # Errors
    /// The system has no such socket, or no descriptors left (`EMFILE`).
    pub fn new(family: Family, kind: Kind, protocol: i32) -> Result<Self> {
        let protocol = (protocol != 0).then(|| Protocol::from(protocol));
        socket2::Socket::new(Domain::from(family.raw()), kind.to_type(), protocol)
            .map(|inner| Self::wrap(inner, family, kind))
            .map_err(|error| Error::io("socket", &error))
    }

    /// A TCP socket for IPv4.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn tcp4() -> Result<Self> {
        Self::new(Family::Inet, Kind::Stream, 0)
    }

    /// A TCP socket for IPv6.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn tcp6() -> Result<Self> {
        Self::new(Family::Inet6, Kind::Stream, 0)
    }

    /// A UDP socket for IPv4.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn udp4() -> Result<Self> {
        Self::new(Family::Inet, Kind::Dgram, 0)
    }

    /// A UDP socket for IPv6.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn udp6() -> Result<Self> {
        Self::new(Family::Inet6, Kind::Dgram, 0)
    }

    /// A stream socket of this machine.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn unix() -> Result<Self> {
        Self::new(Family::Unix, Kind::Stream, 0)
    }

    /// A datagram socket of this machine.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn unix_dgram() -> Result<Self> {
        Self::new(Family::Unix, Kind::Dgram, 0)
    }

    /// A socket of the network layer itself, such as `raw(AF_INET, 1)` for ICMP. Over IPv4 what is
    /// received begins with the IP header.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`.
    pub fn raw(family: Family, protocol: i32) -> Result<Self> {
        Self::new(family, Kind::Raw, protocol)
    }

    /// A socket for talking with the kernel, such as `netlink(0)` about routes (Linux).
    ///
    /// # Errors
    /// The kernel does not have the protocol.
    ///
    /// # Source
    /// netlink(7)
    #[cfg(target_os = "linux")]
    pub fn netlink(protocol: i32) -> Result<Self> {
        Self::new(Family::Netlink, Kind::Raw, protocol)
    }

    pub(crate) fn wrap(inner: socket2::Socket, family: Family, kind: Kind) -> Self {
        Self { inner, family, kind, timeout_ns: AtomicU64::new(BLOCKING) }
    }

    /// The family that it was made with.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The kind that it was made with (Python's `type`).
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The protocol by its number, as the system sees it: 6 is TCP, 17 is UDP (Linux).
    ///
    /// # Errors
    /// The system refuses.
    #[cfg(target_os = "linux")]
    pub fn proto(&self) -> Result<i32> {
        self.getsockopt(crate::opt::SO_PROTOCOL)
    }

    /// The descriptor's number, which stays the socket's.
    #[must_use]
    pub fn fileno(&self) -> RawFd {
        self.inner.as_raw_fd()
    }

    /// Gives the socket its own address.
    ///
    /// # Errors
    /// The address is in use, is not of this machine, or needs privilege.
    pub fn bind(&self, addr: impl ToAddress) -> Result<()> {
        let addr = addr.to_address(self.family)?;
        self.with_sys("bind", &addr, |sys_addr| self.inner.bind(sys_addr))
    }

    /// Lets clients queue up, at most `backlog` (negative counts as 0).
    ///
    /// # Errors
    /// The socket is not a bound stream socket, or another one took the port meanwhile.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        let listened = self.inner.listen(backlog.max(0));
        listened.map_err(|error| self.named_error("listen", &error))
    }

    /// How long each call may take: `None` for ever (the default), `Duration::ZERO` not at all
    /// (nonblocking), else at most so long for the WHOLE of each call, `sendall` included.
    ///
    /// ```
    /// use sockeye_socket::socketpair;
    /// use std::time::Duration;
    ///
    /// let (socket, _peer) = socketpair()?;
    /// socket.settimeout(Duration::from_millis(5))?;
    /// assert!(socket.recv(1).unwrap_err().is_timeout());
    /// socket.settimeout(Duration::ZERO)?;
    /// assert!(socket.recv(1).unwrap_err().would_block());
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Errors
    /// The descriptor's mode cannot be changed.
    pub fn settimeout(&self, timeout: impl Into<Option<Duration>>) -> Result<()> {
        let timeout = timeout.into();
        let nanos = match timeout {
            None => BLOCKING,
            Some(time) => u64::try_from(time.as_nanos()).unwrap_or(BLOCKING - 1).min(BLOCKING - 1),
        };
        self.inner
            .set_nonblocking(timeout.is_some())
            .map_err(|error| Error::io("settimeout", &error))?;
        self.timeout_ns.store(nanos, Ordering::Relaxed);
        Ok(())
    }

    /// What [`settimeout`](Self::settimeout) set.
    #[must_use]
    pub fn gettimeout(&self) -> Option<Duration> {
        match self.timeout_ns.load(Ordering::Relaxed) {
            BLOCKING => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// `true` is `settimeout(None)`, `false` is `settimeout(Duration::ZERO)`.
    ///
    /// # Errors
    /// As [`settimeout`](Self::settimeout).
    pub fn setblocking(&self, blocking: bool) -> Result<()> {
        self.settimeout(if blocking { None } else { Some(Duration::ZERO) })
    }

    /// Whether calls wait at all: everything but `settimeout(Duration::ZERO)`.
    #[must_use]
    pub fn getblocking(&self) -> bool {
        self.timeout_ns.load(Ordering::Relaxed) != 0
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// The socket is not connected (`ENOTCONN`).
    pub fn shutdown(&self, how: How) -> Result<()> {
        self.inner.shutdown(how.into()).map_err(|error| Error::io("shutdown", &error))
    }

    /// Sets an option.
    ///
    /// # Errors
    /// The system does not have the option for this socket, or refuses the value.
    pub fn setsockopt<T: SetValue>(&self, option: Opt<T>, value: T) -> Result<()> {
        let bytes =
            value.encode().ok_or_else(|| option_error("setsockopt", option, errno::EINVAL))?;
        sys::set_option(self.as_fd(), option.level(), option.name(), &bytes)
            .map_err(|error| option_error("setsockopt", option, errno_of(&error)))
    }

    /// Reads an option.
    ///
    /// # Errors
    /// The system does not have the option for this socket.
    pub fn getsockopt<T: GetValue>(&self, option: Opt<T>) -> Result<T> {
        let mut bytes = vec![0; T::LEN];
        let len = sys::get_option(self.as_fd(), option.level(), option.name(), &mut bytes)
            .map_err(|error| option_error("getsockopt", option, errno_of(&error)))?;
        T::decode(&bytes[..len]).ok_or_else(|| option_error("getsockopt", option, errno::EINVAL))
    }

    /// Reads an option by the system's numbers: at most `len` of its bytes. What kind of value it
    /// is, and how many bytes it wants, says its manual page.
    ///
    /// # Errors
    /// The system does not have the option for this socket, or wants more room (`EINVAL`).
    pub fn getsockopt_bytes(&self, level: i32, name: i32, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let len = sys::get_option(self.as_fd(), level, name, &mut bytes)
            .map_err(|error| Error::io("getsockopt", &error))?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The socket's own address.
    ///
    /// # Errors
    /// The system refuses.
    pub fn getsockname(&self) -> Result<Address> {
        let addr = self.inner.local_addr().map_err(|error| Error::io("getsockname", &error))?;
        address_of("getsockname", &addr)
    }

    /// The peer's address.
    ///
    /// # Errors
    /// The socket is not connected (`ENOTCONN`).
    pub fn getpeername(&self) -> Result<Address> {
        let addr = self.inner.peer_addr().map_err(|error| Error::io("getpeername", &error))?;
        address_of("getpeername", &addr)
    }

    /// A second descriptor (close-on-exec) of the same socket, with the same timeout.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn dup(&self) -> Result<Self> {
        let inner = self.inner.try_clone().map_err(|error| Error::io("dup", &error))?;
        let timeout_ns = AtomicU64::new(self.timeout_ns.load(Ordering::Relaxed));
        Ok(Self { inner, family: self.family, kind: self.kind, timeout_ns })
    }

    /// Gives the descriptor up, in the mode of the timeout (nonblocking if one is set).
    #[must_use]
    pub fn detach(self) -> OwnedFd {
        if self.patience() == Patience::Forever {
            // A view may have left it nonblocking; on a descriptor of ours this cannot fail.
            let _ = self.inner.set_nonblocking(false);
        }
        self.inner.into()
    }

    /// Whether a program that this one turns into (`exec`) keeps the descriptor.
    ///
    /// # Errors
    /// The system refuses.
    pub fn get_inheritable(&self) -> Result<bool> {
        let flags = fcntl_getfd(self).map_err(descriptor_error)?;
        Ok(!flags.contains(FdFlags::CLOEXEC))
    }

    /// Lets a program that this one turns into (`exec`) keep the descriptor, or not (the default).
    ///
    /// # Errors
    /// The system refuses.
    pub fn set_inheritable(&self, inheritable: bool) -> Result<()> {
        let flags = fcntl_getfd(self).map_err(descriptor_error)?;
        let flags = if inheritable { flags - FdFlags::CLOEXEC } else { flags | FdFlags::CLOEXEC };
        fcntl_setfd(self, flags).map_err(descriptor_error)
    }

    /// Closes and reports the error that dropping cannot.
    ///
    /// # Errors
    /// The system says that something was lost; the descriptor is closed all the same.
    pub fn close(self) -> Result<()> {
        sys::close(self.inner.into()).map_err(|error| Error::io("close", &error))
    }

    pub(crate) fn inner(&self) -> &socket2::Socket {
        &self.inner
    }

    /// How long a call that starts now may take.
    pub(crate) fn patience(&self) -> Patience {
        match self.timeout_ns.load(Ordering::Relaxed) {
            BLOCKING => Patience::Forever,
            0 => Patience::Never,
            nanos => Patience::lasting(Duration::from_nanos(nanos)),
        }
    }

    /// Runs `call` with the system's form of `addr`, which its error names.
    fn with_sys<T>(
        &self,
        op: &'static str,
        addr: &Address,
        call: impl FnOnce(&SockAddr) -> io::Result<T>,
    ) -> Result<T> {
        addr.to_sys().and_then(|addr| call(&addr)).map_err(|error| Error::io(op, &error).at(addr))
    }

    /// An error about the address that the socket has.
    fn named_error(&self, op: &'static str, error: &io::Error) -> Error {
        let error = Error::io(op, error);
        match self.getsockname() {
            Ok(addr) => error.at(&addr),
            Err(_) => error,
        }
    }
}

/// An error about an option by its name.
fn option_error<T>(op: &'static str, option: Opt<T>, errno: i32) -> Error {
    Error::new(op, Cause::Asked { errno, asked: option.label().into() })
}

fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(errno::EINVAL)
}

fn descriptor_error(error: Errno) -> Error {
    Error::os("fcntl", error.raw_os_error())
}

/// The address that the system gave to `op`.
pub(crate) fn address_of(op: &'static str, addr: &SockAddr) -> Result<Address> {
    Address::from_sys(addr)
        .ok_or_else(|| Error::new(op, Cause::Invalid("an address of an unknown family")))
}

/// Two connected unix stream sockets.
///
/// # Errors
/// No descriptors left.
pub fn socketpair() -> Result<(Socket, Socket)> {
    socketpair_of(Family::Unix, Kind::Stream, 0)
}

/// Two connected sockets of any kind that the family has pairs of.
///
/// # Errors
/// No descriptors left; the family has no pairs of that kind (`EOPNOTSUPP`).
pub fn socketpair_of(family: Family, kind: Kind, protocol: i32) -> Result<(Socket, Socket)> {
    let protocol = (protocol != 0).then(|| Protocol::from(protocol));
    let (a, b) = socket2::Socket::pair(Domain::from(family.raw()), kind.to_type(), protocol)
        .map_err(|error| Error::io("socketpair", &error))?;
    Ok((Socket::wrap(a, family, kind), Socket::wrap(b, family, kind)))
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Socket");
        out.field("fd", &self.as_fd()).field("family", &self.family).field("kind", &self.kind);
        if let Ok(addr) = self.getsockname() {
            out.field("address", &format_args!("{addr}"));
        }
        if let Ok(addr) = self.getpeername() {
            out.field("peer", &format_args!("{addr}"));
        }
        out.finish()
    }
}
