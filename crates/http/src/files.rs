//! From a checked target to an open file: the only place that opens anything of the root. What is
//! opened is looked at by its descriptor, so that facts and bytes belong together.
//!
//! Where nothing is cached, everybody holds an `Arc<Open>`; what is kept of it is the business of
//! [`crate::cache`].

use std::fs::File;
use std::io::IoSliceMut;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use sockeye_edge::tree::{Kind, Opened, Segments, Symlinks, Tree, TreeError};

use crate::config::{Config, Listing, Root, Writes};
use crate::error::Error;
use crate::listing::{Entry, Kind as Shown, is_servable};
use crate::media::MediaTypes;
use crate::proto::answer::Facts;
use crate::proto::coding::Coding;
use crate::proto::target::Target;

/// An open file and what is known of it.
#[derive(Debug)]
pub(crate) struct Open {
    /// Its descriptor.
    pub(crate) file: File,
    /// What `fstat` says of it.
    pub(crate) facts: Facts,
    /// The path that header rules are matched against.
    pub(crate) path: Vec<u8>,
    /// Whether all of it was in memory when it was last looked at.
    pub(crate) is_warm: AtomicBool,
}

impl Open {
    pub(crate) fn new(file: File, facts: Facts, path: Vec<u8>) -> Open {
        Open { file, facts, path, is_warm: AtomicBool::new(false) }
    }

    /// Reads what is in memory, and says `AGAIN` where the disk would be waited for.
    pub(crate) fn read_now(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let mut buffers = [IoSliceMut::new(buffer)];
        match preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            // Where files are memory by themselves, the system may not know the question.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                rustix::io::pread(&self.file, buffer, offset)
            }
            result => result,
        }
    }

    /// Whether the file was written to in place since it was opened, so that what is still to come
    /// does not belong to what has gone. One that has only grown, as a log does, begins as it was.
    pub(crate) fn is_rewritten(&self) -> bool {
        let Ok(meta) = self.file.metadata() else { return true };
        let facts = facts_of(&meta, String::new());
        facts.size <= self.facts.size && facts.validators != self.facts.validators
    }

    /// Whether the file still has the facts that it was opened with.
    pub(crate) fn is_same(&self) -> bool {
        let meta = self.file.metadata();
        meta.is_ok_and(|meta| facts_of(&meta, String::new()).validators == self.facts.validators)
    }
}

/// Facts of an open file.
pub(crate) fn facts_of(meta: &std::fs::Metadata, media_type: String) -> Facts {
    use std::os::unix::fs::MetadataExt;
    let modified_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Facts::new(meta.size(), modified_ns, meta.ino(), media_type)
}

/// How symbolic links count for who wants to keep what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They do not.
    Any,
    /// There was none so far.
    Plain,
    /// There was one.
    Linked,
}

/// What a target names.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Arc<Open>),
    /// A folder that shows its entries.
    Folder(Opened),
    /// A folder whose name ends with a slash; the target did not.
    MovedToFolder,
    /// Nothing, or nothing that is shown.
    Missing,
    /// A file that the server may not read.
    Forbidden,
    /// The system cannot open it just now.
    Busy,
}

/// The served files.
#[derive(Debug)]
pub(crate) struct Files {
    tree: Tree,
    only: Option<Vec<u8>>,
    index: Vec<Vec<u8>>,
    listing: Listing,
    hidden: bool,
    writes: Option<Writes>,
    media: MediaTypes,
}

impl Files {
    /// Opens the root.
    ///
    /// # Errors
    /// It does not exist, cannot be opened, or is of the wrong kind.
    pub(crate) fn new(config: &Config) -> Result<Files, Error> {
        let (folder, only, symlinks) = match &config.root {
            Root::Dir(path) => (path.clone(), None, config.symlinks),
            Root::File(path) => {
                let (folder, name) = split_file(path)?;
                (folder, Some(name), Symlinks::Never)
            }
        };
        let failed = |source| Error::Root { path: folder.clone(), source };
        Ok(Files {
            tree: Tree::open(&folder, symlinks).map_err(failed)?,
            only,
            index: config.index.iter().map(|name| name.clone().into_bytes()).collect(),
            listing: config.listing,
            hidden: config.hidden,
            writes: config.writes.clone(),
            media: MediaTypes::new(&config.media_types),
        })
    }

    /// The name of the one file that is served, where it is one.
    pub(crate) fn only(&self) -> Option<&[u8]> {
        self.only.as_deref()
    }

    /// Whether the disk says what `target` names.
    pub(crate) fn asks_the_disk(&self, target: &Target) -> bool {
        self.only.is_none() && (self.hidden || !target.is_hidden())
    }

    /// The form in which folders are shown unless asked otherwise.
    pub(crate) fn listing(&self) -> Listing {
        self.listing
    }

    /// Finds what `target` names. [`Way::Plain`] becomes [`Way::Linked`] where a symbolic link was
    /// met on any way that was tried.
    pub(crate) fn find(&self, target: &Target, way: &mut Way) -> Found {
        if let Some(only) = &self.only {
            let names_it = target.path().is_empty() || target.path() == only;
            let whole = target.path().is_empty() || !target.is_folder();
            return if names_it && whole { self.file(only, way) } else { Found::Missing };
        }
        if target.is_hidden() && !self.hidden {
            return Found::Missing;
        }
        match self.open(target.path(), way) {
            Ok(opened) if opened.meta.is_dir && target.is_folder() => {
                self.folder(target, opened, way)
            }
            Ok(opened) if opened.meta.is_dir => Found::MovedToFolder,
            Ok(_) if target.is_folder() => Found::Missing,
            Ok(opened) => self.found(opened, target.path()),
            Err(error) => missing(&error),
        }
    }

    /// The entries of a folder whose names are `shown`, at most `max`, and whether there are more.
    /// Reads the disk.
    pub(crate) fn entries(
        &self,
        folder: &Opened,
        max: usize,
        shown: impl Fn(&[u8]) -> bool,
    ) -> std::io::Result<(Vec<Entry>, bool)> {
        let mut entries = Vec::new();
        for entry in self.tree.read_dir(folder).map_err(std::io::Error::other)? {
            let Ok(entry) = entry else { continue };
            let is_folder = match entry.kind {
                Kind::Dir => true,
                Kind::File => false,
                Kind::Symlink | Kind::Other => continue,
            };
            let name = std::os::unix::ffi::OsStringExt::into_vec(entry.name);
            if !is_servable(&name, self.hidden) || !shown(&name) {
                continue;
            }
            if entries.len() == max {
                return Ok((entries, true));
            }
            let modified = u64::try_from(entry.mtime_ns.div_euclid(1_000_000_000)).ok();
            let kind =
                if is_folder { Shown::Folder } else { Shown::of(&name, &self.media.of(&name)) };
            let size = if is_folder { 0 } else { entry.size };
            entries.push(Entry { name, kind, size, modified });
        }
        Ok((entries, false))
    }

    /// The folder that `target` names, whether it has an index file or not.
    pub(crate) fn folder_of(&self, target: &Target) -> Option<Opened> {
        let opened = self.entry(target).filter(|_| target.is_folder())?;
        opened.meta.is_dir.then_some(opened)
    }

    /// The file or folder that `target` names, where it is shown.
    pub(crate) fn entry(&self, target: &Target) -> Option<Opened> {
        if self.only.is_some() || (target.is_hidden() && !self.hidden) {
            return None;
        }
        self.open(target.path(), &mut Way::Any).ok()
    }

    /// The file at `path`, which the operator named.
    pub(crate) fn page(&self, path: &[u8]) -> Option<Open> {
        let Opened { file, meta, .. } = self.open(path, &mut Way::Any).ok()?;
        if meta.is_dir || self.only.is_some() {
            return None;
        }
        let media_type = self.media_type(path);
        let facts = Facts::new(meta.size, meta.mtime_ns, meta.inode, media_type);
        Some(Open::new(file, facts, path.to_vec()))
    }

    /// The file beside `open` that is said to be the same in `coding`, and is not older.
    pub(crate) fn beside(&self, open: &Open, coding: Coding) -> Option<Open> {
        if self.only.is_some() {
            return None;
        }
        let path = [&open.path, coding.suffix().as_bytes()].concat();
        let Opened { file, meta, .. } = self.open(&path, &mut Way::Any).ok()?;
        // In seconds: programs that keep the time do not all keep its fractions.
        let modified = u64::try_from(meta.mtime_ns.div_euclid(1_000_000_000)).ok();
        if meta.is_dir || modified < open.facts.validators.modified {
            return None;
        }
        let media_type = open.facts.media_type.clone();
        let facts = Facts::new(meta.size, meta.mtime_ns, meta.inode, media_type);
        Some(Open::new(file, facts, open.path.clone()))
    }

    /// The type of the file at `path`.
    pub(crate) fn media_type(&self, path: &[u8]) -> String {
        self.media.of(path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
    }

    fn folder(&self, target: &Target, opened: Opened, way: &mut Way) -> Found {
        // What somebody uploaded does not stand for its folder.
        let writes = self.writes.as_ref();
        let uploaded = writes.is_some_and(|writes| writes.takes_uploads(target.path()));
        let index = if uploaded { &[][..] } else { &self.index };
        for name in index {
            let mut path = target.path().to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            match self.file(&path, way) {
                Found::Missing | Found::MovedToFolder => {}
                found => return found,
            }
        }
        if self.listing == Listing::Off { Found::Missing } else { Found::Folder(opened) }
    }

    fn file(&self, path: &[u8], way: &mut Way) -> Found {
        match self.open(path, way) {
            Ok(opened) if opened.meta.is_dir => Found::Missing,
            Ok(opened) => self.found(opened, path),
            Err(error) => missing(&error),
        }
    }

    fn found(&self, opened: Opened, path: &[u8]) -> Found {
        let media_type = self.media_type(path);
        let Opened { file, meta, .. } = opened;
        let facts = Facts::new(meta.size, meta.mtime_ns, meta.inode, media_type);
        Found::File(Arc::new(Open::new(file, facts, path.to_vec())))
    }

    fn open(&self, path: &[u8], way: &mut Way) -> Result<Opened, TreeError> {
        let path = Segments::from_relative(path)?;
        if *way == Way::Plain {
            match self.tree.open_plain(&path) {
                Err(TreeError::Forbidden { .. }) => *way = Way::Linked,
                opened => return opened,
            }
        }
        self.tree.open_file(&path)
    }

    /// The folder at `path` from the root, where no link is on the way.
    pub(crate) fn folder_at(&self, path: &[u8]) -> Option<File> {
        let opened = self.tree.open_plain(&Segments::from_relative(path).ok()?).ok()?;
        opened.meta.is_dir.then_some(opened.file)
    }
}

/// The folder and the name of a file, links on the way to it resolved: the operator named it.
fn split_file(path: &Path) -> Result<(std::path::PathBuf, Vec<u8>), Error> {
    let failed = |source| Error::Path { path: path.to_owned(), source };
    let real = std::fs::canonicalize(path).map_err(failed)?;
    let unservable = |why| Error::Unservable { path: path.to_owned(), why };
    match (real.parent(), real.file_name()) {
        (Some(folder), Some(name)) if real.is_file() => {
            let name = std::os::unix::ffi::OsStrExt::as_bytes(name).to_vec();
            if is_servable(&name, true) {
                Ok((folder.to_owned(), name))
            } else {
                Err(unservable("its name has control characters or a backslash"))
            }
        }
        _ => Err(unservable("it is neither a folder nor a file")),
    }
}

/// What lies outside of the root is not there; what may not be read is said to be forbidden.
fn missing(error: &TreeError) -> Found {
    match error {
        TreeError::Io { source, .. } => match source.kind() {
            std::io::ErrorKind::PermissionDenied => Found::Forbidden,
            _ => Found::Busy,
        },
        _ => Found::Missing,
    }
}
