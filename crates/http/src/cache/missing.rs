//! Names of which a worker knows that there is nothing, and what it says of them. Only the fact is
//! kept of a name: what is answered depends on the request.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use super::watches::is_at_or_below;
use super::{LIFETIME, Ready};

/// What a name costs beside itself.
const NAME_BYTES: usize = 128;

/// Paths, each with the time until which it counts.
#[derive(Debug, Default)]
pub(super) struct Missing {
    names: HashMap<Vec<u8>, Instant>,
    bytes: usize,
    /// The answer, as a line of text and as a page.
    answers: [Option<Rc<Ready>>; 2],
}

impl Missing {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// What they cost.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.keys().map(Vec::as_slice)
    }

    pub(super) fn contains(&self, path: &[u8], now: Instant) -> bool {
        self.names.get(path).is_some_and(|until| now < *until)
    }

    pub(super) fn insert(&mut self, path: &[u8], now: Instant) {
        if self.names.insert(path.to_vec(), now + LIFETIME).is_none() {
            self.bytes += NAME_BYTES + path.len();
        }
    }

    /// Something of this name has come, or gone.
    pub(super) fn remove(&mut self, path: &[u8]) {
        if self.names.remove(path).is_some() {
            self.bytes -= NAME_BYTES + path.len();
        }
    }

    /// The folder, or anything below it, is another.
    pub(super) fn remove_below(&mut self, folder: &[u8]) {
        self.retain(|path, _| !is_at_or_below(path, folder));
    }

    /// Ends what is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.retain(|_, until| now < until);
    }

    /// The answer, which `write` makes the first time.
    pub(super) fn answer(
        &mut self,
        is_page: bool,
        write: impl FnOnce() -> Option<Ready>,
    ) -> Option<&mut Rc<Ready>> {
        let answer = &mut self.answers[usize::from(is_page)];
        if answer.is_none() {
            *answer = write().map(Rc::new);
        }
        answer.as_mut()
    }

    fn retain(&mut self, mut stays: impl FnMut(&[u8], Instant) -> bool) {
        let bytes = &mut self.bytes;
        self.names.retain(|path, until| {
            let stays = stays(path, *until);
            if !stays {
                *bytes -= NAME_BYTES + path.len();
            }
            stays
        });
    }
}
