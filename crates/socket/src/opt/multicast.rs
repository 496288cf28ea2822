//! Multicast groups: joining and leaving them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::value::SetValue;

/// A multicast group over IPv4, and the interface to hear it on.
///
/// ```
/// use sockeye_socket::{Socket, opt};
/// use std::net::Ipv4Addr;
///
/// let socket = Socket::udp4()?;
/// socket.bind(("", 0))?;
/// let group = opt::Membership::new(Ipv4Addr::new(239, 1, 2, 3)).on_address(Ipv4Addr::LOCALHOST);
/// socket.setsockopt(opt::IP_ADD_MEMBERSHIP, group)?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Source
/// ip(7), `struct ip_mreqn`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The group.
    pub group: Ipv4Addr,
    /// An address of the interface; unspecified leaves it to `interface`, or to the system.
    pub address: Ipv4Addr,
    /// The number of the interface, which comes first; 0 is none (Linux).
    pub interface: u32,
}

impl Membership {
    /// A group on the interface that the system picks.
    #[must_use]
    pub fn new(group: Ipv4Addr) -> Self {
        Self { group, address: Ipv4Addr::UNSPECIFIED, interface: 0 }
    }

    /// The same on the interface that has `address`.
    #[must_use]
    pub fn on_address(self, address: Ipv4Addr) -> Self {
        Self { address, ..self }
    }

    /// The same on the interface of that number (Linux).
    #[must_use]
    pub fn on_interface(self, interface: u32) -> Self {
        Self { interface, ..self }
    }
}

impl SetValue for Membership {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = [self.group.octets(), self.address.octets()].concat();
        if cfg!(target_os = "linux") {
            bytes.extend(i32::try_from(self.interface).ok()?.to_ne_bytes());
        }
        Some(bytes)
    }
}

/// A multicast group over IPv4 and one of those who send to it.
///
/// # Source
/// ip(7), `struct ip_mreq_source`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceMembership {
    /// The group.
    pub group: Ipv4Addr,
    /// An address of the interface to hear it on; unspecified is the system's choice.
    pub address: Ipv4Addr,
    /// Who sends.
    pub source: Ipv4Addr,
}

impl SetValue for SourceMembership {
    fn encode(&self) -> Option<Vec<u8>> {
        // Linux has the interface before the source, the BSDs behind it.
        let rest = if cfg!(target_os = "linux") {
            [self.address, self.source]
        } else {
            [self.source, self.address]
        };
        Some([self.group.octets(), rest[0].octets(), rest[1].octets()].concat())
    }
}

/// A multicast group over IPv6, and the interface to hear it on.
///
/// # Source
/// ipv6(7), `struct ipv6_mreq`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership6 {
    /// The group.
    pub group: Ipv6Addr,
    /// The number of the interface; 0 is the system's choice.
    pub interface: u32,
}

impl SetValue for Membership6 {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = self.group.octets().to_vec();
        bytes.extend(self.interface.to_ne_bytes());
        Some(bytes)
    }
}
