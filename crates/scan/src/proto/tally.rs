//! Counts of a scan, and what they say about loss and recall.

use super::verdict::{Reason, State, Verdict};

/// Counts of probes and their answers; those of several loops are added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ports found open.
    pub open: u64,
    /// Ports found closed.
    pub closed: u64,
    /// Ports found filtered.
    pub filtered: u64,
    /// Ports that this machine could not ask.
    pub unresolved: u64,
    /// Filtered ports that stayed silent to every attempt.
    pub silent: u64,
    /// Probes put on the wire, repetitions included.
    pub sent: u64,
    /// Open and closed answers.
    pub answers: u64,
    /// Answers to a repetition: their first probe was lost.
    pub late: u64,
    /// The largest number of attempts at one port.
    pub rounds: u8,
}

/// Answers below which nothing is said about recall.
pub const ANSWERS_MIN: u64 = 30;

impl Tally {
    pub(crate) fn handle_verdict(&mut self, verdict: &Verdict, answered_attempt: Option<u8>) {
        match verdict.state {
            State::Open => self.open += 1,
            State::Closed => self.closed += 1,
            State::Filtered => self.filtered += 1,
            State::Unresolved => self.unresolved += 1,
        }
        self.silent += u64::from(verdict.reason == Reason::NoResponse);
        if let Some(attempt) = answered_attempt {
            self.answers += 1;
            self.late += u64::from(attempt > 0);
        }
        self.rounds = self.rounds.max(verdict.attempts);
    }

    /// Adds the counts of another loop.
    pub fn merge(&mut self, other: &Self) {
        self.open += other.open;
        self.closed += other.closed;
        self.filtered += other.filtered;
        self.unresolved += other.unresolved;
        self.silent += other.silent;
        self.sent += other.sent;
        self.answers += other.answers;
        self.late += other.late;
        self.rounds = self.rounds.max(other.rounds);
    }

    /// Counts the ports that have a verdict.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.open + self.closed + self.filtered + self.unresolved
    }

    /// Estimates the share of probes lost, `0.0..=1.0`; `None` where nothing answered.
    #[must_use]
    pub fn loss(&self) -> Option<f64> {
        (self.answers > 0).then(|| ratio(self.late, self.answers))
    }

    /// Estimates the share of answering ports that were heard, `0.0..=1.0`, where each was asked
    /// `attempts_max` times: independent loss p leaves p^k unheard. `None` for too few answers.
    #[must_use]
    pub fn recall(&self, attempts_max: u8) -> Option<f64> {
        if self.answers < ANSWERS_MIN {
            return None;
        }
        self.loss().map(|loss| 1.0 - loss.powi(i32::from(attempts_max)))
    }
}

/// Divides two counts; beyond 2^32 both lose their low bits first.
fn ratio(part: u64, whole: u64) -> f64 {
    let shift = 64_u32.saturating_sub(whole.leading_zeros()).saturating_sub(32);
    let narrow = |count: u64| u32::try_from(count >> shift).unwrap_or(u32::MAX);
    f64::from(narrow(part)) / f64::from(narrow(whole).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_unknown_below_thirty_answers() {
        let mut tally = Tally { answers: 29, late: 3, ..Tally::default() };
        assert_eq!(tally.recall(4), None);
        tally.answers = 30;
        assert_eq!(tally.loss(), Some(0.1));
        let recall = tally.recall(4).unwrap();
        assert!((recall - 0.9999).abs() < 1e-9, "{recall}");
        assert_eq!(Tally::default().loss(), None);
    }

    #[test]
    fn large_counts_are_divided_too() {
        assert!((ratio(1 << 40, 1 << 41) - 0.5).abs() < 1e-6);
        assert!((ratio(u64::MAX, u64::MAX) - 1.0).abs() < 1e-6);
    }
}
