//! Who may go on: so many uploads at once, and one at a time with a name.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye_edge::tree::Segments;

use super::Writer;

/// Names share so many locks.
const LOCKS: usize = 64;

/// One of the uploads that may come in at a time.
pub(super) struct Turn(Arc<Writer>);

impl Turn {
    /// Takes a turn; `None` where there are too many.
    pub(super) fn take(writer: &Arc<Writer>) -> Option<Turn> {
        let turn = Turn(Arc::clone(writer));
        let before = writer.active.fetch_add(1, Ordering::Relaxed);
        (before < writer.limits.uploads_max).then_some(turn)
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.0
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Locks of names: held from the look at what is there to the change.
#[derive(Debug)]
pub(super) struct Turns {
    locks: [Mutex<()>; LOCKS],
    keys: RandomState,
}

impl Turns {
    pub(super) fn new() -> Turns {
        Turns { locks: std::array::from_fn(|_| Mutex::new(())), keys: RandomState::new() }
    }

    /// Waits for the names; always in the same order, so that nobody waits for each other.
    pub(super) fn lock(&self, paths: &[&Segments]) -> Vec<MutexGuard<'_, ()>> {
        let place = |path: &&Segments| {
            let hash = usize::try_from(self.keys.hash_one(path) % 64).unwrap_or(0);
            hash % LOCKS
        };
        let mut places: Vec<usize> = paths.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        // Nothing is half done where a holder has panicked: a change is one system call.
        let lock = |place: usize| self.locks[place].lock().unwrap_or_else(PoisonError::into_inner);
        places.into_iter().map(lock).collect()
    }
}
