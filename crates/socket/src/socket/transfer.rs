//! Moving bytes: send, receive and their kin, by the socket's own timeout and without flags. What
//! they do is in `view`.

use std::io::{self, IoSlice, Read, Write};

use super::{Socket, View};
use crate::addr::{Address, ToAddress};
use crate::error::Result;

impl Socket {
    /// Takes the next client: its socket (blocking, close-on-exec) and its address.
    ///
    /// # Errors
    /// The timeout passed, or the system refuses (`EMFILE`, `ECONNABORTED`); an
    /// [`Acceptor`](crate::Acceptor) deals with these.
    pub fn accept(&self) -> Result<(Self, Address)> {
        self.view().accept()
    }

    /// Sends some of `data`; gives how many bytes the system took.
    ///
    /// # Errors
    /// The connection is gone (`EPIPE`, `ECONNRESET`), or the timeout passed.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        self.view().send(data)
    }

    /// Sends some of `data` and says that more will follow at once (`MSG_MORE`), so that a small
    /// head is not sent as a packet of its own (Linux; elsewhere as [`send`](Self::send)).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_more(&self, data: &[u8]) -> Result<usize> {
        self.view().send_more(data)
    }

    /// Sends some of the buffers, one after another, in one system call.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_vectored(&self, data: &[IoSlice<'_>]) -> Result<usize> {
        self.view().send_vectored(data)
    }

    /// Sends all of `data`; the timeout is for the whole of it. Empty data is one call to the
    /// system too: an empty datagram, or the error of a connection that is over.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::sent`](crate::Error::sent) says how many bytes had gone
    /// before. A nonblocking socket whose buffer is full gives `WouldBlock`.
    pub fn sendall(&self, data: &[u8]) -> Result<()> {
        self.view().sendall(data)
    }

    /// Sends a datagram to `addr`; gives how many bytes the system took (all of them).
    ///
    /// # Errors
    /// The datagram is too long (`EMSGSIZE`), or the peer's machine refused an earlier one.
    pub fn sendto(&self, data: &[u8], addr: impl ToAddress) -> Result<usize> {
        self.view().sendto(data, addr)
    }

    /// Receives at most `n` bytes; empty at the end of the stream. Of a datagram that is longer
    /// the rest is lost. Where no byte is asked for the system is not asked either: it is empty at
    /// once, and a datagram stays ([`recvfrom`](Self::recvfrom) takes it).
    ///
    /// # Errors
    /// The connection was reset, the timeout passed, or there is no memory for `n` bytes.
    pub fn recv(&self, n: usize) -> Result<Vec<u8>> {
        self.view().recv(n)
    }

    /// Receives into `buf`; gives how many bytes came, 0 at the end of the stream.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_into(&self, buf: &mut [u8]) -> Result<usize> {
        self.view().recv_into(buf)
    }

    /// Looks at what would be received, and leaves it there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        self.view().peek(buf)
    }

    /// Fills `buf`; the timeout is for the whole of it.
    ///
    /// # Errors
    /// The stream ended before (`UnexpectedEof`), or as [`recv`](Self::recv);
    /// [`Error::received`](crate::Error::received) says how many bytes are in `buf`, so that a
    /// later call can go on.
    pub fn recv_exact(&self, buf: &mut [u8]) -> Result<()> {
        self.view().recv_exact(buf)
    }

    /// Receives a datagram of at most `n` bytes, and who sent it. Of a stream that is its peer, and
    /// once that is gone the unspecified address.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recvfrom(&self, n: usize) -> Result<(Vec<u8>, Address)> {
        self.view().recvfrom(n)
    }

    /// Receives a datagram into `buf`: its length and who sent it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recvfrom_into(&self, buf: &mut [u8]) -> Result<(usize, Address)> {
        self.view().recvfrom_into(buf)
    }
}

macro_rules! read_and_write {
    ($type:ty) => {
        impl Read for $type {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                Ok(self.recv_into(buf)?)
            }
        }

        impl Write for $type {
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
    };
}

read_and_write!(Socket);
read_and_write!(&Socket);
read_and_write!(View<'_>);
