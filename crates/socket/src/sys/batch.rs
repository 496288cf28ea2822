//! recvmmsg(2) and sendmmsg(2): many messages in one system call. The headers live on between the
//! calls so that nothing is allocated; what they point to is written into them for each call.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::SockAddr;

use super::message::take_descriptors;

/// The headers of a batch, a place for each message. Between calls their pointers mean nothing.
pub(crate) struct Headers {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    addrs: Vec<libc::sockaddr_storage>,
}

// SAFETY: the pointers in the headers are written before each call and read by nothing but the
// kernel, during it; everything else is plain data.
unsafe impl Send for Headers {}
// SAFETY: as above; what takes `&self` reads numbers and addresses only.
unsafe impl Sync for Headers {}

impl Headers {
    /// Room for so many messages.
    pub(crate) fn new(messages: usize) -> Self {
        // SAFETY: all three are plain data for which all zeroes is a valid value.
        let (header, part, addr) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            headers: vec![header; messages],
            parts: vec![part; messages],
            addrs: vec![addr; messages],
        }
    }

    /// How many bytes the message had; with MSG_TRUNC maybe more than its place.
    pub(crate) fn len(&self, at: usize) -> usize {
        self.headers[at].msg_len as usize
    }

    /// How many bytes of the message's control buffer were filled.
    pub(crate) fn control_bytes(&self, at: usize) -> usize {
        self.headers[at].msg_hdr.msg_controllen as _
    }

    /// The flags of the message.
    pub(crate) fn flags(&self, at: usize) -> u32 {
        self.headers[at].msg_hdr.msg_flags as u32
    }

    /// Where the message came from; of length 0 where the kernel did not say.
    pub(crate) fn addr(&self, at: usize) -> SockAddr {
        let len = self.headers[at].msg_hdr.msg_namelen;
        let mut storage = socket2::SockAddrStorage::zeroed();
        // SAFETY: sockaddr_storage is one of the types that a storage may be seen as.
        *unsafe { storage.view_as::<libc::sockaddr_storage>() } = self.addrs[at];
        // SAFETY: the kernel wrote an address of the family that it names, or nothing; a length
        // beyond the storage is cut.
        unsafe { SockAddr::new(storage, len.min(size_of::<libc::sockaddr_storage>() as _)) }
    }

    /// Receives into the places of `data` and `control`, of which each message has an equal share;
    /// gives how many messages came. Descriptors among them are closed.
    pub(crate) fn recv(
        &mut self,
        fd: BorrowedFd<'_>,
        data: &mut [u8],
        control: &mut [u8],
        flags: i32,
    ) -> io::Result<usize> {
        let count = self.headers.len();
        let (bytes, control_bytes) = (data.len() / count, control.len() / count);
        let (data_start, control_start) = (data.as_mut_ptr(), control.as_mut_ptr());
        for at in 0..count {
            // SAFETY: count shares are no more than the whole.
            let (data, control) =
                unsafe { (data_start.add(at * bytes), control_start.add(at * control_bytes)) };
            self.parts[at] = libc::iovec { iov_base: data.cast(), iov_len: bytes };
            // Where the kernel says nothing, nothing of an earlier call may be left.
            self.addrs[at].ss_family = libc::AF_UNSPEC as _;
            // SAFETY: msghdr is plain data for which all zeroes is a valid value.
            let mut header: libc::msghdr = unsafe { zeroed() };
            header.msg_name = (&raw mut self.addrs[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
            header.msg_iov = &raw mut self.parts[at];
            header.msg_iovlen = 1;
            header.msg_control = control.cast();
            header.msg_controllen = control_bytes as _;
            self.headers[at] = libc::mmsghdr { msg_hdr: header, msg_len: 0 };
        }
        let (headers, len) = (self.headers.as_mut_ptr(), count as _);
        let forever = std::ptr::null_mut();
        // SAFETY: the headers were just written: each points to its own part and address, and the
        // part to its own share of the buffers; all of them live through the call.
        let received = unsafe { libc::recvmmsg(fd.as_raw_fd(), headers, len, flags as _, forever) };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for at in 0..received {
            let len = self.control_bytes(at).min(control_bytes);
            drop(take_descriptors(&control[at * control_bytes..][..len]));
        }
        Ok(received)
    }

    /// Sends `messages` (at most as many as there is room for), each the bytes of `data` between
    /// two numbers and where to; gives how many the kernel took.
    pub(crate) fn send<'m>(
        &mut self,
        fd: BorrowedFd<'_>,
        messages: impl Iterator<Item = (&'m [u8], Option<&'m SockAddr>)>,
        flags: i32,
    ) -> io::Result<usize> {
        let mut count = 0;
        for (at, (data, addr)) in messages.take(self.headers.len()).enumerate() {
            self.parts[at] =
                libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
            // SAFETY: msghdr is plain data for which all zeroes is a valid value.
            let mut header: libc::msghdr = unsafe { zeroed() };
            if let Some(addr) = addr {
                header.msg_name = addr.as_ptr().cast_mut().cast();
                header.msg_namelen = addr.len();
            }
            header.msg_iov = &raw mut self.parts[at];
            header.msg_iovlen = 1;
            self.headers[at] = libc::mmsghdr { msg_hdr: header, msg_len: 0 };
            count += 1;
        }
        let (headers, len) = (self.headers.as_mut_ptr(), count as _);
        // SAFETY: the first `count` headers were just written: each points to its own part, and to
        // data and an address that are borrowed for longer than the call, which only reads them.
        let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers, len, flags as _) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}
