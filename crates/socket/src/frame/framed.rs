//! Frames over a stream. A receive that fails with a timeout keeps what has come: the next one goes
//! on where it stopped.

use std::fmt;
use std::io::{self, Read, Write};

use super::{Codec, FrameError};

/// How much is received at a time.
const CHUNK_BYTES: usize = 16 * 1024;

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
    codec: C,
    buf: Vec<u8>,
    /// Before here everything was given out.
    start: usize,
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
        Self { stream, codec, buf: Vec::new(), start: 0, out: Vec::new() }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, and the bytes that have come and belong to no frame yet.
    pub fn into_parts(mut self) -> (S, Vec<u8>) {
        self.buf.drain(..self.start);
        (self.stream, self.buf)
    }
}

impl<S: Read, C: Codec> Framed<S, C> {
    /// Receives the next frame; `None` at a clean end.
    ///
    /// # Errors
    /// [`FramedError::Io`] from the stream (a timeout may be tried again), [`FramedError::Frame`]
    /// where the bytes are no frame or the stream ends inside of one.
    pub fn recv(&mut self) -> Result<Option<&[u8]>, FramedError> {
        let frame = loop {
            let waiting = &self.buf[self.start..];
            if let Some(decoded) = self.codec.decode(waiting).map_err(FramedError::Frame)? {
                let frame = self.start + decoded.frame.start..self.start + decoded.frame.end;
                self.start += decoded.consumed;
                break frame;
            }
            if self.fill().map_err(FramedError::Io)? == 0 {
                let rest = &self.buf[self.start..];
                self.codec.finish(rest).map_err(FramedError::Frame)?;
                return Ok(None);
            }
        };
        Ok(Some(&self.buf[frame]))
    }

    /// Receives some more; gives how much.
    fn fill(&mut self) -> io::Result<usize> {
        self.buf.drain(..self.start);
        self.start = 0;
        let have = self.buf.len();
        self.buf.resize(have + CHUNK_BYTES, 0);
        let read = loop {
            match self.stream.read(&mut self.buf[have..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done,
            }
        };
        self.buf.truncate(have + *read.as_ref().unwrap_or(&0));
        read
    }
}

impl<S: Write, C: Codec> Framed<S, C> {
    /// Sends one frame, whole. After an error part of it may have gone: the stream is over.
    ///
    /// # Errors
    /// The frame is not one of the codec's (nothing was sent then), or the stream fails.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), FramedError> {
        self.out.clear();
        self.codec.encode(frame, &mut self.out).map_err(FramedError::Frame)?;
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
