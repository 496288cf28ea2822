//! The request target: decoded once, split, each segment checked. What comes out names something
//! below the root or nothing at all.
//!
//! ```text
//! request-target = [ ( "http" / "https" ) "://" authority ] absolute-path [ "?" query ] / "*"
//! ```
//! # Source
//! RFC 9112, section 3.2; RFC 3986, sections 2.1 and 3.3.

use super::head::{Head, Method, is_authority};
use super::status::{PeerError, Status};

const NO_SUCH_NAME: PeerError = PeerError::new(Status::NOT_FOUND, "no such file");

/// A checked target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    path: Vec<u8>,
    is_folder: bool,
    query: Option<String>,
    host: Option<String>,
    is_server: bool,
    base: String,
}

impl Target {
    /// Reads the target of `head`.
    ///
    /// # Errors
    /// 400 where it is malformed, 404 where it can name nothing here (a `..`, an empty segment),
    /// 421 never: other hosts are a handler's business.
    pub fn of(head: &Head) -> Result<Target, PeerError> {
        Target::parse(head.target(), head.method())
    }

    /// Reads `target` as sent with `method`.
    ///
    /// # Errors
    /// As for [`Target::of`].
    pub fn parse(target: &str, method: Method) -> Result<Target, PeerError> {
        if target == "*" && method == Method::Options {
            let nothing = Target {
                path: Vec::new(),
                is_folder: true,
                query: None,
                host: None,
                is_server: true,
                base: String::new(),
            };
            return Ok(nothing);
        }
        if method == Method::Connect {
            return Err(PeerError::new(Status::NOT_IMPLEMENTED, "this server is not a proxy"));
        }
        // What starts with a slash has no scheme, whatever stands behind it.
        let scheme = Some(target).filter(|target| !target.starts_with('/'));
        let (host, rest) = match scheme.and_then(|target| target.split_once("://")) {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let (host, rest) = split_host(rest)?;
                (Some(host.to_owned()), rest)
            }
            _ => (None, target),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let path = match path.strip_prefix('/') {
            Some(path) => path,
            None if path.is_empty() && host.is_some() => "",
            None => return Err(PeerError::bad("malformed request target")),
        };
        if target.contains('#') {
            return Err(PeerError::bad("a fragment in the request target"));
        }
        let is_folder = path.is_empty() || path.ends_with('/');
        let (path, base) = (decode_path(path)?, String::new());
        Ok(Target { path, is_folder, query, host, is_server: false, base })
    }

    /// The target that names `path`, which is decoded, checked and without slashes at its ends.
    pub(crate) fn of_path(path: &[u8], is_folder: bool) -> Target {
        let (path, base) = (path.to_vec(), String::new());
        Target { path, is_folder, query: None, host: None, is_server: false, base }
    }

    /// The target that names `path` below the same base.
    pub(crate) fn sibling(&self, path: &[u8], is_folder: bool) -> Target {
        Target { base: self.base.clone(), ..Target::of_path(path, is_folder) }
    }

    /// The same with another path, below the base whose link is `base`; a folder where the path is
    /// empty.
    pub(super) fn moved(self, path: Vec<u8>, base: &str) -> Target {
        let is_folder = self.is_folder || path.is_empty();
        Target { path, is_folder, base: base.to_owned(), ..self }
    }

    /// The link of the base: empty, or with a slash in front and none at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The host of an absolute form, with its port where it has one. It counts more than `Host`
    /// (RFC 9112, section 3.2.2).
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The decoded path, relative to the root: no slash at either end, empty for the root.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The decoded segments of the path.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty())
    }

    /// Whether the path was empty or ended with a slash.
    pub fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// What stood after the first `?`, undecoded: printable ASCII.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Whether this is the `*` of `OPTIONS *`.
    pub fn is_server(&self) -> bool {
        self.is_server
    }

    /// Whether a segment starts with a dot and so is not shown, except for `/.well-known` itself.
    pub fn is_hidden(&self) -> bool {
        is_hidden_path(self.segments())
    }

    /// Whether the path is `prefix` or below it; `prefix` without slashes at its ends.
    pub fn is_under(&self, prefix: &str) -> bool {
        match self.path.strip_prefix(prefix.as_bytes()) {
            Some(rest) => prefix.is_empty() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }

    /// The path as a link, the base included: encoded, one slash before each segment and one after
    /// the last. It never starts with two slashes.
    pub fn folder_link(&self) -> String {
        let mut link = self.file_link();
        if !link.ends_with('/') {
            link.push('/');
        }
        link
    }

    /// As [`Target::folder_link`], without the last slash where there is a segment.
    pub(crate) fn file_link(&self) -> String {
        let mut link = self.base.clone() + "/";
        for (index, segment) in self.segments().enumerate() {
            if index > 0 {
                link.push('/');
            }
            encode_segment(segment, &mut link);
        }
        link
    }
}

/// Whether one of the names of a path from the root starts with a dot and so is not shown, except
/// for `/.well-known` itself.
pub fn is_hidden_path<'a>(segments: impl Iterator<Item = &'a [u8]>) -> bool {
    segments.enumerate().any(|(index, segment)| {
        segment.starts_with(b".") && !(index == 0 && segment == b".well-known")
    })
}

/// Either of HTTP's; that the other one is asked for is a handler's business.
fn is_scheme(scheme: &str) -> bool {
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Splits what follows the scheme into the host and the rest.
fn split_host(rest: &str) -> Result<(&str, &str), PeerError> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if is_authority(authority.as_bytes()) {
        Ok((authority, path))
    } else {
        Err(PeerError::bad("malformed host in the request target"))
    }
}

/// Decodes `path` (no slash in front), checks each segment, and drops the slash at the end.
fn decode_path(path: &str) -> Result<Vec<u8>, PeerError> {
    if path == "/" {
        return Err(NO_SUCH_NAME);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut decoded = Vec::with_capacity(path.len());
    if path.is_empty() {
        return Ok(decoded);
    }
    let mut names_nothing = false;
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            decoded.push(b'/');
        }
        let start = decoded.len();
        decode_segment(segment, &mut decoded)?;
        let segment = &decoded[start..];
        names_nothing |= matches!(segment, b"" | b"." | b"..") || segment.contains(&b'/');
    }
    if names_nothing { Err(NO_SUCH_NAME) } else { Ok(decoded) }
}

fn decode_segment(segment: &str, out: &mut Vec<u8>) -> Result<(), PeerError> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let (high, low) = (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit));
            match (high, low) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(PeerError::bad("malformed percent-encoding")),
            }
        } else {
            byte
        };
        if byte.is_ascii_control() || byte == b'\\' {
            return Err(PeerError::bad("a byte that no name here has"));
        }
        out.push(byte);
    }
    Ok(())
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends `segment` with everything but unreserved bytes percent-encoded (RFC 3986, section 2.3).
pub fn encode_segment(segment: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in segment {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(target: &str) -> Result<Target, PeerError> {
        Target::parse(target, Method::Get)
    }

    fn status(target: &str) -> u16 {
        get(target).map_or_else(|error| error.status.code(), |_| 200)
    }

    #[test]
    fn plain_targets_are_decoded_once() {
        let target = get("/a%20b/%2563.txt?x=%00/..").unwrap();
        assert_eq!(target.path(), b"a b/%63.txt");
        assert_eq!(target.query(), Some("x=%00/.."));
        assert!(!target.is_folder());
        assert!(get("/").unwrap().is_folder());
        assert_eq!(get("/sub/").unwrap().path(), b"sub");
        assert_eq!(get("/sub/").unwrap().folder_link(), "/sub/");
        assert_eq!(get("/").unwrap().folder_link(), "/");
    }

    #[test]
    fn the_absolute_form_is_read_and_its_host_checked() {
        assert_eq!(get("http://host:80/a?b").unwrap().path(), b"a");
        assert_eq!(get("HTTP://host").unwrap().path(), b"");
        assert_eq!(get("http://host?x").unwrap().query(), Some("x"));
        assert_eq!(status("http:///a"), 400);
        assert_eq!(status("http://user@host/a"), 400);
        assert_eq!(status("ftp://host/a"), 400);
    }

    #[test]
    fn only_options_has_the_asterisk_and_nothing_has_an_authority() {
        assert!(Target::parse("*", Method::Options).unwrap().is_server());
        assert_eq!(status("*"), 400);
        assert_eq!(status("host:80"), 400);
        let connect = Target::parse("host:80", Method::Connect).unwrap_err();
        assert_eq!(connect.status, Status::NOT_IMPLEMENTED);
    }

    #[test]
    fn ways_out_of_the_root_name_nothing() {
        for target in [
            "/../../etc/passwd",
            "//etc/passwd",
            "/%2e%2e/",
            "/%2E./x",
            "/..%2f",
            "/..%2F..%2Fetc",
            "/a/../b",
            "/a/./b",
            "/a//b",
            "//",
            "///",
            "/a/..",
            "/.",
        ] {
            assert_eq!(status(target), 404, "{target}");
        }
    }

    #[test]
    fn malformed_targets_are_400() {
        for target in
            ["/%", "/%2", "/%zz", "/%+1", "/%00", "/a%0Ab", "/a%7f", "/a\\b", "/%5c..", "/a#b", "a"]
        {
            assert_eq!(status(target), 400, "{target}");
        }
    }

    #[test]
    fn rfc9112_3_2_2_the_host_of_an_absolute_form_is_kept() {
        assert_eq!(get("http://b:80/x").unwrap().host(), Some("b:80"));
        assert_eq!(get("HTTP://[::1]?x").unwrap().host(), Some("[::1]"));
        assert_eq!(get("/http:b/").unwrap().host(), None);
    }

    #[test]
    fn dotfiles_are_hidden_except_well_known() {
        for (target, hidden) in [
            ("/.git/config", true),
            ("/a/.env", true),
            ("/%2egit/", true),
            ("/.well-known/acme", false),
            ("/.well-known/.secret", true),
            ("/a/.well-known/x", true),
            ("/a.b/c", false),
        ] {
            assert_eq!(get(target).unwrap().is_hidden(), hidden, "{target}");
        }
    }

    #[test]
    fn prefixes_end_at_a_segment() {
        assert!(get("/~chat").unwrap().is_under("~chat"));
        assert!(get("/~chat/ws").unwrap().is_under("~chat"));
        assert!(!get("/~chatter").unwrap().is_under("~chat"));
        assert!(get("/anything").unwrap().is_under(""));
    }

    proptest! {
        #[test]
        fn a_link_is_read_back_as_the_same_path(
            segments in proptest::collection::vec("[^/\\\\\u{0}-\u{1f}\u{7f}]{1,12}", 0..5)
        ) {
            prop_assume!(segments.iter().all(|segment| segment != "." && segment != ".."));
            let path = segments.join("/").into_bytes();
            let (query, host) = (None, None);
            let base = String::new();
            let target = Target { path, is_folder: true, query, host, is_server: false, base };
            let link = target.folder_link();
            prop_assert!(link.starts_with('/') && !link.starts_with("//"));
            prop_assert!(link.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(get(&link).unwrap(), target);
        }

        #[test]
        fn what_is_accepted_never_leaves_the_root(target in "/[a-c./%2eEfF\\\\]{0,24}") {
            if let Ok(target) = get(&target) {
                let path = target.path();
                prop_assert!(!path.starts_with(b"/") && !path.ends_with(b"/"));
                for segment in path.split(|&byte| byte == b'/').filter(|_| !path.is_empty()) {
                    prop_assert!(!matches!(segment, b"" | b"." | b".."));
                }
            }
        }
    }
}
