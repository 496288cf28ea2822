//! The two sides of a probe, the datagrams between them, and how order is judged. Time and bytes
//! are arguments; nothing here has a socket, a clock or a random number.

pub(crate) mod echo;
pub(crate) mod order;
pub(crate) mod prober;
pub(crate) mod round_trips;
mod slots;
pub(crate) mod summary;
pub(crate) mod wire;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
