//! getaddrinfo: a host and a service to addresses.

use std::borrow::Cow;
use std::ffi::CString;

use super::fault::{EAI_SERVICE, EAI_SOCKTYPE, Fault};
use super::flags::AiFlags;
use super::idna;
use crate::addr::{Address, Family};
use crate::error::{Cause, Error, Result};
use crate::socket::Kind;
use crate::sys;

/// What the addresses of [`getaddrinfo`] are for. The default asks for all of them.
///
/// ```
/// use sockeye_socket::resolve::{AI_NUMERICHOST, Hints};
/// use sockeye_socket::{AF_INET6, SOCK_DGRAM};
///
/// let hints = Hints { family: AF_INET6, kind: Some(SOCK_DGRAM), ..Hints::default() };
/// let numeric = Hints { flags: AI_NUMERICHOST, ..hints };
/// assert_eq!(numeric.protocol, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// IPv4, IPv6, or [`AF_UNSPEC`](crate::AF_UNSPEC) for both.
    pub family: Family,
    /// The kind of socket; `None` for every kind.
    pub kind: Option<Kind>,
    /// The protocol, such as [`IPPROTO_UDP`](crate::IPPROTO_UDP); 0 for every one.
    pub protocol: i32,
    /// What else is wanted.
    pub flags: AiFlags,
}

impl Default for Hints {
    fn default() -> Self {
        Self { family: Family::Unspec, kind: None, protocol: 0, flags: AiFlags::NONE }
    }
}

/// The service that [`getaddrinfo`] looks up: made from a port, a name, or `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Service<'a> {
    /// None: the port is 0.
    #[default]
    None,
    /// A port.
    Port(u16),
    /// A name such as `http`, or a port in digits.
    Name(&'a str),
}

impl From<u16> for Service<'_> {
    fn from(port: u16) -> Self {
        Self::Port(port)
    }
}

impl<'a> From<&'a str> for Service<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<Option<&'a str>> for Service<'a> {
    fn from(name: Option<&'a str>) -> Self {
        name.map_or(Self::None, Self::Name)
    }
}

impl Service<'_> {
    /// What getaddrinfo takes. It would take `70000` for port 4464: that is no service here.
    fn to_sys(self) -> Result<Option<CString>, Fault> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Port(port) => Cow::Owned(port.to_string()),
            Self::Name(name) => Cow::Borrowed(name),
        };
        // As strtoul skips, which reads it.
        let number = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if numeric && number.parse::<u16>().is_err() {
            return Err(Fault::Gai(EAI_SERVICE));
        }
        CString::new(&*text).map(Some).map_err(|_| Fault::Gai(EAI_SERVICE))
    }
}

/// One answer of [`getaddrinfo`]: what a socket is made with, and where it is to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AddrInfo {
    /// The family for [`Socket::new`](crate::Socket::new).
    pub family: Family,
    /// The kind for [`Socket::new`](crate::Socket::new).
    pub kind: Kind,
    /// The protocol for [`Socket::new`](crate::Socket::new).
    pub protocol: i32,
    /// The host's full name: with [`AI_CANONNAME`](super::AI_CANONNAME), in the first answer only.
    pub canonname: Option<String>,
    /// The address, with the service's port.
    pub address: Address,
}

/// Looks a host and a service up: every address, for every kind of socket that `hints` allow, in
/// the order in which they are worth trying (RFC 6724). Never empty; kinds that [`Kind`] does not
/// have (DCCP) are left out.
///
/// The host is a name, an address (with a zone too: `fe80::1%eth0`), or `None` for this machine:
/// loopback, or every interface with [`AI_PASSIVE`](super::AI_PASSIVE). Blocks for as long as the
/// system's resolver does.
///
/// ```
/// use sockeye_socket::resolve::{AI_PASSIVE, Hints, getaddrinfo};
/// use sockeye_socket::{AF_INET, SOCK_STREAM, Socket};
///
/// let tcp4 = Hints { family: AF_INET, kind: Some(SOCK_STREAM), ..Hints::default() };
/// let found = getaddrinfo("127.0.0.1", 80, tcp4)?;
/// assert_eq!(found[0].address, "127.0.0.1:80".parse()?);
///
/// let found = getaddrinfo(None, 0, Hints { flags: AI_PASSIVE, ..tcp4 })?;
/// let server = Socket::new(found[0].family, found[0].kind, found[0].protocol)?;
/// server.bind(&found[0].address)?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// There is no such host or service, or the hints contradict each other
/// ([`Error::is_lookup`], [`Error::lookup_name`]).
///
/// # Source
/// RFC 3493 section 6.1; getaddrinfo(3)
pub fn getaddrinfo<'a>(
    host: impl Into<Option<&'a str>>,
    service: impl Into<Service<'a>>,
    hints: Hints,
) -> Result<Vec<AddrInfo>> {
    let (host, service) = (host.into(), service.into());
    ask(host, service, hints).map_err(|fault| {
        let asked = asked(host, service).into();
        Error::new("getaddrinfo", Cause::Lookup { fault, asked })
    })
}

pub(super) fn ask(
    host: Option<&str>,
    service: Service<'_>,
    hints: Hints,
) -> Result<Vec<AddrInfo>, Fault> {
    let host = host.map(idna::to_sys).transpose()?;
    let service = service.to_sys()?;
    let asked = sys::Asked {
        family: hints.family.raw(),
        kind: hints.kind.map_or(0, Kind::raw),
        protocol: hints.protocol,
        flags: hints.flags.bits(),
    };
    let found = sys::getaddrinfo(host.as_deref(), service.as_deref(), asked)?;
    let found: Vec<_> = found.into_iter().filter_map(AddrInfo::from_sys).collect();
    if found.is_empty() { Err(Fault::Gai(EAI_SOCKTYPE)) } else { Ok(found) }
}

impl AddrInfo {
    /// None for a kind of socket that has no name in this crate.
    fn from_sys(found: sys::Found) -> Option<Self> {
        let address = Address::from_sys(&found.addr)?;
        Some(Self {
            family: address.family(),
            kind: Kind::from_raw(found.kind)?,
            protocol: found.protocol,
            canonname: found.canonname,
            address,
        })
    }
}

fn asked(host: Option<&str>, service: Service<'_>) -> String {
    match (host, service) {
        (Some(host), Service::Name(service)) => format!("{host} service {service}"),
        (Some(host), _) => host.to_owned(),
        (None, Service::Name(service)) => format!("service {service}"),
        (None, Service::Port(port)) => format!("port {port}"),
        (None, Service::None) => "neither host nor service".to_owned(),
    }
}
