//! The tar: ustar, with pax records for names that do not fit.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::tar::{Builder, EntryType, Header};

use super::{Archive, Item};

/// What a header has room for in any case, for programs that do not know pax.
const PLAIN_BYTES_MAX: usize = 100;

/// A tar that is being written.
pub(super) struct Tar<W: Write> {
    builder: Builder<W>,
}

impl<W: Write> Tar<W> {
    pub(super) fn new(out: W) -> Tar<W> {
        Tar { builder: Builder::new(out) }
    }

    /// Writes the end.
    pub(super) fn finish(self) -> io::Result<()> {
        self.builder.into_inner().map(drop)
    }

    fn entry(
        &mut self,
        (name, modified): (&[u8], i64),
        (kind, size): (EntryType, u64),
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(size);
        header.set_mtime(u64::try_from(modified).unwrap_or(0));
        if header.set_path(Path::new(OsStr::from_bytes(name))).is_err() {
            self.builder.append_pax_extensions([("path", name)])?;
            header.set_path(short(name))?;
        }
        header.set_cksum();
        self.builder.append(&header, content)
    }
}

impl<W: Write> Archive for Tar<W> {
    fn folder(&mut self, item: &Item<'_>) -> io::Result<()> {
        let name = [item.name, b"/"].concat();
        self.entry((&name, item.modified), (EntryType::Directory, 0), &mut io::empty())
    }

    fn file(&mut self, item: &Item<'_>, content: &mut dyn Read) -> io::Result<()> {
        self.entry((item.name, item.modified), (EntryType::Regular, item.size), content)
    }
}

/// The end of a long name, in letters that any header takes.
fn short(name: &[u8]) -> String {
    let start = name.len().saturating_sub(PLAIN_BYTES_MAX - 1);
    let letter = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '_' };
    let short: String = name[start..].iter().map(letter).collect();
    short.trim_start_matches('/').to_owned()
}
