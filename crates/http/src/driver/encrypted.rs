//! The TLS side of a connection: what is sent is gathered where more follows, so that a head and
//! the start of its body share their records, and goes out with every flush.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sockeye_socket::{Socket, aio};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// So much of a file is read and encrypted at once; other connections get their turn meanwhile.
const PIECE_BYTES: usize = 64 * 1024;

/// A TLS stream, and what is to go with the next bytes.
pub(crate) struct Encrypted {
    stream: TlsStream<aio::Socket>,
    held: Vec<u8>,
    /// How much of what is held has been encrypted.
    taken: usize,
}

impl Encrypted {
    pub(crate) fn new(stream: TlsStream<aio::Socket>) -> Encrypted {
        Encrypted { stream, held: Vec::new(), taken: 0 }
    }

    /// The socket below.
    pub(crate) fn socket(&self) -> &Socket {
        self.stream.get_ref().0.get_ref()
    }

    /// The stream, of which everything that was held has been sent.
    pub(crate) fn into_inner(self) -> TlsStream<aio::Socket> {
        self.stream
    }

    /// Receives. Between answers nothing is held, and nothing keeps its memory.
    pub(crate) fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken == self.held.len() {
            (self.held, self.taken) = (Vec::new(), 0);
        }
        Pin::new(&mut self.stream).poll_read(cx, read)
    }

    /// Keeps bytes for the next flush.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.compact();
        self.held.extend_from_slice(bytes);
    }

    /// Keeps up to `count` bytes of `file` from `offset` for the next flush; says how many.
    pub(crate) fn hold_file(
        &mut self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        self.compact();
        let start = self.held.len();
        self.held.resize(start + count.min(PIECE_BYTES), 0);
        let read = rustix::io::pread(file, &mut self.held[start..], offset);
        self.held.truncate(start + *read.as_ref().unwrap_or(&0));
        Ok(read?)
    }

    /// Sends what is held, and then `bytes`; says of how many of them it has taken care. All has
    /// gone where it says 0.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        while self.taken < self.held.len() {
            let held = &self.held[self.taken..];
            self.taken += ready!(Pin::new(&mut self.stream).poll_write(cx, held))?;
        }
        if !bytes.is_empty() {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(Ok(0))
    }

    /// Says that nothing more comes, and shuts the socket's sending side.
    pub(crate) fn poll_shut(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn compact(&mut self) {
        self.held.drain(..self.taken);
        self.taken = 0;
    }
}
