//! Letters from any thread to a loop that waits in a selector.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::selectors::Waker;

/// Letters and what wakes their reader. Its lock is the innermost: nothing else is locked under it.
pub(super) struct Mailbox<T> {
    mail: Mutex<Mail<T>>,
    waker: Waker,
}

struct Mail<T> {
    letters: Vec<T>,
    /// The reader waits, or is about to, and was not woken since.
    asleep: bool,
}

impl<T> Mailbox<T> {
    pub(super) fn new(waker: Waker) -> Self {
        Self { mail: Mutex::new(Mail { letters: Vec::new(), asleep: false }), waker }
    }

    /// Delivers a letter, and wakes the reader at most once for each time that it sleeps.
    pub(super) fn post(&self, letter: T) {
        let mut mail = self.lock();
        mail.letters.push(letter);
        let wake = std::mem::take(&mut mail.asleep);
        drop(mail);
        if wake {
            self.waker.wake();
        }
    }

    /// Whether the reader may wait: from then on a letter wakes it.
    pub(super) fn fall_asleep(&self) -> bool {
        let mut mail = self.lock();
        mail.asleep = mail.letters.is_empty();
        mail.asleep
    }

    /// The reader is awake: no letter need wake it.
    pub(super) fn wake_up(&self) {
        self.lock().asleep = false;
    }

    /// Takes all letters.
    pub(super) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.lock().letters)
    }

    fn lock(&self) -> MutexGuard<'_, Mail<T>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
