//! What became of a server's clients.

use crate::protocol::Outcome;

/// How many connections there were, and how they ended: `accepted` is the sum of `finished`,
/// `reset`, `aborted` and `cut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Connections that were served.
    pub accepted: u64,
    /// The protocol or the function was done, and everything was sent.
    pub finished: u64,
    /// The peer was gone before.
    pub reset: u64,
    /// The protocol wanted a reset, or the function failed; or it panicked.
    pub aborted: u64,
    /// The grace was over before.
    pub cut: u64,
    /// Closed unserved, since the system had no thread or no memory for them.
    pub refused: u64,
}

impl Report {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Finished => self.finished += 1,
            Outcome::Reset => self.reset += 1,
            Outcome::Aborted => self.aborted += 1,
            Outcome::Cut => self.cut += 1,
        }
    }
}
