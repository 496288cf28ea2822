//! A client's bytes in, messages out.
//!
//! Rules:
//! 1. What is too long is refused by its head, before any of it is kept.
//! 2. A text is judged as it comes: the first byte that cannot be UTF-8 ends the connection.
//! 3. At most `message_bytes_max` of an unfinished message are held, beside what one
//!    `handle_received` gave.
//! 4. After a close frame or an error nothing more is understood.

use super::head::{Head, Opcode};
use super::{CONTROL_BYTES_MAX, CloseCode};

/// What a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A message may have so many bytes, all its fragments together.
    pub message_bytes_max: usize,
    /// A message may have so many fragments.
    pub fragments_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message_bytes_max: 16 * 1024, fragments_max: 64 }
    }
}

/// What a client has sent, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// To be answered by a pong of the same payload.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// Wants to close; to be answered by a close of the same code. Nothing follows.
    Close(Option<CloseCode>, String),
}

/// What a client did wrong, and how it is told: by a close frame with the code and the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct PeerError {
    /// The code to close with.
    pub code: CloseCode,
    /// The reason to close with.
    pub why: &'static str,
}

#[derive(Debug)]
struct Payload {
    head: Head,
    left: u64,
    /// Which byte of the mask is next (`0..=3`).
    turn: usize,
}

/// Reads what one client sends.
#[derive(Debug)]
pub struct Receiver {
    limits: Limits,
    input: Vec<u8>,
    at: usize,
    payload: Option<Payload>,
    /// The kind of the unfinished message: text or not.
    message_is_text: Option<bool>,
    message: Vec<u8>,
    fragments: usize,
    /// So much of `message` is UTF-8 for sure.
    valid_bytes: usize,
    control: Vec<u8>,
    done: bool,
}

impl Receiver {
    /// Starts after the upgrade.
    pub fn new(limits: Limits) -> Receiver {
        Receiver {
            limits,
            input: Vec::new(),
            at: 0,
            payload: None,
            message_is_text: None,
            message: Vec::new(),
            fragments: 0,
            valid_bytes: 0,
            control: Vec::new(),
            done: false,
        }
    }

    /// Takes bytes that came.
    pub fn handle_received(&mut self, bytes: &[u8]) {
        if !self.done {
            self.input.extend_from_slice(bytes);
        }
    }

    /// Gives the next thing, until `None`. After a close or an error there is none.
    ///
    /// # Errors
    /// What the client did wrong; the connection is over.
    pub fn poll_received(&mut self) -> Option<Result<Received, PeerError>> {
        if self.done {
            return None;
        }
        let result = self.step().transpose();
        match &result {
            Some(Err(_) | Ok(Received::Close(..))) => self.finish(),
            Some(Ok(_)) => {}
            None => self.release(),
        }
        result
    }

    /// How many bytes wait here.
    pub fn held_bytes(&self) -> usize {
        self.input.len() - self.at + self.message.len() + self.control.len()
    }

    /// How many bytes wait here that no frame has taken yet.
    pub fn unread_bytes(&self) -> usize {
        self.input.len() - self.at
    }

    /// Nothing more is understood.
    pub fn finish(&mut self) {
        *self = Receiver { done: true, ..Receiver::new(self.limits) };
    }

    fn release(&mut self) {
        if self.at == self.input.len() {
            self.input = Vec::new();
        } else {
            self.input.drain(..self.at);
        }
        self.at = 0;
    }

    fn step(&mut self) -> Result<Option<Received>, PeerError> {
        loop {
            if self.payload.is_none() && !self.begin_frame()? {
                return Ok(None);
            }
            if !self.take_payload()? {
                return Ok(None);
            }
            if let Some(received) = self.end_frame()? {
                return Ok(Some(received));
            }
        }
    }

    /// Reads a head; `false` where more bytes are needed.
    fn begin_frame(&mut self) -> Result<bool, PeerError> {
        let Some((head, head_bytes)) = Head::parse(&self.input[self.at..])? else {
            return Ok(false);
        };
        self.at += head_bytes;
        if !head.opcode.is_control() {
            self.begin_fragment(&head)?;
        }
        self.payload = Some(Payload { head, left: head.payload_bytes, turn: 0 });
        Ok(true)
    }

    fn begin_fragment(&mut self, head: &Head) -> Result<(), PeerError> {
        let protocol = |why| Err(PeerError { code: CloseCode::PROTOCOL, why });
        match (head.opcode == Opcode::Continuation, self.message_is_text) {
            (true, None) => return protocol("a continuation of nothing"),
            (false, Some(_)) => return protocol("a message begins within a message"),
            (true, Some(_)) => {}
            (false, None) => self.message_is_text = Some(head.opcode == Opcode::Text),
        }
        self.fragments += 1;
        if self.fragments > self.limits.fragments_max {
            return Err(PeerError { code: CloseCode::POLICY, why: "too many fragments" });
        }
        let room = self.limits.message_bytes_max - self.message.len();
        if usize::try_from(head.payload_bytes).map_or(true, |bytes| bytes > room) {
            return Err(PeerError { code: CloseCode::TOO_BIG, why: "the message is too long" });
        }
        Ok(())
    }

    /// Unmasks what has come of the payload; `false` where more bytes are needed.
    fn take_payload(&mut self) -> Result<bool, PeerError> {
        let Some(payload) = &mut self.payload else { return Ok(false) };
        let rest = &self.input[self.at..];
        let count = usize::try_from(payload.left).map_or(rest.len(), |left| left.min(rest.len()));
        let is_control = payload.head.opcode.is_control();
        let target = if is_control { &mut self.control } else { &mut self.message };
        let mut key = payload.head.mask;
        key.rotate_left(payload.turn);
        let start = target.len();
        target.extend_from_slice(&rest[..count]);
        for chunk in target[start..].chunks_mut(4) {
            chunk.iter_mut().zip(key).for_each(|(byte, mask)| *byte ^= mask);
        }
        payload.turn = (payload.turn + count) % 4;
        payload.left -= u64::try_from(count).unwrap_or(payload.left);
        self.at += count;
        let whole = payload.left == 0;
        if !is_control && self.message_is_text == Some(true) {
            self.check_text()?;
        }
        Ok(whole)
    }

    fn check_text(&mut self) -> Result<(), PeerError> {
        match std::str::from_utf8(&self.message[self.valid_bytes..]) {
            Ok(_) => self.valid_bytes = self.message.len(),
            Err(error) if error.error_len().is_none() => self.valid_bytes += error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }

    /// Finishes a frame whose payload is whole; `None` where its message goes on.
    fn end_frame(&mut self) -> Result<Option<Received>, PeerError> {
        let Some(Payload { head, .. }) = self.payload.take() else { return Ok(None) };
        if head.opcode.is_control() {
            let payload = std::mem::take(&mut self.control);
            debug_assert!(payload.len() <= CONTROL_BYTES_MAX, "the head was judged");
            return Ok(Some(match head.opcode {
                Opcode::Ping => Received::Ping(payload),
                Opcode::Pong => Received::Pong(payload),
                _ => read_close(&payload)?,
            }));
        }
        if !head.fin {
            return Ok(None);
        }
        let bytes = std::mem::take(&mut self.message);
        self.fragments = 0;
        self.valid_bytes = 0;
        Ok(Some(match self.message_is_text.take() {
            Some(true) => Received::Text(String::from_utf8(bytes).map_err(|_| NOT_UTF8)?),
            _ => Received::Binary(bytes),
        }))
    }
}

const NOT_UTF8: PeerError = PeerError { code: CloseCode::INVALID_DATA, why: "not UTF-8" };

fn read_close(payload: &[u8]) -> Result<Received, PeerError> {
    if payload.is_empty() {
        return Ok(Received::Close(None, String::new()));
    }
    let bad = PeerError { code: CloseCode::PROTOCOL, why: "a close code that must not be sent" };
    let (number, reason) = payload.split_first_chunk().ok_or(bad)?;
    let code = CloseCode::new(u16::from_be_bytes(*number)).ok_or(bad)?;
    let reason = std::str::from_utf8(reason).map_err(|_| NOT_UTF8)?;
    Ok(Received::Close(Some(code), reason.to_owned()))
}
