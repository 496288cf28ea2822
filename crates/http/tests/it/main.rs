//! The engine on loopback, spoken to byte by byte.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod archives;
mod cache;
mod codings;
mod cors;
mod deadlines;
mod door;
mod files;
mod fuzz;
mod harness;
mod http2;
mod kept;
mod limits;
mod listing;
mod mounts;
mod numbers;
mod oracle;
mod paths;
mod rfc;
mod shutdown;
mod streams;
mod tls;
mod versions;
mod ways;
mod writes;
