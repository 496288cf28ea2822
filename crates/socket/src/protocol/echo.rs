//! The echo protocol: what comes goes back.

use std::time::Instant;

use super::{Buffer, Close, Protocol};

/// How much is received at a time.
const CHUNK_BYTES: usize = 4 * 1024;
/// Of a peer that does not read what it gets, so much is kept before it is not read from.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Sends back what comes until the peer ends its direction. For a peer that does not read, at most
/// 68 KiB wait; an idle connection has no buffer.
///
/// # Source
/// RFC 862.
#[derive(Debug, Default)]
pub struct Echo {
    bytes: Buffer,
    ended: bool,
}

impl Echo {
    /// One connection's echo.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Buffer::new(), ended: false }
    }
}

impl Protocol for Echo {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.bytes.space(CHUNK_BYTES)
    }

    fn handle_received(&mut self, bytes: usize, _now: Instant) {
        self.bytes.commit(bytes);
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn poll_transmit(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.bytes.consume(bytes);
    }

    fn poll_close(&self) -> Option<Close> {
        self.ended.then_some(Close::Finish)
    }

    fn want_read(&self) -> bool {
        self.bytes.len() < KEPT_BYTES_MAX
    }
}
