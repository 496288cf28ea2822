//! Header fields by path: which rules are right, and which paths they match.
//!
//! ```text
//! glob = without a slash it is matched against the name, else against the path from the root
//!        `*` any bytes but a slash, `**` any bytes, `?` one byte but a slash
//! ```

use crate::proto::head::is_token;

/// Fields that say where an answer ends or whose it is; no rule may set them.
const RESERVED: &[&str] =
    &["connection", "content-length", "content-range", "date", "transfer-encoding", "upgrade"];

/// A header field for the paths that a glob matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    glob: String,
    name: String,
    value: String,
}

impl Rule {
    /// A rule that sets field `name` to `value` where `glob` matches.
    ///
    /// # Errors
    /// What is wrong, as a sentence's end.
    pub fn new(glob: &str, name: &str, value: &str) -> Result<Rule, String> {
        if glob.is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        if name.is_empty() || !name.bytes().all(|byte| is_token(&byte)) {
            return Err(format!("`{}` is no header field's name", name.escape_debug()));
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("the server itself sets {name}"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the value of {name} has control characters"));
        }
        Ok(Rule { glob: glob.to_owned(), name: name.to_owned(), value: value.trim().to_owned() })
    }

    /// Reads `GLOB: Name: value`.
    ///
    /// # Errors
    /// As for [`Rule::new`].
    pub fn parse(text: &str) -> Result<Rule, String> {
        let mut parts = text.splitn(3, ':').map(str::trim);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(glob), Some(name), Some(value)) => Rule::new(glob, name, value),
            _ => Err("write it like '*.html: Name: value'".to_owned()),
        }
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field's value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it is for `path` (decoded, from the root, no slash in front).
    pub fn is_for(&self, path: &[u8]) -> bool {
        let glob = self.glob.as_bytes();
        if glob.contains(&b'/') {
            return matches(glob.strip_prefix(b"/").unwrap_or(glob), path);
        }
        matches(glob, path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
    }
}

/// Matches with one place to come back to, for each kind of star: linear but for the two stars.
pub(crate) fn matches(glob: &[u8], path: &[u8]) -> bool {
    let (mut g, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut stars: Option<(usize, usize)> = None;
    loop {
        match glob.get(g) {
            Some(b'*') if glob.get(g + 1) == Some(&b'*') => {
                g += 2;
                (stars, star) = (Some((g, p)), None);
                continue;
            }
            Some(b'*') => {
                g += 1;
                star = Some((g, p));
                continue;
            }
            Some(b'?') if path.get(p).is_some_and(|&byte| byte != b'/') => {
                (g, p) = (g + 1, p + 1);
                continue;
            }
            Some(byte) if path.get(p) == Some(byte) => {
                (g, p) = (g + 1, p + 1);
                continue;
            }
            None if p == path.len() => return true,
            _ => {}
        }
        if let Some((after, at)) = star
            && path.get(at).is_some_and(|&byte| byte != b'/')
        {
            star = Some((after, at + 1));
            (g, p) = (after, at + 1);
        } else if let Some((after, at)) = stars
            && at < path.len()
        {
            (stars, star) = (Some((after, at + 1)), None);
            (g, p) = (after, at + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, path, expected) in [
            ("*", "a/b.css", true),
            ("*.css", "a/b.css", true),
            ("*.css", "b.css.map", false),
            ("b.*", "a/b.css", true),
            ("/*.css", "a/b.css", false),
            ("/*.css", "b.css", true),
            ("/a/*.css", "a/b.css", true),
            ("/a/**", "a/b/c.css", true),
            ("/a/**", "b/a/c", false),
            ("/**/c*s", "a/b/c.css", true),
            ("/**.css", "a/b/c.css", true),
            ("/a?c", "abc", true),
            ("/a?c", "a/c", false),
            ("/*/*/x", "a/b/x", true),
            ("/*/x", "a/b/x", false),
            ("/**/b*/x", "b1/c/b2/x", true),
            ("*a*a*b", "aaaaaaaaaaaaaaaa", false),
            ("**", "", true),
            ("/", "", true),
        ] {
            let rule = Rule::new(glob, "X", "y").unwrap();
            assert_eq!(rule.is_for(path.as_bytes()), expected, "{glob} for {path}");
        }
    }

    #[test]
    fn rules_are_checked() {
        let rule = Rule::parse("*.html: X-Frame-Options: DENY: x ").unwrap();
        assert_eq!((rule.name(), rule.value()), ("X-Frame-Options", "DENY: x"));
        for text in [
            "",
            "*.html",
            "*: X",
            ": X: y",
            "*: X Y: z",
            "*: : z",
            "*: Content-Length: 1",
            "*: connection: close",
            "*: X: a\r\nSet-Cookie: b",
        ] {
            assert!(Rule::parse(text).is_err(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_glob_without_stars_is_itself(path in "/[a-c/]{0,12}") {
            let rule = Rule::new(&path, "X", "y").unwrap();
            proptest::prop_assert!(rule.is_for(&path.as_bytes()[1..]));
        }

        #[test]
        fn no_glob_panics_or_hangs(glob in "[a*?/]{1,24}", path in "[a/]{0,64}") {
            let _ = Rule::new(&glob, "X", "y").unwrap().is_for(path.as_bytes());
        }
    }
}
