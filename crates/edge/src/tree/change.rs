//! Changes of names: folders are made, files and folders removed and renamed.
//!
//! Rules: the directory of a name is opened by the rules of the tree, and the name changed in
//! that directory, wherever it is moved meanwhile; a link at the end is never followed; when a
//! call returns its change is durable.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, flock, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::facts::Facts;
use super::listing::Kind;
use super::temp::{is_part_name, rename_to_free, sync_dir};
use super::walk::Walk;
use super::{Segments, Tree, TreeError};

/// What a look for old parts did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many were removed.
    pub removed: u64,
    /// Whether there were more names than were looked at.
    pub is_cut: bool,
}

impl Tree {
    /// Makes the folder `path`. The one that it is in must exist.
    ///
    /// # Errors
    /// The name is taken, or the file system refuses; the root is always taken.
    pub fn make_folder(&self, path: &Segments) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path.as_path(), errno);
        let (dir, name) = self.place(path)?;
        mkdirat(&dir, name, Mode::from_raw_mode(0o777)).map_err(failed)?;
        synced(&dir).map_err(failed)
    }

    /// Makes the folder `path` and those that it is in, where they are missing.
    ///
    /// # Errors
    /// A file has the name of one of them, or the file system refuses.
    pub fn make_folders(&self, path: &Segments) -> Result<(), TreeError> {
        let mut folder = Segments::root();
        for segment in path.iter() {
            folder.push(segment)?;
            match self.make_folder(&folder) {
                Ok(()) | Err(TreeError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes the file `path`, or the link of that name; never a folder.
    ///
    /// # Errors
    /// There is none, or the file system refuses.
    pub fn remove_file(&self, path: &Segments) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path.as_path(), errno);
        let (dir, name) = self.place(path)?;
        unlinkat(&dir, name, AtFlags::empty()).map_err(failed)?;
        synced(&dir).map_err(failed)
    }

    /// Removes the folder `path` and all that is in it, hidden or not, and counts what was
    /// removed. Nothing is removed where it holds more than `entries_max` names; where the file
    /// system refuses in the middle, the rest stays under its name.
    ///
    /// # Errors
    /// There is no such folder, it holds too much, something was put into it meanwhile, or the
    /// file system refuses.
    pub fn remove_folder(&self, path: &Segments, entries_max: u64) -> Result<u64, TreeError> {
        let failed = |errno| match errno {
            Errno::TOOBIG => TreeError::TooMany { path: path.as_path().to_owned(), entries_max },
            errno => TreeError::at(path.as_path(), errno),
        };
        let (dir, name) = self.place(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(&dir, name, flags, Mode::empty()).map_err(failed)?;
        let walk =
            || Walk { left: entries_max, wants: |_| true, skips_closed: false, stops: &|| false };
        walk().run(&folder, &mut |_, _, _| Ok(())).map_err(failed)?;
        let mut removed = 0;
        let remove = &mut |dir: &OwnedFd, name: &CStr, is_dir| {
            let flags = if is_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            match unlinkat(dir, name, flags) {
                Err(Errno::NOENT) => Ok(()),
                done => done.map(|()| removed += 1),
            }
        };
        walk().run(&folder, remove).map_err(failed)?;
        unlinkat(&dir, name, AtFlags::REMOVEDIR).map_err(failed)?;
        synced(&dir).map_err(failed)?;
        Ok(removed + 1)
    }

    /// Renames `from`, file or folder, to `to`, in one step. Where `to` is taken: `replaces`
    /// lets a file replace a file and a folder an empty folder, else it is refused.
    ///
    /// # Errors
    /// There is no `from`, `to` is taken, or lies in `from` (`InvalidInput`) or on another file
    /// system (`CrossesDevices`).
    pub fn rename(&self, from: &Segments, to: &Segments, replaces: bool) -> Result<(), TreeError> {
        let refused = |path: &Segments, kind: io::ErrorKind| TreeError::Io {
            path: path.as_path().to_owned(),
            source: kind.into(),
        };
        if to.len() > from.len() && from.iter().zip(to.iter()).all(|(one, other)| one == other) {
            return Err(refused(to, io::ErrorKind::InvalidInput));
        }
        let (from_dir, from_name) = self.place(from)?;
        let (to_dir, to_name) = self.place(to)?;
        let renamed = match replaces {
            true => renameat(&from_dir, from_name, &to_dir, to_name),
            false => rename_to_free((&from_dir, from_name), (&to_dir, to_name)),
        };
        renamed.map_err(|errno| match errno {
            Errno::XDEV => refused(to, io::ErrorKind::CrossesDevices),
            // A folder over a file, or a file over a folder.
            Errno::NOTDIR | Errno::ISDIR => TreeError::at(to.as_path(), Errno::EXIST),
            Errno::NOENT => TreeError::at(from.as_path(), errno),
            errno => TreeError::at(to.as_path(), errno),
        })?;
        let failed = |errno| TreeError::at(to.as_path(), errno);
        synced(&to_dir).map_err(failed)?;
        synced(&from_dir).map_err(failed)
    }

    /// Removes the unfinished files below `folder` that nobody writes and nobody has touched
    /// since `before`; looks at `entries_max` names at most, and ends early where `stops` says so.
    ///
    /// # Errors
    /// There is no such folder, or it cannot be read.
    pub fn remove_old_parts(
        &self,
        folder: &Segments,
        before: SystemTime,
        entries_max: u64,
        stops: &dyn Fn() -> bool,
    ) -> Result<Swept, TreeError> {
        let since = before.duration_since(UNIX_EPOCH).unwrap_or_default();
        let before_ns = i128::try_from(since.as_nanos()).unwrap_or(i128::MAX);
        let failed = |errno| TreeError::at(folder.as_path(), errno);
        let dir = self.root.open_dir(folder).map_err(failed)?;
        let mut removed = 0;
        let act = &mut |dir: &OwnedFd, name: &CStr, is_dir: bool| {
            // The lock is held until it is gone: nobody goes on with it meanwhile.
            if !is_dir && let Some(_locked) = abandoned(dir, name, before_ns) {
                removed += u64::from(unlinkat(dir, name, AtFlags::empty()).is_ok());
            }
            Ok(())
        };
        let (left, wants) = (entries_max, is_part_name);
        let mut walk = Walk { left, wants, skips_closed: true, stops };
        let is_cut = match walk.run(&dir, act) {
            Ok(()) => false,
            Err(Errno::TOOBIG) => true,
            Err(errno) => return Err(failed(errno)),
        };
        Ok(Swept { removed, is_cut })
    }

    /// The directory of `path`, and the name in it.
    fn place<'a>(&self, path: &'a Segments) -> Result<(OwnedFd, &'a OsStr), TreeError> {
        let shown = path.as_path();
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(TreeError::at(shown, Errno::EXIST));
        };
        let dir = self.root.open_dir(&parent).map_err(|errno| TreeError::at(shown, errno))?;
        Ok((dir, name))
    }
}

/// Makes the names in `dir` durable, where it could be opened for that.
fn synced(dir: &OwnedFd) -> rustix::io::Result<()> {
    match sync_dir(dir) {
        Err(Errno::BADF) => Ok(()),
        other => other,
    }
}

/// The file of that name, locked, where it is old and nobody else has locked it.
fn abandoned(dir: &OwnedFd, name: &CStr, before_ns: i128) -> Option<OwnedFd> {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let (facts, kind) = Facts::from_stat(&stat);
    if kind != Kind::File || facts.mtime_ns >= before_ns {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(dir, name, flags, Mode::empty()).ok()?;
    let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
    (locked != Err(Errno::WOULDBLOCK)).then_some(file)
}
