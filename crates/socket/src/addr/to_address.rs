//! What the methods of a socket take for an address: an address, or a name to look up.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};

use super::parse::{bad_address, port_number};
use super::{Address, Family, UnixName};
use crate::error::{Cause, Error, Result};
use crate::resolve;

/// Something that an [`Address`] can be had from.
///
/// Texts are addresses (`"127.0.0.1:80"`, `"unix:/run/x"`) or `"host:port"`, and for a unix socket
/// paths; pairs are a host and a port. As in Python the empty host is every interface, and
/// `"<broadcast>"` is 255.255.255.255. Names are looked up by getaddrinfo, in
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

    /// The name that has to be looked up (`example.org:80`), which can take seconds; `None` for
    /// what is an address already.
    fn unresolved(&self) -> Option<String> {
        None
    }
}

impl<T: ToAddress + ?Sized> ToAddress for &T {
    fn to_address(&self, family: Family) -> Result<Address> {
        (**self).to_address(family)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        (**self).to_addresses(family)
    }

    fn unresolved(&self) -> Option<String> {
        (**self).unresolved()
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

/// Addresses of one host or service, in the order in which they are worth trying.
impl<T: Clone + Into<Address>> ToAddress for [T] {
    fn to_address(&self, family: Family) -> Result<Address> {
        first(self.to_addresses(family)?, "")
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        let wanted = |addr: &Address| family == Family::Unspec || addr.family() == family;
        let found: Vec<_> = self.iter().cloned().map(Into::into).filter(wanted).collect();
        let none = "no address of the family in the list";
        if found.is_empty() { Err(Error::new("address", Cause::Invalid(none))) } else { Ok(found) }
    }
}

impl<T: Clone + Into<Address>> ToAddress for Vec<T> {
    fn to_address(&self, family: Family) -> Result<Address> {
        self.as_slice().to_address(family)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        self.as_slice().to_addresses(family)
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
        if host == BROADCAST && family != Family::Inet6 {
            return Ok(vec![(Ipv4Addr::BROADCAST, port).into()]);
        }
        let found = resolve::lookup_family(host, port, family)?;
        Ok(found.into_iter().map(Address::from).collect())
    }

    fn unresolved(&self) -> Option<String> {
        let (host, port) = self;
        // With a colon it is an IPv6 address, with a zone perhaps.
        let is_address = host.contains(':') || host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty() && *host != BROADCAST && !is_address;
        is_name.then(|| format!("{host}:{port}"))
    }
}

impl ToAddress for str {
    fn to_address(&self, family: Family) -> Result<Address> {
        first(self.to_addresses(family)?, self)
    }

    fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
        if is_written_out(self) {
            return Ok(vec![self.parse()?]);
        }
        if family == Family::Unix {
            return Ok(vec![unix_name(self).into()]);
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

    fn unresolved(&self) -> Option<String> {
        let host = self.rsplit_once(':').map_or("", |(host, _)| host);
        (!is_written_out(self)).then(|| (host, 0).unresolved()).flatten().map(|_| self.to_owned())
    }
}

/// Gives types the addresses of another one.
macro_rules! as_another {
    ($($type:ty: |$this:ident| $other:expr;)*) => {$(
        impl ToAddress for $type {
            fn to_address(&self, family: Family) -> Result<Address> {
                let $this = self;
                $other.to_address(family)
            }

            fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
                let $this = self;
                $other.to_addresses(family)
            }

            fn unresolved(&self) -> Option<String> {
                let $this = self;
                $other.unresolved()
            }
        }
    )*};
}

as_another! {
    String: |text| text.as_str();
    Cow<'_, str>: |text| **text;
    (String, u16): |pair| (pair.0.as_str(), pair.1);
    (&String, u16): |pair| (pair.0.as_str(), pair.1);
    PathBuf: |path| path.as_path();
}

/// Python's name for 255.255.255.255.
const BROADCAST: &str = "<broadcast>";

/// Whether the text says its family, and is no name of a host.
fn is_written_out(text: &str) -> bool {
    ["[", "unix:", "packet:", "netlink:", "vsock:"].iter().any(|start| text.starts_with(start))
}

/// As in Python: a path, or behind a NUL an abstract name.
fn unix_name(text: &str) -> UnixName {
    match text.strip_prefix('\0') {
        Some(name) => UnixName::Abstract(name.as_bytes().to_vec()),
        None if text.is_empty() => UnixName::Unnamed,
        None => UnixName::Path(text.into()),
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
    fn only_names_are_looked_up() {
        for address in ["1.2.3.4:80", "[::1]:80", "unix:x", ":80", "80", "nonsense"] {
            assert_eq!(address.unresolved(), None, "{address}");
        }
        assert_eq!("localhost:80".unresolved().unwrap(), "localhost:80");
        assert_eq!((String::from("a.b"), 7).unresolved().unwrap(), "a.b:7");
        assert_eq!(<&(&str, u16)>::unresolved(&&("::1", 80)), None);
        assert_eq!(vec![(Ipv4Addr::LOCALHOST, 1)].unresolved(), None);
    }

    #[test]
    fn a_list_gives_the_addresses_of_the_family_in_its_order() {
        let list: Vec<SocketAddr> =
            ["1.2.3.4:5", "[::1]:6", "1.2.3.3:7"].map(|text| text.parse().unwrap()).into();
        let of = |family| -> Vec<String> {
            let found = list.to_addresses(family).unwrap();
            found.iter().map(ToString::to_string).collect()
        };
        assert_eq!(of(Family::Unspec), ["1.2.3.4:5", "[::1]:6", "1.2.3.3:7"]);
        assert_eq!(of(Family::Inet), ["1.2.3.4:5", "1.2.3.3:7"]);
        assert_eq!(text(&list[..], Family::Inet6), "[::1]:6");
        assert!(text(&list, Family::Unix).contains("no address of the family"));
    }

    #[test]
    fn broadcasts_and_paths_are_written_as_in_python() {
        assert_eq!(text(("<broadcast>", 9), Family::Inet), "255.255.255.255:9");
        assert!(text(("<broadcast>", 9), Family::Inet6).contains("EAI_"));
        assert_eq!("<broadcast>:9".unresolved(), None);
        assert_eq!("vsock:2:1234".unresolved(), None);
        assert_eq!(text("/run/x.sock", Family::Unix), "unix:/run/x.sock");
        assert_eq!(text("\0name", Family::Unix), "unix:@name");
        assert_eq!(text("unix:@name", Family::Unix), "unix:@name");
        assert_eq!(text(PathBuf::from("/run/x"), Family::Unix), "unix:/run/x");
        let host = "localhost".to_owned();
        assert_eq!(text((&host, 1), Family::Inet), "127.0.0.1:1");
        assert_eq!(text(Cow::from("127.0.0.1:1"), Family::Inet), "127.0.0.1:1");
    }

    #[test]
    fn what_is_no_address_says_why() {
        assert!(text("localhost", Family::Inet).contains("not HOST:PORT"));
        assert!(text("localhost:", Family::Inet).contains("not HOST:PORT"));
        assert!(text("::1:80", Family::Inet).contains("brackets"));
        assert!(text(("x", 1), Family::Unix).contains("unix socket"));
    }
}
