//! The bytes of a connection that is given to hyper: those that were received already, and then
//! those of its stream. What hyper writes is gathered, and goes out when it has had its turn: the
//! answers of several streams share a system call, and where there is TLS a record.
//!
//! Rules:
//! 1. After each turn of the connection [`Line::poll_send`] is called, by who gave it the turn.
//! 2. What is gathered has a limit. At the limit hyper waits until the socket takes it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use sockeye_socket::aio;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::super::watched::Stream;
use super::limits::GATHERED_BYTES;

/// Memory for what is gathered is kept up to here.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// A stream, what had come of it, and what is to go.
pub(super) struct Line {
    /// Told of everything that is received.
    received_more: Box<dyn Fn()>,
    received: Vec<u8>,
    taken: usize,
    below: Below,
    gathered: Vec<u8>,
    /// How much of what is gathered has been sent.
    sent: usize,
}

enum Below {
    Plain(aio::Socket),
    Tls(Box<TlsStream<aio::Socket>>),
}

impl Below {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Below::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Below::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }
}

impl Line {
    /// A line of `stream`, of which `received` had come already. `received_more` is called with
    /// each piece that hyper gets.
    pub(super) fn new(
        stream: Stream,
        received: Vec<u8>,
        received_more: impl Fn() + 'static,
    ) -> Rc<RefCell<Line>> {
        let below = match stream {
            Stream::Plain(socket) => Below::Plain(socket),
            Stream::Tls(tls) => Below::Tls(Box::new(tls.into_inner())),
        };
        let (received_more, gathered) = (Box::new(received_more), Vec::new());
        let line = Line { received_more, received, taken: 0, below, gathered, sent: 0 };
        Rc::new(RefCell::new(line))
    }

    /// Sends what is gathered, all of it where it is ready.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let sent = ready!(self.below.poll_write(cx, &self.gathered[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.sent = 0;
        if self.gathered.capacity() > KEPT_BYTES_MAX {
            self.gathered = Vec::new();
        } else {
            self.gathered.clear();
        }
        match &mut self.below {
            Below::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Below::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_read(
        &mut self,
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
        } else {
            ready!(match &mut self.below {
                Below::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
                Below::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
            })?;
        }
        // Whatever request is in it: what changed before now counts for it.
        (self.received_more)();
        Poll::Ready(Ok(()))
    }

    /// Gathers what there is room for.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_BYTES {
            ready!(self.poll_send(cx))?;
        }
        let mut taken = 0;
        for slice in slices {
            let room = GATHERED_BYTES - self.gathered.len();
            let part = &slice[..slice.len().min(room)];
            self.gathered.extend_from_slice(part);
            taken += part.len();
        }
        Poll::Ready(Ok(taken))
    }
}

/// The side of a line that hyper has.
pub(super) struct Wire(pub(super) Rc<RefCell<Line>>);

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// It goes out after the turn.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.0.borrow_mut();
        ready!(line.poll_send(cx))?;
        match &mut line.below {
            Below::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Below::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;

    use sockeye_socket::{Socket, socketpair};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn on_a_thread(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(test);
    }

    /// A line, its wire, how often it received, and the socket of its peer.
    fn line() -> (Rc<RefCell<Line>>, Wire, Rc<Cell<u32>>, Socket) {
        let (ours, peer) = socketpair().unwrap();
        peer.setblocking(false).unwrap();
        let told = Rc::new(Cell::new(0));
        let tell = Rc::clone(&told);
        let stream = Stream::Plain(aio::Socket::new(ours).unwrap());
        let line = Line::new(stream, b"first".to_vec(), move || tell.set(tell.get() + 1));
        (Rc::clone(&line), Wire(line), told, peer)
    }

    #[test]
    fn what_is_written_goes_out_after_the_turn_and_in_one_piece() {
        on_a_thread(async {
            let (line, mut wire, _, peer) = line();
            for part in ["a", "bc", "def"] {
                wire.write_all(part.as_bytes()).await.unwrap();
                wire.flush().await.unwrap();
            }
            assert!(peer.recv(100).unwrap_err().would_block());
            poll_fn(|cx| line.borrow_mut().poll_send(cx)).await.unwrap();
            assert_eq!(peer.recv(100).unwrap(), b"abcdef");
            poll_fn(|cx| line.borrow_mut().poll_send(cx)).await.unwrap();
            assert!(peer.recv(100).unwrap_err().would_block());
        });
    }

    #[test]
    fn at_the_limit_it_waits_for_the_peer_and_loses_nothing() {
        on_a_thread(async {
            let (line, mut wire, _, peer) = line();
            let mut written = 0_usize;
            let part = [b'x'; 10_000];
            let full = poll_fn(|cx| {
                loop {
                    match Pin::new(&mut wire).poll_write(cx, &part) {
                        Poll::Ready(count) => written += count.unwrap(),
                        Poll::Pending => return Poll::Ready(()),
                    }
                }
            });
            full.await;
            assert!(line.borrow().gathered.len() <= GATHERED_BYTES && written >= GATHERED_BYTES);
            let mut received = 0;
            while received < written {
                let sent = poll_fn(|cx| Poll::Ready(line.borrow_mut().poll_send(cx)));
                assert!(!matches!(sent.await, Poll::Ready(Err(_))));
                match peer.recv(1 << 20) {
                    Ok(bytes) => received += bytes.len(),
                    // The runtime has to see first that there is room again.
                    Err(error) if error.would_block() => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(received, written);
            assert!(line.borrow().gathered.capacity() <= KEPT_BYTES_MAX, "an idle one is small");
            wire.write_all(b"end").await.unwrap();
            wire.shutdown().await.unwrap();
            assert_eq!(peer.recv(100).unwrap(), b"end");
            assert_eq!(peer.recv(100).unwrap(), b"");
        });
    }

    #[test]
    fn every_piece_that_comes_is_told() {
        on_a_thread(async {
            let (_line, mut wire, told, peer) = line();
            let mut buffer = [0; 3];
            assert_eq!((wire.read(&mut buffer).await.unwrap(), told.get()), (3, 1));
            assert_eq!((wire.read(&mut buffer).await.unwrap(), told.get()), (2, 2));
            peer.send(b"more").unwrap();
            assert_eq!((wire.read(&mut buffer).await.unwrap(), told.get()), (3, 3));
            assert_eq!((wire.read(&mut buffer).await.unwrap(), told.get()), (1, 4));
        });
    }
}
