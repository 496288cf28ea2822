//! The binary from outside: help, errors, exit codes, and each command end to end.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod chat;
mod connect;
mod daemon;
mod documents;
mod frame;
mod history;
mod join;
mod listen;
mod packets;
mod passwd;
mod probe;
mod scan;
mod serve;
mod tls;
mod transfer;
mod up;
mod uploads;
