//! What the methods of a socket take for an address: an address, or a name to look up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::Path;

use super::parse::{bad_address, port_number};
use super::{Address, Family, UnixName};
use crate::error::{Error, Result};
use crate::resolve;

/// Something that an [`Address`] can be had from.
///
/// Texts are addresses (`"127.0.0.1:80"`, `"unix:/run/x"`) or `"host:port"`; pairs are a host and a
/// port. As in Python the empty host is every interface. Names are looked up by getaddrinfo, in
/// the family of the socket, which can take seconds.
pub trait ToAddress {
    /// The first address of `family` (`Family::Unspec` takes any).
    ///
    /// # Errors
    /// The text is no address, or the name cannot be resolved.
    fn to_address(&self, family: Family) -> Result<Address>;

    /// All addresses of `family`, in the order in which they are worth trying.
    ///
    /// # Errors
    /// As [`to_address`](Self::to_address).
    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        self.to_address(family).map(|address| vec![address])
    }
}

impl<T: ToAddress + ?Sized> ToAddress for &T {
    fn to_address(&self, family: Family) -> Result<Address> {
        (**self).to_address(family)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        (**self).to_addresses(family)
    }
}

impl ToAddress for Address {
    fn to_address(&self, _: Family) -> Result<Address> {
        Ok(self.clone())
    }
}

macro_rules! already_an_address {
    ($($type:ty),*) => {$(
        impl ToAddress for $type {
            fn to_address(&self, _: Family) -> Result<Address> {
                Ok(Address::from(self.clone()))
            }
        }
    )*};
}

already_an_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
    UnixName
);
#[cfg(target_os = "linux")]
already_an_address!(super::PacketAddr, super::NetlinkAddr, super::VsockAddr);

/// The file of a unix socket.
impl ToAddress for Path {
    fn to_address(&self, _: Family) -> Result<Address> {
        Ok(UnixName::Path(self.to_owned()).into())
    }
}

impl ToAddress for (&str, u16) {
    fn to_address(&self, family: Family) -> Result<Address> {
        first(self.to_addresses(family)?, self.0)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        let (host, port) = *self;
        if family == Family::Unix {
            return Err(bad_address(host, "not the address of a unix socket"));
        }
        if host.is_empty() {
            return Ok(vec![match family {
                Family::Inet6 => (Ipv6Addr::UNSPECIFIED, port).into(),
                _ => (Ipv4Addr::UNSPECIFIED, port).into(),
            }]);
        }
        let found = resolve::lookup_family(host, port, family)?;
        Ok(found.into_iter().map(Address::from).collect())
    }
}

impl ToAddress for (String, u16) {
    fn to_address(&self, family: Family) -> Result<Address> {
        (self.0.as_str(), self.1).to_address(family)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        (self.0.as_str(), self.1).to_addresses(family)
    }
}

impl ToAddress for str {
    fn to_address(&self, family: Family) -> Result<Address> {
        first(self.to_addresses(family)?, self)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        const WRITTEN_OUT: [&str; 5] = ["[", "unix:", "packet:", "netlink:", "vsock:"];
        if WRITTEN_OUT.iter().any(|start| self.starts_with(start)) {
            return Ok(vec![self.parse()?]);
        }
        if let Ok(address) = self.parse::<SocketAddrV4>() {
            return Ok(vec![address.into()]);
        }
        let (host, port) = self
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port_number(port).filter(|_| !port.is_empty())?)))
            .ok_or_else(|| bad_address(self, "not HOST:PORT"))?;
        if host.contains(':') {
            return Err(bad_address(self, "an IPv6 address stands in brackets: [::1]:80"));
        }
        (host, port).to_addresses(family)
    }
}

impl ToAddress for String {
    fn to_address(&self, family: Family) -> Result<Address> {
        self.as_str().to_address(family)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        self.as_str().to_addresses(family)
    }
}

/// A lookup that succeeds is never empty; if it were, that would be an error too.
fn first(found: Vec<Address>, text: &str) -> Result<Address> {
    found.into_iter().next().ok_or_else(|| -> Error { bad_address(text, "no address") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: impl ToAddress, family: Family) -> String {
        match address.to_address(family) {
            Ok(address) => address.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_empty_host_is_every_interface() {
        assert_eq!(text(("", 80), Family::Inet), "0.0.0.0:80");
        assert_eq!(text(("", 80), Family::Inet6), "[::]:80");
        assert_eq!(text(":80", Family::Unspec), "0.0.0.0:80");
    }

    #[test]
    fn names_are_looked_up_in_the_family() {
        assert_eq!(text("localhost:80", Family::Inet), "127.0.0.1:80");
        assert_eq!(text(("127.0.0.1", 80), Family::Unspec), "127.0.0.1:80");
        assert_eq!(text(("::1", 80), Family::Inet6), "[::1]:80");
        assert_eq!(text(String::from("[::1]:80"), Family::Inet6), "[::1]:80");
        assert_eq!(text((Ipv4Addr::LOCALHOST, 1), Family::Inet), "127.0.0.1:1");
        assert_eq!(text(Path::new("/run/x"), Family::Unix), "unix:/run/x");
    }

    #[test]
    fn what_is_no_address_says_why() {
        assert!(text("localhost", Family::Inet).contains("not HOST:PORT"));
        assert!(text("localhost:", Family::Inet).contains("not HOST:PORT"));
        assert!(text("::1:80", Family::Inet).contains("brackets"));
        assert!(text(("x", 1), Family::Unix).contains("unix socket"));
    }
}
