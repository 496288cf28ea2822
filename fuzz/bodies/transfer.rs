//! What must hold for every input: the opening of a plain-md5 stream.

use sockeye_transfer::proto::plain_md5::{DIGITS, Digest, HeaderError, HeaderReader};

/// The first byte says where the stream is cut; the answer does not depend on it.
pub(crate) fn plain_md5(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else { return };
    let (head, tail) = stream.split_at(usize::from(cut).min(stream.len()));
    let whole = read(&[stream]);
    assert_eq!(read(&[head, tail]), whole);
    assert_eq!(read(&stream.chunks(1).collect::<Vec<_>>()), whole);
    match whole {
        Ok(digest) => {
            assert!(stream[..DIGITS].eq_ignore_ascii_case(&digest.header()));
            assert_eq!(digest.to_string().as_bytes(), digest.header());
        }
        Err(HeaderError::NotADigit { offset, byte }) => {
            assert_eq!(stream[offset], byte);
            assert!(!byte.is_ascii_hexdigit() && offset < DIGITS);
            assert!(stream[..offset].iter().all(u8::is_ascii_hexdigit));
        }
        Err(HeaderError::Short { digits }) => {
            assert_eq!(digits, stream.len());
            assert!(digits < DIGITS && stream.iter().all(u8::is_ascii_hexdigit));
        }
    }
}

fn read(pieces: &[&[u8]]) -> Result<Digest, HeaderError> {
    let mut reader = HeaderReader::new();
    for piece in pieces {
        let wanted = reader.want_read();
        let consumed = reader.handle_received(piece)?;
        assert_eq!(consumed, wanted.min(piece.len()));
    }
    reader.handle_eof()?;
    Ok(reader.poll_digest().expect("an opening that is not short has a digest"))
}
