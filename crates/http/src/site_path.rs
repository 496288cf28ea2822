//! Paths from the root as operators write them: `/~health`, `/private`.

use std::fmt;
use std::str::FromStr;

/// A path that requests can ask for; without slashes at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePath(String);

/// Why a text is no such path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no path here: it begins with a slash, and has no empty, `.` or `..` segment, \
     no backslash and no control character"
)]
pub struct SitePathError(String);

impl SitePath {
    /// The decoded path, without slashes at its ends; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SitePath {
    type Err = SitePathError;

    fn from_str(text: &str) -> Result<SitePath, SitePathError> {
        let error = || SitePathError(text.escape_debug().to_string());
        let path = text.strip_prefix('/').ok_or_else(error)?;
        // `//` is no other way to write the root.
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
        let is_byte = |c: char| !c.is_ascii_control() && c != '\\';
        let is_path = path.is_empty() || path.split('/').all(is_segment);
        if is_path && path.chars().all(is_byte) {
            Ok(SitePath(path.to_owned()))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_requests_can_ask_for() {
        for (text, path) in [("/", ""), ("/~health", "~health"), ("/a/b/", "a/b"), ("/ü", "ü")] {
            assert_eq!(text.parse::<SitePath>().unwrap().as_str(), path);
        }
        for text in ["", "a", "//", "/a//b", "/.", "/a/../b", "/a\\b", "/a\nb"] {
            assert!(text.parse::<SitePath>().is_err(), "{text:?}");
        }
    }
}
