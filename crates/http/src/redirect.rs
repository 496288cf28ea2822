//! Where else something is: which redirects are right, what they match, and where they lead.
//!
//! ```text
//! redirect = FROM "=" TO
//! FROM     = a pattern of paths as in rules, from its first slash on; `/` at its end counts
//! TO       = "/" path [ "?" query ] / "http://" … / "https://" … , percent-encoded
//! ```
//! Where both end with `/**`, what the one stands for is put in place of the other. The query of a
//! request is kept unless TO has one. The first redirect that matches counts.

use crate::proto::target::{Target, encode_segment};
use crate::rules::matches;

/// A redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Without the first slash.
    from: String,
    to: String,
    /// Whether the rest of the path is carried over: both then end with a slash.
    is_carried: bool,
}

impl Redirect {
    /// Reads `FROM=TO`.
    ///
    /// # Errors
    /// What is wrong, as a sentence's end.
    pub fn parse(text: &str) -> Result<Redirect, String> {
        let (from, to) = text.split_once('=').ok_or("write it like /old=/new")?;
        let from = from.strip_prefix('/').ok_or("what is redirected starts with a slash")?;
        check_to(to)?;
        let redirect = match (from.strip_suffix("**"), to.strip_suffix("**")) {
            (Some(from), Some(to)) if is_carrier(from) && to.ends_with('/') => {
                Redirect { from: from.to_owned(), to: to.to_owned(), is_carried: true }
            }
            (_, Some(_)) => {
                return Err("/** is kept where both sides end with it, as in \
                                        '/old/**=/new/**', and the left has no other star"
                    .to_owned());
            }
            _ => Redirect { from: from.to_owned(), to: to.to_owned(), is_carried: false },
        };
        if redirect.leads_to_itself() {
            return Err("it would lead to itself".to_owned());
        }
        Ok(redirect)
    }

    /// Where `target` is, if this is about it.
    pub(crate) fn location(&self, target: &Target) -> Option<String> {
        let path = path_of(target);
        let rest = match self.is_carried {
            true => path.strip_prefix(self.from.as_bytes())?,
            false => matches(self.from.as_bytes(), &path).then_some(&b""[..])?,
        };
        let mut location =
            if self.to.starts_with('/') { target.base().to_owned() } else { String::new() };
        location.push_str(&self.to);
        for (index, segment) in rest.split(|&byte| byte == b'/').enumerate() {
            if index > 0 {
                location.push('/');
            }
            encode_segment(segment, &mut location);
        }
        if let Some(query) = target.query().filter(|_| !self.to.contains('?')) {
            location.push('?');
            location.push_str(query);
        }
        Some(location)
    }

    /// Whether what it leads to is redirected by it again.
    fn leads_to_itself(&self) -> bool {
        let Some(to) = self.to.strip_prefix('/') else { return false };
        if self.is_carried {
            return to.starts_with(&self.from);
        }
        use crate::proto::head::Method;
        Target::parse(&self.to, Method::Get)
            .is_ok_and(|target| matches(self.from.as_bytes(), &path_of(&target)))
    }
}

/// The decoded path, with a slash at its end where the target has one.
fn path_of(target: &Target) -> Vec<u8> {
    let mut path = target.path().to_vec();
    if target.is_folder() && !path.is_empty() {
        path.push(b'/');
    }
    path
}

fn is_carrier(from: &str) -> bool {
    (from.is_empty() || from.ends_with('/')) && !from.contains(['*', '?'])
}

fn check_to(to: &str) -> Result<(), String> {
    let is_url = ["http://", "https://"].iter().any(|scheme| {
        to.strip_prefix(scheme).is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty())
    });
    // Browsers read a backslash as a slash, and two slashes as the start of a host.
    let is_path = to.starts_with('/') && !to.starts_with("//");
    if !is_url && !is_path {
        return Err(
            "it leads to a path with one slash in front, or to http:// or https://".to_owned()
        );
    }
    match to.bytes().find(|byte| !byte.is_ascii_graphic() || b"\\\"<>^`{|}".contains(byte)) {
        Some(_) => Err("what it leads to has to be percent-encoded".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::head::Method;

    fn location(redirect: &str, target: &str) -> Option<String> {
        let target = Target::parse(target, Method::Get).unwrap();
        Redirect::parse(redirect).unwrap().location(&target)
    }

    #[test]
    fn where_they_lead() {
        for (redirect, target, expected) in [
            ("/old=/new", "/old", Some("/new")),
            ("/old=/new", "/old/", None),
            ("/old=/new", "/older", None),
            ("/old/=/new/", "/old/", Some("/new/")),
            ("/a b=/new", "/a%20b", Some("/new")),
            ("/=/start/", "/", Some("/start/")),
            ("/old=/new", "/old?a=b", Some("/new?a=b")),
            ("/old=/new?x", "/old?a=b", Some("/new?x")),
            ("/*.php=/gone.html", "/a.php", Some("/gone.html")),
            ("/*.php=/gone.html", "/a/b.php", None),
            ("/**.php=/gone.html", "/a/b.php", Some("/gone.html")),
            ("/old/**=/new/**", "/old/a%20b/c", Some("/new/a%20b/c")),
            ("/old/**=/new/**", "/old/a/", Some("/new/a/")),
            ("/old/**=/new/**", "/old/", Some("/new/")),
            ("/old/**=/new/**", "/old", None),
            ("/old/**=/**", "/old/a", Some("/a")),
            ("/old/**=/new", "/old/a/b", Some("/new")),
            ("/**=https://example.org/**", "/a/b?c", Some("https://example.org/a/b?c")),
            ("/x=https://example.org", "/x", Some("https://example.org")),
        ] {
            assert_eq!(location(redirect, target).as_deref(), expected, "{redirect} for {target}");
        }
    }

    #[test]
    fn they_are_checked() {
        for text in [
            "",
            "/old",
            "old=/new",
            "/old=",
            "/old=new",
            "/old=//example.org",
            "/old=/\\example.org",
            "/old=javascript:alert(1)",
            "/old=ftp://example.org/",
            "/old=https://",
            "/old=https:///x",
            "/old=/a b",
            "/old=/\u{fc}",
            "/old=/a\r\nX: y",
            "/old=/new/**",
            "/a*/**=/new/**",
            // Without an end.
            "/old=/old",
            "/**=/new",
            "/*=/new?x",
            "/**=/new/**",
            "/a/**=/a/b/**",
        ] {
            assert!(Redirect::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_location_starts_with_two_slashes(
            from in "/[a*?/.]{0,6}", to in "/[a/*?.]{0,6}", target in "/[a./%2fF]{0,9}",
        ) {
            if let Ok(redirect) = Redirect::parse(&format!("{from}={to}"))
                && let Ok(target) = Target::parse(&target, Method::Get)
                && let Some(location) = redirect.location(&target)
            {
                prop_assert!(location.starts_with('/') && !location.starts_with("//"));
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
