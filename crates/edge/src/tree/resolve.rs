//! From segments to a descriptor without ever leaving the root.
//!
//! openat2 does it in the kernel. The walk does the same in user space for kernels (before 5.6)
//! and sandboxes that refuse openat2: each component is opened with `O_NOFOLLOW` below the
//! descriptor of the one before, a link is read and its components walked in turn, and `..` goes
//! back to the descriptor that the walk came from, never to what the directory's parent is now.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::{Errno, Result};

use super::{Segments, Symlinks};

/// How often openat2 is asked again where a rename elsewhere made its `..` check unsure (EAGAIN);
/// after that the walk decides.
pub(super) const RETRIES_MAX: u32 = 32;
/// The kernel's own limit of links in one resolution.
pub(super) const LINKS_MAX: u32 = 40;
/// The most components that links may leave to be walked: `PATH_MAX` of single letters.
const PENDING_MAX: usize = 2048;

/// Who resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolver {
    Openat2,
    Walk,
}

/// The descriptor that everything starts from.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) dir: OwnedFd,
    pub(super) resolver: Resolver,
    symlinks: Symlinks,
}

impl Root {
    pub(super) fn open(path: &Path, symlinks: Symlinks) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty())?;
        let resolver = match openat2(&dir, ".", flags, Mode::empty(), ResolveFlags::BENEATH) {
            // Filters of old containers answer EPERM for system calls they do not know.
            Err(Errno::NOSYS | Errno::PERM) => Resolver::Walk,
            Ok(_) | Err(_) => Resolver::Openat2,
        };
        Ok(Self { dir, resolver, symlinks })
    }

    pub(super) fn follows_links(&self) -> bool {
        self.symlinks != Symlinks::Never
    }

    /// Opens what `path` names, with `flags`.
    pub(super) fn resolve(&self, path: &Segments, flags: OFlags) -> Result<OwnedFd> {
        self.resolve_by(self.symlinks, path, flags)
    }

    /// Opens what `path` names where no link is on the way.
    pub(super) fn resolve_plain(&self, path: &Segments, flags: OFlags) -> Result<OwnedFd> {
        self.resolve_by(Symlinks::Never, path, flags)
    }

    /// Opens the directory `path`, to change names in it; by path only where it may not be read.
    pub(super) fn open_dir(&self, path: &Segments) -> Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        match self.resolve(path, OFlags::RDONLY | flags) {
            Err(Errno::ACCESS) => self.resolve(path, OFlags::PATH | flags),
            other => other,
        }
    }

    fn resolve_by(&self, links: Symlinks, path: &Segments, flags: OFlags) -> Result<OwnedFd> {
        if self.resolver == Resolver::Openat2 {
            for _ in 0..RETRIES_MAX {
                let none = Mode::empty();
                match openat2(&self.dir, path.as_path(), flags, none, resolve_flags(links)) {
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    decided => return decided,
                }
            }
        }
        match links {
            Symlinks::Never => walk(&self.dir, path, flags, 0),
            Symlinks::Within => walk(&self.dir, path, flags, LINKS_MAX),
            Symlinks::Follow => openat(&self.dir, path.as_path(), flags, Mode::empty()),
        }
    }
}

fn resolve_flags(links: Symlinks) -> ResolveFlags {
    let contained = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match links {
        Symlinks::Never => contained | ResolveFlags::NO_SYMLINKS,
        Symlinks::Within => contained,
        Symlinks::Follow => ResolveFlags::NO_MAGICLINKS,
    }
}

/// Walks `path` below `root`; follows at most `links` relative links.
fn walk(root: &OwnedFd, path: &Segments, flags: OFlags, mut links: u32) -> Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut pending: Vec<Vec<u8>> = path.iter().rev().map(<[u8]>::to_vec).collect();
    let mut below: Vec<OwnedFd> = Vec::new();
    while let Some(part) = pending.pop() {
        match part.as_slice() {
            b"." => continue,
            b".." => {
                below.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            _ => {}
        }
        let here = below.last().unwrap_or(root);
        let last = pending.is_empty();
        let flags = if last { flags | OFlags::NOFOLLOW } else { step };
        let errno = match openat(here, part.as_slice(), flags, Mode::empty()) {
            Ok(found) if is_link(&found, flags)? => Errno::LOOP,
            Ok(found) if last => return Ok(found),
            Ok(found) => {
                below.push(found);
                continue;
            }
            Err(errno @ (Errno::LOOP | Errno::NOTDIR)) => errno,
            Err(errno) => return Err(errno),
        };
        let target = match readlinkat(here, part.as_slice(), Vec::new()) {
            Ok(target) => target.into_bytes(),
            // Not a link: the refusal to open it stands.
            Err(Errno::INVAL) => return Err(errno),
            Err(errno) => return Err(errno),
        };
        links = links.checked_sub(1).ok_or(Errno::LOOP)?;
        if target.first() == Some(&b'/') {
            return Err(Errno::XDEV);
        }
        // An empty part is a slash too many, which says "a directory", as `.` does.
        let parts = target.split(|&byte| byte == b'/').rev();
        let parts = parts.map(|part| if part.is_empty() { b"." } else { part });
        pending.extend(parts.map(<[u8]>::to_vec));
        if pending.len() > PENDING_MAX {
            return Err(Errno::LOOP);
        }
    }
    openat(below.last().unwrap_or(root), ".", flags, Mode::empty())
}

/// `O_PATH` with `O_NOFOLLOW` opens a link itself.
fn is_link(found: &OwnedFd, flags: OFlags) -> Result<bool> {
    if !flags.contains(OFlags::PATH) || flags.contains(OFlags::DIRECTORY) {
        return Ok(false);
    }
    Ok(FileType::from_raw_mode(fstat(found)?.st_mode) == FileType::Symlink)
}
