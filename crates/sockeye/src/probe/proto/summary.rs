//! What a session came to, and the sums that must hold.

use super::round_trips::Spread;
use super::wire::Tally;

/// What became of all questions. `sent = answered + late + lost + unfinished`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) sent: u32,
    /// Answered in time.
    pub(crate) answered: u32,
    /// Answered after the time.
    pub(crate) late: u32,
    /// Never answered.
    pub(crate) lost: u32,
    /// Still on their way when the run was stopped.
    pub(crate) unfinished: u32,
    /// Replies beyond the first to their question.
    pub(crate) duplicates: u32,
    /// Those among them that were doubled on the way back.
    pub(crate) duplicates_back: u32,
    /// First replies that came after one to a later question.
    pub(crate) reordered: u32,
    /// Replies that came after one that the echo sent later.
    pub(crate) reordered_back: u32,
    /// Times that the system said that nobody is there.
    pub(crate) refused: u32,
    /// What is known of each way; `None` where the echo's tally is not known.
    pub(crate) ways: Option<Ways>,
    /// `None` where nothing came in time.
    pub(crate) round_trips: Option<Spread>,
}

/// What only the echo can know, from its tally at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Lost on the way there.
    pub(crate) lost_there: u32,
    /// Lost on the way back.
    pub(crate) lost_back: u32,
    /// Arrived there and not answered, because too many came.
    pub(crate) held_back: u32,
    /// Arrived there again.
    pub(crate) duplicates_there: u32,
    /// Arrived there after a later one.
    pub(crate) reordered_there: u32,
}

impl Summary {
    /// Tells whether anything came back.
    pub(crate) fn came_back(&self) -> bool {
        self.answered + self.late > 0
    }

    /// The share of what was sent and not answered in percent, unfinished ones left out.
    pub(crate) fn loss_percent(&self) -> f64 {
        let known = self.sent - self.unfinished;
        if known == 0 { 0.0 } else { f64::from(self.lost) * 100.0 / f64::from(known) }
    }

    /// Splits what was lost by the echo's tally. A tally that cannot be (the echo was started
    /// anew, or lies) says nothing, and neither does one while questions are on their way.
    pub(super) fn split(&mut self, tally: Tally) {
        let back = self.answered + self.late;
        let possible = (back..=self.sent).contains(&tally.distinct)
            && tally.arrived >= tally.distinct
            && tally.reordered <= tally.distinct;
        if !possible || self.unfinished > 0 {
            return;
        }
        let silent = tally.distinct - back;
        let held_back = silent.min(tally.unanswered);
        self.ways = Some(Ways {
            lost_there: self.sent - tally.distinct,
            lost_back: silent - held_back,
            held_back,
            duplicates_there: tally.arrived - tally.distinct,
            reordered_there: tally.reordered,
        });
    }
}
