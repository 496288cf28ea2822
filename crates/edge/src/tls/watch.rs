//! Files of certificates and keys that change while the server runs.
//!
//! They are looked at by their names, links followed: tools exchange them by a rename of the file,
//! of a link to it, or of a link to their folder, and over the network as well. A change counts
//! once two looks in a row have seen the same, since a certificate and its key are two files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Loaded, Source, Tls, TlsError};

/// What tells one content of a file from another: device, inode, size, seconds and nanoseconds of
/// the last change. `None` where there is no file.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// Looks at the files of a [`Tls`] again and again.
#[derive(Debug)]
pub struct Watch {
    tls: Tls,
    loaded: [Stamp; 2],
    seen: [Stamp; 2],
}

impl Watch {
    /// Begins with what the files are now.
    #[must_use]
    pub fn new(tls: Tls) -> Watch {
        let stamps = stamps(&tls);
        Watch { tls, loaded: stamps, seen: stamps }
    }

    /// Looks, and loads what has changed. `asked`: loads in any case. `None` where nothing was
    /// loaded; an error where the old certificate stays.
    pub fn look(&mut self, asked: bool) -> Option<Result<Loaded, TlsError>> {
        let now = stamps(&self.tls);
        let is_settled = now == self.seen;
        self.seen = now;
        if !asked && (now == self.loaded || !is_settled) {
            return None;
        }
        self.loaded = now;
        Some(self.tls.reload())
    }
}

fn stamps(tls: &Tls) -> [Stamp; 2] {
    match &tls.0.source {
        Source::Files { certificates, key } => [stamp(certificates), stamp(key)],
        Source::SelfSigned { .. } => [None; 2],
    }
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}
