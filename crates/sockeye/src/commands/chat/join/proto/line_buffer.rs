//! Cuts what a server sends into lines, however it arrives. A line that is too long is cut off.

use super::text::decode;

/// Bytes of a line that has not ended yet.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    pending: Vec<u8>,
    bytes_max: usize,
    /// The rest of the line is left out.
    too_long: bool,
}

impl LineBuffer {
    /// One for lines of at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> LineBuffer {
        LineBuffer { pending: Vec::new(), bytes_max, too_long: false }
    }

    /// Takes what has come; gives the lines that end in it, without their ends.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.ends_with(b"\n");
            let text = if ends { &part[..part.len() - 1] } else { part };
            if !self.too_long {
                let free = self.bytes_max - self.pending.len();
                self.pending.extend_from_slice(&text[..text.len().min(free)]);
                self.too_long = text.len() > free;
            }
            if ends {
                let line = std::mem::take(&mut self.pending);
                lines.push(decode(line.strip_suffix(b"\r").unwrap_or(&line)));
                self.too_long = false;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockeye_testkit::every_split;

    #[test]
    fn lines_are_the_same_however_they_come() {
        let lines = every_split(b"one\r\ntw\xc3\xbc\n\r\nabcdefghijkl\nx", |parts| {
            let mut buffer = LineBuffer::new(10);
            parts.iter().flat_map(|part| buffer.take(part)).collect::<Vec<_>>()
        });
        assert_eq!(lines, ["one", "twü", "", "abcdefghij"]);
    }
}
