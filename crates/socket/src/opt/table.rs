//! The options of every system.

use std::time::Duration;

use super::multicast::{Membership, Membership6, SourceMembership};
use super::options;

options! {
    /// Listeners: bind although old connections of the port linger.
    SO_REUSEADDR: bool = SOL_SOCKET;
    /// Several sockets on one port share its connections. Never set unasked.
    SO_REUSEPORT: bool = SOL_SOCKET;
    /// Ask silent peers whether they live.
    SO_KEEPALIVE: bool = SOL_SOCKET;
    /// Datagrams may go to broadcast addresses.
    SO_BROADCAST: bool = SOL_SOCKET;
    /// To hosts of the own link only, past every router.
    SO_DONTROUTE: bool = SOL_SOCKET;
    /// What close does with unsent bytes: `None` sends them behind the scenes, `Some(ZERO)` resets
    /// the connection, `Some(t)` blocks for up to t. Whole seconds; a fraction counts as a whole.
    SO_LINGER: Option<Duration> = SOL_SOCKET;
    /// The kernel notes what happens, where it was built to (needs privilege).
    SO_DEBUG: bool = SOL_SOCKET;
    /// Urgent bytes stay among the others.
    SO_OOBINLINE: bool = SOL_SOCKET;
    /// The size of the send buffer in bytes; Linux doubles what it is given.
    SO_SNDBUF: usize = SOL_SOCKET;
    /// The size of the receive buffer in bytes; Linux doubles what it is given.
    SO_RCVBUF: usize = SOL_SOCKET;
    /// How many bytes make a socket readable.
    SO_RCVLOWAT: usize = SOL_SOCKET;
    /// The pending error (an errno, 0 for none), which reading clears.
    SO_ERROR: i32 = SOL_SOCKET;
    /// The kind of socket, by the system's number. Read-only.
    SO_TYPE: i32 = SOL_SOCKET;
    /// Whether it listens. Read-only.
    SO_ACCEPTCONN: bool = SOL_SOCKET;
    /// The kernel notes when it received what is received, in microseconds.
    SO_TIMESTAMP: bool = SOL_SOCKET;

    /// Send small segments at once.
    TCP_NODELAY: bool = IPPROTO_TCP;
    /// The largest segment that is sent, in bytes; before connecting also the largest that may
    /// come.
    TCP_MAXSEG: u32 = IPPROTO_TCP;
    /// Seconds between keepalive probes.
    TCP_KEEPINTVL: u32 = IPPROTO_TCP;
    /// How many unanswered keepalive probes end the connection.
    TCP_KEEPCNT: u32 = IPPROTO_TCP;
    /// A listener: how many clients may send with their first segment; 0 is off.
    TCP_FASTOPEN: u32 = IPPROTO_TCP;

    /// The time to live of what is sent over IPv4, `1..=255`.
    IP_TTL: u32 = IPPROTO_IP;
    /// The type of service of what is sent over IPv4: DSCP in the upper six bits, `0..=255`.
    IP_TOS: u32 = IPPROTO_IP;
    /// What is sent over a raw socket begins with its IP header.
    IP_HDRINCL: bool = IPPROTO_IP;
    /// The type of service comes with what is received.
    IP_RECVTOS: bool = IPPROTO_IP;
    /// The time to live comes with what is received.
    IP_RECVTTL: bool = IPPROTO_IP;
    /// Joins a multicast group. Write-only.
    IP_ADD_MEMBERSHIP: Membership = IPPROTO_IP;
    /// Leaves a multicast group. Write-only.
    IP_DROP_MEMBERSHIP: Membership = IPPROTO_IP;
    /// Joins a multicast group for one source. Write-only.
    IP_ADD_SOURCE_MEMBERSHIP: SourceMembership = IPPROTO_IP;
    /// Leaves a multicast group for one source. Write-only.
    IP_DROP_SOURCE_MEMBERSHIP: SourceMembership = IPPROTO_IP;
    /// Takes no more from a source of a group. Write-only.
    IP_BLOCK_SOURCE: SourceMembership = IPPROTO_IP;
    /// Takes from a source of a group again. Write-only.
    IP_UNBLOCK_SOURCE: SourceMembership = IPPROTO_IP;
    /// The time to live of multicasts over IPv4, `0..=255`; 1 stays on the link.
    IP_MULTICAST_TTL: u32 = IPPROTO_IP;
    /// This machine gets its own multicasts too.
    IP_MULTICAST_LOOP: bool = IPPROTO_IP;

    /// An IPv6 socket takes no IPv4 peers.
    IPV6_V6ONLY: bool = IPPROTO_IPV6;
    /// The hop limit of what is sent over IPv6, `0..=255`; -1 is the system's.
    IPV6_UNICAST_HOPS: i32 = IPPROTO_IPV6;
    /// The traffic class of what is sent over IPv6, `0..=255`; -1 is the system's.
    IPV6_TCLASS: i32 = IPPROTO_IPV6;
    /// The interface and the address come with what is received.
    IPV6_RECVPKTINFO: bool = IPPROTO_IPV6;
    /// The hop limit comes with what is received.
    IPV6_RECVHOPLIMIT: bool = IPPROTO_IPV6;
    /// The traffic class comes with what is received.
    IPV6_RECVTCLASS: bool = IPPROTO_IPV6;
    /// Nothing is cut into fragments: what is too long is refused.
    IPV6_DONTFRAG: bool = IPPROTO_IPV6;
    /// The number of the interface that multicasts over IPv6 leave by; 0 is the system's choice.
    IPV6_MULTICAST_IF: u32 = IPPROTO_IPV6;
    /// The hop limit of multicasts over IPv6, `0..=255`; -1 is the system's.
    IPV6_MULTICAST_HOPS: i32 = IPPROTO_IPV6;
    /// This machine gets its own multicasts too.
    IPV6_MULTICAST_LOOP: bool = IPPROTO_IPV6;
    /// A raw socket: where the checksum stands that the kernel fills in and tests; -1 is nowhere.
    IPV6_CHECKSUM: i32 = IPPROTO_IPV6;
}

/// Joins an IPv6 multicast group. Write-only.
pub const IPV6_JOIN_GROUP: super::Opt<Membership6> =
    super::Opt::new(libc::IPPROTO_IPV6, JOIN, "IPV6_JOIN_GROUP");
/// Leaves an IPv6 multicast group. Write-only.
pub const IPV6_LEAVE_GROUP: super::Opt<Membership6> =
    super::Opt::new(libc::IPPROTO_IPV6, LEAVE, "IPV6_LEAVE_GROUP");

#[cfg(target_os = "linux")]
const JOIN: i32 = libc::IPV6_ADD_MEMBERSHIP;
#[cfg(target_os = "linux")]
const LEAVE: i32 = libc::IPV6_DROP_MEMBERSHIP;
#[cfg(not(target_os = "linux"))]
const JOIN: i32 = libc::IPV6_JOIN_GROUP;
#[cfg(not(target_os = "linux"))]
const LEAVE: i32 = libc::IPV6_LEAVE_GROUP;
