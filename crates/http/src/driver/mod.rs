//! The thin part that has sockets, threads and clocks: it moves the bytes that `proto` and
//! `service` decide about.

mod body;
mod connection;
mod send;
mod stream;
mod watched;
mod worker;

pub(crate) use worker::{Dispatch, Incoming, Work, runtime};
