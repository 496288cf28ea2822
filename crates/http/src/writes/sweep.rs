//! Unfinished files that nobody goes on with are removed by their age: those of a server that was
//! killed, and parts that nobody came back for.

use std::time::{Duration, SystemTime};

use sockeye_socket::Shutdown;

use super::Writer;

/// How often it is looked for them; the first time at the start.
const EVERY: Duration = Duration::from_secs(3600);

impl Writer {
    /// Removes what is old, again and again, until the shutdown.
    pub(crate) fn sweep_until(&self, shutdown: &Shutdown) {
        loop {
            self.sweep(SystemTime::now(), &|| shutdown.is_started());
            if shutdown.wait(Some(EVERY)) {
                return;
            }
        }
    }

    /// Removes what is old at `now`.
    pub(super) fn sweep(&self, now: SystemTime, stops: &dyn Fn() -> bool) {
        let before = now.checked_sub(self.limits.part_age_max).unwrap_or(SystemTime::UNIX_EPOCH);
        let max = self.limits.sweep_entries_max;
        match self.tree.remove_old_parts(&self.folder, before, max, stops) {
            Ok(swept) if swept.removed > 0 => {
                tracing::info!(files = swept.removed, "unfinished uploads were removed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "unfinished uploads cannot be looked for"),
        }
    }
}
