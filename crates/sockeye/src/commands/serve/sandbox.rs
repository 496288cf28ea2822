//! What `sockeye serve` can still open once it serves: what it was told to serve, and the files
//! that it opens anew. Whatever a flag makes it read or write later belongs in here.

use std::path::PathBuf;

use sockeye_edge::sandbox::{Allowed, Enforced, enter};

use super::Args;
use crate::context::Context;

impl Args {
    /// Shuts this thread, and what it starts from now on, in. A kernel that cannot is logged.
    ///
    /// # Errors
    /// A path has gone, or the kernel refuses.
    pub(super) fn shut_in(&self, context: &Context) -> anyhow::Result<()> {
        // A browser that is started from within would be shut in too.
        if self.no_sandbox || self.open {
            return Ok(());
        }
        match enter(&self.allowed(context))? {
            Enforced::Fully => tracing::debug!("the sandbox holds"),
            Enforced::Partly => tracing::info!("this kernel knows a part of the sandbox only"),
            Enforced::Not => tracing::warn!("this kernel has no Landlock: there is no sandbox"),
        }
        Ok(())
    }

    fn allowed(&self, context: &Context) -> Allowed {
        let served = match self.follows_links_anywhere() {
            true => PathBuf::from("/"),
            false => self.path.clone(),
        };
        let anew = self.access.files().cloned().chain(context.layers.config_file());
        let anew = anew.chain(self.tls.read_later());
        let read = std::iter::once(served).chain(anew).collect();
        let log = self.log.file().map(PathBuf::from);
        let changed = self.writes.folder().map(|folder| self.path.join(folder));
        Allowed { read, write: log.into_iter().chain(changed).collect() }
    }
}
