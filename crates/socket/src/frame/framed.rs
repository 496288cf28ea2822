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
    out: Vec<u8>,
}

/// Why there is no frame.
#[derive(Debug)]
pub enum FramedError {
    /// The stream; after a timeout try again, nothing is lost.
    Io(io::Error),
    /// What came is no frame; the stream cannot be read any further.
    Frame(FrameError),
}

impl<S, C> Framed<S, C> {
    /// Frames over `stream`.
    pub fn new(stream: S, codec: C) -> Self {
        Self { stream, deframer: Deframer::new(codec), out: Vec::new() }
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
    /// Sends one frame, whole. After an error part of it may have gone: the stream is over.
    ///
    /// # Errors
    /// The frame is not one of the codec's (nothing was sent then), or the stream fails.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), FramedError> {
        self.out.clear();
        self.deframer.codec().encode(frame, &mut self.out).map_err(FramedError::Frame)?;
        self.stream.write_all(&self.out).map_err(FramedError::Io)
    }
}

impl fmt::Display for FramedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FramedError {}
