//! Where the bytes of one transfer go. A file is a hidden temporary one until it is committed;
//! dropped before that, it leaves nothing.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use sockeye_edge::tree::{Segments, Symlinks, Temp, Tree, TreeError};

use crate::config::{Output, Overwrite, ReceiveConfig};
use crate::error::Error;

/// The folder that files are saved in, and their name.
pub(super) struct Folder {
    tree: Tree,
    segments: Segments,
    name: String,
}

impl Folder {
    /// Opens the folder of a configuration that has one, and finds out whether it can be written.
    pub(super) fn open(config: &ReceiveConfig) -> Result<Option<Self>, Error> {
        let Output::File { dir, name } = &config.output else {
            return Ok(None);
        };
        let folder = Self {
            tree: Tree::open(dir, Symlinks::Never)?,
            segments: single(name)?,
            name: name.clone(),
        };
        drop(folder.tree.create_temp(&folder.segments)?);
        if !config.keep {
            folder.check(config.overwrite)?;
        }
        Ok(Some(folder))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether the name is taken.
    pub(super) fn is_taken(&self) -> bool {
        !matches!(self.tree.open_file(&self.segments), Err(TreeError::NotFound { .. }))
    }

    /// Refuses early what the commit would refuse in the end.
    pub(super) fn check(&self, overwrite: Overwrite) -> Result<(), Error> {
        if overwrite == Overwrite::Never && self.is_taken() {
            return Err(Error::Exists { name: self.name.clone() });
        }
        Ok(())
    }
}

fn single(name: &str) -> Result<Segments, Error> {
    let joined = Segments::root().join(name.as_bytes());
    joined.map_err(|source| Error::Name { name: name.into(), source })
}

/// One transfer's way out.
pub(super) enum Destination<'a> {
    File { temp: Temp, name: &'a str, bytes: u64 },
    Stream { out: &'a Mutex<dyn Write + Send>, bytes: u64 },
}

impl<'a> Destination<'a> {
    pub(super) fn open(
        config: &'a ReceiveConfig,
        folder: Option<&'a Folder>,
    ) -> Result<Self, Error> {
        match (&config.output, folder) {
            (Output::File { .. }, Some(folder)) => {
                folder.check(config.overwrite)?;
                let temp = folder.tree.create_temp(&folder.segments)?;
                temp.set_mode(config.file_mode)?;
                Ok(Self::File { temp, name: &folder.name, bytes: 0 })
            }
            (Output::Stream(out), _) => Ok(Self::Stream { out: out.as_ref(), bytes: 0 }),
            (Output::File { .. }, None) => unreachable!("bind opens the folder of a file"),
        }
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), Error> {
        let length = u64::try_from(block.len()).expect("a block is 1 MiB");
        match self {
            Self::File { temp, name, bytes } => {
                temp.write_all(block).map_err(|source| full_or_failed(source, name, *bytes))?;
                *bytes += length;
            }
            Self::Stream { out, bytes } => {
                let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                let written = out.write_all(block).and_then(|()| out.flush());
                written.map_err(|source| closed_or_failed(source, *bytes))?;
                *bytes += length;
            }
        }
        Ok(())
    }

    /// Makes a file durable and gives it its name, which is told; a stream has none.
    pub(super) fn commit(self, overwrite: Overwrite) -> Result<Option<String>, Error> {
        let Self::File { temp, name, bytes } = self else {
            return Ok(None);
        };
        match temp.commit(overwrite) {
            Ok(name) => Ok(Some(name.to_string_lossy().into_owned())),
            Err(TreeError::Exists { .. }) => Err(Error::Exists { name: name.into() }),
            Err(TreeError::NoSpace { .. }) => Err(Error::NoSpace { name: name.into(), bytes }),
            Err(error) => Err(error.into()),
        }
    }
}

fn full_or_failed(source: io::Error, name: &str, bytes: u64) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::NoSpace { name: name.into(), bytes }
        }
        _ => Error::Local { action: "write", path: name.into(), source },
    }
}

fn closed_or_failed(source: io::Error, bytes: u64) -> Error {
    match source.kind() {
        io::ErrorKind::BrokenPipe => Error::OutputClosed { bytes },
        _ => Error::System { action: "writing to the output", source },
    }
}
