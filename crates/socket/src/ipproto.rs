//! The numbers of protocols, by Python's names: the last argument of
//! [`Socket::new`](crate::Socket::new).

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub const $name: i32 = libc::$name;
    )*};
}

numbers! {
    /// The family's usual one.
    IPPROTO_IP
    /// Internet Control Message Protocol: echo, unreachable, time exceeded.
    IPPROTO_ICMP
    /// Internet Group Management Protocol.
    IPPROTO_IGMP
    /// IPv4 inside of IP.
    IPPROTO_IPIP
    /// Transmission Control Protocol.
    IPPROTO_TCP
    /// User Datagram Protocol.
    IPPROTO_UDP
    /// IPv6 inside of IP; also the level of IPv6's options.
    IPPROTO_IPV6
    /// Generic routing encapsulation.
    IPPROTO_GRE
    /// Encapsulating security payload.
    IPPROTO_ESP
    /// Authentication header.
    IPPROTO_AH
    /// ICMP for IPv6.
    IPPROTO_ICMPV6
    /// Nothing follows.
    IPPROTO_NONE
    /// Protocol independent multicast.
    IPPROTO_PIM
    /// Stream Control Transmission Protocol.
    IPPROTO_SCTP
    /// Raw IP: the header is the sender's own.
    IPPROTO_RAW
}

#[cfg(target_os = "linux")]
mod linux {
    numbers! {
        /// UDP whose checksum may cover part of a datagram (Linux).
        IPPROTO_UDPLITE
        /// TCP over several paths (Linux).
        IPPROTO_MPTCP
        /// Netlink: routes, addresses, interfaces, neighbours (Linux).
        NETLINK_ROUTE
        /// Netlink: information about sockets (Linux).
        NETLINK_SOCK_DIAG
        /// Netlink: the firewall (Linux).
        NETLINK_NETFILTER
        /// Netlink: between programs (Linux).
        NETLINK_USERSOCK
        /// Packets of every protocol; a packet socket wants it as `ETH_P_ALL.to_be()`, two bytes
        /// (Linux).
        ETH_P_ALL
    }
}

#[cfg(target_os = "linux")]
pub use linux::*;
