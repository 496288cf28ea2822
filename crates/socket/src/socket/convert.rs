//! Other types' sockets as ours and ours as descriptors.

use std::os::fd::{AsFd, OwnedFd};

use super::{Kind, Socket};
use crate::addr::Family;
use crate::errno;
use crate::error::{Cause, Error, Result};

impl TryFrom<OwnedFd> for Socket {
    type Error = Error;

    /// Takes a descriptor over, with its mode: a nonblocking one has the timeout zero. Fails (and
    /// closes it) where it is no socket, or of a family or kind that this crate does not have.
    fn try_from(fd: OwnedFd) -> Result<Self> {
        let inner = socket2::Socket::from(fd);
        let probe = Self::wrap(inner, Family::Unspec, Kind::Stream);
        let unknown = |what| Error::new("from", Cause::Invalid(what));
        let not_socket = |error: Error| Error::os("from", error.errno().unwrap_or(errno::EBADF));
        let family = family_of(&probe).map_err(not_socket)?;
        let family =
            Family::from_raw(family).ok_or_else(|| unknown("a socket of an unknown family"))?;
        let kind = probe.inner.r#type().map_err(|error| Error::io("from", &error))?;
        let kind =
            Kind::from_raw(kind.into()).ok_or_else(|| unknown("a socket of an unknown kind"))?;
        let nonblocking = probe.inner.nonblocking().map_err(|error| Error::io("from", &error))?;
        let socket = Self::wrap(probe.inner, family, kind);
        if nonblocking {
            socket.setblocking(false)?;
        }
        Ok(socket)
    }
}

#[cfg(target_os = "linux")]
fn family_of(socket: &Socket) -> Result<i32> {
    socket.getsockopt(crate::opt::SO_DOMAIN)
}

#[cfg(not(target_os = "linux"))]
fn family_of(socket: &Socket) -> Result<i32> {
    let addr = socket.inner.local_addr().map_err(|error| Error::io("from", &error))?;
    Ok(addr.family().into())
}

macro_rules! from_std {
    ($($type:ty),*) => {$(
        impl From<$type> for Socket {
            fn from(socket: $type) -> Self {
                Self::try_from(OwnedFd::from(socket)).expect("the standard library's is a socket")
            }
        }
    )*};
}

from_std!(
    std::net::TcpStream,
    std::net::TcpListener,
    std::net::UdpSocket,
    std::os::unix::net::UnixStream,
    std::os::unix::net::UnixListener,
    std::os::unix::net::UnixDatagram
);

/// A socket over a duplicate of `fd`, which stays its owner's; family, kind and mode are the
/// descriptor's.
///
/// # Errors
/// It is no socket, or of a family or kind that this crate does not have; no descriptors left.
pub fn fromfd(fd: impl AsFd) -> Result<Socket> {
    Socket::try_from(dup(fd)?)
}

/// A duplicate of any descriptor, close-on-exec.
///
/// # Errors
/// No descriptors left.
pub fn dup(fd: impl AsFd) -> Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(fd, 0).map_err(|error| Error::os("dup", error.raw_os_error()))
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.detach()
    }
}
