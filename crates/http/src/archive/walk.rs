//! The walk through a folder. Every entry is opened below the root by its checked path, and what is
//! said of it is what its descriptor says.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use sockeye_edge::tree::Opened;

use super::{Archive, Item};
use crate::files::Files;
use crate::media::is_dense;
use crate::proto::archive::DEPTH_MAX;
use crate::proto::target::Target;

/// A folder to be walked through.
pub(crate) struct Walk<'a> {
    /// Where everything is opened.
    pub(crate) files: &'a Files,
    /// The folder.
    pub(crate) opened: &'a Opened,
    /// Its path from the root.
    pub(crate) path: &'a [u8],
    /// What it is called in the archive.
    pub(crate) name: &'a [u8],
    /// Whether the peer may read what the target names.
    pub(crate) may_read: &'a dyn Fn(&Target) -> bool,
    /// The most entries.
    pub(crate) entries_max: usize,
}

impl Walk<'_> {
    /// Puts everything into `archive`.
    pub(super) fn into(self, archive: &mut dyn Archive) -> io::Result<()> {
        let mut walker = Walker {
            files: self.files,
            may_read: self.may_read,
            entries_left: self.entries_max,
            above: Vec::new(),
            archive,
        };
        walker.folder(self.opened, self.path, self.name)
    }
}

struct Walker<'a> {
    files: &'a Files,
    may_read: &'a dyn Fn(&Target) -> bool,
    entries_left: usize,
    /// Device and inode of the folders that the walk is in: links can make circles.
    above: Vec<(u64, u64)>,
    archive: &'a mut dyn Archive,
}

impl Walker<'_> {
    fn folder(&mut self, opened: &Opened, path: &[u8], name: &[u8]) -> io::Result<()> {
        let meta = opened.file.metadata()?;
        let identity = (meta.dev(), meta.ino());
        if self.above.contains(&identity) {
            return Ok(());
        }
        if self.above.len() == DEPTH_MAX {
            return Err(io::Error::other("the folder is too deep for an archive"));
        }
        self.count()?;
        let modified = seconds(opened);
        self.archive.folder(&Item { name, modified, size: 0, is_dense: false })?;
        self.above.push(identity);
        // One more than is left shows that it is too many.
        let (mut entries, _) =
            self.files.entries(opened, self.entries_left.saturating_add(1), |_| true)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries {
            self.entry(&joined(path, &entry.name), &joined(name, &entry.name), entry.is_folder())?;
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: &[u8], name: &[u8], is_folder: bool) -> io::Result<()> {
        let target = Target::of_path(path, is_folder);
        // What has gone, or may not be read, would not be answered either.
        let Some(opened) = self.files.entry(&target) else { return Ok(()) };
        if opened.meta.is_dir != is_folder || !(self.may_read)(&target) {
            return Ok(());
        }
        if is_folder {
            return self.folder(&opened, path, name);
        }
        self.count()?;
        let (size, modified) = (opened.meta.size, seconds(&opened));
        let is_dense = is_dense(&self.files.media_type(path));
        let mut content = Exactly { file: opened.file, left: size };
        self.archive.file(&Item { name, modified, size, is_dense }, &mut content)
    }

    fn count(&mut self) -> io::Result<()> {
        let too_many = || io::Error::other("the folder has too many entries for an archive");
        self.entries_left = self.entries_left.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }
}

fn seconds(opened: &Opened) -> i64 {
    i64::try_from(opened.meta.mtime_ns.div_euclid(1_000_000_000)).unwrap_or(0)
}

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    match path {
        [] => name.to_vec(),
        _ => [path, b"/", name].concat(),
    }
}

/// So many bytes of a file; fewer are an error, more are left out.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read(&mut buffer[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= u64::try_from(count).unwrap_or(self.left);
        Ok(count)
    }
}
