//! `sockeye up`: one machine as the hub of its network. This crate joins the engines, which know
//! nothing of each other: it opens their ports, runs each on a thread of its own under one
//! `Shutdown`, and turns what happens in one into a line of the room.
//!
//! Rule: no protocol is spoken here but what the page needs (forms); what a peer's bytes mean is an
//! engine's business.

pub mod config;
pub mod error;
pub mod page;
mod ports;
pub mod proto;
mod room;
pub mod server;

pub use config::Config;
pub use error::Error;
pub use server::{Event, Listening, Report, Server, Sink};

/// What the hub's functions give.
pub type Result<T> = std::result::Result<T, Error>;
