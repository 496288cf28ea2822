//! Chat rooms for `nc` and friends.
//!
//! [`proto`] decides and does no input or output; the rest is the loop that owns the sockets.

pub mod proto;
