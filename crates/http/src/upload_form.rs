//! Reads a form with files (RFC 7578) and gives each to who keeps it.
//!
//! Rules: one file is under way at a time; parts that are no files, and files without a name, are
//! read over; what was whole before a failure stays kept.

use std::io::{self, Read};

use crate::proto::multipart::{self, FormError, Multipart, Piece};

/// A form's body is read in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Who keeps the files of a form.
pub trait FormFiles {
    /// A file that is under way; gone without a trace where it is dropped.
    type File;
    /// Why a file is not kept.
    type Failure: From<FormError>;

    /// Begins a file by the name that the form gives it (`photos/a.jpg`), which is not empty.
    ///
    /// # Errors
    /// It cannot be kept under this name.
    fn begin(&mut self, name: &str) -> Result<Self::File, Self::Failure>;

    /// Takes the next bytes of a file.
    ///
    /// # Errors
    /// They cannot be kept.
    fn write(&mut self, file: &mut Self::File, data: &[u8]) -> Result<(), Self::Failure>;

    /// A file is whole.
    ///
    /// # Errors
    /// It cannot be kept.
    fn finish(&mut self, file: Self::File) -> Result<(), Self::Failure>;

    /// Names the failure of a body that does not come whole.
    fn cut(error: io::Error) -> Self::Failure;
}

/// Gives the files of a form to who keeps them, each as its bytes come. `boundary` is what
/// [`multipart::boundary`] has found.
///
/// # Errors
/// The first failure: of the body, of the form, or of a file.
pub fn keep_form<K: FormFiles>(
    boundary: &str,
    body: &mut dyn Read,
    keeper: &mut K,
) -> Result<(), K::Failure> {
    let mut form = Multipart::new(boundary, multipart::Limits::default());
    let mut under_way: Option<K::File> = None;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        while let Some(next) = form.poll_piece() {
            match next? {
                Piece::Part { file, .. } => {
                    // A form without a chosen file has one without a name.
                    let file = file.filter(|file| !file.is_empty());
                    under_way = file.map(|file| keeper.begin(&file)).transpose()?;
                }
                Piece::Data(data) => {
                    if let Some(file) = &mut under_way {
                        keeper.write(file, &data)?;
                    }
                }
                Piece::PartEnd => {
                    if let Some(file) = under_way.take() {
                        keeper.finish(file)?;
                    }
                }
                Piece::End => return Ok(()),
            }
        }
        match body.read(&mut piece).map_err(K::cut)? {
            0 => form.handle_eof(),
            count => form.handle_received(&piece[..count]),
        }
    }
}
