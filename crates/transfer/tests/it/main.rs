//! The engine against plain TCP peers on loopback: what std sends and reads is the oracle.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod both;
mod fuzz;
mod limits;
mod receive;
mod send;
mod support;
