//! Where a request's body ends: by its length, or by chunks.
//!
//! ```text
//! chunked-body = *chunk last-chunk trailer-section CRLF
//! chunk        = 1*HEXDIG [ chunk-ext ] CRLF chunk-data CRLF
//! chunk-ext    = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
//! ```
//! Here every line ends with CRLF and nothing else: chunk framing is where smuggling happens.
//!
//! # Source
//! RFC 9112, sections 6 and 7.1.

use super::head::{FIELDS_MAX, Framing, is_token};
use super::status::{PeerError, Status};

/// The longest line of a chunk's size with its extensions, in bytes.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// The longest trailer section, in bytes.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of chunk lines beyond the data, for each byte of data, before the peer is only
/// wasting our time (RFC 9112, section 7.1.1).
const OVERHEAD_BYTES_MAX: u64 = 16 * 1024;

/// What the front of the buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of framing: drop them and look again.
    Framing(usize),
    /// So many bytes of content.
    Content(usize),
    /// More bytes are needed.
    More,
    /// The body has ended.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Counted(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    End,
}

/// Reads the framing of one body.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    content: u64,
    overhead: u64,
}

impl Decoder {
    /// A decoder for a body framed so.
    pub fn new(framing: Framing) -> Decoder {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::End,
            Framing::Length(bytes) => State::Counted(bytes),
            Framing::Chunked => State::ChunkSize,
        };
        Decoder { state, content: 0, overhead: 0 }
    }

    /// Whether the whole body has been taken.
    pub fn is_at_end(&self) -> bool {
        self.state == State::End
    }

    /// Bytes of content taken so far.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Says what `buffer` starts with.
    ///
    /// # Errors
    /// The framing is malformed; nothing after it can be trusted.
    pub fn look(&self, buffer: &[u8]) -> Result<Piece, PeerError> {
        match self.state {
            State::End => Ok(Piece::End),
            State::Counted(left) | State::ChunkData(left) => Ok(content(left, buffer)),
            State::ChunkSize => Ok(match chunk_size(buffer)? {
                Some((line, _)) => Piece::Framing(line),
                None => Piece::More,
            }),
            State::ChunkEnd => match buffer {
                [b'\r', b'\n', ..] => Ok(Piece::Framing(2)),
                [] | [b'\r'] => Ok(Piece::More),
                _ => Err(PeerError::bad("no CRLF after a chunk")),
            },
            State::Trailer => Ok(match trailer(buffer)? {
                Some(bytes) => Piece::Framing(bytes),
                None => Piece::More,
            }),
        }
    }

    /// Takes the piece that [`Decoder::look`] found at the front of `buffer`; of content, `taken`
    /// bytes of it.
    ///
    /// # Errors
    /// The framing costs more than what it carries.
    pub fn take(&mut self, buffer: &[u8], taken: usize) -> Result<(), PeerError> {
        let bytes = u64::try_from(taken).unwrap_or(u64::MAX);
        match self.state {
            State::Counted(left) => {
                self.content += bytes;
                self.state = if left == bytes { State::End } else { State::Counted(left - bytes) };
            }
            State::ChunkData(left) => {
                self.content += bytes;
                self.state =
                    if left == bytes { State::ChunkEnd } else { State::ChunkData(left - bytes) };
            }
            State::ChunkSize => {
                self.overhead += bytes;
                if self.overhead > OVERHEAD_BYTES_MAX.max(self.content) {
                    return Err(PeerError::bad("more chunk framing than content"));
                }
                self.state = match chunk_size(buffer)? {
                    Some((_, 0)) => State::Trailer,
                    Some((_, size)) => State::ChunkData(size),
                    None => State::ChunkSize,
                };
            }
            State::ChunkEnd => self.state = State::ChunkSize,
            State::Trailer => self.state = State::End,
            State::End => {}
        }
        Ok(())
    }
}

fn content(left: u64, buffer: &[u8]) -> Piece {
    match usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len()) {
        0 => Piece::More,
        bytes => Piece::Content(bytes),
    }
}

/// The bytes of the line and the size it says; `None` where the line is not whole.
fn chunk_size(buffer: &[u8]) -> Result<Option<(usize, u64)>, PeerError> {
    const BAD: PeerError = PeerError::bad("malformed chunk size");
    let Some(newline) = buffer.iter().take(CHUNK_LINE_BYTES_MAX).position(|&byte| byte == b'\n')
    else {
        let whole = buffer.len() >= CHUNK_LINE_BYTES_MAX;
        let wrong = buffer.first().is_some_and(|byte| !byte.is_ascii_hexdigit());
        return if whole || wrong { Err(BAD) } else { Ok(None) };
    };
    let line = buffer[..newline].strip_suffix(b"\r").ok_or(BAD)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > 16 {
        return Err(BAD);
    }
    let text = std::str::from_utf8(&line[..digits]).map_err(|_| BAD)?;
    let size = u64::from_str_radix(text, 16).map_err(|_| BAD)?;
    if size > u64::MAX / 2 {
        return Err(PeerError::new(Status::CONTENT_TOO_LARGE, "the chunk is too large"));
    }
    if !is_extensions(&line[digits..]) {
        return Err(PeerError::bad("malformed chunk extension"));
    }
    Ok(Some((newline + 1, size)))
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[spaces..]
}

fn token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take_while(|byte| is_token(byte)).count();
    (length > 0).then(|| &bytes[length..])
}

fn is_extensions(mut rest: &[u8]) -> bool {
    loop {
        if rest.is_empty() {
            return true;
        }
        let Some(name) = skip_space(rest).strip_prefix(b";") else { return false };
        let Some(after) = token(skip_space(name)) else { return false };
        rest = match skip_space(after).strip_prefix(b"=") {
            None => after,
            Some(value) => match extension_value(skip_space(value)) {
                Some(after) => after,
                None => return false,
            },
        };
    }
}

fn extension_value(value: &[u8]) -> Option<&[u8]> {
    let Some(mut rest) = value.strip_prefix(b"\"") else { return token(value) };
    loop {
        match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', quoted, after @ ..] if is_text(*quoted) => rest = after,
            [byte, after @ ..] if *byte != b'\\' && is_text(*byte) => rest = after,
            _ => return None,
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// The bytes of the trailer section with its empty line; `None` where it is not whole.
fn trailer(buffer: &[u8]) -> Result<Option<usize>, PeerError> {
    let end = trailer_end(buffer);
    let Some(end) = end.filter(|&end| end <= TRAILER_BYTES_MAX) else {
        let too_long = buffer.len() >= TRAILER_BYTES_MAX;
        let error = PeerError::new(
            Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the trailer section is too long",
        );
        return if too_long { Err(error) } else { Ok(None) };
    };
    let section = &buffer[..end];
    let bare = section
        .iter()
        .enumerate()
        .any(|(at, &byte)| byte == b'\n' && (at == 0 || section[at - 1] != b'\r'));
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(section, &mut fields) {
        Ok(httparse::Status::Complete((bytes, _))) if bytes == end && !bare => Ok(Some(end)),
        _ => Err(PeerError::bad("malformed trailer section")),
    }
}

/// Where the trailer ends: after an empty line, with or without its CR.
fn trailer_end(buffer: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, _) in buffer.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        if matches!(&buffer[line..at], b"" | b"\r") {
            return Some(at + 1);
        }
        line = at + 1;
    }
    None
}

#[cfg(test)]
mod tests;
