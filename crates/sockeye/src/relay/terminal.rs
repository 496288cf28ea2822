//! stdin and stdout as they are, unbuffered, and never made nonblocking: they are shared with the
//! shell.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// A pipe with room takes so much without blocking (PIPE_BUF on Linux).
const PIPE_BYTES: usize = 4096;

/// The person's side, or the script's.
#[derive(Debug)]
pub(crate) struct Terminal {
    stdin: File,
    stdout: File,
    open: bool,
    /// How much one write may be given so as not to block.
    write_bytes_max: usize,
}

impl Terminal {
    /// Takes stdin and stdout.
    ///
    /// # Errors
    /// No descriptors left.
    pub(crate) fn new() -> io::Result<Terminal> {
        let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let is_file = stdout.metadata().is_ok_and(|meta| meta.is_file());
        let write_bytes_max = if is_file { usize::MAX } else { PIPE_BYTES };
        Ok(Terminal { stdin, stdout, open: true, write_bytes_max })
    }

    /// Tells whether stdin may have more.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    pub(crate) fn stdin(&self) -> BorrowedFd<'_> {
        self.stdin.as_fd()
    }

    pub(crate) fn stdout(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }

    /// Reads some of stdin: 0 at its end, `None` where there is nothing yet.
    ///
    /// # Errors
    /// stdin cannot be read.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> anyhow::Result<Option<usize>> {
        match self.stdin.read(buffer) {
            Ok(n) => {
                self.open = n > 0;
                Ok(Some(n))
            }
            Err(error) if is_not_yet(&error) => Ok(None),
            Err(error) => Err(anyhow::Error::new(error).context("cannot read stdin")),
        }
    }

    /// Writes some of `bytes` to stdout without blocking.
    ///
    /// # Errors
    /// As the system says; `BrokenPipe` where nobody reads.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(&bytes[..bytes.len().min(self.write_bytes_max)])
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
