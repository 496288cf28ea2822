//! Work that may block for long in the system (a lookup, a connect) and yet ends at a signal.

use std::sync::mpsc;

use crate::signals::Stop;

/// Runs `work` on a thread of its own; `None` where a signal comes first, and the work is left
/// behind for the end of the process to clear up.
///
/// # Errors
/// Where the system gives no thread.
pub(crate) fn run<T: Send + 'static>(
    stop: &Stop,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<Option<T>> {
    let (done, result) = mpsc::channel();
    let stopped = done.clone();
    let shutdown = stop.shutdown().clone();
    std::thread::Builder::new().name("stop".into()).spawn(move || {
        if shutdown.wait(None) {
            // Nobody listens any more where the work was done before.
            let _ = stopped.send(None);
        }
    })?;
    std::thread::Builder::new().name("work".into()).spawn(move || {
        let _ = done.send(Some(work()));
    })?;
    Ok(result.recv().unwrap_or(None))
}
