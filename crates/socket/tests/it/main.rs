//! The engine ring: real sockets on loopback, always on port 0.

mod stream;
