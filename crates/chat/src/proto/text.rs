//! The text of a message: UTF-8 without NUL, CR and LF; what is shown on a terminal is cleaned
//! first.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What somebody said: valid UTF-8, no NUL, no line end. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Takes a text as it is, less NUL, CR and LF.
    pub fn new(text: &str) -> Text {
        if text.contains(['\0', '\r', '\n']) {
            let kept: String = text.chars().filter(|c| !matches!(c, '\0' | '\r' | '\n')).collect();
            return Text(kept.into());
        }
        Text(text.into())
    }

    /// The text as it was said; pass it through [`clean`] before a terminal sees it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a terminal would show nothing.
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(|c| c.is_whitespace() || is_hostile(c))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        Ok(Text::new(&String::deserialize(deserializer)?))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Appends `text` to `out` as a terminal may see it: a tab is a space; control characters and those
/// that turn the direction of writing are left out, so that a message is one line and only that.
///
/// Joiners stay (emoji and several scripts need them); names do not allow them.
pub fn clean(out: &mut String, text: &str) {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        if c == '\t' {
            out.push(' ');
        } else if !is_hostile(c) {
            out.push(c);
        }
    }
}

/// What acts on a terminal instead of being shown: C0, DEL and C1 controls, separators of lines,
/// embeddings, overrides and isolates of direction, and the byte order mark.
fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        let mut out = String::new();
        clean(&mut out, text);
        out
    }

    #[test]
    fn a_text_has_no_line_end_and_no_nul() {
        assert_eq!(Text::new("a\r\nb\0c").as_str(), "abc");
        assert_eq!(Text::new("grün 聊天").as_str(), "grün 聊天");
    }

    #[test]
    fn escapes_cannot_act_on_a_terminal() {
        assert_eq!(cleaned("\x1b[2J\x07hi\x7f\u{9b}31m"), "[2Jhi31m");
        assert_eq!(cleaned("a\tb"), "a b");
        assert_eq!(cleaned("safe\u{202e}txt.exe\u{2066}\u{2028}"), "safetxt.exe");
        assert_eq!(
            cleaned("👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم"),
            "👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم"
        );
    }

    #[test]
    fn a_text_of_controls_is_blank() {
        assert!(Text::new("\x1b\x07 \u{202e}").is_blank());
        assert!(!Text::new(" x").is_blank());
    }
}
