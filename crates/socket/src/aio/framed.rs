//! Frames over a stream of tokio: as [`crate::frame::Framed`], awaited.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::frame::{Codec, Deframer, FramedError, Outlet};

/// A stream of tokio that is read and written in frames.
///
/// A [`recv`](Self::recv) that is cancelled (by `tokio::time::timeout`, by `select!`) keeps what
/// has come: the next one goes on where it stopped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::frame::Lines;
/// use sockeye_socket::{aio, socketpair};
///
/// let (a, b) = socketpair()?;
/// let mut a = aio::Framed::new(aio::Socket::new(a)?, Lines::new(512));
/// let mut b = aio::Framed::new(aio::Socket::new(b)?, Lines::new(512));
/// a.send(b"hello").await?;
/// assert_eq!(b.recv().await?, Some(&b"hello"[..]));
/// drop(a);
/// assert_eq!(b.recv().await?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Framed<S, C> {
    stream: S,
    deframer: Deframer<C>,
    out: Outlet,
}

impl<S, C> Framed<S, C> {
    /// Frames over `stream`.
    pub fn new(stream: S, codec: C) -> Self {
        Self { stream, deframer: Deframer::new(codec), out: Outlet::default() }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, for what it can do besides; what is read past the frames is lost to them.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and the bytes that have come and belong to no frame yet.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let rest = self.deframer.rest().to_vec();
        (self.stream, rest)
    }
}

impl<S: AsyncRead + Unpin, C: Codec> Framed<S, C> {
    /// Receives the next frame; `None` at a clean end. May be cancelled without losing a byte.
    ///
    /// # Errors
    /// [`FramedError::Io`] from the stream, [`FramedError::Frame`] where the bytes are no frame or
    /// the stream ends inside of one.
    pub async fn recv(&mut self) -> Result<Option<&[u8]>, FramedError> {
        loop {
            if let Some(place) = self.deframer.advance().map_err(FramedError::Frame)? {
                return Ok(Some(self.deframer.frame(place)));
            }
            let n = poll_fn(|cx| self.poll_fill(cx)).await.map_err(FramedError::Io)?;
            if n == 0 {
                self.deframer.handle_eof().map_err(FramedError::Frame)?;
                return Ok(None);
            }
        }
    }

    /// Receives some more, and keeps it in the same poll, so that nothing is lost in between.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(self.deframer.recv_buffer());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        let n = room.filled().len();
        self.deframer.handle_received(n);
        Poll::Ready(Ok(n))
    }
}

impl<S: AsyncWrite + Unpin, C: Codec> Framed<S, C> {
    /// Sends one frame, whole. Where it is cancelled or the stream fails in the middle of it,
    /// [`flush`](Self::flush) sends the rest; until then no other frame is taken, which the peer
    /// would take for part of this one. Where nothing of it has gone, it is forgotten.
    ///
    /// # Errors
    /// The frame is not one of the codec's (nothing was sent then), the stream fails, or an earlier
    /// frame was [`Cut`](FramedError::Cut).
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), FramedError> {
        self.out.put(self.deframer.codec(), frame)?;
        self.flush().await
    }

    /// Sends what is left of a frame that was cut, if there is any. May be cancelled.
    ///
    /// # Errors
    /// The stream fails.
    pub async fn flush(&mut self) -> Result<(), FramedError> {
        while !self.out.rest().is_empty() {
            let n = poll_fn(|cx| self.poll_send(cx)).await.map_err(FramedError::Io)?;
            if n == 0 {
                return Err(FramedError::Io(io::ErrorKind::WriteZero.into()));
            }
        }
        poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await.map_err(FramedError::Io)
    }

    /// Sends some more, and counts it in the same poll.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.stream).poll_write(cx, self.out.rest()))?;
        self.out.handle_sent(n);
        Poll::Ready(Ok(n))
    }
}
