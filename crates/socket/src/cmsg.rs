//! Control messages (Python's ancillary data): what comes and goes beside the bytes of a message.
//! Typed where the kind is known, bytes where it is not. Nothing here makes a descriptor out of a
//! number: that is done where the kernel has just given it, in `sys`.
//!
//! ```
//! use sockeye_socket::cmsg::{self, Control};
//! use sockeye_socket::{Socket, opt};
//!
//! let server = Socket::udp4()?;
//! server.bind(("", 0))?; // every interface
//! server.setsockopt(opt::IP_PKTINFO, true)?;
//! let port = server.getsockname()?.port().unwrap_or_default();
//! Socket::udp4()?.sendto(b"which of my addresses?", ("127.0.0.1", port))?;
//!
//! let message = server.recvmsg(1500, cmsg::space(cmsg::PACKET_INFO_BYTES))?;
//! for control in message.control {
//!     if let Control::PacketInfo(info) = control {
//!         assert_eq!(info.destination.to_string(), "127.0.0.1");
//!         assert!(info.interface > 0);
//!     }
//! }
//! # Ok::<(), sockeye_socket::Error>(())
//! ```

#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod typed;
mod wire;

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};

#[cfg(target_os = "linux")]
use std::{net::IpAddr, time::Duration};

#[cfg(target_os = "linux")]
use crate::opt::Credentials;

#[cfg(target_os = "linux")]
pub use typed::{ExtendedError, Origin, PacketInfo};
pub use wire::{
    CREDENTIALS_BYTES, INT_BYTES, Messages, PACKET_INFO_BYTES, PACKET_INFO6_BYTES, TIMESTAMP_BYTES,
    encode, len, messages, space,
};

/// A control message that came with [`recvmsg`](crate::Socket::recvmsg).
///
/// What has an unknown kind, or not the length of its kind (a buffer that was too short cuts the
/// last message), is [`Other`](Self::Other).
#[derive(Debug)]
#[non_exhaustive]
pub enum Control {
    /// Descriptors, close-on-exec (unix sockets; `SCM_RIGHTS`).
    Rights(Vec<OwnedFd>),
    /// Who sent it (unix sockets; `SCM_CREDENTIALS`). Asked for with `SO_PASSCRED` (Linux).
    #[cfg(target_os = "linux")]
    Credentials(Credentials),
    /// Who sent it, as a descriptor of the process (unix sockets; `SCM_PIDFD`). Asked for with
    /// `SO_PASSPIDFD` (Linux 6.5).
    #[cfg(target_os = "linux")]
    PidFd(OwnedFd),
    /// When it came, since 1970, in microseconds. Asked for with `SO_TIMESTAMP` (Linux).
    #[cfg(target_os = "linux")]
    Timestamp(Duration),
    /// When it came, since 1970, in nanoseconds. Asked for with `SO_TIMESTAMPNS` (Linux).
    #[cfg(target_os = "linux")]
    TimestampNs(Duration),
    /// Where it came in, and to which address. Asked for with `IP_PKTINFO` or `IPV6_RECVPKTINFO`
    /// (Linux).
    #[cfg(target_os = "linux")]
    PacketInfo(PacketInfo),
    /// The time to live that it came with. Asked for with `IP_RECVTTL` (Linux).
    #[cfg(target_os = "linux")]
    Ttl(u8),
    /// The hop limit that it came with. Asked for with `IPV6_RECVHOPLIMIT` (Linux).
    #[cfg(target_os = "linux")]
    HopLimit(u8),
    /// The type of service that it came with. Asked for with `IP_RECVTOS` (Linux).
    #[cfg(target_os = "linux")]
    Tos(u8),
    /// The traffic class that it came with. Asked for with `IPV6_RECVTCLASS` (Linux).
    #[cfg(target_os = "linux")]
    TrafficClass(u8),
    /// What became of something sent before. Asked for with `IP_RECVERR` or `IPV6_RECVERR`, and
    /// received with `MSG_ERRQUEUE` (Linux).
    #[cfg(target_os = "linux")]
    Error(ExtendedError),
    /// Several datagrams of so many bytes came as one; the last may be shorter. Asked for with
    /// `UDP_GRO` (Linux).
    #[cfg(target_os = "linux")]
    SegmentSize(u16),
    /// How many datagrams were dropped up to now. Asked for with `SO_RXQ_OVFL` (Linux).
    #[cfg(target_os = "linux")]
    Dropped(u32),
    /// Any other.
    Other(Raw),
}

/// A control message as its bytes, which is what Python gives and takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Raw {
    /// The layer, such as `SOL_SOCKET`, by the system's number.
    pub level: i32,
    /// What it is among those of the layer (Python's `type`).
    pub kind: i32,
    /// Its content in the machine's own byte order.
    pub data: Vec<u8>,
}

/// A control message to send with [`sendmsg`](crate::Socket::sendmsg).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// Descriptors, of which the peer gets copies (unix sockets; at most 253).
    Rights(&'a [BorrowedFd<'a>]),
    /// Who sends it; another than oneself needs privilege (unix sockets; Linux).
    #[cfg(target_os = "linux")]
    Credentials(Credentials),
    /// Where it goes out (0 for the usual interface), and from which address of this machine (an
    /// unspecified one for the usual; the family must be the socket's) (Linux).
    #[cfg(target_os = "linux")]
    PacketInfo {
        /// The number of the interface.
        interface: u32,
        /// The source address.
        source: IpAddr,
    },
    /// The time to live, `1..=255` (IPv4; Linux).
    #[cfg(target_os = "linux")]
    Ttl(u8),
    /// The hop limit (IPv6; Linux).
    #[cfg(target_os = "linux")]
    HopLimit(u8),
    /// The type of service (IPv4; Linux).
    #[cfg(target_os = "linux")]
    Tos(u8),
    /// The traffic class (IPv6; Linux).
    #[cfg(target_os = "linux")]
    TrafficClass(u8),
    /// The data goes out as datagrams of so many bytes (UDP; Linux).
    #[cfg(target_os = "linux")]
    SegmentSize(u16),
    /// Any other, as its bytes.
    Raw {
        /// The layer, by the system's number.
        level: i32,
        /// What it is among those of the layer.
        kind: i32,
        /// Its content.
        data: &'a [u8],
    },
}

impl Control {
    /// Takes the message apart into what Python gives. Descriptors become their numbers, and from
    /// then on it is the caller who closes them.
    ///
    /// ```
    /// use sockeye_socket::{cmsg, socketpair_of, AF_UNIX, SOCK_DGRAM, opt};
    ///
    /// let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0)?;
    /// b.setsockopt(opt::SO_PASSCRED, true)?;
    /// a.send(b"x")?;
    /// let raw = b.recvmsg(1, cmsg::space(cmsg::CREDENTIALS_BYTES))?.control.remove(0).into_raw();
    /// let (sol_socket, scm_credentials) = (1, 2);
    /// assert_eq!((raw.level, raw.kind), (sol_socket, scm_credentials));
    /// assert_eq!(raw.data[..4], std::process::id().to_ne_bytes());
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    #[must_use]
    pub fn into_raw(self) -> Raw {
        let rights = |kind, fds: Vec<OwnedFd>| {
            let numbers = fds.into_iter().map(IntoRawFd::into_raw_fd);
            let data = numbers.flat_map(RawFd::to_ne_bytes).collect();
            Raw { level: libc::SOL_SOCKET, kind, data }
        };
        match self {
            Self::Rights(fds) => rights(libc::SCM_RIGHTS, fds),
            #[cfg(target_os = "linux")]
            Self::PidFd(fd) => rights(SCM_PIDFD, vec![fd]),
            Self::Other(raw) => raw,
            #[cfg(target_os = "linux")]
            other => typed::into_raw(&other),
        }
    }

    /// The message of these bytes. No descriptors: numbers in bytes own nothing, and stay
    /// [`Other`](Self::Other).
    #[must_use]
    pub fn from_raw(raw: Raw) -> Self {
        Self::of_bytes(raw.level, raw.kind, &raw.data).unwrap_or(Self::Other(raw))
    }

    /// As [`from_raw`](Self::from_raw).
    pub(crate) fn from_bytes(level: i32, kind: i32, data: &[u8]) -> Self {
        let other = || Self::Other(Raw { level, kind, data: data.to_vec() });
        Self::of_bytes(level, kind, data).unwrap_or_else(other)
    }

    #[cfg(target_os = "linux")]
    fn of_bytes(level: i32, kind: i32, data: &[u8]) -> Option<Self> {
        typed::decode(level, kind, data)
    }

    #[cfg(not(target_os = "linux"))]
    fn of_bytes(_: i32, _: i32, _: &[u8]) -> Option<Self> {
        None
    }
}

impl<'a> From<&'a Raw> for Outgoing<'a> {
    fn from(raw: &'a Raw) -> Self {
        Self::Raw { level: raw.level, kind: raw.kind, data: &raw.data }
    }
}

/// The descriptor of the process that sent a message (linux/socket.h; not in libc).
const SCM_PIDFD: i32 = 4;

/// The numbers of the descriptors in the content of a message.
pub(crate) fn descriptors(level: i32, kind: i32, data: &[u8]) -> impl Iterator<Item = RawFd> {
    let linux = cfg!(target_os = "linux");
    let holds = level == libc::SOL_SOCKET
        && (kind == libc::SCM_RIGHTS || (linux && kind == SCM_PIDFD && data.len() == 4));
    let data = if holds { data } else { &[] };
    let number = |word: &[u8]| word.try_into().ok().map(RawFd::from_ne_bytes);
    // In place of a process that is gone there is an error number below 0.
    data.chunks_exact(4).filter_map(number).filter(|number| *number >= 0)
}

/// The messages of `control` with the descriptors of them all, in order. Every descriptor ends up
/// in the result, or is closed.
pub(crate) fn received(control: &[u8], fds: Vec<OwnedFd>) -> Vec<Control> {
    let mut fds = fds.into_iter();
    let one = |(level, kind, data): (i32, i32, &[u8])| {
        let count = descriptors(level, kind, data).count();
        let mut own: Vec<OwnedFd> = fds.by_ref().take(count).collect();
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            return Control::Rights(own);
        }
        match own.pop() {
            #[cfg(target_os = "linux")]
            Some(fd) => Control::PidFd(fd),
            _ => Control::from_bytes(level, kind, data),
        }
    };
    messages(control).map(one).collect()
}
