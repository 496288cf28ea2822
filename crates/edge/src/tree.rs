//! Contained file access: everything that a stranger's path may reach, and nothing else.
//!
//! The rules, each kept by the kernel where it can be:
//!
//! 1. A path is a [`Segments`]: checked components, never a string with `..` in it.
//! 2. It is resolved from the root's descriptor by openat2 with `RESOLVE_BENEATH` and
//!    `RESOLVE_NO_MAGICLINKS`, so that no symbolic link and no race leads out of the root. Where
//!    the kernel has no openat2, a walk with `O_NOFOLLOW` keeps the same rules.
//! 3. What is neither a file nor a directory is refused, and opening it never blocks.
//! 4. A file is written under a hidden name beside its final one, made durable, then renamed.
//! 5. A name is made, removed or renamed in a directory that is open; a link there is never
//!    followed.
//!
//! # Source
//! openat2(2), rename(2), path_resolution(7).

mod change;
mod error;
mod facts;
mod listing;
mod resolve;
mod segments;
mod temp;
mod walk;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, StatVfs, fstatvfs};

pub use change::Swept;
pub use error::{Fault, TreeError};
pub use facts::Facts;
pub use listing::{Entries, Entry, Kind};
#[cfg(test)]
use resolve::Resolver;
use resolve::Root;
pub use segments::{SEGMENT_BYTES_MAX, SEGMENTS_MAX, Segments};
pub use temp::{Overwrite, Temp, is_part_name};

/// How files and directories are opened: a fifo must not block, a terminal not take over.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What a tree does with symbolic links on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symlinks {
    /// Refuses every one.
    Never,
    /// Follows those that stay within the root. An absolute target is refused even where it points
    /// inside (`RESOLVE_BENEATH` does so): links within a tree are relative.
    #[default]
    Within,
    /// Follows them wherever they point, but for the magic ones of `/proc`. What the operator
    /// asks for; who can make links in the tree then reads whatever the server can.
    Follow,
}

/// A directory whose contents may be reached by [`Segments`].
#[derive(Debug)]
pub struct Tree {
    root: Root,
    path: PathBuf,
}

/// What [`Tree::open_file`] found: a file or a directory.
#[derive(Debug)]
pub struct Opened {
    /// Open for reading; `O_NONBLOCK`, which changes nothing for files and directories.
    pub file: File,
    /// What the descriptor itself says, not the name.
    pub meta: Facts,
    path: Segments,
}

impl Tree {
    /// Opens the directory `dir` as a root; links on the way to it are followed.
    ///
    /// # Errors
    /// It is missing, not a directory, or may not be entered.
    pub fn open(dir: &Path, symlinks: Symlinks) -> Result<Self, TreeError> {
        let root = Root::open(dir, symlinks).map_err(|errno| TreeError::at(dir, errno))?;
        Ok(Self { root, path: dir.to_owned() })
    }

    /// Opens a root that resolves as told, whatever the kernel can do.
    #[cfg(test)]
    fn open_by(dir: &Path, symlinks: Symlinks, resolver: Resolver) -> Result<Self, TreeError> {
        let mut tree = Self::open(dir, symlinks)?;
        tree.root.resolver = resolver;
        Ok(tree)
    }

    /// The path that the root was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file or directory at `path` for reading. Never blocks: not on a fifo, nor on
    /// anything else that it refuses.
    ///
    /// # Errors
    /// It is missing, leads out of the root, may not be read, or is neither file nor directory.
    pub fn open_file(&self, path: &Segments) -> Result<Opened, TreeError> {
        let failed = |errno| TreeError::at(path.as_path(), errno);
        Self::opened(path, self.root.resolve(path, READ).map_err(failed)?)
    }

    /// As [`Tree::open_file`], and refuses every symbolic link: what it opens lies in the
    /// directories that the path names, and nowhere else.
    ///
    /// # Errors
    /// As for [`Tree::open_file`]; [`TreeError::Forbidden`] where there is a link on the way.
    pub fn open_plain(&self, path: &Segments) -> Result<Opened, TreeError> {
        let failed = |errno| TreeError::at(path.as_path(), errno);
        Self::opened(path, self.root.resolve_plain(path, READ).map_err(failed)?)
    }

    fn opened(path: &Segments, fd: OwnedFd) -> Result<Opened, TreeError> {
        let file = File::from(fd);
        let (meta, kind) =
            Facts::of(&file).map_err(|errno| TreeError::at(path.as_path(), errno))?;
        if !matches!(kind, Kind::File | Kind::Dir) {
            return Err(TreeError::NotAFile { path: path.as_path().to_owned() });
        }
        Ok(Opened { file, meta, path: path.clone() })
    }

    /// Lists the directory `opened`, through its descriptor; in the file system's order.
    ///
    /// # Errors
    /// It is not a directory.
    pub fn read_dir(&self, opened: &Opened) -> Result<Entries<'_>, TreeError> {
        Entries::new(&self.root, opened)
    }

    /// Starts a file that will be called `path`: hidden and mode 0600 until [`Temp::commit`],
    /// gone if dropped before that. Its directory must exist.
    ///
    /// # Errors
    /// The directory is missing or leads out of the root; it is read-only or full; `path` is the
    /// root itself.
    pub fn create_temp(&self, path: &Segments) -> Result<Temp, TreeError> {
        Temp::create(&self.root, path)
    }

    /// Opens the part of `path` that has `id`, to go on with it, or begins it. It stays, hidden,
    /// until [`Temp::commit`] or [`Temp::discard`]; one at a time has it.
    ///
    /// # Errors
    /// As for [`Tree::create_temp`]; [`TreeError::Busy`] where somebody else has it.
    pub fn resume_temp(&self, path: &Segments, id: u128) -> Result<Temp, TreeError> {
        Temp::resume(&self.root, path, id)
    }

    /// Counts the bytes that have come of the part of `path` that has `id`; `None` where there is
    /// no such part.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn part_bytes(&self, path: &Segments, id: u128) -> Result<Option<u64>, TreeError> {
        temp::part_bytes(&self.root, path, id)
    }

    /// The bytes that an unprivileged process may still write to the root's file system.
    ///
    /// # Errors
    /// The file system does not say.
    pub fn free_bytes(&self) -> Result<u64, TreeError> {
        self.space(&Segments::root()).map(|space| space.free_bytes)
    }

    /// The room on the file system of the directory `path`.
    ///
    /// # Errors
    /// There is no such directory, or the file system does not say.
    pub fn space(&self, path: &Segments) -> Result<Space, TreeError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let stat = self.root.resolve(path, flags).and_then(fstatvfs);
        stat.map(|stat| Space::of(&stat)).map_err(|errno| TreeError::at(path.as_path(), errno))
    }
}

/// The room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The bytes that an unprivileged process may still write.
    pub free_bytes: u64,
    /// The bytes that it has altogether.
    pub total_bytes: u64,
}

impl Space {
    fn of(stat: &StatVfs) -> Space {
        Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        }
    }
}

/// Every limit of this module, by its name in docs/limits.md.
#[cfg(test)]
pub(crate) fn limits() -> Vec<(&'static str, u64)> {
    let wide = |limit: usize| u64::try_from(limit).unwrap();
    vec![
        ("tree::SEGMENT_BYTES_MAX", wide(SEGMENT_BYTES_MAX)),
        ("tree::SEGMENTS_MAX", wide(SEGMENTS_MAX)),
        ("tree::LINKS_MAX", resolve::LINKS_MAX.into()),
        ("tree::RETRIES_MAX", resolve::RETRIES_MAX.into()),
        ("tree::NAMES_MAX", temp::NAMES_MAX.into()),
        ("tree::RENAMES_MAX", temp::RENAMES_MAX.into()),
    ]
}
