//! Text from strangers, made safe to show. Rule: whatever a peer chose (a name, a line, a header)
//! passes through [`Printable`] before a terminal, a log or a page shows it.

use std::fmt::{self, Write};

/// Shows bytes as text on one line: control characters, characters that change the direction of
/// text or have no width, and bytes that are not UTF-8 come out as escapes (`\x1b`, `\u{202e}`).
/// A backslash stays as it is, so this is for eyes, not for parsing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printable<T>(T);

impl<T: AsRef<[u8]>> Printable<T> {
    /// Wraps text or bytes.
    pub fn new(text: T) -> Self {
        Printable(text)
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_ref().utf8_chunks() {
            for char in chunk.valid().chars() {
                if is_hidden(char) {
                    escape(f, char)?;
                } else {
                    f.write_char(char)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, char: char) -> fmt::Result {
    match u32::from(char) {
        code @ 0..=0x7f => write!(f, "\\x{code:02x}"),
        code => write!(f, "\\u{{{code:x}}}"),
    }
}

/// Tells whether a character shows nothing of its own or changes how others are shown: controls
/// (C0, C1, line and paragraph separators), bidirectional controls, zero-width and invisible
/// characters, tags, private use and non-characters. The two selectors that choose between the
/// text and the picture form of an emoji are harmless, and stay.
///
/// # Source
/// Unicode 16.0, general categories Cc, Cf, Zl, Zp, Co and default-ignorable code points; Unicode
/// Technical Report 36.
#[must_use]
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: impl AsRef<[u8]>) -> String {
        Printable::new(bytes).to_string()
    }

    #[test]
    fn plain_text_of_any_script_is_left_alone() {
        for text in ["", "a b", "naïve café", "日本語", "שלום", "👍", "❤\u{fe0f}", "a\\b", "ﬁ"]
        {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        for (bytes, text) in [
            (&b"\x1b[2J"[..], r"\x1b[2J"),
            (b"a\r\nb\tc\0", r"a\x0d\x0ab\x09c\x00"),
            (b"\x7f", r"\x7f"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            ("exe\u{202e}gpj".as_bytes(), r"exe\u{202e}gpj"),
            ("a\u{200b}b\u{feff}".as_bytes(), r"a\u{200b}b\u{feff}"),
            ("\u{2028}\u{e0041}\u{10ffff}".as_bytes(), r"\u{2028}\u{e0041}\u{10ffff}"),
            (b"\xff\xfea\xc3", r"\xff\xfea\xc3"),
            (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        ] {
            assert_eq!(shown(bytes), text);
        }
    }
}
