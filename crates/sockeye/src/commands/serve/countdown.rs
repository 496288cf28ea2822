//! When a server stops by itself: after a time, or after so many downloads. It stops as a signal
//! stops it: what was asked for is finished.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sockeye_socket::Shutdown;

/// Counts down to the end.
pub(super) struct Countdown {
    /// Downloads that are left; more than there can be where nothing was said.
    downloads_left: AtomicU64,
    grace: Duration,
    /// What to start; there is none yet before the server runs.
    shutdown: OnceLock<Shutdown>,
}

impl Countdown {
    /// Counts from `downloads`, where there is to be an end of them.
    pub(super) fn new(downloads: Option<u64>, grace: Duration) -> Arc<Countdown> {
        let downloads_left = AtomicU64::new(downloads.unwrap_or(u64::MAX));
        Arc::new(Countdown { downloads_left, grace, shutdown: OnceLock::new() })
    }

    /// A download is complete.
    pub(super) fn handle_download(&self) {
        let before = self.downloads_left.fetch_sub(1, Ordering::Relaxed);
        if before == 1
            && let Some(shutdown) = self.shutdown.get()
        {
            tracing::info!("that was the last download");
            shutdown.start(self.grace);
        }
    }

    /// From now on `shutdown` is what is counted down to, and it starts when the time is over.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(&self, shutdown: &Shutdown, time: Option<Duration>) -> anyhow::Result<()> {
        // It is set once: there is one server.
        let _ = self.shutdown.set(shutdown.clone());
        let Some(time) = time else { return Ok(()) };
        let (shutdown, grace) = (shutdown.clone(), self.grace);
        let wait = move || {
            if !shutdown.wait(Some(time)) {
                tracing::info!("the time of this server is over");
                shutdown.start(grace);
            }
        };
        std::thread::Builder::new().name("expiry".to_owned()).spawn(wait)?;
        Ok(())
    }
}
