//! Who may go on: so many uploads at once, in all and of one address, and one at a time with a
//! name.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye_edge::caps::Permit;
use sockeye_edge::tree::Segments;
use sockeye_socket::Address;

use super::Writer;

/// Names share so many locks.
const LOCKS: usize = 64;

/// One of the uploads that may come in at a time.
pub(super) struct Turn {
    writer: Arc<Writer>,
    _place: Permit,
}

impl Turn {
    /// Takes a turn; `None` where there are too many.
    pub(super) fn take(writer: &Arc<Writer>, peer: &Address) -> Option<Turn> {
        let place = writer.uploads.take(peer.canonical_ip()).ok()?;
        Some(Turn { writer: Arc::clone(writer), _place: place })
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
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
