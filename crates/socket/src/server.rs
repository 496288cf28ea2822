//! Listening and accepting: one call that opens a listener, and an accept loop that survives
//! having no descriptors left.

mod acceptor;
mod listen;

pub use acceptor::{Accept, Acceptor};
pub use listen::{ServerBuilder, create_server};
