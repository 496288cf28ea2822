//! The zip: what `proto::zip` lays out, and the data between.

use std::io::{self, Read, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::{Archive, Item};
use crate::proto::zip::{Entry, Kind, LARGE_BYTES_MIN, Sums, end};

/// How much of a file is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A zip that is being written.
pub(super) struct Zip<W> {
    out: Counted<W>,
    /// The directory so far.
    central: Vec<u8>,
    entries: u64,
}

impl<W: Write> Zip<W> {
    pub(super) fn new(out: W) -> Zip<W> {
        Zip { out: Counted { out, bytes: 0 }, central: Vec::new(), entries: 0 }
    }

    /// Writes the directory.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let offset = self.out.bytes;
        self.out.write_all(&self.central)?;
        self.out.write_all(&end(self.entries, offset, self.out.bytes - offset))
    }

    fn entry(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> io::Result<()> {
        let offset = self.out.bytes;
        self.out.write_all(&entry.local_head())?;
        let data_at = self.out.bytes;
        let (crc32, size) = match entry.kind {
            Kind::Folder => (0, 0),
            Kind::Stored => copy(content, &mut self.out)?,
            Kind::Deflated => {
                let mut deflated = DeflateEncoder::new(&mut self.out, Compression::default());
                let copied = copy(content, &mut deflated)?;
                deflated.finish()?;
                copied
            }
        };
        let sums = Sums { crc32, packed: self.out.bytes - data_at, size };
        self.out.write_all(&entry.descriptor(sums))?;
        self.central.extend(entry.central_head(sums, offset));
        self.entries += 1;
        Ok(())
    }
}

impl<W: Write> Archive for Zip<W> {
    fn folder(&mut self, item: &Item<'_>) -> io::Result<()> {
        let name = [item.name, b"/"].concat();
        let (kind, modified) = (Kind::Folder, item.modified);
        self.entry(&Entry { name: &name, kind, modified, is_large: false }, &mut io::empty())
    }

    fn file(&mut self, item: &Item<'_>, content: &mut dyn Read) -> io::Result<()> {
        let Item { name, modified, size, is_dense } = *item;
        let kind = if is_dense || size == 0 { Kind::Stored } else { Kind::Deflated };
        self.entry(&Entry { name, kind, modified, is_large: size >= LARGE_BYTES_MIN }, content)
    }
}

/// Copies to the end. Gives the CRC-32 of all bytes, and how many there were.
fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(u32, u64)> {
    let (mut crc, mut size) = (Crc::new(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok((crc.sum(), size));
        }
        crc.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        size += u64::try_from(count).unwrap_or(0);
    }
}

/// Knows how far it is.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
