//! Socket addresses: what a socket is bound or connected to. Parsing and Display round-trip, and
//! neither looks a name up (the zone of a link-local address excepted).

#[cfg(target_os = "linux")]
mod linux;
mod parse;
mod to_address;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use socket2::SockAddr;

#[cfg(target_os = "linux")]
pub use linux::{NetlinkAddr, PacketAddr, VsockAddr};
pub use to_address::ToAddress;

/// An address family. [`AF_INET`], [`AF_INET6`] and [`AF_UNIX`] are Python's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Any family: for looking names up only.
    Unspec,
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Sockets of this machine, named by a path or an abstract name.
    Unix,
    /// Packets as they pass an interface (Linux).
    #[cfg(target_os = "linux")]
    Packet,
    /// Talking with the kernel about routes, interfaces, neighbours (Linux).
    #[cfg(target_os = "linux")]
    Netlink,
    /// Virtual machines and their host (Linux).
    #[cfg(target_os = "linux")]
    Vsock,
}

/// Any family (for looking names up).
pub const AF_UNSPEC: Family = Family::Unspec;
/// IPv4.
pub const AF_INET: Family = Family::Inet;
/// IPv6.
pub const AF_INET6: Family = Family::Inet6;
/// Sockets of this machine.
pub const AF_UNIX: Family = Family::Unix;
/// Packets as they pass an interface.
#[cfg(target_os = "linux")]
pub const AF_PACKET: Family = Family::Packet;
/// Talking with the kernel.
#[cfg(target_os = "linux")]
pub const AF_NETLINK: Family = Family::Netlink;
/// Virtual machines and their host.
#[cfg(target_os = "linux")]
pub const AF_VSOCK: Family = Family::Vsock;

impl Family {
    /// The system's number.
    #[must_use]
    pub fn raw(self) -> i32 {
        match self {
            Self::Unspec => libc::AF_UNSPEC,
            Self::Inet => libc::AF_INET,
            Self::Inet6 => libc::AF_INET6,
            Self::Unix => libc::AF_UNIX,
            #[cfg(target_os = "linux")]
            Self::Packet => libc::AF_PACKET,
            #[cfg(target_os = "linux")]
            Self::Netlink => libc::AF_NETLINK,
            #[cfg(target_os = "linux")]
            Self::Vsock => libc::AF_VSOCK,
        }
    }

    /// The family with the system's number, if this crate has it.
    #[must_use]
    pub fn from_raw(raw: i32) -> Option<Self> {
        match raw {
            libc::AF_UNSPEC => Some(Self::Unspec),
            libc::AF_INET => Some(Self::Inet),
            libc::AF_INET6 => Some(Self::Inet6),
            libc::AF_UNIX => Some(Self::Unix),
            #[cfg(target_os = "linux")]
            libc::AF_PACKET => Some(Self::Packet),
            #[cfg(target_os = "linux")]
            libc::AF_NETLINK => Some(Self::Netlink),
            #[cfg(target_os = "linux")]
            libc::AF_VSOCK => Some(Self::Vsock),
            _ => None,
        }
    }
}

/// The address of a socket.
///
/// Written `1.2.3.4:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/run/x.sock`, `unix:@abstract` and
/// `unix:` (unnamed); on Linux also `packet:2:0x0800`, `netlink:0:0x1` and `vsock:2:1234`. Bytes of
/// a unix name that are not printable ASCII show as `\xHH` and a backslash as `\\`, and are parsed
/// so; a zone shows as its number.
///
/// ```
/// use sockeye_socket::Address;
///
/// let address: Address = "[::ffff:10.0.0.1]:80".parse()?;
/// assert_eq!(address.port(), Some(80));
/// assert_eq!(address.canonical_ip(), Some([10, 0, 0, 1].into()));
/// assert_eq!("unix:@room".parse::<Address>()?.to_string(), "unix:@room");
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// IPv4 and a port.
    Inet(SocketAddrV4),
    /// IPv6, a port, a flow label and a zone.
    Inet6(SocketAddrV6),
    /// A name in this machine.
    Unix(UnixName),
    /// An interface and a protocol (Linux).
    #[cfg(target_os = "linux")]
    Packet(PacketAddr),
    /// A place in the kernel's own talk (Linux).
    #[cfg(target_os = "linux")]
    Netlink(NetlinkAddr),
    /// A virtual machine and a port (Linux).
    #[cfg(target_os = "linux")]
    Vsock(VsockAddr),
}

/// The name of a unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A file.
    Path(PathBuf),
    /// A name that is no file (Linux), without the leading NUL.
    Abstract(Vec<u8>),
    /// None: one end of a pair, or a client that never bound.
    Unnamed,
}

impl Address {
    /// The IP address, if it has one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|addr| addr.ip())
    }

    /// The port, if it has one (`0..=65535`).
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|addr| addr.port())
    }

    /// The standard library's form of an IPv4 or IPv6 address.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(addr) => Some(SocketAddr::V4(*addr)),
            Self::Inet6(addr) => Some(SocketAddr::V6(*addr)),
            _ => None,
        }
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Inet(_) => Family::Inet,
            Self::Inet6(_) => Family::Inet6,
            Self::Unix(_) => Family::Unix,
            #[cfg(target_os = "linux")]
            Self::Packet(_) => Family::Packet,
            #[cfg(target_os = "linux")]
            Self::Netlink(_) => Family::Netlink,
            #[cfg(target_os = "linux")]
            Self::Vsock(_) => Family::Vsock,
        }
    }

    /// The IP address, with an IPv4 peer of a dual-stack socket (`::ffff:1.2.3.4`) as IPv4.
    #[must_use]
    pub fn canonical_ip(&self) -> Option<IpAddr> {
        self.ip().map(|ip| ip.to_canonical())
    }

    /// The path of a unix socket that has one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(UnixName::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// Tells whether only this machine can be behind it: loopback, a unix socket, the kernel.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Inet(_) | Self::Inet6(_) => {
                self.canonical_ip().is_some_and(|ip| ip.is_loopback())
            }
            Self::Unix(_) => true,
            #[cfg(target_os = "linux")]
            Self::Netlink(addr) => addr.pid == 0,
            #[cfg(target_os = "linux")]
            Self::Packet(_) | Self::Vsock(_) => false,
        }
    }

    /// The system's form; an error where a unix name is too long (107 bytes) or has a NUL.
    pub(crate) fn to_sys(&self) -> std::io::Result<SockAddr> {
        let invalid = || std::io::Error::from_raw_os_error(libc::ENAMETOOLONG);
        match self {
            Self::Inet(addr) => Ok((*addr).into()),
            Self::Inet6(addr) => Ok((*addr).into()),
            Self::Unix(UnixName::Path(path)) => {
                if path.as_os_str().is_empty() || path.as_os_str().as_bytes().contains(&0) {
                    return Err(std::io::Error::from_raw_os_error(libc::EINVAL));
                }
                SockAddr::unix(path).map_err(|_| invalid())
            }
            Self::Unix(UnixName::Abstract(name)) => {
                let mut path = vec![0];
                path.extend_from_slice(name);
                SockAddr::unix(std::ffi::OsStr::from_bytes(&path)).map_err(|_| invalid())
            }
            Self::Unix(UnixName::Unnamed) => SockAddr::unix("").map_err(|_| invalid()),
            #[cfg(target_os = "linux")]
            Self::Packet(addr) => crate::sys::packet_to_sys(addr),
            #[cfg(target_os = "linux")]
            Self::Netlink(addr) => crate::sys::netlink_to_sys(*addr),
            #[cfg(target_os = "linux")]
            Self::Vsock(addr) => Ok(SockAddr::vsock(addr.cid, addr.port)),
        }
    }

    /// What the system gave; None for a family that has no variant yet.
    pub(crate) fn from_sys(addr: &SockAddr) -> Option<Self> {
        if let Some(addr) = addr.as_socket() {
            return Some(addr.into());
        }
        if !addr.is_unix() {
            return Self::of_linux(addr);
        }
        let name = if addr.is_unnamed() {
            UnixName::Unnamed
        } else if let Some(name) = addr.as_abstract_namespace() {
            UnixName::Abstract(name.to_vec())
        } else {
            UnixName::Path(addr.as_pathname()?.to_owned())
        };
        Some(Self::Unix(name))
    }

    #[cfg(target_os = "linux")]
    fn of_linux(addr: &SockAddr) -> Option<Self> {
        crate::sys::packet_from_sys(addr)
            .map(Self::Packet)
            .or_else(|| crate::sys::netlink_from_sys(addr).map(Self::Netlink))
            .or_else(|| {
                let (cid, port) = addr.as_vsock_address()?;
                Some(Self::Vsock(VsockAddr { cid, port }))
            })
    }

    #[cfg(not(target_os = "linux"))]
    fn of_linux(_: &SockAddr) -> Option<Self> {
        None
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(addr) => addr.fmt(f),
            Self::Inet6(addr) => addr.fmt(f),
            Self::Unix(UnixName::Path(path)) => {
                let bytes = path.as_os_str().as_bytes();
                // `@x` would read as an abstract name.
                f.write_str(if bytes.starts_with(b"@") { "unix:./" } else { "unix:" })?;
                write_escaped(bytes, f)
            }
            Self::Unix(UnixName::Abstract(name)) => {
                f.write_str("unix:@")?;
                write_escaped(name, f)
            }
            Self::Unix(UnixName::Unnamed) => f.write_str("unix:"),
            #[cfg(target_os = "linux")]
            Self::Packet(addr) => addr.fmt(f),
            #[cfg(target_os = "linux")]
            Self::Netlink(addr) => addr.fmt(f),
            #[cfg(target_os = "linux")]
            Self::Vsock(addr) => addr.fmt(f),
        }
    }
}

fn write_escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|&byte| match byte {
        b'\\' => f.write_str("\\\\"),
        b' '..=b'~' => write!(f, "{}", char::from(byte)),
        _ => write!(f, "\\x{byte:02x}"),
    })
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(addr) => Self::Inet(addr),
            SocketAddr::V6(addr) => Self::Inet6(addr),
        }
    }
}

macro_rules! from_variant {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Address {
            fn from(addr: $type) -> Self {
                Self::$variant(addr)
            }
        }
    )*};
}

from_variant!(SocketAddrV4 => Inet, SocketAddrV6 => Inet6, UnixName => Unix);
#[cfg(target_os = "linux")]
from_variant!(PacketAddr => Packet, NetlinkAddr => Netlink, VsockAddr => Vsock);

impl From<(IpAddr, u16)> for Address {
    fn from(addr: (IpAddr, u16)) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<(Ipv4Addr, u16)> for Address {
    fn from((ip, port): (Ipv4Addr, u16)) -> Self {
        Self::Inet(SocketAddrV4::new(ip, port))
    }
}

impl From<(Ipv6Addr, u16)> for Address {
    fn from((ip, port): (Ipv6Addr, u16)) -> Self {
        Self::Inet6(SocketAddrV6::new(ip, port, 0, 0))
    }
}
