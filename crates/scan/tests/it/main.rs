//! The scanner against real sockets: loopback with port 0, and networks that the tests make.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fuzz;
mod lab;
mod limits;
mod loopback;
mod network;
