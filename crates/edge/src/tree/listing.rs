//! What is in a directory, read through its descriptor.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, DirEntry, OFlags, statat};
use rustix::io::Errno;

use super::facts::Facts;
use super::resolve::Root;
use super::{Opened, Segments, TreeError};

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A link that this tree would not follow: by its rules, or because nothing is there.
    Symlink,
    /// A device, a fifo or a socket.
    Other,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, never `.` or `..`. Not checked otherwise: a file system may hold names that are
    /// no segment, and those cannot be opened.
    pub name: OsString,
    /// What it is; of a link that the tree follows, what it points at.
    pub kind: Kind,
    /// Bytes; of what a followed link points at.
    pub size: u64,
    /// The last change, in nanoseconds since 1970; of what a followed link points at.
    pub mtime_ns: i128,
}

/// The entries of a directory, read as they are asked for. One that goes away meanwhile is left
/// out.
#[derive(Debug)]
pub struct Entries<'a> {
    root: &'a Root,
    dir: Dir,
    path: Segments,
}

impl<'a> Entries<'a> {
    pub(super) fn new(root: &'a Root, opened: &Opened) -> Result<Self, TreeError> {
        let path = opened.path.clone();
        let dir =
            Dir::read_from(&opened.file).map_err(|errno| TreeError::at(path.as_path(), errno))?;
        Ok(Self { root, dir, path })
    }

    /// `None` where it has gone away.
    fn entry(&self, found: &DirEntry) -> Result<Option<Entry>, TreeError> {
        let name = OsStr::from_bytes(found.file_name().to_bytes());
        let stat = self.dir.fd().and_then(|dir| statat(dir, name, AtFlags::SYMLINK_NOFOLLOW));
        let (mut facts, mut kind) = match stat {
            Ok(stat) => Facts::from_stat(&stat),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(TreeError::at(&self.named(name), errno)),
        };
        if kind == Kind::Symlink
            && let Some(target) = self.target(name)
        {
            (facts, kind) = target;
        }
        let Facts { size, mtime_ns, .. } = facts;
        Ok(Some(Entry { name: name.to_owned(), kind, size, mtime_ns }))
    }

    /// The facts of what the link `name` points at, where this tree follows it.
    fn target(&self, name: &OsStr) -> Option<(Facts, Kind)> {
        if !self.root.follows_links() {
            return None;
        }
        let path = self.path.join(name.as_bytes()).ok()?;
        let target = self.root.resolve(&path, OFlags::PATH | OFlags::CLOEXEC).ok()?;
        Facts::of(target).ok()
    }

    fn named(&self, name: &OsStr) -> PathBuf {
        if self.path.is_empty() { Path::new(name).into() } else { self.path.as_path().join(name) }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = match self.dir.read()? {
                Ok(found) => found,
                Err(errno) => return Some(Err(TreeError::at(self.path.as_path(), errno))),
            };
            if matches!(found.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if let Some(entry) = self.entry(&found).transpose() {
                return Some(entry);
            }
        }
    }
}
