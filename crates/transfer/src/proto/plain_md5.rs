//! The tutorial's protocol: 32 hexadecimal digits of MD5, then the bytes, then the end of the
//! stream.
//!
//! ```text
//! stream = 32HEXDIG *OCTET      ; then end of stream
//! ```
//!
//! Digits are read in either case and written in lower case, as `md5sum` does. Nothing separates
//! the digits from the bytes, so whatever follows the thirty-second digit belongs to the file. In
//! TCP a stream that was cut between two segments looks like one that ended: only the sum tells
//! them apart.

use std::fmt;

/// Digits that open a stream.
pub const DIGITS: usize = 32;

/// An MD5 sum: sixteen bytes, shown as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Takes the sixteen bytes of a sum, most significant first.
    #[must_use]
    pub fn new(sum: [u8; 16]) -> Self {
        Self(sum)
    }

    /// Writes the 32 bytes that open a stream.
    #[must_use]
    pub fn header(&self) -> [u8; DIGITS] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        digits
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Why a stream does not open with a sum. The connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A byte that is no hexadecimal digit.
    #[error(
        "expected 32 hexadecimal digits of MD5, but byte {} is {}",
        .offset + 1,
        Byte(*.byte)
    )]
    NotADigit {
        /// Where it stood: `0..=31`.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// The stream ended among the digits.
    #[error("the stream ended after {digits} of the 32 digits of MD5")]
    Short {
        /// Digits that had arrived: `0..=31`.
        digits: usize,
    },
}

struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}

/// Reads the opening of a stream, however it is cut.
#[derive(Debug, Default)]
pub struct HeaderReader {
    sum: [u8; 16],
    digits: usize,
}

impl HeaderReader {
    /// Starts before the first digit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the stream and tells how many of them belonged to the opening; the rest is
    /// the file's.
    ///
    /// # Errors
    ///
    /// [`HeaderError::NotADigit`] at the first byte that is none.
    pub fn handle_received(&mut self, bytes: &[u8]) -> Result<usize, HeaderError> {
        let mut consumed = 0;
        for &byte in bytes.iter().take(self.want_read()) {
            let value = nibble(byte).ok_or(HeaderError::NotADigit { offset: self.digits, byte })?;
            let shift = if self.digits.is_multiple_of(2) { 4 } else { 0 };
            self.sum[self.digits / 2] |= value << shift;
            self.digits += 1;
            consumed += 1;
        }
        Ok(consumed)
    }

    /// Takes the end of the stream.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Short`] where digits are missing.
    pub fn handle_eof(&self) -> Result<(), HeaderError> {
        if self.want_read() > 0 {
            return Err(HeaderError::Short { digits: self.digits });
        }
        Ok(())
    }

    /// Bytes that are still missing: `0..=32`.
    #[must_use]
    pub fn want_read(&self) -> usize {
        DIGITS - self.digits
    }

    /// Gives the sum once all digits are there.
    #[must_use]
    pub fn poll_digest(&self) -> Option<Digest> {
        (self.want_read() == 0).then_some(Digest(self.sum))
    }
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &[u8] = b"900150983cd24fb0d6963f7d28e17f72";

    fn feed(pieces: &[&[u8]]) -> Result<(Option<Digest>, Vec<u8>), HeaderError> {
        let mut reader = HeaderReader::new();
        let mut rest = Vec::new();
        for piece in pieces {
            let consumed = reader.handle_received(piece)?;
            rest.extend_from_slice(&piece[consumed..]);
        }
        Ok((reader.poll_digest(), rest))
    }

    #[test]
    fn same_answer_at_every_cut_and_byte_by_byte() {
        let stream = [ABC, b"file"].concat();
        let whole = feed(&[&stream]).unwrap();
        assert_eq!(whole.0.unwrap().to_string().as_bytes(), ABC);
        assert_eq!(whole.1, b"file");
        for cut in 0..=stream.len() {
            assert_eq!(feed(&[&stream[..cut], &stream[cut..]]).unwrap(), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(feed(&single).unwrap(), whole);
    }

    #[test]
    fn upper_case_is_read_and_lower_case_written() {
        let (digest, _) = feed(&[&ABC.to_ascii_uppercase()]).unwrap();
        assert_eq!(digest.unwrap().header(), ABC);
    }

    #[test]
    fn the_first_byte_that_is_no_digit_is_named() {
        for offset in 0..DIGITS {
            for byte in [b'g', b' ', b'\n', 0, 0xff, b'/', b':', b'@', b'`', b'G'] {
                let mut bad = ABC.to_vec();
                bad[offset] = byte;
                assert_eq!(feed(&[&bad]).unwrap_err(), HeaderError::NotADigit { offset, byte });
            }
        }
        let error = feed(&[b"GET / HTTP/1.1"]).unwrap_err().to_string();
        assert_eq!(error, "expected 32 hexadecimal digits of MD5, but byte 1 is 'G'");
    }

    #[test]
    fn an_end_among_the_digits_is_short() {
        for digits in 0..DIGITS {
            let mut reader = HeaderReader::new();
            reader.handle_received(&ABC[..digits]).unwrap();
            assert_eq!(reader.handle_eof(), Err(HeaderError::Short { digits }));
            assert_eq!(reader.poll_digest(), None);
        }
        let mut reader = HeaderReader::new();
        reader.handle_received(ABC).unwrap();
        assert_eq!(reader.handle_eof(), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(sum: [u8; 16]) {
            let (digest, rest) = feed(&[&Digest::new(sum).header()]).unwrap();
            proptest::prop_assert_eq!(digest, Some(Digest::new(sum)));
            proptest::prop_assert!(rest.is_empty());
        }
    }
}
