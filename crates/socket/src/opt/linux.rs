//! The options that Linux has (others may have some of them too).

use super::multicast::Membership;
use super::options;
use super::state::{Credentials, PacketStatistics, TcpInfo};

options! {
    /// The family, by the system's number. Read-only.
    SO_DOMAIN: i32 = SOL_SOCKET;
    /// The protocol, by its number. Read-only.
    SO_PROTOCOL: i32 = SOL_SOCKET;
    /// The kernel notes when it received what is received, in nanoseconds.
    SO_TIMESTAMPNS: bool = SOL_SOCKET;
    /// Only what passes the interface of that name; empty is every one.
    SO_BINDTODEVICE: String = SOL_SOCKET;
    /// As `SO_RCVBUF`, above the system's limit (needs `CAP_NET_ADMIN`). Write-only.
    SO_RCVBUFFORCE: usize = SOL_SOCKET;
    /// As `SO_SNDBUF`, above the system's limit (needs `CAP_NET_ADMIN`). Write-only.
    SO_SNDBUFFORCE: usize = SOL_SOCKET;
    /// The mark that routing and firewalls see (needs `CAP_NET_ADMIN`).
    SO_MARK: u32 = SOL_SOCKET;
    /// The queueing priority, `0..=6`; more needs `CAP_NET_ADMIN`.
    SO_PRIORITY: u32 = SOL_SOCKET;
    /// The processor that handled what came last, or is to; -1 is none.
    SO_INCOMING_CPU: i32 = SOL_SOCKET;
    /// Microseconds to look for packets in the device's queue before sleeping.
    SO_BUSY_POLL: u32 = SOL_SOCKET;
    /// The most bytes a second that are sent; `u32::MAX` is no limit.
    SO_MAX_PACING_RATE: usize = SOL_SOCKET;
    /// How many datagrams were dropped comes with what is received.
    SO_RXQ_OVFL: bool = SOL_SOCKET;
    /// A number that no other socket of this machine has. Read-only.
    SO_COOKIE: u64 = SOL_SOCKET;
    /// Unix: the peer's process, user and group come with what is received.
    SO_PASSCRED: bool = SOL_SOCKET;
    /// Unix: the peer's security label comes with what is received.
    SO_PASSSEC: bool = SOL_SOCKET;
    /// Unix: the security label of the other end, where the kernel has labels. Read-only.
    SO_PEERSEC: String = SOL_SOCKET;
    /// Unix: who made the other end. Read-only.
    SO_PEERCRED: Credentials = SOL_SOCKET;

    /// Hold back partial segments (at most 200 ms) until it is cleared.
    TCP_CORK: bool = IPPROTO_TCP;
    /// Seconds of silence before the first keepalive probe.
    TCP_KEEPIDLE: u32 = IPPROTO_TCP;
    /// How many times a SYN is sent again.
    TCP_SYNCNT: u32 = IPPROTO_TCP;
    /// Seconds that an orphaned connection waits in FIN-WAIT-2; -1 is not at all.
    TCP_LINGER2: i32 = IPPROTO_TCP;
    /// A listener: seconds to hold a client back until it has sent something; 0 is off.
    TCP_DEFER_ACCEPT: u32 = IPPROTO_TCP;
    /// The most that the receive window may grow to, in bytes.
    TCP_WINDOW_CLAMP: u32 = IPPROTO_TCP;
    /// Acknowledge at once; the kernel may go back to delaying by itself.
    TCP_QUICKACK: bool = IPPROTO_TCP;
    /// The algorithm of congestion control, by its name.
    TCP_CONGESTION: String = IPPROTO_TCP;
    /// Milliseconds that sent data may stay unacknowledged; 0 is the system's default.
    TCP_USER_TIMEOUT: u32 = IPPROTO_TCP;
    /// Bytes not yet sent above which a socket does not count as writable.
    TCP_NOTSENT_LOWAT: u32 = IPPROTO_TCP;
    /// A client: connect sends nothing, and the first send goes with the SYN.
    TCP_FASTOPEN_CONNECT: bool = IPPROTO_TCP;
    /// The state of a TCP connection. Read-only.
    TCP_INFO: TcpInfo = IPPROTO_TCP;

    /// Cut what is sent into datagrams of so many bytes; 0 is off.
    UDP_SEGMENT: u32 = SOL_UDP;
    /// Several datagrams of one peer may be received as one.
    UDP_GRO: bool = SOL_UDP;
    /// Hold back until it is cleared, and send all as one datagram.
    UDP_CORK: bool = SOL_UDP;

    /// The interface and the addresses come with what is received.
    IP_PKTINFO: bool = IPPROTO_IP;
    /// The options in the headers of what is sent over IPv4, as they go, at most 40 bytes.
    IP_OPTIONS: Vec<u8> = IPPROTO_IP;
    /// The options in the headers of what is received come with it.
    IP_RECVOPTS: bool = IPPROTO_IP;
    /// ICMP errors are kept in the error queue, whole.
    IP_RECVERR: bool = IPPROTO_IP;
    /// What is not of this machine may be bound.
    IP_FREEBIND: bool = IPPROTO_IP;
    /// A transparent proxy: connections to others' addresses (needs `CAP_NET_ADMIN`).
    IP_TRANSPARENT: bool = IPPROTO_IP;
    /// Where it was going comes with what is received.
    IP_RECVORIGDSTADDR: bool = IPPROTO_IP;
    /// What to do where a datagram is longer than the path's MTU: 0 fragments, 2 is refused.
    IP_MTU_DISCOVER: i32 = IPPROTO_IP;
    /// The path's MTU in bytes, of a connected socket. Read-only.
    IP_MTU: u32 = IPPROTO_IP;
    /// The least time to live with which anything is taken.
    IP_MINTTL: u32 = IPPROTO_IP;
    /// A bind without a port leaves it to connect, so that ports do not run short.
    IP_BIND_ADDRESS_NO_PORT: bool = IPPROTO_IP;
    /// Which interface multicasts leave by: its group is not looked at. Write-only.
    IP_MULTICAST_IF: Membership = IPPROTO_IP;
    /// Also the groups that other sockets joined (Linux's default), or its own only.
    IP_MULTICAST_ALL: bool = IPPROTO_IP;

    /// The routing header comes with what is received.
    IPV6_RECVRTHDR: bool = IPPROTO_IPV6;
    /// The hop-by-hop options come with what is received.
    IPV6_RECVHOPOPTS: bool = IPPROTO_IPV6;
    /// The destination options come with what is received.
    IPV6_RECVDSTOPTS: bool = IPPROTO_IPV6;
    /// The path's MTU comes where it changed.
    IPV6_RECVPATHMTU: bool = IPPROTO_IPV6;
    /// The routing header of what is sent, as it goes.
    IPV6_RTHDR: Vec<u8> = IPPROTO_IPV6;
    /// The hop-by-hop options of what is sent, as they go (needs privilege).
    IPV6_HOPOPTS: Vec<u8> = IPPROTO_IPV6;
    /// The destination options of what is sent, as they go (needs privilege).
    IPV6_DSTOPTS: Vec<u8> = IPPROTO_IPV6;
    /// ICMP errors are kept in the error queue, whole.
    IPV6_RECVERR: bool = IPPROTO_IPV6;
    /// What to do where a datagram is longer than the path's MTU: 0 fragments, 2 is refused.
    IPV6_MTU_DISCOVER: i32 = IPPROTO_IPV6;
    /// The path's MTU in bytes.
    IPV6_MTU: u32 = IPPROTO_IPV6;
    /// What is not of this machine may be bound.
    IPV6_FREEBIND: bool = IPPROTO_IPV6;
    /// A transparent proxy: connections to others' addresses (needs `CAP_NET_ADMIN`).
    IPV6_TRANSPARENT: bool = IPPROTO_IPV6;

    /// A packet socket does not see what this machine sends.
    PACKET_IGNORE_OUTGOING: bool = SOL_PACKET;
    /// How many packets a packet socket had and lost since the last time. Read-only.
    PACKET_STATISTICS: PacketStatistics = SOL_PACKET;

    /// A netlink socket hears one more multicast group, by its number. Write-only.
    NETLINK_ADD_MEMBERSHIP: u32 = SOL_NETLINK;
    /// A netlink socket hears one group less. Write-only.
    NETLINK_DROP_MEMBERSHIP: u32 = SOL_NETLINK;
    /// The kernel's refusals say more.
    NETLINK_EXT_ACK: bool = SOL_NETLINK;
}
