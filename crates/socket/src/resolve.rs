//! Names to addresses and back, with Python's functions: hosts, services, protocols, interfaces.
//! The system answers (files, DNS, whatever it is set up to ask); every call may come from any
//! thread, and one that asks for a host blocks for as long as the system's resolver does.
//!
//! | Python | here |
//! |---|---|
//! | `getaddrinfo`, `AI_…` | [`getaddrinfo`] with [`Hints`] |
//! | `getnameinfo`, `NI_…` | [`getnameinfo`] |
//! | `gaierror`, `herror`, `EAI_…` | [`Error::is_lookup`], [`Error::lookup_code`] |
//! | `gethostbyname`, `gethostbyname_ex`, `gethostbyaddr`, `getfqdn` | the same |
//! | `gethostname`, `sethostname` | the same |
//! | `getservbyname`, `getservbyport`, `getprotobyname` | the same |
//! | `if_nameindex`, `if_nametoindex`, `if_indextoname` | the same |
//! | `has_ipv6`, `has_dualstack_ipv6` | [`has_ipv6()`], [`has_dualstack_ipv6()`] |
//! | `inet_aton` | [`inet_aton`] |
//! | `inet_ntoa`, `inet_pton`, `inet_ntop` | [`IpAddr`](std::net::IpAddr)'s `parse`, `to_string` |
//! | `htons`, `ntohl`, … | `to_be` and `from_be` of the integers |
//!
//! A host name that is not ASCII is looked up as DNS has it with the feature `idna`
//! (`bücher.example` as `xn--bcher-kva.example`), by the rules of browsers (UTS 46), where Python
//! keeps those of 2003: `ß` is a letter of its own. Without the feature it goes to the system as
//! it is.
//!
//! On Linux with glibc everything is as in Python. On other systems the `getserv…` and `getproto…`
//! calls wait for each other, and a [`HostEntry`] has no aliases.

mod addresses;
pub(crate) mod fault;
mod flags;
mod hosts;
mod idna;
mod interfaces;
mod names;
mod numeric;
mod services;

use std::net::SocketAddr;

pub use addresses::{AddrInfo, Hints, Service, getaddrinfo};
pub use fault::{
    EAI_ADDRFAMILY, EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NODATA,
    EAI_NONAME, EAI_OVERFLOW, EAI_SERVICE, EAI_SOCKTYPE, EAI_SYSTEM,
};
pub use flags::{
    AI_ADDRCONFIG, AI_ALL, AI_CANONNAME, AI_NUMERICHOST, AI_NUMERICSERV, AI_PASSIVE, AI_V4MAPPED,
    AiFlags, NI_DGRAM, NI_NAMEREQD, NI_NOFQDN, NI_NUMERICHOST, NI_NUMERICSERV, NiFlags,
};
pub use hosts::{
    HostEntry, getfqdn, gethostbyaddr, gethostbyname, gethostbyname_ex, gethostname, sethostname,
};
pub use interfaces::{has_dualstack_ipv6, has_ipv6, if_indextoname, if_nameindex, if_nametoindex};
pub use names::getnameinfo;
pub use numeric::inet_aton;
pub use services::{getprotobyname, getservbyname, getservbyport};

use crate::addr::Family;
use crate::error::{Cause, Error, Result};
use crate::socket::Kind;
use fault::Fault;

/// The addresses of `host` in getaddrinfo's order (RFC 6724), without duplicates, IPv4 and IPv6.
/// Numeric addresses are understood, with a zone too (`fe80::1%eth0`). Blocks for as long as the
/// system's resolver does.
///
/// # Errors
/// The name does not resolve ([`Error::is_lookup`]).
///
/// ```
/// let found = sockeye_socket::resolve::lookup("127.0.0.1", 80)?;
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    lookup_family(host, port, Family::Unspec)
}

/// As [`lookup`], in one family only.
///
/// # Errors
/// The name does not resolve in that family.
pub fn lookup_family(host: &str, port: u16, family: Family) -> Result<Vec<SocketAddr>> {
    let fail = |fault| Error::new("resolve", Cause::Lookup { fault, asked: host.into() });
    if host.is_empty() {
        return Err(fail(Fault::Gai(EAI_NONAME)));
    }
    let hints = Hints { family, kind: Some(Kind::Stream), ..Hints::default() };
    let found = addresses::ask(Some(host), Service::Port(port), hints).map_err(fail)?;
    let mut unique: Vec<SocketAddr> = Vec::new();
    for addr in found.iter().filter_map(|info| info.address.socket_addr()) {
        if !unique.contains(&addr) {
            unique.push(addr);
        }
    }
    if unique.is_empty() { Err(fail(Fault::Gai(EAI_NONAME))) } else { Ok(unique) }
}

#[cfg(test)]
mod tests;
