//! Send and receive files with verified integrity.
//!
//! For now one protocol: [`proto::plain_md5`], the tutorial's, which any `nc` and `md5sum` speak
//! too. It is neither encrypted nor authenticated, so it listens on loopback unless told otherwise.
//!
//! [`receive::Server`] takes files: `bind`, then `run` until a [`sockeye_socket::Shutdown`] or,
//! without [`ReceiveConfig::keep`], the end of the first transfer. [`send()`] gives one. Both
//! report [`Event`]s to a closure, print nothing, and fail with an [`Error`] that knows its
//! [`ExitClass`]. What arrives has no final name until it is whole, checked and durable.

mod config;
mod error;
mod event;
mod pipeline;
pub mod proto;
pub mod receive;
mod send;

pub use config::{Ask, Output, Overwrite, PORT, Question, ReceiveConfig, SendConfig, Source};
pub use error::{Error, ExitClass, PeerError};
pub use event::{Event, Ignored, Phase, Received, Sent, Sink, TransferId};
pub use pipeline::BLOCK_BYTES;
pub use send::send;
