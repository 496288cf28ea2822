//! A folder as one file: zip, tar or tar.gz, written from front to end while it is sent.
//!
//! Rules:
//! 1. An entry is in it where a GET of its own would be answered with it, and only there: hidden
//!    names, links and whatever stands before the files are judged for each.
//! 2. Names are in order, folders before what is in them; each starts with the folder's own name.
//! 3. A file is as long as it was when it was opened. One that has become shorter, or that cannot
//!    be read, ends the archive with an error: it is cut, never wrong.

mod tar;
mod walk;
mod zip;

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

pub(crate) use walk::Walk;

use crate::proto::archive::Format;

/// A file or a folder on its way into an archive.
pub(crate) struct Item<'a> {
    /// Its path in the archive, without a slash at the end.
    name: &'a [u8],
    /// Seconds since 1970 of the last change.
    modified: i64,
    /// Bytes of a file.
    size: u64,
    /// Whether its type says that it has been compressed already.
    is_dense: bool,
}

/// Writes one form of archives.
trait Archive {
    /// Adds a folder.
    fn folder(&mut self, item: &Item<'_>) -> io::Result<()>;

    /// Adds a file, whose content is as long as `item` says.
    fn file(&mut self, item: &Item<'_>, content: &mut dyn Read) -> io::Result<()>;
}

/// Writes what `walk` finds to `out`.
///
/// # Errors
/// Writing fails, a file does, or there is more than an archive may have.
pub(crate) fn write(format: Format, walk: Walk<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Zip => {
            let mut zip = zip::Zip::new(out);
            walk.into(&mut zip)?;
            zip.finish()
        }
        Format::Tar => {
            let mut tar = tar::Tar::new(out);
            walk.into(&mut tar)?;
            tar.finish()
        }
        Format::TarGz => {
            let mut packed = GzEncoder::new(out, Compression::default());
            let mut tar = tar::Tar::new(&mut packed);
            walk.into(&mut tar)?;
            tar.finish()?;
            packed.finish().map(drop)
        }
    }
}
