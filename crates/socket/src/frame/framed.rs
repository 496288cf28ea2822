//! Frames over a stream. A receive that fails with a timeout keeps what has come: the next one goes
//! on where it stopped.

use std::fmt;
use std::io::{self, Read, Write};

use super::{Codec, Deframer, FrameError};

/// A stream that is read and written in frames.
///
/// ```
/// use sockeye_socket::frame::{Framed, FramedError, Lines};
/// use sockeye_socket::socketpair;
///
/// let (a, b) = socketpair()?;
/// let mut a = Framed::new(a, Lines::new(512));
/// let mut b = Framed::new(b, Lines::new(512));
/// a.send(b"hello")?;
/// assert_eq!(b.recv()?, Some(&b"hello"[..]));
/// drop(a);
/// assert_eq!(b.recv()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Framed<S, C> {
    stream: S,
    deframer: Deframer<C>,
    out: Outlet,
}

/// Why there is no frame.
#[derive(Debug)]
#[non_exhaustive]
pub enum FramedError {
    /// The stream; after a timeout try again, nothing is lost.
    Io(io::Error),
    /// What came is no frame; the stream cannot be read any further.
    Frame(FrameError),
    /// An earlier frame has been sent in part only: [`flush`](Framed::flush) sends the rest of it.
    Cut,
}

impl From<FramedError> for io::Error {
    fn from(error: FramedError) -> Self {
        match error {
            FramedError::Io(error) => error,
            FramedError::Frame(_) => Self::new(io::ErrorKind::InvalidData, error),
            FramedError::Cut => Self::other(error),
        }
    }
}

/// A frame on its way out.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outlet {
    /// Takes the next frame, unless part of an earlier one is still to be sent.
    pub(crate) fn put(&mut self, codec: &impl Codec, frame: &[u8]) -> Result<(), FramedError> {
        if 0 < self.sent && self.sent < self.bytes.len() {
            return Err(FramedError::Cut);
        }
        self.bytes.clear();
        self.sent = 0;
        codec.encode(frame, &mut self.bytes).map_err(FramedError::Frame)
    }

    /// What is still to be sent.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// So many bytes more have been sent.
    pub(crate) fn handle_sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }
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

    /// The stream, for its timeout and the like; what is read past the frames is lost to them.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and the bytes that have come and belong to no frame yet.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let rest = self.deframer.rest().to_vec();
        (self.stream, rest)
    }
}

impl<S: Read, C: Codec> Framed<S, C> {
    /// Receives the next frame; `None` at a clean end.
    ///
    /// # Errors
    /// [`FramedError::Io`] from the stream (a timeout may be tried again), [`FramedError::Frame`]
    /// where the bytes are no frame or the stream ends inside of one.
    pub fn recv(&mut self) -> Result<Option<&[u8]>, FramedError> {
        loop {
            if let Some(place) = self.deframer.advance().map_err(FramedError::Frame)? {
                return Ok(Some(self.deframer.frame(place)));
            }
            let n = self.fill().map_err(FramedError::Io)?;
            if n == 0 {
                self.deframer.handle_eof().map_err(FramedError::Frame)?;
                return Ok(None);
            }
            self.deframer.handle_received(n);
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.stream.read(self.deframer.recv_buffer()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl<S: Write, C: Codec> Framed<S, C> {
    /// Sends one frame, whole. Where the stream fails (or times out) in the middle of it,
    /// [`flush`](Self::flush) sends the rest; until then no other frame is taken, which the peer
    /// would take for part of this one. Where nothing of it has gone, it is forgotten.
    ///
    /// # Errors
    /// The frame is not one of the codec's (nothing was sent then), the stream fails, or an earlier
    /// frame was [`Cut`](FramedError::Cut).
    pub fn send(&mut self, frame: &[u8]) -> Result<(), FramedError> {
        self.out.put(self.deframer.codec(), frame)?;
        self.flush()
    }

    /// Sends what is left of a frame that was cut, if there is any.
    ///
    /// # Errors
    /// The stream fails.
    pub fn flush(&mut self) -> Result<(), FramedError> {
        while !self.out.rest().is_empty() {
            match self.stream.write(self.out.rest()) {
                Ok(0) => return Err(FramedError::Io(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.out.handle_sent(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FramedError::Io(error)),
            }
        }
        self.stream.flush().map_err(FramedError::Io)
    }
}

impl fmt::Display for FramedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
            Self::Cut => f.write_str("an earlier frame has been sent in part only"),
        }
    }
}

impl std::error::Error for FramedError {}
