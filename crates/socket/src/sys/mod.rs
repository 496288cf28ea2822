//! The only unsafe code of the workspace: what socket2 and rustix do not offer safely. Each block
//! says why it is sound; nothing here decides anything.
#![expect(unsafe_code, reason = "the one module that may")]
#![expect(clippy::as_conversions, reason = "C integers and pointers")]

#[cfg(target_os = "linux")]
mod address;
#[cfg(target_os = "linux")]
mod batch;
mod interfaces;
mod lookup;
mod message;
mod netdb;
mod option;
#[cfg(any(not(target_os = "linux"), test))]
mod poll;
#[cfg(feature = "tokio")]
mod reactor;
#[cfg(target_os = "linux")]
mod tcp_info;

#[cfg(target_os = "linux")]
pub(crate) use address::{
    link_from_sys, netlink_from_sys, netlink_to_sys, packet_from_sys, packet_to_sys,
};
#[cfg(target_os = "linux")]
pub(crate) use batch::Headers;
pub(crate) use interfaces::{if_nameindex, index_of_interface, name_of_interface};
pub(crate) use lookup::{Asked, Found, gai, getaddrinfo, getnameinfo};
pub(crate) use message::{
    CMSG_ALIGN_BYTES, CMSG_HEADER_BYTES, cmsg_header, put_cmsg_header, recvmsg,
};
pub(crate) use netdb::*;
pub(crate) use option::{get_option, set_option};
#[cfg(any(not(target_os = "linux"), test))]
pub(crate) use poll::{PollEntry, poll_entries};
#[cfg(feature = "tokio")]
pub(crate) use reactor::{recv_into_readbuf, register};
#[cfg(target_os = "linux")]
pub(crate) use tcp_info::{TCP_INFO_LEN, tcp_info};

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{IntoRawFd, OwnedFd};

use socket2::SockAddr;

/// Receives a datagram and where it is from into initialised memory.
pub(crate) fn recvfrom(
    socket: &socket2::Socket,
    buf: &mut [u8],
    flags: i32,
) -> io::Result<(usize, SockAddr)> {
    // SAFETY: u8 and MaybeUninit<u8> have one layout, and socket2 promises that it writes nothing
    // uninitialised into the buffer it is given.
    let buf = unsafe { &mut *(std::ptr::from_mut(buf) as *mut [MaybeUninit<u8>]) };
    socket.recv_from_with_flags(buf, flags)
}

/// Closes a descriptor and says what Drop cannot.
pub(crate) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was owned and is given up here, so nobody else closes it. After
    // EINTR it is closed on Linux: it must not be closed again.
    let rc = unsafe { libc::close(fd.into_raw_fd()) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
