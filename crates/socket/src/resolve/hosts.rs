//! This machine's own name, and the calls that came before getaddrinfo.

#[cfg(any(test, not(all(target_os = "linux", target_env = "gnu"))))]
mod portable;

use std::net::{IpAddr, Ipv4Addr};

use super::addresses::{self, Hints, Service};
use super::fault::{EAI_NONAME, Fault};
use crate::addr::Family;
use crate::error::{Cause, Error, Result};

/// A host as [`gethostbyname_ex`] and [`gethostbyaddr`] know it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostEntry {
    /// The name that counts as its own.
    pub name: String,
    /// Other names of it. Known on Linux with glibc; empty elsewhere.
    pub aliases: Vec<String>,
    /// Its addresses, at least one.
    pub addresses: Vec<IpAddr>,
}

/// The name of this machine, as it was set.
///
/// ```
/// assert!(!sockeye_socket::gethostname().is_empty());
/// ```
#[must_use]
pub fn gethostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Names this machine, until it starts again; at most 64 bytes on Linux.
///
/// # Errors
/// It needs a privilege (`EPERM`), or the name is too long (`EINVAL`).
pub fn sethostname(name: &str) -> Result<()> {
    rustix::system::sethostname(name.as_bytes()).map_err(|error| {
        let (asked, errno) = (name.into(), error.raw_os_error());
        Error::new("sethostname", Cause::Asked { asked, errno })
    })
}

/// The first IPv4 address of a host. As in Python the empty host is `0.0.0.0` and `<broadcast>` is
/// `255.255.255.255`; [`getaddrinfo`](super::getaddrinfo) knows IPv6 too.
///
/// ```
/// assert!(sockeye_socket::gethostbyname("localhost")?.is_loopback());
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// The name does not resolve to an IPv4 address.
pub fn gethostbyname(host: &str) -> Result<Ipv4Addr> {
    ipv4_of(host).map_err(|fault| fail("gethostbyname", host, fault))
}

/// A host's own name, its other names and its IPv4 addresses.
///
/// ```
/// let host = sockeye_socket::gethostbyname_ex("127.0.0.1")?;
/// assert_eq!(host.addresses, ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// The name does not resolve to an IPv4 address. The code is netdb's (`HOST_NOT_FOUND`) where
/// getaddrinfo knows the host and gethostbyname does not.
///
/// # Source
/// gethostbyname_r(3)
pub fn gethostbyname_ex(host: &str) -> Result<HostEntry> {
    ipv4_of(host).and_then(|_| by_name(host)).map_err(|fault| fail("gethostbyname_ex", host, fault))
}

/// The names and addresses of the host that has an address. A name is looked up first, as in
/// Python.
///
/// ```
/// if let Ok(host) = sockeye_socket::gethostbyaddr("127.0.0.1") {
///     println!("{} is also {:?}", host.name, host.aliases);
/// }
/// ```
///
/// # Errors
/// Nobody knows the name of the address (`HOST_NOT_FOUND`), or the text is no address and does not
/// resolve.
///
/// # Source
/// gethostbyaddr_r(3)
pub fn gethostbyaddr(host: &str) -> Result<HostEntry> {
    any_ip_of(host).and_then(by_addr).map_err(|fault| fail("gethostbyaddr", host, fault))
}

/// The full name of a host: the first of its names with a dot in it, else the name itself. The
/// empty name, `0.0.0.0` and `::` are this machine. What does not resolve comes back as it is.
///
/// ```
/// use sockeye_socket::getfqdn;
///
/// assert_eq!(getfqdn("name.invalid"), "name.invalid");
/// assert!(!getfqdn("").is_empty());
/// ```
#[must_use]
pub fn getfqdn(name: &str) -> String {
    let name = match name.trim() {
        "" | "0.0.0.0" | "::" => gethostname(),
        name => name.to_owned(),
    };
    match gethostbyaddr(&name) {
        Ok(host) => full_name(host),
        Err(_) => name,
    }
}

fn full_name(host: HostEntry) -> String {
    let dotted = host.aliases.into_iter().find(|alias| alias.contains('.'));
    dotted.filter(|_| !host.name.contains('.')).unwrap_or(host.name)
}

fn fail(op: &'static str, host: &str, fault: Fault) -> Error {
    Error::new(op, Cause::Lookup { fault, asked: host.into() })
}

fn ipv4_of(host: &str) -> Result<Ipv4Addr, Fault> {
    match host {
        "" => Ok(Ipv4Addr::UNSPECIFIED),
        "<broadcast>" => Ok(Ipv4Addr::BROADCAST),
        host => match first_ip(host, Family::Inet)? {
            IpAddr::V4(ip) => Ok(ip),
            IpAddr::V6(_) => Err(Fault::Gai(EAI_NONAME)),
        },
    }
}

fn any_ip_of(host: &str) -> Result<IpAddr, Fault> {
    match host {
        // Python's "wildcard resolved to multiple address".
        "" => Err(Fault::Gai(EAI_NONAME)),
        "<broadcast>" => Ok(Ipv4Addr::BROADCAST.into()),
        host => first_ip(host, Family::Unspec),
    }
}

fn first_ip(host: &str, family: Family) -> Result<IpAddr, Fault> {
    let found = addresses::ask(Some(host), Service::None, Hints { family, ..Hints::default() })?;
    found.iter().find_map(|info| info.address.ip()).ok_or(Fault::Gai(EAI_NONAME))
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn by_name(host: &str) -> Result<HostEntry, Fault> {
    crate::sys::gethostbyname(&super::idna::to_sys(host)?)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn by_addr(ip: IpAddr) -> Result<HostEntry, Fault> {
    crate::sys::gethostbyaddr(ip)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
use portable::{by_addr, by_name};

#[cfg(test)]
mod tests {
    use super::*;

    fn full(name: &str, aliases: &[&str]) -> String {
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        full_name(HostEntry { name: name.to_owned(), aliases, addresses: Vec::new() })
    }

    #[test]
    fn the_first_name_with_a_dot_is_the_full_one() {
        assert_eq!(full("a.example", &["b.example"]), "a.example");
        assert_eq!(full("a", &["b", "b.example", "c.example"]), "b.example");
        assert_eq!(full("a", &["b"]), "a");
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn the_portable_way_knows_the_same_but_aliases() {
        for host in ["localhost", "127.0.0.1"] {
            let (ours, theirs) = (by_name(host).unwrap(), portable::by_name(host).unwrap());
            assert_eq!(ours.name, theirs.name);
            assert_eq!(ours.addresses, theirs.addresses);
        }
        let loopback = Ipv4Addr::LOCALHOST.into();
        let (ours, theirs) = (by_addr(loopback).unwrap(), portable::by_addr(loopback).unwrap());
        assert_eq!((ours.name, ours.addresses), (theirs.name, theirs.addresses));
        assert_eq!(portable::by_name("::1").unwrap_err().name(), Some("EAI_ADDRFAMILY"));
    }
}
