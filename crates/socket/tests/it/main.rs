//! The engine ring: real sockets on loopback, always on port 0.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stream;
