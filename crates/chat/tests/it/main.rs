//! The chat server on loopback, with ordinary sockets as clients.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod classic;
mod crowd;
mod doors;
mod fuzz;
mod limits;
mod room;
mod support;
mod tls;
mod web;
