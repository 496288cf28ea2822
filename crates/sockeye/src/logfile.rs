//! A log file that is opened anew after SIGHUP, so that it can be rotated by a rename.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::signals::Hangups;

/// A file that is written at its end, and found again by its name after each SIGHUP.
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    hangups: Hangups,
    seen: u64,
}

impl LogFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn open(path: &Path, hangups: &Hangups) -> anyhow::Result<LogFile> {
        let file = append(path)
            .with_context(|| format!("cannot write the access log {}", path.display()))?;
        let seen = hangups.count();
        Ok(LogFile { path: path.to_path_buf(), file, hangups: hangups.clone(), seen })
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let hangups = self.hangups.count();
        if hangups != self.seen {
            self.seen = hangups;
            match append(&self.path) {
                Ok(file) => self.file = file,
                // The old file takes the lines until the next SIGHUP: none is lost.
                Err(error) => {
                    let path = self.path.display();
                    tracing::error!(%path, %error, "cannot open the access log again");
                }
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_a_hangup_go_to_the_name_and_not_to_the_renamed_file() {
        let folder = tempfile::tempdir().unwrap();
        let [path, old] = ["log", "log.1"].map(|name| folder.path().join(name));
        let hangups = Hangups::default();
        let mut log = LogFile::open(&path, &hangups).unwrap();
        log.write_all(b"one\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        log.write_all(b"two\n").unwrap();
        hangups.add();
        log.write_all(b"three\n").unwrap();
        assert_eq!(std::fs::read(&old).unwrap(), b"one\ntwo\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"three\n");
    }
}
