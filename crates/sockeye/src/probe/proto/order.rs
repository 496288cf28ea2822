//! Which of many numbered things came in order, late behind others, or twice.

/// How many numbers back a duplicate is known. What comes even later counts as one.
pub(crate) const WINDOW: u32 = 16_384;
const WORD_BITS: u32 = 64;

/// How one arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// In order: the highest number so far.
    InOrder,
    /// The first of its number, after a higher one.
    Reordered,
    /// Not the first of its number.
    Duplicate,
}

/// Judges arrivals by their numbers.
///
/// The next number that is expected is one more than the highest that arrived; what has a lower
/// one is reordered. Of duplicates only the first copy is judged.
///
/// # Source
/// RFC 4737 section 3.3
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// A bit for each of the last `WINDOW` numbers, at the number's remainder.
    seen: Box<[u64]>,
    expected: u64,
    distinct: u32,
    reordered: u32,
}

impl Order {
    pub(crate) fn new() -> Order {
        let words = usize::try_from(WINDOW / WORD_BITS).expect("a few hundred");
        Order { seen: vec![0; words].into(), expected: 0, distinct: 0, reordered: 0 }
    }

    /// Takes the next arrival.
    pub(crate) fn take(&mut self, number: u32) -> Arrival {
        let wide = u64::from(number);
        if wide >= self.expected {
            // The numbers that were skipped have not been seen.
            let first = self.expected.max((wide + 1).saturating_sub(u64::from(WINDOW)));
            (first..wide).for_each(|skipped| self.mark(skipped, false));
            self.mark(wide, true);
            self.expected = wide + 1;
            self.distinct += 1;
            return Arrival::InOrder;
        }
        if self.expected - wide > u64::from(WINDOW) || self.has(wide) {
            return Arrival::Duplicate;
        }
        self.mark(wide, true);
        self.distinct += 1;
        self.reordered += 1;
        Arrival::Reordered
    }

    /// How many different numbers arrived.
    pub(crate) fn distinct(&self) -> u32 {
        self.distinct
    }

    /// How many of them were reordered.
    pub(crate) fn reordered(&self) -> u32 {
        self.reordered
    }

    fn has(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }

    fn mark(&mut self, number: u64, seen: bool) {
        let (word, bit) = place(number);
        if seen { self.seen[word] |= bit } else { self.seen[word] &= !bit }
    }
}

/// The word and the bit of a number.
fn place(number: u64) -> (usize, u64) {
    let at = number % u64::from(WINDOW);
    let word = usize::try_from(at / u64::from(WORD_BITS)).expect("a few hundred");
    (word, 1 << (at % u64::from(WORD_BITS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{Duplicate, InOrder, Reordered};
    use sockeye_testkit::Rng;
    use std::collections::BTreeSet;

    fn judge(numbers: &[u32]) -> Vec<Arrival> {
        let mut order = Order::new();
        numbers.iter().map(|number| order.take(*number)).collect()
    }

    #[test]
    fn what_comes_after_a_higher_number_is_reordered() {
        // Not 7 and 8, which came early: the ones that they overtook.
        let numbers = [1, 2, 3, 7, 8, 4, 5, 6, 9, 10];
        let judged = judge(&numbers);
        let reordered: Vec<u32> = numbers
            .iter()
            .zip(&judged)
            .filter_map(|(number, arrival)| (*arrival == Reordered).then_some(*number))
            .collect();
        assert_eq!(reordered, [4, 5, 6]);
    }

    #[test]
    fn only_the_first_copy_is_judged() {
        let judged = judge(&[0, 0, 2, 1, 1, 2, 3]);
        let expected = [InOrder, Duplicate, InOrder, Reordered, Duplicate, Duplicate, InOrder];
        assert_eq!(judged, expected);
    }

    #[test]
    fn a_bit_is_used_again_only_when_its_number_is_gone() {
        let last = WINDOW;
        assert_eq!(judge(&[0, last, 0]), [InOrder, InOrder, Duplicate], "0 is out of the window");
        assert_eq!(judge(&[0, last - 1, 0, 1]), [InOrder, InOrder, Duplicate, Reordered]);
        assert_eq!(
            judge(&[1, last, last + 1, 2, 3]),
            [InOrder, InOrder, InOrder, Reordered, Reordered]
        );
        assert_eq!(
            judge(&[5, u32::MAX, u32::MAX, u32::MAX - 1])[1..],
            [InOrder, Duplicate, Reordered]
        );
        let far = 10 * WINDOW + 5;
        assert_eq!(
            judge(&[5, far, far - 1, far - WINDOW + 1, far - WINDOW]),
            [InOrder, InOrder, Reordered, Reordered, Duplicate]
        );
    }

    #[test]
    fn a_jump_forgets_the_numbers_whose_bits_it_takes() {
        // WINDOW + 3 has the bit of 3, and has not been seen.
        assert_eq!(judge(&[3, WINDOW + 10, WINDOW + 3]), [InOrder, InOrder, Reordered]);
        assert_eq!(judge(&[3, 9 * WINDOW, 8 * WINDOW + 3]), [InOrder, InOrder, Reordered]);
        // What is older than the window may have been seen: it counts as a duplicate.
        assert_eq!(judge(&[9 * WINDOW, 8 * WINDOW - 5]), [InOrder, Duplicate]);
    }

    #[test]
    fn any_numbers_are_judged_as_a_set_would() {
        let mut rng = Rng::new(4737);
        for spread in [2, 10, 1000, 5000] {
            let (mut order, mut seen, mut highest) = (Order::new(), BTreeSet::new(), None);
            for at in 0..20_000_u64 {
                let number = u32::try_from(at / 2 + rng.below(spread)).unwrap();
                let expected = match (seen.insert(number), Some(number) > highest) {
                    (true, true) => InOrder,
                    (true, false) => Reordered,
                    (false, _) => Duplicate,
                };
                highest = highest.max(Some(number));
                assert_eq!(order.take(number), expected, "{number} at {at}");
            }
            assert_eq!(usize::try_from(order.distinct()).unwrap(), seen.len());
        }
    }
}
