//! The thin part that has sockets, threads and clocks: it moves the bytes that `proto` and
//! `service` decide about.

mod body;
mod by_hyper;
mod connection;
mod encrypted;
mod handshake;
mod lane;
mod relay;
mod send;
mod stream;
mod watched;
mod worker;

pub use by_hyper::limits;
pub(crate) use lane::{Lane, Lanes};
pub(crate) use worker::{Dispatch, Incoming, Work, runtime};
