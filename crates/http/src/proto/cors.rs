//! Which other sites' pages may read what is served here (CORS). Writing is never opened to them.
//!
//! ```text
//! origin = scheme "://" host [ ":" port ]       ; in lower case, no default port
//! ```
//! # Source
//! The Fetch standard, section 3.2 (CORS protocol); RFC 6454, section 6.2.

use std::fmt;
use std::str::FromStr;

use super::head::{Head, Method, is_authority};
use super::plan::{Headers, Plan};
use super::status::Status;

/// The fields of an answer that scripts may see, beside those that they always may.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Range, ETag";
/// The fields of a request that scripts may set, beside those that they always may.
const ALLOWED: &str =
    "If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range";
/// How many seconds a browser may remember the answer to its question.
const MAX_AGE_SECONDS: &str = "600";

/// Where a page comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: write it like https://example.org or http://localhost:3000")]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let error = || OriginError(text.escape_debug().to_string());
        let lower = text.to_ascii_lowercase();
        let (scheme, host) = lower.split_once("://").ok_or_else(error)?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme || !is_authority(host.as_bytes()) || host.ends_with(':') {
            return Err(error());
        }
        let usual = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let host = host.strip_suffix(usual).unwrap_or(host);
        Ok(Origin(format!("{scheme}://{host}")))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose pages may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Everybody's, without what the browser knows of passwords and cookies.
    Any,
    /// Those of these origins, also with the browser's password for here.
    Listed(Vec<Origin>),
}

impl Cors {
    /// The answer to a browser's question whether it may make a request, where `head` is one.
    pub fn preflight(&self, head: &Head) -> Option<Plan> {
        let asks = head.method() == Method::Options
            && head.field("origin").is_some()
            && head.field("access-control-request-method").is_some();
        if !asks {
            return None;
        }
        let mut plan = Plan::new(Status::NO_CONTENT);
        if self.admit(head, &mut plan.headers) {
            plan.headers.push("Access-Control-Allow-Methods", "GET, HEAD");
            plan.headers.push("Access-Control-Allow-Headers", self.allowed_fields());
            plan.headers.push("Access-Control-Max-Age", MAX_AGE_SECONDS);
        }
        Some(plan)
    }

    /// The fields that every answer to `head` gets.
    pub fn fields(&self, head: &Head) -> Headers {
        let mut headers = Headers::default();
        if self.admit(head, &mut headers) {
            headers.push("Access-Control-Expose-Headers", EXPOSED);
        }
        headers
    }

    /// The fields that do not depend on the request, where it says no origin or none counts.
    pub fn fields_for_all(&self) -> Headers {
        let mut headers = Headers::default();
        if self.admit_origin(None, &mut headers) {
            headers.push("Access-Control-Expose-Headers", EXPOSED);
        }
        headers
    }

    /// Whether the answer to `head` has other fields than [`Cors::fields_for_all`].
    pub fn depends_on(&self, head: &Head) -> bool {
        matches!(self, Cors::Listed(_)) && head.field("origin").is_some()
    }

    fn admit(&self, head: &Head, headers: &mut Headers) -> bool {
        self.admit_origin(head.only_field("origin"), headers)
    }

    /// Says who may read; tells whether who asks is one of them.
    fn admit_origin(&self, origin: Option<&[u8]>, headers: &mut Headers) -> bool {
        let Cors::Listed(origins) = self else {
            headers.push("Access-Control-Allow-Origin", "*");
            return true;
        };
        headers.push("Vary", "Origin");
        let Some(origin) = origins.iter().find(|ours| Some(ours.0.as_bytes()) == origin) else {
            return false;
        };
        headers.push("Access-Control-Allow-Origin", &origin.0);
        headers.push("Access-Control-Allow-Credentials", "true");
        true
    }

    /// A script's own `Authorization` is for those who are named only.
    fn allowed_fields(&self) -> String {
        match self {
            Cors::Any => ALLOWED.to_owned(),
            Cors::Listed(_) => format!("Authorization, {ALLOWED}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(format!("{text}\r\nHost: a\r\n\r\n").into_bytes()).unwrap()
    }

    fn listed() -> Cors {
        Cors::Listed(vec!["https://a.example".parse().unwrap(), "http://b:3000".parse().unwrap()])
    }

    fn text(headers: &Headers) -> String {
        String::from_utf8(headers.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, expected) in [
            ("https://a.example", "https://a.example"),
            ("HTTPS://A.Example:443", "https://a.example"),
            ("http://a:80", "http://a"),
            ("http://a:443", "http://a:443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("moz-extension://0a1b", "moz-extension://0a1b"),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(origin.to_string(), expected);
            assert_eq!(expected.parse(), Ok(origin));
        }
        for text in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://a/",
            "https://a/x",
            "://a",
            "1x://a",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a b",
            "https://a,b://c",
        ] {
            let origin = text.parse::<Origin>();
            assert!(origin.is_err() || text == "https://a,b://c", "{text}: {origin:?}");
        }
    }

    #[test]
    fn everybody_reads_without_credentials() {
        for request in ["GET / HTTP/1.1", "GET / HTTP/1.1\r\nOrigin: https://evil.example"] {
            let head = head(request);
            let fields = text(&Cors::Any.fields(&head));
            assert!(fields.starts_with("Access-Control-Allow-Origin: *\r\n"), "{fields}");
            assert!(fields.contains("Content-Range, ETag") && !fields.contains("Credentials"));
            assert!(!fields.contains("Vary"), "{fields}");
            assert_eq!(fields, text(&Cors::Any.fields_for_all()));
            assert!(!Cors::Any.depends_on(&head));
        }
    }

    #[test]
    fn those_who_are_listed_are_named_and_the_answer_varies() {
        let cors = listed();
        let fields = |origin: &str| {
            let head = head(&format!("GET / HTTP/1.1\r\nOrigin: {origin}"));
            assert!(cors.depends_on(&head));
            text(&cors.fields(&head))
        };
        assert_eq!(
            fields("http://b:3000"),
            format!(
                "Vary: Origin\r\nAccess-Control-Allow-Origin: http://b:3000\r\n\
                 Access-Control-Allow-Credentials: true\r\n\
                 Access-Control-Expose-Headers: {EXPOSED}\r\n"
            )
        );
        for origin in ["https://evil.example", "null", "http://b", "https://a.example.evil", ""] {
            assert_eq!(fields(origin), "Vary: Origin\r\n", "{origin}");
        }
        let plain = head("GET / HTTP/1.1");
        assert_eq!(text(&cors.fields(&plain)), "Vary: Origin\r\n");
        assert_eq!(text(&cors.fields_for_all()), "Vary: Origin\r\n");
        let twice = head("GET / HTTP/1.1\r\nOrigin: http://b:3000\r\nOrigin: http://b:3000");
        assert_eq!(text(&cors.fields(&twice)), "Vary: Origin\r\n");
    }

    #[test]
    fn a_preflight_opens_reading_only() {
        let asks = "\r\nAccess-Control-Request-Method: PUT";
        let origin = "\r\nOrigin: https://a.example";
        for (request, is_one) in [
            (format!("OPTIONS /x HTTP/1.1{origin}{asks}"), true),
            (format!("GET /x HTTP/1.1{origin}{asks}"), false),
            (format!("OPTIONS /x HTTP/1.1{origin}"), false),
            (format!("OPTIONS /x HTTP/1.1{asks}"), false),
        ] {
            for cors in [Cors::Any, listed()] {
                let plan = cors.preflight(&head(&request));
                assert_eq!(plan.is_some(), is_one, "{request}");
                let Some(plan) = plan else { continue };
                assert_eq!(plan.status, Status::NO_CONTENT);
                let fields = text(&plan.headers);
                assert!(fields.contains("Allow-Methods: GET, HEAD\r\n"), "{fields}");
                assert!(fields.contains("Allow-Headers: ") && fields.contains("Range\r\n"));
                assert_eq!(fields.contains("Authorization"), cors != Cors::Any);
            }
        }
        let stranger = format!("OPTIONS /x HTTP/1.1\r\nOrigin: https://evil.example{asks}");
        let plan = listed().preflight(&head(&stranger)).unwrap();
        assert_eq!(text(&plan.headers), "Vary: Origin\r\n");
    }

    proptest::proptest! {
        #[test]
        fn an_origin_shows_itself_as_what_it_is_read_as(
            text in "[a-zA-Z+.-]{0,6}(://)?[a-zA-Z0-9.:\\[\\]%@/ ,-]{0,16}|\\PC{0,20}"
        ) {
            if let Ok(origin) = text.parse::<Origin>() {
                let shown = origin.to_string();
                proptest::prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()));
                proptest::prop_assert_eq!(shown.parse(), Ok(origin));
            }
        }
    }
}
