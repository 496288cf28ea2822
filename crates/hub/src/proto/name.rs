//! What a dropped file may be called: one component, visible, harmless on any system.

/// A name may have so many bytes; the rest of the 255 that file systems have is for a number.
pub const NAME_BYTES_MAX: usize = 240;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Empty, or of spaces and dots alone.
    #[error("a file needs a name")]
    Empty,
    /// More than 240 bytes.
    #[error("the name is longer than 240 bytes")]
    TooLong,
    /// Begins with a dot.
    #[error("a name must not begin with a dot")]
    Hidden,
    /// A slash, a backslash, a control character, or one that turns the direction of writing.
    #[error("the name holds a character that no file name should have")]
    Character,
}

/// Checks the name of a dropped file; spaces at its ends and dots at its end go.
///
/// # Errors
/// Why the name is refused.
pub fn checked(name: &str) -> Result<&str, NameError> {
    let name = name.trim().trim_end_matches(['.', ' ']);
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.starts_with('.') {
        return Err(NameError::Hidden);
    }
    if name.chars().any(is_bad) {
        return Err(NameError::Character);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    Ok(name)
}

/// The last component of a name that a browser gives with its folders.
pub fn last_component(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn is_bad(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["plan.pdf", "a b.txt", "grün 聊天.md", "x..y", "-rf", "a:b", "~chat"] {
            assert_eq!(checked(name), Ok(name));
        }
        assert_eq!(checked("  a.txt. "), Ok("a.txt"));
        assert_eq!(last_component("C:\\fakepath\\photos/a.jpg"), "a.jpg");
        assert_eq!(last_component("a.jpg"), "a.jpg");
    }

    #[test]
    fn names_cannot_leave_hide_or_deceive() {
        for empty in ["", " ", "...", ". ."] {
            assert_eq!(checked(empty), Err(NameError::Empty), "{empty:?}");
        }
        assert_eq!(checked("..a"), Err(NameError::Hidden));
        assert_eq!(checked(".bashrc"), Err(NameError::Hidden));
        for bad in ["a/b", "../a/", "a\\b", "a\0b", "a\nb", "a\u{202e}fdp.exe", "a\u{7f}"] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
        assert_eq!(checked(&"x".repeat(240)).map(str::len), Ok(240));
        assert_eq!(checked(&"x".repeat(241)), Err(NameError::TooLong));
    }
}
