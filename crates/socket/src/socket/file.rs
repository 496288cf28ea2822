//! Files and sockets: sending a file without copying it through memory where that can be done, and
//! reading and writing a socket as one.

use std::io::{self, BufReader, BufWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;

use super::wait::{self, Patience};
use super::{Socket, View};
use crate::errno;
use crate::error::{Cause, Error, Result};

/// What one system call is asked to send at most; the kernel takes no more than 2 GiB.
const CALL_BYTES_MAX: u64 = 1 << 30;
/// How much is read at a time where the kernel cannot send the file by itself.
const CHUNK_BYTES: usize = 64 * 1024;

impl Socket {
    /// Sends `file` from `offset` on, at most `count` bytes of it or to its end, and gives how many
    /// went. The timeout is for the whole of it. Regular files do not pass through memory
    /// (sendfile(2)); what is no regular file, a pipe for example, is read and sent, and `offset`
    /// must be 0 where it has no positions.
    ///
    /// ```
    /// use sockeye_socket::socketpair;
    ///
    /// let (a, b) = socketpair()?;
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// let reader = std::thread::spawn(move || {
    ///     let mut got = Vec::new();
    ///     std::io::Read::read_to_end(&mut &b, &mut got).map(|_| got)
    /// });
    /// let sent = a.sendfile(&file, 0, None)?;
    /// drop(a);
    /// assert_eq!(reader.join().unwrap()?, std::fs::read("Cargo.toml")?);
    /// assert_eq!(sent, file.metadata()?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`sendall`](Self::sendall), [`Error::sent`] included; the file cannot be read; the socket
    /// carries no stream, or is nonblocking (use [`sendfile_some`](Self::sendfile_some) there).
    pub fn sendfile(&self, file: impl AsFd, offset: u64, count: Option<u64>) -> Result<u64> {
        self.view().sendfile(file, offset, count)
    }

    /// Sends up to `count` bytes of the regular `file` from `offset`: one system call's worth (at
    /// most 1 GiB). Gives how many went, 0 at the end of the file.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the file is none that the kernel can send (`EINVAL`).
    pub fn sendfile_some(&self, file: impl AsFd, offset: u64, count: usize) -> Result<usize> {
        self.view().sendfile_some(file, offset, count)
    }

    /// The socket as a file: something to read from and something to write to, both buffered, each
    /// with a descriptor of its own and the socket's timeout as it is now. What was written goes
    /// out with `flush`; dropping the writer flushes too, and cannot say that it failed.
    ///
    /// ```
    /// use sockeye_socket::socketpair;
    /// use std::io::{BufRead, Write};
    ///
    /// let (a, b) = socketpair()?;
    /// let (_, mut to_b) = a.makefile()?;
    /// write!(to_b, "one\ntwo\n")?;
    /// to_b.flush()?;
    /// let (from_a, _) = b.makefile()?;
    /// let lines: Result<Vec<String>, _> = from_a.lines().take(2).collect();
    /// assert_eq!(lines?, ["one", "two"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// No descriptors left.
    pub fn makefile(&self) -> Result<(BufReader<Self>, BufWriter<Self>)> {
        Ok((BufReader::new(self.dup()?), BufWriter::new(self.dup()?)))
    }
}

impl View<'_> {
    /// As [`Socket::sendfile_some`].
    ///
    /// # Errors
    /// As [`Socket::sendfile_some`].
    pub fn sendfile_some(&self, file: impl AsFd, offset: u64, count: usize) -> Result<usize> {
        self.keep_from_blocking("sendfile")?;
        let most = usize::try_from(CALL_BYTES_MAX).unwrap_or(usize::MAX);
        self.sendfile_by(self.patience(), file.as_fd(), offset, count.min(most))
    }

    fn sendfile_by(
        &self,
        patience: Patience,
        file: BorrowedFd<'_>,
        offset: u64,
        count: usize,
    ) -> Result<usize> {
        let work = || Ok(sendfile(self.as_fd(), file, offset, count)?);
        wait::retry(self.call("sendfile"), self.as_fd(), PollFlags::OUT, || patience, work)
    }

    /// As [`Socket::sendfile`].
    ///
    /// # Errors
    /// As [`Socket::sendfile`].
    pub fn sendfile(&self, file: impl AsFd, offset: u64, count: Option<u64>) -> Result<u64> {
        let patience = self.patience();
        let refused = |why| Error::new("sendfile", Cause::Invalid(why));
        if !self.socket().kind().is_stream() {
            return Err(refused("only streams carry files"));
        }
        if patience == Patience::Never {
            return Err(refused("a nonblocking socket sends a file in parts: sendfile_some"));
        }
        self.keep_from_blocking("sendfile")?;
        let (file, most) = (file.as_fd(), count.unwrap_or(u64::MAX));
        let mut sent = 0;
        while sent < most {
            let part = usize::try_from((most - sent).min(CALL_BYTES_MAX)).unwrap_or(usize::MAX);
            match self.sendfile_by(patience, file, offset.saturating_add(sent), part) {
                Ok(0) => break,
                Ok(n) => sent += u64::try_from(n).unwrap_or(u64::MAX),
                Err(error) if sent == 0 && is_unsuitable(&error) => {
                    return self.copy(patience, file, offset, most);
                }
                Err(error) => return Err(error.after(saturated(sent))),
            }
            if sent < most {
                let now = Instant::now();
                let next = self.call("sendfile").ask();
                next.and_then(|()| patience.check("sendfile", now))
                    .map_err(|error| error.after(saturated(sent)))?;
            }
        }
        Ok(sent)
    }

    /// Reads and sends, where the kernel does not do both at once.
    fn copy(
        &self,
        patience: Patience,
        file: BorrowedFd<'_>,
        offset: u64,
        most: u64,
    ) -> Result<u64> {
        let mut source = Source { file, at: offset, seekable: true };
        let view = match patience {
            Patience::Until(deadline) => self.deadline(deadline),
            Patience::Forever | Patience::Never => *self,
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut sent = 0;
        while sent < most {
            let room = usize::try_from(most - sent).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let read = source.read(&mut chunk[..room]);
            let n = read.map_err(|error| Error::io("sendfile", &error).after(saturated(sent)))?;
            if n == 0 {
                break;
            }
            let fail = |error: Error| {
                let before = error.sent();
                error.renamed("sendfile").after(saturated(sent).saturating_add(before))
            };
            view.sendall(&chunk[..n]).map_err(fail)?;
            sent += u64::try_from(n).unwrap_or(u64::MAX);
        }
        Ok(sent)
    }
}

/// One call of sendfile(2).
#[cfg(target_os = "linux")]
fn sendfile(
    to: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    mut offset: u64,
    count: usize,
) -> rustix::io::Result<usize> {
    rustix::fs::sendfile(to, file, Some(&mut offset), count)
}

/// Some of the file by way of memory, without `SIGPIPE`; sendfile(2) is another call on every
/// system.
#[cfg(not(target_os = "linux"))]
fn sendfile(
    to: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: u64,
    count: usize,
) -> rustix::io::Result<usize> {
    let mut chunk = vec![0; CHUNK_BYTES.min(count)];
    let n = rustix::io::pread(file, chunk.as_mut_slice(), offset)?;
    let flags = rustix::net::SendFlags::from_bits_retain(crate::MSG_NOSIGNAL.bits());
    rustix::net::send(to, &chunk[..n], flags)
}

/// Whether the kernel says that this is nothing for sendfile(2).
fn is_unsuitable(error: &Error) -> bool {
    matches!(error.errno(), Some(errno::EINVAL | errno::ENOSYS | errno::ESPIPE | errno::EOPNOTSUPP))
}

fn saturated(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// A file that is read from a position, or from where it is if it has none.
struct Source<'f> {
    file: BorrowedFd<'f>,
    at: u64,
    seekable: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = if self.seekable {
                rustix::io::pread(self.file, &mut *buf, self.at)
            } else {
                rustix::io::read(self.file, &mut *buf)
            };
            match read {
                Err(Errno::INTR) => {}
                Err(Errno::SPIPE) if self.seekable && self.at == 0 => self.seekable = false,
                Ok(n) => {
                    self.at = self.at.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
                    return Ok(n);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
