//! The path below which everything is, where a proxy gives the server only a part of its names.

use std::str::FromStr;

use super::target::{Target, encode_segment};

/// A path that every address here starts with; none unless the operator says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath {
    /// Decoded, without slashes at its ends.
    path: Vec<u8>,
    /// As a link: encoded, a slash in front, none at the end.
    link: String,
}

/// Where a target is.
#[derive(Debug)]
pub(crate) enum Below {
    /// Below the path; what names something here.
    Inside(Target),
    /// The path without its slash; the target with it.
    Itself(Target),
    /// Elsewhere.
    Outside,
}

impl FromStr for BasePath {
    type Err = String;

    /// Reads `/a/b`, not percent-encoded.
    fn from_str(text: &str) -> Result<BasePath, String> {
        let path = text.strip_prefix('/').ok_or("a base path starts with a slash")?;
        // A slash alone is no base; a slash at the end is the one that every base has.
        let path = match path.strip_suffix('/') {
            Some("") => "/",
            Some(path) => path,
            None => path,
        };
        let mut base = BasePath { path: path.into(), link: String::new() };
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            let is_odd = |c: char| c.is_control() || c == '\\';
            if matches!(segment, "" | "." | "..") || segment.contains(is_odd) {
                return Err(format!("no address starts with {}", text.escape_debug()));
            }
            base.link.push('/');
            encode_segment(segment.as_bytes(), &mut base.link);
        }
        Ok(base)
    }
}

impl BasePath {
    /// As a link: encoded, with a slash at its end.
    pub fn link(&self) -> String {
        format!("{}/", self.link)
    }

    /// Says where `target` is, and takes the path off it.
    pub(crate) fn strip(&self, target: Target) -> Below {
        if self.path.is_empty() || target.is_server() {
            return Below::Inside(target);
        }
        let Some(rest) = target.path().strip_prefix(&*self.path) else { return Below::Outside };
        match rest {
            [] if !target.is_folder() => Below::Itself(target.moved(Vec::new(), &self.link)),
            [] => Below::Inside(target.moved(Vec::new(), &self.link)),
            [b'/', path @ ..] => {
                let path = path.to_vec();
                Below::Inside(target.moved(path, &self.link))
            }
            _ => Below::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::head::Method;

    fn stripped(base: &str, target: &str) -> String {
        let target = Target::parse(target, Method::Get).unwrap();
        match base.parse::<BasePath>().unwrap().strip(target) {
            Below::Inside(target) => String::from_utf8(target.path().to_vec()).unwrap(),
            Below::Itself(target) => format!("-> {}", target.folder_link()),
            Below::Outside => "outside".to_owned(),
        }
    }

    #[test]
    fn what_is_below() {
        for (base, target, expected) in [
            ("/", "/a", "a"),
            ("/x", "/x/a", "a"),
            ("/x", "/x/", ""),
            ("/x", "/x", "-> /x/"),
            ("/x/", "/x/a/b/", "a/b"),
            ("/x", "/xy/a", "outside"),
            ("/x", "/", "outside"),
            ("/x y/z", "/x%20y/z", "-> /x%20y/z/"),
            ("/x y/z", "/x%20y", "outside"),
        ] {
            assert_eq!(stripped(base, target), expected, "{target} below {base}");
        }
    }

    #[test]
    fn it_is_checked() {
        for text in ["", "x", "//", "//x", "/x//y", "/..", "/x/.", "/x\\y", "/x\n"] {
            assert!(text.parse::<BasePath>().is_err(), "{text:?}");
        }
        assert_eq!("/ü/".parse::<BasePath>().unwrap().link(), "/%C3%BC/");
        assert_eq!(BasePath::default().link(), "/");
    }
}
