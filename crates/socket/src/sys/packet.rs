//! Packet sockets: binding one to every interface, and receiving with the kernel's time.

use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// What the kernel says about a packet beside its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawPacket {
    /// How many bytes are in the buffer.
    pub(crate) len: usize,
    /// The number of the interface.
    pub(crate) interface: i32,
    /// The interface's hardware (`ARPHRD_…`).
    pub(crate) hardware: u16,
    /// Towards whom it is (`PACKET_…`).
    pub(crate) kind: u8,
    /// When, since 1970.
    pub(crate) time: Option<Duration>,
}

/// Lets the packets of every protocol and interface in, both directions.
pub(crate) fn bind_packet(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain data for which all zeroes is a valid value.
    let mut addr: libc::sockaddr_ll = unsafe { zeroed() };
    addr.sll_family = libc::AF_PACKET as libc::c_ushort;
    addr.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    let len = size_of_val(&addr) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `addr`, which lives through the call.
    let rc = unsafe { libc::bind(fd.as_raw_fd(), (&raw const addr).cast(), len) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives one packet from its network header on; the rest of one that is longer is lost.
pub(crate) fn recv_packet(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<RawPacket> {
    // SAFETY: sockaddr_ll is plain data for which all zeroes is a valid value.
    let mut from: libc::sockaddr_ll = unsafe { zeroed() };
    // Aligned as a cmsghdr wants it, with room for one timespec.
    let mut control = [0_u64; 16];
    let mut part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: msghdr is plain data for which all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: every pointer of the message is to a local or to `buf`, with its true length; all
    // of them live through the call.
    let received = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, 0) };
    let Ok(len) = usize::try_from(received) else { return Err(io::Error::last_os_error()) };
    Ok(RawPacket {
        len: len.min(buf.len()),
        interface: from.sll_ifindex,
        hardware: from.sll_hatype,
        kind: from.sll_pkttype,
        time: time_of(&message),
    })
}

/// The kernel's time in the control messages, where it is there.
fn time_of(message: &libc::msghdr) -> Option<Duration> {
    let need = size_of::<libc::timespec>();
    // SAFETY: recvmsg has filled the control buffer, which the message describes.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: the macros give a header inside of the control buffer, or null.
        let (level, kind, len) =
            unsafe { ((*header).cmsg_level, (*header).cmsg_type, (*header).cmsg_len) };
        // SAFETY: CMSG_LEN computes.
        let whole = len >= unsafe { libc::CMSG_LEN(need as u32) } as _;
        if level == libc::SOL_SOCKET && kind == libc::SCM_TIMESTAMPNS && whole {
            // SAFETY: the message is long enough for a timespec, which may be unaligned.
            let time = unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() };
            let seconds = u64::try_from(time.tv_sec).ok()?;
            return Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?));
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    None
}
