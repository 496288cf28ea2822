//! A seeded order over `0..len`: every index exactly once, without a list of them.
//!
//! A Feistel network over a grid of `rows * columns >= len` cells, where each round adds a keyed
//! hash of one coordinate to the other; cells past the end are walked through again. It spreads
//! probes over hosts and ports; it is no cipher and keeps no secret.

use super::mix;

/// Rounds of the network: even ones move the row, odd ones the column.
const ROUNDS: u64 = 6;

/// A bijection of `0..len` onto itself, chosen by a seed.
///
/// # Source
/// Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002: the generalised Feistel
/// construction with cycle walking.
#[derive(Debug, Clone)]
pub struct Permutation {
    len: u64,
    rows: u64,
    columns: u64,
    seed: u64,
}

impl Permutation {
    /// Makes the order of `len` indices that `seed` stands for.
    #[must_use]
    pub fn new(len: u64, seed: u64) -> Self {
        let root = len.isqrt().max(1);
        let rows = root;
        let columns = len.div_ceil(rows).max(1);
        Self { len, rows, columns, seed }
    }

    /// Counts the indices.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Tells whether there is no index at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives the index that stands at `position` of the order, or `None` past the end.
    #[must_use]
    pub fn at(&self, position: u64) -> Option<u64> {
        if position >= self.len {
            return None;
        }
        // The grid has fewer than `rows` cells too many, and the walk returns into `0..len`
        // because it started there: a cycle of a bijection comes back to its start.
        let mut cell = self.round_trip(position);
        while cell >= self.len {
            cell = self.round_trip(cell);
        }
        Some(cell)
    }

    fn round_trip(&self, cell: u64) -> u64 {
        let mut row = cell / self.columns;
        let mut column = cell % self.columns;
        for round in 0..ROUNDS {
            let key = self.seed.wrapping_add(round.wrapping_mul(mix::GOLDEN));
            if round % 2 == 0 {
                row = add(row, mix::mix(key ^ column), self.rows);
            } else {
                column = add(column, mix::mix(key ^ row), self.columns);
            }
        }
        row * self.columns + column
    }
}

/// Adds modulo `modulus`, where `left` is below it already.
fn add(left: u64, right: u64, modulus: u64) -> u64 {
    let right = right % modulus;
    if left >= modulus - right { left - (modulus - right) } else { left + right }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_index_once_for_small_lengths() {
        for len in 0..300_u64 {
            for seed in [0, 1, u64::MAX] {
                let order = Permutation::new(len, seed);
                let mut seen: Vec<u64> = (0..len).map(|i| order.at(i).unwrap()).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..len), "len {len} seed {seed}");
                assert_eq!(order.at(len), None);
            }
        }
    }

    #[test]
    fn all_ports_once_and_not_in_order() {
        let order = Permutation::new(65_535, 7);
        let mut seen = vec![false; 65_535];
        let mut steps_by_one = 0;
        let mut last = 0;
        for position in 0..65_535 {
            let index = order.at(position).unwrap();
            let cell = &mut seen[usize::try_from(index).unwrap()];
            assert!(!*cell, "{index} came twice");
            *cell = true;
            steps_by_one += u32::from(index == last + 1);
            last = index;
        }
        assert!(steps_by_one < 20, "{steps_by_one} neighbours follow each other");
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let first: Vec<_> = (0..100).map(|i| Permutation::new(1000, 1).at(i)).collect();
        let again: Vec<_> = (0..100).map(|i| Permutation::new(1000, 1).at(i)).collect();
        let other: Vec<_> = (0..100).map(|i| Permutation::new(1000, 2).at(i)).collect();
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    proptest! {
        #[test]
        fn two_positions_never_meet(len in 2_u64..=u64::MAX / 4, seed: u64, a: u64, b: u64) {
            let order = Permutation::new(len, seed);
            let (a, b) = (a % len, b % len);
            let (x, y) = (order.at(a).unwrap(), order.at(b).unwrap());
            prop_assert!(x < len && y < len);
            prop_assert_eq!(a == b, x == y);
        }
    }
}
