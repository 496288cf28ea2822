//! A request of hyper's as a head of ours: written as HTTP/1.1 and read by our own strict parser,
//! so that what is refused there is refused here.
//!
//! # Source
//! RFC 9113, sections 8.2.3 (cookies), 8.3.1 (`:authority` and `Host`).

use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::{Method, Request, Version};

use crate::config::Limits;
use crate::proto::head::Head;
use crate::proto::status::{PeerError, Status};

/// What a head has beside its fields and target, roughly.
const HEAD_BYTES_USUAL: usize = 512;

/// The head of `request`.
///
/// # Errors
/// What is wrong with it, with the status to answer.
pub(super) fn head_of<B: Body>(request: &Request<B>, limits: &Limits) -> Result<Head, PeerError> {
    let target = target(request);
    if target.len() > limits.target_bytes_max {
        return Err(PeerError::new(Status::URI_TOO_LONG, "the request target is too long"));
    }
    let mut raw = Vec::with_capacity(HEAD_BYTES_USUAL);
    let minor = if request.version() == Version::HTTP_10 { 0 } else { 1 };
    raw.extend_from_slice(format!("{} {target} HTTP/1.{minor}\r\n", request.method()).as_bytes());
    let is_http2 = request.version() == Version::HTTP_2;
    if is_http2 {
        field(b"host", authority(request)?, &mut raw);
    }
    let headers = request.headers();
    for (name, value) in headers {
        if !(is_http2 && (name == HOST || name == COOKIE)) {
            field(name.as_str().as_bytes(), value.as_bytes(), &mut raw);
        }
    }
    if is_http2 {
        // A cookie may come in pieces, and is one all the same.
        let cookies: Vec<&[u8]> =
            headers.get_all(COOKIE).iter().map(|part| part.as_bytes()).collect();
        if !cookies.is_empty() {
            field(b"cookie", &cookies.join(&b"; "[..]), &mut raw);
        }
    }
    if has_body_of_unknown_length(request, headers) {
        field(b"transfer-encoding", b"chunked", &mut raw);
    }
    raw.extend_from_slice(b"\r\n");
    if raw.len() > limits.head_bytes_max {
        let why = "the head is too large";
        return Err(PeerError::new(Status::REQUEST_HEADER_FIELDS_TOO_LARGE, why));
    }
    Head::parse(raw)
}

fn has_body_of_unknown_length<B: Body>(request: &Request<B>, headers: &HeaderMap) -> bool {
    let is_framed =
        [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| headers.contains_key(name));
    !request.body().is_end_stream() && !is_framed
}

fn field(name: &[u8], value: &[u8], raw: &mut Vec<u8>) {
    raw.extend_from_slice(name);
    raw.extend_from_slice(b": ");
    raw.extend_from_slice(value);
    raw.extend_from_slice(b"\r\n");
}

/// The target as HTTP/1.1 would have it.
fn target<B>(request: &Request<B>) -> String {
    let uri = request.uri();
    if request.version() == Version::HTTP_2 && request.method() != Method::CONNECT {
        return uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    }
    uri.to_string()
}

/// The host that HTTP/2 asks for: `:authority`, or `Host` where there is none.
fn authority<B>(request: &Request<B>) -> Result<&[u8], PeerError> {
    let mut hosts = request.headers().get_all(HOST).iter().map(|host| host.as_bytes());
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    match (authority, hosts.next(), hosts.next()) {
        (_, Some(_), Some(_)) => Err(PeerError::bad("more than one Host field")),
        (Some(authority), Some(host), None) if !authority.eq_ignore_ascii_case(host) => {
            Err(PeerError::bad("Host says something else than :authority"))
        }
        (Some(host), ..) | (None, Some(host), None) => Ok(host),
        (None, None, _) => Err(PeerError::bad("neither :authority nor Host")),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};
    use hyper::body::Bytes;

    use super::*;
    use crate::proto::head::Framing;

    fn read(request: hyper::http::request::Builder) -> Result<Head, PeerError> {
        let request = request.version(Version::HTTP_2).body(Empty::<Bytes>::new()).unwrap();
        head_of(&request, &Limits::default())
    }

    #[test]
    fn the_authority_is_the_host() {
        let get = |uri: &str| Request::get(uri);
        let head = read(get("https://hub:8443/a%20b?c")).unwrap();
        assert_eq!((head.host(), head.target()), (Some("hub:8443"), "/a%20b?c"));
        let head = read(get("https://hub/x").header("host", "HUB")).unwrap();
        assert_eq!(head.host(), Some("hub"));
        let head = read(get("/x").header("host", "other")).unwrap();
        assert_eq!(head.host(), Some("other"));
        for wrong in [
            get("/x"),
            get("https://hub/x").header("host", "other"),
            get("/x").header("host", "a").header("host", "a"),
            get("/x").header("host", "a b"),
            get("https://user@hub/x"),
        ] {
            assert_eq!(read(wrong).unwrap_err().status, Status::BAD_REQUEST);
        }
    }

    #[test]
    fn cookies_are_one_and_other_fields_stay_as_they_are() {
        let get = Request::get("https://hub/").header("cookie", "a=1").header("x-y", "1");
        let head = read(get.header("cookie", "b=2").header("x-y", "2")).unwrap();
        assert_eq!(head.only_field("cookie"), Some(&b"a=1; b=2"[..]));
        assert_eq!(head.fields_named("x-y").collect::<Vec<_>>(), [b"1", b"2"]);
    }

    #[test]
    fn a_body_has_its_length_or_none_is_known() {
        let framing = |request: hyper::http::request::Builder, body: &'static str| {
            let request = request.version(Version::HTTP_2).body(Full::new(Bytes::from(body)));
            head_of(&request.unwrap(), &Limits::default()).unwrap().framing()
        };
        let post = || Request::post("https://hub/");
        assert_eq!(framing(post(), ""), Framing::None);
        assert_eq!(framing(post(), "abc"), Framing::Chunked);
        assert_eq!(framing(post().header("content-length", "3"), "abc"), Framing::Length(3));
    }

    #[test]
    fn limits_are_those_of_every_head() {
        let long = format!("https://hub/{}", "a".repeat(8 * 1024));
        assert_eq!(read(Request::get(long)).unwrap_err().status, Status::URI_TOO_LONG);
        let large = Request::get("https://hub/").header("x", "a".repeat(32 * 1024));
        let too_large = Status::REQUEST_HEADER_FIELDS_TOO_LARGE;
        assert_eq!(read(large).unwrap_err().status, too_large);
        let mut many = Request::get("https://hub/");
        for index in 0..100 {
            many = many.header(format!("x-{index}"), "1");
        }
        assert_eq!(read(many).unwrap_err().status, too_large);
    }
}
