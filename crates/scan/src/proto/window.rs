//! How many probes may be under way at once: grows while answers come, shrinks when this machine
//! runs out of something, or when loss grows with the speed.

/// A window of probes, in the manner of TCP's congestion window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Quarters of a probe, so that a silent probe can count for less than an answer.
    quarters: u32,
    /// Below this it grows by one for each answer, above it by one for each full window.
    threshold: u32,
    max: u32,
    fixed: bool,
    epoch: Epoch,
    /// The share of late answers that does not come from our speed.
    baseline: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Epoch {
    answers: u32,
    late: u32,
}

/// Probes under way at the start.
const START: u32 = 256;
/// Loss never pushes the window below this.
const LOSS_FLOOR: u32 = 32;
/// Answers before a share of late ones means something.
const EPOCH_ANSWERS_MIN: u32 = 64;

impl Window {
    /// Makes a window that adapts within `1..=max`.
    pub(crate) fn adaptive(max: u32) -> Self {
        let max = max.clamp(1, u32::MAX / 4);
        Self {
            quarters: START.min(max) * 4,
            threshold: max,
            max,
            fixed: false,
            epoch: Epoch::default(),
            baseline: None,
        }
    }

    /// Makes a window that stays as it is, but for shortages of this machine.
    pub(crate) fn fixed(size: u32) -> Self {
        let mut window = Self::adaptive(size);
        window.quarters = window.max * 4;
        window.fixed = true;
        window
    }

    pub(crate) fn size(&self) -> u32 {
        (self.quarters / 4).clamp(1, self.max)
    }

    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// An answer came; `late` tells that its probe had to be sent again.
    pub(crate) fn handle_answer(&mut self, late: bool) {
        self.grow(4);
        self.epoch.answers += 1;
        self.epoch.late += u32::from(late);
        if self.epoch.answers >= EPOCH_ANSWERS_MIN.max(self.size()) {
            self.end_epoch();
        }
    }

    /// A probe stayed without any answer, which says nothing about our speed.
    pub(crate) fn handle_silence(&mut self) {
        self.grow(1);
    }

    /// This machine ran out of something with `flying` probes under way.
    pub(crate) fn handle_pressure(&mut self, flying: u32) {
        let size = self.size().min(flying.max(1));
        let size = (size - size.div_ceil(4)).max(1);
        self.quarters = size * 4;
        self.threshold = size;
    }

    fn grow(&mut self, quarters: u32) {
        let size = self.size();
        if size >= self.max {
            return;
        }
        // Above the threshold: the answers of a whole window make one more.
        let step = if size < self.threshold {
            quarters
        } else {
            self.epoch.answers.is_multiple_of(size.div_ceil(4)).into()
        };
        self.quarters = (self.quarters + step).min(self.max * 4);
    }

    fn end_epoch(&mut self) {
        let Epoch { answers, late } = std::mem::take(&mut self.epoch);
        let loss = f64::from(late) / f64::from(answers);
        let baseline = *self.baseline.get_or_insert(loss);
        if loss > baseline * 2.0 + 0.05 && !self.fixed {
            let size = (self.size() / 2).max(LOSS_FLOOR.min(self.max));
            self.quarters = size * 4;
            self.threshold = size;
        } else {
            self.baseline = Some(baseline * 0.75 + loss * 0.25);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_open_the_window_to_its_end() {
        let mut window = Window::adaptive(1000);
        assert_eq!(window.size(), 256);
        for _ in 0..2000 {
            window.handle_answer(false);
        }
        assert_eq!(window.size(), 1000);
        let mut silent = Window::adaptive(1000);
        (0..400).for_each(|_| silent.handle_silence());
        assert_eq!(silent.size(), 356, "silence opens it four times more slowly");
    }

    #[test]
    fn shortage_closes_it_down_to_one_and_it_recovers() {
        let mut window = Window::adaptive(1000);
        for _ in 0..100 {
            window.handle_pressure(window.size());
        }
        assert_eq!(window.size(), 1);
        for _ in 0..10_000 {
            window.handle_answer(false);
        }
        assert!(window.size() > 50, "{}", window.size());
        let mut fixed = Window::fixed(100);
        fixed.handle_pressure(40);
        assert_eq!(fixed.size(), 30);
        (0..10_000).for_each(|_| fixed.handle_answer(false));
        assert_eq!(fixed.size(), 100);
    }

    #[test]
    fn steady_loss_keeps_it_and_growing_loss_halves_it() {
        let mut window = Window::adaptive(1000);
        for turn in 0..20_000 {
            window.handle_answer(turn % 10 == 0);
        }
        assert_eq!(window.size(), 1000);
        for turn in 0..1000 {
            window.handle_answer(turn % 2 == 0);
        }
        assert!(window.size() <= 510, "{}", window.size());
        for _ in 0..200_000 {
            window.handle_answer(true);
        }
        assert!(window.size() >= LOSS_FLOOR);
    }
}
