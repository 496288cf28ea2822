//! The bytes of a connection that is given to hyper: those that were received already, and then
//! those of its stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use sockeye_socket::aio;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::super::watched::Stream;

/// A stream, and what had come of it.
pub(super) struct Wire {
    received: Vec<u8>,
    taken: usize,
    below: Below,
}

enum Below {
    Plain(aio::Socket),
    Tls(Box<TlsStream<aio::Socket>>),
}

impl Wire {
    pub(super) fn new(stream: Stream, received: Vec<u8>) -> Wire {
        let below = match stream {
            Stream::Plain(socket) => Below::Plain(socket),
            Stream::Tls(tls) => Below::Tls(Box::new(tls.into_inner())),
        };
        Wire { received, taken: 0, below }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken < self.received.len() {
            let rest = &self.received[self.taken..];
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..count]);
            self.taken += count;
            if self.taken == self.received.len() {
                (self.received, self.taken) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Below::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Below::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Below::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Below::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Below::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
