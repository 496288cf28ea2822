//! Decisions of a scan, apart from sockets, files, the clock and the environment: time comes in
//! as a `Duration` since the start, chance as a seed.

mod mix;
pub mod permutation;
pub mod plan;
pub mod ports;
pub mod rate;
pub mod rtt;
pub mod scheduler;
#[cfg(test)]
mod simulator;
pub mod tally;
pub mod target;
pub mod targets;
pub mod verdict;
mod window;
