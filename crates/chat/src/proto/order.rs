//! The order: gives each event its place, once.
//!
//! A node numbers its events upwards from 1, so that the last number tells a repetition.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Append, Entry, Pos};

/// Hands out places, each greater than the one before.
#[derive(Debug)]
pub(crate) struct Order {
    last: Pos,
    numbers: BTreeMap<u64, u64>,
}

impl Order {
    /// Goes on after a place.
    pub(crate) fn after(last: Pos) -> Order {
        Order { last, numbers: BTreeMap::new() }
    }

    /// The last place that was given.
    pub(crate) fn last(&self) -> Pos {
        self.last
    }

    /// Gives an event its place; `None` where it has one already.
    pub(crate) fn place(&mut self, append: Append) -> Option<Arc<Entry>> {
        let number = self.numbers.entry(append.id.node).or_default();
        if append.id.number <= *number {
            return None;
        }
        *number = append.id.number;
        self.last.seq += 1;
        Some(Arc::new(Entry { pos: self.last, append }))
    }
}
