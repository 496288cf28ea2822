//! Listening, accepting and serving, with the names of Python's `socketserver`.
//!
//! [`create_server`] opens a listener, an [`Acceptor`] accepts and never falls over. A server
//! drives one [`Protocol`](crate::protocol::Protocol) for each connection:
//!
//! | server | a connection is | it fits |
//! |---|---|---|
//! | [`ThreadingServer`] | a thread | work that takes the processor; blocking functions |
//! | [`SelectServer`] | a place in one loop | many connections with little work each |
//! | `aio::Server` (feature `tokio`) | a task | what is on tokio already |
//!
//! What is the same in all three:
//! - More than [`Limits::connections_max`] connections are not taken: clients wait in the queue of
//!   the listener, as they do where descriptors run out.
//! - Accepted sockets are nonblocking and have `TCP_NODELAY`: a protocol's answer goes at once.
//! - One connection and one turn move at most 256 KiB, then it is the others' turn.
//! - Whatever happens to one connection, a panic included, happens to no other.
//! - [`Shutdown`](crate::Shutdown): listeners are closed, protocols are
//!   [told](crate::protocol::Protocol::handle_shutdown), functions
//!   ([`serve_with`](ThreadingServer::serve_with)) read the end of the stream, and when the grace
//!   is over, what is left of the connections is reset. Clients that nobody accepted are reset by
//!   the system.
//! - A listener that breaks is left; when none is left the connections there are served to their
//!   ends, and then the server ends with the error.

mod acceptor;
mod door;
mod expiry;
mod limits;
mod listen;
mod mailbox;
mod places;
mod report;
mod select;
mod threading;
mod timers;
mod wire;

pub use acceptor::{Accept, Acceptor};
pub use limits::{Limits, Listeners};
pub use listen::{ServerBuilder, create_server};
pub use report::Report;
pub use select::SelectServer;
pub use threading::ThreadingServer;

pub(crate) use expiry::Expiry;
pub(crate) use wire::prepare;
#[cfg(feature = "tokio")]
pub(crate) use wire::{is_gone, moved, reset};
