//! What `fstat` says, in units that have names.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Stat, fstat};

use super::listing::Kind;

/// The facts of a file or directory that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    /// The time of the last change to the contents, in nanoseconds since 1970; negative before.
    pub mtime_ns: i128,
    /// The inode's number, which tells files of one file system apart.
    pub inode: u64,
    /// Whether it is a directory; a file otherwise.
    pub is_dir: bool,
    /// The permission bits, with setuid, setgid and sticky: `0..=0o7777`.
    pub mode: u32,
}

impl Facts {
    /// Asks the descriptor `fd`, and tells its kind.
    pub(super) fn of(fd: impl AsFd) -> rustix::io::Result<(Self, Kind)> {
        fstat(fd).map(|stat| Self::from_stat(&stat))
    }

    pub(super) fn from_stat(stat: &Stat) -> (Self, Kind) {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        };
        let seconds = i128::from(stat.st_mtime) * 1_000_000_000;
        let facts = Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: seconds + i128::from(stat.st_mtime_nsec),
            inode: stat.st_ino,
            is_dir: kind == Kind::Dir,
            mode: stat.st_mode & 0o7777,
        };
        (facts, kind)
    }

    /// The time of the last change, where the standard library can say it.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        let since = |ns: u128| {
            let seconds = u64::try_from(ns / 1_000_000_000).ok()?;
            let rest = u32::try_from(ns % 1_000_000_000).ok()?;
            Some(Duration::new(seconds, rest))
        };
        let distance = since(self.mtime_ns.unsigned_abs())?;
        if self.mtime_ns < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        }
    }
}
