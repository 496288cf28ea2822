//! Python's `socket` module, for Rust: the same names and the same meaning of timeouts, typed
//! where Rust can be typed.
//!
//! ```
//! use sockeye_socket::{AF_INET, SOCK_STREAM, Socket};
//! use std::time::Duration;
//!
//! let server = Socket::new(AF_INET, SOCK_STREAM, 0)?;
//! server.bind(("127.0.0.1", 0))?;
//! server.listen(5)?;
//!
//! let client = Socket::new(AF_INET, SOCK_STREAM, 0)?;
//! client.settimeout(Duration::from_secs(5))?; // one deadline for each call, the whole call
//! client.connect(server.getsockname()?)?;
//! let (connection, _peer) = server.accept()?;
//! client.sendall(b"hello")?;
//! assert_eq!(connection.recv(1024)?, b"hello");
//! # Ok::<(), sockeye_socket::Error>(())
//! ```
//!
//! | to | there is |
//! |---|---|
//! | talk over one socket | [`Socket`] with Python's methods; [`socketpair`] |
//! | say where | [`Address`], [`ToAddress`], [`resolve`] |
//! | set options | [`Socket::setsockopt`] with [`opt`] |
//! | listen or connect in one call | [`create_server`], [`create_connection`] |
//! | accept without ever falling over | [`Acceptor`] |
//! | send descriptors and other things beside the bytes | [`Socket::sendmsg`], [`Socket::send_fds`], [`cmsg`] |
//! | send and receive many datagrams at once | [`Socket::sendmmsg`], [`Socket::recvmmsg`] |
//! | wait for many sockets in one thread | [`Selector`] |
//! | stop everything gracefully | [`Shutdown`], [`Socket::close_gracefully`] |
//! | cut a stream into messages | [`frame`] |
//! | watch packets go by | [`Socket::packet`], [`packet`] |
//! | use tokio | `aio::Socket` (feature `tokio`) |
//!
//! Three rules hold everywhere. A timeout is always `TimedOut`; `WouldBlock` comes from
//! nonblocking sockets only. Interrupted calls go on with the same deadline. No descriptor outlives
//! an `exec`.

pub mod addr;
#[cfg(feature = "tokio")]
pub mod aio;
mod client;
pub mod cmsg;
pub mod errno;
mod error;
mod event;
mod flags;
pub mod frame;
mod ipproto;
pub mod opt;
#[cfg(target_os = "linux")]
pub mod packet;
pub mod resolve;
mod selectors;
mod server;
mod shutdown;
mod socket;
mod sys;

pub use addr::{AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, Address, Family, ToAddress, UnixName};
#[cfg(target_os = "linux")]
pub use addr::{AF_NETLINK, AF_PACKET, AF_VSOCK, NetlinkAddr, PacketAddr, VsockAddr};
pub use client::{ConnectionBuilder, create_connection};
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
pub use selectors::{Events, Selector, Waker};
pub use server::{Accept, Acceptor, ServerBuilder, create_server};
pub use shutdown::{Registration, Shutdown};
#[cfg(target_os = "linux")]
pub use socket::{Datagram, RecvBatch, SendBatch};
pub use socket::{
    Drained, How, Kind, Message, Received, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_RAW,
    SOCK_SEQPACKET, SOCK_STREAM, SOMAXCONN, Socket, View, recv_fds, send_fds, socketpair,
    socketpair_of,
};

// The programs of the document are compiled and run with the tests of the documentation.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../../docs/from-the-tutorial.md")]
mod from_the_tutorial {}
