//! Chat rooms for `nc` and friends.
//!
//! [`Server::bind`] opens the listeners, [`Server::run`] serves until it is told to stop. One
//! thread owns the rooms and all connections. [`proto`] decides and does no input or output; the
//! rest is the loop that carries bytes between it and the sockets.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use sockeye_chat::{Config, Server};
//! use sockeye_socket::Shutdown;
//!
//! let config = Config { listen: vec!["127.0.0.1:9000".parse()?], ..Config::default() };
//! let server = Server::bind(config, Arc::new(|_event| ()))?;
//! let shutdown = Shutdown::new()?;
//! server.run(&shutdown)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod conn;
mod door;
mod error;
mod hall;
mod handle;
mod listeners;
mod log;
mod metrics;
mod pool;
pub mod proto;
mod report;
mod server;
mod turn;
mod wire;

pub use config::{Admit, Config, History};
pub use error::{Error, Result};
pub use handle::{Handle, PostError};
pub use listeners::{Listeners, Purpose};
pub use log::{Archive, Durability, Record, Storage};
pub use proto::irc::Operator;
pub use proto::{Charset, Entrance, Present, Rate, RateError, RoomName, Said, Slow, Why};
pub use report::{Event, Limit, Report, Sink};
pub use server::Server;
