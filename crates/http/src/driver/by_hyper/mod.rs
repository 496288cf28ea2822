//! Connections whose protocol hyper speaks: HTTP/2, and HTTP/1 where that is wanted. Only the
//! framing is hyper's: a request becomes a [`crate::proto::head::Head`] that passes the same checks
//! as any other, and the same service says what to answer.

mod connection;
mod exchange;
mod head;
mod incoming;
pub mod limits;
mod outgoing;
mod pulse;
mod stall;
mod wire;

pub(super) use connection::{Opened, serve_http1, serve_http2};
