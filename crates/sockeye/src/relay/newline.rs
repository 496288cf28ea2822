//! LF as CR LF, across the borders of reads.

/// Converts a stream of text.
#[derive(Debug, Default)]
pub(crate) struct CrLf {
    /// The last byte was a CR.
    after_cr: bool,
}

impl CrLf {
    /// Puts a CR before every LF that has none.
    pub(crate) fn convert(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        for &byte in bytes {
            if byte == b'\n' && !self.after_cr {
                out.push(b'\r');
            }
            out.push(byte);
            self.after_cr = byte == b'\r';
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_gives_the_same() {
        let (text, expected) = (b"a\nb\r\nc\n\nd\r\re\n", b"a\r\nb\r\nc\r\n\r\nd\r\re\r\n");
        for cut in 0..=text.len() {
            let mut crlf = CrLf::default();
            let mut out = crlf.convert(&text[..cut]);
            out.extend(crlf.convert(&text[cut..]));
            assert_eq!(out, expected, "cut at {cut}");
        }
    }
}
