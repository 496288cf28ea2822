//! A server's frames: whole, unmasked, the same for every client.

use super::head::Opcode;
use super::{CONTROL_BYTES_MAX, CloseCode};

/// Frames a text.
pub fn text(text: &str) -> Vec<u8> {
    frame(Opcode::Text, text.as_bytes())
}

/// Frames bytes.
pub fn binary(bytes: &[u8]) -> Vec<u8> {
    frame(Opcode::Binary, bytes)
}

/// Frames a ping; of the payload at most 125 bytes.
pub fn ping(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Ping, clipped(payload))
}

/// Frames the answer to a ping; of the payload at most 125 bytes.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Pong, clipped(payload))
}

/// Frames a close; the reason is cut to what fits, between characters.
pub fn close(code: Option<CloseCode>, reason: &str) -> Vec<u8> {
    let Some(code) = code else { return frame(Opcode::Close, &[]) };
    let mut payload = code.number().to_be_bytes().to_vec();
    let room = CONTROL_BYTES_MAX - payload.len();
    let end = (0..=room.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    payload.extend_from_slice(&reason.as_bytes()[..end.unwrap_or(0)]);
    frame(Opcode::Close, &payload)
}

fn clipped(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(CONTROL_BYTES_MAX)]
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    out.push(0x80 | opcode.nibble());
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(bytes @ 0..=125), _) => out.push(bytes),
        (_, Ok(bytes)) => {
            out.push(126);
            out.extend_from_slice(&bytes.to_be_bytes());
        }
        _ => {
            out.push(127);
            let bytes = u64::try_from(payload.len()).expect("a length fits in 64 bits");
            out.extend_from_slice(&bytes.to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}
