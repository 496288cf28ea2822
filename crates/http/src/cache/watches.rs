//! Which folders are watched by inotify, and what their events mean for what was found in them.
//!
//! Rules:
//! 1. A folder is watched only after every folder above it is: whatever gives its path another
//!    meaning from then on is an event of one of them.
//! 2. Something found below a folder counts as covered only where the folder was watched before
//!    it was opened: every later change is in the queue before the change's system call returns.
//! 3. Where events are lost, or too many, nothing that was covered is kept.
//!
//! # Source
//! inotify(7).

use std::collections::HashMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// How many events are read before everything is forgotten instead; a system's queue holds fewer
/// unless they come faster than they are read.
const EVENTS_MAX: usize = 65_536;
/// Bytes read at once; room for many events, also with the longest names.
const READ_BYTES: usize = 4096;

/// A change of what is watched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// Of anything.
    Everything,
    /// Of a folder or what is below it: its path from the root.
    Below(&'a [u8]),
    /// Of a name in a folder: the folder's path, and the path of the name.
    Name(&'a [u8], &'a [u8]),
}

/// The watched folders.
#[derive(Debug)]
pub(super) struct Watches {
    inotify: Option<OwnedFd>,
    by_path: HashMap<Vec<u8>, i32>,
    by_watch: HashMap<i32, Vec<u8>>,
    watches_max: usize,
}

impl Watches {
    /// At most `watches_max` folders; none where the system has no inotify left.
    pub(super) fn new(watches_max: usize) -> Watches {
        let wanted = watches_max > 0;
        let inotify = wanted.then(|| inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC));
        let inotify = inotify.and_then(Result::ok);
        Watches { inotify, by_path: HashMap::new(), by_watch: HashMap::new(), watches_max }
    }

    /// Whether another folder may be watched.
    pub(super) fn have_room(&self) -> bool {
        self.inotify.is_some() && self.by_path.len() < self.watches_max
    }

    pub(super) fn are_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Whether each of `folders` is watched.
    pub(super) fn cover<'a>(&self, mut folders: impl Iterator<Item = &'a [u8]>) -> bool {
        self.inotify.is_some() && folders.all(|folder| self.by_path.contains_key(folder))
    }

    /// Watches the folder at `path`, which `open` opens without following links. Says whether it
    /// is watched now.
    pub(super) fn watch(&mut self, path: &[u8], open: impl FnOnce() -> Option<File>) -> bool {
        if self.by_path.contains_key(path) {
            return true;
        }
        let (Some(fd), true) = (&self.inotify, self.have_room()) else { return false };
        let flags = WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let Some(folder) = open() else { return false };
        let name = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let Ok(watch) = inotify::add_watch(fd, name, flags) else { return false };
        // The same folder by two paths: mounted twice, or moved by a rename that is still queued.
        if self.by_watch.contains_key(&watch) {
            return false;
        }
        self.by_watch.insert(watch, path.to_vec());
        self.by_path.insert(path.to_vec(), watch);
        true
    }

    /// Whether the system calls the open file as `path` does. It may not: where the file system
    /// takes several spellings for one name, an event has only one of them.
    pub(super) fn is_called(file: &File, path: &[u8]) -> bool {
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        let Ok(real) = std::fs::read_link(name) else { return false };
        let real = real.as_os_str().as_bytes().strip_suffix(path);
        real.is_some_and(|folder| folder.ends_with(b"/"))
    }

    /// Reads all events that are queued and gives each to `changed`.
    pub(super) fn read(&mut self, mut changed: impl FnMut(Change<'_>)) {
        if self.are_empty() {
            return;
        }
        let Some(fd) = self.inotify.take() else { return };
        let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
        let mut reader = Reader::new(&fd, &mut buffer);
        let mut events = 0;
        loop {
            match reader.next() {
                Ok(event) if events < EVENTS_MAX => {
                    self.take(&fd, &event, &mut changed);
                    events += 1;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // Too many, or none can be read.
                _ => {
                    self.forget(&fd, |_| true);
                    changed(Change::Everything);
                    break;
                }
            }
        }
        self.inotify = Some(fd);
    }

    /// Watches only the folders that `is_needed`.
    pub(super) fn keep(&mut self, mut is_needed: impl FnMut(&[u8]) -> bool) {
        if let Some(fd) = self.inotify.take() {
            self.forget(&fd, |path| !is_needed(path));
            self.inotify = Some(fd);
        }
    }

    fn take(
        &mut self,
        fd: &OwnedFd,
        event: &inotify::Event<'_>,
        changed: &mut impl FnMut(Change<'_>),
    ) {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            self.forget(fd, |_| true);
            return changed(Change::Everything);
        }
        // What is not watched any more may still have events.
        let Some(folder) = self.by_watch.get(&event.wd()).cloned() else { return };
        let Some(name) = event.file_name() else {
            self.forget(fd, |path| is_at_or_below(path, &folder));
            return changed(Change::Below(&folder));
        };
        let mut path = folder.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        if self.by_path.contains_key(&path) {
            self.forget(fd, |other| is_at_or_below(other, &path));
            changed(Change::Below(&path));
        }
        changed(Change::Name(&folder, &path));
    }

    /// Ends the watches of the folders that are `lost`.
    fn forget(&mut self, fd: &OwnedFd, mut lost: impl FnMut(&[u8]) -> bool) {
        let by_watch = &mut self.by_watch;
        self.by_path.retain(|path, watch| {
            let stays = !lost(path);
            if !stays {
                by_watch.remove(watch);
                // A folder that is gone has taken its watch along.
                let _ = inotify::remove_watch(fd, *watch);
            }
            stays
        });
    }
}

/// Whether `path` is `folder` or below it; everything is below the root.
pub(super) fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => folder.is_empty() || rest.is_empty() || rest.first() == Some(&b'/'),
        None => false,
    }
}

/// The folders on the way to `path`, the root first, `path` itself not among them.
pub(super) fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    std::iter::once(&path[..0]).chain(slashes.map(|(at, _)| &path[..at]))
}
