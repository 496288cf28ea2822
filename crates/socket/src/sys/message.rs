//! recvmsg(2), and the headers of control messages. This is where the numbers that the kernel has
//! just written become descriptors: each once.

use std::io::{self, IoSliceMut};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use socket2::SockAddr;

use crate::cmsg;

/// The bytes of a control message before its content.
// SAFETY: CMSG_LEN computes.
pub(crate) const CMSG_HEADER_BYTES: usize = unsafe { libc::CMSG_LEN(0) } as usize;

/// What the place of a control message is a multiple of.
// SAFETY: CMSG_SPACE computes.
pub(crate) const CMSG_ALIGN_BYTES: usize =
    unsafe { libc::CMSG_SPACE(1) - libc::CMSG_SPACE(0) } as usize;

const _: () = assert!(size_of::<libc::cmsghdr>() <= CMSG_HEADER_BYTES);

/// Length, level and kind of the control message that `bytes` begin with; None where they are too
/// few.
pub(crate) fn cmsg_header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let header: &[u8; CMSG_HEADER_BYTES] = bytes.first_chunk()?;
    // SAFETY: a cmsghdr is integers, and no longer than the array it is read from.
    let header = unsafe { header.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
    Some((header.cmsg_len as _, header.cmsg_level, header.cmsg_type))
}

/// Appends the header of a control message.
pub(crate) fn put_cmsg_header(buffer: &mut Vec<u8>, len: usize, level: i32, kind: i32) {
    // SAFETY: a cmsghdr is integers, for which all zeroes is a valid value.
    let mut header: libc::cmsghdr = unsafe { zeroed() };
    header.cmsg_len = len as _;
    header.cmsg_level = level;
    header.cmsg_type = kind;
    let mut bytes = [0_u8; CMSG_HEADER_BYTES];
    // SAFETY: a cmsghdr is no longer than the array it is written to, and has no padding of the
    // compiler's (where the kernel pads, libc has a field).
    unsafe { bytes.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(header) };
    buffer.extend_from_slice(&bytes);
}

/// What the kernel says about a message beside its bytes.
pub(crate) struct RawMessage {
    /// How many bytes it has; with MSG_TRUNC maybe more than the parts.
    pub(crate) len: usize,
    /// How many bytes of the control buffer were filled.
    pub(crate) control_bytes: usize,
    /// The flags of the message.
    pub(crate) flags: u32,
    /// Where it came from; of length 0 where the kernel does not say.
    pub(crate) addr: SockAddr,
    /// The descriptors of all control messages, in order.
    pub(crate) fds: Vec<OwnedFd>,
}

/// Receives a message into `parts` and `control`.
pub(crate) fn recvmsg(
    fd: BorrowedFd<'_>,
    parts: &mut [IoSliceMut<'_>],
    control: &mut [u8],
    flags: i32,
) -> io::Result<RawMessage> {
    // SAFETY: msghdr is plain data for which all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    // An IoSliceMut is an iovec by its documentation.
    message.msg_iov = parts.as_mut_ptr().cast();
    message.msg_iovlen = parts.len() as _;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() as _;
    let receive = |storage: *mut socket2::SockAddrStorage, len: *mut libc::socklen_t| {
        message.msg_name = storage.cast();
        // SAFETY: try_init gives two valid pointers, the second to the size of the storage.
        message.msg_namelen = unsafe { *len };
        // SAFETY: every pointer of the message is to the storage, `parts` or `control`, with its
        // true length; all of them live through the call.
        let received = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: as above.
        unsafe { *len = message.msg_namelen.min(*len) };
        Ok(received)
    };
    // SAFETY: the kernel writes an address of the family that it names, or nothing.
    let (len, addr) = unsafe { SockAddr::try_init(receive) }?;
    let control_bytes = (message.msg_controllen as usize).min(control.len());
    let fds = take_descriptors(&control[..control_bytes]);
    Ok(RawMessage { len, control_bytes, flags: message.msg_flags as u32, addr, fds })
}

/// Owns the descriptors in a control buffer that the kernel has just filled; once for each time
/// that it did.
pub(super) fn take_descriptors(control: &[u8]) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    for (level, kind, data) in cmsg::messages(control) {
        for number in cmsg::descriptors(level, kind, data) {
            // SAFETY: the kernel has just opened it for this process and told nobody else; the
            // buffer is walked once.
            let fd = unsafe { OwnedFd::from_raw_fd(number) };
            close_on_exec(&fd);
            fds.push(fd);
        }
    }
    fds
}

/// On Linux the kernel has done it at once (`MSG_CMSG_CLOEXEC`).
fn close_on_exec(fd: &OwnedFd) {
    if cfg!(not(target_os = "linux")) {
        // On a descriptor of ours this cannot fail.
        let _ = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC);
    }
}
