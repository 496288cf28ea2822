//! A folder and all below it, through descriptors, each folder after what is in it. No link is
//! followed; names and depth are bounded.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Mode, OFlags, openat};
use rustix::io::{Errno, Result};

use super::segments::SEGMENTS_MAX;

/// What is done with a name: the directory that it is in, the name, whether it is a directory.
type Act<'a> = &'a mut dyn FnMut(&OwnedFd, &CStr, bool) -> Result<()>;

/// Walks folders. `Errno::TOOBIG` where there is more than its limits let it see.
pub(super) struct Walk<'a> {
    /// So many more names are looked at.
    pub(super) left: u64,
    /// Whether something is done with the file of a name; folders are always walked.
    pub(super) wants: fn(&[u8]) -> bool,
    /// Whether a folder that may not be read is left alone, and not an error.
    pub(super) skips_closed: bool,
    /// Whether it is to end before its time, as if there were too much.
    pub(super) stops: &'a dyn Fn() -> bool,
}

impl Walk<'_> {
    /// Does `act` with every name that is wanted below `dir`.
    pub(super) fn run(&mut self, dir: &OwnedFd, act: Act<'_>) -> Result<()> {
        self.visit(dir, 0, act)
    }

    fn visit(&mut self, dir: &OwnedFd, depth: usize, act: Act<'_>) -> Result<()> {
        if depth > SEGMENTS_MAX || (self.stops)() {
            return Err(Errno::TOOBIG);
        }
        // All names first: what is removed meanwhile must not move the others about.
        for (name, may_be_dir) in self.names(dir)? {
            let below = match may_be_dir.then(|| open_below(dir, &name)) {
                Some(Err(Errno::ACCESS)) if self.skips_closed => continue,
                Some(opened) => opened?,
                None => None,
            };
            if let Some(below) = &below {
                self.visit(below, depth + 1, act)?;
            }
            if below.is_some() || (self.wants)(name.to_bytes()) {
                act(dir, &name, below.is_some())?;
            }
        }
        Ok(())
    }

    fn names(&mut self, dir: &OwnedFd) -> Result<Vec<(CString, bool)>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or(Errno::TOOBIG)?;
            let may_be_dir = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if may_be_dir || (self.wants)(name.to_bytes()) {
                names.push((name.to_owned(), may_be_dir));
            }
        }
        Ok(names)
    }
}

/// `None` where it is no directory after all, or has gone.
fn open_below(dir: &OwnedFd, name: &CStr) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(below) => Ok(Some(below)),
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
