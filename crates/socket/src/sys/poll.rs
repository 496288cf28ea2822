//! poll(2) over descriptors by their numbers. The kernel checks them: one that is closed has an
//! error (`POLLNVAL`), so that nothing here can do harm.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::selectors::Events;

/// A descriptor, what it is waited for, and what happened.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct PollEntry(libc::pollfd);

impl PollEntry {
    pub(crate) fn new(fd: BorrowedFd<'_>, wanted: Events) -> Self {
        let mut events = 0;
        if wanted.is_readable() {
            events |= libc::POLLIN;
        }
        if wanted.is_writable() {
            events |= libc::POLLOUT;
        }
        Self(libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.fd
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.0.revents & libc::POLLIN != 0
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.0.revents & libc::POLLOUT != 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }
}

/// Waits; whole milliseconds, rounded up, at most 24 days.
pub(crate) fn poll_entries(entries: &mut [PollEntry], left: Option<Duration>) -> io::Result<()> {
    let millis = left.map_or(-1, |left| {
        libc::c_int::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: PollEntry is a pollfd, and pointer and length are those of the slice.
    let rc = unsafe { libc::poll(entries.as_mut_ptr().cast(), entries.len() as _, millis) };
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
