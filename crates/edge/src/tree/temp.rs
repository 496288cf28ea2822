//! A file that is not there until it is whole.
//!
//! It is written under a hidden name in the directory it will live in, so that the rename at the
//! end is atomic; `.NAME.sockeye-part`, with random digits before the suffix where that is taken.
//! A crash at any point leaves at most that hidden name, never a part under the final one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fchmod, fdatasync, fsync, linkat, openat, renameat,
    renameat_with, syncfs, unlinkat,
};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::resolve::Root;
use super::segments::SEGMENT_BYTES_MAX;
use super::{Segments, TreeError};

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

/// A file being written. Dropped before [`commit`](Self::commit) it is gone.
#[derive(Debug)]
pub struct Temp {
    file: File,
    dir: OwnedFd,
    hidden: OsString,
    path: Segments,
    finished: bool,
}

impl Temp {
    pub(super) fn create(root: &Root, path: &Segments) -> Result<Self, TreeError> {
        let shown = path.as_path();
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(TreeError::NotAFile { path: shown.to_owned() });
        };
        let failed = |errno| TreeError::at(shown, errno);
        let dir = open_dir(root, &parent).map_err(failed)?;
        let (file, hidden) = create_hidden(&dir, name).map_err(failed)?;
        Ok(Self { file, dir, hidden, path: path.clone(), finished: false })
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
        self.finished = true;
        let synced = match fsync(&self.dir) {
            // A directory that may be written but not read is open by path only.
            Err(Errno::BADF) => syncfs(&self.file),
            // Some file systems keep directories in order by themselves.
            Err(Errno::INVAL) => Ok(()),
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

    /// Moves to `name` unless that is taken, in one step.
    fn move_to_free(&self, name: &OsStr) -> rustix::io::Result<()> {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&self.dir, &self.hidden, &self.dir, name, flags) {
            // File systems without it (NFS) have hard links, which never replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(&self.dir, &self.hidden, &self.dir, name, AtFlags::empty())?;
                unlinkat(&self.dir, &self.hidden, AtFlags::empty())
            }
            other => other,
        }
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
        if !self.finished {
            // Nobody is left to tell; the name is hidden and says what it is.
            let _ = unlinkat(&self.dir, &self.hidden, AtFlags::empty());
        }
    }
}

fn open_dir(root: &Root, path: &Segments) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    match root.resolve(path, OFlags::RDONLY | flags) {
        Err(Errno::ACCESS) => root.resolve(path, OFlags::PATH | flags),
        other => other,
    }
}

fn create_hidden(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<(File, OsString)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for attempt in 0..NAMES_MAX {
        let hidden = hidden_name(name, attempt)?;
        match openat(dir, &hidden, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => return Ok((File::from(file), hidden)),
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
    let stem = cut(name.as_bytes(), SEGMENT_BYTES_MAX - 1 - tail.len());
    Ok(OsString::from_vec([b".", stem, tail.as_bytes()].concat()))
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
