//! What tokio leaves to its caller's care: registering a descriptor, and receiving into its
//! buffers without clearing them first.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};

/// The types that own the one descriptor that they show.
pub(crate) trait Owns: AsFd + AsRawFd {}

impl Owns for crate::Socket {}
impl Owns for std::os::fd::OwnedFd {}

/// Registers a descriptor with the runtime of the calling task.
pub(crate) fn register<T: Owns>(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: an Owns shows the descriptor that it owns, always the same one, open until the
    // value is dropped, which AsyncFd does after it has deregistered it.
    unsafe { AsyncFd::register_with_interest(inner, interest) }.map_err(io::Error::from)
}

/// Receives into the unfilled part of `buf` and advances it.
pub(crate) fn recv_into_readbuf(fd: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> Result<usize, Errno> {
    // SAFETY: nothing is taken out of the initialised state: rustix only writes into it.
    let room = unsafe { buf.unfilled_mut() };
    let ((filled, _), _) = rustix::net::recv(fd, room, RecvFlags::empty())?;
    let n = filled.len();
    // SAFETY: recv wrote the first n bytes of the unfilled part.
    unsafe { buf.assume_init(n) };
    buf.advance(n);
    Ok(n)
}
