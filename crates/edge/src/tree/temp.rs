//! A file that is not there until it is whole.
//!
//! It is written under a hidden name in the directory it will live in, so that the rename at the
//! end is atomic; `.NAME.sockeye-part`, with random digits before the suffix where that is taken.
//! A crash at any point leaves at most that hidden name, never a part under the final one.
//!
//! A part that is to be resumed has digits that its owner chose, and stays where it is not
//! committed. Whoever writes holds a lock on the file (flock), so that two never write one part,
//! and what nobody holds and nobody has touched for long can be told and removed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, fchmod, fdatasync, flock, fstat, fstatvfs,
    fsync, ftruncate, linkat, openat, renameat, renameat_with, statat, syncfs, unlinkat,
};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::facts::Facts;
use super::listing::Kind;
use super::resolve::Root;
use super::segments::SEGMENT_BYTES_MAX;
use super::{Segments, Space, TreeError};

/// What every unfinished file's name ends with.
const SUFFIX: &str = ".sockeye-part";
/// Names tried before giving up; the second already is random.
pub(super) const NAMES_MAX: u32 = 16;
/// Numbers tried by [`Overwrite::Rename`].
pub(super) const RENAMES_MAX: u32 = 1000;

/// What to do where the final name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// Refuse; the file that is there stays.
    #[default]
    Never,
    /// Replace it, in one step.
    Always,
    /// Take the first free of `name (1).ext`, `name (2).ext` and so on.
    Rename,
}

/// Whether `name` is that of an unfinished file.
#[must_use]
pub fn is_part_name(name: &[u8]) -> bool {
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

/// A file being written. Dropped before [`commit`](Self::commit) it is gone, unless it is one that
/// is to be resumed.
#[derive(Debug)]
pub struct Temp {
    file: File,
    dir: OwnedFd,
    hidden: OsString,
    path: Segments,
    /// Whether the hidden name stays: committed, or to be resumed.
    stays: bool,
}

impl Temp {
    pub(super) fn create(root: &Root, path: &Segments) -> Result<Self, TreeError> {
        let shown = path.as_path();
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(TreeError::NotAFile { path: shown.to_owned() });
        };
        let failed = |errno| TreeError::at(shown, errno);
        let dir = root.open_dir(&parent).map_err(failed)?;
        let (file, hidden) = create_hidden(&dir, name).map_err(failed)?;
        Ok(Self { file, dir, hidden, path: path.clone(), stays: false })
    }

    pub(super) fn resume(root: &Root, path: &Segments, id: u128) -> Result<Self, TreeError> {
        let shown = path.as_path();
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(TreeError::NotAFile { path: shown.to_owned() });
        };
        let failed = |errno| TreeError::at(shown, errno);
        let dir = root.open_dir(&parent).map_err(failed)?;
        let hidden = part_name(name, id);
        for _ in 0..NAMES_MAX {
            let file = open_part(&dir, &hidden).map_err(failed)?;
            // Any other failure is a file system without locks.
            let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
            if locked == Err(Errno::WOULDBLOCK) {
                return Err(TreeError::Busy { path: shown.to_owned() });
            }
            // Who held it before may have given it its final name, or removed it.
            if is_still(&dir, &hidden, &file).map_err(failed)? {
                return Ok(Self { file, dir, hidden, path: path.clone(), stays: true });
            }
        }
        Err(TreeError::Busy { path: shown.to_owned() })
    }

    /// Counts the bytes that it has.
    ///
    /// # Errors
    /// The file system does not say.
    pub fn bytes(&self) -> Result<u64, TreeError> {
        let (facts, _) = Facts::of(&self.file).map_err(|errno| self.failed(errno))?;
        Ok(facts.size)
    }

    /// Empties it.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn clear(&self) -> Result<(), TreeError> {
        ftruncate(&self.file, 0).map_err(|errno| self.failed(errno))
    }

    /// Makes what was written so far durable.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn sync(&self) -> Result<(), TreeError> {
        fdatasync(&self.file).map_err(|errno| self.failed(errno))
    }

    /// The room on the file system that it is on.
    ///
    /// # Errors
    /// The file system does not say.
    pub fn space(&self) -> Result<Space, TreeError> {
        fstatvfs(&self.file).map(|stat| Space::of(&stat)).map_err(|errno| self.failed(errno))
    }

    /// Removes it, also where it could be resumed.
    pub fn discard(mut self) {
        self.stays = false;
    }

    /// The file itself, open for reading and writing: for `pwrite`, preallocation, times.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The path it will have, relative to the root, unless renamed by policy.
    #[must_use]
    pub fn path(&self) -> &Segments {
        &self.path
    }

    /// Sets the permission bits; of `mode` only those within `0o777` count, so that no stranger
    /// makes a setuid program.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn set_mode(&self, mode: u32) -> Result<(), TreeError> {
        fchmod(&self.file, Mode::from_raw_mode(mode & 0o777)).map_err(|errno| self.failed(errno))
    }

    /// Makes the contents durable, gives the file its final name, makes the name durable, and
    /// tells the name.
    ///
    /// # Errors
    /// The name is taken, the disk is full or fails. Unless it was the very last step that failed
    /// (the directory's fsync), nothing is left behind.
    pub fn commit(mut self, overwrite: Overwrite) -> Result<OsString, TreeError> {
        fdatasync(&self.file).map_err(|errno| self.failed(errno))?;
        let name = self.take_name(overwrite)?;
        self.stays = true;
        let synced = match sync_dir(&self.dir) {
            // A directory that may be written but not read is open by path only.
            Err(Errno::BADF) => syncfs(&self.file),
            other => other,
        };
        synced.map_err(|errno| self.failed(errno))?;
        Ok(name)
    }

    fn take_name(&self, overwrite: Overwrite) -> Result<OsString, TreeError> {
        let name = self.path.name().expect("create refuses the root");
        let failed = |errno| self.failed(errno);
        match overwrite {
            Overwrite::Never => self.move_to_free(name).map_err(failed)?,
            Overwrite::Always => match renameat(&self.dir, &self.hidden, &self.dir, name) {
                Err(Errno::ISDIR) => return Err(failed(Errno::EXIST)),
                other => other.map_err(failed)?,
            },
            Overwrite::Rename => {
                for number in 0..=RENAMES_MAX {
                    let name = numbered(name, number);
                    match self.move_to_free(&name) {
                        Ok(()) => return Ok(name),
                        Err(Errno::EXIST) => {}
                        Err(errno) => return Err(failed(errno)),
                    }
                }
                return Err(failed(Errno::EXIST));
            }
        }
        Ok(name.to_owned())
    }

    fn move_to_free(&self, name: &OsStr) -> rustix::io::Result<()> {
        rename_to_free((&self.dir, &self.hidden), (&self.dir, name))
    }

    fn failed(&self, errno: Errno) -> TreeError {
        TreeError::at(self.path.as_path(), errno)
    }
}

impl Write for Temp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.stays {
            // Nobody is left to tell; the name is hidden and says what it is.
            let _ = unlinkat(&self.dir, &self.hidden, AtFlags::empty());
        }
        // Not only by closing: a process that was just started may hold a copy of the descriptor
        // for a moment.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// A name in a directory that is open.
pub(super) type Place<'a> = (&'a OwnedFd, &'a OsStr);

/// Renames `from` to `to` unless that is taken, in one step.
pub(super) fn rename_to_free(from: Place<'_>, to: Place<'_>) -> rustix::io::Result<()> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        // File systems without it (NFS) have hard links, which never replace either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
            unlinkat(from.0, from.1, AtFlags::empty())
        }
        other => other,
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &OwnedFd) -> rustix::io::Result<()> {
    match fsync(dir) {
        // Some file systems keep directories in order by themselves.
        Err(Errno::INVAL) => Ok(()),
        other => other,
    }
}

fn open_part(dir: &OwnedFd, hidden: &OsStr) -> rustix::io::Result<File> {
    let flags = OFlags::RDWR
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let file = File::from(openat(dir, hidden, flags, Mode::RUSR | Mode::WUSR)?);
    let (_, kind) = Facts::of(&file)?;
    if kind == Kind::File { Ok(file) } else { Err(Errno::NXIO) }
}

/// Whether the name still is that of the file.
fn is_still(dir: &OwnedFd, hidden: &OsStr, file: &File) -> rustix::io::Result<bool> {
    let ours = fstat(file)?;
    match statat(dir, hidden, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// How many bytes have come of the part of `path` with `id`; `None` where there is none.
pub(super) fn part_bytes(root: &Root, path: &Segments, id: u128) -> Result<Option<u64>, TreeError> {
    let (Some(parent), Some(name)) = (path.parent(), path.name()) else { return Ok(None) };
    let found = root.open_dir(&parent).and_then(|dir| {
        let stat = statat(&dir, part_name(name, id), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Facts::from_stat(&stat))
    });
    match found {
        Ok((facts, Kind::File)) => Ok(Some(facts.size)),
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(TreeError::at(path.as_path(), errno)),
    }
}

fn create_hidden(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<(File, OsString)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for attempt in 0..NAMES_MAX {
        let hidden = hidden_name(name, attempt)?;
        match openat(dir, &hidden, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                let file = File::from(file);
                // Where it cannot be had, only the file's age says that it is in use.
                let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
                return Ok((file, hidden));
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// `.NAME.sockeye-part`, with random digits in it from the second attempt on.
fn hidden_name(name: &OsStr, attempt: u32) -> rustix::io::Result<OsString> {
    let mut tail = SUFFIX.to_owned();
    if attempt > 0 {
        let mut random = [0; 8];
        getrandom(&mut random, GetRandomFlags::empty())?;
        tail = format!(".{:016x}{SUFFIX}", u64::from_ne_bytes(random));
    }
    Ok(hidden_by(name, &tail))
}

/// `.NAME.DIGITS.sockeye-part`; never one that [`hidden_name`] makes, which has fewer digits.
fn part_name(name: &OsStr, id: u128) -> OsString {
    hidden_by(name, &format!(".{id:032x}{SUFFIX}"))
}

fn hidden_by(name: &OsStr, tail: &str) -> OsString {
    let stem = cut(name.as_bytes(), SEGMENT_BYTES_MAX - 1 - tail.len());
    OsString::from_vec([b".", stem, tail.as_bytes()].concat())
}

/// `name (1).ext`, of which the name is cut where the whole would be too long; 0 is `name.ext`.
fn numbered(name: &OsStr, number: u32) -> OsString {
    if number == 0 {
        return name.to_owned();
    }
    let name = name.as_bytes();
    let dot = name.iter().rposition(|&byte| byte == b'.').filter(|&dot| dot > 0);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let number = format!(" ({number})");
    let room = SEGMENT_BYTES_MAX.saturating_sub(number.len() + extension.len());
    // An "extension" that fills the name is no extension.
    let (stem, extension) = if room == 0 { (name, &name[name.len()..]) } else { (stem, extension) };
    let room = SEGMENT_BYTES_MAX - number.len() - extension.len();
    OsString::from_vec([cut(stem, room), number.as_bytes(), extension].concat())
}

/// At most `max` bytes of `name`, whole characters where it is UTF-8.
fn cut(name: &[u8], max: usize) -> &[u8] {
    if name.len() <= max {
        return name;
    }
    match std::str::from_utf8(name) {
        Ok(text) => text
            .char_indices()
            .map(|(at, _)| at)
            .take_while(|&at| at <= max)
            .last()
            .map_or(&[][..], |at| &name[..at]),
        Err(_) => &name[..max],
    }
}
