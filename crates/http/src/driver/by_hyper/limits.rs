//! Limits of a connection of HTTP/2, beside those of every connection.

/// The most streams of one connection at once; more are reset with REFUSED_STREAM.
pub const STREAMS_MAX: u32 = 100;
/// The most streams that a peer may have reset before we have looked at them; more end the
/// connection.
pub const RESETS_WAITING_MAX: usize = 20;
/// The most streams that we have reset for a peer's mistakes in the life of a connection.
pub const MISTAKES_MAX: usize = 100;
/// How much of a request's body a peer may send before it is wanted, on a stream.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same for all streams of a connection together.
pub const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
/// How much of an answer waits in memory for the socket, on a stream.
pub const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How much of all answers of a connection is gathered before it has to go out.
pub const GATHERED_BYTES: usize = 64 * 1024;
