//! Who may transfer: everybody at once, one after another, or one and no more.
//!
//! 1. A run that does not keep on belongs to the first connection that sends a byte; its end is the
//!    run's.
//! 2. A run that writes to a stream takes one at a time, else two files would mingle.

use std::sync::{Mutex, PoisonError};

use crate::config::{Output, ReceiveConfig};
use crate::error::Error;

pub(super) struct Claim {
    kind: Kind,
    state: Mutex<State>,
    over: Box<dyn Fn() + Send + Sync>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    OneAtATime,
    Once,
}

enum State {
    Free,
    Taken,
    Over(Result<(), Error>),
}

impl Claim {
    /// Calls `over` when the one transfer of a run has ended.
    pub(super) fn new(config: &ReceiveConfig, over: impl Fn() + Send + Sync + 'static) -> Self {
        let kind = match (&config.output, config.keep) {
            (_, false) => Kind::Once,
            (Output::Stream(_), true) => Kind::OneAtATime,
            (Output::File { .. }, true) => Kind::All,
        };
        Self { kind, state: Mutex::new(State::Free), over: Box::new(over) }
    }

    /// Tells whether the caller may transfer; if so it has to `settle`.
    pub(super) fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            _ if self.kind == Kind::All => true,
            State::Free => {
                *state = State::Taken;
                true
            }
            State::Taken | State::Over(_) => false,
        }
    }

    /// Ends the caller's transfer. Gives an error back where it does not end the run.
    pub(super) fn settle(&self, result: Result<(), Error>) -> Option<Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.kind == Kind::Once {
            *state = State::Over(result);
            drop(state);
            (self.over)();
            return None;
        }
        *state = State::Free;
        result.err()
    }

    /// Tells whether the one transfer of the run has ended.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*state, State::Over(_))
    }

    pub(super) fn into_result(self) -> Option<Result<(), Error>> {
        match self.state.into_inner().unwrap_or_else(PoisonError::into_inner) {
            State::Over(result) => Some(result),
            State::Free | State::Taken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn claim(keep: bool, output: Output) -> (Claim, Arc<AtomicU32>) {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let config = ReceiveConfig { keep, output, ..ReceiveConfig::default() };
        let over = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        (Claim::new(&config, over), calls)
    }

    fn stream() -> Output {
        Output::Stream(Arc::new(Mutex::new(Vec::new())))
    }

    #[test]
    fn once_is_once_and_keeps_its_result() {
        let (claim, calls) = claim(false, Output::default());
        assert!(claim.take() && !claim.take() && !claim.is_over());
        assert!(claim.settle(Err(Error::Interrupted)).is_none());
        assert!(claim.is_over() && !claim.take());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(matches!(claim.into_result(), Some(Err(Error::Interrupted))));
    }

    #[test]
    fn a_stream_takes_one_after_another() {
        let (claim, calls) = claim(true, stream());
        assert!(claim.take() && !claim.take());
        assert!(claim.settle(Err(Error::Interrupted)).is_some());
        assert!(claim.take() && !claim.is_over());
        assert_eq!(calls.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn files_come_all_at_once() {
        let (claim, _) = claim(true, Output::default());
        assert!(claim.take() && claim.take());
        assert!(claim.settle(Ok(())).is_none() && claim.take() && !claim.is_over());
        assert!(claim.into_result().is_none());
    }
}
