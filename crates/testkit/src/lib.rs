//! What the tests share; a dev-dependency only.
//!
//! * [`need`] is the only way to skip a test.
//! * [`every_split`] feeds a stream input whole, byte by byte and at every cut.
//! * [`Process`] runs a program, waits for its ready line and kills it on drop, by id.
//! * [`Clock`] is time that stands still until it is told to move.
//! * [`Link`] is a wire in memory that loses, repeats and reorders by a seed.
//! * [`documented_limits`] reads docs/limits.md for a test against the defaults.
//! * [`replay`] runs a fuzz target's body on its committed corpus.
//! * [`privilege`] runs a closure in a thread with less privilege or its own mounts.

mod clock;
mod documented;
mod link;
mod need;
pub mod privilege;
mod process;
mod replay;
mod rng;
mod split;

pub use clock::Clock;
pub use documented::documented_limits;
pub use link::{Link, LinkConfig};
pub use need::{Need, need};
pub use process::{DEADLINE, Finished, Process};
pub use replay::replay;
pub use rng::Rng;
pub use split::{every_pair_of_cuts, every_split};
