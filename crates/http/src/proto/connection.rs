//! One HTTP/1 connection as a state machine: bytes and time in, requests, refusals and deadlines
//! out. It owns what was received and not yet used; it never owns a socket.
//!
//! The driver's loop: [`Connection::poll_turn`] says what is next. `Read`: fill
//! [`Connection::recv_buffer`] and call [`Connection::handle_received`], or `handle_eof`, or
//! `handle_timeout` when [`Connection::poll_timeout`] has passed. `Request` and `Refused`: send an
//! answer, then call [`Connection::finish`].
//!
//! Rules:
//! 1. A head has a fixed time from its first byte (the first head: from the start), an idle
//!    connection has its own.
//! 2. After any refusal the connection ends: where its next request starts cannot be known.
//! 3. A body that nobody read is read and dropped within limits of bytes and time.
//! 4. Requests that arrived before the end of the stream are answered.

use std::time::{Duration, Instant};

use super::body::{Decoder, Piece};
use super::head::{Framing, Head, METHOD_BYTES_MAX, UNKNOWN_METHOD, is_token};
use super::status::{PeerError, Status};

/// How many bytes a connection that waits for a head reads at once.
pub const READ_BYTES: usize = 8 * 1024;
/// How many bytes a connection in the middle of a body reads at once.
const BODY_READ_BYTES: usize = 64 * 1024;
/// What a request line has beside its target: method, spaces, version, CRLF.
const LINE_BYTES_BESIDE_TARGET: usize = METHOD_BYTES_MAX + 12;
/// How much of a refused request's first line is kept for the log.
const LOGGED_BYTES_MAX: usize = 1024;

/// Limits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest head in bytes; more is answered with 431.
    pub head_bytes_max: usize,
    /// The longest request target in bytes; more is answered with 414.
    pub target_bytes_max: usize,
    /// The most bytes of an unread body that are read and dropped.
    pub drain_bytes_max: u64,
    /// How long a head may take.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long an unread body is read.
    pub drain_timeout: Duration,
    /// Whether HTTP/2 is spoken, by somebody else.
    pub http2: bool,
}

/// What is next.
#[derive(Debug)]
pub enum Turn {
    /// More bytes are needed.
    Read,
    /// This request is to be answered.
    Request(Box<Head>),
    /// The peer speaks HTTP/2, from its first byte on: [`Connection::into_leftover`].
    Http2,
    /// This is to be answered, with `Connection: close`.
    Refused(Refused),
    /// The connection is over.
    Close,
}

/// A request that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was wrong.
    pub error: PeerError,
    /// The start of what was received, for the log.
    pub line: Vec<u8>,
}

/// What the body of the request in hand has next.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyTurn<'a> {
    /// More bytes are needed.
    Read,
    /// These bytes; take some with [`Connection::take_body`].
    Content(&'a [u8]),
    /// No more.
    End,
    /// It is malformed or cut.
    Failed(PeerError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Busy {
        persistent: bool,
    },
    /// Reads what is left of a body, and then the next head.
    Drain {
        left: u64,
    },
    /// Has said its last; reads until the peer closes.
    Linger {
        left: u64,
    },
    Over,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    state: State,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    scanned: usize,
    decoder: Decoder,
    continue_wanted: bool,
    is_fresh: bool,
    eof: bool,
    timed_out: bool,
    stopping: bool,
    deadline: Option<Instant>,
}

impl Connection {
    /// A connection that was accepted at `now`.
    pub fn new(limits: Limits, now: Instant) -> Connection {
        Connection {
            limits,
            state: State::Head,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            decoder: Decoder::new(Framing::None),
            continue_wanted: false,
            is_fresh: true,
            eof: false,
            timed_out: false,
            stopping: false,
            deadline: Some(now + limits.header_timeout),
        }
    }

    /// Where to receive to; never empty.
    pub fn recv_buffer(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let wanted =
            if matches!(self.state, State::Busy { .. }) { BODY_READ_BYTES } else { READ_BYTES };
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes have been received to the front of [`Connection::recv_buffer`].
    pub fn handle_received(&mut self, bytes: usize, now: Instant) {
        if self.is_idle() && !self.is_fresh {
            self.deadline = Some(now + self.limits.header_timeout);
        }
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// The peer sends no more.
    pub fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The deadline of [`Connection::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self) {
        self.timed_out = true;
    }

    /// Until when the bytes that are needed must have come.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// No new requests are waited for: an idle connection ends now; one that has not asked for
    /// anything yet has until `last_chance`, because its request may be on the way.
    pub fn handle_stop(&mut self, now: Instant, last_chance: Instant) {
        self.stopping = true;
        if self.is_idle() {
            let until = if self.is_fresh { last_chance } else { now };
            self.deadline = Some(self.deadline.map_or(until, |deadline| deadline.min(until)));
        }
    }

    /// Whether nothing of a next request has arrived.
    pub fn is_idle(&self) -> bool {
        self.state == State::Head && self.start == self.end
    }

    /// Whether no request has been answered yet.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Whether the last answer has been sent and the sending side is to be shut.
    pub fn is_lingering(&self) -> bool {
        matches!(self.state, State::Linger { .. })
    }

    /// Takes the memory of an idle connection; the next [`Connection::recv_buffer`] makes new.
    pub fn release_buffer(&mut self) -> Option<Vec<u8>> {
        if self.start != self.end || self.buffer.is_empty() {
            return None;
        }
        (self.start, self.end, self.scanned) = (0, 0, 0);
        Some(std::mem::take(&mut self.buffer))
    }

    /// Gives memory to a connection that has none.
    pub fn lend_buffer(&mut self, buffer: Vec<u8>) {
        if self.buffer.is_empty() {
            self.buffer = buffer;
        }
    }

    /// What is next.
    pub fn poll_turn(&mut self, now: Instant) -> Turn {
        loop {
            match self.state {
                State::Head => return self.poll_head(),
                State::Busy { .. } => return Turn::Read,
                State::Drain { .. } => match self.drain() {
                    Some(()) => self.start_head(now),
                    None if matches!(self.state, State::Drain { .. }) => return Turn::Read,
                    None => {}
                },
                State::Linger { left } => {
                    let dropped = u64::try_from(self.received().len()).unwrap_or(u64::MAX);
                    self.start = self.end;
                    if self.eof || self.timed_out || dropped > left {
                        self.state = State::Over;
                        return Turn::Close;
                    }
                    self.state = State::Linger { left: left - dropped };
                    return Turn::Read;
                }
                State::Over => return Turn::Close,
            }
        }
    }

    /// The answer has been sent. `close`: it said that the connection ends.
    pub fn finish(&mut self, close: bool, now: Instant) {
        let persistent = matches!(self.state, State::Busy { persistent: true }) && !close;
        self.is_fresh = false;
        let left = self.limits.drain_bytes_max;
        let received_all = self.decoder.is_at_end() && self.start == self.end;
        self.deadline = Some(now + self.limits.drain_timeout);
        if self.timed_out || self.state == State::Over {
            self.state = State::Over;
        } else if persistent && self.decoder.is_at_end() {
            self.start_head(now);
        } else if persistent && !self.continue_wanted {
            self.state = State::Drain { left };
        } else if received_all {
            self.state = State::Over;
        } else {
            self.state = State::Linger { left };
        }
    }

    /// Whether an answer to the request in hand must say `Connection: close`.
    pub fn must_close(&self) -> bool {
        let unread = self.continue_wanted && !self.decoder.is_at_end();
        let last = self.stopping && self.start == self.end;
        !matches!(self.state, State::Busy { persistent: true }) || unread || last
    }

    /// Whether `100 Continue` is to be sent before the body is read. True once at most.
    pub fn take_continue(&mut self) -> bool {
        let wanted = std::mem::take(&mut self.continue_wanted);
        wanted && self.start == self.end && !self.decoder.is_at_end()
    }

    /// What the body has next.
    pub fn poll_body(&mut self) -> BodyTurn<'_> {
        loop {
            let buffer = &self.buffer[self.start..self.end];
            match self.decoder.look(buffer) {
                Ok(Piece::Framing(bytes)) => {
                    if let Err(error) = self.decoder.take(buffer, bytes) {
                        return self.fail_body(error);
                    }
                    self.start += bytes;
                }
                Ok(Piece::Content(bytes)) => {
                    return BodyTurn::Content(&self.buffer[self.start..self.start + bytes]);
                }
                Ok(Piece::End) => return BodyTurn::End,
                Ok(Piece::More) if self.eof => {
                    return self.fail_body(PeerError::bad("the body is cut"));
                }
                Ok(Piece::More) => return BodyTurn::Read,
                Err(error) => return self.fail_body(error),
            }
        }
    }

    /// Takes `bytes` of the content that [`Connection::poll_body`] showed.
    pub fn take_body(&mut self, bytes: usize) {
        let buffer = &self.buffer[self.start..self.end];
        let bytes = bytes.min(buffer.len());
        if self.decoder.take(buffer, bytes).is_ok() {
            self.start += bytes;
        }
    }

    /// What has been received after the request in hand: for who takes the connection over.
    pub fn into_leftover(self) -> Vec<u8> {
        self.received().to_vec()
    }

    fn received(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn fail_body(&mut self, error: PeerError) -> BodyTurn<'_> {
        self.state = State::Busy { persistent: false };
        BodyTurn::Failed(error)
    }

    fn start_head(&mut self, now: Instant) {
        self.state = State::Head;
        self.scanned = 0;
        self.timed_out = false;
        let idle = self.start == self.end;
        let timeout = if idle { self.limits.idle_timeout } else { self.limits.header_timeout };
        self.deadline = Some(now + timeout);
    }

    /// Drops what is left of a body. `Some` when it has ended.
    fn drain(&mut self) -> Option<()> {
        loop {
            let State::Drain { left } = self.state else { return None };
            let timed_out = self.timed_out;
            let bytes = match self.poll_body() {
                BodyTurn::End => return Some(()),
                BodyTurn::Read if !timed_out => return None,
                BodyTurn::Content(content) => content.len(),
                BodyTurn::Read => 0,
                // The answer has been sent. What follows is read as after a refusal, for else the
                // close would reset the connection, and the answer might be lost.
                BodyTurn::Failed(_) => {
                    self.decoder = Decoder::new(Framing::Length(u64::MAX));
                    self.state = State::Linger { left };
                    return None;
                }
            };
            let dropped = u64::try_from(bytes).unwrap_or(u64::MAX);
            if bytes == 0 || dropped > left {
                self.state = State::Over;
                return None;
            }
            self.take_body(bytes);
            self.state = State::Drain { left: left - dropped };
        }
    }

    fn poll_head(&mut self) -> Turn {
        self.skip_blank_lines();
        let received = &self.buffer[self.start..self.end];
        if let Some(length) = find_head_end(received, self.scanned) {
            return self.take_head(length);
        }
        self.scanned = received.len();
        if let Err(error) = check_start(received, &self.limits) {
            return self.refuse(error);
        }
        match (received.is_empty(), self.eof, self.timed_out) {
            (_, false, false) => Turn::Read,
            (true, ..) => {
                self.state = State::Over;
                Turn::Close
            }
            (false, true, _) => self.refuse(PeerError::bad("the head is cut")),
            (false, false, true) => {
                self.refuse(PeerError::new(Status::REQUEST_TIMEOUT, "the head took too long"))
            }
        }
    }

    /// Empty lines before a request line are dropped (RFC 9112, section 2.2).
    fn skip_blank_lines(&mut self) {
        loop {
            match self.received() {
                [b'\r', b'\n', ..] => self.start += 2,
                [b'\n', ..] => self.start += 1,
                _ => return,
            }
            self.scanned = 0;
        }
    }

    fn take_head(&mut self, length: usize) -> Turn {
        // What is said of a head must not depend on how much of it came at once.
        let raw = self.received()[..length].to_vec();
        if self.is_fresh && self.limits.http2 && raw == PREFACE {
            return Turn::Http2;
        }
        if let Err(error) = check_line(&raw, &self.limits) {
            return self.refuse(error);
        }
        if length > self.limits.head_bytes_max {
            return self.refuse(TOO_LARGE);
        }
        match Head::parse(raw) {
            Err(error) => self.refuse(error),
            Ok(head) if head.target().len() > self.limits.target_bytes_max => self.refuse(TOO_LONG),
            Ok(head) => {
                self.start += length;
                self.scanned = 0;
                self.decoder = Decoder::new(head.framing());
                self.continue_wanted = head.expects_continue() && head.framing() != Framing::None;
                self.state = State::Busy { persistent: head.keep_alive() };
                self.deadline = None;
                Turn::Request(Box::new(head))
            }
        }
    }

    fn refuse(&mut self, error: PeerError) -> Turn {
        let received = self.received();
        let line = received.iter().take(LOGGED_BYTES_MAX).take_while(|byte| **byte != b'\n');
        let line: Vec<u8> = line.copied().collect();
        let line = line.strip_suffix(b"\r").map(<[u8]>::to_vec).unwrap_or(line);
        self.state = State::Busy { persistent: false };
        // What follows has no known framing: it counts as one endless body.
        self.decoder = Decoder::new(Framing::Length(u64::MAX));
        Turn::Refused(Refused { error, line })
    }
}

/// What HTTP/2 begins with and looks like a head (RFC 9113, section 3.4); more of it follows.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

const TOO_LARGE: PeerError =
    PeerError::new(Status::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large");
const TOO_LONG: PeerError = PeerError::new(Status::URI_TOO_LONG, "the request target is too long");

/// Where the first head in `received` ends, its empty line included; `scanned` bytes are known to
/// have no end.
fn find_head_end(received: &[u8], scanned: usize) -> Option<usize> {
    let mut from = scanned.saturating_sub(2);
    while let Some(at) = memchr::memchr(b'\n', &received[from..]) {
        let next = from + at + 1;
        match &received[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

/// Checks a head that is not whole yet, so that a stranger's protocol is refused at once.
fn check_start(received: &[u8], limits: &Limits) -> Result<(), PeerError> {
    check_line(received, limits)?;
    if received.len() >= limits.head_bytes_max { Err(TOO_LARGE) } else { Ok(()) }
}

/// Checks the method and the length of a request line, as soon as they tell.
fn check_line(received: &[u8], limits: &Limits) -> Result<(), PeerError> {
    let method = received.iter().take_while(|byte| is_token(byte)).count();
    if method > METHOD_BYTES_MAX {
        return Err(UNKNOWN_METHOD);
    }
    match received.get(method) {
        None | Some(b' ') => {}
        Some(b'\r') if method == 0 && received.len() == 1 => {}
        Some(0x16) if method == 0 => {
            return Err(PeerError::bad("this port speaks plain HTTP, not TLS"));
        }
        Some(_) => return Err(PeerError::bad("malformed method")),
    }
    let line_max = limits.target_bytes_max + LINE_BYTES_BESIDE_TARGET;
    let long = received.len() > line_max && !received[..line_max].contains(&b'\n');
    if long { Err(TOO_LONG) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
