//! A frame's head: its kind, its length and its mask.

use super::{CONTROL_BYTES_MAX, CloseCode, PeerError};

/// The longest head of a client: two bytes, eight of length, four of mask.
const HEAD_BYTES_MAX: usize = 14;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn new(nibble: u8) -> Option<Opcode> {
        Some(match nibble {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    pub(super) fn nibble(self) -> u8 {
        match self {
            Opcode::Continuation => 0,
            Opcode::Text => 1,
            Opcode::Binary => 2,
            Opcode::Close => 8,
            Opcode::Ping => 9,
            Opcode::Pong => 10,
        }
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// A client's frame, before its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) payload_bytes: u64,
    pub(super) mask: [u8; 4],
}

impl Head {
    /// Reads a head from the beginning of `input`, with its own length in bytes; `None` where more
    /// is needed. What is wrong is told by the first byte that shows it.
    pub(super) fn parse(input: &[u8]) -> Result<Option<(Head, usize)>, PeerError> {
        let protocol = |why| Err(PeerError { code: CloseCode::PROTOCOL, why });
        let Some(&first) = input.first() else { return Ok(None) };
        if first & 0x70 != 0 {
            return protocol("reserved bits are set");
        }
        let Some(opcode) = Opcode::new(first & 0x0f) else { return protocol("unknown opcode") };
        let fin = first & 0x80 != 0;
        if opcode.is_control() && !fin {
            return protocol("a control frame is fragmented");
        }
        let Some(&second) = input.get(1) else { return Ok(None) };
        if second & 0x80 == 0 {
            return protocol("a client's frame is not masked");
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
            return protocol("a control frame is too long");
        }
        let (payload_bytes, length_end) = match short {
            126 => {
                let Some(bytes) = input.get(2..).and_then(|rest| rest.first_chunk()) else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*bytes)), 4)
            }
            127 => {
                let Some(bytes) = input.get(2..).and_then(|rest| rest.first_chunk()) else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*bytes), 10)
            }
            length => (u64::from(length), 2),
        };
        let least = match short {
            126 => 126,
            127 => 65536,
            _ => 0,
        };
        if payload_bytes < least || payload_bytes > i64::MAX.unsigned_abs() {
            return protocol("a length is not written in the shortest way");
        }
        let Some(mask) = input.get(length_end..).and_then(|rest| rest.first_chunk()) else {
            debug_assert!(input.len() < HEAD_BYTES_MAX, "a whole head is read");
            return Ok(None);
        };
        Ok(Some((Head { fin, opcode, payload_bytes, mask: *mask }, length_end + 4)))
    }
}
