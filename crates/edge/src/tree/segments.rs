//! A path whose every component has been checked. Nothing else can be opened in a tree.
//!
//! ```text
//! path    = [ segment *( "/" segment ) ]        ; the empty path is the root
//! segment = 1*255 byte                          ; not "." and not ".."
//! byte    = %x20-2E / %x30-5B / %x5D-7E / %x80-FF   ; no control, no "/", no "\"
//! ```

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::error::{Fault, TreeError};

/// The longest name, in bytes: what Linux file systems can hold.
pub const SEGMENT_BYTES_MAX: usize = 255;
/// The most names in one path.
pub const SEGMENTS_MAX: usize = 256;

/// A relative path of checked components. Bytes, not text: what is not UTF-8 is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Segments {
    /// The components with a slash between each two; empty for the root.
    joined: Vec<u8>,
    count: usize,
}

impl Segments {
    /// The root itself: no component.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks a path that is relative to the root, with `/` between its components; empty for the
    /// root. Nothing is decoded, trimmed or normalised.
    ///
    /// # Errors
    /// [`TreeError::BadPath`], with the first fault.
    pub fn from_relative(path: &[u8]) -> Result<Self, TreeError> {
        let mut segments = Self::root();
        if path.is_empty() {
            return Ok(segments);
        }
        for segment in path.split(|&byte| byte == b'/') {
            segments.append(segment).map_err(|fault| bad_path(path, fault))?;
        }
        Ok(segments)
    }

    /// Appends one component.
    ///
    /// # Errors
    /// [`TreeError::BadPath`]; the path is then as it was.
    pub fn push(&mut self, segment: &[u8]) -> Result<(), TreeError> {
        self.append(segment).map_err(|fault| bad_path(segment, fault))
    }

    /// The path with one more component.
    ///
    /// # Errors
    /// [`TreeError::BadPath`].
    pub fn join(&self, segment: &[u8]) -> Result<Self, TreeError> {
        let mut longer = self.clone();
        longer.push(segment)?;
        Ok(longer)
    }

    /// The path without its last component; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let name = self.name()?;
        let end = (self.joined.len() - name.len()).saturating_sub(1);
        Some(Self { joined: self.joined[..end].to_vec(), count: self.count - 1 })
    }

    /// The last component; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<&OsStr> {
        self.iter().next_back().map(OsStr::from_bytes)
    }

    /// The components, outermost first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        let parts = self.joined.split(|&byte| byte == b'/');
        parts.filter(|part| !part.is_empty())
    }

    /// Counts the components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether it is the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The path as the system takes it, `.` for the root.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        let bytes: &[u8] = if self.joined.is_empty() { b"." } else { &self.joined };
        Path::new(OsStr::from_bytes(bytes))
    }

    fn append(&mut self, segment: &[u8]) -> Result<(), Fault> {
        check(segment)?;
        if self.count == SEGMENTS_MAX {
            return Err(Fault::TooDeep);
        }
        if !self.joined.is_empty() {
            self.joined.push(b'/');
        }
        self.joined.extend_from_slice(segment);
        self.count += 1;
        Ok(())
    }
}

fn check(segment: &[u8]) -> Result<(), Fault> {
    if segment.is_empty() {
        return Err(Fault::Empty);
    }
    if segment == b"." || segment == b".." {
        return Err(Fault::Dots);
    }
    if segment.len() > SEGMENT_BYTES_MAX {
        return Err(Fault::NameTooLong);
    }
    segment.iter().try_for_each(|byte| match byte {
        0 => Err(Fault::Nul),
        0x01..=0x1f | 0x7f => Err(Fault::Control),
        b'/' => Err(Fault::Slash),
        b'\\' => Err(Fault::Backslash),
        _ => Ok(()),
    })
}

fn bad_path(path: &[u8], fault: Fault) -> TreeError {
    TreeError::BadPath { path: OsStr::from_bytes(path).into(), fault }
}
