//! Moving bytes: send, receive and their kin. Every send is `MSG_NOSIGNAL`.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsFd;

use rustix::event::PollFlags;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use super::{Kind, Socket, address_of, wait};
use crate::addr::{Address, Family, ToAddress, UnixName};
use crate::error::{Cause, Error, Result};
use crate::sys;

/// A receive buffer that stays this much too large is given back to the allocator.
const SHRINK_BYTES: usize = 4096;

impl Socket {
    /// Sends some of `data`; gives how many bytes the system took.
    ///
    /// # Errors
    /// The connection is gone (`EPIPE`, `ECONNRESET`), or the timeout passed.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        self.send_flags("send", data, SendFlags::NOSIGNAL)
    }

    /// Sends some of `data` and says that more will follow at once (`MSG_MORE`), so that a small
    /// head is not sent as a packet of its own.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_more(&self, data: &[u8]) -> Result<usize> {
        self.send_flags("send_more", data, SendFlags::NOSIGNAL | SendFlags::MORE)
    }

    fn send_flags(&self, op: &'static str, data: &[u8], flags: SendFlags) -> Result<usize> {
        self.retry(op, PollFlags::OUT, || Ok(rustix::net::send(self, data, flags)?))
    }

    /// Sends some of the buffers, one after another, in one system call.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_vectored(&self, data: &[IoSlice<'_>]) -> Result<usize> {
        self.retry("send_vectored", PollFlags::OUT, || {
            let mut control = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(self, data, &mut control, SendFlags::NOSIGNAL)?)
        })
    }

    /// Sends all of `data`; the timeout is for the whole of it.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::sent`] says how many bytes had gone before. A
    /// nonblocking socket whose buffer is full gives `WouldBlock`.
    pub fn sendall(&self, data: &[u8]) -> Result<()> {
        let patience = self.patience();
        let mut sent = 0;
        while sent < data.len() {
            let rest = &data[sent..];
            let call = || Ok(rustix::net::send(self, rest, SendFlags::NOSIGNAL)?);
            let fail = |error: Error| error.after(sent);
            sent += wait::retry("sendall", self.as_fd(), PollFlags::OUT, || patience, call)
                .map_err(fail)?;
            if sent < data.len() {
                patience.check("sendall").map_err(|error| error.after(sent))?;
            }
        }
        Ok(())
    }

    /// Sends a datagram to `addr`; gives how many bytes the system took (all of them).
    ///
    /// # Errors
    /// The datagram is too long (`EMSGSIZE`), or the peer's machine refused an earlier one.
    pub fn sendto(&self, data: &[u8], addr: impl ToAddress) -> Result<usize> {
        let addr = addr.to_address(self.family())?;
        let sys_addr = addr.to_sys().map_err(|error| Error::io("sendto", &error).at(&addr))?;
        self.retry("sendto", PollFlags::OUT, || {
            self.inner().send_to_with_flags(data, &sys_addr, libc::MSG_NOSIGNAL)
        })
        .map_err(|error| error.at(&addr))
    }

    /// Sends up to `count` bytes of `file` from `offset`, without copying them through memory:
    /// one system call's worth (at most 2 GiB). Gives how many went, 0 at the end of the file.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the file cannot be mapped (`EINVAL`).
    pub fn sendfile(&self, file: impl AsFd, offset: u64, count: usize) -> Result<usize> {
        self.retry("sendfile", PollFlags::OUT, || {
            let mut offset = offset;
            Ok(rustix::fs::sendfile(self, &file, Some(&mut offset), count)?)
        })
    }

    /// Receives at most `n` bytes; empty at the end of the stream. Of a datagram that is longer
    /// the rest is lost.
    ///
    /// # Errors
    /// The connection was reset, or the timeout passed.
    pub fn recv(&self, n: usize) -> Result<Vec<u8>> {
        let mut buf = vec![0; n];
        let len = self.retry("recv", PollFlags::IN, || {
            Ok(rustix::net::recv(self, buf.as_mut_slice(), RecvFlags::empty())?.1)
        })?;
        buf.truncate(len);
        shrink(&mut buf);
        Ok(buf)
    }

    /// Receives into `buf`; gives how many bytes came, 0 at the end of the stream.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_into(&self, buf: &mut [u8]) -> Result<usize> {
        self.retry("recv_into", PollFlags::IN, || {
            Ok(rustix::net::recv(self, &mut *buf, RecvFlags::empty())?.1)
        })
    }

    /// Looks at what would be received, and leaves it there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        self.retry("peek", PollFlags::IN, || {
            Ok(rustix::net::recv(self, &mut *buf, RecvFlags::PEEK)?.1)
        })
    }

    /// Fills `buf`; the timeout is for the whole of it.
    ///
    /// # Errors
    /// The stream ended before (`UnexpectedEof`), or as [`recv`](Self::recv);
    /// [`Error::received`] says how many bytes are in `buf`, so that a later call can go on.
    pub fn recv_exact(&self, buf: &mut [u8]) -> Result<()> {
        let patience = self.patience();
        let need = buf.len();
        let mut have = 0;
        while have < need {
            let room = &mut buf[have..];
            let call = || Ok(rustix::net::recv(self, &mut *room, RecvFlags::empty())?.1);
            let n = wait::retry("recv_exact", self.as_fd(), PollFlags::IN, || patience, call)
                .map_err(|error| error.after(have))?;
            if n == 0 {
                return Err(Error::new("recv_exact", Cause::Ended { need }).after(have));
            }
            have += n;
            if have < need {
                patience.check("recv_exact").map_err(|error| error.after(have))?;
            }
        }
        Ok(())
    }

    /// Receives a datagram of at most `n` bytes, and who sent it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recvfrom(&self, n: usize) -> Result<(Vec<u8>, Address)> {
        let mut buf = vec![0; n];
        let (len, addr) = self.recvfrom_into(&mut buf)?;
        buf.truncate(len);
        shrink(&mut buf);
        Ok((buf, addr))
    }

    /// Receives a datagram into `buf`: its length and who sent it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recvfrom_into(&self, buf: &mut [u8]) -> Result<(usize, Address)> {
        let (n, addr) =
            self.retry("recvfrom", PollFlags::IN, || sys::recvfrom(self.inner(), buf, 0))?;
        Ok((n, source_of(self, &addr)?))
    }
}

/// Where the system names no source: a unix sender without a name, or a stream, whose source is its
/// peer.
fn source_of(socket: &Socket, addr: &socket2::SockAddr) -> Result<Address> {
    match (addr.len(), socket.family(), socket.kind()) {
        (0, Family::Unix, Kind::Dgram) => Ok(Address::Unix(UnixName::Unnamed)),
        (0, _, _) => socket.getpeername(),
        _ => address_of("recvfrom", addr),
    }
}

fn shrink(buf: &mut Vec<u8>) {
    if buf.capacity() - buf.len() > SHRINK_BYTES {
        buf.shrink_to_fit();
    }
}

impl Read for &Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_into(buf)?)
    }
}

impl Write for &Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.send(data)?)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.send_vectored(data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
