//! Python's `socket` module, for Rust.
#![doc = include_str!("../README.md")]

pub mod addr;
#[cfg(feature = "tokio")]
pub mod aio;
mod client;
pub mod cmsg;
pub mod errno;
mod error;
mod event;
mod flag_set;
mod flags;
pub mod frame;
pub mod happy;
mod ipproto;
pub mod opt;
#[cfg(target_os = "linux")]
pub mod packet;
pub mod protocol;
pub mod resolve;
mod selectors;
pub mod server;
mod shutdown;
mod socket;
mod sys;

pub use addr::{AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, Address, Family, ToAddress, UnixName};
#[cfg(target_os = "linux")]
pub use addr::{AF_NETLINK, AF_PACKET, AF_VSOCK, NetlinkAddr, PacketAddr, VsockAddr};
pub use client::{Connecting, ConnectionBuilder, create_connection};
pub use error::{Error, Result};
#[cfg(target_os = "linux")]
pub use flags::{
    MSG_CMSG_CLOEXEC, MSG_CONFIRM, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_WAITFORONE,
};
pub use flags::{
    MSG_CTRUNC, MSG_DONTROUTE, MSG_DONTWAIT, MSG_EOR, MSG_NOSIGNAL, MSG_OOB, MSG_PEEK, MSG_TRUNC,
    MSG_WAITALL, MsgFlags,
};
pub use ipproto::*;
pub use resolve::{
    AI_ADDRCONFIG, AI_ALL, AI_CANONNAME, AI_NUMERICHOST, AI_NUMERICSERV, AI_PASSIVE, AI_V4MAPPED,
    EAI_ADDRFAMILY, EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NODATA,
    EAI_NONAME, EAI_OVERFLOW, EAI_SERVICE, EAI_SOCKTYPE, EAI_SYSTEM, NI_DGRAM, NI_NAMEREQD,
    NI_NOFQDN, NI_NUMERICHOST, NI_NUMERICSERV, getaddrinfo, getfqdn, gethostbyaddr, gethostbyname,
    gethostbyname_ex, gethostname, getnameinfo, getprotobyname, getservbyname, getservbyport,
    has_dualstack_ipv6, has_ipv6, if_indextoname, if_nameindex, if_nametoindex, inet_aton,
    sethostname,
};
pub use resolve::{AddrInfo, AiFlags, Hints, HostEntry, NiFlags, Service};
pub use selectors::{Events, Selector, Waker};
pub use server::{Accept, Acceptor, ServerBuilder, create_server};
pub use shutdown::{Registration, Shutdown};
#[cfg(target_os = "linux")]
pub use socket::{Datagram, RecvBatch, SendBatch};
pub use socket::{
    Drained, How, Kind, Message, Received, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_RAW,
    SOCK_SEQPACKET, SOCK_STREAM, SOMAXCONN, Socket, View, dup, fromfd, recv_fds, send_fds,
    socketpair, socketpair_of,
};

// The programs of the document are compiled and run with the tests of the documentation.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../../docs/from-the-tutorial.md")]
mod from_the_tutorial {}
