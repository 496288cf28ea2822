//! What is sent, made ready: a file with its sum, and the facts that tell whether it is still the
//! same.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Advice, Mode, OFlags, fadvise, open};
use sockeye_socket::Shutdown;

use crate::config::{SendConfig, Source};
use crate::error::Error;
use crate::event::Meter;
use crate::pipeline::{self, Stopped, Summary};
use crate::proto::plain_md5::Digest;

/// A file whose sum is known.
pub(super) struct Ready {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) digest: Digest,
    path: PathBuf,
    facts: Facts,
}

/// What changes when a file does. The change time cannot be set back by anybody.
#[derive(PartialEq, Eq)]
struct Facts {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Facts {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

impl Ready {
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        match Facts::of(&self.file) {
            Ok(facts) if facts == self.facts => Ok(()),
            Ok(_) => Err(self.changed()),
            Err(source) => Err(local("read", &self.path, source)),
        }
    }

    pub(super) fn changed(&self) -> Error {
        Error::Changed { path: self.path.clone() }
    }
}

/// Opens the source and makes its sum; a stream is spooled to a file without a name meanwhile.
pub(super) fn prepare(
    config: SendConfig,
    meter: &mut Meter<'_>,
    shutdown: &Shutdown,
) -> Result<Ready, Error> {
    match config.source {
        Source::File(path) => from_file(path, config.buffers, meter, shutdown),
        Source::Stream(stream) => {
            from_stream(stream, config.spool_dir, config.buffers, meter, shutdown)
        }
    }
}

fn from_file(
    path: PathBuf,
    buffers: usize,
    meter: &mut Meter<'_>,
    shutdown: &Shutdown,
) -> Result<Ready, Error> {
    // Without NONBLOCK the open of a named pipe waits for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file: File = open(&path, flags, Mode::empty())
        .map_err(|source| local("open", &path, source.into()))?
        .into();
    let meta = file.metadata().map_err(|source| local("read", &path, source))?;
    if !meta.is_file() {
        return Err(Error::NotAFile { path });
    }
    let facts = Facts::of(&file).map_err(|source| local("read", &path, source))?;
    // Advice: what cannot take it reads all the same.
    let _ = fadvise(&file, 0, None, Advice::Sequential);
    meter.expect(facts.size);
    let read = |space: &mut [u8]| {
        if shutdown.is_started() {
            return Err(Error::Interrupted);
        }
        let count = read_retrying(&mut file, space).map_err(|error| local("read", &path, error))?;
        meter.add(u64::try_from(count).expect("a block is 1 MiB"));
        Ok(count)
    };
    let summary = pipeline::run(read, |_| Ok::<_, Infallible>(()), buffers);
    let summary = summary.map_err(|stopped| match stopped {
        Stopped::Read(error) => error,
        Stopped::Write(never) => match never {},
        Stopped::Thread(source) => Error::System { action: "starting a thread", source },
    })?;
    let ready = Ready { file, size: facts.size, digest: summary.digest, path, facts };
    if summary.bytes == ready.size { Ok(ready) } else { Err(ready.changed()) }
}

fn from_stream(
    stream: OwnedFd,
    spool_dir: PathBuf,
    buffers: usize,
    meter: &mut Meter<'_>,
    shutdown: &Shutdown,
) -> Result<Ready, Error> {
    let mut spool = tempfile::tempfile_in(&spool_dir)
        .map_err(|source| local("make a temporary file in", &spool_dir, source))?;
    let mut stream = File::from(stream);
    let read = |space: &mut [u8]| {
        wait_readable(&stream, shutdown)?;
        let count = read_retrying(&mut stream, space)
            .map_err(|source| Error::System { action: "reading the input", source })?;
        meter.add(u64::try_from(count).expect("a block is 1 MiB"));
        Ok(count)
    };
    let write = |block: &[u8]| spool.write_all(block);
    let Summary { bytes, digest } =
        pipeline::run(read, write, buffers).map_err(|stopped| match stopped {
            Stopped::Read(error) => error,
            Stopped::Write(source) => local("spool the input in", &spool_dir, source),
            Stopped::Thread(source) => Error::System { action: "starting a thread", source },
        })?;
    let facts = Facts::of(&spool).map_err(|source| local("read", &spool_dir, source))?;
    Ok(Ready { file: spool, size: bytes, digest, path: spool_dir, facts })
}

/// Waits until the stream has bytes or an end, or the shutdown starts.
fn wait_readable(stream: &File, shutdown: &Shutdown) -> Result<(), Error> {
    let failed = |source: io::Error| Error::System { action: "waiting for the input", source };
    let stop = shutdown.as_fd();
    let mut both = [PollFd::new(stream, PollFlags::IN), PollFd::new(&stop, PollFlags::IN)];
    loop {
        match poll(&mut both, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error.into())),
            Ok(_) if shutdown.is_started() => return Err(Error::Interrupted),
            Ok(_) => return Ok(()),
        }
    }
}

fn read_retrying(file: &mut File, space: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn local(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Local { action, path: path.into(), source }
}
