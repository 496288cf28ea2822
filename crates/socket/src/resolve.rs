//! Names to addresses, by the system's getaddrinfo (files, DNS, whatever it is set up to ask).

use std::net::SocketAddr;

use crate::addr::Family;
use crate::error::{Cause, Error, Result};
use crate::sys;

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
    let fail = |code| Error::new("resolve", Cause::Lookup { code, host: host.into() });
    if host.is_empty() {
        return Err(fail(libc::EAI_NONAME));
    }
    let hints = sys::Hints { family: family.raw(), passive: false };
    let mut unique: Vec<SocketAddr> = Vec::new();
    for addr in sys::lookup(host, port, hints).map_err(fail)? {
        if !unique.contains(&addr) {
            unique.push(addr);
        }
    }
    if unique.is_empty() { Err(fail(libc::EAI_NONAME)) } else { Ok(unique) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_hosts_need_no_resolver() {
        assert_eq!(lookup("::1", 9).unwrap(), ["[::1]:9".parse().unwrap()]);
        assert!(lookup_family("::1", 9, Family::Inet).unwrap_err().is_lookup());
    }

    #[test]
    fn a_zone_comes_along() {
        let found = lookup("fe80::1%lo", 9).unwrap();
        assert_eq!(found, ["[fe80::1%1]:9".parse().unwrap()]);
    }

    #[test]
    fn what_does_not_resolve_says_so() {
        for host in ["", "a\0b", "name.invalid"] {
            let error = lookup(host, 1).unwrap_err();
            assert!(error.is_lookup(), "{error}");
            assert_eq!(error.errno(), None);
        }
        let error = lookup("", 1).unwrap_err();
        assert_eq!(error.to_string(), "resolve : no such host (EAI_NONAME)");
    }
}
