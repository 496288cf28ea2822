//! Bytes as a hex dump, with an offset that goes on from one call to the next.
//!
//! ```text
//! < 00000010  68 65 6c 6c 6f 0a                                |hello.|
//! ```

use std::fmt::Write;

/// How many bytes a line shows.
const LINE_BYTES: usize = 16;

/// One direction's dump.
#[derive(Debug)]
pub(crate) struct HexDump {
    direction: char,
    offset: u64,
}

impl HexDump {
    /// A dump whose lines start with `direction`.
    pub(crate) fn new(direction: char) -> HexDump {
        HexDump { direction, offset: 0 }
    }

    /// The lines of the next bytes; an empty datagram has one line of its own.
    pub(crate) fn lines(&mut self, bytes: &[u8]) -> String {
        if bytes.is_empty() {
            return format!("{} {:08x}\n", self.direction, self.offset);
        }
        let mut text = String::new();
        for line in bytes.chunks(LINE_BYTES) {
            // Writing into a String cannot fail.
            let _ = write!(text, "{} {:08x} ", self.direction, self.offset);
            for (at, byte) in line.iter().enumerate() {
                let gap = if at == LINE_BYTES / 2 { "  " } else { " " };
                let _ = write!(text, "{gap}{byte:02x}");
            }
            let gap = usize::from(line.len() <= LINE_BYTES / 2);
            let width = (LINE_BYTES - line.len()) * 3 + gap + 2;
            let shown: String = line.iter().map(|byte| shown(*byte)).collect();
            let _ = writeln!(text, "{:width$}|{shown}|", "");
            self.offset += u64::try_from(line.len()).unwrap_or(0);
        }
        text
    }
}

fn shown(byte: u8) -> char {
    if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_line_up_and_the_offset_goes_on() {
        let mut dump = HexDump::new('<');
        let text = dump.lines(b"0123456789abcdef\x1b[");
        assert_eq!(
            text,
            "< 00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n\
             < 00000010  1b 5b                                             |.[|\n"
        );
        assert_eq!(dump.lines(b""), "< 00000012\n");
        let text = dump.lines(b"12345678");
        let bar = "< 00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |".len() - 1;
        assert_eq!(text.find('|'), Some(bar), "{text}");
        assert!(text.starts_with("< 00000012"));
    }
}
