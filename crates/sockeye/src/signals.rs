//! Signals become a [`Shutdown`]: the first SIGTERM or SIGINT stops gracefully, a second one at
//! once. SIGHUP stops where there is a controlling terminal (it was closed); elsewhere it has log
//! files opened anew, certificates loaded and settings read again.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sockeye_socket::Shutdown;

use crate::exit::Exit;

/// How long a stop at once may take before the process is ended from within.
const STOP_AT_ONCE: Duration = Duration::from_millis(500);

/// The same signal again within this time is its echo: `timeout` signals its child, and at once the
/// child's process group.
const ECHO: Duration = Duration::from_millis(10);

type Call = Box<dyn Fn() + Send>;

/// How often SIGHUP came and was not the end of a terminal, and what is to be done then. Clones
/// belong together.
#[derive(Clone, Default)]
pub(crate) struct Hangups {
    count: Arc<AtomicU64>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Hangups {
    /// Gives the count.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts one more, and does what is to be done.
    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        for call in &*self.calls.lock().unwrap_or_else(PoisonError::into_inner) {
            call();
        }
    }

    /// Has `call` made after each, on the thread that hears the signals.
    pub(crate) fn on_each(&self, call: impl Fn() + Send + 'static) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(call));
    }
}

impl std::fmt::Debug for Hangups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hangups").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The signals of this process, and what they set off.
#[derive(Clone)]
pub(crate) struct Stop {
    shutdown: Shutdown,
    caught: Arc<AtomicI32>,
    hangups: Hangups,
}

impl Stop {
    /// Makes one that hears no signal yet.
    ///
    /// # Errors
    /// Where the system gives no descriptor.
    pub(crate) fn new() -> anyhow::Result<Stop> {
        Stop::counting(Hangups::default())
    }

    /// Makes one that hears no signal yet, and will count SIGHUPs there.
    ///
    /// # Errors
    /// As [`Stop::new`].
    pub(crate) fn counting(hangups: Hangups) -> anyhow::Result<Stop> {
        let shutdown = Shutdown::new().context("cannot prepare to be stopped")?;
        Ok(Stop { shutdown, caught: Arc::default(), hangups })
    }

    /// Makes one that hears signals: for a job, which stops without any grace.
    ///
    /// # Errors
    /// As [`Stop::new`] and [`Stop::listen`].
    pub(crate) fn install(grace: Duration) -> anyhow::Result<Stop> {
        let stop = Stop::new()?;
        stop.listen(grace)?;
        Ok(stop)
    }

    /// Takes over SIGTERM, SIGINT and SIGHUP, on a thread of its own.
    ///
    /// # Errors
    /// Where the system gives no descriptor or thread.
    pub(crate) fn listen(&self, grace: Duration) -> anyhow::Result<()> {
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]);
        let mut signals = signals.context("cannot listen for signals")?;
        let ours = self.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            let mut echo = Echo::default();
            for signal in signals.forever() {
                if !echo.is(signal, Instant::now()) {
                    ours.handle(signal, grace);
                }
            }
        })?;
        Ok(())
    }

    fn handle(&self, signal: i32, grace: Duration) {
        if signal == SIGHUP && !has_terminal() {
            tracing::info!(
                "SIGHUP: log files are opened anew, certificates and settings read again"
            );
            self.hangups.add();
            return;
        }
        if self.caught.swap(signal, Ordering::SeqCst) == 0 {
            tracing::info!(signal, "stopping");
            self.shutdown.start(grace);
            return;
        }
        tracing::warn!(signal, "stopping at once");
        self.shutdown.now();
        let code = exit_of(signal).code();
        std::thread::spawn(move || {
            std::thread::sleep(STOP_AT_ONCE);
            std::process::exit(code);
        });
    }

    /// The handle that every engine's `run` takes.
    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The exit code of a job that a signal has stopped.
    pub(crate) fn interrupted(&self) -> Option<Exit> {
        match self.caught.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(exit_of(signal)),
        }
    }
}

/// Which request to stop came last, and when.
#[derive(Debug, Default)]
struct Echo(Option<(i32, Instant)>);

impl Echo {
    /// Tells whether a signal repeats the last one and asks for nothing more.
    fn is(&mut self, signal: i32, now: Instant) -> bool {
        let again = self.0.is_some_and(|(last, at)| last == signal && now - at < ECHO);
        if !again && signal != SIGHUP {
            self.0 = Some((signal, now));
        }
        again
    }
}

/// The exit code of a job that `signal` has ended.
pub(crate) fn exit_of(signal: i32) -> Exit {
    if signal == SIGTERM { Exit::TERMINATED } else { Exit::INTERRUPTED }
}

/// Tells whether this process has a controlling terminal.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_signal_at_once_is_an_echo_and_later_a_second_one() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut echo = Echo::default();
        assert!(!echo.is(SIGTERM, at(0)));
        assert!(echo.is(SIGTERM, at(1)));
        assert!(!echo.is(SIGINT, at(2)), "another signal is no echo");
        assert!(!echo.is(SIGINT, at(60)));
        assert!(!echo.is(SIGHUP, at(61)));
        assert!(!echo.is(SIGHUP, at(62)), "every SIGHUP counts");
    }
}
