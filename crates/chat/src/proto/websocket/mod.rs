//! The WebSocket protocol of a server, apart from all input and output.
//!
//! Rules: [`accept`] judges the request that asks for the upgrade; [`Receiver`] turns a client's
//! bytes into [`Received`] things; what a server sends is unmasked, so that one frame can be shared
//! by all clients. No extension is agreed on, so the reserved bits are 0.
//!
//! ```text
//! frame   = fin:1 rsv:3=0 opcode:4 mask:1 length:7 [ length:16 / length:63 ] [ key:32 ] payload
//! opcode  = 0 continuation / 1 text / 2 binary / 8 close / 9 ping / 10 pong
//! close   = [ code:16 reason ]
//! ```
//!
//! # Source
//! RFC 6455.

mod close;
mod handshake;
mod head;
mod receive;
mod send;

#[cfg(test)]
mod tests;

pub use close::CloseCode;
pub use handshake::{Accepted, HandshakeError, Upgrade, accept, accept_key};
pub use receive::{Limits, PeerError, Received, Receiver};
pub use send::{binary, close, ping, pong, text};

/// A control frame's payload may have so many bytes (RFC 6455 section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;
